"""Pure: of all that differs, what a reviewer must not miss, most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bootstrap.core.text import counted
from bootstrap.diff import claims, fences, policies, rights
from bootstrap.diff.anew import made_anew
from bootstrap.diff.compare import Change, Key, is_same, plain, renamed_hashes, where_of
from bootstrap.diff.deletion import Applications, Fleet
from bootstrap.diff.immutable import refused
from bootstrap.diff.named_images import images
from bootstrap.resources.applications import sync_options
from bootstrap.resources.index import APPLICATION, PROJECT, Resource, dig, sequence

Topic = Literal["fails", "unseen", "data", "deletes", "rights", "images", "shared"]
TITLES: Mapping[Topic, str] = {
    "fails": "The sync will fail",
    "unseen": "Changed, and not shown",
    "data": "Data at risk",
    "deletes": "Deleted, or left behind",
    "rights": "More rights",
    "images": "Other images",
    "shared": "Shared files",
}
"""In this order."""

_DATA = {
    "PersistentVolumeClaim": "its volume is deleted, too, unless the reclaim policy is Retain",
    "PersistentVolume": "the claim that uses it loses it",
    "Namespace": "everything in it is deleted, too, even what Git does not have",
    "CustomResourceDefinition.apiextensions.k8s.io": "every object of the kind is deleted, too, everywhere",
    "Cluster.postgresql.cnpg.io": "the database's claims are deleted, too",
    "VolumeSnapshot.snapshot.storage.k8s.io": "the snapshot is deleted, too, unless its class says Retain",
}
_CLAIMS = ("persistentVolumeClaimRetentionPolicy", "whenDeleted")
_RUN_AGAIN = ("Job.batch", "Pod")
"""Kinds that are made anew to run again."""
_SHOWN = 25
"""Lines of a topic in a pull request: the rest is below, object by object."""


_NAMED = 3
"""The most objects that are named when the same is said of several."""


@dataclass(frozen=True)
class Matter:
    """One thing to look at. `object` and `application` may be "" for more than one."""

    topic: Topic
    text: str
    object: str = ""
    application: str = ""
    where: str = ""

    def data(self) -> dict[str, Any]:
        """As JSON data (docs/json.md)."""
        return {
            "topic": self.topic,
            "text": self.text,
            "object": self.object or None,
            "application": self.application or None,
            "where": self.where or None,
        }


def matters(
    before: Mapping[Key, Resource],
    after: Mapping[Key, Resource],
    changes: Sequence[Change],
    fleet: Fleet,
) -> list[Matter]:
    """What to look at, by topic."""
    found = [matter for one in fleet.of.values() for matter in _broken(one)]
    found += [matter for one in fleet.of.values() for matter in _recovered(one)]
    found += [*_refused(changes), *_removed(before, after, fleet), *_replaced(before, after, fleet)]
    found += [matter for one in fleet.of.values() for matter in _ungenerated(one)]
    found += [*_changed(before, after), *_images(before, after)]
    fenced = fences.opened(
        before,
        after,
        lambda key, one: fleet.at(key).fate(one).deleted,
        lambda key, one: fleet.at(key).is_left(one.namespace),
    )
    for resource, text in fenced:
        found.append(Matter("rights", text, str(resource), resource.application, where_of(resource)))
    for resource, text in claims.emptied(before, after):
        found.append(Matter("data", text, str(resource), resource.application, where_of(resource)))
    return ordered(found)


def ordered(found: Sequence[Matter]) -> list[Matter]:
    """By topic, then by Application and object."""
    order = list(TITLES)
    return sorted(found, key=lambda one: (order.index(one.topic), one.application, one.object, one.text))


def _broken(applications: Applications) -> Iterator[Matter]:
    for name, why in applications.broken.items():
        if name not in applications.broken_before:
            if not name:  # a person applies it
                folder, _, why = why.partition(": ")
                yield Matter("fails", f"it cannot be rendered: {why}", f"folder {folder}")
                continue
            text = f"it can no longer be rendered, so none of its objects change: {why}"
            known = applications.after.get(name)
            yield Matter("fails", text, f"Application {name}", name, where_of(known) if known else "")


def _recovered(applications: Applications) -> Iterator[Matter]:
    """Applications of which nothing was known before, as they could not be rendered."""
    for name in sorted(applications.broken_before - applications.broken.keys()):
        if (known := applications.after.get(name)) is not None:
            text = (
                "it could not be rendered before this change: what it adds may be in the cluster already, "
                "as it was when it last could"
            )
            yield Matter("unseen", text, f"Application {name}", name, where_of(known))


def _refused(changes: Sequence[Change]) -> Iterator[Matter]:
    for change in changes:
        if change.refused:
            yield Matter("fails", change.refused, change.object, change.application, change.where)


def _removed(before: Mapping[Key, Resource], after: Mapping[Key, Resource], fleet: Fleet) -> Iterator[Matter]:
    renamed = renamed_hashes(before, after)
    for key, resource in before.items():
        if key in after or key in renamed:
            continue
        applications = fleet.at(key)
        fate = applications.fate(resource)
        loses = _loses(resource)
        told = (str(resource), resource.application, where_of(resource))
        if loses and fate.deleted is not False:
            yield Matter("data", f"{fate.why}; {loses}", *told)
        elif resource.kind == APPLICATION or fate.deleted is not True:
            yield Matter("deletes", _application(resource, applications) or fate.why, *told)


def _replaced(
    before: Mapping[Key, Resource], after: Mapping[Key, Resource], fleet: Fleet
) -> Iterator[Matter]:
    """Objects that stay in Git, and are deleted all the same."""
    for key, old in before.items():
        new = after.get(key)
        if new is None:
            continue
        applications, loses = fleet.at(key), _loses(old)
        told = (str(new), new.application, where_of(new))
        how = made_anew(new, applications.syncing(new))
        changed = how and not is_same(old.body, new.body)
        if changed and (how == "always" or bool(refused(old, new)) is (how == "if refused")):
            if loses or new.kind not in _RUN_AGAIN:
                text = f"it is deleted and made anew, as its sync options say{loses and '; '}{loses}"
                yield Matter("data" if loses else "deletes", text, *told)
        elif loses and old.application in applications.before and old.application not in applications.after:
            fate = applications.fate(old)
            if fate.deleted is not False:
                text = (
                    f"{fate.why}, unless {new.application or 'somebody'} has taken it over by then; {loses}"
                )
                yield Matter("data", text, *told)


def _ungenerated(applications: Applications) -> Iterator[Matter]:
    """Applications that their ApplicationSet no longer generates."""
    for name in applications.sets:
        if name in applications.after or (old := applications.before.get(name)) is None:
            continue
        if not applications.is_unknown(old):
            yield Matter("deletes", _application(old, applications), str(old), name, where_of(old))


def _loses(resource: Resource) -> str:
    """What is lost with an object, in words."""
    if resource.kind == "StatefulSet.apps" and dig(resource.spec, *_CLAIMS) == "Delete":
        return "its claims are deleted, too (whenDeleted: Delete)"
    return _DATA.get(resource.kind, "")


def _application(resource: Resource, applications: Applications) -> str:
    """What becomes of what a removed Application applied."""
    if resource.kind != APPLICATION:
        return ""
    own = applications.fate(resource)
    part = Resource({"kind": "ConfigMap", "metadata": {}}, "", f"{resource.namespace}/{resource.name}")
    if applications.fate(part).deleted:
        return f"{own.why}, and everything that it applied with it"
    return f"{own.why}; what it applied stays" if own.deleted else own.why


def _changed(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> Iterator[Matter]:
    for key, new in after.items():
        old = before.get(key)
        if old is not None and old.body == new.body:
            continue
        told = (str(new), new.application, where_of(new))
        if more := rights.grown(old, new):
            yield Matter("rights", more, *told)
        if old is not None:
            yield from (Matter("rights", text, *told) for text in rights.loosened(old, new))
            names = [str(one.spec.get("project")) for one in (old, new)]
            if new.kind == APPLICATION and names[0] != names[1]:
                was, now = (after.get((key[0], PROJECT, key[2], name)) for name in names)
                if more := rights.moved(before.get((key[0], PROJECT, key[2], names[0]), was), now):
                    yield Matter("rights", f"project {names[0]} → {names[1]}: {more}", *told)
            yield from (Matter("data", text, *told) for text in _riskier(old, new))
            if new.kind == APPLICATION:
                yield from (Matter(topic, text, *told) for topic, text in policies.changed(old, new))


def _riskier(old: Resource, new: Resource) -> Iterator[str]:
    """Changes after which a later deletion loses more."""
    for kind, path, word in (
        ("PersistentVolume", ("persistentVolumeReclaimPolicy",), "reclaim policy"),
        ("StatefulSet.apps", _CLAIMS, "claims when it is deleted"),
        ("StatefulSet.apps", (_CLAIMS[0], "whenScaled"), "claims when it is scaled down"),
    ):
        was, now = dig(old.spec, *path) or "Retain", dig(new.spec, *path) or "Retain"
        if new.kind == kind and (was, now) == ("Retain", "Delete"):
            yield f"{word}: Retain → Delete"
    if new.kind == "StatefulSet.apps" and dig(new.spec, _CLAIMS[0], "whenScaled") == "Delete":
        had, has = (dig(one.spec, "replicas") for one in (old, new))
        if isinstance(had, int) and isinstance(has, int) and has < had:
            yield f"it is scaled from {had} to {has}: the claims of the pods that go are deleted"
    lost = [one for one in _PROTECTION if one in _options(old) and one not in _options(new)]
    if lost:
        are = "is" if len(lost) == 1 else "are"
        yield f"{' and '.join(lost)} {are} no longer set: it may be deleted from now on"


_PROTECTION = ("Prune=false", "Delete=false")


def _options(resource: Resource) -> list[str]:
    """The sync options of an object, or those that an Application gives to all of its objects."""
    given = sequence(dig(resource.spec, "syncPolicy", "syncOptions")) if resource.kind == APPLICATION else []
    return [*sync_options(resource.body), *map(str, given)]


def _images(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> Iterator[Matter]:
    found: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    known = {image for one in before.values() for image in images(one).values()}
    for key, new in after.items():
        had = images(before[key]) if key in before else {}
        for container, image in images(new).items():
            # A new container with an image that already runs is not a change of images.
            if image and had.get(container, image if image in known else "") != image:
                places = found[str(had.get(container, "")), image]
                if new not in places[-1:]:  # once, though several of its containers run it
                    places.append(new)
    for (old, image), places in found.items():
        change = f"{old} → {image}" if old else f"{image} (new)"
        one = places[0]
        if len(places) == 1:
            yield Matter("images", change, str(one), one.application, where_of(one))
        else:
            yield Matter("images", f"{change}, in {counted(len(places), 'workload')}")


def new_images(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> list[str]:
    """Images that nothing ran before, sorted."""
    had, has = (
        {image for one in side.values() for image in images(one).values() if image}
        for side in (before, after)
    )
    return sorted(has - had)


def text(found: Sequence[Matter]) -> Iterator[str]:
    """For a terminal."""
    for topic, part in _by_topic(found):
        yield f"{TITLES[topic]}:"
        for same in _alike(part):
            names, told = _names(same), f"{same[0].text}{_place(same)}"
            yield f"  ! {names}: {told}" if names else f"  ! {told}"


def markdown(found: Sequence[Matter]) -> str:
    """For a pull request; "" for nothing."""
    lines = []
    for topic, part in _by_topic(found):
        lines += [f"**{TITLES[topic]}**", ""]
        alike = list(_alike(part))
        for same in alike[:_SHOWN]:
            names, place = _names(same, "<code>{}</code>"), _place(same)
            told = f"{plain(same[0].text)}{place and ' '}{plain(place)}"
            lines.append(f"- {names}: {told}" if names else f"- {told}")
        if len(alike) > _SHOWN:
            lines.append(f"- and {sum(map(len, alike[_SHOWN:]))} more")
        lines.append("")
    return "\n".join(lines)


def _alike(found: Sequence[Matter]) -> Iterator[list[Matter]]:
    """Those of one Application that say the same, together."""
    groups: dict[tuple[str, str], list[Matter]] = defaultdict(list)
    for one in found:
        groups[one.application, one.text].append(one)
    yield from groups.values()


def _names(same: Sequence[Matter], form: str = "{}") -> str:
    """The objects, the first of them by name."""
    names = [form.format(plain(one.object) if form != "{}" else one.object) for one in same if one.object]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _place(same: Sequence[Matter]) -> str:
    return f" ({same[0].where})" if len(same) == 1 and same[0].where else ""


def _by_topic(found: Sequence[Matter]) -> Iterator[tuple[Topic, list[Matter]]]:
    for topic in TITLES:
        if part := [one for one in found if one.topic == topic]:
            yield topic, part
