"""Runs the rules about the Applications of a scope, which consider all of them together."""

from __future__ import annotations

import hashlib
import json
import pathlib
import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.core import git_refs
from bootstrap.layout.components import offered
from bootstrap.repository.kustomize import NAMES
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.index import Index, Resource
from bootstrap.validate.places import Places
from bootstrap.validate.rule import AppliedObject, Apps, Finding, HostClaim, Problem
from bootstrap.validate.rules.files import UNREACHABLE
from bootstrap.validate.rules.waves import CRD
from bootstrap.validate.ruleset import APPS_CHECKS, RULES, version
from bootstrap.validate.unread import may_bring

Members = Mapping[int, Sequence[int]]
"""For a namespace: placement, by number → its objects there, by number."""


def apps_problems(
    repository: Repository, scope: Scope, groups: Mapping[tuple[str, str], Members]
) -> list[Problem]:
    """The findings about Applications; from the cache if nothing that they depend on has changed."""
    known_revisions = revisions(repository.files.root)
    listing = repository.files.listing_id
    digest = hashlib.sha256(f"{version()} {scope.complete} {sorted(repository.urls)} {listing}".encode())
    digest.update(f"{sorted(scope.opaque)} {sorted(known_revisions or ())}".encode())
    digest.update(f"{sorted(_unread(scope))} {sorted(repository.files.nested)}".encode())
    digest.update(f"{may_bring(scope, CRD)} {sorted(repository.files.elsewhere)}".encode())
    for placement in scope.placements:
        digest.update(f"\0{placement}\0{repository.units[placement.unit.key].outline}".encode())
    key = f"apps:{digest.hexdigest()}"
    known = repository.store.get(key)
    if known is not None:
        return [_problem(one) for one in known]
    apps = _apps(repository, scope, groups, known_revisions)
    found = [problem for check_apps in APPS_CHECKS for problem in check_apps(apps)]
    repository.store.put(key, [_problem_data(problem) for problem in found])
    return found


def _problem_data(problem: Problem) -> dict[str, Any]:
    """A problem as JSON; of its object only its identity and location."""
    one = problem.resource
    where = ["", one.kind, one.namespace, one.name, one.application, one.file, one.document, one.line]
    return {
        "rule": problem.rule.id,
        "object": where,
        "message": problem.message,
        "fix": problem.fix,
        "path": problem.path,
        "level": problem.level,
    }


def _problem(data: Mapping[str, Any]) -> Problem:
    resource = AppliedObject(*data["object"]).resource
    return Problem(
        RULES[data["rule"]], resource, data["message"], data["fix"], tuple(data["path"]), None, data["level"]
    )


def _apps(
    repository: Repository,
    scope: Scope,
    groups: Mapping[tuple[str, str], Members],
    known_revisions: frozenset[str] | None,
) -> Apps:
    owned: list[AppliedObject] = []
    claims: list[HostClaim] = []
    for (cluster, namespace), members in groups.items():
        for place, numbers in members.items():
            placement = scope.placements[place]
            unit = repository.units[placement.unit.key]
            own = {}
            for number in numbers:
                kind, _, name, file, document, line = unit.facts[number]
                own[number] = AppliedObject(
                    cluster, kind, namespace, name, placement.application, file, document, line
                )
            owned += own.values()
            claims += [HostClaim(own[number], *claim) for number, claim in unit.claims if number in own]
    resources = [resource for _, resource in repository.public(scope)]
    public = Index(resources, {namespace for _, namespace in scope.opaque})
    closures: dict[str, set[str]] = defaultdict(set)
    for placement in scope.placements:
        closures[placement.application] |= set(repository.units[placement.unit.key].closure)
    # What is switched off gets the branch from its cluster's settings once it is switched on.
    off = not scope.complete and any(one.complete for one in repository.scopes)
    return Apps(
        scope.applications,
        public,
        owned,
        {name: frozenset(files) for name, files in closures.items()},
        repository.files,
        repository.urls,
        scope.complete,
        posixpath.basename(posixpath.dirname(scope.root)) == "clusters",
        None if off else known_revisions,
        frozenset(_unread(scope)),
        claims,
        may_bring(scope, CRD),
        repository.files.elsewhere,
        scope.root,
    )


def _unread(scope: Scope) -> set[str]:
    """The Applications with a broken part; "" for what no Application applies."""
    return {name for names in scope.unreadable.values() for name in names}


def revisions(root: pathlib.Path) -> frozenset[str] | None:
    """The names of the repository's branches and tags; None if the checkout does not have them all."""
    git = root / ".git"
    if not (git / "HEAD").is_file() or (git / "shallow").exists():
        return None
    return frozenset(map(git_refs.short, git_refs.names(root))) or None


def unreachable(repository: Repository, places: Places, each: bool = False) -> Iterator[Finding]:
    """Applications that no cluster leads to, not even switched off; `each`, or once for a cause."""
    complete = [scope for scope in repository.scopes if scope.complete and scope.root]
    if any(scope.lost for scope in complete):
        return
    known: set[str] = set()
    for scope in complete:
        for name in NAMES:
            path = posixpath.join(scope.root, name)
            if repository.files.has(path):
                for component in offered(repository.files.read(path)).values():
                    known.add(component.folder(scope.root))
    below: dict[str, list[Resource]] = defaultdict(list)
    flat = _flat_folders(repository)
    for scope in repository.scopes:
        folder = "" if scope.name == "." else scope.name
        if scope.complete or folder in known:
            continue
        for application in scope.applications:
            if application.application or posixpath.dirname(application.file) in known:
                continue
            above = next((one for one in flat if application.file.startswith(f"{one}/")), None)
            if above is not None:
                below[above].append(application)
                continue
            if not complete:
                continue
            message = f"no cluster leads to {application}"
            if finding := places.place(Problem(UNREACHABLE, application, message, UNREACHABLE.fix)):
                yield finding
    for folder, left in ((folder, part) for folder, all_ in below.items() for part in _grouped(all_, each)):
        parent = flat[folder]
        more = f" and {len(left) - 1} more below {folder}" if len(left) > 1 else ""
        message = f"no cluster leads to {left[0]}{more}"
        fix = (
            f"set directory.recurse: true in {parent} ({parent.file}:{parent.line}), which reads {folder} "
            "without its folders"
        )
        if finding := places.place(Problem(UNREACHABLE, left[0], message, fix)):
            yield finding


def _grouped(applications: list[Resource], each: bool) -> list[list[Resource]]:
    return [[one] for one in applications] if each else [applications]


def _flat_folders(repository: Repository) -> dict[str, Resource]:
    """Folders that an Application applies without their subfolders → the Application."""
    found = {}
    for scope in repository.scopes:
        for placement in scope.placements:
            application = scope.by_name.get(placement.application)
            unit = placement.unit
            if application is None or unit.tool != "directory" or json.loads(unit.options).get("recurse"):
                continue
            found[unit.path] = application
    return found
