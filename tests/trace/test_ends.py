"""What a host leads to besides Services that select pods, and what is said of what Git does not show."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.repository.model import Unknown
from bootstrap.resources.index import Index, Resource
from bootstrap.trace.text import lines
from bootstrap.trace.walk import trace
from tests.validate.rules.world import SHOP, resources

ROUTES = """\
---
apiVersion: v1
kind: Service
metadata: {name: disk, namespace: shop}
spec: {ports: [{port: 443}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: disk, namespace: shop}
subsets: [{addresses: [{ip: 192.0.2.6}, {ip: 192.0.2.7}], ports: [{port: 443}]}]
---
apiVersion: v1
kind: Service
metadata: {name: tape, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: tape-1, namespace: shop, labels: {kubernetes.io/service-name: tape}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.9]}]
ports: [{port: 8080}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: bare, namespace: shop}
spec:
  entryPoints: [websecure]
  routes:
    - match: Host(`bare.example.net`)
      services: [{name: noop@internal, kind: TraefikService}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: to-www, namespace: shop}
spec:
  parentRefs: [{name: elsewhere, namespace: edge}]
  hostnames: [www.example.net]
  rules: [{filters: [{type: RequestRedirect, requestRedirect: {hostname: shop.example.net}}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: far, namespace: shop}
spec:
  parentRefs: [{name: elsewhere, namespace: edge}]
  hostnames: [far.example.net]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: mesh-edge, namespace: shop}
spec:
  selector: {app: edge}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["*"]
      tls: {mode: SIMPLE, credentialName: edge}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: meshed, namespace: shop}
spec:
  hosts: [meshed.example.net]
  gateways: [mesh-edge]
  http: [{route: [{destination: {host: web, port: {number: 80}}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: moved, namespace: shop}
spec:
  hosts: [moved.example.net]
  gateways: [istio-system/absent]
  http: [{redirect: {authority: meshed.example.net}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: rest, namespace: shop}
spec:
  rules:
    - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: alb
  namespace: shop
  annotations: {alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]'}
spec:
  rules:
    - host: alb.example.net
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: disk, port: {number: 443}}}}]}
"""


GATEWAYS = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: wide, namespace: edge}
spec:
  gatewayClassName: any
  listeners:
    - name: one
      protocol: HTTPS
      port: 443
      hostname: "*.one.example"
      tls: {certificateRefs: [{name: cert-one, namespace: certs}]}
    - name: two
      protocol: HTTPS
      port: 443
      hostname: "*.two.example"
      tls: {certificateRefs: [{name: cert-two}]}
    - {name: plain, protocol: HTTP, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: both, namespace: shop}
spec:
  parentRefs: [{name: wide, namespace: edge}]
  hostnames: [shop.one.example, Shop.Two.example]
  rules: [{backendRefs: [{name: disk, port: 443}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bare, namespace: shop}
spec:
  parentRefs: [{name: wide, namespace: edge, sectionName: plain}]
  hostnames: [bare.one.example]
  rules: [{backendRefs: [{name: disk, port: 443}]}]
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: rows, namespace: shop}
spec:
  parentRefs: [{name: elsewhere, namespace: edge}]
  rules: [{backendRefs: [{name: disk, port: 5432}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: pair, namespace: shop}
spec:
  tls: [{hosts: [a.pair.example], secretName: cert-a}, {hosts: [b.pair.example], secretName: cert-b}]
  rules:
    - host: a.pair.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: disk, port: {number: 443}}}}]}
    - host: b.pair.example
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: disk, port: {number: 443}}}}]}
"""


def routed(*names: str) -> str:
    """What is shown of hosts, traced one after the other."""
    index = Index(
        [
            *resources(SHOP, "web.yaml", "argocd/shop"),
            *resources(ROUTES + GATEWAYS, "shop.yaml", "argocd/shop"),
        ]
    )
    return "\n".join(line for name in names for line in lines(trace(index, name)))


def test_service_without_a_selector_leads_to_the_addresses_that_git_lists() -> None:
    shown = routed("disk.shop", "tape.shop")
    assert "Endpoints lists: 192.0.2.6, 192.0.2.7" in shown
    assert "EndpointSlice lists: 192.0.2.9" in shown
    assert "port 8080" in shown


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("bare.example.net", "Traefik answers itself (noop@internal)"),
        ("www.example.net", "the entry redirects"),
        ("moved.example.net", "the entry redirects"),
    ],
)
def test_rule_that_answers_without_a_service_serves_its_host(host: str, told: str) -> None:
    assert f"{host}/: {told}" in routed(host)


