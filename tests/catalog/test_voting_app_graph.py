"""Network policies and authorization policies let through the declared graph, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pytest

from tests.catalog import voting_app
from tests.catalog.voting_app import ENVIRONMENTS, ROOT, Object
from tests.catalog.voting_app_graph import (
    APP,
    APP_EDGES,
    GRAPH,
    LOOKUPS,
    PEERS,
    PODS,
    PORTS,
    PROXIES,
    SCRAPES,
    SIDECAR,
    TUNNEL,
    WAYS_IN,
    Edge,
    Peer,
    of_mesh,
)
from tests.catalog.voting_app_policies import mesh_allows, network_allows, waypoint_allows

OPENED = {"nodeport", "loadbalancer"}
PAGES = ("vote", "result")


def computed(policies: Iterable[Object], peers: Mapping[str, Peer], protocol: str = "TCP") -> set[Edge]:
    """Every edge that touches the app and passes, but for those into the proxies."""
    known = list(policies)
    return {
        (source, target, port)
        for source, one in peers.items()
        for target, other in peers.items()
        for port in PORTS
        if (source in PODS or target in PODS or "stranger" in (source, target)) and source != target
        if network_allows(known, one, other, port, protocol)
    }


def without_tunnel(edges: Iterable[Edge]) -> set[Edge]:
    return {edge for edge in edges if edge[2] != TUNNEL}


@pytest.mark.parametrize(
    "choice", [(), ("ingress",), ("gateway", "canary"), ("persistence", "backup", "monitoring")]
)
def test_the_network_lets_through_the_graph_and_nothing_else(choice: tuple[str, ...]) -> None:
    policies = voting_app.of_kind(voting_app.chosen((*choice, "network-policies")), "NetworkPolicy")
    assert without_tunnel(computed(policies, PEERS)) == GRAPH
    assert without_tunnel(computed(policies, PEERS, "UDP")) == LOOKUPS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_the_graph(environment: str) -> None:
    items = voting_app.environment(environment)
    policies = voting_app.of_kind(items, "NetworkPolicy")
    namespace = f"voting-app-{environment}"
    peers = {
        name: Peer(
            namespace if peer.namespace == APP else peer.namespace, peer.labels, peer.account, peer.address
        )
        for name, peer in PEERS.items()
    }
    opened = {("outside", page, 80) for page in PAGES} if environment == "dev" else set()
    assert without_tunnel(computed(policies, peers)) == GRAPH | opened


@pytest.mark.parametrize("exposure", sorted(OPENED))
def test_ports_of_nodes_and_load_balancers_open_the_two_pages_and_no_more(exposure: str) -> None:
    policies = voting_app.of_kind(voting_app.chosen((exposure, "network-policies")), "NetworkPolicy")
    opened = {("outside", page, 80) for page in PAGES}
    assert without_tunnel(computed(policies, PEERS)) == GRAPH | opened


def test_the_tunnel_of_the_mesh_follows_the_same_edges() -> None:
    policies = voting_app.of_kind(voting_app.chosen(("network-policies",)), "NetworkPolicy")
    tunnel = {(s, t) for s, t, port in computed(policies, PEERS) if port == TUNNEL}
    assert tunnel == {(s, t) for s, t, _ in APP_EDGES} | {("waypoint", page) for page in PAGES}


def test_with_sidecars_the_pods_reach_the_mesh_too() -> None:
    policies = voting_app.of_kind(voting_app.chosen(("mesh-sidecar", "network-policies")), "NetworkPolicy")
    peers = {**PEERS, **{name: pod.with_labels(SIDECAR) for name, pod in PODS.items()}}
    assert without_tunnel(computed(policies, peers)) == GRAPH | of_mesh(tuple(PODS))


def test_a_proxy_of_the_mesh_reaches_the_two_pages_and_the_mesh() -> None:
    policies = voting_app.of_kind(voting_app.chosen(("network-policies",)), "NetworkPolicy")
    for name, proxy in PROXIES.items():
        reached = {
            (name, target, port)
            for target, other in PEERS.items()
            for port in PORTS
            if target not in PROXIES and network_allows(policies, proxy, other, port)
        }
        direct = {edge for edge in APP_EDGES if edge[0] == name}
        mesh = {edge for edge in of_mesh((name,)) if edge[0] == name}
        assert reached == direct | mesh | {(name, page, TUNNEL) for page in PAGES}


@pytest.mark.parametrize("mesh", ["mesh-sidecar", "mesh-ambient"])
def test_the_mesh_lets_through_the_same_graph(mesh: str) -> None:
    items = voting_app.chosen((mesh,))
    policies = voting_app.of_kind(items, "AuthorizationPolicy")
    passed = {
        (source, target, port)
        for source, caller in PEERS.items()
        for target, pod in PODS.items()
        for port in PORTS
        if source != target and not caller.address and mesh_allows(policies, caller, pod, port)
    }
    # The exporters' ports are scraped without an identity, so no identity is asked for; the network policy
    # holds them to Prometheus.
    scraped = {(source, target, port) for source in PEERS for _, target, port in SCRAPES if source != target}
    through_waypoint = {("waypoint", page, 80) for page in PAGES}
    assert passed - scraped == APP_EDGES | through_waypoint
    assert passed & scraped == {edge for edge in scraped if not PEERS[edge[0]].address}


def test_whoever_has_no_identity_in_the_mesh_reaches_the_exporters_alone() -> None:
    items = voting_app.chosen(("mesh-sidecar",))
    policies = voting_app.of_kind(items, "AuthorizationPolicy")
    passed = {
        (target, port)
        for target, pod in PODS.items()
        for port in PORTS
        if mesh_allows(policies, PEERS["prometheus"], pod, port, identity=False)
    }
    assert passed == {(target, port) for _, target, port in SCRAPES}
    plain = {
        (item["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"], int(port))
        for item in voting_app.of_kind(items, "PeerAuthentication")
        for port, mode in item["spec"].get("portLevelMtls", {}).items()
        if mode["mode"] != "STRICT"
    }
    assert plain == passed
    modes = {i["spec"]["mtls"]["mode"] for i in voting_app.of_kind(items, "PeerAuthentication")}
    assert modes == {"STRICT"}


def test_the_waypoint_takes_the_ways_in_and_no_one_else() -> None:
    policy = voting_app.named(voting_app.chosen(("mesh-ambient",)), "AuthorizationPolicy", "waypoint")
    assert {name for name, peer in PEERS.items() if waypoint_allows(policy, peer)} == set(WAYS_IN)


def test_accounts_in_the_policies_are_accounts_that_pods_have() -> None:
    items = voting_app.chosen(("mesh-ambient", "backup"))
    accounts = {item["metadata"]["name"] for item in voting_app.of_kind(items, "ServiceAccount")}
    made_by_istio = {proxy.account for proxy in PROXIES.values()}
    named = {
        account
        for policy in voting_app.of_kind(items, "AuthorizationPolicy")
        for rule in policy["spec"].get("rules", ())
        for entry in rule.get("from", ())
        for account in entry["source"].get("serviceAccounts", ())
    }
    assert {"worker", "vote"} <= named
    assert named <= accounts | made_by_istio


def test_the_documentation_draws_the_same_graph() -> None:
    text = (ROOT / "apps/voting-app/README.md").read_text()
    text = text.partition("## Who may talk to whom")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\w ,-]+) \| ([\w ,-]+) \| (\d+) \|", text, re.M)
    drawn = {
        (source, target, int(port))
        for sources, targets, port in rows
        for source in sources.split(", ")
        for target in targets.split(", ")
    }
    assert drawn == GRAPH
