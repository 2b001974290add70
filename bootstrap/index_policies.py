"""Pure: may one workload reach another: NetworkPolicies and the mesh's AuthorizationPolicies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from bootstrap.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.index_pods import find_port, pod_labels, pod_spec

NETWORK_POLICY = "NetworkPolicy.networking.k8s.io"
AUTHORIZATION = "AuthorizationPolicy.security.istio.io"

Direction = Literal["Ingress", "Egress"]


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a workload, or (workload None) some pod of a namespace."""

    namespace: str
    labels: Mapping[str, Any]
    workload: Resource | None = None


def peer(workload: Resource) -> Peer:
    return Peer(workload.namespace, pod_labels(workload), workload)


def policies(index: Index, end: Peer, direction: Direction) -> list[Resource]:
    """The NetworkPolicies that isolate an end in a direction."""
    return [
        policy
        for policy in index.of(NETWORK_POLICY, namespace=end.namespace)
        if direction in _types(policy) and label_selects(policy.spec.get("podSelector"), end.labels)
    ]


def cut(
    index: Index, source: Peer, target: Peer, port: int | None, protocol: str = "TCP"
) -> tuple[Resource, Direction] | None:
    """The policy that stands in the way of a connection and its direction; None when it may pass.

    Policies only add up: an end that some policy isolates needs one of them to let the other end in.
    """
    ends: tuple[tuple[Direction, Peer, Peer, str], ...] = (
        ("Egress", source, target, "to"),
        ("Ingress", target, source, "from"),
    )
    for direction, here, there, field in ends:
        found = policies(index, here, direction)
        if found and not any(
            _admits(index, policy, direction, field, there, target, port, protocol) for policy in found
        ):
            return found[0], direction
    return None


def _types(policy: Resource) -> list[str]:
    types = [str(item) for item in sequence(policy.spec.get("policyTypes"))]
    return types or (["Ingress", "Egress"] if "egress" in policy.spec else ["Ingress"])


def _admits(
    index: Index,
    policy: Resource,
    direction: Direction,
    field: str,
    other: Peer,
    target: Peer,
    port: int | None,
    protocol: str,
) -> bool:
    for rule in mappings(policy.spec.get(direction.lower())):
        peers = mappings(rule.get(field))
        fits = not peers or any(_is(index, policy, item, other) for item in peers)
        if fits and _port(rule, target, port, protocol):
            return True
    return False


def _is(index: Index, policy: Resource, wanted: Mapping[str, Any], other: Peer) -> bool:
    if "ipBlock" in wanted:
        return str(dig(wanted, "ipBlock", "cidr")) in ("0.0.0.0/0", "::/0")
    if "namespaceSelector" in wanted:
        if not label_selects(wanted["namespaceSelector"], namespace_labels(index, other.namespace)):
            return False
    elif other.namespace != policy.namespace:
        return False
    return "podSelector" not in wanted or label_selects(wanted["podSelector"], other.labels)


def namespace_labels(index: Index, name: str) -> Mapping[str, Any]:
    found = index.get("Namespace", "", name)
    return {"kubernetes.io/metadata.name": name, **(found.labels if found else {})}


def _port(rule: Mapping[str, Any], target: Peer, port: int | None, protocol: str) -> bool:
    ports = mappings(rule.get("ports"))
    if not ports or port is None:
        return True
    for item in ports:
        if str(item.get("protocol") or "TCP") != protocol:
            continue
        wanted = item.get("port")
        if isinstance(wanted, str):
            declared = find_port(target.workload, wanted) if target.workload else None
            wanted = declared.get("containerPort") if declared else None
        if item.get("port") is None or wanted == port:
            return True
        end = item.get("endPort")
        if isinstance(end, int) and isinstance(wanted, int) and wanted <= port <= end:
            return True
    return False


def refused(index: Index, source: Peer, target: Peer, port: int | None) -> Resource | None:
    """The AuthorizationPolicy that refuses the connection, or None.

    A DENY that matches refuses; so does it that ALLOW policies are there and none matches. Rules that
    look at requests (paths, methods, headers) are taken to match for ALLOW, and not for DENY.
    """
    found = [
        policy
        for policy in index.of(AUTHORIZATION)
        if policy.namespace in (target.namespace, "istio-system") and _applies(policy, target)
    ]
    allows = [policy for policy in found if policy.spec.get("action", "ALLOW") == "ALLOW"]
    for policy in found:
        if policy.spec.get("action") == "DENY" and any(
            "when" not in rule and not _looks_at_requests(rule) and _matches(rule, source, port)
            for rule in mappings(policy.spec.get("rules"))
        ):
            return policy
    if allows and not any(
        _matches(rule, source, port) for policy in allows for rule in mappings(policy.spec.get("rules"))
    ):
        return allows[0]
    return None


def _applies(policy: Resource, target: Peer) -> bool:
    if policy.spec.get("targetRefs") or policy.spec.get("targetRef"):
        return False  # of a waypoint or gateway
    wanted = mapping(dig(policy.spec, "selector", "matchLabels"))
    return all(str(target.labels.get(key)) == str(value) for key, value in wanted.items())


def _looks_at_requests(rule: Mapping[str, Any]) -> bool:
    operations = [mapping(item.get("operation")) for item in mappings(rule.get("to"))]
    return any(set(operation) - {"ports"} for operation in operations)


def _matches(rule: Mapping[str, Any], source: Peer, port: int | None) -> bool:
    froms = [mapping(item.get("source")) for item in mappings(rule.get("from"))]
    if froms and not any(_is_source(item, source) for item in froms):
        return False
    operations = [mapping(item.get("operation")) for item in mappings(rule.get("to"))]
    ports = [str(item) for operation in operations for item in sequence(operation.get("ports"))]
    return not ports or port is None or str(port) in ports


def _is_source(wanted: Mapping[str, Any], source: Peer) -> bool:
    principals = [str(item) for item in sequence(wanted.get("principals"))]
    namespaces = [str(item) for item in sequence(wanted.get("namespaces"))]
    if namespaces and not any(fnmatchcase(source.namespace, item) for item in namespaces):
        return False
    if principals:
        account = "*"
        if source.workload is not None:
            account = str(pod_spec(source.workload).get("serviceAccountName") or "default")
        identity = f"cluster.local/ns/{source.namespace}/sa/{account}"
        if account != "*":
            return any(fnmatchcase(identity, item) for item in principals)
        return any(
            item.startswith(f"cluster.local/ns/{source.namespace}/") or item == "*" for item in principals
        )
    return True
