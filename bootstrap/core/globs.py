"""Pure: patterns from a repository, matched in bounded time: globs and regular expressions.

Python's own engine backtracks: a short pattern can keep it busy forever. Go's engine,
which is what kustomize and Argo CD use, does not.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache

Matches = Callable[[str], bool]
_FEW = 2
"""The most unbounded parts in a pattern with which Python's engine is fast enough."""
_LONG = 1000
"""Characters of an expression, or of its subject, beyond which the result is unknown."""


def glob(text: str, crosses: bool, classes: bool = False) -> Matches:
    """A test whether a whole path matches: `**/` and `**` cross folders, `*` and `?` only with `crosses`.

    `classes`: `[a-z]` is supported, too.
    """
    return of_tokens(_tokens(text, crosses, classes))


def of_tokens(tokens: list[tuple[str, bool]]) -> Matches:
    """A test whether a whole text matches tokens: an expression for a character (or folder) each, and
    whether it may repeat."""
    if sum(repeats for _, repeats in tokens) > _FEW:
        return lambda path: _walk(tokens, path)
    pattern = "".join(f"(?:{one})*" if repeats else one for one, repeats in tokens)
    compiled = re.compile(pattern, re.DOTALL)
    return lambda path: compiled.fullmatch(path) is not None


def _tokens(text: str, crosses: bool, classes: bool) -> list[tuple[str, bool]]:
    """One expression per character (or folder), and whether it may repeat any number of times."""
    inside = "." if crosses else "[^/]"
    meaning = {"**/": ("[^/]*/", True), "**": (".", True), "*": (inside, True), "?": (inside, False)}
    found: list[tuple[str, bool]] = []
    for piece in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])" if classes else r"(\*\*/|\*\*|\*|\?)", text):
        if piece in meaning:
            if found[-1:] != [meaning[piece]] or not meaning[piece][1]:
                found.append(meaning[piece])
        elif classes and piece.startswith("[") and _is_class(piece):
            found.append((piece, False))
        else:
            found += [(re.escape(letter), False) for letter in piece]
    return found


def _is_class(piece: str) -> bool:
    return piece.endswith("]") and len(piece) > 2 and _compiled(piece) is not None


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """None for what is malformed or ambiguous, such as `[[:alpha:]]`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return re.compile(pattern)
        except (re.error, OverflowError, RecursionError, Warning):
            return None


def _walk(tokens: list[tuple[str, bool]], path: str) -> bool:
    """Whether the path matches: all possible positions in the pattern are followed at once."""
    patterns = [(re.compile(one, re.DOTALL), repeats) for one, repeats in tokens]
    ends = {number: {0} if number == 0 else set() for number in range(len(path) + 1)}
    for start in range(len(path) + 1):
        states = ends[start]
        pending = list(states)
        while pending:
            state = pending.pop()
            if state == len(patterns):
                continue
            pattern, repeats = patterns[state]
            if repeats and state + 1 not in states:
                states.add(state + 1)
                pending.append(state + 1)
            match = pattern.match(path, start)
            if match is not None and match.end() > start:
                ends[match.end()].add(state if repeats else state + 1)
    return len(patterns) in ends[len(path)]


@cache
def expression(pattern: str) -> re.Pattern[str] | None:
    """A regular expression to search for in a name; None when its result would be unknown.

    That is an expression that Python does not support, or a slow one: with a repeated group, or with
    several repetitions and choices.
    """
    if len(pattern) > _LONG or _choices(pattern) > _FEW:
        return None
    return _compiled(pattern)


def fits(pattern: str, value: str, whole: bool) -> bool | None:
    """Whether an expression matches a value, or (not `whole`) a part of it; None when that is unknown."""
    compiled = expression(pattern)
    if compiled is None or len(value) > _LONG:
        return None
    return bool(compiled.fullmatch(value) if whole else compiled.search(value))


_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_REPEAT = re.compile(r"[*+?]|\{\d*,?\d*\}")


def _choices(pattern: str) -> int:
    """How many repetitions and choices an engine has to try; many when a group is repeated."""
    found, place, before = 0, 0, ""
    while place < len(pattern):
        repeat = _REPEAT.match(pattern, place)
        if repeat is not None and before and before != "(":
            found += 1 + (_FEW if before == ")" else 0)
            place = repeat.end()
            if place < len(pattern) and pattern[place] in "?+":  # lazy or possessive
                place += 1
            before = "*"
            continue
        atom = _ATOM.match(pattern, place)
        if atom is None:
            return _FEW + 1
        before = atom[0]
        place = atom.end()
        if before == "(" and pattern.startswith("?", place):
            found += 0 if pattern.startswith("?:", place) else _FEW + 1
            place += 2
        found += before == "("
    return found
