"""What the API server refuses although each field has the right type: inconsistent fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import ClusterContext, Path, Problem, Rule, problem
from bootstrap.validate.rules.api.validation_data import config_map, secret
from bootstrap.validate.rules.api.validation_fields import KINDS, field_faults
from bootstrap.validate.rules.api.validation_pods import pod_faults

REFUSED = Rule(
    "GB130",
    "refused-by-validation",
    "error",
    "Fields of an object contradict each other, or one has a value that Kubernetes does not allow: the API "
    "server refuses it.",
    "write it as the message says",
)
TWICE = Rule(
    "GB131",
    "given-twice",
    "warning",
    "Two items of a list have the same key: the last one counts, and server-side apply refuses the object.",
    "remove one of them",
)

Fault = tuple[str, Path]
"""What is wrong, and where."""

PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"(?=.{1,63}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_HOST = re.compile(
    r"(?=.{1,253}$)(?:\*\.)?[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
_PLACEHOLDER = re.compile(r"\$\{|\{\{|\$\(|<[\w -]+>")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for kind, faults in _BY_KIND.items():
        for resource in index.of(kind):
            yield from _problems(context, resource, faults(resource))
    for resource in index.of(*KINDS):
        yield from _problems(context, resource, field_faults(resource))
    for resource in index.of(*WORKLOADS):
        for message, path, twice in pod_faults(resource):
            if context.complete or resource.application:
                yield problem(TWICE if twice else REFUSED, resource, f"{resource}: {message}", *path)


def _problems(context: ClusterContext, resource: Resource, faults: Iterator[Fault]) -> Iterator[Problem]:
    if context.complete or resource.application:  # else it may be a template that something renders
        for message, path in faults:
            yield problem(REFUSED, resource, f"{resource}: {message}", *path)


def _deployment(resource: Resource) -> Iterator[Fault]:
    spec = resource.spec
    ready, deadline = spec.get("minReadySeconds", 0), spec.get("progressDeadlineSeconds", 600)
    if isinstance(ready, int) and isinstance(deadline, int) and deadline <= ready:
        field = "progressDeadlineSeconds" if "progressDeadlineSeconds" in spec else "minReadySeconds"
        yield (
            f"progressDeadlineSeconds ({deadline}) must be more than minReadySeconds ({ready})",
            ("spec", field),
        )
    strategy = mapping(spec.get("strategy"))
    rolling = mapping(strategy.get("rollingUpdate"))
    if strategy.get("type") == "Recreate" and rolling:
        yield "Recreate cannot have rollingUpdate", ("spec", "strategy", "rollingUpdate")
    if rolling and all(_is_none(rolling.get(one)) for one in ("maxSurge", "maxUnavailable")):
        yield (
            "maxSurge and maxUnavailable are both 0: nothing can be replaced",
            ("spec", "strategy", "rollingUpdate"),
        )


def _is_none(value: Any) -> bool:
    return value in (0, "0%", "0") and value is not False


def _stateful(resource: Resource) -> Iterator[Fault]:
    strategy = mapping(resource.spec.get("updateStrategy"))
    if strategy.get("type") == "OnDelete" and strategy.get("rollingUpdate"):
        yield "OnDelete cannot have rollingUpdate", ("spec", "updateStrategy", "rollingUpdate")
    claims = mappings(resource.spec.get("volumeClaimTemplates"))
    for number, claim in enumerate(claims):
        for message, path in _claim_spec(mapping(claim.get("spec"))):
            yield message, ("spec", "volumeClaimTemplates", number, *path)


def _job(resource: Resource) -> Iterator[Fault]:
    if resource.spec.get("completionMode") == "Indexed" and resource.spec.get("completions") is None:
        yield "completionMode Indexed needs completions", ("spec", "completionMode")
    if resource.spec.get("selector") and resource.spec.get("manualSelector") is not True:
        yield "a Job generates its own selector (unless manualSelector is true)", ("spec", "selector")


def _cron_job(resource: Resource) -> Iterator[Fault]:
    zone = resource.spec.get("timeZone")
    if isinstance(zone, str) and not _PLACEHOLDER.search(zone) and not _is_zone(zone):
        yield f"there is no time zone {zone!r}", ("spec", "timeZone")
    if len(resource.name) > 52:
        yield (
            f"a CronJob's name has at most 52 characters, this one has {len(resource.name)}",
            ("metadata", "name"),
        )


def _is_zone(zone: str) -> bool:
    """Whether a time zone is known; without the system's list, whether it looks like one."""
    from zoneinfo import available_timezones

    known = available_timezones()
    return zone != "Local" and (zone in known if known else bool(re.fullmatch(r"[A-Za-z_+-]+[\w+/-]*", zone)))


