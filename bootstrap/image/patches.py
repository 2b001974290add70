"""Pure: what the patches of a kustomization do to images, as far as their text shows.

A strategic merge patch finds containers by name, a JSON patch by index. If a patch could do more,
`matters` says so, and only kustomize knows the result.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.core import globs
from bootstrap.core.errors import InputError
from bootstrap.core.numbers import whole
from bootstrap.edit.files import Files
from bootstrap.image.places import ImagePlace, find_in
from bootstrap.yamledit.walk import Place, Walk, decode, walk

_TOUCHES = re.compile(
    r"image|\$patch|\$setElement|\$retain|:\s*(?:null\b|~)|\bop\b['\"]?\s*:\s*['\"]?(?:remove|move|copy)"
    r"|/\w*[cC]ontainers(?:/[\d-]+)?(?:['\"\s,}]|$)"
)
_MERGED_BY_NAME = {
    *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"),
    *("Job", "CronJob", "Pod", "PodTemplate"),
}
"""Kinds whose lists of containers kustomize merges by name; for others, a patch replaces the list."""


@dataclass(frozen=True)
class Change:
    """One container's new image: by its name in a `list_`, or for a JSON patch by its `path`.

    `place` is where it can be edited.
    """

    target: tuple[tuple[str, str], ...]
    text: str
    container: str = ""
    list_: str = ""
    path: Place | None = None
    place: ImagePlace | None = None

    def is_for(self, kind: str, name: str, path: Place, container: str) -> bool:
        """Whether it changes this container of this object."""
        target = dict(self.target)
        if not _fits(target.get("kind"), kind) or not _fits(target.get("name"), name):
            return False
        if self.path is not None:
            return path == self.path
        return (container, path[-2]) == (self.container, self.list_)


@dataclass(frozen=True)
class Patch:
    """One patch. `missing` names a file that is not here; `matters`: it may change images."""

    file: str
    location: str
    missing: str = ""
    matters: bool = False
    changes: tuple[Change, ...] = ()


def patches_of(path: str, file: Walk, files: Files) -> Iterator[Patch]:
    """The patches of the kustomization file at `path`, in the order in which kustomize applies them."""
    folder = posixpath.dirname(path)
    spans = {span.path: span for span in file.spans}
    for field in ("patchesStrategicMerge", "patches", "patchesJson6902"):
        for span in file.spans:
            keys, at = span.path, f"{path}:{span.line}"
            if keys[:2] != (0, field):
                continue
            if len(keys) == 3 and field == "patchesStrategicMerge":
                named = "\n" not in span.value
            elif len(keys) == 4 and keys[3] in ("path", "patch") and field != "patchesStrategicMerge":
                named = keys[3] == "path"
            else:
                continue
            target = {
                str(key[4]): one.value
                for key, one in spans.items()
                if len(key) == 5 and key[:3] == keys[:3] and key[3] == "target"
            }
            if named:
                yield _of_file(posixpath.normpath(posixpath.join(folder, span.value)), at, target, files)
            else:
                yield _read(span.value, path, at, target, inline=True)


def _of_file(name: str, at: str, target: dict[str, str], files: Files) -> Patch:
    content = None if name.startswith("../") else files.read(name)
    if content is None:
        return Patch(name, at, missing=name)
    try:
        return _read(decode(content, name), name, name, target, inline=False)
    except InputError:
        return Patch(name, at, missing=name)


def _read(text: str, file: str, at: str, target: dict[str, str], inline: bool) -> Patch:
    if not _TOUCHES.search(text) and "ontainers" not in text:
        return Patch(file, at)
    try:
        found = walk(text, file)
    except InputError:
        return Patch(file, at, matters=True)
    if not _TOUCHES.search(text):
        kinds = [span.value for span in found.spans if len(span.path) == 2 and span.path[1] == "kind"]
        kinds = ([target["kind"]] if "kind" in target else []) if target else kinds
        if kinds and _MERGED_BY_NAME.issuperset(kinds):
            return Patch(file, at)
    changes = [*_merged(found, file, target, inline), *_by_json(found, target)]
    return Patch(file, at, matters=True, changes=tuple(changes))


def _merged(found: Walk, file: str, target: dict[str, str], inline: bool) -> Iterator[Change]:
    """The images that a strategic merge patch sets."""
    values = {span.path: span for span in found.spans}
    for span in found.spans:
        keys = span.path
        if len(keys) < 5 or keys[-1] != "image" or keys[-3] not in ("containers", "initContainers"):
            continue
        name = values.get((*keys[:-1], "name"))
        if name is None:
            continue
        own = {
            part: values[(keys[0], *place)].value
            for part, place in (("kind", ("kind",)), ("name", ("metadata", "name")))
            if (keys[0], *place) in values
        }
        place = None if inline else next((one for one in find_in(file, found) if one.whole == keys), None)
        yield Change(
            tuple((target or _literal(own)).items()), span.value, name.value, str(keys[-3]), place=place
        )


def _by_json(found: Walk, target: dict[str, str]) -> Iterator[Change]:
    """The images that the operations of a JSON patch set."""
    values = {span.path: span.value for span in found.spans}
    for keys, value in values.items():
        if len(keys) != 3 or keys[-1] != "path" or not isinstance(keys[1], int):
            continue
        *steps, last = value.strip("/").split("/")
        text = values.get((*keys[:-1], "value"))
        if last == "image" and text is not None and values.get((*keys[:-1], "op")) in ("replace", "add"):
            path = tuple(step if (number := whole(step)) is None else number for step in steps)
            yield Change(tuple(target.items()), text, path=path)


def _literal(own: dict[str, str]) -> dict[str, str]:
    return {part: re.escape(text) for part, text in own.items()}


def _fits(pattern: str | None, text: str) -> bool:
    """kustomize treats a target's fields as anchored patterns, and is asked where one could take forever."""
    return not pattern or globs.fits(pattern, text, whole=True) is True
