"""CEL rules of CustomResourceDefinitions, applied to the repository's custom objects as on create."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.cel.evaluator import MISSING, Answer, Evaluation
from bootstrap.core.text import cut
from bootstrap.resources.index import Index, Resource
from bootstrap.validate.admission.schema_values import Misfit, Placed, placed
from bootstrap.validate.admission.words import mentions, replaced
from bootstrap.validate.rule import ClusterContext, Finding, Path, Problem, Rule, problem

REFUSED = Rule(
    "GB142",
    "refused-by-definition",
    "error",
    "An object breaks a rule (CEL) of its CustomResourceDefinition: the API server refuses it.",
    "write it as the message says",
)
UNKNOWN = Rule(
    "GB143",
    "definition-rule-not-evaluated",
    "info",
    "A rule (CEL) of a CustomResourceDefinition was not evaluated, so an object was not checked with it.",
    "let the API server check it: kubectl apply --dry-run=server",
)
_STEP = re.compile(r"\.([^.\['\"]+)|\[['\"](.*?)['\"]\]")


@dataclass(frozen=True)
class _Asked:
    """One rule of one object."""

    resource: Resource
    placed: Placed
    expression: str


def not_evaluated(what: str) -> Finding:
    """The finding that nothing of a kind was evaluated, because the library is missing."""
    message = f"{what} were not evaluated: {MISSING}"
    return Finding(UNKNOWN.id, UNKNOWN.severity, message, "install the extra cel", "", 0)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of the definitions that are known."""
    schemas: Mapping[str, Any] = context.schema().get("rules") or {}
    if not schemas or context.cel is None:
        return
    groups = [
        asked
        for resource in index.resources
        if (schema := schemas.get(f"{resource.body.get('apiVersion')}/{resource.body.get('kind')}"))
        and (asked := list(_asked(resource, schema)))
    ]
    answers = context.cel.ask([[_evaluation(one, one.expression) for one in group] for group in groups])
    broken: list[tuple[_Asked, Answer]] = []
    unknown: dict[str, list[tuple[_Asked, Answer]]] = {}
    for group, said in zip(groups, answers, strict=True):
        for one, answer in zip(group, said, strict=True):
            if answer.status == "refused" or (answer.status == "value" and answer.value is False):
                broken.append((one, answer))
            elif answer.value is not True and not context.cel.is_missing:
                unknown.setdefault(one.expression, []).append((one, answer))
    yield from _problems(broken, context)
    for expression, ones in unknown.items():
        one, answer = ones[0]
        more = f" and {len(ones) - 1} more" if len(ones) > 1 else ""
        message = f"{one.resource}{more}: {cut(expression)}: {answer.text or 'it is neither true nor false'}"
        yield problem(UNKNOWN, one.resource, message, *one.placed.path)


def _asked(resource: Resource, schema: Mapping[str, Any]) -> Iterator[_Asked]:
    try:
        for one in placed(schema, resource.body):
            expression = _on_create(one.rule)
            if expression is not None:
                yield _Asked(resource, one, expression)
    except Misfit:
        return  # refused before any rule is evaluated: rules/api/schema.py reports it


def _on_create(rule: Mapping[str, Any]) -> str | None:
    """The expression, without an old object; None for a rule about changes."""
    expression = str(rule.get("rule") or "")
    if not mentions(expression, "oldSelf"):
        return expression
    if rule.get("optionalOldSelf") is not True:
        return None

    def without(word: str) -> str:
        name, dot, rest = word.partition(".")
        return f"optional.none(){dot}{rest}" if name == "oldSelf" else word

    return replaced(expression, without)


def _evaluation(one: _Asked, expression: str) -> Evaluation:
    return Evaluation(expression, {"self": one.placed.type}, {"self": one.placed.value})


def _problems(broken: list[tuple[_Asked, Answer]], context: ClusterContext) -> Iterator[Problem]:
    assert context.cel is not None  # noqa: S101 - the caller has asked it
    texts = context.cel.ask(
        [
            [_evaluation(one, str(said))] if (said := one.placed.rule.get("messageExpression")) else []
            for one, _ in broken
        ]
    )
    for (one, answer), said in zip(broken, texts, strict=True):
        text = said[0].value if said and isinstance(said[0].value, str) else ""
        message = text.strip() if "\n" not in text.strip() else ""
        message = (
            message or str(one.placed.rule.get("message") or "").strip() or f"failed rule: {one.expression}"
        )
        if answer.status == "refused":
            message = f"{answer.text} evaluating rule: {message}"
        path = (*one.placed.path, *_steps(one.placed.rule.get("fieldPath")))
        where = f"{_spell(path)}: " if path else ""
        yield problem(REFUSED, one.resource, f"{one.resource}: {where}{cut(message)}", *path)


def _steps(field: Any) -> Path:
    return tuple(name or key for name, key in _STEP.findall(str(field or "")))


def _spell(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
