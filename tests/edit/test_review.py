"""Proposing a change on a Git host in trouble: it is waited for until the time is over, and pushed once.

The request itself, by the host's API, is opened on a real Gitea in tests/sandbox/image/test_review.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.core.errors import GitUnreachable
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.edit.push import Draft
from bootstrap.edit.review import Proposed, Review, propose
from bootstrap.git.auth import Credential, bound
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity
from bootstrap.git.thin import ThinBranch
from bootstrap.providers import PullRequest
from tests.git_http import Host, Trouble, serving
from tests.git_repositories import Bare, git

TOKEN = "a-token-of-a-test"
HEAD = "proposed/readme"
DRAFT = Draft((FileChange("README.md", b"new\n", b"old\n"),), "Say it anew\n")


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "root" / "host.git")
    made.commit({"README.md": b"old\n"})
    git(made.folder, "config", "http.receivepack", "true")
    return made


@pytest.fixture
def host(bare: Bare) -> Iterator[Host]:
    with serving(bare.folder.parent, TOKEN) as found:
        yield found


def run_it(host: Host, folder: Path, timeout: float) -> Proposed | None:
    invocation = Invocation()
    folder.mkdir()
    credential = bound(Credential(token=TOKEN), host.repository("host.git"))
    branch = ThinBranch(host.repository("host.git"), "main", credential, invocation, folder)
    opened = PullRequest(1, "https://host.example/1", True)
    api: Any = SimpleNamespace(pull_request=lambda *_: opened)
    who = Identity("Ci", "ci@example.org")
    try:
        return propose(
            branch, lambda: DRAFT, lambda: HEAD, Review(), lambda: who, api, Output(invocation), timeout
        )
    finally:
        branch.close()


@pytest.mark.parametrize("trouble", [(503, {}), "reset", "lost", "broken"])
def test_a_push_that_met_a_host_in_trouble_is_made_once(
    bare: Bare, host: Host, tmp_path: Path, trouble: Trouble
) -> None:
    once: list[Trouble] = [trouble]
    host.trouble = lambda asked: once.pop() if asked.pushes and once else None
    proposed = run_it(host, tmp_path / "own", 600)
    assert proposed is not None
    assert once == []
    assert git(bare.folder, "rev-list", "--count", f"main..{HEAD}") == "1"
    assert git(bare.folder, "show", f"{HEAD}:README.md") == "new"
    assert proposed.commit in (None, git(bare.folder, "rev-parse", HEAD))


def test_a_host_that_stays_in_trouble_is_given_up_when_the_time_is_over(
    bare: Bare, host: Host, tmp_path: Path
) -> None:
    host.trouble = lambda asked: (503, {}) if asked.token else None
    with pytest.raises(GitUnreachable, match=r"503.* \((1 try|\d+ tries) in \d+ s\)"):
        run_it(host, tmp_path / "own", 3)
    assert git(bare.folder, "for-each-ref", f"refs/heads/{HEAD}") == ""
