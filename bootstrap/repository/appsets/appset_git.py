"""Pure: the folders and files of a repository that an ApplicationSet's git generator selects."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bootstrap.core import globs
from bootstrap.repository.appsets.appset_template import Refused
from bootstrap.repository.kustomize import Tree


class Readable(Tree, Protocol):
    """A repository's files, which can also be read as YAML."""

    def parsed(self, path: str) -> Any: ...


def directories(tree: Tree, wanted: Sequence[Mapping[str, Any]]) -> list[str]:
    """The folders that patterns select: none that begins with a dot, and none below such a folder.

    Patterns are those of Go's path.Match: a star stays within a folder's name.
    """
    rules = [(_match(str(item.get("path") or "")), item.get("exclude") is True) for item in wanted]
    folders = {folder for path in tree.below("") for folder in _parents(path)}
    chosen = []
    for folder in sorted(folders, key=lambda one: one.split("/")):
        if any(part.startswith(".") for part in folder.split("/")):
            continue
        hits = [exclude for pattern, exclude in rules if pattern is not None and pattern(folder)]
        if hits and not any(hits):
            chosen.append(folder)
    return chosen


def files(tree: Readable, wanted: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, content) of the files that patterns select; a file with a list gives several.

    A star stays within a name, `**` crosses folders; braces and brackets are alternatives.
    """
    takes = [_doublestar(str(item.get("path") or "")) for item in wanted if item.get("exclude") is not True]
    leaves = [_doublestar(str(item.get("path") or "")) for item in wanted if item.get("exclude") is True]
    for path in tree.below(""):
        if not any(one(path) for one in takes) or any(one(path) for one in leaves):
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
    raise Refused(f"its generator reads {path}, which is neither a mapping nor a list of mappings")


def _parents(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


_PIECES = re.compile(r"\\.|\[[^\]]*\]|\*+|\?", re.DOTALL)


_Tokens = list[tuple[str, bool]]
_ANY_FOLDERS, _ANYTHING = ("[^/]+/", True), (".", True)


def _match(text: str) -> globs.Matches | None:
    """A pattern of path.Match; None for an invalid one, which matches nothing."""
    tokens = _tokens(text)
    return globs.of_tokens(tokens) if tokens is not None else None


def _doublestar(text: str) -> globs.Matches:
    """A pattern of doublestar, from the repository's root."""
    clean = posixpath.normpath(text.lstrip("/")) if text else ""
    choices = [globs.of_tokens(tokens) for part in _braces(clean) if (tokens := _crossing(part)) is not None]
    return lambda path: any(matches(path) for matches in choices)


def _crossing(text: str) -> _Tokens | None:
    """A pattern without braces in which `**` crosses folders; None for an invalid one."""
    parts = text.split("/")
    found: _Tokens = []
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            wanted = _ANYTHING if last else _ANY_FOLDERS
            found += [wanted] if found[-1:] != [wanted] else []
            continue
        tokens = _tokens(part)
        if tokens is None:
            return None
        found += [*tokens, *([] if last else [("/", False)])]
    return found


def _tokens(text: str) -> _Tokens | None:
    """One expression for each character; None for a pattern that is invalid in Go."""
    found: _Tokens = []
    position = 0
    for match in _PIECES.finditer(text):
        found += [(re.escape(letter), False) for letter in text[position : match.start()]]
        piece = match[0]
        if piece[0] == "\\":
            found.append((re.escape(piece[1]), False))
        elif piece[0] == "[":
            inner = _class(piece)
            if inner is None:
                return None
            found.append((inner, False))
        else:
            found.append(("[^/]", piece[0] == "*"))
        position = match.end()
    return found + [(re.escape(letter), False) for letter in text[position:]]


def _class(piece: str) -> str | None:
    """A character class as a regular expression; None for an invalid one."""
    negated = piece[1:2] in ("^", "!")
    inner = piece[2 if negated else 1 : -1]
    text = f"[{'^/' if negated else ''}{inner}]"
    try:
        re.compile(text)
    except re.error:
        return None
    return text if inner else None


_CHOICES = 1000
"""The most patterns that the braces of one may expand to: more are never intended."""


def _braces(text: str) -> list[str]:
    """`a{b,c}` as `ab` and `ac`. Raises Refused for braces that expand to too many patterns."""
    found = [text]
    while any(_BRACES.search(one) for one in found):
        following: list[str] = []
        for one in found:
            match = _BRACES.search(one)
            if match is None:
                following.append(one)
                continue
            start, end = one[: match.start()], one[match.end() :]
            following += [start + choice + end for choice in match[1].split(",")]
        if len(following) > _CHOICES:
            raise Refused(f"the braces of its pattern {text[:60]} expand to more than {_CHOICES:,} patterns")
        found = following
    return found


_BRACES = re.compile(r"\{([^{}]*)\}")
