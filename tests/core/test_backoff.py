"""The pause before another try: doubling, spread, bounded, and never shorter than what was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.core.backoff import between, retry_after

PACKAGE = Path(__file__).parents[2] / "bootstrap"


@pytest.mark.parametrize(("tries", "window"), [(1, 0.5), (2, 1.0), (5, 8.0), (6, 15.0), (10_000, 15.0)])
def test_window_doubles_up_to_its_bound_and_its_upper_half_is_used(tries: int, window: float) -> None:
    drawn = {between(tries) for _ in range(200)}
    assert window / 2 <= min(drawn) < max(drawn) <= window


def test_what_the_other_side_asks_for_is_never_undercut() -> None:
    assert between(1, asked=40.0) == 40.0
    assert between(9, first=1.0, longest=60.0, asked=1.0) >= 30.0


def test_no_other_module_doubles_a_pause_of_its_own_but_the_one_for_races() -> None:
    """edit/backoff.py is about pushes that overtake each other, which wait from nothing to a window."""
    doubling = re.compile(r"\* ?2(\.0)? ?\*\* ?")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if doubling.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"core/backoff.py", "edit/backoff.py"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("²", None),
        ("٣", None),
        ("9" * 5000, None),
        ("-1", None),
        ("Thu, 99 Jan 1970 00:00:01 GMT", None),
    ],
)
def test_header_is_read_as_seconds_or_a_date_whatever_a_host_sends(value: str, seconds: float | None) -> None:
    assert retry_after(value, 10.0) == seconds
