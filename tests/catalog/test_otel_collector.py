"""The collector itself takes its configuration, for each tracing component that it may send to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.catalog.infrastructure import INFRASTRUCTURE, yaml
from tests.tools import tool

FOLDER = INFRASTRUCTURE / "otel-collector"
OTLP, ZIPKIN = ("values.yaml",), ("values.yaml", "values-zipkin.yaml")
CHART: dict[str, Any] = {
    "exporters": {"debug": {}},
    "extensions": {"health_check": {"endpoint": "${env:MY_POD_IP}:13133"}},
    "processors": {
        "batch": {},
        "memory_limiter": {"check_interval": "5s", "limit_percentage": 80, "spike_limit_percentage": 25},
    },
    "receivers": {
        "jaeger": {"protocols": {"grpc": {"endpoint": "${env:MY_POD_IP}:14250"}}},
        "otlp": {"protocols": {"grpc": {"endpoint": "${env:MY_POD_IP}:4317"}}},
        "prometheus": {"config": {}},
        "zipkin": {"endpoint": "${env:MY_POD_IP}:9411"},
    },
    "service": {
        "extensions": ["health_check"],
        "pipelines": {
            kind: {"exporters": ["debug"], "receivers": ["otlp"], "processors": ["memory_limiter", "batch"]}
            for kind in ("logs", "metrics", "traces")
        },
    },
}
"""What the chart brings by itself, and ours lies over; whole charts are rendered by test_charts.py."""


def merged(names: tuple[str, ...]) -> dict[str, Any]:
    """As Helm merges: null takes away what the chart has brought, and stays null over another file's."""
    ours: Any = {}
    for name in names:
        ours = _over(ours, yaml(FOLDER / name).get("config", {}), deletes=False)
    return dict(_over(CHART, ours, deletes=True))


def _over(below: Any, above: Any, *, deletes: bool) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    result = {**below, **{key: _over(below.get(key), value, deletes=deletes) for key, value in above.items()}}
    return {key: value for key, value in result.items() if not (deletes and value is None and key in below)}


def verdict(config: Mapping[str, Any], folder: Path) -> str:
    """What the collector says against a configuration."""
    path = folder / "collector.yaml"
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump(config, stream)
    command = [str(tool("otelcol")), "validate", "--config", str(path)]
    environ = {**os.environ, "MY_POD_IP": "127.0.0.1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr


@pytest.mark.parametrize("names", [OTLP, ZIPKIN], ids=["otlp", "zipkin"])
def test_the_collector_takes_its_configuration(names: tuple[str, ...], tmp_path: Path) -> None:
    assert verdict(merged(names), tmp_path) == ""


@pytest.mark.parametrize(
    ("names", "exporter"), [(OTLP, "otlp_grpc/traces"), (ZIPKIN, "zipkin")], ids=["otlp", "zipkin"]
)
def test_spans_go_to_the_tracing_component_and_become_metrics(names: tuple[str, ...], exporter: str) -> None:
    pipelines = merged(names)["service"]["pipelines"]
    assert set(pipelines) == {"metrics", "traces"}
    assert pipelines["traces"]["exporters"] == [exporter, "span_metrics", "service_graph"]
    assert pipelines["metrics"]["receivers"] == ["span_metrics", "service_graph"]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("connectors", "span_metrics", "histogramm"), {}, "histogramm"),
        (("exporters", "otlp_grpc/traces"), None, "endpoint"),
        (("service", "pipelines", "traces", "exporters"), ["nowhere"], "nowhere"),
    ],
    ids=["a field", "an exporter without a target", "an exporter that is not there"],
)
def test_a_mistake_is_found(place: tuple[str, ...], value: Any, said: str, tmp_path: Path) -> None:
    config = merged(OTLP)
    *path, last = place
    inner = config
    for key in path:
        inner = inner[key]
    inner[last] = value
    assert said in verdict(config, tmp_path)
