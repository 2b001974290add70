"""Votes through the whole app, with real pods, under enforced policies: none is lost, whatever dies."""

from __future__ import annotations

import signal
import time

import pytest
import requests

from tests.real.app import RESULT, VOTE, App, Voters
from tests.real.node import is_ready, restarts, until


def test_a_vote_travels_from_the_page_to_the_count(app: App) -> None:
    before = app.counted()
    page = app.node.visit(VOTE)
    assert page.status == 200
    assert "Cats vs Dogs!" in page.text
    until(lambda: app.vote("a"), "a vote to be taken: policies know a new pod a moment after it is ready")
    until(lambda: app.counted() == before + 1, "the vote to be counted")
    assert app.node.visit(RESULT).status == 200
    for url in app.node.sandbox.pages.values():  # as a browser on the machine opens them
        assert requests.get(url, timeout=60).status_code == 200


@pytest.mark.parametrize("name", ["worker", "db", "vote"])
def test_no_vote_is_lost_when_a_container_is_killed_under_load(app: App, name: str) -> None:
    """As by a lack of memory, the worker as by a rollout: the kubelet starts the container again."""
    before = app.counted()
    pod = app.ready_pod(name)
    number = signal.SIGTERM if name == "worker" else signal.SIGKILL
    with Voters(app) as voters:
        until(lambda: voters.taken >= 20, "votes before")
        pod = app.ready_pod(name)
        app.node.signal(pod, number)
        until(lambda: restarts(app.node.pods(app.namespace, name)[0]) > restarts(pod), "the restart")
        app.ready_pod(name)
        so_far = voters.taken
        until(lambda: voters.taken >= so_far + 20, "votes after")
        taken = voters.stop()
    until(lambda: app.counted() >= before + taken, f"{taken} votes to be counted")


def all_restarts(app: App) -> int:
    return sum(
        restarts(pod) for name in ("vote", "redis", "worker") for pod in app.node.pods(app.namespace, name)
    )


def test_a_hanging_redis_is_not_ready_and_restarts_nothing(app: App) -> None:
    """Its probe ends by itself: containerd would wait for what the probe's shell has started."""
    before = all_restarts(app)
    pod = app.ready_pod("redis")
    app.node.signal(pod, signal.SIGSTOP)
    try:
        until(lambda: not is_ready(app.node.pods(app.namespace, "redis")[0]), "redis not to be ready")
        time.sleep(60)  # longer than every liveness probe waits for the socket
    finally:
        app.node.signal(pod, signal.SIGCONT)
    app.ready_pod("redis")
    assert all_restarts(app) == before
