"""What the API server refuses in single objects: names, ports, schedules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.core.numbers import whole
from bootstrap.resources.index import APPLICATION, Index, Resource, dig, mapping, sequence
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

PORT_TWICE = Rule(
    "GB357",
    "service-port-twice",
    "error",
    "A Service has two ports with the same name, or the same number and protocol: the API server refuses it.",
    "remove one of them, or give it another name and number",
)
NODE_PORT = Rule(
    "GB358",
    "node-port-out-of-range",
    "warning",
    "A nodePort is not between 30000 and 32767: the API server refuses it, unless another range is set.",
    "use a number from 30000 to 32767, or leave it to Kubernetes",
)
NAME = Rule(
    "GB360",
    "name-invalid",
    "error",
    "An object has no name, or it or its namespace has a name with a character that Kubernetes does not "
    "allow, or that is too long: it is refused.",
    "use lower-case letters, digits and dashes, also where it is referenced",
)
SCHEDULE = Rule(
    "GB361",
    "schedule-invalid",
    "error",
    "A CronJob's schedule cannot be read: the API server refuses it.",
    "write five fields (minute, hour, day, month, weekday), such as 0 3 * * *, or @daily",
)

_NODE_PORTS = range(30000, 32768)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABELS = ("Namespace", "Service")
"""Kinds whose names are a part of a host name, without dots and at most 63 characters."""
_PLACEHOLDER = re.compile(r"[$<>{}%@()]")
_FREE = ("rbac.authorization.k8s.io", ".openshift.io")
"""Suffixes of groups whose names may have other characters, too."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for resource in index.resources:
        if context.complete or resource.application:  # else it may be a template that something renders
            yield from _name(resource)
            yield from _namespace(resource, resource.metadata.get("namespace"), "metadata", "namespace")
        if resource.application and not resource.name and "items" not in resource.body:
            message = f"{resource.short_kind} has neither name nor generateName"
            yield problem(NAME, resource, message, "kind", fix="give it a name below metadata")
        if resource.kind == APPLICATION:
            place = ("spec", "destination", "namespace")
            yield from _namespace(resource, dig(resource.body, *place), *place)
    for service in index.of("Service"):
        yield from _ports(service)
    for job in index.of("CronJob.batch"):
        schedule = job.spec.get("schedule")
        if (
            isinstance(schedule, str)
            and not _PLACEHOLDER.search(schedule.removeprefix("@"))
            and (fault := broken(schedule))
        ):
            yield problem(SCHEDULE, job, f"{job}: the schedule {schedule!r}: {fault}", "spec", "schedule")


def _name(resource: Resource) -> Iterator[Problem]:
    name, group = resource.metadata.get("name"), resource.kind.partition(".")[2]
    generated = resource.metadata.get("generateName")
    if not name and isinstance(generated, str) and not _PLACEHOLDER.search(generated):
        if generated and not group.endswith(_FREE) and not _SUBDOMAIN.fullmatch(f"{generated}x"):
            yield problem(NAME, resource, f"{resource} has an invalid prefix", "metadata", "generateName")
        return
    if not isinstance(name, str) or not name or _PLACEHOLDER.search(name) or group.endswith(_FREE):
        return
    if resource.kind == "IPAddress.networking.k8s.io":
        return
    label = resource.kind in _LABELS
    if len(name) <= (63 if label else 253) and _SUBDOMAIN.fullmatch(name) and not (label and "." in name):
        return
    fit = re.sub(r"[^a-z0-9.]+" if not label else r"[^a-z0-9]+", "-", name.lower()).strip("-.")
    message = f"{resource} has an invalid name"
    if len(name) > (63 if label else 253):
        yield problem(NAME, resource, f"{message}: it has {len(name)} characters", "metadata", "name")
    else:
        fix = f"rename it to {fit}, also where it is referenced" if _SUBDOMAIN.fullmatch(fit) else None
        yield problem(NAME, resource, message, "metadata", "name", fix=fix)


def _namespace(resource: Resource, name: Any, *path: str) -> Iterator[Problem]:
    if not isinstance(name, str) or not name or _PLACEHOLDER.search(name):
        return
    if len(name) > 63 or not _LABEL.fullmatch(name):
        message = f"{resource}: {name!r} is not the name of a namespace"
        fix = "write at most 63 lower-case letters, digits and dashes"
        yield problem(NAME, resource, message, *path, fix=fix)


def _ports(service: Resource) -> Iterator[Problem]:
    seen: set[tuple[str, object]] = set()
    for number, item in enumerate(sequence(service.spec.get("ports"))):
        port, place = mapping(item), ("spec", "ports", number)
        protocol = str(port.get("protocol") or "TCP")
        names = [("name", port.get("name")), (protocol, port.get("port"))]
        for key in names:
            if key[1] is not None and key in seen:
                what = (
                    f"two ports called {key[1]}" if key[0] == "name" else f"port {key[1]} ({protocol}) twice"
                )
                yield problem(PORT_TWICE, service, f"{service} has {what}", *place)
                break
        seen.update(names)
        given = port.get("nodePort")
        if isinstance(given, int) and given and given not in _NODE_PORTS:
            yield problem(NODE_PORT, service, f"{service} has the nodePort {given}", *place, "nodePort")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: tuple[dict[str, int], ...] = (
    *({}, {}, {}),
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_DAYS)},
)
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_WORDS = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}


def broken(schedule: str) -> str:
    """What is wrong with a cron schedule, as Kubernetes parses it; "" for nothing."""
    if "TZ" in schedule:
        return "the time zone goes into spec.timeZone"
    if schedule.startswith("@"):
        known = schedule in _WORDS or re.fullmatch(r"@every ([\d.]+(ns|us|µs|ms|s|m|h))+", schedule)
        return "" if known else f"there is no {schedule}"
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        return f"it has {len(parts)} fields, not 5"
    for part, (field, low, high), names in zip(parts, _FIELDS, _NAMES, strict=True):
        for item in part.split(","):
            if not _fits(item, low, high, names):
                return f"{item!r} is not a valid {field} (from {low} to {high})"
    return ""


def _fits(item: str, low: int, high: int, names: dict[str, int]) -> bool:
    """Whether a part of a field is `*`, a number, a name or a range, with a step or without."""
    base, slash, step = item.partition("/")
    if slash and not whole(step):
        return False
    if base in ("*", "?"):
        return True
    numbers = [(end, whole(end)) for end in base.split("-")]
    ends = [names.get(end.lower(), -1 if number is None else number) for end, number in numbers]
    return len(ends) <= 2 and all(low <= end <= high for end in ends) and ends == sorted(ends)
