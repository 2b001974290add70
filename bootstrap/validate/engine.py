"""Runs the rules over a repository, one namespace at a time, and locates each finding.

The findings of a namespace are cached by its content: the next time, only namespaces whose objects
have changed are checked, unless something has changed that all of them depend on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace

from bootstrap.cel.evaluator import Evaluator
from bootstrap.layout.components import offered
from bootstrap.repository.charts.issuers import brings_no_issuers
from bootstrap.repository.kustomize import file_of
from bootstrap.repository.model import Repository, Scope
from bootstrap.repository.patched import Candidates
from bootstrap.resources.entrances import Entrances, classes, known
from bootstrap.resources.entrances import known as known_entrances
from bootstrap.resources.homes import gateway_labels, homes
from bootstrap.resources.index import APPLICATION, APPLICATION_SET, IN_CLUSTER, PROJECT, Index, Resource
from bootstrap.resources.pods import WORKLOADS, is_part
from bootstrap.resources.policies import MESH
from bootstrap.validate.admission.definitions import not_evaluated
from bootstrap.validate.admission.policy_findings import findings as policy_findings
from bootstrap.validate.applied import Applied
from bootstrap.validate.config import Settings, configured, record_findings
from bootstrap.validate.config import settings as configured_settings
from bootstrap.validate.created_secrets import judge
from bootstrap.validate.engine_apps import Members, apps_problems, unreachable
from bootstrap.validate.file_findings import file_findings, of_unit
from bootstrap.validate.own.read import Own
from bootstrap.validate.places import Places
from bootstrap.validate.present import Elsewhere, Placed, present
from bootstrap.validate.rule import SEVERITIES, ClusterContext, Finding, Problem
from bootstrap.validate.rules.api.pods import IMAGE
from bootstrap.validate.rules.api.schema import REQUIRED
from bootstrap.validate.rules.credentials import CREDENTIAL
from bootstrap.validate.rules.files import BY_CODE
from bootstrap.validate.ruleset import CHECKS, RULES, version
from bootstrap.validate.schemas import Known, reader


def check(repository: Repository, settings: Settings, own: Own | None = None) -> list[Finding]:
    """All findings, by file and line; `own` are the repository's own rules."""
    own = own or Own()
    places = Places(repository.files, _made_of(repository))
    found = list(file_findings(repository, places))
    schemas = reader(repository, settings.kinds)
    elsewhere = Elsewhere(repository)
    with Evaluator() as cel:
        for scope in repository.scopes:
            found += _scope_findings(repository, scope, settings, schemas(scope), elsewhere, places, cel)
        found += policy_findings(repository, cel, places)
        applied = Applied(repository)
        found = [applied.judged(one) for one in found]
        found += record_findings(repository, places, settings.own)
        if own.rules or own.wrong:
            from bootstrap.validate.own.findings import findings as own_findings

            found += own_findings(repository, own, cel, places)
        if cel.is_missing and any(schemas(scope).schema().get("rules") for scope in repository.scopes):
            found.append(not_evaluated("the rules in CEL of CustomResourceDefinitions"))
    found += unreachable(repository, places)
    return _ordered(whole(repository, found), settings)


_OF_WHOLE = re.compile(rf"{REQUIRED.id}|GB2(?!07)\d\d|GB3\d\d")
"""Rules about what an object has, lacks or refers to."""


def whole(repository: Repository, found: Iterable[Finding]) -> Iterator[Finding]:
    """Without findings about what an object may still get from a kustomization that has it switched off."""
    off = repository.switched_off
    return (one for one in found if one.file not in off or not _OF_WHOLE.fullmatch(one.rule))


def _made_of(repository: Repository) -> Candidates:
    """The files of an Application and its units, read only where a field was patched."""
    made: dict[str, list[str]] = {}

    def of(application: str) -> list[str]:
        if not made:
            for scope in repository.scopes:
                for placement in scope.placements:
                    closure = repository.units[placement.unit.key].closure
                    made.setdefault(placement.application, []).extend(closure)
                for name, one in scope.by_name.items():
                    made.setdefault(name, []).append(one.file)
        return made.get(application, [])

    return of


