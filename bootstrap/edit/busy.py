"""Waiting for a failing Git host, between two tries of an edit."""

from __future__ import annotations

import time

from bootstrap.core.backoff import between
from bootstrap.core.errors import GitUnreachable
from bootstrap.core.output import Output


def wait_out(cause: GitUnreachable, tries: int, left: float, timeout: float, output: Output) -> None:
    """Wait after `tries` tries, with `left` of `timeout` seconds to go.

    Raises `cause`, with how often and for how long it was tried, if it is permanent or no time is left.
    """
    if not cause.is_transient:
        raise cause
    if left <= 0 or cause.patience > left:
        cause.found += f" ({tries} {'tries' if tries > 1 else 'try'} in {timeout - left:.0f} s)"
        raise cause
    wait = min(between(tries, asked=cause.patience), left)
    output.detail(f"{cause.tried}: {cause.found}; waiting {wait:.2f} s")
    time.sleep(wait)
