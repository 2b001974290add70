"""The chain from a host to the pods: Ingress → Service → port → pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, mapping, selects, sequence
from bootstrap.resources.operators import makers, makes_pods, makes_service
from bootstrap.resources.pods import (
    WORKLOADS,
    declared_ports,
    find_port,
    is_hook,
    pod_labels,
    running,
    selected,
)
from bootstrap.resources.routes import INGRESS, ingress_backends, ports
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules import made_secrets
from bootstrap.validate.rules.suggestions import near

BACKEND_MISSING = Rule(
    "GB301",
    "backend-service-missing",
    "error",
    "An Ingress or route sends requests to a Service that does not exist: they fail with 503.",
    "correct the name, or add the Service",
)
BACKEND_PORT = Rule(
    "GB302",
    "backend-port-missing",
    "error",
    "An Ingress or route names a port that its Service does not have.",
    "name a port of the Service",
)
NO_PODS = Rule(
    "GB303",
    "service-selects-nothing",
    "error",
    "A Service's selector matches no pods, so it never has an endpoint.",
    "make the selector match the pods' labels",
)
NO_ENDPOINTS = Rule(
    "GB384",
    "service-without-endpoints",
    "warning",
    "A Service that a route uses has no selector, and nothing gives it endpoints: requests fail with 503.",
    "add the selector, or an EndpointSlice with the label kubernetes.io/service-name",
)
TARGET_PORT = Rule(
    "GB304",
    "service-target-port",
    "error",
    "A Service's targetPort is a name that no container of its pods declares, or a number that they do not.",
    "use the name or number of a containerPort",
)
NOT_READY = Rule(
    "GB305",
    "no-readiness-probe",
    "warning",
    "Pods behind a Service have no readiness probe: they get requests before they can answer.",
    "add a readinessProbe to the container that serves requests",
)
INGRESS_CLASS = Rule(
    "GB306",
    "ingress-class-missing",
    "error",
    "An Ingress names an IngressClass that nothing provides: no controller serves it.",
    "name a class of the cluster, or enable the controller that provides it",
)
TLS_SECRET = Rule(
    "GB307",
    "tls-secret-missing",
    "error",
    "TLS names a Secret that nothing creates: browsers get a default certificate.",
    "add a Certificate (or the annotation cert-manager.io/cluster-issuer), or create the Secret",
)
SELECTOR_MISMATCH = Rule(
    "GB331",
    "selector-does-not-match-template",
    "error",
    "A workload's selector does not match the labels of its own pods: the API server refuses it.",
    "give the pod template the labels of the selector",
)
SERVICE_NAME = Rule(
    "GB332",
    "stateful-service-missing",
    "warning",
    "A StatefulSet names a Service that does not exist, so its pods have no stable host names.",
    "add the headless Service",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for ingress in index.of(INGRESS):
        yield from _ingress(index, context, ingress)
    for service in index.of("Service"):
        yield from _service(index, service)
    for workload in index.of(*WORKLOADS):
        yield from _workload(index, workload)


def backend(
    index: Index, user: Resource, namespace: str, name: Any, port: Any, *path: str | int
) -> Iterator[Problem]:
    """The rules for one reference to a Service; `port` is a name, a number or None."""
    if not name:
        return
    service = index.get("Service", namespace, name)
    if service is None:
        if index.knows(namespace) and makes_service(index, namespace, str(name)) is None:
            known = [item.name for item in index.of("Service", namespace=namespace)]
            hint, fix = near(user, str(name), known, (*path, "name"), "Service")
            message = f"{user} sends requests to Service {name}, which is not in {namespace}{hint}"
            there = ("Service", namespace, str(name))
            yield problem(BACKEND_MISSING, user, message, *path, "name", fix=fix, unless=there)
        return
    if not _has_endpoints(index, service):
        message = f"{user} sends requests to {service}, which has no selector, and nothing gives it endpoints"
        yield problem(NO_ENDPOINTS, user, message, *path, "name")
    if service.spec.get("type") == "ExternalName" and not ports(service):
        return  # an ExternalName, for any port
    if port is not None and not any(port in (p.get("name"), p.get("port")) for p in ports(service)):
        has = ", ".join(_spell(p) for p in ports(service)) or "none"
        message = f"{user} uses port {port} of Service {name}, whose ports are {has}"
        place = ("port", "number" if isinstance(port, int) else "name") if user.kind == INGRESS else ("port",)
        yield problem(BACKEND_PORT, user, message, *path, *place)


def _has_endpoints(index: Index, service: Resource) -> bool:
    """Whether a Service gets endpoints, or may: by its selector, by what lists them, or by an operator."""
    if service.spec.get("selector") or service.spec.get("type") == "ExternalName":
        return True
    space, name = service.namespace, service.name
    listed = index.get("Endpoints", space, name) is not None or any(
        one.labels.get("kubernetes.io/service-name") == name
        for one in index.of("EndpointSlice.discovery.k8s.io", namespace=space)
    )
    return listed or not index.knows(space) or any(makers(index, space))


def _spell(port: Mapping[str, Any]) -> str:
    return f"{port['name']} ({port.get('port')})" if port.get("name") else str(port.get("port"))


def _ingress(index: Index, context: ClusterContext, ingress: Resource) -> Iterator[Problem]:
    for _, _, name, port, place in ingress_backends(ingress):
        yield from backend(index, ingress, ingress.namespace, name, port, *place)
    name = ingress.spec.get("ingressClassName")
    if name and (level := context.lacks("IngressClass.networking.k8s.io", name)):
        known = (item.name for item in context.public.of("IngressClass.networking.k8s.io"))
        message = (
            f"{ingress} names the IngressClass {name}, which nothing provides{names_near(str(name), known)}"
        )
        yield problem(INGRESS_CLASS, ingress, message, "spec", "ingressClassName", level=level)
    issued = any(str(key).startswith("cert-manager.io/") for key in ingress.annotations)
    for number, tls in enumerate(sequence(ingress.spec.get("tls"))):
        secret = mapping(tls).get("secretName")
        missing = made_secrets.missing(index, context, ingress, ingress.namespace, str(secret))
        if secret and not issued and missing is not None:
            message = f"{ingress} uses the certificate in Secret {secret}, which nothing creates{missing[1]}"
            there = ("Secret", ingress.namespace, str(secret))
            place = ("spec", "tls", number, "secretName")
            yield problem(TLS_SECRET, ingress, message, *place, level=missing[0], unless=there)


_ENOUGH = 100
"""The most workloads behind one Service that are checked: there are hardly ever more."""


def _service(index: Index, service: Resource) -> Iterator[Problem]:
    selector = mapping(service.spec.get("selector"))
    if not selector or service.spec.get("type") == "ExternalName":
        return
    pods = [pod for pod in selected(index, selector, service.namespace) if not _is_test(pod)][:_ENOUGH]
    if not pods:
        if index.knows(service.namespace) and not makes_pods(index, selector, service.namespace):
            message = f"{service} selects {_labels(selector)}, which no pod has{_nearest(index, service)}"
            alone = not any(index.of(*WORKLOADS, namespace=service.namespace))
            message += "; Git has no pods for this namespace" if alone else ""
            level: Severity | None = "warning" if alone else None
            yield problem(NO_PODS, service, message, "spec", "selector", level=level)
        return
    lasting = [pod for pod in pods if pod.kind not in ("Job.batch", "CronJob.batch")] or pods
    for number, port in enumerate(sequence(service.spec.get("ports"))):
        yield from _target(service, mapping(port), number, lasting)
    for pod in pods:
        if pod.kind not in ("Job.batch", "CronJob.batch") and not is_hook(pod) and not _probed(pod):
            message = f"{pod} serves {service.name}, but none of its containers has a readiness probe"
            yield problem(NOT_READY, pod, message, *_TEMPLATE_SPEC.get(pod.kind, ()))


_TEMPLATE_SPEC: Mapping[str, tuple[str, ...]] = {
    kind: ("spec", "template", "spec", "containers") for kind in WORKLOADS if kind != "Pod"
}


def _probed(pod: Resource) -> bool:
    return any(
        mapping(container.body.get(probe))
        for container in running(pod)
        for probe in ("readinessProbe", "startupProbe")
    )


def _is_test(pod: Resource) -> bool:
    """Whether a pod is a chart's test, which Argo CD does not apply."""
    return "test" in str(pod.annotations.get("helm.sh/hook") or "")