@pytest.mark.parametrize(
    "host", ["far.example.net", "meshed.example.net", "alb.example.net", "bare.example.net"]
)
def test_tls_that_git_does_not_show_is_not_denied(host: str) -> None:
    assert "plain HTTP" not in routed(host)


def test_port_after_a_host_is_no_part_of_its_name() -> None:
    assert "HTTPRoute shop/far" in routed("https://far.example.net:8443/x")
    assert "Ingress shop/rest" not in routed("far.example.net:443")


@pytest.mark.parametrize("target", ["", "no such host", " ", "a b/c", "https://"])
def test_what_is_no_host_is_refused_though_a_route_takes_every_host(target: str) -> None:
    with pytest.raises(InputError) as caught:
        routed(target)
    assert caught.value.found == "that is no host"


def test_what_a_chain_lacks_may_be_in_what_was_not_read() -> None:
    where = ("https://kubernetes.default.svc", "shop", "apps/shop.yaml", 1)
    unread = [
        Unknown("argocd/other", "chart other", "helm fetches charts only with --fetch-charts", *where),
        Unknown("argocd/shop", "chart shop", "helm fetches charts only with --fetch-charts", *where),
    ]
    rest = Index(resources(ROUTES, "shop.yaml", "argocd/shop"), {"shop"})
    root = trace(rest, "any.example.org", unread=unread)
    (remark_,) = [one for hop in root.walk() for one in hop.remarks]
    assert remark_.state == "unknown"
    assert (
        "it is in nothing that was read; it may be in chart shop of Application argocd/shop"
        in remark_.message
    )
    assert remark_.fix == "trace with --fetch-charts"


def test_host_that_nothing_names_is_found_only_where_every_host_is_taken() -> None:
    index = Index(resources(ROUTES, "shop.yaml", "argocd/shop"))
    with pytest.raises(InputError):
        trace(index, "any.example.org", any_host=False)
    assert trace(index, "any.example.org").hops[0].title == "Ingress shop/rest"


def test_application_that_is_called_as_a_class_is_its_controller() -> None:
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "own-edge"}}
    classed = ROUTES.replace(
        "spec:\n  rules:\n    - http", "spec:\n  ingressClassName: own-edge\n  rules:\n    - http"
    )
    found = resources(classed, "shop.yaml", "argocd/shop")
    alone, with_it = Index(found), Index(found, applications={"argocd/own-edge": Resource(body, "argocd")})
    assert "whose controller is not in Git" in shown(alone)
    assert "served by class own-edge (Application argocd/own-edge)" in shown(with_it)


def shown(index: Index) -> str:
    return "\n".join(lines(trace(index, "any.example.org")))


@pytest.mark.parametrize(
    ("host", "shown_", "not_shown"),
    [
        ("shop.one.example", "Secret certs/cert-one", "cert-two"),
        ("shop.two.example", "Secret edge/cert-two", "cert-one"),
        ("bare.one.example", "plain HTTP: no TLS for this host", "cert-one"),
        ("b.pair.example", "Secret shop/cert-b", "cert-a"),
        ("meshed.example.net", "listens: Gateway shop/mesh-edge", "plain HTTP"),
    ],
)
def test_certificates_are_those_of_the_listeners_that_take_the_host(
    host: str, shown_: str, not_shown: str
) -> None:
    text = routed(host)
    assert shown_ in text
    assert not_shown not in text


def test_route_of_a_port_takes_no_host() -> None:
    index = Index(resources(GATEWAYS, "shop.yaml", "argocd/shop"))
    with pytest.raises(InputError):
        trace(index, "any.example.org")


@pytest.mark.parametrize(("variable", "told"), [("APP_NAME", ""), ("MODE", ""), ("PEER_HOST", "talks to it")])
def test_a_word_that_is_the_name_of_its_own_service_is_no_link(variable: str, told: str) -> None:
    own = f"""\
apiVersion: v1
kind: Service
metadata: {{name: desk, namespace: shop}}
spec: {{selector: {{app: desk}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: desk, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: desk}}}}
  template:
    metadata: {{labels: {{app: desk}}}}
    spec: {{containers: [{{name: desk, image: "desk:1", env: [{{name: {variable}, value: desk}}]}}]}}
"""
    text = "\n".join(lines(trace(Index(resources(own, "desk.yaml", "argocd/desk")), "desk.shop")))
    assert told in text
    assert bool(told) == ("talk to it" in text or "talks to it" in text)
