"""Pure: YAML in a block scalar of a YAML file, such as `helm.values` of an Application."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from bootstrap.core.errors import InputError
from bootstrap.yamledit.keys import apply
from bootstrap.yamledit.text import Edit
from bootstrap.yamledit.walk import Place, Span, Walk, decode, walk


def inner(span: Span, where: str) -> Walk | None:
    """A string parsed as YAML; None when it is not YAML, or only a single value."""
    if "\n" not in span.value and ":" not in span.value:
        return None
    try:
        found = walk(span.value, where)
    except InputError:
        return None
    return found if (0,) in found.boxes and found.boxes[(0,)].mapping else None


def text(content: bytes, inside: Place, where: str) -> bytes:
    """The block scalar at `inside`."""
    return _find(walk(decode(content, where), where), inside, where).value.encode()


def edited(content: bytes, inside: Place, where: str, change: Callable[[bytes], bytes]) -> bytes:
    """The file with its block scalar changed; lines that stay keep their bytes.

    InputError when it is not a block that begins with `|`, or an alias repeats it.
    """
    file = walk(decode(content, where), where)
    span = _find(file, inside, where)
    after = change(span.value.encode()).decode()
    if after == span.value:
        return content
    tried, at = f"changing {'.'.join(map(str, inside[1:]))}", f"{where}:{span.line}"
    if span.shared:
        hint = "write the text out where it is to differ"
        raise InputError(tried, f"other places share the text through the alias *{span.shared}", hint, at)
    if span.style != "|":
        raise InputError(
            tried, "its YAML is not a block of lines", "write it as a block that begins with |", at
        )
    block = _spliced(file.text[span.start : span.end], span.value, after)
    return apply(content, file, [Edit(span.start, span.end, block)], {inside: after}, where)


def _find(file: Walk, inside: Place, where: str) -> Span:
    found = next((span for span in file.spans if span.path == inside), None)
    if found is None:
        raise InputError(f"reading {where}", "the block scalar does not exist", "run again", where)
    return found


def _spliced(block: str, before: str, after: str) -> str:
    """The block with the lines that differ between two texts replaced, in its indentation."""
    header, *lines = block.split("\n")
    old, new = before.split("\n"), after.split("\n")
    first = next(number for number, line in enumerate(old) if line.strip())
    indent = lines[first][: len(_blanks(lines[first])) - len(_blanks(old[first]))]
    ending = "\r" if lines[0].endswith("\r") or header.endswith("\r") else ""
    front = _same(old, new)
    back = _same(old[front:][::-1], new[front:][::-1])
    between = [f"{indent if line.strip() else ''}{line}{ending}" for line in new[front : len(new) - back]]
    return "\n".join([header, *lines[:front], *between, *lines[len(old) - back :]])


def _same(one: list[str], other: list[str]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]
