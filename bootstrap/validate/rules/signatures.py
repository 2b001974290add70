"""What AppProjects say about signatures, as Argo CD 3.6 reads it: policies that no revision can pass."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core.globs import glob
from bootstrap.resources.applications import sources
from bootstrap.resources.index import PROJECT, Resource, dig, mapping, mappings, sequence
from bootstrap.validate.rule import Apps, Problem, Rule, problem

NEVER = Rule(
    "GB233",
    "signatures-never-accepted",
    "error",
    "An AppProject requires signatures that no revision can have: its Applications are never synced.",
    "give the policy mode `head` or `strict`, and key IDs of 16 or 40 hexadecimal digits",
)
IGNORED = Rule(
    "GB234",
    "signature-keys-ignored",
    "warning",
    "An AppProject has `signatureKeys` and `sourceIntegrity.git`: Argo CD ignores `signatureKeys`.",
    "add the keys to the policies of sourceIntegrity, and remove signatureKeys",
)
_MODES = ("none", "head", "strict")
_KEY = re.compile(r"(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40})")
_POLICIES = ("spec", "sourceIntegrity", "git", "policies")


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    users: dict[str, dict[str, list[Resource]]] = defaultdict(lambda: defaultdict(list))
    for application in apps.applications:
        of_project = users[str(application.spec.get("project") or "default")]
        for source in sources(application.body):
            if source.chart is None and not source.repo_url.startswith("oci://"):
                of_project[source.repo_url].append(application)
    for project in apps.public.of(PROJECT):
        yield from _project(project, users[project.name])


def _project(project: Resource, users: Mapping[str, Sequence[Resource]]) -> Iterator[Problem]:
    integrity, old = project.spec.get("sourceIntegrity"), sequence(project.spec.get("signatureKeys"))
    if old and "git" in mapping(integrity):
        message = f"{project} has signatureKeys and sourceIntegrity.git"
        yield problem(IGNORED, project, message, "spec", "signatureKeys")
    elif old:
        keys = [str(mapping(one).get("keyID") or "") for one in old]
        yield from _keys(project, "signatureKeys", keys, ("spec", "signatureKeys"))
    policies = mappings(dig(project.body, *_POLICIES))
    for number, policy in enumerate(policies):
        gpg, name = mapping(policy.get("gpg")), f"policy {number + 1} of sourceIntegrity"
        place = (*_POLICIES, number, "gpg")
        mode = str(gpg.get("mode"))
        if "mode" in gpg and mode not in _MODES:
            message = f"{project}: {name} has the mode {mode}, which Argo CD does not know"
            yield problem(NEVER, project, message, *place, "mode", fix="set it to head, strict or none")
        elif "keys" in gpg and mode != "none":
            yield from _keys(project, name, [str(one) for one in sequence(gpg["keys"])], (*place, "keys"))
    for url, applications in users.items():
        fitting = [number for number, policy in enumerate(policies) if _is_for(policy, url)]
        if len(fitting) > 1:
            listed = " and ".join(str(number + 1) for number in fitting)
            more = f" and {len(applications) - 1} more" if len(applications) > 1 else ""
            message = (
                f"{project}: policies {listed} of sourceIntegrity are for {url}, of {applications[0]}{more}"
            )
            fix = "leave one policy for the repository (a URL with ! takes one out of a policy)"
            yield problem(NEVER, project, message, *_POLICIES, fitting[1], fix=fix)


def _keys(project: Resource, name: str, keys: Sequence[str], place: tuple[Any, ...]) -> Iterator[Problem]:
    """Keys that can never be matched: an error when none is left, else a warning."""
    wrong = [key for key in keys if not _KEY.fullmatch(key)]
    if not keys:
        yield problem(NEVER, project, f"{project}: {name} has no key", *place)
    elif wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"{project}: {name} has {wrong[0]!r}{more}, which is not the ID of a key"
        yield problem(NEVER, project, message, *place, level=None if len(wrong) == len(keys) else "warning")


def _is_for(policy: Mapping[str, Any], url: str) -> bool:
    """Whether a policy is for a repository: one pattern matches its URL as written, and none with ! does."""
    patterns = [str(one.get("url") or "") for one in mappings(policy.get("repos"))]
    if any(one.startswith("!") and glob(one[1:], crosses=True, classes=True)(url) for one in patterns):
        return False
    return any(glob(one, crosses=True, classes=True)(url) for one in patterns if not one.startswith("!"))
