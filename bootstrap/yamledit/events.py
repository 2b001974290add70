"""Pure: the events of the YAML parser, and what they leave open: where scalars end, what is empty."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bootstrap.core.errors import InputError

MAX_EVENTS = 400_000
"""Of one file: they take some 500 bytes each. Argo CD's manifest of 2 MB has 88,000."""
CHOMPING = re.compile(r"[|>][0-9+-]*")
"""The header of a block scalar."""


def events(text: str, where: str) -> Iterator[Any]:
    """The parser's events; raises InputError, with file:line:column, for what is not valid YAML."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            if number >= MAX_EVENTS:
                found = f"it has more than {MAX_EVENTS:,} keys and values"
                raise InputError(
                    f"reading {where}", found, "exclude the file: it is not configuration", where
                )
            yield event
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        found = str(error.problem or error.context or "not valid YAML")
        raise InputError(f"reading {where}", found, "fix the YAML", place) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"reading {where}", str(error).splitlines()[0], "fix the YAML", where) from error


def block_end(text: str, start: int, end: int) -> int:
    """Where the last line of a block scalar ends, including the blank lines after it if it keeps them."""
    header = CHOMPING.match(text, start)
    if header and "+" in header[0]:
        return start + len(text[start:end].removesuffix("\n").removesuffix("\r"))
    return start + len(text[start:end].rstrip("\r\n \t"))


def is_empty(outline: Sequence[tuple[object, tuple[Any, ...]]]) -> bool:
    """Whether a document is null, {} or []."""
    kinds = [said[0] for _, said in outline]
    if kinds == ["ScalarEvent"]:
        return outline[0][1][3] in ("", "~", "null") and bool(outline[0][1][4])
    return kinds in (["MappingStartEvent", "MappingEndEvent"], ["SequenceStartEvent", "SequenceEndEvent"])
