"""What a Git host's HTTP responses say: the status, Retry-After, and whether a credential was sent.

git shows headers only in its trace. That is written to memory, without bodies and with
credentials redacted by git; nothing of it is kept or shown.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bootstrap.core.backoff import retry_after

_HEADER = re.compile(r"(?P<way><=|=>) (?:Recv|Send) header: ?(?P<text>[^\r\n]*)")
_STATUS = re.compile(r"HTTP/[\d.]+ (\d{3})")


@dataclass(frozen=True)
class Wire:
    """`status` of the last response (None: no HTTP, or unknown); `patience`: seconds that it asks to wait."""

    status: int | None = None
    patience: float = 0.0
    shown: bool = False
    """Whether a credential was sent with it."""
    page: bool = False
    """Whether a response was a web page with status 200, which git takes for an empty repository."""


UNKNOWN = Wire()


class Trace:
    """`environ` makes git write it; `wire` reads what was written."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self.environ: Mapping[str, str] = {}
        if descriptor is not None:
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
            if os.access(path, os.W_OK):
                self.environ = {
                    "GIT_TRACE_CURL": path,
                    "GIT_TRACE_CURL_NO_DATA": "1",
                    "GIT_TRACE_REDACT": "1",
                }

    def wire(self) -> Wire:
        if self._descriptor is None or not self.environ:
            return UNKNOWN
        size = os.fstat(self._descriptor).st_size
        return parse(os.pread(self._descriptor, size, 0).decode("utf-8", "replace"), time.time())


@contextmanager
def traced() -> Iterator[Trace]:
    """A trace in memory if the system has such files (Linux); elsewhere an empty one."""
    descriptor: int | None = None
    if hasattr(os, "memfd_create"):
        with suppress(OSError):
            descriptor = os.memfd_create("git-trace")
    try:
        yield Trace(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def parse(trace: str, now: float) -> Wire:
    """Pure: the last response in git's trace of curl; `now` is in seconds since the epoch."""
    status: int | None = None
    patience, shown = 0.0, False
    asking = page = False
    for found in _HEADER.finditer(trace):
        text = found["text"]
        if found["way"] == "=>":
            if not asking:
                asking, shown = True, False
            shown = shown or text.lower().startswith("authorization:")
            continue
        asking = False
        if answer := _STATUS.match(text):
            status, patience = int(answer[1]), 0.0
        elif text.lower().startswith("retry-after:"):
            patience = retry_after(text.partition(":")[2], now) or 0.0
        elif status == 200 and re.match(
            r"content-type:\s*(text/html|application/xhtml)", text, re.IGNORECASE
        ):
            page = True
    return Wire(status, patience, shown, page)
