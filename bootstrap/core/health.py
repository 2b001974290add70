"""Health states, and which of several is the worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

State = Literal["ok", "warning", "broken", "unknown"]

RANK: Mapping[State, int] = {"ok": 0, "unknown": 1, "warning": 2, "broken": 3}
"""A higher one is worse."""


def worst(states: Iterable[State]) -> State:
    """The worst of the states; "ok" when there are none."""
    return max(states, key=lambda state: RANK[state], default="ok")
