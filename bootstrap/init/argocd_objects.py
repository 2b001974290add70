"""Pure: the objects of Argo CD itself, from its folder in the repository, as kustomize would render them.

`init` needs no kustomize: this module supports only what the catalog's own kustomization uses,
and tests compare the result with that of kustomize. Users' additions are left to Argo CD to
apply, once it manages itself; `unknown` lists them.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.layout.files import MANIFEST
from bootstrap.layout.settings import Settings
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.reader import documents

MERGED_KINDS = ("ConfigMap", "Secret", "Namespace")
"""Kinds whose strategic merge is a plain merge of mappings: no list in them has a merge key."""
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_KNOWN = {"apiVersion", "kind", "metadata", "namespace", "resources", "patches", "images"}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")
_IMAGE = re.compile(rb"^([ \t]*(?:- )?image:[ \t]*)([\"']?)([^\s\"'#]+)\2", re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """`unknown`: the parts of the kustomization that were not applied, a phrase each."""

    objects: tuple[ClusterObject, ...]
    unknown: tuple[str, ...] = ()


def render(files: Mapping[str, bytes], settings: Settings) -> Rendered:
    """The objects of the folder with Argo CD's manifest; InputError when it is missing or broken."""
    folder = settings.prefix + posixpath.dirname(MANIFEST)
    path = f"{folder}/kustomization.yaml"
    if path not in files:
        raise InputError(
            "reading Argo CD's manifest",
            f"{path} is not in the repository",
            "lay it out with bootstrap init, or use an existing Argo CD with --adopt",
        )
    kustomization = _mapping(documents(files[path], path), path)
    unknown = [f"{path}: {key}" for key in kustomization if kustomization[key] and key not in _KNOWN]
    objects: list[ClusterObject] = []
    for entry in kustomization.get("resources") or ():
        place = posixpath.normpath(f"{folder}/{entry}")
        if place in files:
            objects += split.split(files[place], place)
        else:
            unknown.append(f"{path}: resources: {entry}")
    for entry in kustomization.get("patches") or ():
        unknown += _patch(objects, entry, files, folder)
    for entry in kustomization.get("images") or ():
        objects = [_with_image(item, entry) if item.kind in WORKLOADS else item for item in objects]
    namespace = str(kustomization.get("namespace") or settings.argocd_namespace)
    if not any(item.kind == "Namespace" and item.name == namespace for item in objects):
        objects.insert(0, _made({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
    return Rendered(tuple(_in_namespace(objects, namespace)), tuple(unknown))


def merged(item: ClusterObject, patch: Mapping[str, Any], where: str = "") -> ClusterObject:
    """An object with a patch merged into it: mappings key by key, None removes; sent as JSON."""
    content = _mapping(documents(item.text, where or str(item)), where or str(item))
    made = _made(_merge(content, patch))
    return replace(made, namespace=item.namespace)


def _with_image(item: ClusterObject, entry: Mapping[str, Any]) -> ClusterObject:
    """The object with an entry of `images` (name, newName, newTag, digest) applied."""

    def renamed(match: re.Match[bytes]) -> bytes:
        name, tag, digest = _parts(match[3].decode("utf-8", "replace"))
        if name != entry.get("name"):
            return match[0]
        if entry.get("newTag") or entry.get("digest"):
            tag, digest = str(entry.get("newTag") or ""), str(entry.get("digest") or "")
        image = (
            str(entry.get("newName") or name) + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
        )
        return match[1] + match[2] + image.encode() + match[2]

    text = _IMAGE.sub(renamed, item.text)
    return item if text == item.text else replace(item, text=text)


def _parts(image: str) -> tuple[str, str, str]:
    name, _, digest = image.partition("@")
    bare, colon, tag = name.rpartition(":")
    return (bare, tag, digest) if colon and "/" not in tag else (name, "", digest)


def _patch(objects: list[ClusterObject], entry: Any, files: Mapping[str, bytes], folder: str) -> list[str]:
    """Apply one entry of `patches`; returns what could not be done."""
    if not isinstance(entry, dict) or set(entry) - {"path", "patch", "target"} or entry.get("target"):
        return [f"{folder}: a patch with a target or options"]
    name = str(entry.get("path") or "an inline patch")
    place = posixpath.normpath(f"{folder}/{name}")
    text = str(entry["patch"]).encode() if "patch" in entry else files.get(place)
    if text is None:
        raise InputError(f"reading {folder}", f"its patch {name} is missing", "restore the file", place)
    unknown = []
    for patch in documents(text, place):
        if not isinstance(patch, dict) or patch.get("kind") not in MERGED_KINDS or _has_directive(patch):
            unknown.append(f"{place}: a patch of a kind other than {', '.join(MERGED_KINDS)}")
            continue
        wanted = (patch.get("kind"), (patch.get("metadata") or {}).get("name"))
        found = [number for number, item in enumerate(objects) if (item.kind, item.name) == wanted]
        if not found:
            raise InputError(
                f"patching {wanted[0]} {wanted[1]}",
                "the manifest has no such object",
                "fix the patch",
                place,
            )
        for number in found:
            objects[number] = merged(objects[number], patch, place)
    return unknown


def _in_namespace(objects: list[ClusterObject], namespace: str) -> list[ClusterObject]:
    """The objects; bindings name the namespace of their service accounts, as kustomize's `namespace:` does.

    Without that, Argo CD (which manages itself from kustomize's result) and `init` would each set the
    whole list of subjects, and differ forever.
    """
    accounts = {item.name for item in objects if item.kind == "ServiceAccount"}
    return [_bound(item, accounts, namespace) if item.kind in _BINDINGS else item for item in objects]


def _bound(item: ClusterObject, accounts: set[str], namespace: str) -> ClusterObject:
    content = _mapping(documents(item.text, str(item)), str(item))
    subjects = [
        {**subject, "namespace": namespace}
        if subject.get("kind") == "ServiceAccount" and subject.get("name") in accounts
        else subject
        for subject in content.get("subjects") or ()
    ]
    if subjects == content.get("subjects"):
        return item
    return replace(_made({**content, "subjects": subjects}), namespace=item.namespace)


def _has_directive(patch: Any) -> bool:
    """Whether it has one of kustomize's directives (`$patch: delete` and the like)."""
    if isinstance(patch, dict):
        return any(str(key).startswith("$") or _has_directive(value) for key, value in patch.items())
    return False


def _merge(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(content)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merge(result[key], value)
        else:
            result[key] = value
    return result


def _made(content: Mapping[str, Any]) -> ClusterObject:
    metadata = content["metadata"]
    return ClusterObject(
        content["apiVersion"],
        content["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
        json.dumps(content).encode(),
    )


def _mapping(found: list[Any], where: str) -> dict[str, Any]:
    if len(found) != 1 or not isinstance(found[0], dict):
        raise InputError(f"reading {where}", "it is not a single mapping", "restore the file", where)
    return found[0]
