"""Pure: rename values of a YAML file wherever they occur; keys, comments and all other bytes stay."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap.core.errors import InputError
from bootstrap.yamledit.quoting import written
from bootstrap.yamledit.text import Edit
from bootstrap.yamledit.walk import Span, decode, encode, walk


def rename(text: bytes, new: Callable[[str], str], where: str) -> bytes:
    """The text with `new` applied to every scalar that is a value; InputError for invalid YAML.

    A block scalar is changed inside; what an alias repeats is changed at its anchor.
    """
    file = walk(decode(text, where), where)
    changed = [span for span in file.spans if new(span.value) != span.value]
    result = file.text
    for span in sorted(changed, key=lambda span: span.start, reverse=True):
        edit = _edit(file.text, span, new)
        result = result[: edit.start] + edit.text + result[edit.end :]
    after = walk(result, where)
    said = [(span.path, new(span.value)) for span in file.spans]
    if said != [(span.path, span.value) for span in after.spans]:
        found = "the renamed file would have another meaning"
        raise InputError(f"renaming in {where}", found, "write that part in a simpler form", where)
    return encode(text, result)


def _edit(text: str, span: Span, new: Callable[[str], str]) -> Edit:
    written_out = text[span.start : span.end]
    if written_out.startswith("*"):  # an alias: it follows its anchor
        return Edit(span.start, span.end, written_out)
    if span.style in ("|", ">"):
        return Edit(span.start, span.end, new(written_out))
    return Edit(span.start, span.end, written(new(span.value), span.style, span.flow))
