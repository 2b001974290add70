"""Computes what policies let through: network policies by Kubernetes' rules, authorization by Istio's."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from tests.catalog.voting_app import Object, selects
from tests.catalog.voting_app_graph import Peer


def network_allows(
    policies: Iterable[Object], source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> bool:
    """Whether a connection passes: the caller's egress and the called one's ingress must both let it."""
    known = list(policies)
    return _side(known, "egress", source, target, port, protocol) and _side(
        known, "ingress", target, source, port, protocol
    )


def _side(policies: list[Object], side: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    kind = side.capitalize()
    mine = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and selects(policy["spec"]["podSelector"], pod.labels)
        and kind in policy["spec"]["policyTypes"]
    ]
    if not mine:
        return True  # no policy of that kind selects it: all is let through
    rules = [rule for spec in mine for rule in spec.get(side) or ()]
    peers = "to" if side == "egress" else "from"
    return any(
        _port_fits(rule.get("ports"), port, protocol)
        and (not rule.get(peers) or any(_is_peer(peer, pod.namespace, other) for peer in rule[peers]))
        for rule in rules
    )


def _port_fits(ports: Iterable[Mapping[str, Any]] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(entry["port"] == port and entry.get("protocol", "TCP") == protocol for entry in ports)


def _is_peer(peer: Mapping[str, Any], namespace: str, other: Peer) -> bool:
    if "ipBlock" in peer:
        assert "except" not in peer["ipBlock"], "not modelled"
        block = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return bool(other.address) and ipaddress.ip_address(other.address) in block
    if other.address:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        if not selects(peer["namespaceSelector"], labels):
            return False
    elif other.namespace != namespace:
        return False
    return selects(peer.get("podSelector"), other.labels)


def mesh_allows(
    policies: Iterable[Object], source: Peer, target: Peer, port: int, identity: bool = True
) -> bool:
    """Whether the called pod's proxy lets it in; without an `identity` the caller came in plain text."""
    mine = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == target.namespace
        and "targetRefs" not in policy["spec"]
        and selects(policy["spec"].get("selector"), target.labels)
    ]
    assert all(policy["spec"].get("action", "ALLOW") == "ALLOW" for policy in mine), "DENY is not modelled"
    rules = [rule for policy in mine for rule in policy["spec"].get("rules") or ()]
    return not mine or any(_rule_allows(rule, source, target.namespace, port, identity) for rule in rules)


def waypoint_allows(policy: Object, source: Peer) -> bool:
    """Whether the waypoint that the policy is bound to takes the caller."""
    namespace = policy["metadata"]["namespace"]
    return any(_rule_allows(rule, source, namespace, 0, True) for rule in policy["spec"]["rules"])


def _rule_allows(rule: Mapping[str, Any], source: Peer, namespace: str, port: int, identity: bool) -> bool:
    assert set(rule) <= {"from", "to"}, rule
    callers = rule.get("from")
    ports = [text for entry in rule.get("to") or () for text in entry["operation"]["ports"]]
    if rule.get("to") and str(port) not in ports:
        return False
    return not callers or (
        identity and any(_is_source(entry["source"], source, namespace) for entry in callers)
    )


def _is_source(entry: Mapping[str, Any], source: Peer, namespace: str) -> bool:
    assert len(entry) == 1, f"one field a source, or it means both: {entry}"
    if "namespaces" in entry:
        return source.namespace in entry["namespaces"]
    accounts = {name if "/" in name else f"{namespace}/{name}" for name in entry["serviceAccounts"]}
    return f"{source.namespace}/{source.account}" in accounts
