"""What there is in the clusters of a scope, and what may be though nobody read it: what undoes a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.validate.rule import Finding
from bootstrap.validate.unread import may_bring

Identity = tuple[str, str, str, str]
"""(cluster, kind, namespace, name)."""
ANYWHERE = "*"
"""As the namespace of a Secret: it is made in one that is not asked for."""


@dataclass(frozen=True)
class Placed:
    """A finding, the object whose existence would make it none, and the one without which it is none."""

    finding: Finding
    unless: tuple[str, str, str] | None
    given: tuple[str, str, str] | None


@dataclass
class Present:
    """The objects of a scope and the Secrets that are made in it.

    `beside` is what may be applied with it; `everywhere` the Secrets that are made in all namespaces.
    """

    scope: Scope
    beside: frozenset[Identity]
    identities: set[Identity] = field(default_factory=set)
    everywhere: set[tuple[str, str]] = field(default_factory=set)

    def add_secret(self, cluster: str, namespace: str, name: str) -> None:
        """Note a Secret that something makes, in the namespace "*" for every one."""
        self.identities |= {(cluster, "Secret", where, name) for where in (namespace, ANYWHERE)}
        if namespace == ANYWHERE:
            self.everywhere.add((cluster, name))

    def holds(self, one: Placed, cluster: str) -> bool:
        """Whether a finding is one: nothing that would undo it is there, or may come from what is unread."""
        if one.given is not None and (cluster, *one.given) not in self.identities:
            return False
        if one.unless is None:
            return True
        kind, namespace, name = one.unless
        if (cluster, *one.unless) in self.identities or (cluster, *one.unless) in self.beside:
            return False
        if kind == "Secret" and (cluster, name) in self.everywhere:
            return False
        if not one.finding.application and (kind, name) in self._loose_names:
            return False  # nobody says which namespace it goes to
        certain = one.given is None and one.finding.severity == "error"
        return not (certain and may_bring(self.scope, kind, namespace, cluster))

    @cached_property
    def _loose_names(self) -> frozenset[tuple[str, str]]:
        return frozenset((kind, name) for _, kind, _, name in self.beside)


def present(repository: Repository, scope: Scope, beside: frozenset[Identity]) -> Present:
    """What a scope brings; the objects themselves are not loaded."""
    found = Present(scope, beside, set(_of_scope(repository, scope)))
    namespaced = repository.namespaced(scope)
    for placement in scope.placements:
        unit = repository.units[placement.unit.key]
        for number, secret, where in unit.secrets:
            own = where or namespaced(unit.facts[number], placement)
            found.add_secret(placement.cluster, own, secret)
    for namespace, secret in scope.promised:
        found.add_secret(IN_CLUSTER, namespace, secret)
    return found


def loose(repository: Repository) -> frozenset[Identity]:
    """What may stand beside a folder that no cluster leads to: all that the repository has."""
    if all(scope.complete for scope in repository.scopes):
        return frozenset()
    return _identities(repository, repository.scopes)


def _identities(repository: Repository, scopes: Sequence[Scope]) -> frozenset[Identity]:
    """What several folders hold: they may well be applied together."""
    if len(scopes) < 2:
        return frozenset()
    return frozenset(identity for scope in scopes for identity in _of_scope(repository, scope))


def _of_scope(repository: Repository, scope: Scope) -> Iterable[Identity]:
    namespaced = repository.namespaced(scope)
    for placement in scope.placements:
        for fact in repository.units[placement.unit.key].facts:
            yield placement.cluster, fact[0], namespaced(fact, placement), fact[2]
