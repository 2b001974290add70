"""Custom objects are asked the CEL rules of their definitions, as the API server does on create."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cel import evaluator as cel
from bootstrap.cel.evaluator import Evaluator
from bootstrap.cel.process import library
from bootstrap.validate import custom_kinds
from bootstrap.validate.admission import definitions
from tests.conftest import Run
from tests.repositories import OURS, write
from tests.validate.admission.judged import CASES, definition, judged
from tests.validate.rules.asking import ask

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


def ours(evaluator: Evaluator, schema: dict[str, Any], body: dict[str, Any]) -> list[tuple[str, str]]:
    rules = custom_kinds.of_definition(definition(schema))
    found = ask(definitions.check, json.dumps(judged(body)), schema=lambda: rules, cel=evaluator)
    return [(one.rule.id, one.message) for one in found]


@pytest.mark.parametrize("name", CASES)
def test_a_rule_is_asked_of_every_value_that_it_is_about(evaluator: Evaluator, name: str) -> None:
    schema, objects = CASES[name]
    for body, expected in objects:
        found = ours(evaluator, schema, body)
        if expected:
            [(rule, message)] = found
            assert rule == "GB142", message
            assert expected.replace("<nil>: ", "") in message.replace(".memory", "[memory]")
        else:
            assert found == []


def test_a_rule_that_cannot_be_evaluated_is_reported_and_is_not_an_error(evaluator: Evaluator) -> None:
    rule = {"rule": "self.a.find('[[:alpha:]]') == 'x'"}
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    schema["properties"]["spec"]["x-kubernetes-validations"] = [rule]  # type: ignore[index]
    [(rule_id, message)] = ours(evaluator, schema, {"spec": {"a": "x"}})
    assert rule_id == "GB143"
    assert "[[:alpha:]]" in message


def test_a_value_of_the_wrong_type_asks_no_rule(evaluator: Evaluator) -> None:
    schema, _ = CASES["a rule of the spec"]
    assert ours(evaluator, schema, {"spec": {"min": "3", "max": 2}}) == []


def files(body: dict[str, Any]) -> dict[str, str]:
    crd = definition(CASES["a rule of the spec"][0])
    head = "apiVersion: judged.example.com/v1\nkind: Judged\nmetadata: {name: a}\n"
    text = f"{head}spec:\n  min: {body['min']}\n  max: 2\n"
    return {
        "apps/shop/base/crd.yaml": json.dumps(crd),
        "apps/shop/base/judged.yaml": text,
        "apps/shop/base/kustomization.yaml": "resources: [shop.yaml, crd.yaml, judged.yaml]\n",
    }


@pytest.mark.usefixtures("cache")
def test_validate_reports_it_at_the_line(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, files({"min": 3}))
    for _ in range(2):
        findings = json.loads(run("validate", str(root), "--rules", "GB14", "-o", "json").out)["findings"]
        assert [(one["rule"], one["file"], one["line"]) for one in findings] == [
            ("GB142", "apps/shop/base/judged.yaml", 4)
        ]
    write(tmp_path, files({"min": 1}))
    assert run("validate", str(root), "--rules", "GB14").exit == 0


@pytest.mark.usefixtures("cache")
def test_without_the_library_it_is_reported_that_no_rule_was_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, OURS, files({"min": 3}))
    monkeypatch.setattr(cel, "library", lambda: None)
    [one] = json.loads(run("validate", str(root), "--rules", "GB14", "-o", "json").out)["findings"]
    assert (one["rule"], one["severity"]) == ("GB143", "info")
    assert "pip install" in one["message"]
    monkeypatch.undo()
    assert "GB142" in run("validate", str(root), "--rules", "GB14").out
