"""A trace follows Traefik's and OpenShift's own routes, and reports what is wrong with what they lead to."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.resources.other_routes import ways
from bootstrap.trace.hops import Hop, worst
from bootstrap.trace.remarks import namespaces, reached
from bootstrap.trace.walk import trace
from tests.validate.rules.world import resources

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}]}]}
---
"""


def index(text: str) -> Index:
    return Index(resources(SERVICE + text, "shop.yaml", "argocd/shop", "shop"))


def titles(root: Hop) -> list[str]:
    return [hop.title for hop in root.walk()]


ROUTE = "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: web}\nspec: SPEC\n"


@pytest.mark.parametrize(
    ("spec", "port"),
    [
        ("{host: a.example.com, to: {name: web}, port: {targetPort: http}}", 80),
        ("{host: a.example.com, to: {name: web}, port: {targetPort: 8080}}", 80),
        ("{host: a.example.com, to: {kind: Service, name: web, weight: 100}}", None),
    ],
)
def test_route_of_openshift_is_followed_to_the_pods(spec: str, port: int | None) -> None:
    """kustomize#5156"""
    here = index(ROUTE.replace("SPEC", spec))
    (way,) = ways(here)
    assert (way.host, way.service, way.port) == ("a.example.com", "web", port)
    root = trace(here, "a.example.com")
    assert titles(root)[1:4] == ["Route shop/web", "Service shop/web", "Pod shop/web"]
    assert worst(root) == "ok"


def test_related_backends_have_their_share_and_a_certificate_is_a_hop() -> None:
    spec = "{host: a.example.com, to: {name: web, weight: 90}, alternateBackends: [{name: b, weight: 10}], "
    spec += "tls: {externalCertificate: {name: cert}}}"
    here = index(ROUTE.replace("SPEC", spec))
    assert [(way.service, way.weight, way.tls) for way in ways(here)] == [("web", 90, True), ("b", 10, True)]
    root = trace(here, "a.example.com")
    assert "Secret shop/cert" in titles(root)
    assert worst(root) == "broken"  # b is not there


TRAEFIK = "apiVersion: traefik.io/v1alpha1\nkind: KIND\nmetadata: {name: NAME}\nspec: SPEC\n"


def traefik(kind: str, name: str, spec: str) -> str:
    return TRAEFIK.replace("KIND", kind).replace("NAME", name).replace("SPEC", spec)


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("Host(`a.example.com`)", [("a.example.com", "/")]),
        ("Host(`a`, `b`)", [("a", "/"), ("b", "/")]),
        ("Host(`a`) && PathPrefix(`/api`)", [("a", "/api")]),
        ("Host(`a`) && PathPrefix(`/api`) || Host(`b`)", [("a", "/api"), ("b", "/")]),
        ("PathPrefix(`/api`)", [("*", "/api")]),
        ("HostSNI(`a`)", [("a", "/")]),
        ("HostRegexp(`.+`)", []),
    ],
)
def test_rules_of_an_ingress_route(match: str, found: list[tuple[str, str]]) -> None:
    route = traefik("IngressRoute", "r", f"{{routes: [{{match: '{match}', services: [{{name: web}}]}}]}}")
    assert [(way.host, way.path) for way in ways(index(route))] == found


def test_weighted_services_of_traefik_are_followed_and_loops_end() -> None:
    route = "{routes: [{match: 'Host(`a.b`)', services: [{name: split, kind: TraefikService}]}]}"
    split = "{weighted: {services: [{name: web, port: 80, weight: 3}, {name: split, kind: TraefikService}]}}"
    text = traefik("IngressRoute", "r", route) + "---\n" + traefik("TraefikService", "split", split)
    assert {(way.service, way.port) for way in ways(index(text))} == {("web", 80)}


def test_what_an_object_leads_to_by_names_concerns_the_trace() -> None:
    text = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {secretName: web-tls, issuerRef: {kind: ClusterIssuer, name: ca}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: ca}
spec: {}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: mesh}
spec: {}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [a.example.com], gateways: [mesh/edge], http: [{route: [{destination: {host: web}}]}]}
"""
    here = index(text)
    (certificate,) = here.of("Certificate.cert-manager.io")
    assert [str(one) for one in reached(here, certificate)] == ["ClusterIssuer ca"]
    assert namespaces(trace(here, "a.example.com"), here) == {"", "shop", "mesh"}


def test_volume_that_was_there_before_its_claim_is_a_hop() -> None:
    """mountpoint-s3-csi-driver#182"""
    text = """\
apiVersion: v1
kind: Pod
metadata: {name: reader, labels: {app: web}}
spec: {volumes: [{name: a, persistentVolumeClaim: {claimName: models}}], containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: models}
spec: {volumeName: models, storageClassName: ''}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: models}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany]}
"""
    hop = next(one for one in trace(index(text), "web.shop").walk() if one.title == "PersistentVolume models")
    assert (hop.how, hop.details) == ("bound to", ["1Gi, ReadWriteMany, class none"])
