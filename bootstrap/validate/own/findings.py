"""The findings of a repository's own rules, and about them, at their lines.

Findings are cached by what they depend on: all objects of the cluster, as a rule may use them all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from bootstrap.cel.evaluator import MISSING, Answer, Evaluation, Evaluator
from bootstrap.manifests.reader import line_of
from bootstrap.repository.model import Repository, Scope
from bootstrap.validate.own.evaluate import NAMES, Failed, evaluated, one_line
from bootstrap.validate.own.faults import INVALID, UNKNOWN
from bootstrap.validate.own.model import OwnRule
from bootstrap.validate.own.read import Own
from bootstrap.validate.places import Places
from bootstrap.validate.rule import Finding, Rule
from bootstrap.validate.ruleset import version


def findings(repository: Repository, own: Own, evaluator: Evaluator, places: Places) -> Iterator[Finding]:
    """The findings about the rules, and of the rules."""
    for wrong in own.wrong:
        if wrong.line:
            if not places.comments(wrong.file).covers(INVALID.id, wrong.line, wrong.line):
                message = one_line(wrong.message)
                yield Finding(INVALID.id, INVALID.severity, message, INVALID.fix, wrong.file, wrong.line)
            continue
        yield from _at_rule(
            repository, places, INVALID, wrong.file, wrong.document, wrong.place, wrong.message
        )
    if not own.rules:
        return
    good: dict[str, OwnRule] = {}
    compiled = list(_compiled(own.rules.values(), evaluator))
    if all(problem is not None and problem[2].endswith(MISSING) for _, problem in compiled):
        first = next(iter(own.rules.values()))
        message = (
            f"none of the {len(own.rules)} rules in {first.file.rpartition('/')[0]}/ was evaluated: {MISSING}"
        )
        yield from _at_rule(repository, places, UNKNOWN, first.file, first.document, first.place, message)
        return
    for one, problem in compiled:
        if problem is None:
            good[one.rule.id] = one
        else:
            key, line, answer, rule = problem
            message = f"{one.rule.id}: {key} {answer}"
            yield from _at_rule(
                repository, places, rule, one.file, one.document, (*one.place, key), message, line
            )
    failed: dict[str, Failed] = {}
    for scope in repository.scopes:
        for cluster in sorted({placement.cluster for placement in scope.placements}):
            found, bad = _cluster(repository, scope, cluster, good, evaluator, places)
            yield from found
            for name, one_failed in bad.items():
                before = failed.get(name)
                failed[name] = (
                    replace(before, count=before.count + one_failed.count) if before else one_failed
                )
    for name, one_failed in failed.items():
        own_rule = own.rules[name]
        more = f" and {one_failed.count - 1:,} more" if one_failed.count > 1 else ""
        message = f"{name} was not evaluated for {one_failed.first}{more}: {one_failed.why}"
        place = (*own_rule.place, "expression")
        yield from _at_rule(repository, places, UNKNOWN, own_rule.file, own_rule.document, place, message)


def _at_rule(
    repository: Repository,
    places: Places,
    rule: Rule,
    file: str,
    document: int,
    place: Sequence[str | int],
    message: str,
    below: int = 0,
) -> Iterator[Finding]:
    """A finding at a line of a rule file; `below` are the lines below that of the field."""
    content = repository.files.read(file)
    line = line_of(content, document, place)
    if below or _is_block(content, line):
        line += below + _is_block(content, line)
    if not places.comments(file).covers(rule.id, line, line):
        yield Finding(rule.id, rule.severity, one_line(message), rule.fix, file, line)


def _is_block(content: bytes, line: int) -> bool:
    """Whether a value starts on the line below its key."""
    lines = content.decode("utf-8", "replace").split("\n")
    return line <= len(lines) and lines[line - 1].rstrip().rstrip("+-0123456789").endswith((": |", ": >"))


_Fault = tuple[str, int, str, Rule]
"""The key of the expression, the lines below its first, what is wrong, and the rule that says so."""


def _compiled(rules: Iterable[OwnRule], evaluator: Evaluator) -> Iterator[tuple[OwnRule, _Fault | None]]:
    wanted = list(rules)
    asked = [
        [Evaluation(text, NAMES, kind="compile") for text in (one.expression, one.message_expression) if text]
        for one in wanted
    ]
    for one, answers in zip(wanted, evaluator.ask(asked), strict=True):
        yield one, _fault(answers)


def _fault(answers: Sequence[Answer]) -> _Fault | None:
    for key, gives, answer in zip(
        ("expression", "messageExpression"), ("bool", "string"), answers, strict=False
    ):
        if answer.status == "invalid":
            text = f"does not compile (line {answer.line}, column {answer.column}): {answer.text}"
            return key, answer.line - 1, text, INVALID
        if answer.status != "value":
            return key, 0, f"was not evaluated: {answer.text}", UNKNOWN
        if answer.value not in (gives, "dyn"):
            wanted = "true or false" if gives == "bool" else "text"
            return key, 0, f"has the type {answer.value}, not {wanted}", INVALID
    return None


def _cluster(
    repository: Repository,
    scope: Scope,
    cluster: str,
    rules: Mapping[str, OwnRule],
    evaluator: Evaluator,
    places: Places,
) -> tuple[list[Finding], Mapping[str, Failed]]:
    key = _key(repository, scope, cluster, rules)
    if (kept := repository.store.get(key)) is not None:
        found, failed = kept
        return [Finding(**one) for one in found], {name: Failed(*one) for name, one in failed}
    done = evaluated(list(repository.objects(scope, lambda where, _: where == cluster)), rules, evaluator)
    placed = [finding for problem in done.problems if (finding := places.place(problem))]
    if done.lasting:
        failed_data = [(name, (one.first, one.why, one.count)) for name, one in done.failed.items()]
        repository.store.put(key, ([asdict(one) for one in placed], failed_data))
    return placed, done.failed


def _key(repository: Repository, scope: Scope, cluster: str, rules: Mapping[str, OwnRule]) -> str:
    """The checksum of all that the findings depend on."""
    digest = hashlib.sha256(f"{version()} {cluster} {scope.name}".encode())
    digest.update(json.dumps([one.data() for one in rules.values()], sort_keys=True, default=str).encode())
    for placement in scope.placements:
        if placement.cluster == cluster:
            unit = repository.units[placement.unit.key]
            digest.update(f"\0{placement.application}\0{placement.namespace}\0{unit.key}".encode())
    digest.update(json.dumps(sorted((scope.definitions or {}).items())).encode())
    return f"own:{digest.hexdigest()}"
