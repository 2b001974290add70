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
_NEW_MOUNTS = 0x00020000
_LARGEST_REQUEST = 8192

Dial = Callable[[], socket.socket]
DialTo = Callable[[str, int], socket.socket]
"""From a host's name or address and a port; OSError when it cannot be reached."""


def enter_network(descriptor: int) -> None:
    """Move the calling thread, and it alone, to the network namespace. OSError when that is refused."""
    _enter(descriptor, _NEW_NET)


def enter_mounts(descriptor: int) -> None:
    """Move the process, before it has a second thread, to the mounts. OSError when that is refused."""
    _enter(descriptor, _NEW_MOUNTS)


def _enter(descriptor: int, kind: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, kind) != 0:
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


def directly(host: str, port: int) -> socket.socket:
    """A connection to an address in the network of the calling thread."""
    return socket.create_connection((host, port), DIAL_SECONDS)


def wherever_asked(listener: socket.socket, dial: DialTo = directly) -> None:
    """Each connection first names its address by HTTP CONNECT; does not return.

    The answer's first line says why an address cannot be reached: that line is all that clients show.
    """
    _serve(listener, lambda taken: _connect(taken, dial))


def _serve(listener: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    while True:
        taken, _ = listener.accept()
        threading.Thread(target=handle, args=(taken,), daemon=True).start()


def _connect(taken: socket.socket, dial: DialTo) -> None:
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
            other = dial(host.strip("[]"), int(port))
        except OSError as error:
            reason = " ".join((error.strerror or str(error)).split())
            taken.sendall(f"HTTP/1.1 502 {host}: {reason}\r\n\r\n".encode("ascii", "replace"))
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
