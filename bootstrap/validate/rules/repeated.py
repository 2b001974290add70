"""Objects that one Application applies twice."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.validate.rule import AppliedObject, Apps, Problem, Rule, problem

TWICE = Rule(
    "GB231",
    "object-twice-in-application",
    "warning",
    "An Application applies an object twice: the last one counts, and Argo CD warns about it.",
    "remove one of the two, or give it another name or namespace",
)


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    seen: dict[tuple[str, str, str, str, str], AppliedObject] = {}
    for item in apps.owned:
        if not item.application or not item.name:
            continue
        key = (item.application, item.cluster, item.kind, item.namespace, item.name)
        first = seen.setdefault(key, item)
        place = (first.file, first.document, first.line)
        if first is item or not first.file or place == (item.file, item.document, item.line):
            continue
        where = first.resource.place
        yield problem(
            TWICE, item.resource, f"{item.resource} is applied by {item.application} twice; see {where}"
        )