def _service(resource: Resource) -> Iterator[Fault]:
    spec, kind = resource.spec, resource.spec.get("type") or "ClusterIP"
    ports = mappings(spec.get("ports"))
    unnamed = [number for number, port in enumerate(ports) if not port.get("name")]
    if len(ports) > 1 and unnamed:
        yield "each of several ports needs a name", ("spec", "ports", unnamed[0])
    if kind == "ExternalName" and not spec.get("externalName"):
        yield "ExternalName needs externalName", ("spec", "type")
    if kind != "ExternalName" and not ports and spec.get("clusterIP") != "None":
        yield "it has no ports", ("spec",)
    if spec.get("clusterIP") == "None" and kind in ("LoadBalancer", "NodePort"):
        yield f"a {kind} cannot be headless (clusterIP: None)", ("spec", "clusterIP")
    if kind in ("ClusterIP", "ExternalName") and spec.get("externalTrafficPolicy"):
        yield f"a {kind} cannot have externalTrafficPolicy", ("spec", "externalTrafficPolicy")
    for number, port in enumerate(ports):
        place = ("spec", "ports", number)
        if port.get("nodePort") and kind in ("ClusterIP", "ExternalName"):
            yield f"a {kind} cannot have a nodePort", (*place, "nodePort")
        name, target = port.get("name"), port.get("targetPort")
        if isinstance(name, str) and name and not _LABEL.fullmatch(name):
            yield f"{name!r} is not a port name", (*place, "name")
        if isinstance(target, str) and target and not PORT_NAME.fullmatch(target):
            yield f"targetPort {target!r} is neither a number nor the name of a port", (*place, "targetPort")
        if isinstance(target, int) and not 0 <= target < 65536:  # 0 stands for the port
            yield f"targetPort {target} is not 1 to 65535", (*place, "targetPort")
    for number, one in enumerate(sequence(spec.get("loadBalancerSourceRanges"))):
        if not _is_network(one):
            yield (
                f"{one!r} is not an address range such as 10.0.0.0/8",
                ("spec", "loadBalancerSourceRanges", number),
            )
    for number, one in enumerate(sequence(spec.get("externalIPs"))):
        if not _is_address(one):
            yield f"{one!r} is not an address", ("spec", "externalIPs", number)


def _ingress(resource: Resource) -> Iterator[Fault]:
    spec = resource.spec
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield "it has neither rules nor a defaultBackend", ("spec",)
    for number, rule in enumerate(mappings(spec.get("rules"))):
        host = rule.get("host")
        if isinstance(host, str) and host and not _PLACEHOLDER.search(host) and (why := _host_fault(host)):
            yield f"host {host!r} {why}", ("spec", "rules", number, "host")
        for place, item in enumerate(mappings(dig(rule, "http", "paths"))):
            where, path = ("spec", "rules", number, "http", "paths", place), item.get("path")
            strict = item.get("pathType") in ("Exact", "Prefix")
            if isinstance(path, str) and (strict or path) and not path.startswith("/"):
                yield f"path {path!r} does not begin with /", (*where, "path")
            elif path is None and strict:
                yield f"pathType {item.get('pathType')} needs a path", (*where, "pathType")
            backend = mapping(item.get("backend"))
            if backend.get("service") and backend.get("resource"):
                yield "a backend is a service or a resource, not both", (*where, "backend")
            port = mapping(dig(backend, "service", "port"))
            if backend.get("service") and bool(port.get("name")) == bool(port.get("number")):
                yield "a port needs either a name or a number", (*where, "backend", "service")


def _host_fault(host: str) -> str:
    """What is wrong with a host of an Ingress; "" for nothing."""
    if "://" in host or "/" in host or re.search(r":\d+$", host):
        return "must be only a host: no scheme, port or path"
    if _is_address(host):
        return "is an address: only names can be hosts"
    return "" if _HOST.fullmatch(host) else "is not a host name: lower-case letters, digits, dashes and dots"


def _network_policy(resource: Resource) -> Iterator[Fault]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(mappings(resource.spec.get(direction))):
            start = ("spec", direction, number)
            for place, port in enumerate(mappings(rule.get("ports"))):
                yield from _policy_port(port, (*start, "ports", place))
            for place, peer in enumerate(mappings(rule.get(side))):
                block, where = mapping(peer.get("ipBlock")), (*start, side, place)
                if block and len(peer) > 1:
                    yield "ipBlock cannot be combined with selectors", where
                if not peer:
                    yield "a peer needs a selector or an ipBlock", where
                yield from _block(block, (*where, "ipBlock"))


def _policy_port(port: Mapping[str, Any], place: Path) -> Iterator[Fault]:
    first, last = port.get("port"), port.get("endPort")
    if isinstance(first, str) and not PORT_NAME.fullmatch(first):
        yield f"port {first!r} is neither a number nor the name of a port", (*place, "port")
    if isinstance(first, int) and not 0 < first < 65536:
        yield f"port {first} is not 1 to 65535", (*place, "port")
    if last is not None and (not isinstance(first, int) or (isinstance(last, int) and last < first)):
        yield "endPort needs a numeric port that is not above it", (*place, "endPort")


