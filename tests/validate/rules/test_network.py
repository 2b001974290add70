"""Hosts that just miss a Service, and egress rules as what a workload is for."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.resources.links import links
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import network
from tests.validate.rules.world import resources


def pods(name: str, env: str = "[]") -> str:
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n"
        f"spec: {{template: {{metadata: {{labels: {{app: {name}, tier: x}}}}, spec: {{containers: "
        f"[{{name: {name}, image: a:1, ports: [{{containerPort: 8080}}], env: {env}}}]}}}}}}\n"
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n"
    )


def policy(name: str, spec: str) -> str:
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy"
    return f"---\n{head}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def index(*texts: str) -> Index:
    return Index(resources("".join(texts).removeprefix("---\n"), "shop.yaml", "argocd/shop", "shop"))


def found(here: Index) -> list[str]:
    return [one.message for one in network.check(here, ClusterContext(here, True))]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_HOST", "rediss"),
        ("REDIS_ADDR", "redsi:6379"),
        ("REDIS_URL", "redis://user:x@rediss:6379/0"),
        ("CACHE_SERVERS", "redis:6379,rediss:6379"),
        ("REDIS_HOST", "rediss.shop.svc.cluster.local"),
    ],
)
def test_host_that_nearly_matches_a_service_is_reported(variable: str, value: str) -> None:
    (message,) = found(index(pods("redis"), pods("web", f"[{{name: {variable}, value: '{value}'}}]")))
    assert f"variable {variable} names the host" in message
    assert message.endswith("did you mean redis?")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_HOST", "redis"),
        ("REDIS_HOST", "localhost"),
        ("REDIS_HOST", "rediss.example.com"),
        ("REDIS_HOST", "rediss.other"),
        ("REDIS_HOST", "redis-replicas"),
        ("REDIS_HOST", "redis1"),
        ("REDIS_HOST", "$(NAME)"),
        ("REDIS_NAME", "rediss"),
        ("HOSTNAME", "rediss"),
        ("REDIS_HOST", "Some words about rediss"),
        ("API_URL", "https://api.example.com/redis"),
    ],
)
def test_other_hosts_are_left_alone(variable: str, value: str) -> None:
    assert found(index(pods("redis"), pods("web", f"[{{name: {variable}, value: '{value}'}}]"))) == []


CLOSED = policy("redis", "{podSelector: {matchLabels: {app: redis}}, ingress: []}")


@pytest.mark.parametrize(
    ("env", "is_cut"),
    [
        ("{name: QUEUE_HOST, value: redis}", True),
        ("{name: REDIS, value: redis}", True),
        ("{name: STORE, value: 'redis:80'}", True),
        ("{name: STORE, value: redis}", False),  # may be the name of a driver
    ],
)
def test_word_that_may_be_no_host_cuts_nothing(env: str, is_cut: bool) -> None:
    assert bool(found(index(pods("redis"), pods("web", f"[{env}]"), CLOSED))) is is_cut


def test_host_without_a_port_is_cut_where_every_port_is() -> None:
    store = pods("redis").replace(
        "[{port: 80,", "[{name: a, port: 81, targetPort: 8081}, {name: b, port: 80,"
    )
    web = pods("web", "[{name: REDIS_HOST, value: redis}]")
    half = "{podSelector: {matchLabels: {app: redis}}, ingress: [{ports: [{port: 8080}]}]}"
    assert found(index(store, web, policy("redis", half))) == []
    assert found(index(store, web, CLOSED)) != []


OUT = policy(
    "web", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [PEER]}, {ports: "
    "[{port: 53, protocol: UDP}]}]}"
)  # fmt: skip


def test_egress_rule_says_whom_a_workload_talks_to() -> None:
    out = OUT.replace("PEER", "{podSelector: {matchLabels: {app: redis}}}")
    here = index(pods("redis"), pods("web"), out)
    web = here.get("Deployment.apps", "shop", "web")
    assert web is not None
    assert [(link.host, link.how) for link in links(here, web)] == [
        ("redis", "the egress of NetworkPolicy shop/web")
    ]
    assert found(here) == []
    (message,) = found(index(pods("redis"), pods("web"), out, CLOSED))
    assert "allows nothing from web" in message


@pytest.mark.parametrize(
    "peer",
    [
        "{podSelector: {}}",
        "{podSelector: {matchLabels: {tier: x}}}",
        "{namespaceSelector: {}, podSelector: {matchLabels: {app: redis}}}",
        "{ipBlock: {cidr: 10.0.0.0/8}}",
    ],
)
def test_egress_rule_for_many_says_nothing_of_one(peer: str) -> None:
    assert found(index(pods("redis"), pods("web"), pods("db"), OUT.replace("PEER", peer), CLOSED)) == []


PROXY = "---\napiVersion: v1\nkind: Service\nmetadata: {name: a-proxy}\n"
PROXY += "spec: {selector: {app: peer}, ports: [{port: 8888, targetPort: proxy}]}\n"
NAMED = pods("peer").replace(
    "{containerPort: 8080}", "{containerPort: 8080}, {name: proxy, containerPort: 8888}"
)


def let_out(port: str, dns: str = "{}") -> str:
    """Egress from web to peer at a port, and to the pods of the cluster's DNS."""
    space = "{matchLabels: {kubernetes.io/metadata.name: kube-system}}"
    asked = f"to: [{{namespaceSelector: {space}, podSelector: {dns}}}]"
    return policy(
        "web",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: ["
        f"{{to: [{{podSelector: {{matchLabels: {{app: peer}}}}}}], ports: [{{port: {port}}}]}}, "
        f"{{{asked}, ports: [{{port: 53, protocol: UDP}}]}}]}}",
    )


@pytest.mark.parametrize("port", ["proxy", "8888", "8080"])
def test_an_egress_rule_is_for_the_service_of_its_port(port: str) -> None:
    assert found(index(pods("web"), NAMED, PROXY, let_out(port))) == []


def test_a_named_port_leads_to_the_service_in_front_of_it() -> None:
    here = index(pods("web"), NAMED, PROXY, let_out("proxy"))
    web = next(one for one in here.resources if one.name == "web" and one.kind == "Deployment.apps")
    assert [(one.host, one.port) for one in links(here, web)] == [("a-proxy", 8888)]


@pytest.mark.parametrize(
    ("labels", "blocked"),
    [
        ("{k8s-app: kube-dns}", False),
        ("{app.kubernetes.io/name: coredns, app.kubernetes.io/instance: coredns}", False),
        ("{k8s-app: coredns}", False),
        ("{k8s-app: kube-proxy}", True),
    ],
)
def test_dns_is_reached_by_the_labels_that_distributions_and_the_chart_give_it(
    labels: str, blocked: bool
) -> None:
    messages = found(index(pods("web"), NAMED, PROXY, let_out("proxy", f"{{matchLabels: {labels}}}")))
    assert ["blocks DNS" in one for one in messages] == ([True] if blocked else [])


@pytest.mark.parametrize(("port", "blocked"), [("5353", False), ("53", True)])
def test_dns_of_openshift_is_in_a_namespace_of_its_own_and_has_another_port(port: str, blocked: bool) -> None:
    space = "{matchLabels: {kubernetes.io/metadata.name: openshift-dns}}"
    out = policy(
        "web",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: ["
        "{to: [{podSelector: {matchLabels: {app: peer}}}], ports: [{port: 8888}]}, "
        f"{{to: [{{namespaceSelector: {space}}}], ports: [{{port: {port}, protocol: UDP}}]}}]}}",
    )
    messages = found(index(pods("web"), NAMED, PROXY, out))
    assert ["blocks DNS" in one for one in messages] == ([True] if blocked else [])


@pytest.mark.parametrize(
    ("headless", "note", "told"), [(False, "", False), (True, "", True), (False, "web:80", True)]
)
def test_the_name_of_its_own_service_is_no_connection_unless_its_members_find_one_another_by_it(
    headless: bool, note: str, told: bool
) -> None:
    own = pods("web", "[{name: ADVERTISED_URL, value: 'http://web:80'}]")
    if headless:
        own = own.replace("{selector: {app: web},", "{clusterIP: None, selector: {app: web},")
    if note:
        own = own.replace(
            "{name: web}", f"{{name: web, annotations: {{gitops-bootstrap.io/talks-to: '{note}'}}}}", 1
        )
    closed = policy("web", "{podSelector: {matchLabels: {app: web}}, ingress: []}")
    assert ["allows nothing from web" in one for one in found(index(own, closed))] == ([True] if told else [])
