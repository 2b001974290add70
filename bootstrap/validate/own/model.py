"""A repository's own rule, as data, and the objects that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bootstrap.core.globs import Matches, glob
from bootstrap.resources.index import Resource
from bootstrap.validate.rule import Path, Rule


@dataclass(frozen=True)
class Match:
    """The objects that a rule is about. Kinds are `Deployment` or `Deployment.apps`; empty means all."""

    kinds: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def takes(self, resource: Resource) -> bool:
        return (
            (not self.kinds or resource.kind in self.kinds or resource.short_kind in self.kinds)
            and (not self.namespaces or _any(self.namespaces, resource.namespace))
            and all(_has(resource, key, value) for key, value in self.labels.items())
        )


@lru_cache(maxsize=1000)
def _pattern(text: str) -> Matches:
    return glob(text, crosses=True)


def _any(patterns: Iterable[str], name: str) -> bool:
    return bool(name) and any(_pattern(pattern)(name) for pattern in patterns)


def _has(resource: Resource, key: str, value: str) -> bool:
    return key in resource.labels and _pattern(value)(str(resource.labels[key]))


@dataclass(frozen=True)
class OwnRule:
    """One rule. `expression` is true for an object that follows it.

    `path` is the field whose line a finding has; `file`, `document` and `place` say where the rule is.
    """

    rule: Rule
    expression: str
    match: Match
    message: str
    message_expression: str
    path: Path
    file: str
    document: int
    place: Path

    def data(self) -> list[Any]:
        """What its findings depend on."""
        match = [*self.match.kinds, "", *self.match.namespaces, "", *sorted(self.match.labels.items())]
        return [vars(self.rule), self.expression, match, self.message, self.message_expression, self.path]
