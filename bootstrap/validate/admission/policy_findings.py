"""Evaluates a repository's ValidatingAdmissionPolicies for the objects that it applies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.cel.evaluator import Answer, Evaluation, Evaluator
from bootstrap.core.text import cut
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings
from bootstrap.resources.pods import template_path
from bootstrap.validate.admission import api_defaults
from bootstrap.validate.admission.policies import (
    BINDING,
    DENIED,
    POLICY,
    UNKNOWN,
    Bound,
    Unknown,
    bound,
    concerns,
    parameters,
    plural,
    resources_of,
)
from bootstrap.validate.admission.schema_values import defaulted
from bootstrap.validate.admission.words import mentions, replaced
from bootstrap.validate.places import Places
from bootstrap.validate.rule import SEVERITIES, Finding, Path, Problem, Severity
from bootstrap.validate.ruleset import version

_NAMES = dict.fromkeys(("object", "oldObject", "request", "params", "namespaceObject"), "dyn")
_LONGEST = 100_000
"""Characters of an expression with its variables expanded."""
_LEVELS: tuple[tuple[str, Severity], ...] = (("Deny", "error"), ("Warn", "warning"), ("Audit", "info"))


@dataclass(frozen=True)
class _Case:
    """A policy, an object that it applies to, and one of its parameters."""

    bound: Bound
    resource: Resource
    body: Mapping[str, Any]
    pod: bool
    variables: Mapping[str, Any]
    level: Severity

    @property
    def path(self) -> Path:
        return template_path(self.resource) if self.pod else ()

    @property
    def who(self) -> str:
        return f"the pods of {self.resource}" if self.pod else str(self.resource)

    @property
    def fails(self) -> bool:
        return bool(self.bound.policy.spec.get("failurePolicy", "Fail") == "Fail")


def findings(repository: Repository, cel: Evaluator, places: Places) -> Iterator[Finding]:
    """The findings of the policies of every cluster."""
    if not any(fact[0] == BINDING for unit in repository.units.values() for fact in unit.facts):
        return
    for scope in repository.scopes:
        clusters: dict[str, set[str]] = {}
        for placement in scope.placements:
            kinds = {fact[0] for fact in repository.units[placement.unit.key].facts}
            clusters.setdefault(placement.cluster, set()).update(kinds)
        for cluster, kinds in sorted(clusters.items()):
            if {POLICY, BINDING} <= kinds:
                yield from _cluster(repository, scope, cluster, cel, places)


def _cluster(
    repository: Repository, scope: Scope, cluster: str, cel: Evaluator, places: Places
) -> Iterator[Finding]:
    digest = hashlib.sha256(f"{version()} {cluster} {sorted(scope.opaque)} {cel.is_missing}".encode())
    for placement in scope.placements:
        if placement.cluster == cluster:
            unit = repository.units[placement.unit.key]
            digest.update(f"\0{placement.application}\0{placement.namespace}\0{unit.key}".encode())
    key = f"policies:{digest.hexdigest()}"
    kept = repository.store.get(key)
    if kept is None:
        found = problems(repository.index(scope, cluster), cel)
        placed = [finding for one in found if (finding := places.place(one)) is not None]
        kept = [asdict(one) for one in placed]
        repository.store.put(key, kept)
    yield from (Finding(**one) for one in kept)


def problems(index: Index, cel: Evaluator) -> list[Problem]:
    """The findings of the policies of a cluster, each once."""
    every = list(bound(index.resources))
    crds = index.of("CustomResourceDefinition.apiextensions.k8s.io")
    names, subjects = resources_of(crds), list(_subjects(index, _schemas(crds)))
    unknown: dict[tuple[str, str], list[_Case]] = {}
    found: dict[tuple[str, str, str, str], Problem] = {}

    def tell(case: _Case, message: str) -> None:
        text = f"{case.bound.policy} denies {case.who}: {cut(message)}"
        problem = Problem(DENIED, case.resource, text, DENIED.fix, case.path, None, case.level)
        key = (str(case.bound.policy), *_identity(case), message)
        if key not in found or SEVERITIES.index(case.level) < SEVERITIES.index(found[key].severity):
            found[key] = problem  # of several bindings the strictest one counts

    def unsure(case: _Case, reason: str) -> None:
        unknown.setdefault((case.bound.policy.name, reason), []).append(case)

    cases = [case for one in every for case in _cases(one, index, names, subjects, tell, unsure)]
    cases = list(_with_conditions(cases, cel, tell, unsure))
    validations = [mappings(case.bound.policy.spec.get("validations")) for case in cases]
    answers = _answers(cases, validations, "expression", cel)
    denied = []
    for case, group, said in zip(cases, validations, answers, strict=True):
        for one, answer in zip(group, said, strict=True):
            expression = str(one.get("expression") or "")
            if answer.status == "value" and answer.value is False:
                denied.append((case, one))
            elif answer.status == "refused" and _is_certain(answer):
                if case.fails:
                    tell(case, f"{expression}: {answer.text}")
            elif answer.value is not True:
                unsure(case, answer.text or "it is neither true nor false")
    for (case, one), text in zip(denied, _messages(denied, cel), strict=True):
        tell(case, text or str(one.get("message") or f"failed expression: {one.get('expression')}"))
    return [*found.values(), *_unknown(unknown)]


def _identity(case: _Case) -> tuple[str, str]:
    return case.resource.kind, case.who


def _unknown(unknown: Mapping[tuple[str, str], Sequence[_Case]]) -> Iterator[Problem]:
    for (policy, reason), cases in unknown.items():
        objects = list({case.who: case for case in cases}.values())
        more = f" and {len(objects) - 1} more" if len(objects) > 1 else ""
        text = f"ValidatingAdmissionPolicy {policy} was not evaluated for {objects[0].who}{more}: {reason}"
        yield Problem(UNKNOWN, objects[0].resource, text, UNKNOWN.fix, objects[0].path)


def _cases(
    one: Bound,
    index: Index,
    names: Mapping[str, str],
    subjects: Sequence[_Subject],
    tell: Any,
    unsure: Any,
) -> Iterator[_Case]:
    level = next((level for action, level in _LEVELS if action in one.actions), None)
    if level is None:
        return
    for resource, subject, is_pod in subjects:
        seen = Resource(subject, resource.namespace) if is_pod else resource
        case = _Case(one, resource, subject, is_pod, {}, level)
        try:
            if not concerns(one, seen, subject, plural(seen.kind, names), index):
                continue
            for params in parameters(one, resource, index):
                variables = _variables(seen, subject, params, plural(seen.kind, names), index)
                yield _Case(one, resource, subject, is_pod, variables, level)
        except Unknown as reason:
            unsure(case, str(reason))
        except LookupError as reason:
            if case.fails:
                tell(case, str(reason.args[0]))


_Subject = tuple[Resource, Mapping[str, Any], bool]
"""An object of the repository, what the API server is asked about, and whether that is its pod."""


def _subjects(index: Index, schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[_Subject]:
    """Every object as policies see it, and the pods of workloads."""
    for resource in index.resources:
        body = api_defaults.filled(resource)
        if schema := schemas.get(f"{body.get('apiVersion')}/{body.get('kind')}"):
            body = defaulted(schema, body)
        yield resource, body, False
        pod = api_defaults.pod(resource, body)
        if pod is not None:
            yield resource, pod, True


def _variables(
    resource: Resource, body: Mapping[str, Any], params: Any, name: str, index: Index
) -> dict[str, Any]:
    group, _, version_ = str(body.get("apiVersion")).rpartition("/")
    kind = {"group": group, "version": version_, "kind": str(body.get("kind"))}
    what = {"group": group, "version": version_, "resource": name}
    request = {
        "kind": kind,
        "resource": what,
        "subResource": "",
        "requestKind": kind,
        "requestResource": what,
        "requestSubResource": "",
        "name": resource.name,
        "namespace": resource.namespace,
        "operation": "CREATE",
        "dryRun": False,
        "options": {},
    }
    namespace = index.get("Namespace", "", resource.namespace) if resource.namespace else None
    seen = api_defaults.filled(namespace) if namespace is not None else None
    return {
        "object": dict(body),
        "oldObject": None,
        "request": request,
        "params": params,
        "namespaceObject": seen,
    }


def _with_conditions(cases: Sequence[_Case], cel: Evaluator, tell: Any, unsure: Any) -> Iterator[_Case]:
    """Those whose matchConditions are all true; a false one excludes a case at once."""
    conditions = [mappings(case.bound.policy.spec.get("matchConditions")) for case in cases]
    answers = _answers(cases, conditions, "expression", cel)
    for case, said in zip(cases, answers, strict=True):
        if any(answer.status == "value" and answer.value is False for answer in said):
            continue
        odd = next((answer for answer in said if answer.value is not True), None)
        if odd is None:
            yield case
        elif odd.status != "refused" or not _is_certain(odd):
            unsure(case, odd.text)
        elif case.fails:
            tell(case, f"a matchCondition ends with an error: {odd.text}")


def _answers(
    cases: Sequence[_Case], groups: Sequence[Sequence[Mapping[str, Any]]], key: str, cel: Evaluator
) -> list[list[Answer]]:
    """The result of each expression; unknown if it depends on the requester or on what is not in Git."""
    wanted = [
        [_written_out(str(one.get(key) or ""), case) for one in group]
        for case, group in zip(cases, groups, strict=True)
    ]
    reasons = [
        [_asks_unknown(case, text) for text in texts] for case, texts in zip(cases, wanted, strict=True)
    ]
    asked = [
        [
            Evaluation(text, _NAMES, case.variables)
            for text, reason in zip(texts, whys, strict=True)
            if not reason
        ]
        for case, texts, whys in zip(cases, wanted, reasons, strict=True)
    ]
    said = [iter(answers) for answers in cel.ask(asked)]
    return [
        [Answer("unknown", text=reason) if reason else next(answers) for reason in whys]
        for whys, answers in zip(reasons, said, strict=True)
    ]


def _asks_unknown(case: _Case, expression: str) -> str:
    """Why the result of an expression is unknown; "" if it can be evaluated."""
    if mentions(expression, "authorizer") or mentions(expression, "request.userInfo"):
        return "the requester is not in Git (authorizer, request.userInfo)"
    outside = case.resource.namespace and case.variables.get("namespaceObject") is None
    if outside and mentions(expression, "namespaceObject"):
        return f"the namespace {case.resource.namespace} is not in Git"
    return ""


def _written_out(expression: str, case: _Case) -> str:
    """The expression with the policy's variables expanded."""
    known: dict[str, str] = {}

    def one(word: str) -> str:
        name = word.removeprefix("variables.")
        return f"({known[name]})" if word.startswith("variables.") and name in known else word

    for variable in mappings(case.bound.policy.spec.get("variables")):
        text = replaced(str(variable.get("expression") or ""), one)
        if len(text) > _LONGEST:
            return ""
        known[str(variable.get("name"))] = text
    return replaced(expression, one)[:_LONGEST]


