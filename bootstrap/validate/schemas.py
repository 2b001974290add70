"""The fields of every kind in a repository: built-in ones, Argo CD's, and those that it defines itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bootstrap.core.fingerprint import fingerprint
from bootstrap.repository.model import Repository, Scope
from bootstrap.validate import builtin_kinds, custom_kinds

CRD = "CustomResourceDefinition.apiextensions.k8s.io"

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Definition:
    """A CustomResourceDefinition: the unit that applies it, its name, its checksum."""

    unit: str
    name: str
    digest: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What a scope's objects are compared with; `key` is the checksum of all that `schema` gives."""

    key: str
    schema: Callable[[], Schema]


def reader(repository: Repository, release: builtin_kinds.Release) -> Callable[[Scope], Known]:
    """A function that gives a scope's schema; shared parts are read once, when needed."""
    built_in = builtin_kinds.nearest(release)
    found = [
        Definition(key, unit.facts[number][2], unit.digests[number], body)
        for key, unit in repository.units.items()
        for number, body in unit.public.items()
        if unit.facts[number][0] == CRD
    ]

    @cache
    def always() -> Schema:
        return _joined([builtin_kinds.load(built_in), custom_kinds.argocd()])

    made: dict[str, Schema] = {}

    def converted(definition: Definition) -> Schema:
        if definition.digest not in made:
            made[definition.digest] = custom_kinds.of_definition(definition.body)
        return made[definition.digest]

    def of(scope: Scope) -> Known:
        """What no cluster leads to goes to an unknown cluster, whose definitions may differ from Git's."""
        own = {placement.unit.key for placement in scope.placements}
        chosen = _choose([one for one in found if scope.complete or one.unit in own], own)
        digests = sorted(definition.digest for definition in chosen)
        key = hashlib.sha256(
            f"{fingerprint('validate')} {builtin_kinds.name_of(built_in)} {digests}".encode()
        ).hexdigest()

        @cache
        def schema() -> Schema:
            return _joined([always(), *map(converted, chosen)])

        return Known(key, schema)

    return of


def _choose(found: list[Definition], own: set[str]) -> list[Definition]:
    """The scope's own definitions, else those given, unless there are several with one name."""
    names: dict[str, dict[str, Definition]] = {}
    for definition in found:
        if definition.unit not in own:
            names.setdefault(definition.name, {})[definition.digest] = definition
    for definition in found:
        if definition.unit in own:
            names[definition.name] = {definition.digest: definition}
    return [one for choices in names.values() if len(choices) == 1 for one in choices.values()]


def _joined(schemas: list[Schema]) -> Schema:
    models: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    rules: dict[str, Any] = {}
    for schema in schemas:
        models |= schema["models"]
        kinds |= schema["kinds"]
        rules |= schema.get("rules", {})
    return {"models": models, "kinds": kinds, "rules": rules}
