"""Reports what the rules could not check, so that no findings is not mistaken for no problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bootstrap.repository.coverage import unread_of
from bootstrap.repository.coverage_line import Part, grouped
from bootstrap.repository.follow import FETCH
from bootstrap.repository.model import Repository, Unknown
from bootstrap.validate.config import Settings
from bootstrap.validate.report import Unchecked

SILENT: Mapping[str, str] = {
    "GB342": "issuers",
    "GB306": "ingress classes",
    "GB341": "gateway classes",
    "GB316": "storage classes",
    "GB333": "priority and runtime classes",
    "GB217": "kinds",
}
"""Rules that look up what all namespaces of a cluster share → the names that they look up."""
_FEW = 4
MOST_REASONS = 3
"""The line before has more of them."""


def unchecked(repository: Repository, settings: Settings) -> Unchecked | None:
    """What is unknown about the clusters, and the rules that it limits; None when all is known."""
    rules = tuple(rule for rule in SILENT if rule in settings.rules)
    complete = [scope for scope in repository.scopes if scope.complete] or repository.scopes
    unknown = unread_of(complete)
    alone = not any(scope.complete for scope in complete)
    if not rules or not complete or (not unknown and not alone):
        return None
    names = [SILENT[rule] for rule in rules]
    listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
    because = "; ".join(_reasons(unknown)) if unknown else "Git does not say what else the cluster runs"
    parts = tuple(Part(one.application, one.what, one.why, one.file, one.line) for one in unknown)
    return Unchecked(rules, f"names of {listed} (except typos of one letter), because {because}", parts)


def _reasons(unknown: Iterable[Unknown]) -> Iterable[str]:
    """A phrase for each reason, with the names that it is about."""
    groups, more = grouped(((one.what, one.why) for one in unknown), MOST_REASONS)
    for names, why in groups:
        whole = ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
        if why == FETCH:
            whole = ("charts " if len(names) > 1 else "chart ") + whole.replace("chart ", "")
        yield f"{whole} {'were' if len(names) > 1 else 'was'} not rendered ({why})"
    yield from more
