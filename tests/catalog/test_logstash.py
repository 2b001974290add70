"""Logstash's pipeline follows Logstash's grammar, and what it reads and writes exists.

Logstash itself is not run: no package registry has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from logstash_pipeline_parser import Pipeline  # type: ignore[import-untyped]
from logstash_pipeline_parser.tree import ParseError  # type: ignore[import-untyped]

from tests.catalog.infrastructure import INFRASTRUCTURE, yaml


def logstash() -> dict[str, Any]:
    body: dict[str, Any] = yaml(INFRASTRUCTURE / "elastic/stack/logstash.yaml")
    return body


def pipeline() -> str:
    (only,) = logstash()["spec"]["pipelines"]
    return str(only["config.string"])


def settings(section: str, plugin: str) -> dict[str, Any]:
    """The settings of a plugin that is directly in a section."""
    (found,) = [part for name, part in Pipeline(pipeline()).parse() if name == section]
    (wanted,) = [part for name, part in found if name == plugin]
    return {name: value[0] for name, value in wanted}


def strings(item: Any) -> Iterator[str]:
    if isinstance(item, list):
        for inner in item:
            yield from strings(inner)
    elif isinstance(item, str):
        yield item


def test_the_pipeline_reads_filters_and_writes() -> None:
    assert [name for name, _ in Pipeline(pipeline()).parse()] == ["input", "filter", "output"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("codec => json", "codec =>"), ("if [message] =~", "if [message] ~="), ("port => 8080", "port = 8080")],
)
def test_what_is_not_a_pipeline_is_refused(right: str, wrong: str) -> None:
    assert right in pipeline()
    with pytest.raises(ParseError):
        Pipeline(pipeline().replace(right, wrong)).parse()


def test_lines_come_in_by_the_port_that_fluent_bit_sends_to() -> None:
    port = settings("input", "http")["port"]
    (service,) = logstash()["spec"]["services"]
    assert [entry["targetPort"] for entry in service["service"]["spec"]["ports"]] == [port]
    (output,) = yaml(INFRASTRUCTURE / "elastic/values-fluent-bit.yaml")["config"]["pipeline"]["outputs"]
    name = f"{logstash()['metadata']['name']}-ls-{service['name']}"  # as the operator names it
    assert (output["host"], output["port"]) == (f"{name}.elastic.svc.cluster.local", port)


def test_elasticsearch_is_reached_by_what_the_operator_puts_into_the_environment() -> None:
    (reference,) = logstash()["spec"]["elasticsearchRefs"]
    prefix = reference["clusterName"].upper()
    named = {
        name for text in strings(Pipeline(pipeline()).parse()) for name in re.findall(r"\$\{(\w+)\}", text)
    }
    wanted = ("HOSTS", "USER", "PASSWORD", "SSL_CERTIFICATE_AUTHORITY")
    assert named == {f"{prefix}_ES_{part}" for part in wanted}
