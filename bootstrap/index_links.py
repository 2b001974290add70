"""Pure: what workloads talk to, as far as manifests tell: names of Services in what they are given.

An image with hosts written into its code says nothing in its manifest: the annotation
`gitops-bootstrap.io/talks-to: redis:6379, db` on the workload does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.index import Index, Resource, label_selects, mapping, mappings, sequence
from bootstrap.index_pods import (
    WORKLOADS,
    Place,
    containers,
    find_port,
    pod_annotations,
    pod_labels,
    selected,
)

TALKS_TO = "gitops-bootstrap.io/talks-to"

_HOST = re.compile(
    r"(?<![\w.@-])(?P<host>[a-z]([a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*)(?::(?P<port>\d{1,5}))?(?![\w-])"
)
_DECLARED = re.compile(r"\s*(?P<host>[\w.-]+)(?::(?P<port>\d+))?\s*$")
_DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "redis": 6379,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
}


@dataclass(frozen=True)
class Link:
    """A workload talks to a Service. `port` None: not said. `how` says where it is told.

    `service` is None when nothing of that name is there; then `host` is what was named.
    """

    workload: Resource
    host: str
    namespace: str
    service: Resource | None
    port: int | None
    how: str
    path: Place
    declared: bool = False


def links(index: Index, workload: Resource) -> list[Link]:
    """Every Service that the workload names, once each; what was declared comes first."""
    found: dict[tuple[str, str], Link] = {}
    for link in [*_declared(index, workload), *_told(index, workload)]:
        found.setdefault((link.namespace, link.host), link)
    if not found:
        for link in _admitted(index, workload):
            found.setdefault((link.namespace, link.host), link)
    return list(found.values())


def _declared(index: Index, workload: Resource) -> Iterator[Link]:
    for given, start in (
        (workload.annotations, ("metadata", "annotations")),
        (pod_annotations(workload), ("spec", "template", "metadata", "annotations")),
    ):
        for part in str(given.get(TALKS_TO) or "").split(","):
            if match := _DECLARED.match(part):
                name, namespace = _split(match["host"], workload.namespace)
                port = int(match["port"]) if match["port"] else None
                service = index.get("Service", namespace, name)
                place: Place = (*start, TALKS_TO)
                yield Link(workload, name, namespace, service, port, "its annotation", place, True)


def _told(index: Index, workload: Resource) -> Iterator[Link]:
    for text, how, place in _texts(index, workload):
        for match in _HOST.finditer(text):
            name, namespace = _split(match["host"], workload.namespace)
            service = index.get("Service", namespace, name)
            if service is None or not _plausible(match, text, service):
                continue
            port = int(match["port"]) if match["port"] else _scheme_port(text, match.start())
            yield Link(workload, name, namespace, service, port, how, place)


def _plausible(match: re.Match[str], text: str, service: Resource) -> bool:
    """A word that happens to be a Service's name is no link, unless it looks like a host."""
    if match["port"] or "." in match["host"]:
        return True
    before = text[: match.start()]
    return text.strip() == match["host"] or before.endswith(
        ("://", "@", "host=", "Host=", "Server=", "server=")
    )


def _scheme_port(text: str, start: int) -> int | None:
    scheme = re.search(r"([a-z]+)://(?:[^\s/]*@)?$", text[:start])
    return _DEFAULT_PORTS.get(scheme[1]) if scheme else None


def _split(host: str, own: str) -> tuple[str, str]:
    """(Service, namespace) of `name`, `name.namespace` or `name.namespace.svc…`."""
    parts = host.split(".")
    if len(parts) == 1:
        return parts[0], own
    if len(parts) == 2 or parts[2] == "svc":
        return parts[0], parts[1]
    return host, ""


