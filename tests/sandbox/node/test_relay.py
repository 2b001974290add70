"""What passes between the machine and a node: every byte, each side's end, and refusals."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.sandbox.node import relay

SOON = 60.0
"""Seconds for what takes none on a machine with nothing else to do."""


def serve(handle: Callable[[socket.socket], None]) -> tuple[str, int]:
    """A server that handles one connection after another in a thread; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            taken, _ = listener.accept()
            with taken:
                handle(taken)

    threading.Thread(target=run, daemon=True).start()
    host, port = listener.getsockname()
    return host, port


def relayed(function: Callable[..., None], *arguments: Any) -> tuple[str, int]:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=function, args=(listener, *arguments), daemon=True).start()
    host, port = listener.getsockname()
    return host, port


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def echo_at_the_end(taken: socket.socket) -> None:
    """Answers only when the other side has said all: it needs to see that end."""
    taken.sendall(read_all(taken)[::-1])


def test_all_bytes_pass_both_ways_and_so_does_the_end_of_one_half() -> None:
    place = relayed(relay.to_node, serve(echo_at_the_end))
    sent = secrets.token_bytes(3_000_000)
    with socket.create_connection(place, SOON) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == sent[::-1]


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with socket.socket() as silent:  # it has the port, and does not listen: nobody else can
        silent.bind(("127.0.0.1", 0))
        place = relayed(relay.to_node, silent.getsockname())
        with socket.create_connection(place, SOON) as connection:
            assert read_all(connection) == b""


def test_a_connection_goes_where_its_request_says() -> None:
    host, port = serve(echo_at_the_end)
    with socket.create_connection(relayed(relay.wherever_asked), SOON) as connection:
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"
        connection.sendall(b"abc")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"cba"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 "),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 502 127.0.0.1: Connection refused\r\n"),
        (b"CONNECT nonsense HTTP/1.1\r\n\r\n", b""),
        (b"\xff\xfe\r\n\r\n", b""),
        (b"x" * 20_000, b""),
    ],
)
def test_what_is_no_request_or_leads_nowhere_is_refused(request_: bytes, answer: bytes) -> None:
    with socket.create_connection(relayed(relay.wherever_asked), SOON) as connection:
        try:
            connection.sendall(request_)
            found = read_all(connection)
        except (ConnectionResetError, BrokenPipeError):  # it did not read all of it
            found = b""
    assert found.startswith(answer)
    assert bool(found) == bool(answer)
