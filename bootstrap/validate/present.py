"""What exists in the clusters of a scope, or may exist unread: it invalidates findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bootstrap.core.text import is_slip
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.resources.operators import may_name_service
from bootstrap.validate.by_hand import ByHand
from bootstrap.validate.config import records
from bootstrap.validate.rule import Finding
from bootstrap.validate.rules.made_secrets import UNUSED
from bootstrap.validate.rules.suggestions import is_renamed
from bootstrap.validate.unread import may_bring

Identity = tuple[str, str, str, str]
"""(cluster, kind, namespace, name)."""
_OF_ARGOCD = tuple(
    f"-argocd-{name}"
    for name in (
        *("application-controller", "applicationset-controller", "dex-server", "notifications-controller"),
        *("redis", "repo-server", "server", "metrics", "server-metrics", "redis-ha-haproxy", "commit-server"),
        *("cm", "cmd-params-cm", "gpg-keys-cm", "notifications-cm", "rbac-cm", "ssh-known-hosts-cm"),
        *("tls-certs-cm", "secret", "notifications-secret", "initial-admin-secret"),
    )
)
"""How the names of what every Argo CD has there end; its chart puts the release's name in front."""
ANYWHERE = "*"
"""As the namespace of a Secret: it is created in any namespace."""


_UNAPPLIED = "no Application of this repository applies it, so what it needs may come with what does"
_SELECTING = frozenset({"GB303", "GB343", "GB375"})
"""Rules about pods that nothing has: those of a chart may be selected, too."""
_OPENS = re.compile(r"sops|(?:^|-)age(?:-|$)|vault-token|unseal|sealed-secrets-key|master-key")
_APPLIERS = re.compile(
    r"\.(?:tf|tofu|hcl|bicep|dhall|jsonnet|cue)$|(?:^|/)(?:helmfile(?:\.d/.*)?\.ya?ml(?:\.gotmpl)?|Pulumi\.yaml|(?:[\w.-]*-)?values[\w.-]*\.ya?ml)$"
)
"""Files of programs that apply charts and manifests, and a chart's values."""


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
    `elsewhere` what the repository has but this scope does not apply.
    """

    scope: Scope
    beside: frozenset[Identity]
    elsewhere: Elsewhere
    identities: set[Identity] = field(default_factory=set)
    everywhere: set[tuple[str, str]] = field(default_factory=set)

    def add_secret(self, cluster: str, namespace: str, name: str) -> None:
        """Record a Secret that something creates; the namespace "*" stands for all."""
        self.identities |= {(cluster, "Secret", where, name) for where in (namespace, ANYWHERE)}
        if namespace == ANYWHERE:
            self.everywhere.add((cluster, name))

    def judged(self, one: Placed, cluster: str) -> Finding | None:
        """The finding if it holds; as information if the object is created in another way than by Git."""
        if not self.holds(one, cluster):
            return None
        if one.unless is None or one.given is not None or one.finding.severity != "error":
            return self._unsure(one.finding) if one.finding.rule in _SELECTING else one.finding
        kind, namespace, name = one.unless
        if kind == "Service" and self._is_of_operator(cluster, namespace, name):
            return None
        if file := self.elsewhere.file(self.scope, kind, namespace, name):
            said = f"{file} has it, but no Application applies that"
        elif place := self.elsewhere.by_hand.maker(kind, name):
            said = f"{place} seems to create it"
        elif kind == "Secret" and not self._belongs_in_git(one.finding, namespace, name, cluster):
            said = "nothing in Git shows that it should be there: it may be created by hand"
            return replace(one.finding, severity="warning", message=f"{one.finding.message}; {said}")
        elif kind == "Service" and namespace == "kube-system":
            said = "what the cluster was installed with may have it"
            return replace(one.finding, severity="warning", message=f"{one.finding.message}; {said}")
        elif self._is_far(one.finding, kind, namespace, name, cluster):
            said = f"Git has no {kind.partition('.')[0]} in {namespace}: it may come from elsewhere"
            return replace(one.finding, severity="warning", message=f"{one.finding.message}; {said}")
        else:
            return self._unsure(one.finding)
        return replace(one.finding, severity="info", message=f"{one.finding.message}; {said}")

    def _is_of_operator(self, cluster: str, namespace: str, name: str) -> bool:
        """Whether an operator may create a Service for an object of its own kind, and no other is meant."""
        here = [one for one in self.identities if (one[0], one[2]) == (cluster, namespace)]
        return any(may_name_service(one[1], one[3], name) for one in here) and not is_slip(
            name, [one[3] for one in here if one[1] == "Service"]
        )

    def _belongs_in_git(self, finding: Finding, namespace: str, name: str, cluster: str) -> bool:
        """Whether a Secret that nothing makes was meant to be made in Git: Git makes one that is nearly it.

        That has its name in another namespace, or is the same but for a typo or what kustomize adds to names,
        or nothing uses it and a word of the names is the same. In a layout of `bootstrap init`, which creates
        Secrets, any other of the namespace will do.
        """
        if _OPENS.search(name):
            return False  # what opens all the others
        if UNUSED in finding.message:
            return True
        here = self._secrets.get((cluster, namespace), frozenset())
        if name in self._secrets.get((cluster, ANYWHERE), ()) or (here and self.elsewhere.is_laid_out):
            return True
        user = finding.object.rpartition("/")[2].rpartition(" ")[2]
        return is_slip(name, here) or any(is_renamed(user, one, name) for one in here)

    def _is_far(self, finding: Finding, kind: str, namespace: str, name: str, cluster: str) -> bool:
        """Whether a finding is about what another namespace lacks, and nothing shows that Git should have it.

        Git has none of the kind in that namespace, none of that name in any, and no namespace nearly so.
        """
        own = finding.object.rpartition(" ")[2].rpartition("/")[0]
        if not namespace or not own or own == namespace:
            return False
        known = [one for one in self.identities if one[:2] == (cluster, kind)]
        spaces = {one[2] for one in known}
        return (
            namespace not in spaces
            and all(one[3] != name for one in known)
            and not is_slip(namespace, spaces)
        )

    @cached_property
    def _secrets(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The Secrets of each namespace of a cluster, by (cluster, namespace); "*" has those of all."""
        found: dict[tuple[str, str], set[str]] = {}
        for cluster, kind, namespace, name in self.identities:
            if kind == "Secret":
                for where in (namespace, ANYWHERE):
                    found.setdefault((cluster, where), set()).add(name)
        return {key: frozenset(names) for key, names in found.items()}

    def _unsure(self, finding: Finding) -> Finding:
        """The finding; as a warning in a folder that nothing applies, as what is missing may come with it."""
        if self.scope.complete or finding.application or self.elsewhere.is_alone:
            return finding
        if finding.severity != "error":
            return finding
        return replace(finding, severity="warning", message=f"{finding.message}; {_UNAPPLIED}")

    def holds(self, one: Placed, cluster: str) -> bool:
        """Whether a finding holds: nothing that would invalidate it exists, or may exist unread."""
        if one.given is not None and (cluster, *one.given) not in self.identities:
            return False
        if one.unless is None:
            return True
        kind, namespace, name = one.unless
        if f"-{name}".endswith(_OF_ARGOCD) and namespace in self._argocd:
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


