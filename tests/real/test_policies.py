"""Every pair of pods, strangers too: packets go where the policies are computed to let them, no further."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bootstrap import kube
from bootstrap.manifests import split
from bootstrap.resources.index import Index
from bootstrap.resources.policies import Peer, cut, peer
from tests.real.app import WORKLOADS, App
from tests.real.node import is_ready, until
from tests.validate.rules.world import resources

PORTS = {"vote": 80, "result": 80, "redis": 6379, "db": 5432}
DOCUMENTED = {
    ("vote", "redis"),
    ("worker", "redis"),
    ("worker", "db"),
    ("result", "db"),
    ("backup", "db"),
    ("elsewhere", "vote"),
    ("elsewhere", "result"),
}
"""Who may call whom, by the documentation; the component nodeport opens both pages to every address."""
ELSEWHERE = "elsewhere"
STRANGERS = {
    "unknown": ("voting-app-dev", {}),
    "backup": ("voting-app-dev", {"app.kubernetes.io/component": "backup"}),
    ELSEWHERE: (ELSEWHERE, {"app.kubernetes.io/component": "worker"}),
}
"""Pods that are not the app's, by name: their namespace and labels."""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsNonRoot: true, runAsUser: 999, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: sleeps
      image: redis:8.2.3-alpine
      command: [sleep, "100000"]
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
---
"""


@pytest.fixture(scope="module")
def strangers(app: App) -> Iterator[App]:
    """The app, with pods that are not its own beside it."""
    kube.ensure_namespace(app.node.cluster, ELSEWHERE)
    text = "".join(
        POD.format(name=name, namespace=namespace, labels={"app.kubernetes.io/name": name, **labels})
        for name, (namespace, labels) in STRANGERS.items()
    )
    pods = split.split(text.encode(), "the test")
    kube.apply(app.node.cluster, pods, force=True)
    for name, (namespace, _) in STRANGERS.items():
        running = partial(app.node.pods, namespace, name)
        until(lambda running=running: any(is_ready(pod) for pod in running()), f"the pod {name}")  # type: ignore[misc]
    yield app
    kube.delete(app.node.cluster, pods)


@pytest.mark.parametrize("source", [*WORKLOADS, *STRANGERS])
def test_a_pod_reaches_what_the_policies_allow_and_nothing_else(strangers: App, source: str) -> None:
    app = strangers
    namespace = STRANGERS[source][0] if source in STRANGERS else app.namespace
    (pod,) = [each for each in app.node.pods(namespace, source) if is_ready(each)]
    index = Index(resources(app.text.decode(), "dev.yaml", "argocd/voting-app-dev", app.namespace))
    workloads = {item.name: item for item in index.of("Deployment.apps")}
    caller = Peer(namespace, pod["metadata"]["labels"]) if source in STRANGERS else peer(workloads[source])
    computed, reached = set(), set()
    for target, port in PORTS.items():
        if target == source:
            continue
        if cut(index, caller, peer(workloads[target]), port) is None:
            computed.add((source, target))
        if app.node.reaches(pod, app.ready_pod(target)["status"]["podIP"], port):
            reached.add((source, target))
    assert reached == computed == {pair for pair in DOCUMENTED if pair[0] == source}


@pytest.mark.parametrize("source", ["vote", "db"])
def test_only_pods_that_resolve_names_reach_the_name_service(app: App, source: str) -> None:
    pod = app.ready_pod(source)
    assert app.node.reaches(pod, "10.96.0.10", 53) == (source == "vote")
