"""The sources and the destination of an Argo CD Application."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.git.urls import same_repository
from bootstrap.resources.index import IN_CLUSTER, dig, mapping, sequence

FINALIZER = "resources-finalizer.argocd.argoproj.io"
"""With it, alone or followed by `/foreground` or `/background`, an Application's objects go when it does."""
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
POLICY = "helm.sh/resource-policy"


def has_finalizer(application: Mapping[str, Any]) -> bool:
    """Whether what an Application applied is deleted with it."""
    finalizers = sequence(mapping(application.get("metadata")).get("finalizers"))
    return any(str(one).startswith(FINALIZER) for one in finalizers)


def sync_options(body: Mapping[str, Any]) -> list[str]:
    """The sync options in an object's own annotation, such as `Prune=false`, in their order."""
    annotations = mapping(mapping(body.get("metadata")).get("annotations"))
    return [part.strip() for part in str(annotations.get(SYNC_OPTIONS) or "").split(",")]


def kept_by(body: Mapping[str, Any], application: Mapping[str, Any]) -> str:
    """What keeps an object when its Application is deleted with its objects; "" if nothing does.

    As Argo CD decides it: the object's own option takes precedence over its Application's.
    """
    annotations = mapping(mapping(body.get("metadata")).get("annotations"))
    if annotations.get(POLICY) == "keep":
        return f"{POLICY}: keep"
    general = sequence(dig(application, "spec", "syncPolicy", "syncOptions"))
    for text in (*sync_options(body), *general):
        name, _, value = str(text).partition("=")
        if name.strip() == "Delete":
            return "Delete=false" if value.strip() == "false" else ""
    return ""


def folder_of(path: str) -> str:
    """A folder as the repository names it, "" for the top: without `./`, or slashes at its ends."""
    folder = posixpath.normpath(path.strip("/") or ".")
    return "" if folder == "." else folder


@dataclass(frozen=True)
class Source:
    """One source of an Application; `position` is where it is in the object."""

    repo_url: str
    revision: str
    path: str | None
    chart: str | None
    ref: str | None
    body: Mapping[str, Any]
    position: tuple[str | int, ...]

    @property
    def folder(self) -> str:
        """Its folder, as `folder_of` says it."""
        return folder_of(self.path or "")


def sources(application: Mapping[str, Any]) -> list[Source]:
    """The sources of an Application (`spec.sources`, `spec.source`, or that of `spec.sourceHydrator`).

    As in Argo CD's `HasMultipleSources`, an empty list of sources is none: `spec.source` counts.
    """
    spec = mapping(application.get("spec"))
    found = []
    items: list[tuple[Any, tuple[str | int, ...]]]
    if sequence(spec.get("sources")):
        items = [(item, ("spec", "sources", i)) for i, item in enumerate(sequence(spec["sources"]))]
    else:
        items = [(spec["source"], ("spec", "source"))] if "source" in spec else []
        dry = mapping(spec.get("sourceHydrator")).get("drySource")
        items += [(dry, ("spec", "sourceHydrator", "drySource"))] if dry else []
    for body, position in items:
        if isinstance(body, dict):
            found.append(
                Source(
                    repo_url=str(body.get("repoURL") or ""),
                    revision=str(body.get("targetRevision") or "HEAD"),
                    path=None if body.get("path") is None else str(body["path"]),
                    chart=str(body["chart"]) if body.get("chart") else None,  # "" counts as none
                    ref=None if body.get("ref") is None else str(body["ref"]),
                    body=body,
                    position=position,
                )
            )
    return found


def is_here(source: Source, repositories: Iterable[str]) -> bool:
    """Whether the source is in this repository (known by the URLs `repositories`)."""
    return source.chart is None and any(same_repository(source.repo_url, url) for url in repositories)


TO_BE_FILLED = re.compile(
    r"(?:^|/)(?:PLACEHOLDER|(?:CHANGE|REPLACE)[-_]?(?:ME|THIS)|patch-me[\w-]*|TODO|FIXME)(?=[/\s]|$)"
)
"""A part of a path that an overlay elsewhere, or a person, fills in."""


def referenced_values(
    application: Mapping[str, Any], repositories: Iterable[str]
) -> Iterator[tuple[Source, int, str]]:
    """The values files that sources name as `$ref/path` and that must be in this repository.

    Yields the source, the entry's index in helm.valueFiles, and the path as written.
    """
    found, urls = sources(application), list(repositories)
    here = {source.ref for source in found if source.ref and is_here(source, urls)}
    for source in found:
        for number, item in enumerate(sequence(mapping(source.body.get("helm")).get("valueFiles"))):
            ref, _, path = str(item).partition("/")
            is_open = "{{" in path or TO_BE_FILLED.search(path)
            if ref.startswith("$") and ref[1:] in here and not is_open:
                yield source, number, path


def destination(application: Mapping[str, Any]) -> tuple[str, str]:
    """The cluster (its server's URL or its name) and namespace that the Application applies to."""
    target = mapping(dig(application, "spec", "destination"))
    server = str(target.get("server") or "")
    cluster = str(target.get("name") or "") or server or IN_CLUSTER
    return (IN_CLUSTER if cluster == "in-cluster" else cluster, str(target.get("namespace") or ""))
