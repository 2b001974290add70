"""Pure: what workloads talk to, as far as manifests show: names of Services in their configuration.

The manifest of an image with hard-coded hosts does not show them: the annotation
`gitops-bootstrap.io/talks-to: redis:6379, db` on the workload does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import Index, Resource, label_selects, mapping, mappings, sequence
from bootstrap.resources.pods import (
    WORKLOADS,
    Place,
    containers,
    find_port,
    label_selected,
    pod_annotations,
    pod_labels,
    selected,
)

TALKS_TO = "gitops-bootstrap.io/talks-to"

_HOST = re.compile(
    r"(?<![\w.@-])(?P<host>[a-z]([a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*)(?::(?P<port>[0-9]{1,5}))?(?![\w-])"
)
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?)?"
    r"(?P<host>[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*)(?::\d+)?(?:[/?]\S*)?"
)
_FOR_HOSTS = re.compile(r"(?:^|_)(?:HOST|URL|URI|ADDR|ADDRESS|ENDPOINT|DSN|SERVER|BROKER)E?S?$")
_DECLARED = re.compile(r"\s*(?P<host>[\w.-]+)(?::(?P<port>[0-9]{1,5}))?\s*$")
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
    """A workload talks to a Service. `port` None: not given. `how` says where the name was found.

    `service` is None when no Service has that name; then `host` is what was named. A word that is a
    Service's name, with no other sign of a host, is not `sure`.
    """

    workload: Resource
    host: str
    namespace: str
    service: Resource | None
    port: int | None
    how: str
    path: Place
    declared: bool = False
    sure: bool = True


def links(index: Index, workload: Resource) -> list[Link]:
    """Every Service that the workload names, once each; declared ones come first."""
    found: dict[tuple[str, str], Link] = {}
    for link in [*_declared(index, workload), *_configured(index, workload), *_let_out(index, workload)]:
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


def _configured(index: Index, workload: Resource) -> Iterator[Link]:
    for text, how, place in _texts(index, workload):
        for match in _HOST.finditer(text):
            name, namespace = _split(match["host"], workload.namespace)
            service = index.get("Service", namespace, name)
            if service is None or not _plausible(match, text, service):
                continue
            port = int(match["port"]) if match["port"] else _scheme_port(text, match.start())
            bare = text.strip() == name and not match["port"]
            sure = not bare or _says_host(how, name)
            yield Link(workload, name, namespace, service, port, how, place, sure=sure)


def _says_host(how: str, name: str) -> bool:
    """Whether a variable is for a host, or has the Service's name in its own."""
    if not how.startswith("variable "):
        return False
    variable = how.split(" ")[1].upper()
    return _hostlike(variable) or name.upper().replace("-", "_") in variable


def hosts(index: Index, workload: Resource) -> Iterator[tuple[str, str, str, Place]]:
    """(host, Service, how, place) of the values of variables for hosts, within their namespace."""
    for text, how, place in _texts(index, workload):
        variable = how.split(" ")[1] if how.startswith("variable ") else ""
        if not _FOR_HOSTS.search(variable.upper()):
            continue
        for part in text.split(","):
            if match := _ADDRESS.fullmatch(part.strip()):
                name, namespace = _split(match["host"], workload.namespace)
                if namespace == workload.namespace:
                    yield match["host"], name, how, place


def _plausible(match: re.Match[str], text: str, service: Resource) -> bool:
    """A word that happens to be a Service's name is not a link, unless it looks like a host."""
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
    """(text, how, place) of all configuration of the containers, with ConfigMaps; never a Secret."""
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
    """What NetworkPolicies let this workload reach: those that name its pods as a peer."""
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


def _let_out(index: Index, workload: Resource) -> Iterator[Link]:
    """The target of an egress rule that is for this workload only and leads to one other only."""
    labels = pod_labels(workload)
    for policy in index.of("NetworkPolicy.networking.k8s.io", namespace=workload.namespace):
        selector = mapping(policy.spec.get("podSelector"))
        if not selector or not label_selects(selector, labels):
            continue
        if len(label_selected(index, selector, workload.namespace)) > 1:
            continue
        for number, rule in enumerate(sequence(policy.spec.get("egress"))):
            for peer in mappings(mapping(rule).get("to")):
                wanted = mapping(peer.get("podSelector"))
                pods = label_selected(index, wanted, workload.namespace) if wanted else []
                if len(pods) != 1 or "namespaceSelector" in peer or pods[0] is workload:
                    continue
                fronts, wanted_port = _fronts(index, pods[0]), _first_port(rule, pods[0])
                if mapping(rule).get("ports") and wanted_port is None:
                    continue  # a name that the pod does not declare: which Service it is for is unknown
                known = [(one, _service_port(one, pods[0], wanted_port)) for one in fronts]
                for service, port in sorted(known, key=lambda one: one[1] is None)[:1]:
                    how, place = f"the egress of {policy}", ("spec", "egress", number)
                    yield Link(workload, service.name, service.namespace, service, port, how, place)


def _fronts(index: Index, pod: Resource) -> list[Resource]:
    """The Services that select a workload's pods."""
    return [
        service
        for service in index.of("Service", namespace=pod.namespace)
        if pod in selected(index, mapping(service.spec.get("selector")), pod.namespace)
    ]


def _service_port(service: Resource, pod: Resource, port: int | None) -> int | None:
    """The Service's port in front of a container's."""
    for item in mappings(service.spec.get("ports")):
        number = item.get("port")
        if isinstance(number, int) and target_port(service, number, pod) == port:
            return number
    return None


def _names(peer: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    selector = mapping(peer.get("podSelector"))
    return bool(selector) and "namespaceSelector" not in peer and label_selects(selector, labels)


def _first_port(rule: Any, pod: Resource | None = None) -> int | None:
    """The first port of a rule as a number; `pod` declares those that have a name."""
    for port in mappings(mapping(rule).get("ports")):
        declared = mapping(find_port(pod, port.get("port"))) if pod is not None else {}
        for number in (port.get("port"), declared.get("containerPort")):
            if isinstance(number, int):
                return number
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
