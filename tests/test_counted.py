"""The instrument that watches hostile repositories sees what it must see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counted import counted

ASKS = """
import socket, sys
family, kind, host = getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]), sys.argv[3]
with socket.socket(family, kind) as one:
    one.settimeout(0.1)
    try:
        one.connect((host, 9))
        one.send(b"x")
    except OSError:
        pass
"""
GROWS = "x = bytearray(300 << 20)\nfor n in range(0, len(x), 4096): x[n] = 1"


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize(("family", "host"), [("AF_INET", "127.0.0.1"), ("AF_INET", "192.0.2.1")])
def test_connection_to_any_address_is_counted(tmp_path: Path, family: str, kind: str, host: str) -> None:
    asks = (sys.executable, "-c", ASKS, family, kind, host)
    assert counted(asks, tmp_path, os.environ, 60).packets > 0
    assert counted((sys.executable, "-c", ""), tmp_path, os.environ, 60).packets == 0


def test_memory_and_time_of_what_is_started_are_reported(tmp_path: Path) -> None:
    found = counted(("sh", "-c", f"{sys.executable} -c '{GROWS}'; exit 3"), tmp_path, os.environ, 60)
    assert found.status == 3
    assert 300 < found.megabytes < 600
    assert found.seconds > 0


USES = """
import os, sys
from pathlib import Path
one = Path(sys.argv[1])
match sys.argv[2]:
    case "look":
        one.stat(), one.parent.exists()
    case "read":
        one.read_text()
    case "list":
        os.listdir(one.parent)
    case "write":
        one.write_text("y")
    case "make":
        (one.parent / "new").write_text("")
    case "remove":
        one.unlink()
"""


@pytest.mark.parametrize(
    ("use", "path", "word"),
    [
        ("read", "in/file", "opened"),
        ("read", "in/file", "read"),
        ("list", "in", "opened"),
        ("write", "in/file", "written"),
        ("make", "in/new", "made"),
        ("remove", "in/file", "removed"),
    ],
)
def test_what_is_done_with_the_apart_folder_is_reported(
    tmp_path: Path, use: str, path: str, word: str
) -> None:
    file = tmp_path / "apart" / "in" / "file"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    uses = ("sh", "-c", 'setsid "$@" & wait', "sh", sys.executable, "-I", "-c", USES, str(file), use)
    found = counted(uses, tmp_path, os.environ, 60, file.parents[1])
    assert f"{file.parents[1] / path}: {word}" in found.touched, found
    assert file.read_text() == "x"
    assert list(file.parent.iterdir()) == [file]


def test_file_that_is_only_looked_at_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "file").write_text("x")
    look = (sys.executable, "-I", "-c", USES, str(tmp_path / "apart" / "file"), "look")
    found = counted(look, tmp_path, os.environ, 60, tmp_path / "apart")
    assert (found.status, found.touched) == (0, [])


def test_another_program_of_the_machine_that_searches_the_disk_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "file").write_text("x")
    for name in ("begun", "searched"):
        os.mkfifo(tmp_path / name)
    meanwhile = (
        f"echo > {tmp_path}/begun; cat {tmp_path}/searched; cat {tmp_path}/apart/file > {tmp_path}/seen"
    )
    search = (
        f"cat {tmp_path}/begun; grep -r x {tmp_path}/apart > {tmp_path}/found; echo > {tmp_path}/searched"
    )
    with subprocess.Popen(("sh", "-c", search), stdout=subprocess.DEVNULL) as other:
        found = counted(("sh", "-c", meanwhile), tmp_path, os.environ, 60, tmp_path / "apart")
    assert other.returncode == 0
    assert (tmp_path / "found").read_text() == f"{tmp_path}/apart/file:x\n"
    assert (tmp_path / "seen").read_text() == "x"
    assert found.touched == [f"{tmp_path}/apart/file: opened", f"{tmp_path}/apart/file: read"]


def test_program_that_waits_for_ever_is_ended_and_one_that_computes_is_not(tmp_path: Path) -> None:
    assert counted(("sleep", "infinity"), tmp_path, os.environ, 2).status == -signal.SIGKILL
    busy = "import time\nwhile time.process_time() < 5: pass"
    in_parts = ("sh", "-c", f"for n in 1 2; do {sys.executable} -I -c '{busy}'; done")
    found = counted(in_parts, tmp_path, os.environ, 8)
    assert found.status == 0
    assert found.seconds > 8