def _nearest(index: Index, service: Resource) -> str:
    """The workload that has most of the selector's labels."""
    selector = mapping(service.spec.get("selector"))
    best, most = None, 0
    for workload in index.of(*WORKLOADS, namespace=service.namespace):
        labels = pod_labels(workload)
        same = sum(selects({key: value}, labels) for key, value in selector.items())
        same = same or int(workload.name == service.name)
        if same > most:
            best, most = workload, same
    return f"; the pods of {best} have {_labels(pod_labels(best))}" if best else ""


def _labels(labels: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in list(labels.items())[:4]) or "no labels"


def _target(
    service: Resource, port: Mapping[str, Any], number: int, pods: list[Resource]
) -> Iterator[Problem]:
    target = port.get("targetPort", port.get("port"))
    for pod in pods:
        declared = declared_ports(pod)
        if find_port(pod, target) or (isinstance(target, int) and not declared):
            continue
        if isinstance(target, int) and len(running(pod)) > 1 and not isinstance(port.get("targetPort"), str):
            continue  # containerPort is only informational, and a sidecar may listen without one
        has = ", ".join(_container_port(item) for item in declared) or "none"
        message = f"{service} sends to port {target} of {pod}, whose containers declare {has}"
        # A container may listen on an undeclared port; an undeclared name leads nowhere.
        # Where other pods have the name, those without it get no requests, and nothing fails.
        others = any(find_port(one, target) for one in pods)
        level: Severity | None = "info" if isinstance(target, int) else "warning" if others else None
        yield problem(TARGET_PORT, service, message, "spec", "ports", number, "targetPort", level=level)


def _container_port(port: Mapping[str, Any]) -> str:
    number = port.get("containerPort")
    return f"{port['name']} ({number})" if port.get("name") else str(number)


def _workload(index: Index, workload: Resource) -> Iterator[Problem]:
    wanted = mapping(dig(workload.spec, "selector", "matchLabels"))
    if wanted and workload.kind not in ("Job.batch", "CronJob.batch"):
        labels = pod_labels(workload)
        if labels or "template" in workload.spec:
            wrong = [key for key, value in wanted.items() if str(labels.get(key)) != str(value)]
            if wrong:
                selected_label = f"{wrong[0]}={wanted[wrong[0]]}"
                message = f"{workload} selects {selected_label}, but its pods have {_labels(labels)}"
                yield problem(SELECTOR_MISMATCH, workload, message, "spec", "selector")
    name = workload.spec.get("serviceName")
    known = workload.kind == "StatefulSet.apps" and index.knows(workload.namespace)
    if known and name and index.get("Service", workload.namespace, name) is None:
        known_names = [item.name for item in index.of("Service", namespace=workload.namespace)]
        hint, fix = near(workload, str(name), known_names, ("spec", "serviceName"), "Service")
        message = f"{workload} names the Service {name}, which does not exist{hint}"
        there = ("Service", workload.namespace, str(name))
        yield problem(SERVICE_NAME, workload, message, "spec", "serviceName", fix=fix, unless=there)
