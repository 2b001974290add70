"""Read an HTTP response within limits of size and time, whatever the server sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

HEAD_SECONDS = 180.0
"""Seconds within which a response must begin. An API server ends its own requests after 60; this is for a
server that sends a byte now and then, which no read timeout catches."""
PIECE = 1 << 16


class TooMuch(Exception):
    """The body is larger, or takes longer, than the limit; str() says which."""


def pieces(answer: Any, largest: int, seconds: float) -> Iterator[bytes]:
    """The body of urllib3's `answer`, decompressed, as it arrives. Raises TooMuch, and what urllib3 raises.

    Each piece is what one read of the socket returned: a slow server could hold up a larger one, and
    urllib3's own `stream` reads the line before each chunk without a limit.
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
    """The lines of a stream as they arrive, without empty ones; TooMuch when one is larger than `largest`
    bytes, or when the time is up."""
    rest, deadline = b"", time.monotonic() + seconds
    while piece := answer.read1(PIECE, decode_content=True):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > largest:
            raise TooMuch(f"has a line of more than {largest >> 20} MB")
        yield from (line for line in whole if line.strip())
        if time.monotonic() > deadline:
            raise TooMuch(f"did not end within {seconds:.0f} seconds")


def limit_heads(manager: Any) -> None:
    """Make every response to this urllib3 PoolManager begin within HEAD_SECONDS.

    http.client accepts any number of `100 Continue` responses, and headers that trickle in forever.
    """
    manager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__, (pool,), {"ConnectionCls": type("Connection", (_Limited, pool.ConnectionCls), {})}
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class _Limited:
    """Mixed into a connection's class: raises TimeoutError when no response begins in time."""

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
        if late.is_set():  # http.client takes the headers that had arrived for all of them
            answer.close()
            raise _late()
        return answer


def _late() -> TimeoutError:
    return TimeoutError(f"no response began within {HEAD_SECONDS:.0f} seconds")


def _hang_up(connected: socket.socket | None, late: threading.Event) -> None:
    late.set()
    if connected is not None:
        with suppress(OSError):  # the connection has just ended by itself
            # Not the TLS socket's own shutdown: that would drop its state under the thread that reads.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)