class Elsewhere:
    """What a repository has besides what one scope applies; made once for all scopes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def file(self, scope: Scope, kind: str, namespace: str, name: str) -> str:
        """The file of an object, or of what makes that Secret, that no Application applies; "" for none."""
        for key in ((kind, namespace, name), (kind, "", name)):
            for owner, file in self._unapplied.get(key, ()):
                if owner is not scope:
                    return file
        return ""

    @cached_property
    def is_alone(self) -> bool:
        """Whether the repository is only manifests, with nothing that shows what else is applied."""
        repository = self._repository
        if repository.templated or any(scope.applications or scope.unknown for scope in repository.scopes):
            return False
        return not any(_APPLIERS.search(path) for path in repository.files.stats)

    @cached_property
    def is_laid_out(self) -> bool:
        """Whether `bootstrap init` made the repository: its record says so."""
        return any(records(self._repository.files))

    @cached_property
    def by_hand(self) -> ByHand:
        """What scripts create."""
        return ByHand(self._repository.files)

    @cached_property
    def loose(self) -> frozenset[Identity]:
        """What may be applied with a folder that no cluster leads to: everything in the repository."""
        scopes = self._repository.scopes
        if len(scopes) < 2 or all(scope.complete for scope in scopes):
            return frozenset()
        return frozenset(identity for scope in scopes for identity in _of_scope(self._repository, scope))

    @cached_property
    def _unapplied(self) -> Mapping[tuple[str, str, str], Sequence[tuple[Scope, str]]]:
        """The first two folders that have an object: one of them is not the scope that asks."""
        found: dict[tuple[str, str, str], list[tuple[Scope, str]]] = {}
        for scope in self._repository.scopes:
            if scope.complete:
                continue
            for key, file in self._made_by(scope):
                owners = found.setdefault(key, [])
                if not owners or (len(owners) < 2 and owners[0][0] is not scope):
                    owners.append((scope, file))
        return found

    def _made_by(self, scope: Scope) -> Iterator[tuple[tuple[str, str, str], str]]:
        for placement in scope.placements:
            unit = self._repository.units[placement.unit.key]
            for kind, namespace, name, file, *_ in unit.facts:
                yield (kind, namespace, name), file
            for number, secret, where in unit.secrets:
                fact = unit.facts[number]
                yield ("Secret", where or fact[1], secret), fact[3]


def present(repository: Repository, scope: Scope, elsewhere: Elsewhere) -> Present:
    """What a scope has; the objects themselves are not loaded."""
    beside = frozenset() if scope.complete else elsewhere.loose
    found = Present(scope, beside, elsewhere, set(_of_scope(repository, scope)))
    namespaced = repository.namespaced(scope)
    for placement in scope.placements:
        unit = repository.units[placement.unit.key]
        for number, secret, where in unit.secrets:
            own = where or namespaced(unit.facts[number], placement)
            found.add_secret(placement.cluster, own, secret)
    for namespace, secret in scope.promised:
        found.add_secret(IN_CLUSTER, namespace, secret)
    return found


def _of_scope(repository: Repository, scope: Scope) -> Iterable[Identity]:
    namespaced = repository.namespaced(scope)
    for placement in scope.placements:
        for fact in repository.units[placement.unit.key].facts:
            yield placement.cluster, fact[0], namespaced(fact, placement), fact[2]
