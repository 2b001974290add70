"""Votes through the whole app, with real pods, under enforced policies: none is lost, whatever dies."""

from __future__ import annotations

import signal

import pytest

from tests.real.app import RESULT, VOTE, App, Voters
from tests.real.node import restarts, until


def test_a_vote_travels_from_the_page_to_the_count(app: App) -> None:
    before = app.counted()
    page = app.node.visit(VOTE)
    assert page.status == 200
    assert "Cats vs Dogs!" in page.text
    assert app.vote("a")
    until(lambda: app.counted() == before + 1, "the vote to be counted")
    assert app.node.visit(RESULT).status == 200


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
