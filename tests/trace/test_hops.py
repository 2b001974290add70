"""A trace walks from a host to the data behind it, and says where each hop is and in which state."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.repository.model import promised
from bootstrap.resources.index import APPLICATION, Index
from bootstrap.trace.hops import Hop, worst
from bootstrap.trace.remarks import namespaces, remark
from bootstrap.trace.text import lines
from bootstrap.trace.walk import trace
from bootstrap.validate.rule import ClusterContext
from tests.validate.rules.asking import placed, problems
from tests.validate.rules.world import CHILDREN, CLUSTER, ROOT, SHOP, broken, resources

NODE_PORT = "type: NodePort\n  ports: [{name: http, port: 80, targetPort: http, nodePort: 31000}]"
CANARY = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: split, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: edge}]
  hostnames: [split.example.com]
  rules:
    - backendRefs:
        - {name: web, port: 80, weight: 90}
        - {name: db, port: 5432, weight: 10}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: report
  namespace: shop
spec:
  selector: {matchLabels: {app: report}}
  template:
    metadata: {labels: {app: report}}
    spec:
      serviceAccountName: web
      containers:
        - name: report
          image: registry.example.com/report:1
          env: [{name: DATABASE_URL, value: "postgres://db.shop.svc:5432/shop"}]
          resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: far, namespace: other}
spec: {type: ExternalName, externalName: far.example.org}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: report, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: report}}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: db.example.org}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: old, namespace: shop}
spec:
  routes:
    - match: Host(`old.example.com`)
      services: [{name: web, port: 80}]
"""


def world(edits: dict[str, str] | None = None) -> tuple[Index, ClusterContext]:
    edits = edits or {}
    found = [
        *resources(broken(ROOT, edits), "root.yaml", ""),
        *resources(CHILDREN, "apps.yaml", "argocd/root"),
        *resources(CLUSTER, "cluster.yaml", "argocd/certificates"),
        *resources(broken(SHOP, edits) + CANARY, "apps/shop/shop.yaml", "argocd/shop"),
    ]
    applications = {f"{item.namespace}/{item.name}": item for item in found if item.kind == APPLICATION}
    secrets = {key: keys for item in applications.values() for key, keys in promised(item).items()}
    index = Index(found, (), secrets, applications)
    return index, ClusterContext(index, True, entrances={"traefik": {"edge": {}}})


def walk(target: str, edits: dict[str, str] | None = None) -> Hop:
    index, around = world(edits)
    root = trace(index, target, around.entrances)
    places = namespaces(root, index)
    found = [problem for some in problems(index, around, places).values() for problem in some]
    remark(root, index, [placed(problem) for problem in found])
    return root


def titles(root: Hop) -> list[str]:
    return [hop.title for hop in root.walk()]


def hop_of(root: Hop, title: str) -> Hop:
    return next(hop for hop in root.walk() if hop.title == title)


def test_whole_chain_is_walked_from_host_to_data() -> None:
    root = walk("shop.example.com/")
    assert worst(root) == "ok", "\n".join(lines(root))
    chain = [
        "Ingress shop/web",
        "Secret shop/web-tls",
        "Service shop/web",
        "Deployment shop/web",
        "ConfigMap shop/web",
        "Secret shop/db",
        "HorizontalPodAutoscaler shop/web",
        "PodDisruptionBudget shop/web",
        "Service shop/db",
        "StatefulSet shop/db",
        "Deployment shop/report",
    ]
    found = titles(root)
    assert [title for title in chain if title in found] == chain
    assert [found.index(title) for title in chain] == sorted(found.index(title) for title in chain)


def test_hop_knows_its_file_line_and_application() -> None:
    service = hop_of(walk("shop.example.com"), "Service shop/web")
    assert service.where.startswith("apps/shop/shop.yaml:")
    line = int(service.where.rpartition(":")[2])
    assert broken(SHOP, {}).splitlines()[line : line + 2][0] == "kind: Service"
    assert service.application == "argocd/shop"


def test_variables_are_reported_by_their_source_and_never_by_a_secrets_value() -> None:
    root = walk("shop.example.com")
    text = "\n".join(lines(root))
    assert "variable MODE of web ← key mode" in text
    assert "variable DB_PASSWORD of web ← key password" in text
    assert "variables in the manifest: LEVEL" in text
    assert "created in the cluster: Secret shop/db" in text
    assert "fast" not in text  # not even a ConfigMap's


