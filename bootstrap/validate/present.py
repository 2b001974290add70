"""What exists in the clusters of a scope, or may exist unread: it invalidates findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.validate.by_hand import ByHand
from bootstrap.validate.rule import Finding
from bootstrap.validate.unread import may_bring

Identity = tuple[str, str, str, str]
"""(cluster, kind, namespace, name)."""
_OF_ARGOCD = frozenset(
    f"argocd-{name}"
    for name in (
        *("application-controller", "applicationset-controller", "dex-server", "notifications-controller"),
        *("redis", "repo-server", "server", "metrics", "server-metrics", "redis-ha-haproxy", "commit-server"),
        *("cm", "cmd-params-cm", "gpg-keys-cm", "notifications-cm", "rbac-cm", "ssh-known-hosts-cm"),
        *("tls-certs-cm", "secret", "notifications-secret", "initial-admin-secret"),
    )
)
"""What every Argo CD has in its namespace."""
ANYWHERE = "*"
"""As the namespace of a Secret: it is created in any namespace."""


@dataclass(frozen=True)
class Placed:
    """A finding, the object whose existence invalidates it, and the one that it depends on."""

    finding: Finding
    unless: tuple[str, str, str] | None
    given: tuple[str, str, str] | None


@dataclass
class Present:
    """The objects of a scope and the Secrets that are created in it.

    `beside` is what may be applied with it; `everywhere` the Secrets that are created in all namespaces;
    `unapplied` what the repository has but nothing applies, (kind, namespace, name) → its file.
    """

    scope: Scope
    beside: frozenset[Identity]
    unapplied: Mapping[tuple[str, str, str], str]
    by_hand: ByHand
    identities: set[Identity] = field(default_factory=set)
    everywhere: set[tuple[str, str]] = field(default_factory=set)

    def add_secret(self, cluster: str, namespace: str, name: str) -> None:
        """Record a Secret that something creates; the namespace "*" stands for all."""
        self.identities |= {(cluster, "Secret", where, name) for where in (namespace, ANYWHERE)}
        if namespace == ANYWHERE:
            self.everywhere.add((cluster, name))

    def judged(self, one: Placed, cluster: str) -> Finding | None:
        """The finding if it is one; of what is made in another way than by an Application, as information."""
        if not self.holds(one, cluster):
            return None
        if one.unless is None or one.given is not None or one.finding.severity != "error":
            return one.finding
        kind, namespace, name = one.unless
        if file := self.unapplied.get((kind, namespace, name)) or self.unapplied.get((kind, "", name)):
            said = f"{file} has it, and no Application applies that"
        elif place := self.by_hand.maker(kind, name):
            said = f"{place} seems to create it"
        else:
            return one.finding
        return replace(one.finding, severity="info", message=f"{one.finding.message}; {said}")

    def holds(self, one: Placed, cluster: str) -> bool:
        """Whether a finding holds: nothing that would invalidate it exists, or may exist unread."""
        if one.given is not None and (cluster, *one.given) not in self.identities:
            return False
        if one.unless is None:
            return True
        kind, namespace, name = one.unless
        if name in _OF_ARGOCD and namespace in self._argocd:
            return False  # whoever installed it did so before there was Git to read
        if (cluster, *one.unless) in self.identities or (cluster, *one.unless) in self.beside:
            return False
        if kind == "Secret" and (cluster, name) in self.everywhere:
            return False
        if not one.finding.application and (kind, name) in self._loose_names:
            return False  # its namespace is not given
        certain = one.given is None and one.finding.severity == "error"
        return not (certain and may_bring(self.scope, kind, namespace, cluster))

    @cached_property
    def _argocd(self) -> frozenset[str]:
        """The namespaces that Argo CD may be in."""
        return frozenset({"argocd", "openshift-gitops", *(one.namespace for one in self.scope.applications)})

    @cached_property
    def _loose_names(self) -> frozenset[tuple[str, str]]:
        return frozenset((kind, name) for _, kind, _, name in self.beside)


def unapplied(repository: Repository, scope: Scope) -> Mapping[tuple[str, str, str], str]:
    """The objects of folders that no cluster leads to, and the Secrets that those make, with their file."""
    found: dict[tuple[str, str, str], str] = {}
    for other in repository.scopes:
        if other.complete or other is scope:
            continue
        for placement in other.placements:
            unit = repository.units[placement.unit.key]
            for kind, namespace, name, file, *_ in unit.facts:
                found.setdefault((kind, namespace, name), file)
            for number, secret, where in unit.secrets:
                fact = unit.facts[number]
                found.setdefault(("Secret", where or fact[1], secret), fact[3])
    return found


def present(repository: Repository, scope: Scope, beside: frozenset[Identity], by_hand: ByHand) -> Present:
    """What a scope has; the objects themselves are not loaded."""
    found = Present(scope, beside, unapplied(repository, scope), by_hand, set(_of_scope(repository, scope)))
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
    """What may be applied with a folder that no cluster leads to: everything in the repository."""
    if all(scope.complete for scope in repository.scopes):
        return frozenset()
    return _identities(repository, repository.scopes)


def _identities(repository: Repository, scopes: Sequence[Scope]) -> frozenset[Identity]:
    """What several folders have: they may be applied together."""
    if len(scopes) < 2:
        return frozenset()
    return frozenset(identity for scope in scopes for identity in _of_scope(repository, scope))


def _of_scope(repository: Repository, scope: Scope) -> Iterable[Identity]:
    namespaced = repository.namespaced(scope)
    for placement in scope.placements:
        for fact in repository.units[placement.unit.key].facts:
            yield placement.cluster, fact[0], namespaced(fact, placement), fact[2]
