"""Pure: the edits of single files of a layout that a cluster's settings need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bootstrap.core.names import GENERATE_PATHS, is_own_source
from bootstrap.layout import components
from bootstrap.layout.catalog import EXAMPLE_DOMAIN, EXAMPLE_REPOSITORY, EXAMPLE_STORAGE_CLASS
from bootstrap.layout.settings import Settings
from bootstrap.manifests.reader import documents, is_application
from bootstrap.yamledit import edit

ARGOCD = "argocd"
STORAGE_CLASS = "storageClass"
_ENVIRONMENT = re.compile(r"(?:\.\./)+apps/(?P<app>[^/]+)/applications/(?P<environment>[^/]+)/?")
_ALERTS = re.compile(r"(?:\.\./)+apps/(?P<app>[^/]+)/applications/monitoring/?")
_EXPORTERS = "../../components/monitoring"
"""An overlay's line for the exporters of an app and for scraping them."""


class Shared(NamedTuple):
    """The settings of a cluster that the apps' overlays use."""

    domain: str
    storage_class: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Shared:
        return cls(settings.domain, settings.storage_class)


CATALOG = Shared(EXAMPLE_DOMAIN, EXAMPLE_STORAGE_CLASS)
"""The values in the catalog as shipped."""


def switch(path: str, kustomization: bytes, on: Sequence[str], off: Sequence[str]) -> bytes:
    """Switch components; `off` wins over `all` in `on`."""
    offers = components.offered(kustomization)
    off = [name for name in off if name != ARGOCD or ARGOCD in offers]
    for component in components.choose(offers, on, "--with"):
        if component.name not in off:
            kustomization = edit.set_listed(kustomization, component.entry, on=True, where=path)
    for component in components.choose(offers, off, "--without"):
        kustomization = edit.set_listed(kustomization, component.entry, on=False, where=path)
    return kustomization


def settings_values(settings: Settings) -> dict[tuple[Any, ...], str]:
    """The values of a cluster's settings.yaml, by path."""
    values = {
        "repoURL": settings.repo_url,
        "revision": settings.branch,
        "cluster": settings.cluster,
        "domain": settings.domain,
        STORAGE_CLASS: settings.storage_class,
    }
    return {(0, "data", key): value for key, value in values.items()}


def cluster_file(path: str, content: bytes, settings: Settings) -> bytes:
    """A file of the cluster template, for this cluster."""
    name = path.removeprefix(f"{settings.folder}/")
    if name == "kustomization.yaml":
        # An adopted Argo CD stays managed by whoever installed it.
        off = [*settings.without_components, *([ARGOCD] if settings.adopted else [])]
        return switch(path, content, settings.with_components, off)
    if name == "settings.yaml":
        return set_scalars(path, content, settings_values(settings))
    if name == "root.yaml":
        source = (0, "spec", "sources", 0)
        edits = {
            (*source, "repoURL"): settings.repo_url,
            (*source, "targetRevision"): settings.branch,
            (*source, "path"): f"clusters/{settings.cluster}",  # the prefix is added later, with all others
        }
        return set_scalars(path, content, edits)
    if name == "projects.yaml":
        return _source_repositories(path, content, EXAMPLE_REPOSITORY, settings.repo_url)
    return content


def references(path: str, content: bytes, before: Settings, after: Settings) -> bytes:
    """The places where the root Application and the AppProjects name the repository and its branch."""
    if path.endswith("/projects.yaml"):
        return _source_repositories(path, content, before.repo_url, after.repo_url)
    source = (0, "spec", "sources", 0)
    edits = {(*source, "repoURL"): after.repo_url, (*source, "targetRevision"): after.branch}
    return set_scalars(path, content, edits)


def _source_repositories(path: str, content: bytes, before: str, after: str) -> bytes:
    edits = {
        (document, "spec", "sourceRepos", index): after
        for document, project in enumerate(documents(content, path))
        for index, source in enumerate(project["spec"].get("sourceRepos") or ())
        if source == before
    }
    return set_scalars(path, content, edits)


def with_exporters(files: Mapping[str, bytes], settings: Settings, named: Sequence[str]) -> dict[str, bytes]:
    """The overlays that get their Component `monitoring` because the app's alerts are among `named`.

    Its exporters provide the metrics of these alerts. Only overlays that run on the cluster, and only where
    the line is present as a comment.
    """
    kustomization = files.get(f"{settings.folder}/kustomization.yaml", b"")
    on = [component for component in components.offered(kustomization).values() if component.on]
    apps = {
        match["app"]
        for component in on
        if (match := _ALERTS.fullmatch(component.entry)) and {component.name, components.ALL} & set(named)
    }
    found: dict[str, bytes] = {}
    for component in on:
        match = _ENVIRONMENT.fullmatch(component.entry)
        if match is None or match["app"] not in apps:
            continue
        path = f"{settings.prefix}apps/{match['app']}/overlays/{match['environment']}/kustomization.yaml"
        if re.search(rb"^\s*#\s*- " + re.escape(_EXPORTERS).encode(), files.get(path, b""), re.MULTILINE):
            found[path] = edit.set_listed(files[path], _EXPORTERS, True, path, listed_in="components")
    return found


def is_overlay_settings(path: str) -> bool:
    return "/overlays/" in path and path.endswith("/settings.yaml")


def overlay(path: str, content: bytes, before: Shared, after: Shared) -> bytes:
    """Moves an overlay's hosts from the old domain to the new one; its StorageClasses likewise."""
    edits: dict[tuple[Any, ...], str] = {}
    for number, document in enumerate(documents(content, path)):
        for key, value in (document.get("data") or {}).items():
            if str(value) == before.domain or str(value).endswith(f".{before.domain}"):
                edits[(number, "data", key)] = str(value).removesuffix(before.domain) + after.domain
            elif key == STORAGE_CLASS and str(value) == before.storage_class:
                edits[(number, "data", key)] = after.storage_class
    return set_scalars(path, content, edits)


def prefix_paths(path: str, content: bytes, settings: Settings) -> bytes:
    """Paths in Applications start at the repository's root: prepend `--path` to them."""
    edits: dict[tuple[Any, ...], str] = {}
    for number, document in enumerate(documents(content, path)):
        if not is_application(document):
            continue
        annotations = document["metadata"].get("annotations") or {}
        if paths := annotations.get(GENERATE_PATHS):
            moved = ";".join(f"/{settings.prefix}{one.lstrip('/')}" for one in paths.split(";"))
            edits[(number, "metadata", "annotations", GENERATE_PATHS)] = moved
        for index, source in enumerate(document["spec"]["sources"]):
            at = (number, "spec", "sources", index)
            own = (
                is_own_source(source) or source.get("repoURL") == settings.repo_url
            )  # the root's is filled in
            if own and "path" in source:
                edits[(*at, "path")] = settings.prefix + source["path"]
            for place, values in enumerate((source.get("helm") or {}).get("valueFiles") or ()):
                if values.startswith("$repo/"):
                    moved = f"$repo/{settings.prefix}{values.removeprefix('$repo/')}"
                    edits[(*at, "helm", "valueFiles", place)] = moved
    return set_scalars(path, content, edits)


def set_scalars(path: str, content: bytes, edits: Mapping[tuple[Any, ...], str]) -> bytes:
    return edit.replace_scalars(content, edits, where=path) if edits else content