def _texts(index: Index, workload: Resource) -> Iterator[tuple[str, str, Place]]:
    """(text, how, place) of everything that is given to the containers, ConfigMaps too; never a Secret."""
    for container in containers(workload):
        for number, variable in enumerate(sequence(container.body.get("env"))):
            name = mapping(variable).get("name")
            place: Place = (*container.path, "env", number)
            value = mapping(variable).get("value")
            if isinstance(value, str) and (value != workload.name or _hostlike(str(name))):
                yield value, f"variable {name}", place
            reference = mapping(mapping(mapping(variable).get("valueFrom")).get("configMapKeyRef"))
            if reference:
                value = _config(index, workload, reference.get("name")).get(str(reference.get("key")))
                if isinstance(value, str):
                    how = f"variable {name} (ConfigMap {reference.get('name')})"
                    yield value, how, place
        for number, source in enumerate(sequence(container.body.get("envFrom"))):
            reference = mapping(mapping(source).get("configMapRef"))
            for key, value in _config(index, workload, reference.get("name")).items():
                if isinstance(value, str) and "\n" not in value:
                    how = f"variable {key} (ConfigMap {reference.get('name')})"
                    yield value, how, (*container.path, "envFrom", number)
        for field in ("command", "args"):
            for number, item in enumerate(sequence(container.body.get(field))):
                if isinstance(item, str) and len(item) < 4000:
                    yield item, f"its {field}", (*container.path, field, number)


def _hostlike(name: str) -> bool:
    return any(part in name.upper() for part in ("HOST", "URL", "ADDR", "SERVER", "ENDPOINT", "URI", "DSN"))


def _config(index: Index, workload: Resource, name: Any) -> Mapping[str, Any]:
    found = index.get("ConfigMap", workload.namespace, name) if name else None
    return mapping(found.body.get("data")) if found else {}


def _admitted(index: Index, workload: Resource) -> Iterator[Link]:
    """What NetworkPolicies let this very workload reach: the policy names its pods as a peer."""
    labels = pod_labels(workload)
    for policy in index.of("NetworkPolicy.networking.k8s.io", namespace=workload.namespace):
        for number, rule in enumerate(sequence(policy.spec.get("ingress"))):
            peers = mappings(mapping(rule).get("from"))
            if not any(_names(peer, labels) for peer in peers):
                continue
            for service in services_of(index, policy):
                place: Place = ("spec", "ingress", number)
                how = f"NetworkPolicy {policy.name}"
                yield Link(workload, service.name, service.namespace, service, _first_port(rule), how, place)


def _names(peer: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    selector = mapping(peer.get("podSelector"))
    return bool(selector) and "namespaceSelector" not in peer and label_selects(selector, labels)


def _first_port(rule: Any) -> int | None:
    for port in mappings(mapping(rule).get("ports")):
        if isinstance(port.get("port"), int):
            return int(port["port"])
    return None


def services_of(index: Index, policy: Resource) -> list[Resource]:
    """The Services in front of the pods that a policy selects; none for a policy that selects all."""
    selector = mapping(policy.spec.get("podSelector"))
    if not selector:
        return []
    pods = [
        item
        for item in index.of(*WORKLOADS, namespace=policy.namespace)
        if label_selects(selector, pod_labels(item))
    ]
    return [
        service
        for service in index.of("Service", namespace=policy.namespace)
        if any(
            pod in pods for pod in selected(index, mapping(service.spec.get("selector")), policy.namespace)
        )
    ]


def target_port(service: Resource, port: int | None, pod: Resource) -> int | None:
    """The container's port behind a Service's port (the first one when `port` is None)."""
    for item in mappings(service.spec.get("ports")):
        if port is None or item.get("port") == port:
            target = item.get("targetPort", item.get("port"))
            found = find_port(pod, target)
            number = found.get("containerPort") if found else target
            return number if isinstance(number, int) else None
    return None


def protocol(service: Resource, port: int | None) -> str:
    """The protocol of a Service's port."""
    for item in mappings(service.spec.get("ports")):
        if port is None or item.get("port") == port:
            return str(item.get("protocol") or "TCP")
    return "TCP"
