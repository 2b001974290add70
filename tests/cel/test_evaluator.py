"""Expressions are evaluated as Kubernetes does, in a process that can do nothing else and always ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cel import evaluator as cel
from bootstrap.cel.evaluator import Answer, Evaluation, Evaluator
from bootstrap.cel.process import Child, library
from tests.cel.expressions import SELF, TRUE

pytestmark = pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python")

ENDLESS = f"'{'a' * 40}'.find('(a+)+b') == ''"
"""A pattern that Python's `re` needs years for."""


@pytest.fixture
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


def evaluated(evaluator: Evaluator, *expressions: str, value: Any = SELF) -> list[Answer]:
    asked = [[Evaluation(one, {"self": "dyn"}, {"self": value})] for one in expressions]
    return [answer for [answer] in evaluator.ask(asked)]


def test_what_kubernetes_adds_to_the_language_is_there(evaluator: Evaluator) -> None:
    answers = evaluated(evaluator, *TRUE)
    assert {
        one: answer for one, answer in zip(TRUE, answers, strict=True) if answer != Answer("value", True)
    } == {}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("self.zz == 1", "no such key: zz"),
        ("self.l[7] == 1", "index out of bounds: 7"),
        ("1 / (self.a - 1) == 1", "divide by zero"),
        ("int(self.b) == 1", "type conversion error from string to int"),
        ("quantity(self.b).isInteger()", "quantities must match the regular expression"),
        ("ip(self.b).family() == 4", "parse error"),
        ("[self.a].filter(x, x > 1).max() == 1", "max called on empty list"),
    ],
)
def test_an_error_that_the_api_server_has_too_is_reported_as_refused(
    evaluator: Evaluator, expression: str, text: str
) -> None:
    [answer] = evaluated(evaluator, expression)
    assert answer.status == "refused"
    assert text in answer.text


@pytest.mark.parametrize(
    ("expression", "place"),
    [("self.a ==", (1, 10)), ("true &&\n  nobody == 1", (2, 3)), ("'a'.indexOff('b') == 1", (1, 13))],
)
def test_what_does_not_compile_is_reported_with_its_line_and_column(
    evaluator: Evaluator, expression: str, place: tuple[int, int]
) -> None:
    [answer] = evaluated(evaluator, expression)
    assert (answer.status, (answer.line, answer.column)) == ("invalid", place)


def test_a_pattern_that_python_reads_in_another_way_is_unknown(evaluator: Evaluator) -> None:
    [answer] = evaluated(evaluator, "self.b.find('[[:alpha:]]') == 'x'")
    assert answer.status == "unknown"


def test_more_than_ten_thousand_steps_are_unknown(evaluator: Evaluator) -> None:
    [answer] = evaluated(evaluator, "self.all(x, self.all(y, x == x))", value=list(range(200)))
    assert answer.status == "unknown"
    assert "10,000 steps" in answer.text


def test_what_does_not_end_is_ended_and_the_others_are_answered(evaluator: Evaluator) -> None:
    late, after = evaluated(evaluator, ENDLESS, "self.a == 1")
    assert (late.status, late.late) == ("unknown", True)
    assert after == Answer("value", True)


def test_an_expression_that_took_too_long_is_not_evaluated_again(evaluator: Evaluator) -> None:
    answers = evaluated(evaluator, *[ENDLESS] * (cel.LOST + 5), "true")
    assert all(one.late for one in answers[:-1])
    assert answers[-1] == Answer("value", True)


def test_after_ten_that_do_not_end_nothing_is_evaluated(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cel, "SECONDS", 0.05)
    *late, spent = evaluated(evaluator, *(f"{ENDLESS} || {n} == 0" for n in range(cel.LOST)), "true")
    assert all(one.late for one in late)
    assert spent == Answer("unknown", text=cel.SPENT)


def test_an_expression_that_takes_all_memory_is_unknown(evaluator: Evaluator) -> None:
    double = "x" * 1_000_000
    grown = "[" + ", ".join(["self + self"] * 2000) + "].map(x, x.reverse()).size() == 2000"
    answers = evaluated(evaluator, grown, "self != ''", value=double)
    assert answers[0].status == "unknown"
    assert answers[1] == Answer("value", True)


def test_shared_objects_are_handed_over_once_and_found_by_number(evaluator: Evaluator) -> None:
    evaluator.share({"objects": [{"a": 1}, {"a": 2}]})
    names = {"object": "dyn", "objects": "dyn"}
    asked = [
        [Evaluation("object.a == 2 && objects.exists(o, o.a == 1)", names, {"object": number}, "item")]
        for number in (0, 1)
    ]
    assert evaluator.ask(asked) == [[Answer("value", False)], [Answer("value", True)]]


def test_without_the_library_all_is_unknown_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "library", lambda: None)
    with Evaluator() as evaluator:
        [answer] = evaluated(evaluator, "true")
    assert answer.status == "unknown"
    assert "pip install 'gitops-bootstrap[cel]'" in answer.text


def test_the_child_has_no_socket_no_variable_and_no_other_folder(tmp_path: Path) -> None:
    found = library()
    assert found is not None
    child = Child({"PATH": os.defpath, "GIT_TOKEN": "a-token-of-the-users", "HOME": str(tmp_path)}, found)
    try:
        child.say((1.0, None, [[("value", "true", {}, {})]]))
        assert child.answer() == {"value": True}
        process = Path(f"/proc/{child.pid}")
        assert "Seccomp:\t2" in (process / "status").read_text()
        environment = (process / "environ").read_bytes()
        assert b"a-token" not in environment
        assert str(tmp_path).encode() not in environment
        assert (process / "cwd").resolve() != Path.cwd()
    finally:
        child.end()
