"""Pure: the folders and files of a repository that an ApplicationSet's git generator takes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bootstrap.repository.appset_template import Refused
from bootstrap.repository.kustomize import Tree


class Readable(Tree, Protocol):
    """A repository's files that can be read as YAML too."""

    def parsed(self, path: str) -> Any: ...


def directories(tree: Tree, wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    """The folders that patterns choose: none that begins with a dot, nor below one.

    Patterns are those of Go's path.Match: a star stays within a folder's name.
    """
    rules = [(_match(str(item.get("path") or "")), item.get("exclude") is True) for item in wanted]
    folders = {folder for path in tree.below("") for folder in _parents(path)}
    chosen = []
    for folder in sorted(folders, key=lambda one: one.split("/")):
        if any(part.startswith(".") for part in folder.split("/")):
            continue
        hits = [exclude for pattern, exclude in rules if pattern is not None and pattern.fullmatch(folder)]
        if hits and not any(hits):
            chosen.append(folder)
    return chosen


def files(tree: Readable, wanted: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, what it says) of the files that patterns choose; one with a list gives several.

    A star stays within a name, `**` crosses folders; braces and brackets choose.
    """
    takes = [_doublestar(str(item.get("path") or "")) for item in wanted if item.get("exclude") is not True]
    leaves = [_doublestar(str(item.get("path") or "")) for item in wanted if item.get("exclude") is True]
    for path in tree.below(""):
        if not any(one.fullmatch(path) for one in takes) or any(one.fullmatch(path) for one in leaves):
            continue
        for content in _contents(tree, path):
            yield path, content


def _contents(tree: Readable, path: str) -> list[Mapping[str, Any]]:
    parsed = tree.parsed(path)
    if any(fault.code != "duplicate" for fault in parsed.faults):
        raise Refused(f"its generator cannot read {path} as YAML")
    value = parsed.documents[0].value if parsed.documents else None
    if value is None:
        return [{}]
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise Refused(f"its generator takes {path}, which is neither a mapping nor a list of mappings")


def _parents(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


_PIECES = re.compile(r"\\.|\[[^\]]*\]|\*+|\?", re.DOTALL)


def _match(text: str) -> re.Pattern[str] | None:
    """A pattern of path.Match; None for one that Go calls bad, which matches nothing."""
    return _compiled(text, lambda piece: "[^/]*" if piece[0] == "*" else "[^/]")


def _doublestar(text: str) -> re.Pattern[str]:
    """A pattern of doublestar, from the repository's top."""
    clean = posixpath.normpath(text.lstrip("/")) if text else ""
    alternatives = "|".join(_one(part) for part in _braces(clean))
    return re.compile(f"(?:{alternatives})")


def _one(text: str) -> str:
    """One pattern without braces, as a regular expression."""
    parts = text.split("/")
    out = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            out += ".*" if last else "(?:[^/]+/)*"
            continue
        compiled = _compiled(part, lambda piece: "[^/]*" if piece[0] == "*" else "[^/]")
        out += (compiled.pattern if compiled else "(?!)") + ("" if last else "/")
    return out


def _compiled(text: str, wild: Any) -> re.Pattern[str] | None:
    out, position = "", 0
    for match in _PIECES.finditer(text):
        out += re.escape(text[position : match.start()])
        piece = match[0]
        if piece[0] == "\\":
            out += re.escape(piece[1])
        elif piece[0] == "[":
            negated = piece[1:2] in ("^", "!")
            inner = piece[2 if negated else 1 : -1]
            if not inner:
                return None
            out += f"[{'^/' if negated else ''}{inner}]"
        else:
            out += wild(piece)
        position = match.end()
    out += re.escape(text[position:])
    try:
        return re.compile(out)
    except re.error:
        return None


def _braces(text: str) -> list[str]:
    """`a{b,c}` as `ab` and `ac`."""
    match = re.search(r"\{([^{}]*)\}", text)
    if match is None:
        return [text]
    return [
        one
        for choice in match[1].split(",")
        for one in _braces(text[: match.start()] + choice + text[match.end() :])
    ]
