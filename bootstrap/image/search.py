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
from bootstrap.image import kustomize, objects
from bootstrap.image import paths as images_layout
from bootstrap.image.declared import Declared
from bootstrap.image.place import Reading
from bootstrap.image.places import ImagePlace, find, is_kustomization, is_yaml
from bootstrap.oci.reference import canonical, last_component
from bootstrap.repository.values import is_values
from bootstrap.yamledit.walk import decode, walk

_LONGEST = 80


JSON = ".json"
BASES = ("values.yaml", "values.yml")
ENTRIES = ("kustomization", "override")
"""Kinds that override an image that is defined elsewhere."""
MAX_BYTES = 8_000_000
"""Larger files have no image that a person maintains; reading one would take seconds and gigabytes."""


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
    """The places that match a name: `entries` of kustomizations and declared ones, and all others."""

    entries: list[ImagePlace]
    others: list[ImagePlace]

    def __bool__(self) -> bool:
        return bool(self.entries or self.others)


class Search:
    """One scope of one repository; a file is parsed once, and only if it can contain the name."""

    def __init__(self, scope: Scope, files: Files, tried: str) -> None:
        self.scope = scope
        self.files = files
        self.tried = tried
        self._parsed: dict[str, list[ImagePlace]] = {}
        self._paths: list[str] | None = None
        self._based: dict[str, bool] = {}

    @property
    def paths(self) -> list[str]:
        """The YAML files of the scope; InputError for an app or environment that does not exist."""
        if self._paths is None:
            self._paths = self._in_environment(self._in_app())
        return self._paths

    def around(self) -> list[str]:
        """The YAML files of the scope's app in every environment, or of the whole scope."""
        return self._in_app()

    def places(self, path: str, word: str = "") -> list[ImagePlace]:
        """The places of a file; none when `word` does not occur in it. InputError for invalid YAML."""
        if path not in self._parsed:
            content = self.read(path)
            if content is None:
                return []
            is_here = word.encode() in content or is_wide(content)
            bases = self._bases(path, content, "" if is_here else word)
            if not (is_here or bases):
                return []
            self._parsed[path] = find(path, content, bases)
        return self._parsed[path]

    def _bases(self, path: str, content: bytes, word: str) -> list[ImagePlace]:
        """The places of the values that a file's own override, if `word` occurs in them."""
        if is_values(path):
            base = self._base_of(path)
            files = [] if base is None else [base]
        elif b"argoproj.io/" in content and b"helm:" in content:
            try:
                reading = Reading(path, walk(decode(content, path), path))
            except InputError:
                return []
            files = [f"{folder}/{BASES[0]}" for folder in objects.charts(reading)]
        else:
            return []
        return [place for file in files for place in self._values_of(file, word)]

    def _values_of(self, file: str, word: str) -> list[ImagePlace]:
        content = self.read(file)
        if content is None or word.encode() not in content:
            return []
        try:
            return [place for place in find(file, content) if place.kind == "values"]
        except InputError:
            return []

    def _base_of(self, path: str) -> str | None:
        """`values.yaml` next to a values file; for such a file, the one in the nearest folder above."""
        folder, _, name = path.rpartition("/")
        folders = [folder] if name not in BASES else []
        while folder:
            folder = folder.rpartition("/")[0]
            folders.append(folder)
        for place in folders[:3]:
            for base in BASES:
                found = f"{place}/{base}" if place else base
                if found not in self._based:
                    self._based[found] = self.files.read(found) is not None
                if self._based[found]:
                    return found
        return None

    def read(self, path: str) -> bytes | None:
        content = self.files.read(path)
        if content is not None and len(content) > MAX_BYTES:
            found = (
                f"the file has {len(content) / 1e6:.0f} MB; more than {MAX_BYTES / 1e6:.0f} MB are not read"
            )
            raise InputError(
                f"reading {path}", found, "split it, or name another file with PATH or --app", path
            )
        return content

    def fitting(self, name: str) -> Fitting:
        """The places whose entry, repository or declared name is `name`."""
        word, wanted = last_component(name).partition(":")[0], canonical(name)
        entries: list[ImagePlace] = []
        others: list[ImagePlace] = []
        faults: list[InputError] = []
        declared = list(self.declared(name)) or list(self._declared_as(wanted))
        for path in self.paths_or(declared):
            try:
                places = self.places(path, word)
            except InputError as error:
                if is_kustomization(path) or is_values(path) or path == self.scope.under:
                    raise
                faults.append(error)
                continue
            for place in filter(self.is_of_scope, places):
                if place.kind in ENTRIES and (place.name == name or canonical(place.name) == wanted):
                    entries.append(place)
                elif place.reference is None or place.inherited:
                    continue
                elif canonical(place.reference.repository) == wanted or str(place.reference) == name:
                    (entries if place.kind in ENTRIES else others).append(place)
        named = {place.file for place in entries if place.name == name}
        entries = [place for place in entries if place.name == name or place.file not in named]
        if faults and not (entries or others or declared):
            raise faults[0]
        return Fitting(_without(entries, declared) + declared, _without(others, declared))

    def declared(self, name: str) -> Iterator[ImagePlace]:
        """The places of the scope that bootstrap.yaml declares with this name.

        InputError for a file that does not exist, or a path that leads nowhere.
        """
        for entry in self._entries():
            if entry.name == name and self._is_in_scope(entry):
                target = self.read(entry.file)
                if target is None:
                    found = f"it is declared in {entry.file}, which is not a file of this repository"
                    raise InputError(f"looking for {name}", found, "fix its file", entry.location)
                yield images_declared.place(entry, target)

    def _declared_as(self, repository: str) -> Iterator[ImagePlace]:
        """The declared places of the scope's files with an image of this repository."""
        for entry in self._entries():
            known = entry.word("image")
            if self._is_in_scope(entry) and (not known or canonical(known) == repository):
                for place in self._declared(entry, []):
                    if place.reference and canonical(place.reference.repository) == repository:
                        yield place

    def _declared(self, entry: Declared, faults: list[InputError]) -> list[ImagePlace]:
        """An entry's place; a fault is kept, as it does not concern other entries."""
        try:
            target = self.read(entry.file)
            return [] if target is None else [images_declared.place(entry, target)]
        except InputError as error:
            faults.append(error)
            return []

    def _entries(self) -> Iterator[Declared]:
        """What bootstrap.yaml declares, at the repository's root and where the scope begins."""
        for folder in dict.fromkeys(("", self.scope.under)):
            content = self.read(f"{folder}/{RECORD}" if folder else RECORD)
            if content is not None and b"images" in content:
                yield from images_declared.parse(content, folder)

    def _is_in_scope(self, entry: Declared) -> bool:
        under, app, environment = self.scope.under, self.scope.app, self.scope.environment
        if under not in ("", entry.file) and not entry.file.startswith(f"{under}/"):
            return False
        if app is not None and app != entry.home.app:
            folders = images_layout.app_folders(app, under)
            if entry.word("app") or not any(entry.file.startswith(f"{folder}/") for folder in folders):
                return False
        if environment is None or entry.word("env"):
            return environment in (None, entry.word("env"))
        return images_layout.is_in(entry.file, environment)

    def paths_or(self, declared: Sequence[ImagePlace], *, strict: bool = True) -> list[str]:
        """The files of the scope; none if all of it is declared."""
        try:
            return self.paths
        except images_layout.Unknown:
            if strict and not declared:
                raise
            return []

    def is_of_scope(self, place: ImagePlace) -> bool:
        """Whether a place that states its app or environment states the requested ones."""
        if place.home is None:
            return True
        asked = (self.scope.app, self.scope.environment)
        return all(
            one in (None, known) or known is None for one, known in zip(asked, place.home, strict=True)
        )

    def everything(self) -> tuple[list[ImagePlace], list[InputError]]:
        """Every place, and why files could not be read."""
        places: list[ImagePlace] = []
        faults: list[InputError] = []
        entries = [entry for entry in self._entries() if self._is_in_scope(entry)]
        declared = [place for entry in entries for place in self._declared(entry, faults)]
        for path in self.paths_or(declared):
            try:
                places += self.places(path)
            except InputError as error:
                faults.append(error)
        places = [place for place in places if not place.inherited and self.is_of_scope(place)]
        return _without(places, declared) + declared, faults

    def names(self) -> set[str]:
        """The names of the scope's images, for suggestions."""
        places, _ = self.everything()
        names = {place.name for place in places if place.kind in (*ENTRIES, "declared")}
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
        """The YAML files among these, and the JSON files that PATH or one of their kustomizations names."""
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
    """Whether a file is in UTF-16 or UTF-32, where a search for a word's bytes fails."""
    return b"\0" in content[:4]


def _without(places: Sequence[ImagePlace], declared: Sequence[ImagePlace]) -> list[ImagePlace]:
    """A declared place replaces what was found at the same spot."""
    spots = {(place.file, place.line) for place in declared}
    return [place for place in places if (place.file, place.line) not in spots]


def branch_name(names: Sequence[str], scope: Scope) -> str:
    """A branch name that every host accepts: the same for the same images in the same place."""
    full = "-".join(part for part in (scope.under, scope.app, scope.environment, *sorted(names)) if part)
    slug = re.sub(r"[^a-z0-9]+", "-", full.lower()).strip("-")
    if len(slug) > _LONGEST:
        slug = f"{slug[:_LONGEST].rstrip('-')}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
    return f"image-bump/{slug}"
