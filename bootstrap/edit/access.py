"""Where the images' files are: a folder on this machine, its remote branch, or a repository by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import scratch
from bootstrap.core.errors import GitError, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.edit.worktree import WorkTree, locate
from bootstrap.git import credential
from bootstrap.git.branch import Branch


@dataclass(frozen=True)
class Access:
    """The options that say where the files are and who asks for them."""

    path: str | None = None
    repo: str | None = None
    branch: str | None = None
    username: str = "git"
    token_file: Path | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_file: Path | None = None


@contextmanager
def open_branch(access: Access, output: Output) -> Iterator[tuple[Branch, str]]:
    """A branch to read and push to, and the folder of it that PATH names ("" for all).

    With --repo that is the repository's; without, the one that the work tree around PATH follows.
    """
    known = credential.read(access, output.invocation, access.repo)
    if access.repo is None:
        from bootstrap.git.worktree import WorkTreeBranch

        root, under = locate(access.path or ".", Path.cwd())
        if not (root / ".git").exists():
            hint = "give --repo URL, or leave --push away to change the files alone"
            raise InputError("looking for the repository", f"{root} is no Git work tree", hint)
        branch: Branch = WorkTreeBranch(root, access.branch, known, output.invocation)
        try:
            yield branch, under
        finally:
            branch.close()
        return
    from bootstrap.git.thin import ThinBranch

    under = _inside(access.path)
    with _private_folder(output.invocation) as folder:
        branch = ThinBranch(
            access.repo, access.branch, known, output.invocation, folder, detail=output.detail
        )
        try:
            yield branch, under
        finally:
            branch.close()


def open_tree(access: Access) -> tuple[WorkTree, str]:
    """The files on this machine, and the part of them that PATH names."""
    if access.branch is not None:
        raise InputError(
            "reading the options", "--branch is of no use without --push or --repo", "leave it away"
        )
    root, under = locate(access.path or ".", Path.cwd())
    return WorkTree(root), under


def _inside(path: str | None) -> str:
    """PATH within a repository by URL."""
    parts = [part for part in (path or "").split("/") if part not in ("", ".")]
    if ".." in parts or ".git" in parts:
        hint = "give a folder or file relative to the repository's top"
        raise InputError("reading PATH", f"{path} leads out of the repository", hint)
    return "/".join(parts)


@contextmanager
def _private_folder(invocation: Invocation) -> Iterator[Path]:
    try:
        folder = scratch.take("git", invocation.environ.get("TMPDIR"))
    except OSError as error:
        hint = "make room (df -h), or set TMPDIR to a folder that has some"
        raise GitError("making a temporary folder", str(error), hint) from error
    try:
        yield folder
    finally:
        scratch.give_back(folder)
