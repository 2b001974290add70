"""Connections between the machine's loopback and the node's own network, which has no other way out or in.

The node's first process runs these threads. A socket belongs to the network namespace in which it was
created, so a thread that is to connect on the machine's side enters that namespace first; the others stay.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

CHUNK = 1 << 16
DIAL_SECONDS = 10.0
_NEW_NET = 0x40000000
_LARGEST_REQUEST = 8192

Dial = Callable[[], socket.socket]


def enter_network(descriptor: int) -> None:
    """Move the calling thread, and it alone, to the network namespace. OSError when that is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NEW_NET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def to_machine(listener: socket.socket, machine: int, address: tuple[str, int]) -> None:
    """Connections that `listener` takes in the node go to the address on the machine; does not return."""

    def dial() -> socket.socket:
        enter_network(machine)
        return socket.create_connection(address, DIAL_SECONDS)

    _serve(listener, lambda taken: join(taken, dial))


def to_node(listener: socket.socket, address: tuple[str, int]) -> None:
    """Connections that `listener` takes on the machine go to the address in the node; does not return."""
    _serve(listener, lambda taken: join(taken, lambda: socket.create_connection(address, DIAL_SECONDS)))


def wherever_asked(listener: socket.socket) -> None:
    """Each connection first names its address in the node by HTTP CONNECT; does not return."""
    _serve(listener, _connect)


def _serve(listener: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    while True:
        taken, _ = listener.accept()
        threading.Thread(target=handle, args=(taken,), daemon=True).start()


def _connect(taken: socket.socket) -> None:
    with suppress(OSError, ValueError, IndexError):
        taken.settimeout(DIAL_SECONDS)
        request = b""
        while b"\r\n\r\n" not in request:
            part = taken.recv(1024)
            if not part or len(request) > _LARGEST_REQUEST:
                taken.close()
                return
            request += part
        method, target, _ = request.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        host, _, port = target.rpartition(":")
        if method != "CONNECT":
            taken.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            taken.close()
            return
        try:
            other = socket.create_connection((host.strip("[]"), int(port)), DIAL_SECONDS)
        except OSError as error:
            taken.sendall(f"HTTP/1.1 502 Bad Gateway\r\n\r\n{error}\r\n".encode())
            taken.close()
            return
        taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        taken.settimeout(None)
        _pump_both(taken, other)
        return
    taken.close()


def join(taken: socket.socket, dial: Dial) -> None:
    """Pass on what either side says, to what `dial` reaches, until both have ended."""
    try:
        other = dial()
    except OSError:
        taken.close()
        return
    _pump_both(taken, other)


def _pump_both(one: socket.socket, other: socket.socket) -> None:
    """Until both sides have said all; each may end its own half first."""
    one.settimeout(None)
    other.settimeout(None)
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join()
    one.close()
    other.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(CHUNK):
            target.sendall(part)
    except OSError:
        # One side is gone: the other learns of it at once, not after its own time-out.
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        return
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
