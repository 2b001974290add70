"""Scraping and alerting: monitors that select nothing, alerts on metrics that nothing exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, dig, label_selects, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, containers, find_port, label_selected
from bootstrap.resources.products import EXPOSED_BY
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.promql_syntax import fault

SERVICE_MONITOR = "ServiceMonitor.monitoring.coreos.com"
POD_MONITOR = "PodMonitor.monitoring.coreos.com"
RULES = "PrometheusRule.monitoring.coreos.com"

SELECTS_NOTHING = Rule(
    "GB328",
    "monitor-selects-nothing",
    "warning",
    "A ServiceMonitor or PodMonitor selects nothing: it scrapes no metrics.",
    "make the selector match the labels of the Service (or the pods)",
)
PORT = Rule(
    "GB329",
    "monitor-port-missing",
    "warning",
    "A monitor names a port that its Services or pods do not have: nothing is scraped.",
    "name a port of the Service (or of the container)",
)
METRIC = Rule(
    "GB346",
    "metric-nobody-exports",
    "warning",
    "A rule uses a metric whose exporter is not deployed: it never fires.",
    "deploy the exporter, or delete the rule",
)

EXPRESSION = Rule(
    "GB356",
    "expression-does-not-parse",
    "error",
    "A rule's expression is invalid: Prometheus refuses the whole rule file.",
    "fix brackets, quotes and operators",
)

_METRIC = re.compile(r"\b([a-z][a-z0-9]*_[a-z0-9_]+)\b(?!\s*\()")
_LABELS = re.compile(
    r"\"[^\"]*\"|'[^']*'|\{[^}]*\}|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
"""The parts of an expression that name labels and their values."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for monitor in index.of(SERVICE_MONITOR):
        yield from _service_monitor(index, monitor)
    for monitor in index.of(POD_MONITOR):
        yield from _pod_monitor(index, monitor)
    words = None
    for rules in index.of(RULES):
        yield from _expressions(rules)
        if context.complete:
            words = words or exporters(index, context)
            yield from _metrics(rules, words)


def _elsewhere(monitor: Resource) -> bool:
    """Whether it selects beyond its own namespace."""
    wanted = mapping(monitor.spec.get("namespaceSelector"))
    names = sequence(wanted.get("matchNames"))
    return bool(wanted.get("any")) or bool(names and names != [monitor.namespace])


def monitors_of(index: Index, service: Resource) -> list[Resource]:
    """The ServiceMonitors that select a Service."""
    return [
        monitor
        for monitor in index.of(SERVICE_MONITOR)
        if label_selects(monitor.spec.get("selector"), service.labels)
        and (monitor.namespace == service.namespace or _elsewhere(monitor))
    ]


def _service_monitor(index: Index, monitor: Resource) -> Iterator[Problem]:
    if _elsewhere(monitor) or not index.knows(monitor.namespace):
        return
    services = [
        item
        for item in index.of("Service", namespace=monitor.namespace)
        if label_selects(monitor.spec.get("selector"), item.labels)
    ]
    if not services:
        yield problem(SELECTS_NOTHING, monitor, f"{monitor} selects no Service", "spec", "selector")
        return
    for number, endpoint in enumerate(sequence(monitor.spec.get("endpoints"))):
        port = mapping(endpoint).get("port")
        known = {
            str(item.get("name")) for service in services for item in mappings(service.spec.get("ports"))
        }
        if port and str(port) not in known:
            message = (
                f"{monitor} scrapes port {port}, which {services[0]} does not "
                f"have{names_near(str(port), known)}"
            )
            yield problem(PORT, monitor, message, "spec", "endpoints", number, "port")


def _pod_monitor(index: Index, monitor: Resource) -> Iterator[Problem]:
    if _elsewhere(monitor) or not index.knows(monitor.namespace):
        return
    pods = label_selected(index, monitor.spec.get("selector"), monitor.namespace)
    if not pods:
        yield problem(SELECTS_NOTHING, monitor, f"{monitor} selects no pods", "spec", "selector")
        return
    for number, endpoint in enumerate(sequence(monitor.spec.get("podMetricsEndpoints"))):
        port = mapping(endpoint).get("port")
        if port and not any(find_port(pod, port) for pod in pods):
            message = f"{monitor} scrapes port {port}, which no container of {pods[0]} declares"
            yield problem(PORT, monitor, message, "spec", "podMetricsEndpoints", number, "port")


def exporters(index: Index, context: ClusterContext) -> str:
    """Everything that could name an exporter: images, charts, Applications."""
    words = list(context.images)
    words += [str(c.body.get("image")) for item in index.of(*WORKLOADS) for c in containers(item)]
    for application in index.applications.values():
        sources = [*sequence(application.spec.get("sources")), application.spec.get("source")]
        words += [application.name, *(str(mapping(source).get("chart")) for source in sources)]
    return " ".join(words)


def _expressions(rules: Resource) -> Iterator[Problem]:
    for number, group in enumerate(sequence(rules.spec.get("groups"))):
        for place, rule in enumerate(sequence(mapping(group).get("rules"))):
            expression = dig(rule, "expr")
            if isinstance(expression, str) and (why := fault(expression)):
                name = mapping(rule).get("alert") or mapping(rule).get("record")
                message = f"{rules}: the expression of {name} is invalid: {why}"
                yield problem(EXPRESSION, rules, message, "spec", "groups", number, "rules", place, "expr")


def _metrics(rules: Resource, exporters: str) -> Iterator[Problem]:
    for number, group in enumerate(sequence(rules.spec.get("groups"))):
        for place, rule in enumerate(sequence(mapping(group).get("rules"))):
            for metric in sorted(set(_METRIC.findall(_LABELS.sub(" ", str(dig(rule, "expr") or ""))))):
                if missing := _missing(metric, exporters):
                    alert = mapping(rule).get("alert") or mapping(rule).get("record")
                    message = f"{rules}: {alert} uses {metric}, but nothing like {missing} is deployed"
                    yield problem(METRIC, rules, message, "spec", "groups", number, "rules", place, "expr")
                    break


def _missing(metric: str, exporters: str) -> str:
    for start, words in EXPOSED_BY.items():
        if metric.startswith(start) and not any(word in exporters for word in words):
            return words[0]
    return ""


def scrapers(index: Index, service: Resource, pods: list[Resource]) -> list[Any]:
    """What scrapes a Service or its pods."""
    found: list[Any] = list(monitors_of(index, service))
    for monitor in index.of(POD_MONITOR, namespace=service.namespace):
        selected = label_selected(index, monitor.spec.get("selector"), service.namespace)
        if any(pod in selected for pod in pods):
            found.append(monitor)
    return found
