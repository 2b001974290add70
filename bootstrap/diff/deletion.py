"""Pure: what becomes of an object that Git no longer has, by what its Application says.

As Argo CD 3.6 decides it (controller/sync.go; autoSync and shouldBeDeleted in controller/appcontroller.go).
It gives a CustomResourceDefinition no tracking annotation (reposerver/repository/repository.go), so it prunes
none, and it compares an Application with nothing but the cluster that it goes to (controller/state.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bootstrap.diff.anew import Syncing, syncing_of
from bootstrap.resources.applications import POLICY, destination, has_finalizer, sync_options
from bootstrap.resources.index import APPLICATION, IN_CLUSTER, Resource, dig, sequence

_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
_TRACKING = "argocd.argoproj.io/tracking-id"
_LABEL = "app.kubernetes.io/instance"


@dataclass(frozen=True)
class Fate:
    """`deleted` None: only if somebody prunes, or agrees. `why` is for people."""

    deleted: bool | None
    why: str


@dataclass(frozen=True)
class Applications:
    """By `namespace/name`, of both sides."""

    before: Mapping[str, Resource]
    after: Mapping[str, Resource]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Those that cannot be rendered after the change, with the reason: what they applied stays."""
    broken_before: frozenset[str] = frozenset()
    by_label: bool = False
    """Whether Argo CD tracks objects by a label alone, as before 3.0 by default."""
    emptied: frozenset[str] = frozenset()
    """Those that have no object any more after the change, as far as everything of them was read."""
    sets: Mapping[str, Resource] = field(default_factory=dict)
    """Application → the ApplicationSet that generated it before."""
    sets_after: Mapping[str, Resource] = field(default_factory=dict)
    """The ApplicationSets after the change, by `namespace/name`."""
    sets_unread: frozenset[str] = frozenset()
    """The names of those of which it is not known after the change what they generate."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Those with other sources than before → what of them was not read: it may have the same objects."""

    def is_unknown(self, resource: Resource) -> bool:
        """Whether an object is only no longer seen, because something above it is broken."""
        owner, seen = resource.application, set[str]()
        while owner and owner not in seen:
            if owner in self.broken:
                return True
            seen.add(owner)
            above = self.before.get(owner)
            owner = above.application if above is not None else ""
        return False

    def fate(self, resource: Resource, seen: frozenset[str] = frozenset()) -> Fate:
        """What becomes of an object that was there and no longer is."""
        owner = resource.application
        if resource.kind == APPLICATION and (
            parent := self.sets.get(f"{resource.namespace}/{resource.name}")
        ):
            return self._of_set(parent, seen)
        if not owner:
            return Fate(False, "no Application applies it: it stays")
        if moved := self.moved(owner):
            return Fate(False, f"it stays {moved}")
        if owner in self.after or owner not in self.before:
            if resource.kind == _CRD and not self._tracks(resource):
                return Fate(False, "it stays: Argo CD does not track definitions, so it prunes none")
            fate = _pruned(resource, self.after.get(owner), owner in self.emptied)
            if fate.deleted and owner in self.replaced:
                return Fate(None, f"{fate.why}, unless {self.replaced[owner]}, which was not read, has it")
            return fate
        application = self.before[owner]
        if owner in seen:  # one that contains itself
            return Fate(None, f"its Application {owner} is gone, too")
        option = _option(resource, application, "Delete")
        if option == "false":
            return Fate(False, "it stays: sync option Delete=false")
        if resource.annotations.get(POLICY) == "keep":
            return Fate(False, f"it stays: {POLICY}: keep")
        if resource.kind == _CRD:
            return Fate(False, "it stays: a definition is not deleted with its Application")
        if not has_finalizer(application.body):
            return Fate(False, f"it stays, and nobody manages it: its Application {owner} has no finalizer")
        above = self.fate(application, seen | {owner})
        if above.deleted and option == "confirm":
            return Fate(None, "it is deleted once somebody confirms that: sync option Delete=confirm")
        if above.deleted:
            return Fate(True, f"it is deleted with its Application {owner}")
        return Fate(above.deleted, f"its Application {owner} is not deleted by itself: {above.why}")

    def is_left(self, namespace: str) -> bool:
        """Whether no Application goes to a namespace any more, though one did."""
        had, has = (
            any(destination(one.body)[1] == namespace for one in side.values())
            for side in (self.before, self.after)
        )
        return had and not has

    def syncing(self, resource: Resource) -> Syncing:
        """How an object's Application applies it after the change."""
        return syncing_of(self.after.get(resource.application))

    def _of_set(self, parent: Resource, seen: frozenset[str]) -> Fate:
        """What becomes of an Application that its set no longer generates."""
        now = self.sets_after.get(f"{parent.namespace}/{parent.name}")
        if now is None:
            above = self.fate(parent, seen)
            return Fate(above.deleted, f"its ApplicationSet {parent.name} is removed: {above.why}")
        if parent.name in self.sets_unread:
            return Fate(None, f"whether its ApplicationSet {parent.name} still generates it is unknown")
        policy = str(dig(now.spec, "syncPolicy", "applicationsSync") or "sync")
        if policy in ("create-only", "create-update"):
            return Fate(False, f"it stays: its ApplicationSet {parent.name} has applicationsSync: {policy}")
        return Fate(True, f"it is deleted: its ApplicationSet {parent.name} no longer generates it")

    def moved(self, name: str) -> str:
        """Where what an Application applied is left, as it goes to another cluster; "" if it does not."""
        one, other = self.before.get(name), self.after.get(name)
        if one is None or other is None:
            return ""
        was, now = (destination(each.body)[0] for each in (one, other))
        if was == now:
            return ""
        left = f"in {_cluster(was)}, and nobody manages it there: its Application goes to {_cluster(now)}"
        return left if ("://" in was) == ("://" in now) else f"{left}, unless that is the same cluster"

    def _tracks(self, definition: Resource) -> bool:
        """Whether a definition bears in Git what Argo CD gives every other object."""
        namespace, _, name = definition.application.rpartition("/")
        if self.by_label:
            return definition.labels.get(_LABEL) == name
        tracked = str(definition.annotations.get(_TRACKING, "")).partition(":")[0]
        return tracked in (name, f"{namespace}_{name}")


