"""Asks kustomize what a kustomization renders when its files alone do not show it.

Its files are written to a separate folder, as they are or as an edit leaves them, and built there,
several in parallel. If there is no kustomize, the result says so.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bootstrap.core import on_path
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.edit.files import Files
from bootstrap.image.render import Container, Rendered, render, split, through
from bootstrap.yamledit.walk import Place

_AT_ONCE = 4


class ByKustomize:
    """Renders from the files, and with kustomize where they leave something open.

    Results are cached by content, so that an edit that is tried again at a new tip rebuilds only what has
    changed.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._program: str | None = None
        self._looked = False
        self._built: dict[str, list[Container] | str] = {}

    def many(self, wanted: Sequence[tuple[str, Files]]) -> list[Rendered]:
        found = [render(path, files) for path, files in wanted]
        open_ = [number for number, one in enumerate(found) if one.unsure]
        jobs: dict[str, tuple[str, Mapping[str, bytes]]] = {}
        keys: dict[int, tuple[str, str]] = {}
        for number in open_:
            path, files = wanted[number]
            reason = self._cannot(found[number])
            if reason:
                found[number].unbuilt = reason
                continue
            contents = _contents(found[number], files)
            pair = []
            for variant in (contents, {**contents, path: _without_entries(contents[path])}):
                key = _key(path, variant)
                jobs.setdefault(key, (path, variant))
                pair.append(key)
            keys[number] = (pair[0], pair[1])
        self._build({key: job for key, job in jobs.items() if key not in self._built})
        for number, (final, before) in keys.items():
            found[number] = _with(found[number], self._built[before], self._built[final])
        return found

    def _cannot(self, one: Rendered) -> str:
        """Why kustomize cannot be asked; "" when it can."""
        if one.unread:
            return f"{one.unread[0]} is not here"
        if not self._looked:
            self._program, self._looked = _program(self._invocation), True
        return "" if self._program else "kustomize is not on PATH"

    def _build(self, jobs: Mapping[str, tuple[str, Mapping[str, bytes]]]) -> None:
        if not jobs:
            return
        from concurrent.futures import ThreadPoolExecutor

        program = self._program or ""
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(jobs))) as pool:
            answers = pool.map(lambda job: _build(program, *job), jobs.values())
            self._built.update(zip(jobs, answers, strict=True))


def _program(invocation: Invocation) -> str | None:
    """The kustomize on PATH or in the cache of programs; none is downloaded or built for this."""
    found = on_path.find("kustomize", invocation.environ)
    if found is not None:
        return found
    from bootstrap.programs import cache
    from bootstrap.programs.pinned import BY_NAME

    placed = cache.find(BY_NAME["kustomize"], invocation)
    return str(placed.path) if placed else None


def _contents(one: Rendered, files: Files) -> dict[str, bytes]:
    """Every file that kustomize opens."""
    from bootstrap.repository import kustomize

    tree = _Tree(files)
    closure = kustomize.closure(tree, posixpath.dirname(one.path))
    paths = {*one.files, *closure.files}
    return {path: content for path in sorted(paths) if (content := files.read(path)) is not None}


class _Tree:
    """The files in the form that repository/kustomize.py follows."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._mappings: dict[str, Mapping[str, Any] | None] = {}

    def has(self, path: str) -> bool:
        return self._files.read(path) is not None

    def is_folder(self, path: str) -> bool:
        return not self.has(path) and any(True for _ in self._files.under(path))

    def below(self, folder: str) -> list[str]:
        return list(self._files.under(folder))

    def mapping(self, path: str) -> Mapping[str, Any] | None:
        if path not in self._mappings:
            content = self._files.read(path)
            self._mappings[path] = _mapping(content) if content is not None else None
        return self._mappings[path]


def _mapping(content: bytes) -> Mapping[str, Any] | None:
    from bootstrap.manifests.reader import load_all

    try:
        documents = [one for one in load_all(content.decode("utf-8-sig")) if isinstance(one, dict)]
    except (InputError, ValueError):
        return None
    return documents[0] if documents else None


def _without_entries(content: bytes) -> bytes:
    """The kustomization without `images:`."""
    import json

    found = _mapping(content) or {}
    return json.dumps({key: value for key, value in found.items() if key != "images"}, default=str).encode()


def _key(path: str, contents: Mapping[str, bytes]) -> str:
    import hashlib

    found = hashlib.sha256(path.encode())
    for name, content in contents.items():
        found.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def _build(program: str, path: str, contents: Mapping[str, bytes]) -> list[Container] | str:
    """The containers that kustomize renders, or why it fails."""
    from bootstrap.core import scratch
    from bootstrap.repository.tools import Overlay, build_many

    with scratch.folder("render") as folder:
        root = folder / "repository"
        for file, content in contents.items():
            target = root / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        built = build_many(root, [Overlay(posixpath.dirname(path))], program)[0]
    if built.error is not None:
        return built.error
    return [image for body, _ in built.objects for image in _containers(body)]


def _containers(body: Mapping[str, Any]) -> list[Container]:
    metadata = body.get("metadata") or {}
    name = "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))
    return list(_below(body, (), str(body.get("kind", "")), name))


def _below(node: Any, path: Place, kind: str, name: str) -> list[Container]:
    found: list[Container] = []
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        here = (*path, key)
        found += _below(value, here, kind, name)
        image = value.get("image") if isinstance(value, dict) else None
        if path and path[-1] in ("containers", "initContainers", "ephemeralContainers"):
            text = image
        elif path and path[-1] == "volumes" and isinstance(image, dict):
            text = image.get("reference")
        else:
            continue
        if isinstance(text, str):
            found.append(
                Container(
                    kind,
                    name,
                    here,
                    str(value.get("name", "")),
                    text,
                    "kustomize build",
                    (),
                    (split(text)[0],),
                )
            )
    return found


def _with(one: Rendered, before: list[Container] | str, final: list[Container] | str) -> Rendered:
    """kustomize's answer, with the places that set the images if they are known."""
    if isinstance(before, str) or isinstance(final, str):
        error = final if isinstance(final, str) else before
        return replace(one, unbuilt=f"kustomize cannot build it: {error}", refused=True)
    seen = [_known(image, one.before) for image in before]
    by_entries = {image.spot: image for image in through(seen, one.entries)}
    found = []
    for image in final:
        known = by_entries.get(image.spot)
        found.append(known if known is not None and known.text == image.text else image)
    return replace(one, before=seen, final=found, built=True)


def _known(image: Container, known: Sequence[Container]) -> Container:
    """The same container from the files, if its image is the same."""
    name = image.object.rpartition("/")[2]
    named = [
        other
        for other in known
        if (other.kind, other.path[:-1], other.name, other.text)
        == (image.kind, image.path[:-1], image.name, image.text)
    ]
    # A patch that adds a container puts it first, so that the others move.
    same = [other for other in named if other.path == image.path] or (named if image.name else [])
    for other in [other for other in same if other.object and other.object in name] or same:
        return replace(image, location=other.location, setters=other.setters, names=other.names)
    return image
