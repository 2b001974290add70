"""Pure: one place of an image in a file, and the view of a file for finding them.

A place knows its keys, so that it can be read and edited (edit.py) without checking again
what kind of file it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bootstrap.image.paths import Home
from bootstrap.oci.reference import Reference
from bootstrap.yamledit.walk import Place, Span, Walk

Kind = Literal["kustomization", "container", "values", "declared", "override"]

_WHOLE = re.compile(r"(?P<repository>[^\s@${}]*?[^\s@:${}/])(?::(?P<tag>[^\s/:@${}]*))?(?:@(?P<digest>\S+))?")
_MERGE = "<<"


@dataclass(frozen=True)
class ImagePlace:
    """One place. Its image is one scalar (`whole`), keys of the mapping `box`, or scalars at `spots`.

    `keys` maps registry, repository, tag and digest to the mapping's keys; parts without a key
    cannot be written. `name` is the entry's, the container's, or the values' dotted path; `declared`
    are the paths that bootstrap.yaml names.

    `prefix` is what precedes the image in the scalar (`nginx=`). `inside` is the block scalar whose YAML
    has the place. `repository_at` says where the repository is, if not here. `covers` is the folder whose
    images an override sets. `home` is the app and environment if the path of the file does not show
    them. `inherited`: tag and digest are merged from another mapping. `doubt` says why a tag must not be
    set. `of_values`: the whole file holds a chart's values.
    `base` is the place that has the repository, in the values that these override.
    """

    file: str
    line: int
    kind: Kind
    name: str
    reference: Reference | None
    text: str
    box: Place | None = None
    whole: Place | None = None
    keys: tuple[tuple[str, str], ...] = ()
    declared: tuple[tuple[str, Place], ...] = ()
    spots: tuple[tuple[str, Place], ...] = ()
    prefix: str = ""
    inside: Place | None = None
    repository_at: str | None = None
    covers: str | None = None
    home: Home | None = None
    inherited: bool = False
    doubt: str | None = None
    of_values: bool = False
    base: ImagePlace | None = None

    @property
    def location(self) -> str:
        return f"{self.file}:{self.line}"


def read_whole(text: str) -> Reference | None:
    """A reference as in a manifest; None for a template, or for nothing."""
    found = _WHOLE.fullmatch(text)
    return Reference(found["repository"], found["tag"], found["digest"]) if found else None


def split_prefix(text: str) -> tuple[str, str]:
    """The text before the image in a string such as `--image=ghcr.io/org/web:v1`, and the image."""
    head, equals, rest = text.rpartition("=")
    return (f"{head}=", rest) if equals and rest and not head.endswith(("?", "&")) else ("", text)


class Reading:
    """A file with its scalars by place; `get` and `keys` include what merge keys add."""

    def __init__(self, path: str, file: Walk) -> None:
        self.path = path
        self.file = file
        self.values: dict[Place, Span] = {}
        self._kinds: dict[str | int, str] = {}
        for span in file.spans:
            self.values.setdefault(span.path, span)
        self._keys: dict[Place, list[str]] | None = None

    def text(self, *place: str | int) -> str:
        """The scalar there, or ""."""
        span = self.values.get(place)
        return span.value if span else ""

    def kind(self, document: str | int) -> str:
        """The kind of an object; "" if it is not one."""
        if document not in self._kinds:
            there = (document, "apiVersion") in self.values
            self._kinds[document] = self.text(document, "kind") if there else ""
        return self._kinds[document]

    def get(self, box: Place, key: str) -> Span | None:
        """A key's value: the mapping's own, else a merged one."""
        return next(
            (self.values[(*one, key)] for one in self.merged(box) if (*one, key) in self.values), None
        )

    def keys(self, box: Place) -> list[str]:
        """The names of a mapping's scalars, its own first."""
        if self._keys is None:
            self._keys = {}
            for place in self.values:
                self._keys.setdefault(place[:-1], []).append(str(place[-1]))
        return [key for one in self.merged(box) for key in self._keys.get(one, [])]

    def merged(self, box: Place) -> Iterator[Place]:
        """The mapping, and those that `<<` merges into it, in order of precedence."""
        yield box
        if self._aliases:
            for place in ((*box, _MERGE), *((*box, _MERGE, number) for number in range(20))):
                target = self._aliases.get(place)
                if target is not None and target != box[: len(target)]:
                    yield from self.merged(target)

    @cached_property
    def _aliases(self) -> dict[Place, Place]:
        """The mappings that merge keys refer to."""
        if f"{_MERGE}:" not in self.file.text:
            return {}
        anchors: dict[str, Place] = {}
        found: dict[Place, Place] = {}
        for place, said in self.file.outline(()):
            if said[0] == "AliasEvent" and _MERGE in place[-2:] and said[1] in anchors:
                found[place] = anchors[said[1]]
            elif said[0] == "MappingStartEvent" and said[1]:
                anchors[said[1]] = place
        return found
