"""Every pair of the app's pods: packets go where the documentation says, and nowhere else."""

from __future__ import annotations

import pytest

from tests.real.app import WORKLOADS, App

PORTS = {"vote": 80, "result": 80, "redis": 6379, "db": 5432}
EXPECTED = {
    ("vote", "redis"),
    ("worker", "redis"),
    ("worker", "db"),
    ("result", "db"),
}
"""Who may call whom, by the documentation: everything else is refused."""


@pytest.mark.parametrize("source", WORKLOADS)
def test_a_pod_reaches_what_the_policies_allow_and_nothing_else(app: App, source: str) -> None:
    pod = app.ready_pod(source)
    reached = set()
    for target, port in PORTS.items():
        if target != source and app.node.reaches(pod, app.ready_pod(target)["status"]["podIP"], port):
            reached.add((source, target))
    assert reached == {pair for pair in EXPECTED if pair[0] == source}


@pytest.mark.parametrize("source", ["vote", "db"])
def test_only_pods_that_resolve_names_reach_the_name_service(app: App, source: str) -> None:
    pod = app.ready_pod(source)
    assert app.node.reaches(pod, "10.96.0.10", 53) == (source == "vote")
