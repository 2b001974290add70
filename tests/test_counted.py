"""The instrument that watches hostile repositories sees what it must see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.counted import counted, reads

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


def test_file_that_is_opened_is_reported_and_one_that_is_looked_at_is_not(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("x")
    with reads(tmp_path / "in") as opened:
        (tmp_path / "in" / "file").stat()
    assert opened == []
    with reads(tmp_path / "in") as opened:
        (tmp_path / "in" / "file").read_text()
    assert str(tmp_path / "in" / "file") in opened
