"""Which bumps may make each other's changes, and how one makes another's.

Whoever holds the same credential may do the same on the host; so the credential is the key. A change is
made by the same decision as its owner's, with the owner's conditions, and only if the result is what the
owner saw.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.edit.files import Files
from bootstrap.edit.requests import Group
from bootstrap.git import urls
from bootstrap.git.auth import Credential
from bootstrap.git.branch import Branch
from bootstrap.git.changes import FileChange
from bootstrap.image import queued
from bootstrap.image.conditions import ConditionChecks, Conditions
from bootstrap.image.plan import Outcome, Request
from bootstrap.image.queued import Asked

KEY = "BOOTSTRAP_BUMP_KEY"
"""A secret that pipelines with different tokens share, so that they may push for each other."""
_COMMIT = re.compile(r"(?:^|[^0-9A-Za-z])[0-9a-f]{7,40}(?:$|[^0-9A-Za-z])")

Decide = Callable[[Request, Files, ConditionChecks], Outcome]


def group_for(
    branch: Branch,
    credential: Credential,
    checks: ConditionChecks,
    decided: tuple[Request, Outcome],
    message: str,
    decide: Decide,
    output: Output,
) -> Group | None:
    """The group of a run with this decided change; None if nobody else could make it."""
    request, outcome = decided
    key = _key(branch, credential, output.invocation)
    if key is None or not _is_reproducible(request, checks.conditions):
        return None
    output.invocation.keep_secret(key)
    conditions = checks.conditions

    def write(author: str, committer: str, until: float) -> str:
        seen = queued.seen_of(outcome.changes)
        pins = dict(checks.pins)
        folders = tuple(sorted({_home(change.file) for change in outcome.changes}))
        times = (until, conditions.only_newer, conditions.built_at)
        asked = Asked(request, message, author, committer, seen, *times, pins, folders)
        return queued.written(asked, key, branch.shown, branch.branch)

    def read(text: str) -> Asked | None:
        return queued.read(text, key, branch.shown, branch.branch)

    def replay(text: str, files: Files) -> tuple[FileChange, ...] | None:
        if (asked := read(text)) is None:
            return None
        owners = _OnBranch(Conditions(only_newer=asked.only_newer, built_at=asked.built_at), output, branch)
        owners.pins.update(asked.pins or {})
        again = decide(asked.request, files, owners)
        return again.files if queued.seen_of(again.changes) == asked.seen else None

    return Group(queued.group_of(key, branch.shown, branch.branch), write, read, replay)


class _OnBranch(ConditionChecks):
    """ConditionChecks that read the branch's history, without the changes on top of it."""

    def __init__(self, conditions: Conditions, output: Output, branch: Branch) -> None:
        super().__init__(conditions, output)
        self._branch = branch

    def run(self, outcome: Outcome, files: Files) -> None:
        super().run(outcome, self._branch)


def _home(file: str) -> str:
    """The folder that is read to decide: the app's, or the file's own."""
    *folders, _ = file.split("/")
    ends = [number for number, name in enumerate(folders) if name in ("overlays", "environments", "envs")]
    return "/".join(folders[: ends[0]] if ends else folders)


def _is_reproducible(request: Request, conditions: Conditions) -> bool:
    """Whether another machine can decide the same: not if that takes other data, such as commit ancestry."""
    if request.verb != "Set" or request.like is not None:
        return False
    commits = any(_COMMIT.search(item.tag or "") for item in request.wanted)
    return not (conditions.only_newer and (conditions.source is not None or commits))


def _key(branch: Branch, credential: Credential, invocation: Invocation) -> str | None:
    """What everyone who may push the same has in common; "" if anyone may push; None if it is unknown."""
    if shared := invocation.environ.get(KEY):
        return shared
    url = str(getattr(branch, "url", branch.shown))
    if url.startswith(("file://", "/", ".")):
        return ""
    if urls.is_ssh(url):
        return credential.ssh_key.read_text("utf-8") if credential.ssh_key is not None else None
    if credential.token is not None:
        return credential.token
    patience = branch.calls.patience
    return "" if patience.anonymous and not patience.authenticated else None
