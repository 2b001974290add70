"""Where the files are: a folder on this machine, its remote branch, or a repository by URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import scratch
from bootstrap.core.errors import GitError, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.edit.worktree import WorkTree, locate
from bootstrap.git import auth, credential, shallow, sparse
from bootstrap.git.auth import Credential
from bootstrap.git.branch import Branch
from bootstrap.git.history import Past
from bootstrap.git.run import Calls
from bootstrap.git.sparse import Outside


@dataclass(frozen=True)
class Access:
    """The options that say where the files are and how to log in."""

    path: str | None = None
    repo: str | None = None
    branch: str | None = None
    username: str | None = None
    token_file: Path | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_file: Path | None = None


@contextmanager
def open_branch(access: Access, output: Output, *, asks_past: bool = False) -> Iterator[tuple[Branch, str]]:
    """A branch to read and push to, and the folder in it that PATH names ("" for all).

    With --repo it is a branch of that repository, else the one that the work tree around PATH follows.
    """
    known = credential.read(access, output.invocation, access.repo)
    if access.repo is None:
        from bootstrap.git.worktree import WorkTreeBranch

        root, under = _locate(access.path or ".", output.invocation)
        if not (root / ".git").exists():
            hint = "give --repo URL, or omit --push to change only the files"
            raise InputError("looking for the repository", f"{root} is not a Git work tree", hint)
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
            access.repo,
            access.branch,
            known,
            output.invocation,
            folder,
            detail=output.detail,
            asks_past=asks_past,
        )
        try:
            yield branch, under
        finally:
            branch.close()


def open_tree(access: Access, invocation: Invocation | None = None) -> tuple[WorkTree, str]:
    """The files on this machine, and the part of them that PATH names."""
    if access.branch is not None:
        raise InputError("reading the options", "--branch has no effect without --push or --repo", "omit it")
    if invocation is None:
        root, under = locate(access.path or ".", Path.cwd())
        return WorkTree(root), under
    root, under = _locate(access.path or ".", invocation)
    known = credential.read(access, invocation)
    return WorkTree(root, known, _outside(root, known, invocation)), under


def _locate(path: str, invocation: Invocation) -> tuple[Path, str]:
    """As `locate`; PATH may also be what a sparse checkout has left out."""
    named = Path(os.path.normpath(Path.cwd() / path))
    if not os.path.lexists(named):
        root = next((place for place in named.parents if (place / ".git").exists()), None)
        outside = _outside(root, Credential(), invocation) if root is not None else None
        if root is not None and outside is not None:
            under = named.relative_to(root).as_posix()
            if outside.under(under):
                return root, under
    root, under = locate(path, Path.cwd())
    if bare := next((place for place in (root / under, *root.parents, root) if _is_bare(place)), None):
        hint = f"give --repo file://{bare}, or run it in a clone of it"
        raise InputError("looking for the files", f"{bare} is a bare repository, without files", hint)
    return root, under


def _is_bare(folder: Path) -> bool:
    """Whether a folder is a Git repository itself, not the top of a work tree."""
    return (
        not (folder / ".git").exists()
        and (folder / "HEAD").is_file()
        and (folder / "objects").is_dir()
        and (folder / "refs").is_dir()
    )


def _outside(root: Path, known: Credential, invocation: Invocation) -> Outside | None:
    if not sparse.is_sparse(root):
        return None
    calls = Calls(root, auth.plain_environment(invocation.environ), str(root))

    def store() -> Past:
        tip = calls.check_run(
            "reading the files outside the sparse checkout", "rev-parse", "HEAD^{commit}"
        ).text
        return shallow.past_of_head(calls, tip, known, invocation)

    return Outside(sparse.left_out(calls), store)


def _inside(path: str | None) -> str:
    """PATH within a repository by URL."""
    parts = [part for part in (path or "").split("/") if part not in ("", ".")]
    if ".." in parts or ".git" in parts:
        hint = "give a folder or file relative to the repository's root"
        raise InputError("reading PATH", f"{path} leads out of the repository", hint)
    return "/".join(parts)


@contextmanager
def _private_folder(invocation: Invocation) -> Iterator[Path]:
    try:
        folder = scratch.take("git", invocation.environ.get("TMPDIR"))
    except OSError as error:
        hint = "free disk space (df -h), or set TMPDIR to a folder that has some"
        raise GitError("making a temporary folder", str(error), hint) from error
    try:
        yield folder
    finally:
        scratch.give_back(folder)