def _block(block: Mapping[str, Any], place: Path) -> Iterator[Fault]:
    cidr = block.get("cidr")
    if not block or (isinstance(cidr, str) and _PLACEHOLDER.search(cidr)):
        return
    if not _is_network(cidr):
        yield f"{cidr!r} is not an address range such as 10.0.0.0/8", (*place, "cidr")
        return
    whole = ip_network(str(cidr), strict=False)
    for number, one in enumerate(sequence(block.get("except"))):
        if not _is_network(one):
            yield f"{one!r} is not an address range", (*place, "except", number)
            continue
        part = ip_network(str(one), strict=False)
        if part.version != whole.version or part == whole or not part.subnet_of(whole):  # type: ignore[arg-type]
            yield f"{one} is not within {cidr}", (*place, "except", number)


def _is_network(value: Any) -> bool:
    try:
        ip_network(str(value).strip(), strict=False)
    except ValueError:
        return False
    return "/" in str(value)


def _is_address(value: Any) -> bool:
    try:
        ip_address(str(value))
    except ValueError:
        return False
    return True


def _binding(resource: Resource) -> Iterator[Fault]:
    kinds = ("ClusterRole",) if resource.kind.startswith("Cluster") else ("ClusterRole", "Role")
    if (kind := dig(resource.body, "roleRef", "kind")) is not None and kind not in kinds:
        yield f"roleRef has the kind {kind}, not {' or '.join(kinds)}", ("roleRef", "kind")
    for number, subject in enumerate(mappings(resource.body.get("subjects"))):
        kind, place = subject.get("kind"), ("subjects", number)
        whole = resource.kind.startswith("Cluster")  # a RoleBinding's subjects are of its namespace otherwise
        if whole and kind == "ServiceAccount" and not subject.get("namespace"):
            yield f"the subject ServiceAccount {subject.get('name')} needs a namespace", place
        elif kind not in ("ServiceAccount", "User", "Group") and kind is not None:
            yield f"a subject is a ServiceAccount, User or Group, not {kind}", (*place, "kind")


def _role(resource: Resource) -> Iterator[Fault]:
    for number, rule in enumerate(mappings(resource.body.get("rules"))):
        place, paths = ("rules", number), rule.get("nonResourceURLs")
        if not rule.get("verbs"):
            yield "a rule needs verbs", place
        if paths and (rule.get("resources") or rule.get("apiGroups")):
            yield "a rule is for resources or for nonResourceURLs, not for both", place
        elif paths and resource.kind.startswith("Role."):
            yield "a Role cannot have nonResourceURLs: they have no namespace", (*place, "nonResourceURLs")
        elif not paths and not rule.get("resources"):
            yield "a rule needs resources", place
        elif not paths and not rule.get("apiGroups"):
            yield 'a rule needs apiGroups ("" for the core group)', place


def _budget(resource: Resource) -> Iterator[Fault]:
    if resource.spec.get("minAvailable") is not None and resource.spec.get("maxUnavailable") is not None:
        yield "minAvailable and maxUnavailable cannot be combined", ("spec", "maxUnavailable")


def _claim(resource: Resource) -> Iterator[Fault]:
    yield from _claim_spec(resource.spec)


def _claim_spec(spec: Mapping[str, Any]) -> Iterator[Fault]:
    modes = sequence(spec.get("accessModes"))
    if not modes:
        yield "a claim needs accessModes", ("spec",)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield "ReadWriteOncePod cannot be combined with other modes", ("spec", "accessModes")
    storage = dig(spec, "resources", "requests", "storage")
    if storage is None:
        yield "a claim needs resources.requests.storage", ("spec",)
    elif (asked := amount(storage)) is not None and asked <= 0:
        yield f"a claim of {storage} is not possible", ("spec", "resources", "requests", "storage")


def _definition(resource: Resource) -> Iterator[Fault]:
    plural, group = dig(resource.body, "spec", "names", "plural"), resource.spec.get("group")
    if plural and group and resource.name != f"{plural}.{group}":
        yield f"its name must be {plural}.{group}", ("metadata", "name")
    versions = mappings(resource.spec.get("versions"))
    if versions and sum(one.get("storage") is True for one in versions) != 1:
        yield "one of its versions, and only one, must have storage: true", ("spec", "versions")


_BY_KIND: Mapping[str, Callable[[Resource], Iterator[Fault]]] = {
    "Deployment.apps": _deployment,
    "Rollout.argoproj.io": _deployment,
    "StatefulSet.apps": _stateful,
    "Job.batch": _job,
    "CronJob.batch": _cron_job,
    "Service": _service,
    "Ingress.networking.k8s.io": _ingress,
    "NetworkPolicy.networking.k8s.io": _network_policy,
    "ConfigMap": config_map,
    "Secret": secret,
    "RoleBinding.rbac.authorization.k8s.io": _binding,
    "ClusterRoleBinding.rbac.authorization.k8s.io": _binding,
    "Role.rbac.authorization.k8s.io": _role,
    "ClusterRole.rbac.authorization.k8s.io": _role,
    "PodDisruptionBudget.policy": _budget,
    "PersistentVolumeClaim": _claim,
    "CustomResourceDefinition.apiextensions.k8s.io": _definition,
}
