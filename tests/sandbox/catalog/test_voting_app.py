"""A real API server takes every object of the voting app: each environment, each component, all pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bootstrap import kube
from bootstrap.core.errors import ClusterError
from bootstrap.kube.crds import PAUSE, SERVED_TIMEOUT
from bootstrap.manifests import split as manifests
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.catalog import custom_resources, voting_app
from tests.sandbox.conftest import private_invocation

KINDS = (
    "AuthorizationPolicy", "DestinationRule", "PeerAuthentication", "Telemetry", "VirtualService",
    "Gateway", "HTTPRoute", "PodMonitor", "PrometheusRule",
)  # fmt: skip
"""Not Kubernetes' own; Istio has a Gateway too, which the voting app does not use."""


@pytest.fixture(scope="module")
def server(api_server: Sandbox) -> Iterator[kube.Cluster]:
    """The API server, knowing the kinds of Istio, the Gateway API and the Prometheus operator as well."""
    cluster = kube.connect(private_invocation(api_server.folder), api_server.context, api_server.kubeconfig)
    definitions = custom_resources.definitions(KINDS)
    kube.apply(cluster, definitions)
    yield cluster
    delete_all(cluster, definitions)


@pytest.fixture(scope="module")
def namespaces(server: kube.Cluster) -> Iterator[None]:
    """The app's own namespaces: without one, the server tries none of what goes into it."""
    texts = [voting_app.run(voting_app.APP / "overlays" / name) for name in voting_app.ENVIRONMENTS]
    texts.append(voting_app.run(voting_app.APP / "monitoring"))
    found = [item for text in texts for item in split(text) if item.kind == "Namespace"]
    kube.apply(server, found)
    yield
    delete_all(server, found)


def delete_all(cluster: kube.Cluster, objects: list[ClusterObject]) -> None:
    """Side by side: each deletion waits for what it owns."""
    with ThreadPoolExecutor(max_workers=len(objects)) as pool:
        list(pool.map(lambda item: kube.delete(cluster, [item]), objects))


def split(text: str) -> list[ClusterObject]:
    return manifests.split(text.encode(), "kustomize")


def refused(server: kube.Cluster, objects: list[ClusterObject]) -> list[str]:
    """What the server says against them; also a kind that it does not know.

    A kind is served a moment after its CRD is Established.
    """
    deadline = time.monotonic() + SERVED_TIMEOUT
    while True:
        try:
            previews = kube.preview(server, objects, force=True)
        except ClusterError as error:
            return [str(error)]
        untried = [f"{preview.object} could not be tried" for preview in previews if preview.after is None]
        if not untried or time.monotonic() > deadline:
            return untried
        time.sleep(PAUSE)


@pytest.mark.parametrize("environment", voting_app.ENVIRONMENTS)
@pytest.mark.usefixtures("namespaces")
def test_every_environment_is_accepted(server: kube.Cluster, environment: str) -> None:
    text = voting_app.run(voting_app.APP / "overlays" / environment)
    assert not refused(server, split(text))


@pytest.mark.usefixtures("namespaces")
def test_alerts_and_dashboard_are_accepted(server: kube.Cluster) -> None:
    assert not refused(server, split(voting_app.run(voting_app.APP / "monitoring")))


@pytest.mark.usefixtures("namespaces")
def test_every_component_alone_and_every_pair_is_accepted(server: kube.Cluster) -> None:
    alone = [(component,) for component in voting_app.COMPONENTS]
    texts = voting_app.chosen_texts([*alone, *voting_app.PAIRS])
    # Most objects are the same in many builds: the server is asked about each different one once.
    different = {(str(item), item.text): item for text in texts.values() for item in split(text)}
    assert {item.kind for item in different.values()} > {
        "VirtualService",
        "HTTPRoute",
        "PodMonitor",
        "CronJob",
    }
    assert not refused(server, list(different.values()))


@pytest.mark.usefixtures("namespaces")
def test_a_wrong_object_of_each_family_is_refused(server: kube.Cluster) -> None:
    """The checks above can fail: one field made wrong in each kind of kind."""
    texts = voting_app.chosen_texts([("mesh-sidecar",), ("gateway",), ("monitoring",)])
    wrong = {
        ("mesh-sidecar",): (b"timeout: 10s", b"timeout: soon", "VirtualService"),
        ("gateway",): (b"mode: Terminate", b"mode: Guess", "Gateway"),
        ("monitoring",): (b"interval: 15s", b"interval: often", "PodMonitor"),
    }
    for choice, (right, other, kind) in wrong.items():
        objects = [item for item in split(texts[choice]) if item.kind == kind]
        spoiled = [
            ClusterObject(o.api_version, o.kind, o.namespace, o.name, o.text.replace(right, other))
            for o in objects
        ]
        assert refused(server, objects) == []
        assert refused(server, spoiled), kind