@dataclass(frozen=True)
class Fleet:
    """The Applications of each Argo CD: by the name of what leads to them, as it is in keys of objects.

    Two of them may have an Application of the same name, which does something else with its objects.
    """

    of: Mapping[str, Applications]

    def at(self, key: tuple[str, str, str, str]) -> Applications:
        """Those among which is the one that applies an object."""
        return self.of.get(key[0].rpartition(" ")[0], _NONE)


_NONE = Applications({}, {})


def tracks_by_label(resources: Iterable[Resource]) -> bool:
    """Whether Argo CD's settings in Git have it track by a label; its default is the annotation."""
    method = "application.resourceTrackingMethod"
    settings = (one for one in resources if one.kind == "ConfigMap" and one.name == "argocd-cm")
    return any(dig(one.body, "data", method) == "label" for one in settings)


def _cluster(name: str) -> str:
    return "the cluster of Argo CD" if name == IN_CLUSTER else f"cluster {name}"


def _pruned(resource: Resource, application: Resource | None, is_last: bool) -> Fate:
    """What becomes of an object whose Application remains."""
    option = _option(resource, application, "Prune")
    if option == "false":
        return Fate(False, "it stays, and its Application is OutOfSync: sync option Prune=false")
    if application is None:
        return Fate(None, "whether it is deleted is unknown: its Application is not in Git")
    automated = dig(application.spec, "syncPolicy", "automated")
    on = isinstance(automated, dict) and automated.get("enabled") is not False
    if not on:
        return Fate(None, "it stays until somebody syncs with pruning: its Application is synced by hand")
    if not isinstance(automated, dict) or automated.get("prune") is not True:
        return Fate(None, "it stays until somebody prunes: its Application does not")
    if is_last and automated.get("allowEmpty") is not True:
        return Fate(
            None,
            "it stays until somebody syncs with pruning: it is among the last objects of its Application, "
            "and Argo CD deletes those by itself only with allowEmpty: true",
        )
    if option == "confirm":
        return Fate(None, "it is deleted once somebody confirms that: sync option Prune=confirm")
    return Fate(True, "it is deleted: its Application prunes")


def _option(resource: Resource, application: Resource | None, name: str) -> str | None:
    """The value of a sync option, the object's own before its Application's."""
    own = sync_options(resource.body)
    general = sequence(dig(application.spec, "syncPolicy", "syncOptions")) if application else []
    for text in (*own, *general):
        key, _, value = str(text).strip().partition("=")
        if key == name:
            return value
    return None
