"""Pure: the files of a scope, and the places in them that fit a name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.edit.files import Files
from bootstrap.image import declared as images_declared
from bootstrap.image import kustomize
from bootstrap.image import paths as images_layout
from bootstrap.image.places import ImagePlace, find, is_kustomization, is_yaml
from bootstrap.oci.reference import canonical, last_component
from bootstrap.repository.values import is_values

_LONGEST = 80


JSON = ".json"
MAX_BYTES = 8_000_000
"""Larger files hold no image that a person maintains; reading one would take seconds and gigabytes."""


@dataclass(frozen=True)
class Scope:
    """Where to look: below a folder (or in one file), in one app, in one environment."""

    under: str = ""
    app: str | None = None
    environment: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.under, self.app, self.environment) if part)


@dataclass
class Fitting:
    """The places that fit a name: `entries` of kustomizations and declared ones, and all others."""

    entries: list[ImagePlace]
    others: list[ImagePlace]

    def __bool__(self) -> bool:
        return bool(self.entries or self.others)


class Search:
    """One scope of one repository; a file is parsed once, and only if it can hold the name."""

    def __init__(self, scope: Scope, files: Files, tried: str) -> None:
        self.scope = scope
        self.files = files
        self.tried = tried
        self._parsed: dict[str, list[ImagePlace]] = {}
        self._paths: list[str] | None = None

    @property
    def paths(self) -> list[str]:
        """The YAML files of the scope; InputError for an app or environment that is not there."""
        if self._paths is None:
            self._paths = self._in_environment(self._in_app())
        return self._paths

    def around(self) -> list[str]:
        """The YAML files of the scope's app in every environment, or of the whole scope."""
        return self._in_app()

    def places(self, path: str, word: str = "") -> list[ImagePlace]:
        """The places of a file; none when `word` does not occur in it. InputError for what is no YAML."""
        if path not in self._parsed:
            content = self.read(path)
            if content is None or (word.encode() not in content and not is_wide(content)):
                return []
            self._parsed[path] = find(path, content)
        return self._parsed[path]

    def read(self, path: str) -> bytes | None:
        content = self.files.read(path)
        if content is not None and len(content) > MAX_BYTES:
            found = (
                f"the file has {len(content) / 1e6:.0f} MB; more than {MAX_BYTES / 1e6:.0f} MB are not read"
            )
            raise InputError(
                f"reading {path}", found, "split it, or name another file by PATH or --app", path
            )
        return content

    def fitting(self, name: str) -> Fitting:
        """The places whose entry, repository or declared name is `name`."""
        word, wanted = last_component(name), canonical(name)
        entries: list[ImagePlace] = []
        others: list[ImagePlace] = []
        faults: list[InputError] = []
        for path in self.paths:
            try:
                places = self.places(path, word)
            except InputError as error:
                if is_kustomization(path) or is_values(path) or path == self.scope.under:
                    raise
                faults.append(error)
                continue
            for place in places:
                if place.kind == "kustomization" and (place.name == name or canonical(place.name) == wanted):
                    entries.append(place)
                elif place.reference is not None and canonical(place.reference.repository) == wanted:
                    (entries if place.kind == "kustomization" else others).append(place)
        named = {place.file for place in entries if place.name == name}
        entries = [place for place in entries if place.name == name or place.file not in named]
        declared = [place for place in self.declared(name) if place.file in set(self.paths)]
        if faults and not (entries or others or declared):
            raise faults[0]
        spots = {(place.file, place.line) for place in declared}
        return Fitting(
            entries + declared, [place for place in others if (place.file, place.line) not in spots]
        )

    def declared(self, name: str | None = None) -> Iterator[ImagePlace]:
        """The places that bootstrap.yaml declares, at the repository's top and where the scope begins."""
        for folder in dict.fromkeys(("", self.scope.under)):
            content = self.read(f"{folder}/{RECORD}" if folder else RECORD)
            if content is None or b"images" not in content:
                continue
            for entry in images_declared.parse(content, folder):
                if name in (None, entry.name) and (target := self.read(entry.file)) is not None:
                    yield images_declared.place(entry, target)

    def everything(self) -> tuple[list[ImagePlace], list[InputError]]:
        """Every place, and why files could not be read."""
        places: list[ImagePlace] = []
        faults: list[InputError] = []
        for path in self.paths:
            try:
                places += self.places(path)
            except InputError as error:
                faults.append(error)
        declared = [place for place in self.declared() if place.file in set(self.paths)]
        return _without(places, declared) + declared, faults

    def names(self) -> set[str]:
        """What images of the scope can be called, to suggest one."""
        places, _ = self.everything()
        names = {place.name for place in places if place.kind in ("kustomization", "declared")}
        return (names | {place.reference.repository for place in places if place.reference}) - {""}

    def _in_app(self) -> list[str]:
        app, under = self.scope.app, self.scope.under
        if app is None:
            return self._searched(self.files.under(under))
        paths = [
            path for folder in images_layout.app_folders(app, under) for path in self.files.under(folder)
        ]
        if paths:
            return self._searched(paths)
        every = self._searched(self.files.under(under))
        paths = [path for path in every if images_layout.home_of(path).app == app]
        if not paths:
            apps = {images_layout.home_of(path).app or "" for path in every} - {""}
            raise images_layout.unknown(self.tried, "app", app, apps, under or None)
        return paths

    def _searched(self, paths: Iterable[str]) -> list[str]:
        """The YAML files of these, and the JSON files that PATH or a kustomization of these names."""
        known = list(paths)
        found = [path for path in known if is_yaml(path) or path == self.scope.under]
        others = {path for path in known if path.endswith(JSON)} - set(found)
        if not others:
            return found
        listed: set[str] = set()
        for path in filter(is_kustomization, found):
            content = self.read(path)
            if content and JSON.encode() in content:
                listed |= kustomize.named(path, content)
        return found + [path for path in known if path in others & listed]

    def _in_environment(self, paths: Sequence[str]) -> list[str]:
        environment = self.scope.environment
        if environment is None:
            return list(paths)
        chosen = [path for path in paths if images_layout.is_in(path, environment)]
        if not chosen:
            known = {images_layout.home_of(path).environment or "" for path in paths} - {""}
            raise images_layout.unknown(self.tried, "environment", environment, known, self.scope.app)
        return chosen


def is_wide(content: bytes) -> bool:
    """Whether a file is in UTF-16 or UTF-32, where no word is found by its bytes."""
    return b"\0" in content[:4]


def _without(places: Sequence[ImagePlace], declared: Sequence[ImagePlace]) -> list[ImagePlace]:
    """A declared place stands for what was found at the same spot by itself."""
    spots = {(place.file, place.line) for place in declared}
    return [place for place in places if (place.file, place.line) not in spots]


def branch_name(names: Sequence[str], scope: Scope) -> str:
    """The same for the same images in the same place; a branch's name that every host takes."""
    full = "-".join(part for part in (scope.under, scope.app, scope.environment, *sorted(names)) if part)
    slug = re.sub(r"[^a-z0-9]+", "-", full.lower()).strip("-")
    if len(slug) > _LONGEST:
        slug = f"{slug[:_LONGEST].rstrip('-')}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
    return f"image-bump/{slug}"
