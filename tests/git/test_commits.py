"""Commits and folders' lists are read as git wrote them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap.git import commits, objects
from bootstrap.git.objects import Entry
from tests.git_repositories import Bare, git

ZERO = b"tree " + b"0" * 40 + b"\n"


def parsed(head: str, message: bytes) -> commits.Commit:
    return commits.parse("c" * 40, ZERO + head.encode() + b"\n\n" + message)


def test_a_commit_has_its_parents_people_and_times():
    found = parsed(
        "parent aaa\nparent bbb\nauthor Ada Müller <ada@example.org> 5 +0200\n"
        "committer Forge <forge@example.org> 1700000000 +0000\n"
        "gpgsig -----BEGIN SSH SIGNATURE-----\n parent x\n -----END SSH SIGNATURE-----",
        b"One\ntwo\n\nBody\n\nImage-Built-At: 2026-01-01\nSigned-off-by: x\n",
    )
    assert found.parents == ("aaa", "bbb")
    assert (found.author, found.email, found.when) == ("Ada Müller", "ada@example.org", 1700000000)
    assert (found.subject, found.built_at) == ("One two", "2026-01-01")


@pytest.mark.parametrize(
    ("message", "built_at"),
    [
        (b"Image-Built-At: 1\n", None),
        (b"Set\n\nimage-built-at:  2 \n", "2"),
        (b"Set\n\nImage-Built-At: 3\n\nMore\n", None),
        (b"Revert\n\nThis reverts\n> Image-Built-At: 4\n", None),
        (b"Set\n\nImage-Built-At:\n", None),
        (b"Set (#1)\n\n- a: b\n\nImage-Built-At: 5\n\nCo-authored-by: A <a@b>\n", "5"),
        (b"", None),
    ],
)
def test_only_a_trailer_says_when_it_was_built(message: bytes, built_at: str | None):
    assert parsed("author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000", message).built_at == built_at


def test_a_time_that_no_calendar_has_is_the_last_one_that_it_has():
    assert parsed("committer A <a@b> 99999999999999 +0000", b"One\n").when == 253402300799


def test_an_old_commit_in_another_encoding_is_read():
    raw = ZERO + "author Jürgen <j@b> 1 +0000\nencoding ISO-8859-1\n\nGrün".encode("latin-1")
    found = commits.parse("c" * 40, raw)
    assert (found.author, found.subject, found.when) == ("Jürgen", "Grün", 0)
    assert (
        commits.parse("c" * 40, ZERO + b"encoding no-such\n\nA \xff").subject == "A \N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize("format", ["sha1", "sha256"])
def test_a_name_is_found_in_a_list_as_the_whole_list_has_it(tmp_path: Path, format: str):
    bare = Bare(tmp_path / "host.git", format=format)
    names = [f"{letter}{number}" for letter in ("a", "b 1", "ü", "k.yaml") for number in range(200)]
    bare.commit({f"{name}/x" if number % 2 else name: name.encode() for number, name in enumerate(names)})
    tree = git(bare.folder, "rev-parse", "main^{tree}")
    raw = _tree(bare, tree)
    whole = dict(objects.entries(raw, len(tree) // 2))
    assert len(whole) == len(names)
    assert {name: commits.entry_in(raw, name, len(tree) // 2) for name in names} == whole
    assert commits.entry_in(raw, "a", len(tree) // 2) is None


def _tree(bare: Bare, sha: str) -> bytes:
    command = ["git", "-C", str(bare.folder), "cat-file", "tree", sha]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_an_id_that_looks_like_a_mode_is_none():
    """The last byte of an id before `40000` may be a digit, and a longer mode would begin there."""
    tree = b"40000 a\0" + b"x" * 19 + b"1" + b"40000 b\0" + b"y" * 20
    assert commits.entry_in(tree, "a", 20) == Entry("40000", (b"x" * 19 + b"1").hex())
    assert commits.entry_in(tree, "b", 20) == Entry("40000", (b"y" * 20).hex())


def test_our_own_commits_are_read_back(tmp_path: Path):
    bare = Bare(tmp_path / "host.git")
    tip = bare.commit({"a": b"a"})
    message = "Set web\n\nImage-Built-At: 2026-01-01T00:00:00Z\n"
    who = "Ci <ci@b.example> 7 +0000"
    new = objects.NewCommit((), message, who, who)
    stream = objects.import_stream("refs/heads/main", tip, [new], {})
    made = git(bare.folder, "fast-import", "--quiet", "--force", stdin=stream)
    found = commits.parse(made, (git(bare.folder, "cat-file", "commit", made) + "\n").encode())
    assert (found.author, found.when, found.built_at) == ("Ci", 7, "2026-01-01T00:00:00Z")
    assert found.parents == (tip,)
