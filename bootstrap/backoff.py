"""Pure: how long to wait after being overtaken, so that many pushers to one branch get through.

Of pushers that overlap, one wins and the others have worked for nothing. So that few overlap, each
waits a random time out of a window; the window starts at what an attempt takes (under load that is
longer, for everybody) and doubles with every attempt that was overtaken.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_DOUBLINGS = 5


def pause(attempt: int, took: float, draw: Callable[[], float]) -> float:
    """Seconds to wait after the `attempt`-th attempt (from 1), which took `took` seconds.

    `draw` gives numbers from 0 to 1.
    """
    window: float = max(took, 0.05) * 2 ** min(attempt, MAX_DOUBLINGS)
    return draw() * window
