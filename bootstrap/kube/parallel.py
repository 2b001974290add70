"""The same call for many items in parallel: every one is tried, failures are reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from bootstrap.core.errors import ClusterError
from bootstrap.kube.connection import THREADS
from bootstrap.kube.errors import combined

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    call: Callable[[T], R], items: Iterable[T], done: Callable[[R], None] = lambda _: None
) -> Sequence[R]:
    """The results in the items' order. `done` is called with each as it arrives, in this thread.

    A ClusterError does not stop the others; when all have ended, one error says which failed.
    Anything else, an interrupt too, cancels what has not started.
    """
    items = list(items)
    if len(items) <= 1:
        results = [call(item) for item in items]
        for result in results:
            done(result)
        return results
    errors: dict[int, ClusterError] = {}
    found: dict[int, R] = {}
    pool = ThreadPoolExecutor(min(THREADS, len(items)), thread_name_prefix="kube")
    try:
        futures = {pool.submit(call, item): number for number, item in enumerate(items)}
        for future in as_completed(futures):
            try:
                found[futures[future]] = future.result()
            except ClusterError as error:
                errors[futures[future]] = error
            else:
                done(found[futures[future]])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if errors:
        raise combined([errors[number] for number in sorted(errors)])
    return [found[number] for number in range(len(items))]
