"""Pure: catalog + settings → the files of a user's repository.

`shipped` puts the catalog's files in their places unchanged; `edited` makes the few edits
that the clusters' settings need; `changed` makes those that changed settings of an existing layout
need. All return path (from the repository's root) → content.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.layout import argocd_edits, argocd_namespace, components, edits
from bootstrap.layout.settings import ARGOCD_NAMESPACE, Settings
from bootstrap.manifests import reader

TEMPLATE = "clusters/default/"
MANIFEST = "infrastructure/argocd/manifests/install.yaml"

_APPLICATION = re.compile(rb"^kind: Application\s*$", re.MULTILINE)
"""At the start of a line: Argo CD's own manifest, which takes seconds to parse, has it indented."""
_OF_A_CLUSTER = re.compile(r"[^/]+/kustomization\.yaml")

Files = Mapping[str, bytes]


def shipped(catalog: Files, manifest: bytes | None, clusters: Sequence[Settings]) -> dict[str, bytes]:
    """The catalog unchanged, below `--path`, its cluster template under every cluster's name."""
    prefix = clusters[0].prefix
    files: dict[str, bytes] = {}
    for path, content in catalog.items():
        if path.startswith(TEMPLATE):
            for settings in clusters:
                files[f"{settings.folder}/{path.removeprefix(TEMPLATE)}"] = content
        elif not path.startswith("clusters/"):
            files[prefix + path] = content
    if manifest is not None:
        files[prefix + MANIFEST] = manifest
    return files


def recovered(files: Files, clusters: Sequence[Settings]) -> dict[str, bytes]:
    """The catalog that `shipped` was given, recovered from its result; empty if it is missing."""
    prefix = clusters[0].prefix
    # Any cluster's folder has the template: those of today may have had other names then.
    above = f"{prefix}clusters/"
    first = next((path for path in sorted(files) if _OF_A_CLUSTER.fullmatch(path.removeprefix(above))), "")
    here = f"{posixpath.dirname(first)}/" if first.startswith(above) else ""
    catalog: dict[str, bytes] = {}
    for path, content in files.items():
        inner = path.removeprefix(prefix)
        if not path.startswith(prefix) or inner == MANIFEST:
            continue
        if inner.startswith("clusters/"):
            if here and path.startswith(here):
                catalog[TEMPLATE + path.removeprefix(here)] = content
        elif inner.startswith(("apps/", "infrastructure/")):
            catalog[inner] = content
    return catalog


def edited(files: Files, clusters: Sequence[Settings]) -> dict[str, bytes]:
    """The result of `shipped` with its clusters' settings; the apps use those of the first one."""
    first = clusters[0]
    result = dict(files)
    for path in files:
        owner = next((one for one in clusters if path.startswith(f"{one.folder}/")), None)
        if owner:
            result[path] = edits.cluster_file(path, result[path], owner)
        elif edits.is_overlay_settings(path):
            result[path] = edits.overlay(path, result[path], edits.CATALOG, edits.Shared.from_settings(first))
        if first.prefix and path.endswith(".yaml") and _APPLICATION.search(files[path]):
            result[path] = edits.prefix_paths(path, result[path], first)
    result |= argocd_edits.edited(result, list(clusters))
    for settings in clusters:
        result |= argocd_namespace.changed(result, ARGOCD_NAMESPACE, settings)
    return result | edits.with_exporters(result, first, first.with_components)


def changed(
    files: Files,
    before: Settings,
    after: Settings,
    *,
    components_asked: tuple[Sequence[str], Sequence[str]] = ((), ()),
    is_apps: bool = True,
) -> dict[str, bytes]:
    """An existing layout with the differences between two settings of one cluster, and no other change.

    `components_asked` (on, off) are switched even if the settings already had them: a user may
    have switched them by hand since. `is_apps`: the apps' hosts and volumes follow this cluster's settings.
    """
    result = dict(files)
    here = f"{after.folder}/"
    old = edits.settings_values(before)
    values = {place: value for place, value in edits.settings_values(after).items() if value != old[place]}
    if values and here + "settings.yaml" in files:
        result[here + "settings.yaml"] = edits.set_scalars(
            here + "settings.yaml", files[here + "settings.yaml"], values
        )
    if (before.repo_url, before.branch) != (after.repo_url, after.branch):
        for path in (here + "root.yaml", here + "projects.yaml"):
            if path in files:
                result[path] = edits.references(path, files[path], before, after)
    result |= argocd_edits.changed(result, before, after)
    result |= argocd_namespace.changed(result, before.argocd_namespace, after)
    path = here + "kustomization.yaml"
    if path in files:
        on, off = components_asked
        adopted = after.adopted and not before.adopted
        result[path] = edits.switch(path, files[path], on, [*off, *([edits.ARGOCD] if adopted else [])])
    was, is_ = edits.Shared.from_settings(before), edits.Shared.from_settings(after)
    if is_apps and was != is_:
        for path in filter(edits.is_overlay_settings, files):
            result[path] = edits.overlay(path, files[path], was, is_)
    if is_apps and components_asked[0]:
        result |= edits.with_exporters(result, after, components_asked[0])
    return result


def missing(files: Files, settings: Settings) -> dict[str, str]:
    """Components of the cluster's kustomization whose folder does not exist: name → folder."""
    places = {name: component.folder(settings.folder) for name, component in offered(files, settings).items()}
    return {
        name: place
        for name, place in places.items()
        if place not in files and not any(path.startswith(f"{place}/") for path in files)
    }


def offered(files: Files, settings: Settings) -> dict[str, components.Component]:
    """The components that the cluster's kustomization names."""
    return components.offered(files.get(f"{settings.folder}/kustomization.yaml", b""))


def applications_in(files: Files, folder: str) -> Iterator[dict[str, Any]]:
    """The Applications in a component's folder."""
    for path in sorted(files):
        if posixpath.dirname(path) == folder and path.endswith(".yaml"):
            yield from (item for item in reader.documents(files[path], path) if reader.is_application(item))
