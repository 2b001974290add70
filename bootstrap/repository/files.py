"""The files of a repository in a work tree: found, read within limits, identified by content."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bootstrap.core import git_refs
from bootstrap.core.errors import InputError
from bootstrap.manifests.reader import MAX_BYTES, Parsed, parse

SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".tox", ".terraform"}
MAX_FILES = 1_000_000
LONGEST = 4096
"""Characters of a path: Linux has none with more bytes."""
MOST_ASKED = 500
"""Paths without a file about which git is asked, one process each, whether it would ignore them."""
ROOM = 2_000_000
"""Bytes of files that stay in memory, parsed: about 20 times as much there. Most repositories have less."""
LINKED = "it is a link to a folder, which is not followed"
LOOKING = "reading the repository"
"""What was tried if files cannot be found."""

Stat = tuple[int, int, int, int]
"""Size in bytes, modification times of the content and of the inode in nanoseconds, inode."""
_SECOND = 1_000_000_000
_UNSETTLED = (0, 0, 0, 0)


@dataclass
class Files:
    """A repository's files by path from its root (with `/`), without what leads out of it.

    `links` are symbolic links that are not followed, path → why. `nested` are folders of Git repositories
    inside this one (submodules too) and `ignored` what git ignores: neither is read; `ignores` says whether
    would ignore a path. `linked` are links that are followed, path → file: a program that reads the file
    may refuse the link. `since` is when they were scanned, in nanoseconds.
    """

    root: Path
    stats: dict[str, Stat] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)
    nested: set[str] = field(default_factory=set)
    ignored: frozenset[str] = frozenset()
    ignores: Callable[[str], bool] = lambda _: False
    since: int = field(default_factory=time.time_ns)
    _folders: dict[str, list[str]] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _kept_out: dict[str, bool] = field(default_factory=dict)
    _parsed: dict[str, Parsed] = field(default_factory=dict)
    _stays: set[str] = field(default_factory=set)
    _room: int = field(default_factory=lambda: ROOM)

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        """The branches and tags of the repository that are not checked out."""
        return git_refs.elsewhere(self.root)

    def settled(self) -> dict[str, Stat]:
        """The state of every file, for the next run; not of those that changed during the scan.

        A second change within one tick of the file system's clock would leave the same times behind.
        """
        limit = self.since - _SECOND // 10
        return {
            path: stat
            if max(stat[1], stat[2]) + (0 if stat[2] % _SECOND else 2 * _SECOND) < limit
            else _UNSETTLED
            for path, stat in self.stats.items()
        }

    def has(self, path: str) -> bool:
        return path in self.stats

    def is_folder(self, path: str) -> bool:
        """Whether a folder exists; in a nested repository it may."""
        return path in self._folders or self.nested_in(path) is not None

    def nested_in(self, path: str) -> str | None:
        """The nested repository that a path is in."""
        return next((one for one in _around(path) if one in self.nested), None)

    def is_ignored(self, path: str) -> bool:
        """Whether git ignores a path, or a folder around it."""
        return any(one in self.ignored for one in _around(path))

    def keeps_out(self, path: str) -> bool:
        """Whether git would ignore a file that does not exist here, or the folder that it would be in."""
        folder = path.rpartition("/")[0]
        for one in (folder, path):
            if one and one not in self._kept_out and len(self._kept_out) < MOST_ASKED:
                self._kept_out[one] = not one.startswith("../") and self.ignores(one)
        return self._kept_out.get(folder, False) or self._kept_out.get(path, False)

    def children(self, folder: str) -> list[str]:
        """The files directly in a folder."""
        return self._folders.get(folder, [])

    def folders(self) -> list[str]:
        return list(self._folders)

    def named(self, name: str) -> list[str]:
        """The files of a name, in all folders, sorted."""
        end = f"/{name}"
        return sorted(path for path in self.stats if path == name or path.endswith(end))

    def below(self, folder: str) -> list[str]:
        """The files in a folder and its subfolders, sorted."""
        start = f"{folder}/" if folder else ""
        inside = (name for name in self._folders if name == folder or name.startswith(start))
        return sorted(path for name in inside for path in self._folders[name])

    def read(self, path: str) -> bytes:
        """A file's content; of a file that is too large, only enough to show that."""
        # A string path, as this happens thousands of times.
        with open(f"{self.root}/{path}", "rb", buffering=0) as stream:  # noqa: PTH123
            content = stream.read(MAX_BYTES + 1)
        if path not in self._ids and len(content) <= MAX_BYTES:
            self._ids[path] = hashlib.sha256(content).hexdigest()
        return content

    @cached_property
    def listing_id(self) -> str:
        """The checksum of all paths."""
        return hashlib.sha256("\0".join(sorted(self.stats)).encode("utf-8", "surrogateescape")).hexdigest()

    def content_id(self, path: str) -> str:
        """The checksum of the file's content (or its size if it is too large), and where a link leads."""
        if path not in self._ids:
            size = self.stats[path][0]
            self._ids[path] = (
                f"size-{size}" if size > MAX_BYTES else hashlib.sha256(self.read(path)).hexdigest()
            )
        to = self.linked.get(path)
        return self._ids[path] if to is None else f"{self._ids[path]} from {to}"

    def parsed(self, path: str) -> Parsed:
        """The file as YAML; cached, because kustomizations are read repeatedly."""
        found = self._parsed.get(path)
        if found is None:
            found = self._parsed[path] = parse(self.read(path), self.stats[path][0])
        return found

    def forget(self, path: str) -> None:
        """Drop a parsed file from the cache, where there is no room for it."""
        size = self.stats[path][0] if path in self.stats else ROOM
        if path in self._parsed and path not in self._stays:
            if size <= self._room:
                self._room -= size
                self._stays.add(path)
            else:
                del self._parsed[path]

    def take(self, other: Files, paths: Iterable[str]) -> None:
        """Take over what another revision's files are, parsed, where the content is the same."""
        self._parsed |= {path: other._parsed[path] for path in paths if path in other._parsed}

    def mapping(self, path: str) -> Mapping[str, Any] | None:
        """The file's only document, if it is a mapping."""
        documents = self.parsed(path).documents
        value = documents[0].value if len(documents) == 1 else None
        return value if isinstance(value, dict) else None


