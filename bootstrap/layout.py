"""Pure: catalog + settings → the files of a user's repository.

`shipped` puts the catalog's files in their places unchanged; `edited` makes the handful of edits
that a cluster's settings need. Both give path (from the repository's root) → content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from bootstrap import components, splice
from bootstrap.errors import InputError
from bootstrap.settings import Settings

TEMPLATE = "clusters/default/"
MANIFEST = "infrastructure/argocd/manifests/install.yaml"
ARGOCD = "argocd"
PATHS_ANNOTATION = "argocd.argoproj.io/manifest-generate-paths"

Files = Mapping[str, bytes]


def shipped(catalog: Files, manifest: bytes | None, settings: Settings) -> dict[str, bytes]:
    """The catalog as it is, below `--path`, its cluster template under this cluster's name."""
    files: dict[str, bytes] = {}
    for path, content in catalog.items():
        if path.startswith(TEMPLATE):
            files[f"{settings.folder}/{path.removeprefix(TEMPLATE)}"] = content
        elif not path.startswith("clusters/"):
            files[settings.prefix + path] = content
    if manifest is not None:
        files[settings.prefix + MANIFEST] = manifest
    return files


def edited(files: Files, settings: Settings, shared_domain: str | None = None) -> dict[str, bytes]:
    """`files` with this cluster's settings. `shared_domain` is the apps' (default: this cluster's)."""
    result = dict(files)
    kustomization = f"{settings.folder}/kustomization.yaml"
    if kustomization in result:
        result[kustomization] = _switch(result[kustomization], settings)
    for path, content in files.items():
        if path.startswith(f"{settings.folder}/"):
            result[path] = _edit_cluster_file(path, result[path], settings)
        elif "/overlays/" in path and path.endswith("/settings.yaml"):
            result[path] = _edit_overlay(path, content, shared_domain or settings.domain)
        if settings.prefix and path.endswith(".yaml") and b"kind: Application" in content:
            result[path] = _prefix_paths(path, result[path], settings)
    return result


def offered(files: Files, settings: Settings) -> dict[str, components.Component]:
    """The components that the cluster's kustomization names."""
    return components.offered(files.get(f"{settings.folder}/kustomization.yaml", b""))


def enabled_applications(files: Files, settings: Settings) -> Iterator[dict[str, Any]]:
    """The Applications of every component that is on, as they lie in their folders."""
    import posixpath

    for component in offered(files, settings).values():
        if component.on:
            folder = posixpath.normpath(posixpath.join(settings.folder, component.entry))
            for path in sorted(files):
                if posixpath.dirname(path) == folder and path.endswith(".yaml"):
                    yield from (item for item in documents(files[path], path) if _is_application(item))


def documents(text: bytes, where: str) -> list[Any]:
    """Parse a multi-document YAML file; InputError with file, line and column."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return [item for item in YAML(typ="safe", pure=True).load_all(StringIO(text.decode())) if item]
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise InputError(
            f"reading {where}", str(error.problem), "mend the YAML and push it", place
        ) from error
    except (YAMLError, UnicodeDecodeError) as error:
        found = str(error).splitlines()[0]
        raise InputError(f"reading {where}", found, "mend the YAML and push it", where) from error


def _switch(kustomization: bytes, settings: Settings) -> bytes:
    offers = components.offered(kustomization)
    without = list(settings.without_components)
    if settings.adopted and ARGOCD in offers:
        without.append(ARGOCD)  # an adopted Argo CD stays in the hands of whoever installed it
    for component in components.choose(offers, settings.with_components, "--with"):
        if component.name not in without:
            kustomization = splice.set_listed(kustomization, component.entry, on=True)
    for component in components.choose(offers, without, "--without"):
        kustomization = splice.set_listed(kustomization, component.entry, on=False)
    return kustomization


def _edit_cluster_file(path: str, content: bytes, settings: Settings) -> bytes:
    name = path.removeprefix(f"{settings.folder}/")
    if name == "settings.yaml":
        values = {
            "repoURL": settings.repo_url,
            "revision": settings.branch,
            "cluster": settings.cluster,
            "domain": settings.domain,
            "storageClass": settings.storage_class,
        }
        return _set(path, content, {(0, "data", key): value for key, value in values.items()})
    if name == "root.yaml":
        source = (0, "spec", "sources", ("ref", "repo"))
        edits = {
            (*source, "repoURL"): settings.repo_url,
            (*source, "targetRevision"): settings.branch,
            (*source, "path"): f"clusters/{settings.cluster}",  # the prefix is added with the others'
        }
        return _set(path, content, edits)
    if name == "projects.yaml":
        return _edit_projects(path, content, settings)
    return content


def _edit_projects(path: str, content: bytes, settings: Settings) -> bytes:
    """The AppProjects name this repository where the template names the example."""
    from bootstrap.catalog import EXAMPLE_REPOSITORY

    edits = {
        (document, "spec", "sourceRepos", index): settings.repo_url
        for document, project in enumerate(documents(content, path))
        for index, source in enumerate(project["spec"].get("sourceRepos") or ())
        if source == EXAMPLE_REPOSITORY
    }
    return _set(path, content, edits)


def _edit_overlay(path: str, content: bytes, domain: str) -> bytes:
    """An overlay's hosts end in the cluster's domain where they end in the example's."""
    from bootstrap.catalog import EXAMPLE_DOMAIN

    edits: dict[tuple[Any, ...], str] = {}
    for number, document in enumerate(documents(content, path)):
        for key, value in (document.get("data") or {}).items():
            if str(value) == EXAMPLE_DOMAIN or str(value).endswith(f".{EXAMPLE_DOMAIN}"):
                edits[(number, "data", key)] = str(value).removesuffix(EXAMPLE_DOMAIN) + domain
    return _set(path, content, edits)


def _prefix_paths(path: str, content: bytes, settings: Settings) -> bytes:
    """Paths inside Applications start at the repository's root: put `--path` before them."""
    edits: dict[tuple[Any, ...], str] = {}
    for number, document in enumerate(documents(content, path)):
        if not _is_application(document):
            continue
        annotations = document["metadata"].get("annotations") or {}
        if paths := annotations.get(PATHS_ANNOTATION):
            moved = ";".join(f"/{settings.prefix}{one.lstrip('/')}" for one in paths.split(";"))
            edits[(number, "metadata", "annotations", PATHS_ANNOTATION)] = moved
        for index, source in enumerate(document["spec"]["sources"]):
            at = (number, "spec", "sources", index)
            if source.get("ref") == "repo" and "path" in source:
                edits[(*at, "path")] = settings.prefix + source["path"]
            for place, values in enumerate((source.get("helm") or {}).get("valueFiles") or ()):
                if values.startswith("$repo/"):
                    moved = f"$repo/{settings.prefix}{values.removeprefix('$repo/')}"
                    edits[(*at, "helm", "valueFiles", place)] = moved
    return _set(path, content, edits)


def _is_application(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == "Application"


def _set(path: str, content: bytes, edits: Mapping[tuple[Any, ...], str]) -> bytes:
    for place, value in edits.items():
        content = splice.replace_scalar(content, place, value)
    return content
