"""Pure: pods that no NetworkPolicy restricts after a change, though one did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from bootstrap.diff.compare import Key
from bootstrap.resources import pods
from bootstrap.resources.index import Resource, label_selects, mapping, mappings
from bootstrap.resources.policies import NETWORK_POLICY, directions

_SIDES = {"Ingress": "from", "Egress": "to"}
_OPEN = {"Ingress": "everything may connect to", "Egress": "everything may be reached from"}
_NAMED = 3

Place = tuple[str, str]
"""(cluster, namespace)."""


def opened(
    before: Mapping[Key, Resource],
    after: Mapping[Key, Resource],
    deleted: Callable[[Key, Resource], bool | None],
    is_left: Callable[[Key, Resource], bool] = lambda key, one: False,
) -> Iterator[tuple[Resource, str]]:
    """(policy or workload, text) for what may connect from now on and could not.

    Policies are additive: pods are open in a direction if none selects them in it, or one admits everything.
    `deleted` says whether the cluster loses a policy that Git drops; None if somebody must do that. `is_left`
    says of a policy whether whatever ran in its namespace is gone, too.
    """
    places = {
        (key[0], key[2])
        for key, one in (*before.items(), *after.items())
        if (one.kind == NETWORK_POLICY and _body(before, key) != _body(after, key))
        or (one.kind in pods.WORKLOADS and _labels(before, key) != _labels(after, key))
    }
    had, has = _policies(before), _policies(after)
    doubtful = set()
    for key, one in before.items():
        if one.kind == NETWORK_POLICY and key not in after:
            fate = deleted(key, one)
            if fate is False:
                has[key[0], key[2]].append(one)
            elif fate is None:
                doubtful.add(id(one))
    running, ran = _workloads(after), _workloads(before)
    places -= {
        (key[0], key[2]) for key, one in before.items() if one.kind == NETWORK_POLICY and is_left(key, one)
    }
    for place in sorted(places):
        for one, text in _in_place(had[place], has[place], ran[place], running[place]):
            yield one, f"once it is deleted, {text}" if id(one) in doubtful else text


def _in_place(
    had: Sequence[Resource],
    has: Sequence[Resource],
    ran: Mapping[str, Resource],
    running: Mapping[str, Resource],
) -> Iterator[tuple[Resource, str]]:
    """Of one namespace."""
    told: dict[tuple[str, str], list[str]] = defaultdict(list)
    about: dict[str, Resource] = {}

    def tell(one: Resource, direction: str, whom: str) -> None:
        about.setdefault(str(one), one)
        told[str(one), direction].append(whom)

    for name, workload in running.items():
        if name not in ran:
            continue
        labels, was = pods.pod_labels(workload), pods.pod_labels(ran[name])
        for direction in _SIDES:
            if not _is_open(had, was, direction) and _is_open(has, labels, direction):
                tell(_cause(had, has, was, labels, direction) or workload, direction, str(workload))
    for policy in had:
        selector = policy.spec.get("podSelector")
        known = [one for one in ran.values() if label_selects(selector, pods.pod_labels(one))]
        if known and (selector or not running):
            continue  # what it was for is told above, or gone
        labels = mapping(mapping(selector).get("matchLabels"))
        for direction in directions(policy):
            new = (str(policy), direction) not in told
            if new and not _is_open(had, labels, direction) and _is_open(has, labels, direction):
                tell(policy, direction, "pods that it selects" if selector else "other pods")
    for (one, direction), names in told.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        whom = f"{', '.join(names[:_NAMED])}{more}"
        yield (
            about[one],
            f"{_OPEN[direction]} {whom}: no NetworkPolicy restricts {direction.lower()} there now",
        )


def _is_open(policies: Sequence[Resource], labels: Mapping[str, object], direction: str) -> bool:
    selecting = [one for one in policies if _isolates(one, labels, direction)]
    return not selecting or any(_admits_all(one, direction) for one in selecting)


def _isolates(policy: Resource, labels: Mapping[str, object], direction: str) -> bool:
    return direction in directions(policy) and label_selects(policy.spec.get("podSelector"), labels)


def _admits_all(policy: Resource, direction: str) -> bool:
    """Whether a rule names neither the other end nor a port."""
    rules = mappings(policy.spec.get(direction.lower()))
    return any(not one.get(_SIDES[direction]) and not one.get("ports") for one in rules)


def _cause(
    had: Sequence[Resource],
    has: Sequence[Resource],
    was: Mapping[str, object],
    labels: Mapping[str, object],
    direction: str,
) -> Resource | None:
    """The policy by which pods are open now; None if it is by their own labels."""
    for one in has:
        if _isolates(one, labels, direction) and _admits_all(one, direction):
            return one
    left = {one.name: one for one in has}
    for one in had:
        if _isolates(one, was, direction):
            now = left.get(one.name)
            if now is None or not _isolates(now, was, direction):
                return now or one
    return None


def _policies(side: Mapping[Key, Resource]) -> dict[Place, list[Resource]]:
    found: dict[Place, list[Resource]] = defaultdict(list)
    for key, one in side.items():
        if one.kind == NETWORK_POLICY:
            found[key[0], key[2]].append(one)
    return found


def _workloads(side: Mapping[Key, Resource]) -> dict[Place, dict[str, Resource]]:
    found: dict[Place, dict[str, Resource]] = defaultdict(dict)
    for key, one in side.items():
        if one.kind in pods.WORKLOADS:
            found[key[0], key[2]][f"{key[1]} {key[3]}"] = one
    return found


def _body(side: Mapping[Key, Resource], key: Key) -> object:
    return side[key].body if key in side else None


def _labels(side: Mapping[Key, Resource], key: Key) -> object:
    return pods.pod_labels(side[key]) if key in side else None
