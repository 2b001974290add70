"""Pods: images, ports of probes, and pods of a Service that are switched off."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings
from bootstrap.resources.pods import SCALABLE, WORKLOADS, Container, containers, selected
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.scaling import is_off

PROBE_PORT = Rule(
    "GB348",
    "probe-port-missing",
    "error",
    "A probe names a port that its container does not declare: it always fails.",
    "name a port of the container",
)
SWITCHED_OFF = Rule(
    "GB350",
    "service-switched-off",
    "warning",
    "A Service's pods are all switched off (replicas: 0): it has no endpoint.",
    "set replicas to 1 or more, or remove the Service, too",
)
PROBE_NUMBER = Rule(
    "GB353",
    "probe-port-undeclared",
    "info",
    "A probe uses a port number that its container does not declare.",
    "correct the probe's port, or declare it",
)
IMAGE = Rule(
    "GB354",
    "container-without-image",
    "error",
    "A container has no image: the API server refuses its pods.",
    "name the image",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for service in index.of("Service"):
        if pods := switched_off(index, service):
            yield problem(SWITCHED_OFF, pods[0], off_message(service, pods), "spec", "replicas")
    for workload in index.of(*WORKLOADS):
        for container in containers(workload):
            if not container.body.get("image"):
                yield from _no_image(context, workload, container)
            yield from _probes(workload, container)


def off_message(service: Resource, pods: list[Resource]) -> str:
    """The message about a Service whose pods are switched off."""
    return f"{service} selects only {', '.join(map(str, pods))}, with replicas: 0"


def _no_image(context: ClusterContext, workload: Resource, container: Container) -> Iterator[Problem]:
    message = f"{workload}: container {container.name} has no image"
    if not (context.complete or workload.application):
        message += "; nothing applies it, so it may be a patch: nothing else of it was checked"
        yield problem(IMAGE, workload, message, *container.path, level="info")
    elif not _is_patch(workload):
        yield problem(IMAGE, workload, message, *container.path)


def _is_patch(workload: Resource) -> bool:
    """Whether it cannot be an object of its own: a stray patch lacks what every workload has."""
    return workload.kind in SCALABLE and "selector" not in workload.spec


def switched_off(index: Index, service: Resource) -> list[Resource]:
    """A Service's workloads if all of them are switched off in Git; else empty."""
    if service.spec.get("type") == "ExternalName" or not index.knows(service.namespace):
        return []
    pods = selected(index, mapping(service.spec.get("selector")), service.namespace)
    return pods if all(is_off(index, pod) for pod in pods) else []


def _probes(workload: Resource, container: Container) -> Iterator[Problem]:
    ports = mappings(container.body.get("ports"))
    names = {str(port["name"]) for port in ports if port.get("name")}
    numbers = {port.get("containerPort") for port in ports}
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        for way in ("httpGet", "tcpSocket", "grpc"):
            port = dig(container.body, probe, way, "port")
            place = (*container.path, probe, way, "port")
            message = f"{workload}: {probe} of {container.name} uses port {port}, which it does not declare"
            if isinstance(port, str) and not port.isdigit() and port not in names:
                yield problem(PROBE_PORT, workload, f"{message}{names_near(port, names)}", *place)
            elif isinstance(port, int) and numbers and port not in numbers:
                has = ", ".join(map(str, sorted(map(str, numbers))))
                yield problem(PROBE_NUMBER, workload, f"{message}; it declares {has}", *place)
