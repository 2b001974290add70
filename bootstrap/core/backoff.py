"""How long to wait before the next try: git, Git hosts, registries, downloads and API servers alike."""

from __future__ import annotations

import random

from bootstrap.core import numbers


def between(tries: int, first: float = 0.5, longest: float = 15.0, asked: float = 0.0) -> float:
    """Seconds to wait after `tries` tries (at least 1): random, in the upper half of a window that doubles.

    The window begins at `first` and never exceeds `longest` (seconds). It is random so that clients that
    failed together do not retry together. `asked` is what the server asked for: the wait is never shorter.
    """
    window = min(first * 2.0 ** min(tries - 1, 30), longest)
    return max(asked, window * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret, only jitter


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None for anything else."""
    text = value.strip()
    seconds = numbers.whole(text)
    if seconds is not None:
        return float(seconds)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
