"""Prometheus Operator: monitors and rules that no Prometheus in Git selects."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, label_selects, mapping, mappings
from bootstrap.resources.policies import namespace_labels
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem
from bootstrap.validate.rules.monitoring import POD_MONITOR, RULES, SERVICE_MONITOR

NOT_TAKEN = Rule(
    "GB376",
    "monitor-not-taken",
    "warning",
    "No Prometheus of the operator selects a monitor or a PrometheusRule: it has no effect.",
    "give it the labels that the Prometheus selects, or widen the selector",
)

PROMETHEUS = "Prometheus.monitoring.coreos.com"
_SELECTORS = {
    SERVICE_MONITOR: "serviceMonitor",
    POD_MONITOR: "podMonitor",
    RULES: "rule",
    "Probe.monitoring.coreos.com": "probe",
    "ScrapeConfig.monitoring.coreos.com": "scrapeConfig",
}
"""A kind → the prefix of a Prometheus's selectors for it."""
_BY_CHARTS = ("prometheus", "k8s-monitoring", "victoria-metrics", "alloy", "thanos", "rancher-monitoring")
"""Parts of the names of charts that may have a Prometheus, or something else that reads its objects."""
_DEFINITIONS = "crd"


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    servers = context.public.of(PROMETHEUS)
    if not servers or not context.complete or _others(context):
        return
    for kind, start in _SELECTORS.items():
        for item in index.of(kind):
            whys = [_refusal(context.public, server, start, item) for server in servers]
            if all(whys):
                message = f"no Prometheus selects {item}: {whys[0]}"
                place = ("metadata", "labels") if item.labels else ("metadata", "name")
                yield problem(NOT_TAKEN, item, message, *place)


def _others(context: ClusterContext) -> bool:
    """Whether charts that were not read may have another one."""
    charts = {chart for chart in context.homes if _DEFINITIONS not in chart}
    return any(part in chart for chart in charts for part in _BY_CHARTS)


def _refusal(public: Index, server: Resource, start: str, item: Resource) -> str:
    """Why a Prometheus does not select an object; "" when it does, or when Git does not say."""
    beyond = server.spec.get(f"{start}NamespaceSelector")
    if item.namespace != server.namespace:
        if beyond is None:
            return f"{server} only selects in its own namespace (no {start}NamespaceSelector)"
        namespace = public.get("Namespace", "", item.namespace)
        if namespace is None and beyond:
            return ""  # its labels are not known
        if not label_selects(beyond, namespace_labels(public, item.namespace)):
            return f"{start}NamespaceSelector of {server} excludes {item.namespace}"
    selector = server.spec.get(f"{start}Selector")
    if selector is None:
        return f"{server} has no {start}Selector"
    if not label_selects(selector, item.labels):
        wanted = [f"{key}={value}" for key, value in mapping(mapping(selector).get("matchLabels")).items()]
        for one in mappings(mapping(selector).get("matchExpressions")):
            values = ", ".join(map(str, one.get("values") or ()))
            wanted.append(f"{one.get('key')} {one.get('operator')} {values}".strip())
        return f"{server} selects {' and '.join(wanted)}"
    return ""
