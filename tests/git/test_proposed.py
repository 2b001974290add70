"""A proposal that says what it said before keeps its commits, whoever makes it again, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.git import objects
from bootstrap.git.changes import Commit, FileChange
from bootstrap.git.identity import Identity
from bootstrap.git.remote import Credential, open_remote
from tests.git_repositories import AUTHOR, Bare, git

HEAD = "bootstrap/proposal"
TRAILER = f"Proposed: {HEAD}"
OTHER = Identity("Grace Hopper", "grace@example.org")


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    bare = Bare(tmp_path / "gitops.git")
    bare.commit({"README.md": b"first\n"})
    return bare


def propose(bare: Bare, invocation: Invocation, author: Identity, text: bytes = b"a: 1\n") -> list[str]:
    """A commit beside the branch whose id is in the one that merges it; both, as they are on the host."""
    with open_remote(bare.url, "main", Credential(), invocation) as remote:
        tip = remote.observe().tip
        beside = Commit("Beside\n", (FileChange("catalog.yaml", text),), separate=True)
        side = remote.commit(None, beside, author, proposal=HEAD)
        top = Commit(f"Top\n\n{TRAILER}\n", (FileChange("record", side.encode()), FileChange("a", text)))
        made = remote.commit(tip, top, author, merged=side, proposal=HEAD)
        remote.replace_branch(made, HEAD, TRAILER)
    return git(bare.folder, "rev-parse", HEAD, f"{HEAD}^2").splitlines()


def test_what_is_proposed_again_by_someone_else_keeps_its_commits(bare: Bare, invocation: Invocation) -> None:
    first = propose(bare, invocation, AUTHOR)
    assert propose(bare, invocation, OTHER) == first
    assert git(bare.folder, "log", "-1", "--format=%an", HEAD) == AUTHOR.name


def test_on_a_newer_tip_what_is_beside_the_branch_stays(bare: Bare, invocation: Invocation) -> None:
    top, side = propose(bare, invocation, AUTHOR)
    tip = bare.commit({"README.md": b"second\n"})
    again = propose(bare, invocation, OTHER)
    assert again[0] != top
    assert again[1] == side
    assert git(bare.folder, "rev-parse", f"{HEAD}^1") == tip
    assert git(bare.folder, "fsck", "--no-dangling") == ""


def test_what_says_something_else_replaces_it(bare: Bare, invocation: Invocation) -> None:
    first = propose(bare, invocation, AUTHOR)
    again = propose(bare, invocation, AUTHOR, b"a: 2\n")
    assert set(again).isdisjoint(first)
    assert git(bare.folder, "show", f"{HEAD}:a") == "a: 2"


def test_a_signature_is_something_that_a_commit_says() -> None:
    plain = b"tree 1\nparent 2\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nText\n"
    later = plain.replace(b"> 1 ", b"> 2 ")
    signed = plain.replace(b"\n\n", b"\ngpgsig -----BEGIN\n x\n\n", 1)
    assert objects.said(plain) == objects.said(later)
    assert objects.said(plain) != objects.said(signed)
    assert objects.said(plain) != objects.said(plain.replace(b"parent 2", b"parent 3"))
