"""Pure: what the settings change in Argo CD itself: its images by digest, and whose commits it accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bootstrap.layout.settings import Settings
from bootstrap.manifests.reader import documents
from bootstrap.yamledit import edit

FOLDER = "infrastructure/argocd/manifests/"
KUSTOMIZATION = f"{FOLDER}kustomization.yaml"
KEYS = "patches/argocd-gpg-keys-cm.yaml"
"""The keys that Argo CD knows, from FOLDER. It is not a file of the catalog: `init` writes it once."""
MODE = "head"
"""Argo CD looks at the signature of the commit that it syncs; `strict` looks at all before it, too."""

Files = Mapping[str, bytes]


def edited(files: Files, clusters: list[Settings]) -> dict[str, bytes]:
    """The files that differ from those shipped, for clusters that share one Argo CD's folder."""
    result: dict[str, bytes] = {}
    plain = Settings(clusters[0].repo_url, clusters[0].branch, path=clusters[0].path)
    for settings in clusters:
        before = plain if settings is clusters[0] else settings
        result |= changed({**files, **result}, before, settings)
        result |= _projects({**files, **result}, settings) if settings.signed_by else {}
    return result


def changed(files: Files, before: Settings, after: Settings) -> dict[str, bytes]:
    """The edits between two settings of one cluster."""
    result: dict[str, bytes] = {}
    path = after.prefix + KUSTOMIZATION
    if path in files:
        content = files[path]
        was, are = dict(before.argocd_images or ()), dict(after.argocd_images or ())
        if was != are:
            content = _with_images(path, content, was, are)
        if before.signed_by != after.signed_by:
            content = _with_keys(path, content, bool(after.signed_by))
        if content != files[path]:
            result[path] = content
    asked = bool(before.signed_by or after.signed_by)
    if asked and (before.signed_by, before.repo_url) != (after.signed_by, after.repo_url):
        result |= _projects(files, after)
    return result


def key_file(settings: Settings, keys: Mapping[str, str]) -> dict[str, bytes]:
    """The file with the keys, where there are any to write."""
    return {settings.prefix + FOLDER + KEYS: key_map(keys)} if keys else {}


def key_map(keys: Mapping[str, str]) -> bytes:
    """The ConfigMap of Argo CD's keys: ID and public key in ASCII armor."""
    lines = [
        "# The public keys that Argo CD knows; `bootstrap init --signed-by` wrote them.",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        "  name: argocd-gpg-keys-cm",
        "data:",
    ]
    for name, armored in keys.items():
        lines.append(f"  {json.dumps(name)}: |")
        lines += [f"    {line}".rstrip() for line in armored.strip().splitlines()]
    return ("\n".join(lines) + "\n").encode()


def split_tag(image: str) -> tuple[str, str]:
    """Name and tag, as in kustomize's `images`; the tag is "" if there is none."""
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "")


def _with_images(path: str, content: bytes, was: Mapping[str, str], are: Mapping[str, str]) -> bytes:
    """kustomize's `images`, where an entry may also name another registry: that stays."""
    listed = [dict(entry) for entry in documents(content, path)[0].get("images") or ()]
    wanted = {name: (tag, digest) for image, digest in are.items() for name, tag in [split_tag(image)]}
    gone = {split_tag(image)[0] for image in was} - set(wanted)
    kept: list[dict[str, Any]] = []
    for entry in listed:
        name = str(entry.get("name"))
        if name in gone:
            entry = {key: value for key, value in entry.items() if key not in ("newTag", "digest")}
        if name in wanted:
            tag, digest = wanted.pop(name)
            entry = {key: value for key, value in entry.items() if key not in ("newTag", "digest")}
            entry |= {"newTag": tag, "digest": digest} if tag else {"digest": digest}
        if set(entry) != {"name"}:
            kept.append(entry)
    for name, (tag, digest) in wanted.items():
        kept.append(
            {"name": name, "newTag": tag, "digest": digest} if tag else {"name": name, "digest": digest}
        )
    return content if kept == listed else edit.put(content, (0, "images"), kept, path, "resources")


def _with_keys(path: str, content: bytes, on: bool) -> bytes:
    patches = [entry.get("path") for entry in documents(content, path)[0].get("patches") or ()]
    if on and KEYS not in patches:
        return edit.add_item(content, (0, "patches"), {"path": KEYS}, path)
    if not on and KEYS in patches:
        return edit.drop_item(content, (0, "patches", patches.index(KEYS)), path)
    return content


def _projects(files: Files, settings: Settings) -> dict[str, bytes]:
    """The cluster's AppProjects, with or without the condition."""
    path = f"{settings.folder}/projects.yaml"
    if path not in files:
        return {}
    content = files[path]
    for number, project in enumerate(documents(content, path)):
        place = (number, "spec", "sourceIntegrity")
        if settings.signed_by:
            content = edit.put(content, place, _integrity(settings), path, "sourceRepos")
        elif "sourceIntegrity" in project["spec"]:
            content = edit.put(content, place, {"git": {"policies": []}}, path)
    return {path: content} if content != files[path] else {}


def _integrity(settings: Settings) -> dict[str, Any]:
    """Only for this repository, in both spellings of its URL: no one else signs with these keys."""
    url = settings.repo_url
    other = url.removesuffix(".git") if url.endswith(".git") else f"{url}.git"
    policy = {
        "repos": [{"url": url}, {"url": other}],
        "gpg": {"mode": MODE, "keys": list(settings.signed_by)},
    }
    return {"git": {"policies": [policy]}}
