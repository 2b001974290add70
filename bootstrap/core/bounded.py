"""Read an HTTP answer within bounds of size and time, whatever the other side sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

HEAD_SECONDS = 180.0
"""Seconds in which an answer must begin. An API server ends its own requests after 60; this is for a byte
now and then, which no limit of silence ends."""
PIECE = 1 << 16


class TooMuch(Exception):
    """The body is larger, or takes longer, than the bound; str() says which."""


def pieces(answer: Any, largest: int, seconds: float) -> Iterator[bytes]:
    """The body of urllib3's `answer`, unpacked, as it comes. Raises TooMuch, and what urllib3 raises.

    Each piece is what one read of the socket gave: a longer one would let a slow server hold it back, and
    urllib3's own `stream` reads the line before each chunk without a bound.
    """
    size, deadline = 0, time.monotonic() + seconds
    while piece := answer.read1(PIECE, decode_content=True):
        size += len(piece)
        if size > largest:
            raise TooMuch(f"is larger than {largest >> 20} MB")
        if time.monotonic() > deadline:
            raise TooMuch(f"did not end within {seconds:.0f} seconds")
        yield piece


def lines(answer: Any, largest: int, seconds: float) -> Iterator[bytes]:
    """The lines of a stream as they come, empty ones left out; TooMuch for one that is larger, or at the end
    of the time."""
    rest, deadline = b"", time.monotonic() + seconds
    while piece := answer.read1(PIECE, decode_content=True):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > largest:
            raise TooMuch(f"has a line of more than {largest >> 20} MB")
        yield from (line for line in whole if line.strip())
        if time.monotonic() > deadline:
            raise TooMuch(f"did not end within {seconds:.0f} seconds")


def limit_heads(manager: Any) -> None:
    """Have each answer to a request of this urllib3 PoolManager begin within HEAD_SECONDS.

    http.client follows as many `100 Continue` as come, and reads a header of any number of slow bytes.
    """
    manager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__, (pool,), {"ConnectionCls": type("Connection", (_Limited, pool.ConnectionCls), {})}
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class _Limited:
    """Added to a connection's class."""

    sock: socket.socket | None

    def getresponse(self) -> Any:
        late = threading.Event()
        timer = threading.Timer(HEAD_SECONDS, _hang_up, (self.sock, late))
        timer.daemon = True
        timer.start()
        try:
            answer = super().getresponse()  # type: ignore[misc]
        except Exception as error:
            raise (_late() if late.is_set() else error) from error
        finally:
            timer.cancel()
        if late.is_set():  # what had come is taken for all of its headers
            answer.close()
            raise _late()
        return answer


def _late() -> TimeoutError:
    return TimeoutError(f"no answer began within {HEAD_SECONDS:.0f} seconds")


def _hang_up(connected: socket.socket | None, late: threading.Event) -> None:
    late.set()
    if connected is not None:
        with suppress(OSError):  # it has just ended by itself
            # Not TLS's own: that would take its state from the thread that reads.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)
