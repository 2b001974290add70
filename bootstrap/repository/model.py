"""A repository as it was read: its clusters, their Applications, and everything those would apply.

Objects stay in the store and are loaded one cluster, or one namespace, at a time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bootstrap.programs.run import Lost
from bootstrap.repository.faults import FileFault
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit
from bootstrap.repository.store import Store
from bootstrap.repository.unit import UnitResult
from bootstrap.resources.index import (
    APPLICATION,
    APPLICATION_SET,
    IN_CLUSTER,
    PROJECT,
    SECRETS,
    Index,
    Resource,
    dig,
    is_cluster_scoped,
    mapping,
    mappings,
    scopes_of_crds,
    sequence,
)

_ARGOCD = {APPLICATION, APPLICATION_SET, PROJECT}
"""Kinds that only have an effect in Argo CD's own namespace, unless they name another."""


@dataclass(frozen=True)
class Options:
    """What to read. `cluster` None: every cluster, and what no cluster reaches.

    `kubernetes` and `apis` are the cluster's release and API versions, which charts may look at; without
    them, the release of bootstrap.yaml, and what the CRDs in the repository say.
    `urls` also mean this repository; a copy of a revision does not know its remotes. `lost` is one for
    all that a run reads, such as both sides of a comparison.
    """

    cluster: str | None = None
    allow_remote: bool = False
    fetch_charts: bool = False
    kubernetes: str = ""
    apis: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    lost: Lost = field(default_factory=Lost, repr=False, compare=False)


@dataclass(frozen=True)
class Placement:
    """A unit applied by an Application to `cluster`; objects without a namespace go to `namespace`."""

    application: str
    unit: Unit
    cluster: str
    namespace: str
    trail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """Something that an Application applies and that was not read: `what` it is, and `why`."""

    application: str
    what: str
    why: str
    cluster: str
    namespace: str
    file: str
    line: int


@dataclass
class Scope:
    """What one Argo CD applies. `complete` is False for a folder that no cluster leads to.

    `opaque` has (cluster, namespace) of what could not be rendered, "" for cluster-scoped objects, and
    `unknown` what that is; `charts` the names of its charts; `unreadable` the Applications with broken
    parts, by their cluster, and `lost` says that Applications may be among those parts; `digests` the
    checksums of its Applications' bodies, by `namespace/name`; `definitions` what its CRDs say: `Kind.group`
    → is cluster-scoped (None: not read yet); `sets` the ApplicationSet of each Application that one makes.
    """

    name: str
    complete: bool
    placements: list[Placement] = field(default_factory=list)
    applications: list[Resource] = field(default_factory=list)
    opaque: set[tuple[str, str]] = field(default_factory=set)
    unknown: list[Unknown] = field(default_factory=list)
    charts: set[str] = field(default_factory=set)
    unreadable: dict[str, set[str]] = field(default_factory=dict)
    lost: bool = False
    promised: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    root: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, bool] | None = None
    sets: dict[str, Resource] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Resource]:
        """The Applications by `namespace/name`."""
        return {f"{one.namespace}/{one.name}": one for one in self.applications}

    def promised_in(self, namespace: str) -> dict[tuple[str, str], frozenset[str]]:
        """The Secrets that are created in a namespace."""
        return self._promised_by_namespace.get(namespace, {})

    @cached_property
    def _promised_by_namespace(self) -> dict[str, dict[tuple[str, str], frozenset[str]]]:
        found: dict[str, dict[tuple[str, str], frozenset[str]]] = defaultdict(dict)
        for key, keys in self.promised.items():
            found[key[0]][key] = keys
        return found


