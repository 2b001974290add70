"""Pure: the edits of a layout whose Argo CD is not in the namespace `argocd`: one that was adopted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.layout.settings import ARGOCD_NAMESPACE as USUAL
from bootstrap.layout.settings import Settings
from bootstrap.manifests.reader import documents
from bootstrap.yamledit import edit

MONITOR = "infrastructure/monitoring/manifests/monitors/argocd.yaml"
KINDS = "Application|ApplicationSet|AppProject"
"""What Argo CD reads in its own namespace alone; kustomize takes it as a regular expression."""

_FIRST = re.compile(rb"(?m)^patches:[ \t]*(#.*)?\n(?=([ \t]*)- )")
"""The line above the first patch, and its indentation."""

Files = Mapping[str, bytes]


def changed(files: Files, before: str, after: Settings) -> dict[str, bytes]:
    """The files that name Argo CD's namespace, changed to that of the settings."""
    namespace = after.argocd_namespace
    if before == namespace:
        return {}
    here = after.folder
    edits = {
        f"{here}/kustomization.yaml": _patch,
        f"{here}/root.yaml": _root,
        f"{here}/projects.yaml": _projects,
        after.prefix + MONITOR: _monitor,
    }
    found = {
        path: change(files[path], before, namespace, path) for path, change in edits.items() if path in files
    }
    return {path: text for path, text in found.items() if text != files[path]}


def _patch(text: bytes, before: str, after: str, path: str) -> bytes:
    """The one patch that moves every Application of the cluster; other patches stay."""
    listed = documents(text, path)[0].get("patches") or []
    place = next((number for number, one in enumerate(listed) if _is_ours(one, before)), None)
    if place is not None:
        text = edit.drop_item(text, (0, "patches", place), path)
    if after == USUAL:
        return text
    wanted = {
        "target": {"group": "argoproj.io", "kind": KINDS},
        "patch": f'[{{"op": "add", "path": "/metadata/namespace", "value": "{after}"}}]',
    }
    kept = documents(text, path)[0].get("patches") or []
    if not kept:
        return edit.put(text, (0, "patches"), [wanted], path, "resources")
    result = _FIRST.sub(lambda found: found[0] + _item(wanted, found[2]), text, count=1)
    if documents(result, path)[0].get("patches") != [wanted, *kept]:
        found = "the list of patches is not written one to a line"
        raise InputError(
            "moving the Applications to Argo CD's namespace", found, f"add by hand: {wanted}", path
        )
    return result


def _item(wanted: Mapping[str, Any], indent: bytes) -> bytes:
    target = ", ".join(f"{key}: {value!r}".replace("'", '"') for key, value in wanted["target"].items())
    lines = (f"- target: {{{target}}}", f"  patch: {wanted['patch']!r}")
    return b"".join(indent + line.encode() + b"\n" for line in lines)


def _is_ours(one: Any, before: str) -> bool:
    return (one.get("target") or {}).get("kind") == KINDS and f'"{before}"' in str(one.get("patch"))


def _root(text: bytes, before: str, after: str, path: str) -> bytes:
    return edit.replace_scalars(
        text,
        {(0, "metadata", "namespace"): after, (0, "spec", "destination", "namespace"): after},
        where=path,
    )


def _projects(text: bytes, before: str, after: str, path: str) -> bytes:
    """Where the projects are, and that no app may deploy next to Argo CD, or own its Namespace."""
    edits: dict[tuple[Any, ...], str] = {}
    for number, project in enumerate(documents(text, path)):
        edits[number, "metadata", "namespace"] = after
        spec = project.get("spec") or {}
        for key, name, old in (
            ("destinations", "namespace", f"!{before}"),
            ("clusterResourceBlacklist", "name", before),
        ):
            for index, one in enumerate(spec.get(key) or ()):
                if one.get(name) == old:
                    edits[number, "spec", key, index, name] = old.replace(before, after)
    return edit.replace_scalars(text, edits, where=path)


def _monitor(text: bytes, before: str, after: str, path: str) -> bytes:
    names = ((documents(text, path)[0].get("spec") or {}).get("namespaceSelector") or {}).get(
        "matchNames"
    ) or []
    place = (0, "spec", "namespaceSelector", "matchNames")
    edits: dict[tuple[Any, ...], str] = {
        (*place, number): after for number, name in enumerate(names) if name == before
    }
    return edit.replace_scalars(text, edits, where=path) if edits else text
