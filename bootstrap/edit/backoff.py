"""Pure: how long to wait after being overtaken, so that many pushers to one branch get through.

Of pushers that overlap, one wins and the others have worked for nothing; their work slows the winner
down. So each waits a random time from a window that starts at the duration of an attempt and doubles
whenever it is overtaken. The quickest attempt is the measure: under load all attempts become slow, and
windows that grew with them would keep everybody waiting.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_DOUBLINGS = 5
LONGEST_WINDOW = 60.0


def pause(attempt: int, quickest: float, left: float, draw: Callable[[], float]) -> float:
    """Seconds to wait after the `attempt`-th attempt (from 1).

    `quickest` is how long the quickest attempt took, `left` how much time is left; at most half of
    that is spent waiting, so that there is another attempt. `draw` returns numbers from 0 to 1.
    """
    window = max(quickest, 0.05) * 2.0 ** min(attempt, MAX_DOUBLINGS)
    return draw() * max(0.0, min(window, LONGEST_WINDOW, left / 2))
