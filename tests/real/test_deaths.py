"""redis and db on volumes: each vote that was taken is counted, whichever pod dies meanwhile.

But for one: a queue that is popped (LPOP) cannot give a vote back whose answer is lost as redis ends.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.real.app import App, Voters, running
from tests.real.node import Node, restarts, until

POPPED = {"redis": 1}
"""The most votes that may be on their way from redis to worker, by whose death loses them."""


@pytest.fixture(scope="module")
def kept(node: Node) -> Iterator[App]:
    """The app with its queue and its database on volumes."""
    with running(node, ("nodeport", "persistence", "network-policies")) as found:
        yield found


@pytest.mark.parametrize("name", ["redis", "db"])
def test_no_vote_is_lost_when_what_keeps_them_is_killed_under_load(kept: App, name: str) -> None:
    before = kept.counted()
    with Voters(kept) as voters:
        until(lambda: voters.taken >= 20, "votes before")
        pod = kept.ready_pod(name)
        kept.node.signal(pod, signal.SIGKILL)
        until(lambda: restarts(kept.node.pods(kept.namespace, name)[0]) > restarts(pod), "the restart")
        _votes_after(kept, voters, name, before)


@pytest.mark.parametrize("name", ["redis", "db", "worker", "vote"])
def test_no_vote_is_lost_when_a_pod_is_evicted_under_load(kept: App, name: str) -> None:
    """As by a drain of its node; the pod that replaces it takes over the volume."""
    before = kept.counted()
    with Voters(kept) as voters:
        until(lambda: voters.taken >= 20, "votes before")
        pod = kept.ready_pod(name)
        kept.node.evict(pod)
        until(lambda: _uid(kept.ready_pod(name)) != _uid(pod), "the pod that replaces it")
        _votes_after(kept, voters, name, before)


def _votes_after(app: App, voters: Voters, name: str, before: int) -> None:
    """Once it works again; then all are counted."""
    app.ready_pod(name)
    so_far = voters.taken
    until(lambda: voters.taken >= so_far + 20, "votes after")
    taken = voters.stop()
    least = before + taken - POPPED.get(name, 0)
    until(lambda: app.counted() >= least, f"{taken} votes to be counted after {before}")


def _uid(pod: dict[str, object]) -> str:
    metadata = pod["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["uid"])