def _around(path: str) -> Iterator[str]:
    """The folders around a path, the outermost first, and itself; none of one that no file can have."""
    if len(path) <= LONGEST:
        yield from (path[:at] for at, character in enumerate(path) if character == "/")
        yield path


def scan(root: Path, ignored: frozenset[str] = frozenset()) -> Files:
    """Find every file of a folder except what is `ignored`; InputError when that fails.

    Symbolic links to files inside are followed; links to folders are not: a cycle would never end.
    """
    root = Path(os.path.realpath(root))
    if not root.is_dir():
        raise InputError(LOOKING, f"{root} is not a folder", "give a repository's folder")
    files = Files(root, nested=_submodules(root), ignored=ignored)
    top = str(root)
    pending = [""]
    while pending:
        folder = pending.pop()
        entries = _entries(f"{top}/{folder}")
        if folder and _apart(files, folder, entries):
            continue
        names = files._folders.setdefault(folder, [])
        start = f"{folder}/" if folder else ""
        for entry in entries:
            path = start + entry.name
            if path in ignored:
                continue
            if entry.is_symlink():
                _link(files, path, names)
            elif entry.is_dir():
                if entry.name not in SKIPPED:
                    pending.append(path)
            elif entry.is_file():
                stat = entry.stat()
                files.stats[path] = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
                names.append(path)
        if len(files.stats) > MAX_FILES:
            found = f"it has more than {MAX_FILES:,} files"
            raise InputError(LOOKING, found, "name the folder with the manifests")
    return files


MOST_SUBMODULES = 10_000


def _submodules(root: Path) -> set[str]:
    """The folders of submodules, including those that are not checked out."""
    file = root / ".gitmodules"
    text = ""
    if file.is_file():
        with file.open("rb") as stream:
            text = stream.read(MAX_BYTES).decode("utf-8", "replace")
    found: set[str] = set()
    for line in text.splitlines():
        key, _, path = line.partition("=")
        if key.strip() == "path" and len(found) < MOST_SUBMODULES:
            found.add(path.strip().strip('"/'))
    return found - {""}


def _apart(files: Files, folder: str, entries: list[os.DirEntry[str]]) -> bool:
    """Whether a folder is not part of this repository: a nested Git repository or a virtual environment."""
    for entry in entries:
        if entry.name == ".git":
            files.nested.add(folder)
            return True
        if entry.name == "pyvenv.cfg":
            return True
    if entries:  # a line in .gitmodules makes no submodule of files that git tracks
        files.nested.discard(folder)
    return folder in files.nested


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:  # thousands of times: no Path is created for each
            return list(entries)
    except PermissionError as error:
        raise InputError(LOOKING, str(error), "make the folder readable") from error


def _link(files: Files, path: str, names: list[str]) -> None:
    try:
        _follow(files, path, names)
    except OSError as error:  # it has vanished in the meantime, or is a cycle
        files.links[path] = f"it cannot be followed: {error.strerror}"


def _is_left_out(files: Files, target: str) -> bool:
    """Whether a path below the root is none of the repository's files: Git's own folder, or ignored."""
    return bool(SKIPPED.intersection(target.split("/"))) or files.is_ignored(target)


def _follow(files: Files, path: str, names: list[str]) -> None:
    target = Path(os.path.realpath(files.root / path))
    if files.root not in target.parents and target != files.root:
        files.links[path] = f"it leads out of the repository, to {(files.root / path).readlink()}"
    elif _is_left_out(files, target.relative_to(files.root).as_posix()):
        files.links[path] = f"it leads to {(files.root / path).readlink()}, which is not in Git"
    elif target.is_file():
        # The system follows fewer links, one after the other, than realpath.
        stat = (files.root / path).stat()
        files.linked[path] = target.relative_to(files.root).as_posix()
        files.stats[path] = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        names.append(path)
    elif target.is_dir():
        files.links[path] = LINKED
    else:
        files.links[path] = "it leads nowhere"
