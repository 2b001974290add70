"""What a cluster has by itself, read from a real API server, and what `init` says about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.init import preflight
from bootstrap.kube.connection import request
from bootstrap.kube.entrances import Entrances, entrances
from bootstrap.kube.provided import TRACKING, provided
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.kubernetes import admin, crd, made, powerless, temporary_namespace

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


def gateway_classes() -> ClusterObject:
    body = json.loads(crd("gateway.networking.k8s.io", "GatewayClass", "Cluster").text)
    body["metadata"] = {
        "name": "gatewayclasses.gateway.networking.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"},
    }
    body["spec"]["names"]["plural"] = "gatewayclasses"
    return made(body)


def test_gateway_classes_are_read_with_their_controllers(api_server: Sandbox) -> None:
    cluster = admin(api_server)
    assert entrances(cluster).gateway == {}
    definition = gateway_classes()
    item = made(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "of-a-test"},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        }
    )
    try:
        kube.apply(cluster, [definition, item])
        assert entrances(cluster).gateway == {"of-a-test": "traefik.io/gateway-controller"}
        assert provided(cluster)["traefik"] == "GatewayClass of-a-test"
    finally:
        kube.delete(cluster, [definition])
    assert entrances(cluster).gateway == {}


def test_ingress_classes_are_read_with_the_default_one(api_server: Sandbox) -> None:
    cluster = admin(api_server)
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    items = [
        made(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {"name": name, "annotations": annotations},
                "spec": {"controller": "example.com/of-a-test"},
            }
        )
        for name, annotations in (("first-of-a-test", {}), ("second-of-a-test", default))
    ]
    try:
        kube.apply(cluster, items)
        assert entrances(cluster).ingress == {"first-of-a-test": False, "second-of-a-test": True}
    finally:
        kube.delete(cluster, items)


def a_node(provider: str) -> ClusterObject:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "of-a-test"}}
    return made({**node, "spec": {"providerID": provider}})


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (a_node("aws:///eu-central-1a/i-0123"), "node of-a-test belongs to AWS"),
        (a_node("k3s://of-a-test"), "node of-a-test belongs to k3s"),
        (a_node("kind://docker/kind/node"), ""),
        (crd("metallb.io", "IPAddressPool"), "MetalLB is installed"),
    ],
)
def test_what_gives_services_addresses_is_told_by_what_shows_it(
    api_server: Sandbox, item: ClusterObject, shown: str
) -> None:
    cluster = admin(api_server)
    assert entrances(cluster).balancer == ""
    try:
        kube.apply(cluster, [item])
        assert entrances(cluster).balancer == shown
    finally:
        kube.delete(cluster, [item])


def test_a_service_that_has_an_address_shows_that_others_will(api_server: Sandbox) -> None:
    cluster = admin(api_server)
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "a"}}
    metadata = {"name": "of-a-test", "namespace": "default"}
    item = made({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    try:
        kube.apply(cluster, [item])
        assert entrances(cluster).balancer == "", "it is pending, as it would be for good"
        request(
            cluster,
            "PATCH",
            "/api/v1/namespaces/default/services/of-a-test/status",
            "as a load balancer",
            body=b'{"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}',
            content_type="application/merge-patch+json",
        )
        assert entrances(cluster).balancer == "Service default/of-a-test has an address"
    finally:
        kube.delete(cluster, [item])


def test_what_may_not_be_read_is_unknown(api_server: Sandbox, tmp_path: Path) -> None:
    with temporary_namespace(admin(api_server)) as name:
        nobody = powerless(admin(api_server), api_server, name, tmp_path)
        assert entrances(nobody) == Entrances()


def test_the_metrics_api_is_looked_for(api_server: Sandbox) -> None:
    assert entrances(admin(api_server)).metrics is False
