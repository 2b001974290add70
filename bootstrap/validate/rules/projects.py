"""What AppProjects permit: repositories, destinations and kinds of the Applications in them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.git.urls import same_repository
from bootstrap.repository.scoped import SCOPED
from bootstrap.repository.source import is_open
from bootstrap.resources.applications import destination, sources
from bootstrap.resources.index import (
    IN_CLUSTER,
    PROJECT,
    Resource,
    dig,
    is_cluster_scoped,
    mapping,
    mappings,
    sequence,
)
from bootstrap.resources.projects import permission
from bootstrap.validate.rule import Apps, Problem, Rule, Severity, problem

REPOSITORY = Rule(
    "GB202",
    "repository-not-permitted",
    "error",
    "An Application uses a repository that its AppProject does not allow: it is never synced.",
    "add the repository to the AppProject's sourceRepos",
)
DESTINATION = Rule(
    "GB203",
    "destination-not-permitted",
    "error",
    "An Application's destination is not among those of its AppProject: it is never synced.",
    "add the destination to the AppProject, or choose another project",
)
KIND = Rule(
    "GB204",
    "kind-not-permitted",
    "error",
    "An Application applies a kind that its AppProject does not allow: its sync fails.",
    "allow the kind in the AppProject, or move the object to another Application",
)
MISSING = Rule(
    "GB216",
    "project-missing",
    "error",
    "An Application names an AppProject that does not exist: it is never synced.",
    "correct spec.project, or add the AppProject",
)
DEFAULT = Rule(
    "GB219",
    "project-default",
    "info",
    "An Application is in the project `default`, which allows every repository, kind and namespace.",
    "give it an AppProject that allows what it needs",
)
WILDCARD = Rule(
    "GB409",
    "wildcard-project",
    "warning",
    "An AppProject allows every repository together with every kind and namespace: it protects nothing.",
    "name the repositories in sourceRepos",
)
REFUSED = Rule(
    "GB237",
    "secret-request-refused",
    "error",
    "An Application requests Secrets in its annotation that `bootstrap init` refuses to create.",
    "an Application may only request Secrets in its own namespace, where no other one deploys",
)


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    projects = {item.name: item for item in apps.public.of(PROJECT)}
    for project in projects.values():
        yield from _wildcards(project)
    by_application: dict[str, list[Any]] = {}
    for owned in apps.owned:
        by_application.setdefault(owned.application, []).append(owned)
    given: dict[str, list[str]] = defaultdict(list)
    for one in apps.public.of(SCOPED):
        for name in [str(one.spec["project"])] if one.spec.get("project") else projects:
            given[name].append(str(one.spec.get("url") or "*"))
    for application in apps.applications:
        name = str(application.spec.get("project") or "default")
        if name not in projects:
            if name == "default":
                message = f"{application} is in the project default"
                yield problem(DEFAULT, application, message, "spec", "project")
            elif projects and apps.complete and not apps.unread:
                near = names_near(name, projects)
                message = f"{application} is in the project {name}, which does not exist{near}"
                yield problem(MISSING, application, message, "spec", "project")
            continue
        project = projects[name]
        yield from _sources(application, project, given[name])
        yield from _destination(application, project)
        key = f"{application.namespace}/{application.name}"
        yield from _kinds(apps, application, project, by_application.get(key, ()))


def _sources(application: Resource, project: Resource, given: Sequence[str]) -> Iterator[Problem]:
    """`given` are the repositories that Secrets give to the project; one that is not known may be any."""
    allowed = [*(str(item) for item in sequence(project.spec.get("sourceRepos"))), *given]
    for source in sources(application.body):
        if not source.repo_url or is_open(source.repo_url):
            continue
        refused = any(item.startswith("!") and _fits_url(item[1:], source.repo_url) for item in allowed)
        # A deny rule allows everything else: that is how Argo CD reads it.
        if refused or not any(item[:1] == "!" or _fits_url(item, source.repo_url) for item in allowed):
            message = f"{application} uses {source.repo_url}, which project {project.name} does not allow"
            yield problem(REPOSITORY, application, message, *source.position, "repoURL")


def _fits_url(pattern: str, url: str) -> bool:
    """Whether a pattern matches a URL: `*` stops at a slash there, `**` does not."""
    if pattern == "*" or same_repository(pattern, url):
        return True
    parts = re.split(r"(\*+|\?)", pattern.lower().removesuffix(".git"))
    wild = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(wild.get(one) or (".*" if set(one) == {"*"} else re.escape(one)) for one in parts)
    return re.fullmatch(text, url.lower().removesuffix(".git")) is not None


def _destination(application: Resource, project: Resource) -> Iterator[Problem]:
    """As Argo CD reads the rules: one by one, and a denial of a namespace applies to every cluster."""
    cluster, namespace = destination(application.body)
    if is_open(f"{cluster} {namespace}"):
        return
    found = permission(project.body, cluster, namespace)
    if found.allowed:
        return
    level: Severity | None = None if found.refused or not _may_be(project, cluster, namespace) else "warning"
    message, fix = f"{application} goes to {namespace} of {cluster}, which project {project.name}", None
    message += f" refuses ({found.refused})" if found.refused else " does not allow"
    if found.elsewhere:
        message += ": a rule with ! applies to every cluster, whatever server or name it has"
        fix = f"remove the rule with {found.refused}, and allow what may be used by name"
    if level == "warning":
        message += ", unless that cluster is one that it allows by its server or name"
    yield problem(DESTINATION, application, message, "spec", "destination", fix=fix, level=level)


def _may_be(project: Resource, cluster: str, namespace: str) -> bool:
    """Whether a rule that gives a cluster in the other way may mean this one: Argo CD knows both."""
    other = "name" if "://" in cluster else "server"
    return cluster != IN_CLUSTER and any(
        item.get(other) and fnmatchcase(namespace, str(item.get("namespace") or ""))
        for item in mappings(project.spec.get("destinations"))
        if str(item.get(other))[:1] != "!"
    )


def _kinds(apps: Apps, application: Resource, project: Resource, owned: Any) -> Iterator[Problem]:
    reported = set()
    for item in owned:
        if item.kind in reported:
            continue
        kind, _, group = item.kind.partition(".")
        cluster_scoped = item.namespace == "" and is_cluster_scoped(item.kind, {item.kind: True})
        start, named = ("cluster", item.resource.name) if cluster_scoped else ("namespace", "")
        white = project.spec.get(f"{start}ResourceWhitelist")
        black = _listed(project.spec.get(f"{start}ResourceBlacklist"), group, kind, named)
        listed = (white is None and not cluster_scoped) or _listed(white, group, kind, named)
        if black or not listed:
            reported.add(item.kind)
            what = "this object" if cluster_scoped and _by_name(project, kind) else "this kind"
            message = f"{item.resource}: project {project.name} does not allow {application.name} {what}"
            fix = "remove it from {}ResourceBlacklist" if black else "add it to {}ResourceWhitelist"
            fix = f"{fix.format(start)} of AppProject {project.name}, or let another Application apply it"
            yield problem(KIND, item.resource, message, "kind", fix=fix)


def _listed(items: Any, group: str, kind: str, name: str = "") -> bool:
    """Whether an entry matches; a name in it is a pattern, and only valid for cluster-scoped kinds."""
    return any(
        fnmatchcase(group, str(item.get("group", "")))
        and fnmatchcase(kind, str(item.get("kind", "")))
        and (not item.get("name") or fnmatchcase(name, str(item["name"])))
        for item in mappings(items)
    )


def _by_name(project: Resource, kind: str) -> bool:
    """Whether the project distinguishes objects of the kind by name."""
    lists = ("clusterResourceWhitelist", "clusterResourceBlacklist")
    entries = [item for name in lists for item in mappings(project.spec.get(name))]
    return any(item.get("name") and fnmatchcase(kind, str(item.get("kind", ""))) for item in entries)


def _wildcards(project: Resource) -> Iterator[Problem]:
    repositories = sequence(project.spec.get("sourceRepos"))
    kinds = mappings(project.spec.get("clusterResourceWhitelist"))
    everything = any(item.get("kind") == "*" and item.get("group") == "*" for item in kinds)
    anywhere = any(item.get("namespace") == "*" for item in mappings(project.spec.get("destinations")))
    if (
        "*" in repositories
        and anywhere
        and (everything or mapping(dig(project.body, "metadata")).get("name") != "default")
    ):
        message = (
            f"{project} allows every repository, in every "
            f"namespace{' and of every kind' if everything else ''}"
        )
        yield problem(WILDCARD, project, message, "spec", "sourceRepos")