def test_certificate_gateway_and_class_are_related_to_the_route() -> None:
    root = walk("shop.example.com")
    assert "issued by ClusterIssuer letsencrypt" in hop_of(root, "Secret shop/web-tls").details
    assert "Gateway edge/public" in titles(root)
    assert any("class traefik" in detail for detail in hop_of(root, "Ingress shop/web").details)


def test_path_chooses_the_rule_that_takes_it() -> None:
    assert "Ingress shop/other" in titles(walk("https://shop.example.com/other/deep"))
    assert "Ingress shop/web" not in titles(walk("shop.example.com/other/deep"))
    assert "Ingress shop/other" not in titles(walk("shop.example.com/otherwise"))


def test_weights_wildcards_and_other_kinds_of_routes_are_followed() -> None:
    split = walk("split.example.com")
    assert {hop.how for hop in split.walk() if hop.kind == "service"} >= {
        "split.example.com/, 90 % of requests",
        "split.example.com/, 10 % of requests",
    }
    assert "Service shop/web" in titles(walk("old.example.com"))


def test_node_port_needs_a_policy_that_lets_callers_from_outside_in() -> None:
    port = {"service ports": NODE_PORT}
    inside = {"way in": "- from: [{podSelector: {}}]"}
    assert worst(walk("localhost:31000", port)) == "ok"
    cut = hop_of(walk("localhost:31000", {**port, **inside}), "Service shop/web")
    assert [remark.rule for remark in cut.remarks] == ["GB349"]
    assert worst(walk("web.shop", {**port, **inside})) == "ok"  # from inside


def test_service_and_node_port_can_be_traced() -> None:
    assert "Service shop/db" in titles(walk("db.shop"))
    port = {"service ports": NODE_PORT}
    assert "Service shop/web" in titles(walk("localhost:31000", port))
    assert "db.example.org" in titles(walk("outside.shop"))


@pytest.mark.parametrize(
    ("mark", "line", "title", "rule"),
    [
        ("backend", "backend: {service: {name: web, port: {name: htp}}}", "Ingress shop/web", "GB302"),
        ("service selector", "selector: {app: wbe}", "Service shop/web", "GB303"),
        (
            "config key",
            "- {name: M, valueFrom: {configMapKeyRef: {name: web, key: x}}}",
            "Deployment shop/web",
            "GB312",
        ),
        ("policy peer", "- from: [{podSelector: {matchLabels: {app: api}}}]", "Service shop/db", "GB323"),
        (
            "principal",
            "- from: [{source: {principals: [cluster.local/ns/shop/sa/api]}}]",
            "Service shop/db",
            "GB325",
        ),
        ("budget", "maxUnavailable: 0", "PodDisruptionBudget shop/web", "GB322"),
    ],
)
def test_broken_hop_says_why_and_what_to_do(mark: str, line: str, title: str, rule: str) -> None:
    root = walk("shop.example.com/", {mark: line})
    assert worst(root) == "broken"
    hop = hop_of(root, title)
    assert hop.state == "broken"
    remark = next(one for one in hop.remarks if one.rule == rule)
    assert remark.message
    assert remark.fix
    assert f"! {rule} {remark.message}" in "\n".join(lines(root))


def test_missing_service_is_a_broken_hop() -> None:
    root = walk("shop.example.com/", {"backend": "backend: {service: {name: gone, port: {number: 80}}}"})
    assert hop_of(root, "Service shop/gone").state == "broken"


def test_unknown_host_is_reported_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        walk("shpo.example.com")
    assert "shop.example.com" in caught.value.hint


def test_loop_of_services_ends() -> None:
    root = walk("db.shop", {"talks": 'annotations: {gitops-bootstrap.io/talks-to: "db:5432, web:80"}'})
    assert sum(hop.title == "Deployment shop/web" and not hop.shown_above for hop in root.walk()) == 1


def test_data_is_json_with_the_same_hops() -> None:
    root = walk("shop.example.com")

    def count(data: dict[str, object]) -> int:
        return 1 + sum(count(child) for child in data["hops"])  # type: ignore[attr-defined]

    assert count(root.data()) == len(list(root.walk()))
