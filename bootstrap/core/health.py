"""How well a thing is, and which of two states is worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

State = Literal["ok", "warning", "broken", "unknown"]

_WORSE: Mapping[State, int] = {"ok": 0, "unknown": 1, "warning": 2, "broken": 3}
