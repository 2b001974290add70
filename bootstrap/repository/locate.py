"""Where the repository of a folder begins: paths in Applications are relative to that."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.core.names import RECORD
from bootstrap.git import revisions
from bootstrap.manifests.reader import MAX_BYTES
from bootstrap.repository.files import SKIPPED

_ENOUGH = 200
"""The most Applications whose paths are looked up to see what they are relative to."""
_APPLICATION = re.compile(rb"^kind:\s*[\"']?(?:Application|ApplicationSet)\b", re.MULTILINE)
_PATH = re.compile(rb"^[ \t-]*\{?[ \t]*path:[ \t]*[\"']?([\w./-]+)[\"']?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """A repository's root, and the folder below it that is meant ("" for all of it)."""

    top: Path
    within: str = ""


def locate(path: Path, invocation: Invocation) -> Place:
    """The repository of a folder: its Git work tree, or the folder with `bootstrap.yaml` at its root.

    A folder of a work tree is a separate repository if it is not part of that one (git ignores it), or
    if the paths in its Applications are relative to it: an example, a test's fixture.
    """
    path = Path(os.path.realpath(path))
    top = next((one for one in (path, *path.parents) if (one / ".git").exists()), None)
    if top is None:
        top = next((one for one in (path, *path.parents) if _is_layout(one)), None)
    elif top != path and _is_foreign(top, path, invocation):
        return Place(path)
    if top is None or top == path or _counts_from(path, top):
        return Place(path)
    return Place(top, path.relative_to(top).as_posix())


def _is_layout(folder: Path) -> bool:
    return (folder / RECORD).is_file() and (folder / "clusters").is_dir()


def _is_foreign(top: Path, path: Path, invocation: Invocation) -> bool:
    """Whether a folder only happens to be in a work tree: ignored, or untracked in a home folder."""
    if revisions.is_ignored(top, path, invocation):
        return True
    return top == Path(os.path.realpath(Path.home())) and not revisions.has_tracked(top, path, invocation)


def _counts_from(path: Path, top: Path) -> bool:
    """Whether more paths in a folder's Applications exist relative to it than relative to the root."""
    from_path = from_top = 0
    for number, name in enumerate(_sources(path)):
        if number == _ENOUGH:
            break
        from_path += (path / name).is_dir()
        from_top += (top / name).is_dir()
    return from_path > from_top


def _sources(folder: Path) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            if not name.endswith((".yaml", ".yml")):
                continue
            for found in _PATH.finditer(_application(Path(here) / name)):
                inner = posixpath.normpath(found[1].decode().strip("/") or ".")
                if inner != "." and not inner.startswith(".."):
                    yield inner


def _application(file: Path) -> bytes:
    """The content of a file with an Application; b"" for any other."""
    try:
        if not file.is_file():
            return b""
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES)
    except OSError:
        return b""
    return content if _APPLICATION.search(content) else b""
