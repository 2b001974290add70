"""Exactly the expressions that no Prometheus selects are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.manifests.reader import parse
from bootstrap.resources.index import mappings
from bootstrap.validate.rules.promql_syntax import fault

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("sum(up", "( is not closed"),
        ("sum(up))", ") closes nothing"),
        ("rate(a[5m)", ") closes ["),
        ('up{job="a}', 'quote " is not closed'),
        ("up >", "nothing follows >"),
        ("(up and) > 1", "nothing follows and"),
        (" # nothing\n", "empty"),
    ],
)
def test_expression_that_cannot_be_read_is_reported(expression: str, says: str) -> None:
    assert says in fault(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "up == 0",
        'sum by (a) (rate(x_total{job=~"a|b", c!="}"}[5m] offset 1h)) > 0 # (why',
        "a / on (b) group_left () c",
        "label_replace(up, 'a', '$1', 'b', `(.*)`)",
        'x{a="\\"("}',
        "max_over_time(a[1h:5m] @ end()) unless on () vector(1)",
        "-1",
        "absent(up) or on() vector(0)",
        '{"a.b", job="x"}',
        "or_total and and_total",
    ],
)
def test_expression_that_can_be_read_is_left_alone(expression: str) -> None:
    assert fault(expression) == ""


def test_every_expression_of_the_catalog_is_left_alone() -> None:
    seen = 0
    for path in [*ROOT.glob("apps/**/*.yaml"), *ROOT.glob("infrastructure/**/*.yaml")]:
        for document in parse(path.read_bytes()).documents:
            if isinstance(document.value, dict) and document.value.get("kind") == "PrometheusRule":
                for group in mappings(document.value["spec"]["groups"]):
                    for rule in mappings(group["rules"]):
                        assert fault(str(rule["expr"])) == "", path
                        seen += 1
    assert seen > 10
