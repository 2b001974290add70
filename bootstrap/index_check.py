"""Runs the rules over a repository, a namespace at a time, and says at which line each finding stands.

What was found in a namespace is kept by its content: the next time, only namespaces whose objects
changed are checked, unless something changed that all of them look at.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bootstrap.checks.catalog import APPS_CHECKS, CHECKS, RULES, VERSION
from bootstrap.checks.files import BY_CODE, UNREACHABLE
from bootstrap.checks.ignore import Comments
from bootstrap.checks.rule import SEVERITIES, Apps, Finding, Owned, Problem, Severity, Surroundings
from bootstrap.components import offered
from bootstrap.index import Index, Resource
from bootstrap.index_files import Files
from bootstrap.index_kustomize import NAMES
from bootstrap.index_repository import Placement, Repository, Scope
from bootstrap.index_sources import sources
from bootstrap.index_yaml import line_of


@dataclass(frozen=True)
class Settings:
    """Which rules, how severe, and for which Kubernetes release."""

    rules: frozenset[str]
    severities: Mapping[str, Severity]
    kubernetes: tuple[int, int] = (1, 36)


@dataclass(frozen=True)
class _Placed:
    """A finding, and the object whose existence would make it none."""

    finding: Finding
    unless: tuple[str, str, str] | None


def check(repository: Repository, settings: Settings) -> list[Finding]:
    """Everything that the rules find, by file and line."""
    places = Places(repository.files)
    found = list(_file_findings(repository, places))
    for scope in repository.scopes:
        found += _scope_findings(repository, scope, settings, places)
    found += _unreachable(repository, places)
    return _ordered(found, settings)


def _ordered(found: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Without what is switched off and what is said twice (a base that several overlays use)."""
    unique: dict[tuple[str, str, int, str], Finding] = {}
    for finding in found:
        if finding.rule in settings.rules:
            severity = settings.severities.get(finding.rule, finding.severity)
            message = (
                finding.message if finding.line == 0 or not finding.file else finding.object.partition(" ")[0]
            )
            key = (finding.rule, finding.file, finding.line, message)
            unique.setdefault(key, replace(finding, severity=severity))
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    return sorted(unique.values(), key=lambda f: (f.file, f.line, order[f.severity], f.rule, f.message))


