"""What the kernel can deny a program, whatever its input: sockets, and files elsewhere.

A thread gives up rights permanently (seccomp, Landlock) and starts the program, which inherits that. It
needs no privilege, no helper program and less than a millisecond; a network namespace takes tens of
them, and containers and Ubuntu refuse one to an ordinary user.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache")
"""What any program may read: itself and its libraries."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The architecture as audit names it, and the number of its call `socket`."""
_IO_URING_SETUP = 425  # another way to a socket
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14


@dataclass(frozen=True)
class Confinement:
    """What a program may do: talk to other hosts, read below `read`, write below `write`."""

    network: bool = False
    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Kernel:
    """What this kernel lets an ordinary user drop."""

    sockets: bool
    files: bool


def start(confinement: Confinement, starter: Callable[[], T]) -> T:
    """Call `starter` where only that is allowed, as far as the kernel can enforce it (`kernel`)."""
    answer: list[T] = []
    failure: list[BaseException] = []

    def confined() -> None:
        try:
            _give_up(confinement)
            answer.append(starter())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=confined, name="starting a program")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return answer[0]


@cache
def kernel() -> Kernel:
    """What this kernel supports; found out once, by trying it."""
    found: list[Kernel] = []

    def trial() -> None:
        found.append(Kernel(_forbid_sockets(), _landlock() > 0))

    thread = threading.Thread(target=trial)
    thread.start()
    thread.join()
    return found[0] if found else Kernel(False, False)


def _give_up(confinement: Confinement) -> None:
    able = kernel()
    if able.files:
        _forbid_files(confinement)
    if able.sockets and not confinement.network:
        _forbid_sockets()


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _forbid_sockets() -> bool:
    """Answer EACCES to every request for a socket from here on; False where that is not possible."""
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        return False
    architecture, socket = _MACHINES[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    steps = [
        (load, 0, 0, 4),  # the architecture
        (equal, 0, 5, architecture),  # a foreign one: refused
        (load, 0, 0, 0),  # the call's number
        (at_least, 3, 0, 0x40000000),  # x86's other numbering: refused
        (equal, 2, 0, socket),
        (equal, 1, 0, _IO_URING_SETUP),
        (give, 0, 0, 0x7FFF0000),
        (give, 0, 0, 0x00050000 | 13),  # EACCES
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = _libc()
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0) == 0)


def _landlock() -> int:
    """The version of Landlock, 0 without it."""
    if platform.system() != "Linux":
        return 0
    return max(int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)), 0)


def _forbid_files(confinement: Confinement) -> None:
    version = _landlock()
    handled = (1 << 13) - 1
    handled |= (1 << 13 if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    libc = _libc()
    attribute = struct.pack("Q", handled)
    ruleset = int(libc.syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), 0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock returned no ruleset")
    try:
        _allow(ruleset, (Path(one) for one in SYSTEM), reading)
        _allow(ruleset, (Path(one) for one in DEVICES), _READ_FILE | _WRITE_FILE)
        _allow(ruleset, confinement.read, reading)
        _allow(ruleset, confinement.write, handled)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "Landlock refuses its ruleset")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    """Allow something below each path; missing paths are skipped."""
    for path in paths:
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            allowed = rights if path.is_dir() else rights & (_EXECUTE | _WRITE_FILE | _READ_FILE)
            rule = struct.pack("=Qi", allowed, handle)
            if _libc().syscall(_ADD_RULE, ruleset, 1, rule, 0):
                raise OSError(ctypes.get_errno(), f"Landlock refuses a rule for {path}")
        finally:
            os.close(handle)
