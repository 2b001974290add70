"""Grafana's data sources lead to one another: metrics to traces, spans to logs and to metrics."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.catalog.infrastructure import INFRASTRUCTURE, of, yaml
from tests.tools import tool

TRACES = ("tempo", "jaeger", "zipkin")
COMPONENTS = ("loki", *TRACES)
UIDS = {"prometheus", "loki", "traces"}
"""Prometheus' is the chart's own; the others are named in these files."""


def source(component: str) -> dict[str, Any]:
    """The one data source of a component, as Grafana provisions it."""
    body = yaml(INFRASTRUCTURE / component / "manifests/data-source.yaml")
    assert body["metadata"]["labels"] == {"grafana_datasource": "1"}
    (text,) = body["data"].values()
    (provisioned,) = [YAML(typ="safe", pure=True).load(text)]
    (only,) = provisioned["datasources"]
    return dict(only)


def values_of(item: Any, key: str) -> Iterator[Any]:
    """Every value that a key has, however deep."""
    if isinstance(item, dict):
        yield from (value for name, value in item.items() if name == key)
        for value in item.values():
            yield from values_of(value, key)
    elif isinstance(item, list):
        for value in item:
            yield from values_of(value, key)


@pytest.mark.parametrize("component", COMPONENTS)
def test_links_lead_to_data_sources_that_some_component_brings(component: str) -> None:
    targets = set(values_of(source(component), "datasourceUid"))
    assert targets
    assert targets <= UIDS - {source(component)["uid"]}


def test_whichever_tracing_component_is_on_its_data_source_is_the_same() -> None:
    found = [source(component) for component in TRACES]
    assert {(item["uid"], item["name"]) for item in found} == {("traces", "Traces")}
    assert [item["type"] for item in found] == list(TRACES)
    assert source("loki")["uid"] == "loki"


def test_a_point_of_a_graph_leads_to_its_trace() -> None:
    grafana = yaml(INFRASTRUCTURE / "monitoring/values.yaml")["grafana"]
    exemplars = grafana["sidecar"]["datasources"]["exemplarTraceIdDestinations"]
    assert exemplars["datasourceUid"] == "traces"
    prometheus = yaml(INFRASTRUCTURE / "monitoring/values.yaml")["prometheus"]["prometheusSpec"]
    assert "exemplar-storage" in prometheus["enableFeatures"]
    connector = yaml(INFRASTRUCTURE / "otel-collector/values.yaml")["config"]["connectors"]["span_metrics"]
    assert connector["exemplars"]["enabled"] is True


@pytest.mark.parametrize("component", TRACES)
def test_a_span_leads_to_the_logs_of_its_pod(component: str) -> None:
    logs = source(component)["jsonData"]["tracesToLogsV2"]
    assert logs["datasourceUid"] == "loki"
    # Its labels are those that Alloy gives a line.
    alloy = yaml(INFRASTRUCTURE / "loki/values-alloy.yaml")["alloy"]["configMap"]["content"]
    labels = set(re.findall(r'target_label\s+= "(\w+)"', alloy))
    assert {tag["value"] for tag in logs["tags"]} <= labels


@pytest.mark.parametrize(
    ("line", "trace"),
    [
        ('level=info traceID=4bf92f3577b34da6a3ce929d0e0e4736 msg="x"', "4bf92f3577b34da6a3ce929d0e0e4736"),
        ('{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}', "4bf92f3577b34da6a3ce929d0e0e4736"),
        (
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "4bf92f3577b34da6a3ce929d0e0e4736",
        ),
        ("no trace here: 4bf92f3577b34da6a3ce929d0e0e4736", None),
    ],
)
def test_a_line_that_names_a_trace_leads_to_it(line: str, trace: str | None) -> None:
    (field,) = source("loki")["jsonData"]["derivedFields"]
    assert field["datasourceUid"] == "traces"
    found = re.search(field["matcherRegex"], line)
    assert (found[1] if found else None) == trace


def test_queries_behind_links_are_queries(tmp_path: Path) -> None:
    queries = [query for component in TRACES for query in values_of(source(component), "query")]
    assert queries
    # Grafana puts the span's labels there; two dollars are one, after provisioning.
    filled = [query.replace("$$__tags", 'service_name="vote"') for query in queries]
    rules = [{"record": f"link:{number}", "expr": query} for number, query in enumerate(filled)]
    path = tmp_path / "rules.yaml"
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump({"groups": [{"name": "links", "rules": rules}]}, stream)
    command = [str(tool("promtool")), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert f"SUCCESS: {len(rules)} rules found" in done.stdout, done.stdout + done.stderr


def test_each_is_reached_where_its_component_serves() -> None:
    for component in COMPONENTS:
        namespace = of(component)[0].body["spec"]["destination"]["namespace"]
        host = f"{component}.{namespace}.svc.cluster.local"
        assert re.fullmatch(rf"http://{re.escape(host)}:\d+", source(component)["url"]), component
