"""Run a program with some of its system calls answered differently, where it has no option for that.

`python -I -S launcher.py loopback PORT PROGRAM [ARGUMENT…]`, or `launcher.py unwatched PROGRAM [ARGUMENT…]`,
is a script: it imports nothing of this package. The program keeps its pid.

`loopback`: Argo CD's application controller binds its metrics to every address. The kernel (Linux 5.9) asks
a helper about each `bind` of the program (seccomp); if that is PORT on every address, the helper replaces
the program's socket with one that is bound to 127.0.0.1.

`unwatched`: Kubernetes' programs watch each of their certificates with an inotify instance of its own, twelve
in all; Linux allows a user 128, editors and other clusters included. Argo CD's repository server exits
if it gets none. A sandbox's certificates do not change while it runs, and programs that get no instance
read the files again every minute.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys
from typing import NoReturn

HOST = "127.0.0.1"
UNCONFINED = "this kernel cannot keep the port on loopback: it is open on every address of this machine"

_MACHINES = {"x86_64": (0xC000003E, 49, 317, 294), "aarch64": (0xC00000B7, 200, 277, 26)}
"""The architecture as audit names it, and the numbers of the calls `bind`, `seccomp` and `inotify_init1`."""
_SINCE = (5, 9)
"""The first Linux whose kernel lets a helper place a descriptor."""
_NO_NEW_PRIVS, _PTRACER = 38, 0x59616D61
_NEW_LISTENER = 1 << 3
_ALLOWED, _ASKED, _FAILED = 0x7FFF0000, 0x7FC00000, 0x00050000
"""A filter's answers: allow the call; ask a helper; fail, with the error number added."""
_RECEIVE, _SEND, _ADD_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40182103
_ADDRESS_SIZE = 28
"""Bytes of an IPv6 address with its port: more than an IPv4 one has."""


def main() -> NoReturn:
    """Become the program."""
    if sys.argv[1] == "loopback":
        port, command = int(sys.argv[2]), sys.argv[3:]
        _keep_on_loopback(port)
    else:
        command = sys.argv[2:]
        if known := _machine():
            _filter(known[3], _FAILED + errno.EMFILE, 0)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _keep_on_loopback(port: int) -> None:
    """Have a helper answer for the port; it ends with the program."""
    ours, helpers = socket.socketpair()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        ours.close()
        _help(helpers, parent, port)
    helpers.close()
    listener = _ask_about_bind(helper)
    if listener is None:
        print(UNCONFINED, file=sys.stderr, flush=True)
        ours.close()
    else:
        socket.send_fds(ours, [b"!"], [listener])
        ours.recv(1)  # the helper has it and answers from here on


def _ask_about_bind(helper: int) -> int | None:
    """Have the kernel ask before each `bind` from here on; the descriptor for that, None if it cannot."""
    known = _machine()
    if known is None or _version() < _SINCE:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PTRACER, helper, 0, 0, 0)  # the helper reads the address; Yama would refuse that to a child
    return _filter(known[1], _ASKED, _NEW_LISTENER)


def _machine() -> tuple[int, int, int, int] | None:
    """This machine's numbers; None if they are not known."""
    return _MACHINES.get(platform.machine()) if platform.system() == "Linux" else None


def _filter(call: int, answer: int, flags: int) -> int | None:
    """Have the kernel answer this system call so from here on; None if it refuses the filter."""
    architecture, _, seccomp, _ = _MACHINES[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06
    steps = [
        (load, 0, 0, 4),
        (equal, 0, 2, architecture),
        (load, 0, 0, 0),
        (equal, 1, 0, call),
        (give, 0, 0, _ALLOWED),
        (give, 0, 0, answer),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        return None
    found = int(libc.syscall(seccomp, 1, flags, ctypes.byref(program)))
    return found if found >= 0 else None


def command(how: str, *arguments: str) -> tuple[str, ...]:
    """How this script is called: `loopback`, a port and the program, or `unwatched` and the program."""
    return (sys.executable, "-I", "-S", __file__, how, *arguments)


def _version() -> tuple[int, ...]:
    """The kernel's version; (0,) if it has another form."""
    found = platform.release().split("-")[0].split(".")[:2]
    return tuple(int(part) for part in found) if all(part.isdigit() for part in found) else (0,)


def _help(connection: socket.socket, pid: int, port: int) -> NoReturn:
    """Answer what the kernel asks until the program has ended."""
    with connection:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        if descriptors:
            connection.send(b"!")
    waiting = select.poll()
    for listener in descriptors:
        waiting.register(listener, select.POLLIN)
        while not any(happened & select.POLLHUP for _, happened in waiting.poll()):
            _answer(listener, pid, port)
    os._exit(0)


def _answer(listener: int, pid: int, port: int) -> None:
    asked = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, asked)
    except OSError:
        return  # the call was interrupted in the meantime
    number, _, _, _, _, _, descriptor, address, size = struct.unpack_from("=QIIiIQQQQ", asked)
    error, go_on = 0, True
    try:
        if _is_wildcard(pid, address, size, port):
            go_on = False
            _replace(listener, number, pid, descriptor, port)
    except OSError as failure:
        error, go_on = failure.errno or errno.EACCES, False  # closed rather than open
    answer = bytearray(struct.pack("=QqiI", number, 0, -error, int(go_on)))
    try:
        fcntl.ioctl(listener, _SEND, answer)
    except OSError:
        return


def _is_wildcard(pid: int, address: int, size: int, port: int) -> bool:
    """Whether the program's memory has the wildcard address there, with the port."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - few modules are loaded here
        memory.seek(address)
        found = memory.read(min(size, _ADDRESS_SIZE))
    family = int.from_bytes(found[:2], sys.byteorder)
    if family == socket.AF_INET:
        wild = found[4:8] == bytes(4)
    else:
        wild = family == socket.AF_INET6 and found[8:24] in (bytes(16), bytes(10) + b"\xff\xff" + bytes(4))
    return wild and found[2:4] == port.to_bytes(2, "big")


def _replace(listener: int, number: int, pid: int, descriptor: int, port: int) -> None:
    """Replace the program's socket with one that is bound to HOST, with the same flags."""
    with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii") as information:  # noqa: PTH123
        flags = next(int(line.split()[1], 8) for line in information if line.startswith("flags:"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.setblocking(not flags & os.O_NONBLOCK)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        placed = struct.pack("=QIIII", number, 1, bound.fileno(), descriptor, flags & os.O_CLOEXEC)
        fcntl.ioctl(listener, _ADD_DESCRIPTOR, placed)


if __name__ == "__main__":
    main()
