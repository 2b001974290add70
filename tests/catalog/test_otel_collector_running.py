"""The collector, running on its configuration, makes of spans the metrics that Grafana's links ask for."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ruamel.yaml import YAML

from tests.catalog.test_data_sources import TRACES, source, values_of
from tests.catalog.test_otel_collector import OTLP, merged
from tests.tools import tool

PATIENCE = 60.0
"""Seconds that a start, or a flush, may take on a busy machine."""
SECOND = 1_000_000_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Its ports by name: everything as in a cluster, but on free ports of this machine and in a hurry."""
    folder = tmp_path_factory.mktemp("collector")
    ports = {name: free_port() for name in ("otlp", "zipkin", "health", "spans", "nobody")}
    config = merged(OTLP)
    config["receivers"]["otlp"] = {"protocols": {"http": {"endpoint": f"127.0.0.1:{ports['otlp']}"}}}
    config["receivers"]["zipkin"] = {"endpoint": f"127.0.0.1:{ports['zipkin']}"}
    config["extensions"]["health_check"] = {"endpoint": f"127.0.0.1:{ports['health']}"}
    config["exporters"]["prometheus"]["endpoint"] = f"127.0.0.1:{ports['spans']}"
    config["exporters"]["otlp_grpc/traces"]["endpoint"] = f"127.0.0.1:{ports['nobody']}"
    config["connectors"]["span_metrics"]["metrics_flush_interval"] = "200ms"
    config["connectors"]["service_graph"]["metrics_flush_interval"] = "200ms"
    config["service"]["telemetry"] = {"metrics": {"level": "none"}}
    path = folder / "collector.yaml"
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump(config, stream)
    with (folder / "log").open("wb") as log:
        command = [str(tool("otelcol")), "--config", str(path)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        try:
            wait_for(f"http://127.0.0.1:{ports['health']}", "", process, folder / "log")
            yield ports
        finally:
            process.kill()  # it would try for a minute to hand its spans to nobody
            process.wait(PATIENCE)


def wait_for(
    url: str,
    pattern: str,
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
    before: Callable[[], None] = lambda: None,
) -> str:
    """The text at the URL, as soon as it has the pattern; `before` is called before each look."""
    deadline = time.monotonic() + PATIENCE
    text = ""
    while time.monotonic() < deadline:
        if process and log:
            assert process.poll() is None, log.read_text()
        before()
        try:
            answer = requests.get(url, timeout=10, headers={"Accept": "application/openmetrics-text"})
            text = answer.text
            if answer.ok and re.search(pattern, text):
                return text
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{pattern!r} is not at {url}: {text}")


def send(port: int, *spans: tuple[str, int, str, str]) -> None:
    """Spans of one trace: (service, kind, own ID, parent's ID), a tenth of a second long."""
    now = time.time_ns()
    traces = [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                            "spanId": own,
                            "parentSpanId": parent,
                            "name": "GET /",
                            "kind": kind,
                            "startTimeUnixNano": str(now - SECOND // 10),
                            "endTimeUnixNano": str(now),
                        }
                    ]
                }
            ],
        }
        for service, kind, own, parent in spans
    ]
    body = json.dumps({"resourceSpans": traces})
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"http://127.0.0.1:{port}/v1/traces", body, headers=headers, timeout=30)
    assert answer.ok, answer.text


def test_spans_become_the_metrics_behind_grafanas_links(collector: dict[str, int]) -> None:
    client, server = 3, 2

    def call() -> None:
        send(collector["otlp"], ("traefik", client, "a" * 16, ""), ("vote", server, "b" * 16, "a" * 16))

    call()
    queries: list[Any] = [query for component in TRACES for query in values_of(source(component), "query")]
    metrics = {name for query in queries for name in re.findall(r"(traces_\w+)\{", query)}
    assert metrics
    url = f"http://127.0.0.1:{collector['spans']}/metrics"
    for metric in sorted(metrics):
        wait_for(url, rf'(?m)^{metric}\{{[^}}]*service_name="vote"')
    # With a trace as an example, under the label that Grafana takes it from. A flush without spans drops it.
    wait_for(url, r'(?m)^traces_span_metrics_\w+_bucket\{.*# \{[^}]*trace_id="4bf92f', before=call)
    # Who calls whom, as Grafana's map of services reads it.
    wait_for(url, r'(?m)^traces_service_graph_request_total\{[^}]*client="traefik"[^}]*server="vote"')