class Places:
    """Turns problems into findings: file, line, and whether a comment leaves them out."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._comments: dict[str, Comments] = {}

    def place(self, problem: Problem) -> Finding | None:
        """The finding; None when a comment in the file leaves it out."""
        resource, rule = problem.resource, problem.rule
        line = resource.line
        if resource.file and posixpath.basename(resource.file) not in NAMES and problem.path:
            line = max(line, line_of(self._files.read(resource.file), resource.document, problem.path))
        if resource.file and self.comments(resource.file).covers(rule.id, line, resource.line):
            return None
        return Finding(
            rule.id,
            rule.severity,
            problem.message,
            problem.mend,
            resource.file,
            line,
            str(resource),
            resource.application,
        )

    def comments(self, file: str) -> Comments:
        if file not in self._comments:
            known = self._files.has(file)
            self._comments[file] = Comments(self._files.read(file) if known else b"")
        return self._comments[file]


def _file_findings(repository: Repository, places: Places) -> Iterator[Finding]:
    faults = [*repository.faults, *(fault for unit in repository.units.values() for fault in unit.faults)]
    for file, fault in faults:
        rule = BY_CODE[fault.code]
        if not places.comments(file).covers(rule.id, fault.line, fault.line):
            yield Finding(rule.id, rule.severity, fault.message, fault.mend, file, fault.line)


# -- one scope -----------------------------------------------------------------------------


@dataclass
class _Target:
    """One destination cluster of a scope, on the way."""

    public: Index
    around: Surroundings
    key: str


def _scope_findings(
    repository: Repository, scope: Scope, settings: Settings, places: Places
) -> Iterator[Finding]:
    namespaced = repository.namespaced(scope)
    groups: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    identities: set[tuple[str, str, str, str]] = set()
    for place, placement in enumerate(scope.placements):
        for number, fact in enumerate(repository.units[placement.unit.key].facts):
            namespace = namespaced(fact, placement)
            groups[(placement.cluster, namespace)][place].append(number)
            identities.add((placement.cluster, fact[0], namespace, fact[2]))
    targets = {
        cluster: _target(repository, scope, cluster, settings)
        for cluster in {cluster for cluster, _ in groups}
    }
    for (cluster, namespace), members in groups.items():
        for placed in _group_findings(repository, scope, targets[cluster], namespace, members, places):
            if placed.unless is None or (cluster, *placed.unless) not in identities:
                yield placed.finding
    apps = _apps(repository, scope, groups, targets)
    for check_apps in APPS_CHECKS:
        for problem in check_apps(apps):
            if finding := places.place(problem):
                yield finding


def _target(repository: Repository, scope: Scope, cluster: str, settings: Settings) -> _Target:
    opaque = {namespace for where, namespace in scope.opaque if where == cluster}
    resources = [resource for where, resource in repository.public(scope) if where == cluster]
    public = Index(resources, opaque)
    images = {
        image
        for placement in scope.placements
        if placement.cluster == cluster
        for image in repository.units[placement.unit.key].images
    }
    images |= {
        str(source.chart) for app in scope.applications for source in sources(app.body) if source.chart
    }
    around = Surroundings(public, scope.complete, cluster, frozenset(images), settings.kubernetes)
    digest = hashlib.sha256(f"{VERSION} {scope.complete} {settings.kubernetes}".encode())
    for resource in resources:
        text = json.dumps(resource.body, sort_keys=True, default=str)
        digest.update(f"\0{resource.namespace}\0{text}".encode())
    digest.update(json.dumps([sorted(opaque), sorted(images)]).encode())
    return _Target(public, around, digest.hexdigest())


def _group_findings(
    repository: Repository,
    scope: Scope,
    target: _Target,
    namespace: str,
    members: Mapping[int, Sequence[int]],
    places: Places,
) -> list[_Placed]:
    own = {scope.placements[place].application for place in members}
    applications = {name: scope.by_name[name] for name in sorted(own) if name in scope.by_name}
    promised = scope.promised_in(namespace)
    parts = [
        target.key,
        namespace,
        sorted(
            (scope.placements[p].application, repository.units[scope.placements[p].unit.key].key)
            for p in members
        ),
        [applications[name].body for name in sorted(applications)],
        sorted((*key, sorted(keys)) for key, keys in promised.items()),
    ]
    key = "found:" + hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
    known = repository.store.get(key)
    if known is not None:
        return [_Placed(Finding(**one), tuple(unless) if unless else None) for one, unless in known]
    resources = list(_load(repository, scope, members))
    index = Index(resources, target.public.opaque, promised, applications, beyond=target.public)
    found = []
    for check_group in CHECKS:
        for problem in check_group(index, target.around):
            if finding := places.place(problem):
                found.append(_Placed(finding, problem.unless))
    repository.store.put(key, [[asdict(one.finding), one.unless] for one in found])
    return found


def _load(repository: Repository, scope: Scope, members: Mapping[int, Sequence[int]]) -> Iterator[Resource]:
    namespaced = repository.namespaced(scope)
    for place, numbers in members.items():
        placement = scope.placements[place]
        unit = repository.units[placement.unit.key]
        bodies = repository.store.get(f"objects:{unit.key}") or []
        for number in numbers:
            yield repository.resource(placement, unit.facts[number], bodies[number], namespaced)


def _apps(
    repository: Repository,
    scope: Scope,
    groups: Mapping[tuple[str, str], Mapping[int, Sequence[int]]],
    targets: Mapping[str, _Target],
) -> Apps:
    owned = []
    for (cluster, namespace), members in groups.items():
        for place, numbers in members.items():
            placement = scope.placements[place]
            for number in numbers:
                kind, _, name, file, document, line = repository.units[placement.unit.key].facts[number]
                owned.append(
                    Owned(cluster, kind, namespace, name, placement.application, file, document, line)
                )
    public = Index(
        [resource for target in targets.values() for resource in target.public.resources],
        {namespace for _, namespace in scope.opaque},
    )
    closures: dict[str, set[str]] = defaultdict(set)
    for placement in scope.placements:
        closures[placement.application] |= set(repository.units[placement.unit.key].closure)
    return Apps(
        scope.applications,
        public,
        owned,
        {name: frozenset(files) for name, files in closures.items()},
        repository.files,
        repository.urls,
        scope.complete,
        revisions(repository.files.root),
    )


def revisions(root: Path) -> frozenset[str] | None:
    """The names of the repository's branches and tags; None when a checkout does not have them all."""
    git = root / ".git"
    if not (git / "HEAD").is_file() or (git / "shallow").exists():
        return None
    names = set()
    packed = git / "packed-refs"
    lines = packed.read_text("utf-8", "replace").splitlines() if packed.is_file() else []
    refs = [line.partition(" ")[2] for line in lines if line and line[0] not in "#^"]
    refs += [path.relative_to(git).as_posix() for path in (git / "refs").rglob("*") if path.is_file()]
    for ref in refs:
        parts = ref.split("/", 3 if ref.startswith("refs/remotes/") else 2)
        names.add(parts[-1])
    return frozenset(names) or None


def _unreachable(repository: Repository, places: Places) -> Iterator[Finding]:
    """Applications that no cluster names, not even switched off."""
    complete = [scope for scope in repository.scopes if scope.complete and scope.root]
    if not complete:
        return
    known: set[str] = set()
    for scope in complete:
        for name in NAMES:
            path = posixpath.join(scope.root, name)
            if repository.files.has(path):
                for component in offered(repository.files.read(path)).values():
                    known.add(posixpath.normpath(posixpath.join(scope.root, component.entry)))
    for scope in repository.scopes:
        folder = "" if scope.name == "." else scope.name
        if scope.complete or folder in known:
            continue
        for application in scope.applications:
            if application.application or posixpath.dirname(application.file) in known:
                continue
            message = f"no cluster leads to {application}"
            if finding := places.place(Problem(UNREACHABLE, application, message, UNREACHABLE.mend)):
                yield finding


def objects_of(repository: Repository) -> int:
    """How many objects were looked at."""
    return sum(
        len(repository.units[placement.unit.key].facts)
        for scope in repository.scopes
        for placement in scope.placements
    )


def applications_of(scope: Scope) -> list[Placement]:
    """The placements of a scope that belong to an Application."""
    return [placement for placement in scope.placements if placement.application]


assert all(rule.id in RULES for rule in BY_CODE.values())  # noqa: S101 - a fault without a rule is a bug
