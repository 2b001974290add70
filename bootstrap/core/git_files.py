"""Whether git can read a repository's own files: it waits for a FIFO, and reads a device without an end.

A repository that was unpacked from an archive, or is in a folder that others may write to, has what they put
into `.git`. Nothing of git's own is anything but a plain file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bootstrap.core import plain_file
from bootstrap.core.errors import GitError, InputError

_SMALL = (
    *("HEAD", "commondir", "gitdir", "config", "config.worktree", "shallow", "ORIG_HEAD", "FETCH_HEAD"),
    *("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "info/exclude", "info/attributes", "info/grafts"),
    *("info/sparse-checkout", "objects/info/alternates"),
)
"""Git reads the whole of each."""
_LARGE = ("index", "packed-refs", "objects/info/commit-graph", "objects/pack/multi-pack-index")
"""Git maps these, whatever their size."""
_OF_WORK_TREE = (".gitignore", ".gitattributes", ".gitmodules", ".mailmap")
_REFS = 10_000
"""The most refs in files of their own that are looked at: an entry takes a few microseconds."""


def check(directory: Path) -> None:
    """Raise InputError when git, run in this folder, would wait for a FIFO or read a device or huge file."""
    top = next((one for one in (directory, *directory.parents) if os.path.lexists(one / ".git")), None)
    if top is None:
        if (directory / "objects").is_dir():  # a bare repository, such as one of our own
            _check_git(directory)
        return
    for name in _OF_WORK_TREE:
        _check(top / name, plain_file.MOST)
    _check_git(plain_file.git_folder(top))


def late(name: str, directory: object, seconds: float) -> GitError:
    """git did not end, though it waits for no host."""
    hint = (
        "check that no file it reads is a FIFO or a device: in .git, or named by its configuration"
        " (include.path, core.excludesFile); --verbose shows each call"
    )
    return GitError(f"running git {name}", f"it did not end within {seconds:.0f} s", hint, str(directory))


def _check_git(git: Path) -> None:
    common = plain_file.named_by(plain_file.text(git / "commondir", "surrogateescape"), git) or git
    for folder in {git: None, common: None}:
        for name in _SMALL:
            _check(folder / name, plain_file.MOST)
        for name in _LARGE:
            _check(folder / name, None)
        for number, path in enumerate(_below(folder / "refs")):
            if number == _REFS:
                break
            _check(path, plain_file.MOST)


def _below(folder: Path) -> Iterator[Path]:
    """Everything in a folder and its subfolders that is no folder."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(Path(entry.path))
                else:
                    yield Path(entry.path)
    except OSError:
        return  # missing, or not ours to read: git says so


def _check(path: Path, most: int | None) -> None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return  # missing, or not ours to read: git says so
    if stat.S_ISDIR(found.st_mode) or (
        stat.S_ISREG(found.st_mode) and (most is None or found.st_size <= most)
    ):
        return
    what = f"larger than {most >> 20} MB" if most and stat.S_ISREG(found.st_mode) else _kind(found.st_mode)
    hint = "remove it, or clone the repository again"
    raise InputError("reading the Git repository", f"{path.name} is {what}", hint, str(path))


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO: git would wait for it"
    return "a socket" if stat.S_ISSOCK(mode) else "a device: git would read it without an end"
