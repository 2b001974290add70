"""A rollout whose new pods cannot start: the old ones serve on, and what is wrong is said."""

from __future__ import annotations

from bootstrap import kube
from bootstrap.kube import workloads
from tests.real.app import VOTE, App
from tests.real.node import until

IMAGE, MISSING = b"examplevotingapp_vote:after", b"examplevotingapp_vote:nowhere"


def _trouble(app: App) -> workloads.Trouble | None:
    live = kube.get(app.node.cluster, "apps/v1", "Deployment", app.namespace, "vote")
    assert live is not None
    return workloads.trouble(app.node.cluster, live)


def test_a_rollout_to_an_image_that_is_nowhere_is_told_and_the_old_pod_serves_on(app: App) -> None:
    until(lambda: _trouble(app) is None, "vote to be as wanted")
    app.apply(IMAGE, MISSING)
    try:
        until(lambda: "ImagePull" in (found.text if (found := _trouble(app)) else ""), "what is wrong")
        found = _trouble(app)
        assert found is not None
        assert found.serves
        assert MISSING.decode() in found.text
        assert app.node.visit(VOTE).status == 200
    finally:
        app.apply()
    until(lambda: _trouble(app) is None, "vote to be as wanted again")
