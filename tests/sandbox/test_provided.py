"""What a cluster has by itself, read from a real API server, and what `init` says about it."""

from __future__ import annotations

import pytest

from bootstrap import kube
from bootstrap.init import preflight
from bootstrap.kube.provided import TRACKING, provided
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.kubernetes import admin, made

CLASSES = (
    (
        "networking.k8s.io/v1",
        "IngressClass",
        "traefik",
        {"spec": {"controller": "traefik.io/ingress-controller"}},
    ),
    ("storage.k8s.io/v1", "StorageClass", "local-path", {"provisioner": "rancher.io/local-path"}),
)
COMPONENTS = {"IngressClass": "traefik", "StorageClass": "local-path-storage"}


@pytest.mark.parametrize(("api_version", "kind", "name", "content"), CLASSES)
def test_what_the_cluster_has_by_itself_is_told_apart_from_what_argocd_brought(
    api_server: Sandbox, api_version: str, kind: str, name: str, content: dict[str, object]
) -> None:
    cluster = admin(api_server)
    item = {"apiVersion": api_version, "kind": kind, "metadata": {"name": f"{name}-of-a-test"}, **content}
    component = COMPONENTS[kind]
    assert component not in provided(cluster)
    kube.apply(cluster, [made(item)])
    try:
        assert provided(cluster)[component] == f"{kind} {name}-of-a-test"
        kube.annotate(cluster, api_version, kind, None, f"{name}-of-a-test", {TRACKING: f"{component}:a:b"})
        assert component not in provided(cluster)
    finally:
        kube.delete(cluster, [made(item)])


def test_a_component_that_doubles_what_is_there_is_named_with_the_way_out() -> None:
    there = {"traefik": "IngressClass traefik", "metrics-server": "APIService v1beta1.metrics.k8s.io"}
    (finding,) = preflight.of_doubles(there, ["traefik", "argocd"])
    assert "IngressClass traefik" in finding.found
    assert "--without traefik" in finding.fix
    assert not finding.fatal
