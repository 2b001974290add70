"""How long to wait before the next try: git, Git hosts, registries, downloads and API servers alike."""

from __future__ import annotations

import random


def between(tries: int, first: float = 0.5, longest: float = 15.0, asked: float = 0.0) -> float:
    """Seconds after `tries` tries (from 1): a random time in the upper half of a window that doubles.

    The window begins at `first` and never exceeds `longest` (seconds); random, so that those who failed
    together do not come back together. `asked` is what the other side asked for, which is never undercut.
    """
    window = min(first * 2.0 ** min(tries - 1, 30), longest)
    return max(asked, window * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret, only jitter
