"""Pure: may one workload reach another: NetworkPolicies and the mesh's AuthorizationPolicies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from bootstrap.resources.addresses import may_hold_pods
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.resources.pods import (
    containers,
    declared_ports,
    label_selected,
    pod_annotations,
    pod_labels,
    pod_spec,
)

NETWORK_POLICY = "NetworkPolicy.networking.k8s.io"
AUTHORIZATION = "AuthorizationPolicy.security.istio.io"
MESH = "istio-system"
"""The namespace whose AuthorizationPolicies apply to all others."""

Direction = Literal["Ingress", "Egress"]


TUNNEL = 15008
"""The port through which the ambient mesh tunnels all others; nothing else listens there."""

_OTHERS = (
    "CiliumNetworkPolicy.cilium.io",
    "CiliumClusterwideNetworkPolicy.cilium.io",
    "NetworkPolicy.projectcalico.org",
    "GlobalNetworkPolicy.projectcalico.org",
    "NetworkPolicy.crd.projectcalico.org",
    "GlobalNetworkPolicy.crd.projectcalico.org",
    "AdminNetworkPolicy.policy.networking.k8s.io",
)
"""Policies of other vendors, which may admit what a NetworkPolicy does not."""


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a workload, or (workload None) some pod of a namespace.

    `namespace` "" is any namespace other than that of the policy in question; `labels` None:
    unknown. The unknown may match anything. `marks` are labels that its namespace has
    besides those in Git, `account` the ServiceAccount of a pod that no workload in Git creates.
    """

    namespace: str
    labels: Mapping[str, Any] | None
    workload: Resource | None = None
    marks: Mapping[str, Any] = field(default_factory=dict)
    account: str | None = None


def peer(workload: Resource) -> Peer:
    return Peer(workload.namespace, pod_labels(workload), workload)


def policies(index: Index, end: Peer, direction: Direction) -> list[Resource]:
    """The NetworkPolicies that isolate an end in a direction."""
    return [
        policy
        for policy in index.of(NETWORK_POLICY, namespace=end.namespace)
        if direction in directions(policy) and _isolates(mapping(policy.spec.get("podSelector")), end)
    ]


def _isolates(selector: Mapping[str, Any], end: Peer) -> bool:
    return label_selects(selector, end.labels) if end.labels is not None else not selector


def cut(
    index: Index, source: Peer, target: Peer, port: int | None, protocol: str = "TCP"
) -> tuple[Resource, Direction] | None:
    """The policy that blocks a connection and its direction; None when it may pass.

    Policies are additive: an end that some policy isolates needs one of them to admit the other end.
    """
    ends: tuple[tuple[Direction, Peer, Peer, str], ...] = (
        ("Egress", source, target, "to"),
        ("Ingress", target, source, "from"),
    )
    for direction, here, there, side in ends:
        found, name = policies(index, here, direction), direction.lower()
        if found and not any(
            _admits(index, policy, direction, side, there, target, port, protocol) for policy in found
        ):
            # The one to extend is one with rules, and the one for the fewest pods.
            chosen = min(found, key=lambda one: (not one.spec.get(name), _reach(index, one)))
            return None if _by_others(index, here) else (chosen, direction)
    return None


def _reach(index: Index, policy: Resource) -> int:
    """How many workloads a policy selects."""
    return len(label_selected(index, policy.spec.get("podSelector"), policy.namespace))


def _by_others(index: Index, end: Peer) -> bool:
    return any(item.namespace in ("", end.namespace) for item in index.of(*_OTHERS))


def directions(policy: Resource) -> list[str]:
    """Those in which a NetworkPolicy isolates what it selects, by its policyTypes or else by its rules."""
    types = [str(item) for item in sequence(policy.spec.get("policyTypes"))]
    return types or (["Ingress", "Egress"] if policy.spec.get("egress") else ["Ingress"])


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
        if fits and _port(index, rule, target, port, protocol):
            return True
    return False


def _is(index: Index, policy: Resource, wanted: Mapping[str, Any], other: Peer) -> bool:
    if "ipBlock" in wanted:
        # Git does not say which addresses pods get: a range that may be theirs is assumed to admit them.
        block = mapping(wanted["ipBlock"])
        return may_hold_pods(str(block.get("cidr")), block.get("except"), bool(other.namespace))
    if "namespaceSelector" in wanted:
        if not _in_selected(index, mapping(wanted["namespaceSelector"]), other, policy):
            return False
    elif other.namespace != policy.namespace:
        return False
    return (
        "podSelector" not in wanted
        or other.labels is None
        or label_selects(wanted["podSelector"], other.labels)
    )


