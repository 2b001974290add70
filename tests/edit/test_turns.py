"""Runs on one machine take turns by branch; whoever ends, however it ends, lets the next one in."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from uuid import uuid4

from bootstrap.edit.backoff import LONGEST_WINDOW, pause
from bootstrap.edit.turns import turn

HOLD = """
import sys, time
from bootstrap.edit.turns import turn
with turn(sys.argv[1], "main", 60) as waited:
    print(waited, flush=True)
    time.sleep(600)
"""


def hold(url: str) -> subprocess.Popen[str]:
    """A process that has the turn, or waits for it."""
    return subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.kill()
        process.communicate()


def test_a_turn_ends_with_its_process_by_whatever_cause():
    url = f"https://git.example.com/{uuid4()}"
    first = hold(url)
    assert said(first) == "False"
    second = hold(url)
    try:
        with turn(url, "other", 60) as waited:
            assert not waited
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert said(second)  # it has the turn now, whether or not it had begun to wait before
        with turn(url, "main", 0.2) as waited:
            assert waited
    finally:
        end(first, second)


def test_a_turn_that_does_not_come_is_not_waited_for_forever():
    url = f"https://git.example.com/{uuid4()}"
    first = hold(url)
    try:
        assert said(first) == "False"
        began = time.monotonic()
        with turn(url, "main", 0.2) as waited:
            assert waited
        assert time.monotonic() - began >= 0.2
    finally:
        end(first)


def test_pauses_double_with_every_attempt_and_leave_time_for_another_one():
    longest = [pause(attempt, 0.5, 1000, lambda: 1.0) for attempt in range(1, 8)]
    assert longest == [1, 2, 4, 8, 16, 16, 16]
    assert pause(3, 0.5, 1000, lambda: 0.25) == 1
    assert pause(9, 100, 1000, lambda: 1.0) == LONGEST_WINDOW
    assert pause(9, 0.5, 3, lambda: 1.0) == 1.5
    assert pause(9, 0.5, -1, lambda: 1.0) == 0