def findings(
    repository: Repository, scope: Scope, namespaces: Collection[str] | None = None
) -> list[Finding]:
    """What `validate` finds in a scope, for traces and drawings.

    The repository's own settings and comments apply. `namespaces` are those to check besides the
    Applications, None for all. Findings about the files of an Application have no object,
    but its `application`. Nothing is merged: what several objects share is reported for each.
    """
    settings = configured_settings(None, None, configured(repository))
    places = Places(repository.files, _made_of(repository))
    known = reader(repository, settings.kinds)(scope)
    elsewhere = Elsewhere(repository)
    with Evaluator() as cel:
        found = list(_scope_findings(repository, scope, settings, known, elsewhere, places, cel, namespaces))
    for placement in scope.placements:
        is_applied = scope.complete or bool(placement.application)
        for finding in of_unit(repository.units[placement.unit.key], places, is_applied):
            found.append(replace(finding, application=placement.application))
    if not scope.complete:
        found += unreachable(repository, places, each=True)
    applied = Applied(repository)
    chosen = (applied.judged(one) for one in whole(repository, found) if one.rule in settings.rules)
    return [replace(one, severity=settings.severities.get(one.rule, one.severity)) for one in chosen]


def _ordered(found: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Without what is switched off and without repetitions (a base that several overlays use)."""
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


# -- one scope -----------------------------------------------------------------------------


_OF_MESH = {"DestinationRule.networking.istio.io", "PeerAuthentication.security.istio.io"}
"""Public only in the mesh's own namespace, where they apply to all others."""
_APPS_ALONE = {APPLICATION, APPLICATION_SET, PROJECT}
"""Public, but irrelevant to the rules of a namespace."""


@dataclass(frozen=True)
class _Target:
    """One destination cluster of a scope: what its namespaces may depend on, and its checksum."""

    context: ClusterContext
    key: str


def _scope_findings(
    repository: Repository,
    scope: Scope,
    settings: Settings,
    known: Known,
    elsewhere: Elsewhere,
    places: Places,
    cel: Evaluator,
    only: Collection[str] | None = None,
) -> Iterator[Finding]:
    refused = judge(repository, scope)
    namespaced = repository.namespaced(scope)
    groups: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, placement in enumerate(scope.placements):
        for number, fact in enumerate(repository.units[placement.unit.key].facts):
            namespace = namespaced(fact, placement)
            groups[(placement.cluster, namespace)][place].append(number)
    there = present(repository, scope, elsewhere)
    clusters = {cluster for cluster, _ in groups}
    targets = {cluster: _target(repository, scope, cluster, settings, known, cel) for cluster in clusters}
    keys = {
        (cluster, namespace): _group_key(repository, scope, targets[cluster], namespace, members)
        for (cluster, namespace), members in groups.items()
    }
    stored = repository.store.get_many(keys.values())
    for (cluster, namespace), members in groups.items():
        if only is not None and namespace not in only:
            continue
        key = keys[(cluster, namespace)]
        if key in stored:
            found = [Placed(Finding(**one), unless, given) for one, unless, given in stored[key]]
        else:
            found = _group_findings(repository, scope, targets[cluster], namespace, members, places)
            repository.store.put(key, [(asdict(one.finding), one.unless, one.given) for one in found])
        for one in found:
            if (finding := there.judged(one, cluster)) is not None:
                yield finding
    for problem in [*refused, *apps_problems(repository, scope, groups)]:
        if placed_at := places.place(problem):
            yield placed_at


def _target(
    repository: Repository, scope: Scope, cluster: str, settings: Settings, known: Known, cel: Evaluator
) -> _Target:
    opaque = {namespace for where, namespace in scope.opaque if where == cluster}
    groups = frozenset(RULES[one].group for one in settings.rules if one in RULES) - {""}
    resources: list[Resource] = []
    built = []
    complete = scope.complete and cluster not in scope.unreadable
    digest = hashlib.sha256(
        f"{version()} {complete} {settings.kubernetes} {known.key} {cel.is_missing} {sorted(groups)}".encode()
    )
    images = set(scope.charts)
    for placement in scope.placements:
        if placement.cluster != cluster:
            continue
        unit = repository.units[placement.unit.key]
        images.update(unit.images)
        built += [
            (fact[1] or placement.namespace, unit.images) for fact in unit.facts if fact[0] in WORKLOADS
        ]
        for number, body in unit.public.items():
            fact = unit.facts[number]
            if fact[0] not in _APPS_ALONE:
                one = repository.resource(placement, fact, body, repository.namespaced(scope))
                if fact[0] in _OF_MESH and one.namespace != MESH:
                    continue
                resources.append(one)
                digest.update(f"\0{placement.namespace}\0{unit.digests[number]}".encode())
    entrances = known_entrances(scope.applications, built, cluster)
    issuers = complete and all(
        brings_no_issuers(one.what, scope.by_name.get(one.application), repository.files)
        for one in scope.unknown
        if one.cluster == cluster
    )
    off = classes_off(repository, scope, cluster, entrances)
    lived_in = homes(scope.applications, built, cluster)
    gateways = gateway_labels(scope.applications, cluster)
    parts = [sorted(opaque), sorted(images), entrances, issuers, sorted(off), gateways]
    parts.append({chart: sorted(namespaces) for chart, namespaces in lived_in.items()})
    digest.update(json.dumps(parts, sort_keys=True).encode())
    public = Index(resources, opaque)
    context = ClusterContext(
        public,
        complete,
        cluster,
        frozenset(images),
        settings.kubernetes,
        known.schema,
        entrances,
        issuers,
        off,
        lived_in,
        gateways,
        cel,
        groups,
    )
    return _Target(context, digest.hexdigest())


def _group_key(
    repository: Repository, scope: Scope, target: _Target, namespace: str, members: Members
) -> str:
    """The checksum of all that the findings of a namespace depend on."""
    parts = [target.key, namespace]
    for place in members:
        placement = scope.placements[place]
        parts += [placement.application, repository.units[placement.unit.key].key]
    parts += [str(scope.digests.get(name)) for name in _applications(scope, members)]
    parts += [str(sorted((key, sorted(keys)) for key, keys in scope.promised_in(namespace).items()))]
    return f"found:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"


def _applications(scope: Scope, members: Members) -> list[str]:
    return sorted({scope.placements[place].application for place in members})


def _group_findings(
    repository: Repository,
    scope: Scope,
    target: _Target,
    namespace: str,
    members: Members,
    places: Places,
) -> list[Placed]:
    own = _applications(scope, members)
    promised = scope.promised_in(namespace)
    applications = {name: scope.by_name[name] for name in own if name in scope.by_name}
    public = target.context.public
    resources = list(_load(repository, scope, members))
    index = Index(resources, public.opaque, promised, applications, beyond=public)
    return [
        Placed(finding, problem.unless, problem.given)
        for check_group in CHECKS
        for problem in check_group(index, target.context)
        if scope.complete or not _is_of_part(problem)
        if (finding := places.place(problem))
    ]


def _is_of_part(problem: Problem) -> bool:
    """Whether the problem is what a patch, which nothing applies by itself, leaves to what it patches."""
    applied = problem.resource.application or problem.rule in (IMAGE, CREDENTIAL)
    return not applied and is_part(problem.resource)


def _load(repository: Repository, scope: Scope, members: Members) -> Iterator[Resource]:
    namespaced = repository.namespaced(scope)
    for place, numbers in members.items():
        placement = scope.placements[place]
        bodies = repository.bodies(placement)
        unit = repository.units[placement.unit.key]
        for number in numbers:
            yield repository.resource(placement, unit.facts[number], bodies[number], namespaced)


def objects_of(repository: Repository) -> int:
    """The number of objects that were checked in the named folder."""
    return sum(
        sum(repository.is_within(fact[3]) for fact in facts) if repository.within else len(facts)
        for scope in repository.scopes
        for placement in scope.placements
        for facts in (repository.units[placement.unit.key].facts,)
    )


assert all(rule.id in RULES for rule in BY_CODE.values())  # noqa: S101 - a fault without a rule is a bug


def classes_off(repository: Repository, scope: Scope, cluster: str, entrances: Entrances) -> frozenset[str]:
    """The ingress and gateway classes of controllers that are switched off; `entrances`: those that run."""
    path = file_of(repository.files, scope.root)
    if not scope.complete or path is None or cluster != IN_CLUSTER:
        return frozenset()
    off = {
        component.folder(scope.root)
        for component in offered(repository.files.read(path)).values()
        if not component.on
    }
    applications = [
        application for one in repository.scopes if one.root in off for application in one.applications
    ]
    return frozenset(classes(known(applications, (), cluster)) - classes(entrances))