def _in_selected(index: Index, selector: Mapping[str, Any], other: Peer, policy: Resource) -> bool:
    """Whether a namespaceSelector matches the other end's namespace; what Git does not say may match."""
    if not other.namespace:
        own = {_NAME: policy.namespace}
        return not selector or not _by_name(selector) or not label_selects(selector, own)
    labels = {**namespace_labels(index, other.namespace), **other.marks}
    if index.get("Namespace", "", other.namespace) is None:
        selector = _by_name(selector)
    return label_selects(selector, labels)


_NAME = "kubernetes.io/metadata.name"


def _by_name(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a selector says about a namespace's name, the one label that each has."""
    name = mapping(selector.get("matchLabels")).get(_NAME)
    expressions = [item for item in mappings(selector.get("matchExpressions")) if item.get("key") == _NAME]
    return {
        **({"matchLabels": {_NAME: name}} if name is not None else {}),
        **({"matchExpressions": expressions} if expressions else {}),
    }


def namespace_labels(index: Index, name: str) -> Mapping[str, Any]:
    found = index.get("Namespace", "", name)
    return {_NAME: name, **(found.labels if found else {})}


def _port(index: Index, rule: Mapping[str, Any], target: Peer, port: int | None, protocol: str) -> bool:
    ports = mappings(rule.get("ports"))
    if not ports or port is None:
        return True
    for item in ports:
        if str(item.get("protocol") or "TCP") != protocol:
            continue
        wanted = item.get("port")
        if isinstance(wanted, str):
            wanted = _number(target, wanted, protocol)
        if item.get("port") is None or wanted == port or (wanted == TUNNEL and _in_tunnel(index, target)):
            return True
        end = item.get("endPort")
        if isinstance(end, int) and isinstance(wanted, int) and wanted <= port <= end:
            return True
    return False


def _number(target: Peer, name: str, protocol: str) -> int | None:
    """The number of a port that the pods declare under a name and protocol."""
    for declared in declared_ports(target.workload) if target.workload else ():
        if declared.get("name") == name and str(declared.get("protocol") or "TCP") == protocol:
            number = declared.get("containerPort")
            return number if isinstance(number, int) else None
    return None


def _in_tunnel(index: Index, target: Peer) -> bool:
    """Whether a pod may be in the ambient mesh: a namespace that is not in Git may have any label."""
    namespace = index.get("Namespace", "", target.namespace)
    labels = {**(namespace.labels if namespace else {}), **(target.labels or {})}
    return namespace is None or labels.get("istio.io/dataplane-mode") == "ambient"


def refused(index: Index, source: Peer, target: Peer, port: int | None) -> Resource | None:
    """The AuthorizationPolicy that refuses the connection, or None.

    It is refused by a DENY that matches, or when there are ALLOW policies but none matches. Rules that look
    at what Git does not say (paths, headers, addresses, tokens) are assumed to match for ALLOW, not for DENY.
    """
    beyond = index.beyond.of(AUTHORIZATION, namespace=MESH) if index.beyond else []
    found = [
        policy
        for policy in {id(item): item for item in [*index.of(AUTHORIZATION), *beyond]}.values()
        if policy.namespace in (target.namespace, MESH) and applies(policy, target)
    ]
    if all(policy.namespace == MESH for policy in found) and not _in_mesh(index, target):
        return None
    allows = [policy for policy in found if policy.spec.get("action", "ALLOW") == "ALLOW"]
    for policy in found:
        if policy.spec.get("action") == "DENY" and any(
            "when" not in rule and not _looks_at_requests(rule) and _matches(policy, rule, source, port, True)
            for rule in mappings(policy.spec.get("rules"))
        ):
            return policy
    if allows and not any(
        _matches(policy, rule, source, port, False)
        for policy in allows
        for rule in mappings(policy.spec.get("rules"))
    ):
        # The one to extend is one that admits someone; one without rules denies everything.
        return next((policy for policy in allows if policy.spec.get("rules")), allows[0])
    return None


_PROXIES = {"proxyv2", "auto"}
_PLANE = {"pilot", "ztunnel", "install-cni"}
"""The mesh's own programs, which have no proxy in front of them."""


def _in_mesh(index: Index, target: Peer) -> bool:
    """Whether Git says that pods are in the mesh: its policies ignore those that are not."""
    namespace = index.get("Namespace", "", target.namespace)
    labels = {**(namespace.labels if namespace else {}), **(target.labels or {})}
    labels.update(pod_annotations(target.workload) if target.workload else {})
    running = containers(target.workload) if target.workload else []
    images = {str(one.body.get("image")).partition(":")[0].rpartition("/")[2] for one in running}
    if images & (_PROXIES | _PLANE):
        return not images & _PLANE
    return (
        (target.namespace == MESH and labels.get("istio-injection") != "disabled")
        or "istio.io/rev" in labels
        or labels.get("istio-injection") == "enabled"
        or labels.get("istio.io/dataplane-mode") == "ambient"
        or str(labels.get("sidecar.istio.io/inject")).lower() == "true"
    )


def applies(policy: Resource, target: Peer) -> bool:
    """Whether an AuthorizationPolicy of the pods' namespace, or of the mesh's, is for these pods."""
    if policy.spec.get("targetRefs") or policy.spec.get("targetRef"):
        return False  # of a waypoint or gateway
    wanted = mapping(dig(policy.spec, "selector", "matchLabels"))
    return all(str((target.labels or {}).get(key)) == str(value) for key, value in wanted.items())


def _looks_at_requests(rule: Mapping[str, Any]) -> bool:
    operations = [mapping(item.get("operation")) for item in mappings(rule.get("to"))]
    return any(set(operation) - {"ports"} for operation in operations)


def _matches(policy: Resource, rule: Mapping[str, Any], source: Peer, port: int | None, sure: bool) -> bool:
    froms = [mapping(item.get("source")) for item in mappings(rule.get("from"))]
    if froms and not any(_is_source(policy, item, source, sure) for item in froms):
        return False
    operations = [mapping(item.get("operation")) for item in mappings(rule.get("to"))]
    ports = [str(item) for operation in operations for item in sequence(operation.get("ports"))]
    return not ports or port is None or str(port) in ports


def _is_source(policy: Resource, wanted: Mapping[str, Any], source: Peer, sure: bool) -> bool:
    """Whether all fields of a rule's source match the caller. What Git does not say matches unless `sure`."""
    known = {
        "namespaces": _in_namespace,
        "principals": _is_principal,
        "serviceAccounts": _is_account,
    }
    for name, holds in known.items():
        admitted = [str(item) for item in sequence(wanted.get(name))]
        if admitted and not any(_or(holds(policy, item, source), not sure) for item in admitted):
            return False
        excluded = [str(item) for item in sequence(wanted.get(f"not{name[0].upper()}{name[1:]}"))]
        if any(_or(holds(policy, item, source), sure) for item in excluded):
            return False
    judged = {*known, *(f"not{field[0].upper()}{field[1:]}" for field in known)}
    return not sure or not any(wanted[field] for field in set(wanted) - judged)


def _or(known: bool | None, otherwise: bool) -> bool:
    return otherwise if known is None else known


def _account(source: Peer) -> str | None:
    """The ServiceAccount that the caller runs as; None when the caller is any pod of its namespace."""
    if source.workload is None:
        return source.account
    return str(pod_spec(source.workload).get("serviceAccountName") or "default")


def _in_namespace(policy: Resource, wanted: str, source: Peer) -> bool:
    return fnmatchcase(source.namespace, wanted)


def _is_principal(policy: Resource, wanted: str, source: Peer) -> bool | None:
    """By `TRUST_DOMAIN/ns/NAMESPACE/sa/NAME`; None when it depends on the unknown account."""
    account = _account(source)
    if account is not None:
        return fnmatchcase(f"cluster.local/ns/{source.namespace}/sa/{account}", wanted)
    if wanted == "*":
        return True
    return None if "*" in wanted or f"/ns/{source.namespace}/" in wanted else False


def _is_account(policy: Resource, wanted: str, source: Peer) -> bool | None:
    """By `NAMESPACE/NAME`, or `NAME` in the policy's namespace; never a pattern. None as for principals."""
    namespace, slash, name = wanted.rpartition("/")
    if (namespace if slash else policy.namespace) != source.namespace:
        return False
    account = _account(source)
    return None if account is None else account == name
