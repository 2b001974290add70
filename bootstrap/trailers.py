"""Pure: trailers at the end of a commit's message, in a block of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TRAILER = re.compile(r"[A-Za-z0-9-]+: \S")


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with these trailers, one that is there already left out; it ends in a line break."""
    text = message.strip()
    new = [trailer for trailer in trailers if trailer and trailer not in text.splitlines()]
    if not new:
        return f"{text}\n"
    head, blank, last = text.rpartition("\n\n")
    goes_on = blank and head and all(_TRAILER.match(line) for line in last.splitlines())
    return "\n".join([text, *([] if goes_on else [""]), *new, ""])