def _is_certain(answer: Answer) -> bool:
    """Whether the API server has the same error: not if it may have set a default."""
    return answer.text.removeprefix("no such key: ") not in api_defaults.FILLED


def _messages(denied: Sequence[tuple[_Case, Mapping[str, Any]]], cel: Evaluator) -> Iterator[str]:
    """The text of each messageExpression; "" without one. A Secret's is not shown: it may quote a value."""
    cases = [case for case, _ in denied]
    texts = [
        [one] if one.get("messageExpression") and case.resource.kind != "Secret" else []
        for case, one in denied
    ]
    for said in _answers(cases, texts, "messageExpression", cel):
        text = said[0].value if said else None
        yield text.strip() if isinstance(text, str) and "\n" not in text.strip() else ""


def _schemas(crds: Sequence[Resource]) -> dict[str, Mapping[str, Any]]:
    """`apiVersion/Kind` → the schema of a definition, whose defaults an object has when policies see it."""
    found = {}
    for one in crds:
        group, kind = one.spec.get("group"), dig(one.body, "spec", "names", "kind")
        for each in mappings(one.spec.get("versions")):
            schema = dig(dict(each), "schema", "openAPIV3Schema")
            found[f"{group}/{each.get('name')}/{kind}"] = mapping(schema)
    return found
