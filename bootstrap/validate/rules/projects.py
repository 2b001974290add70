"""What AppProjects permit: repositories, destinations and kinds of the Applications in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.git.urls import same_repository
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
from bootstrap.validate.rule import Apps, Problem, Rule, at

REPOSITORY = Rule(
    "GB202",
    "repository-not-permitted",
    "error",
    "An Application takes manifests from a repository that its AppProject does not allow: "
    "it is never synced.",
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
    "allow the kind in the AppProject (clusterResourceWhitelist), or move the object to another Application",
)
MISSING = Rule(
    "GB216",
    "project-missing",
    "error",
    "An Application names an AppProject that is not there: it is never synced.",
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


def check(apps: Apps) -> Iterator[Problem]:
    """Every rule of this module."""
    projects = {item.name: item for item in apps.public.of(PROJECT)}
    for project in projects.values():
        yield from _wildcards(project)
    by_application: dict[str, list[Any]] = {}
    for owned in apps.owned:
        by_application.setdefault(owned.application, []).append(owned)
    for application in apps.applications:
        name = str(application.spec.get("project") or "default")
        if name not in projects:
            if name == "default":
                message = f"{application} is in the project default"
                yield at(DEFAULT, application, message, "spec", "project")
            elif projects and apps.complete and not apps.unread:
                message = (
                    f"{application} is in the project {name}, which is not there{names_near(name, projects)}"
                )
                yield at(MISSING, application, message, "spec", "project")
            continue
        project = projects[name]
        yield from _sources(application, project)
        yield from _destination(application, project)
        key = f"{application.namespace}/{application.name}"
        yield from _kinds(apps, application, project, by_application.get(key, ()))


def _sources(application: Resource, project: Resource) -> Iterator[Problem]:
    allowed = [str(item) for item in sequence(project.spec.get("sourceRepos"))]
    for source in sources(application.body):
        refused = any(item.startswith("!") and _fits_url(item[1:], source.repo_url) for item in allowed)
        if refused or not any(_fits_url(item, source.repo_url) for item in allowed):
            message = f"{application} uses {source.repo_url}, and project {project.name} does not allow it"
            yield at(REPOSITORY, application, message, *source.position, "repoURL")


def _fits_url(pattern: str, url: str) -> bool:
    if pattern == "*" or same_repository(pattern, url):
        return True
    return fnmatchcase(url.lower().removesuffix(".git"), pattern.lower().removesuffix(".git"))


def _destination(application: Resource, project: Resource) -> Iterator[Problem]:
    cluster, namespace = destination(application.body)
    allowed = mappings(project.spec.get("destinations"))
    for item in allowed:
        pattern = str(item.get("namespace") or "")
        if pattern.startswith("!") and fnmatchcase(namespace, pattern[1:]) and _fits_cluster(item, cluster):
            message = f"{application} goes to {namespace}, which project {project.name} refuses ({pattern})"
            yield at(DESTINATION, application, message, "spec", "destination")
            return
    for item in allowed:
        pattern = str(item.get("namespace") or "")
        if not pattern.startswith("!") and fnmatchcase(namespace, pattern) and _fits_cluster(item, cluster):
            return
    message = f"{application} goes to {namespace} of {cluster}, which project {project.name} does not allow"
    yield at(DESTINATION, application, message, "spec", "destination")


def _fits_cluster(allowed: Mapping[str, Any], cluster: str) -> bool:
    server, name = str(allowed.get("server") or ""), str(allowed.get("name") or "")
    if name == "in-cluster":
        server = server or IN_CLUSTER
    return (bool(server) and fnmatchcase(cluster, server)) or (bool(name) and fnmatchcase(cluster, name))


def _kinds(apps: Apps, application: Resource, project: Resource, owned: Any) -> Iterator[Problem]:
    told = set()
    for item in owned:
        if item.kind in told:
            continue
        kind, _, group = item.kind.partition(".")
        cluster_scoped = item.namespace == "" and is_cluster_scoped(item.kind, {item.kind: True})
        if cluster_scoped:
            named = item.resource.name
            fine = _listed(project.spec.get("clusterResourceWhitelist"), group, kind, named) and not _listed(
                project.spec.get("clusterResourceBlacklist"), group, kind, named
            )
        else:
            white = project.spec.get("namespaceResourceWhitelist")
            fine = (white is None or _listed(white, group, kind)) and not _listed(
                project.spec.get("namespaceResourceBlacklist"), group, kind
            )
        if not fine:
            told.add(item.kind)
            what = "this kind" if not cluster_scoped or not _by_name(project, kind) else "this object"
            message = f"{item.resource}: project {project.name} does not allow {application.name} {what}"
            yield at(KIND, item.resource, message, "kind")


def _listed(items: Any, group: str, kind: str, name: str = "") -> bool:
    """Whether an entry fits; one with a name (a pattern), of cluster-scoped kinds alone, is for that name."""
    return any(
        fnmatchcase(group, str(item.get("group", "")))
        and fnmatchcase(kind, str(item.get("kind", "")))
        and (not item.get("name") or fnmatchcase(name, str(item["name"])))
        for item in mappings(items)
    )


def _by_name(project: Resource, kind: str) -> bool:
    """Whether the project tells objects of the kind apart by their names."""
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
        yield at(WILDCARD, project, message, "spec", "sourceRepos")
