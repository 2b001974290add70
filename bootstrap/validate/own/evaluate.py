"""Evaluates a repository's own rules over the objects of one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.cel.evaluator import Answer, Evaluation, Evaluator
from bootstrap.resources.index import Resource
from bootstrap.validate.own.model import OwnRule
from bootstrap.validate.rule import Problem

NAMES = {"object": "dyn", "objects": "dyn", "kinds": "dyn"}
"""The variables of an expression."""
_LONGEST = 300
"""Characters of a message."""


@dataclass
class Failed:
    """The objects for which a rule could not be evaluated: how many, the first, and why."""

    first: str
    why: str
    count: int = 1


@dataclass
class Run:
    """What one evaluation of all rules over a cluster found."""

    problems: list[Problem] = field(default_factory=list)
    failed: dict[str, Failed] = field(default_factory=dict)
    lasting: bool = True

    def fail(self, rule: str, resource: Resource, answer: Answer) -> None:
        if rule in self.failed:
            self.failed[rule].count += 1
        else:
            self.failed[rule] = Failed(str(resource), answer.text)
        self.lasting = self.lasting and answer.status == "refused"


def evaluated(resources: Sequence[Resource], rules: Mapping[str, OwnRule], evaluator: Evaluator) -> Run:
    done = Run()
    wanted = [
        (number, resource, [one for one in rules.values() if one.match.takes(resource)])
        for number, resource in enumerate(resources)
    ]
    wanted = [one for one in wanted if one[2]]
    if not wanted:
        return done
    evaluator.share(shared([_body(one) for one in resources], _mentions_kinds(rules)))
    _all(wanted, evaluator, done)
    return done


_Part = Sequence[tuple[int, Resource, Sequence[OwnRule]]]


def _all(part: _Part, evaluator: Evaluator, done: Run) -> None:
    answers = evaluator.ask([[_item(one.expression, number) for one in chosen] for number, _, chosen in part])
    bad: list[tuple[int, Resource, OwnRule]] = []
    for (number, resource, chosen), group in zip(part, answers, strict=True):
        for one, answer in zip(chosen, group, strict=True):
            if answer.status == "value" and answer.value is False:
                bad.append((number, resource, one))
            elif answer.status != "value" or answer.value is not True:
                done.fail(
                    one.rule.id,
                    resource,
                    answer if answer.text else Answer("unknown", text="it is neither true nor false"),
                )
    texts = evaluator.ask(
        [[_item(one.message_expression, number)] if one.message_expression else [] for number, _, one in bad]
    )
    for (_, resource, one), said in zip(bad, texts, strict=True):
        message = one.message or one.rule.about
        if said and said[0].status == "value" and isinstance(said[0].value, str) and said[0].value.strip():
            message = said[0].value
        done.problems.append(
            Problem(one.rule, resource, f"{resource}: {one_line(message)}", one.rule.fix, one.path)
        )


def _item(expression: str, number: int) -> Evaluation:
    return Evaluation(expression, NAMES, {"object": number}, "item")


def _mentions_kinds(rules: Mapping[str, OwnRule]) -> bool:
    return any("kinds" in one.expression + one.message_expression for one in rules.values())


def shared(bodies: Sequence[Mapping[str, Any]], with_kinds: bool) -> dict[str, Any]:
    """The variables that all evaluations have: `objects`, and the same by kind."""
    kinds: dict[str, list[Any]] = {}
    if with_kinds:
        for body in bodies:
            kinds.setdefault(str(body.get("kind")), []).append(body)
    return {"objects": list(bodies), "kinds": kinds}


def _body(resource: Resource) -> dict[str, Any]:
    """An object as a rule sees it: with its future namespace, and without secret values."""
    body = dict(resource.body)
    if resource.namespace:
        body["metadata"] = {**resource.metadata, "namespace": resource.namespace}
    if resource.kind == "Secret":
        for key in ("data", "stringData"):
            if isinstance(body.get(key), dict):
                body[key] = dict.fromkeys(body[key], "")
    return body


def one_line(message: str) -> str:
    """One line without control characters."""
    text = " ".join("".join(one if one.isprintable() else " " for one in message).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