@dataclass
class Repository:
    """A repository as read; see `groups`, `objects` and `index`.

    `within` is the folder that was named, "" for all of it: only what is below it is reported.
    `secrets` has line and kind of credentials in files that are not manifests; `templated` are files that
    would be manifests without the templates in them, outside charts; `test_data` are files that only a
    program's tests read; `switched_off` are commented out in a kustomization that would change them.
    """

    files: Files
    scopes: list[Scope]
    units: dict[str, UnitResult]
    faults: list[FileFault]
    urls: list[str]
    store: Store
    rendered: int = 0
    within: str = ""
    secrets: Mapping[str, list[tuple[int, str]]] = field(default_factory=dict)
    templated: Sequence[str] = ()
    test_data: Sequence[str] = ()
    switched_off: frozenset[str] = frozenset()
    render_again: Callable[[Unit], None] = lambda _: None
    """Render a unit whose objects are no longer in the store, though its facts are."""

    def bodies(self, placement: Placement) -> list[Any]:
        """The objects of a unit as rendered, in the order of its facts."""
        unit = self.units[placement.unit.key]
        found = self.store.get(f"objects:{unit.key}")
        if found is None and unit.facts:
            self.render_again(placement.unit)
            found = self.store.get(f"objects:{self.units[placement.unit.key].key}")
        return found or []

    def is_within(self, file: str) -> bool:
        """Whether a file is in the folder that was named."""
        return not self.within or file == self.within or file.startswith(f"{self.within}/")

    def concerns(self, placement: Placement) -> bool:
        """Whether what a placement applies depends on a file in the folder that was named."""
        return any(map(self.is_within, self.units[placement.unit.key].closure))

    def objects(self, scope: Scope, only: Callable[[str, str], bool] | None = None) -> Iterator[Resource]:
        """Objects of a scope; `only` is called with (cluster, namespace) before anything is loaded."""
        namespaced = self.namespaced(scope)
        for placement in scope.placements:
            unit = self.units[placement.unit.key]
            wanted = [
                number
                for number, fact in enumerate(unit.facts)
                if only is None or only(placement.cluster, namespaced(fact, placement))
            ]
            if wanted:
                bodies, unit = self.bodies(placement), self.units[placement.unit.key]
                for number in wanted:
                    yield self.resource(placement, unit.facts[number], bodies[number], namespaced)

    def public(self, scope: Scope) -> Iterator[tuple[str, Resource]]:
        """(cluster, object) of the kinds that other namespaces depend on; nothing is loaded."""
        namespaced = self.namespaced(scope)
        for placement in scope.placements:
            unit = self.units[placement.unit.key]
            for number, body in unit.public.items():
                yield placement.cluster, self.resource(placement, unit.facts[number], body, namespaced)

    def index(self, scope: Scope, cluster: str = IN_CLUSTER) -> Index:
        """Everything that the scope applies to one cluster."""
        resources = self.objects(scope, lambda where, _: where == cluster)
        opaque = {namespace for where, namespace in scope.opaque if where == cluster}
        return Index(resources, opaque, scope.promised, scope.by_name)

    def namespaced(self, scope: Scope) -> Callable[[Any, Placement], str]:
        """A function that returns the namespace that an object will be in."""
        return self.namespaced_in(scope, self.units)

    @staticmethod
    def namespaced_in(scope: Scope, units: Mapping[str, UnitResult]) -> Callable[[Any, Placement], str]:
        """The same while a repository is being read."""
        if scope.definitions is None:
            bodies = (body for one in scope.placements for body in units[one.unit.key].public.values())
            crds = (body for body in bodies if body.get("kind") == "CustomResourceDefinition")
            scope.definitions = scopes_of_crds(Resource(body) for body in crds)
        known = scope.definitions
        guesses: dict[str, Mapping[str, str]] = {}

        def namespace(fact: Any, placement: Placement) -> str:
            if is_cluster_scoped(fact[0], known):
                return ""
            if given := fact[1] or placement.namespace:
                return str(given)
            if fact[0] in _ARGOCD or placement.application:
                return "argocd" if fact[0] in _ARGOCD else "default"
            key = placement.unit.key
            if key not in guesses:
                guesses[key] = _guessed(units[key].facts)
            return guesses[key].get(fact[3]) or guesses[key].get("") or "default"

        return namespace

    @staticmethod
    def resource(
        placement: Placement,
        fact: Any,
        body: Mapping[str, Any],
        namespaced: Callable[[Any, Placement], str],
    ) -> Resource:
        return Resource(body, namespaced(fact, placement), placement.application, fact[3], fact[4], fact[5])


def _guessed(facts: Sequence[Any]) -> dict[str, str]:
    """The namespace in which a person would apply objects without one: the only one that the file names.

    Or the only one of the folder, if most objects name it. By file, "" for the folder.
    """
    found: dict[str, set[str]] = defaultdict(set)
    unnamed = 0
    for kind, namespace, _, file, *_ in facts:
        if is_cluster_scoped(kind) or kind in _ARGOCD:
            continue
        unnamed += 1 if not namespace else -1
        if namespace:
            found[file].add(namespace)
            found[""].add(namespace)
    if unnamed >= 0:
        found.pop("", None)
    return {file: next(iter(spaces)) for file, spaces in found.items() if len(spaces) == 1}


def promised(application: Resource) -> dict[tuple[str, str], frozenset[str]]:
    """The Secrets that `bootstrap init` creates for an Application: (namespace, name) → keys.

    It creates none outside the Application's own namespace; an Application without one is the fault then.
    """
    text = application.annotations.get(SECRETS)
    own = dig(application.body, "spec", "destination", "namespace")
    if not text:
        return {}
    try:
        declared = json.loads(str(text))
    except ValueError:
        return {}
    return {
        (str(item.get("namespace")), str(item.get("name"))): frozenset(
            [*map(str, sequence(item.get("generate"))), *map(str, mapping(item.get("literals")))]
        )
        for item in mappings(declared)
        if own is None or item.get("namespace") == own
    }
