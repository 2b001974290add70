"""Reads a repository: its clusters, their Applications, and everything those would apply.

`read` finds and renders; what was rendered before from the same files is taken from the store. The
result keeps objects in the store and loads them one cluster, or one namespace, at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from bootstrap import __version__
from bootstrap.core.argocd_renderers import numbers
from bootstrap.core.invocation import Invocation
from bootstrap.core.names import RECORD
from bootstrap.git import revisions
from bootstrap.repository import kustomize, leftovers
from bootstrap.repository.charts.application import Target
from bootstrap.repository.discover import (
    YAML,
    Info,
    Start,
    inspect,
    is_named,
    named_urls,
    plain,
    remotes,
    starts,
    templated,
)
from bootstrap.repository.files import Files, Stat, scan
from bootstrap.repository.follow import Follower, share
from bootstrap.repository.model import Options, Repository, Scope
from bootstrap.repository.render import Renderer, lasts
from bootstrap.repository.source import Unit
from bootstrap.repository.store import Store
from bootstrap.repository.unit import stamp
from bootstrap.resources.index import mapping

KUBERNETES = "1.36"
"""The release that charts are rendered for if none is named."""


def read(
    root: Path,
    invocation: Invocation,
    store: Store,
    options: Options,
    report: Callable[[str], None] = lambda _: None,
    like: Files | None = None,
) -> Repository:
    """Read a repository; `report` is called with what takes long.

    `like` are the files of another revision that was read with the same store and options: what is equal in
    both is not read again. Raises InputError if it cannot be a repository, never for what is wrong inside it.
    """
    root = Path(os.path.realpath(root))
    record_key = _record_key(root, options)
    record = store.get(record_key)
    files = _scanned(root, invocation, record)
    if record is None and like is not None:
        record = _as_if_here(store.get(_record_key(like.root, options)), like, files)
    reader = _Reader(files, invocation, store, options, record or {}, report)
    repository = reader.read()
    if reader.dirty:
        store.put(record_key, reader.record())
    return repository


def _record_key(root: Path, options: Options) -> str:
    return "record:" + hashlib.sha256(f"{__version__} {stamp()}\0{root}\0{options}".encode()).hexdigest()


def _as_if_here(record: Mapping[str, Any] | None, like: Files, files: Files) -> Mapping[str, Any] | None:
    """The record of `like` as if it had been of `files`: what has another content has changed."""
    if record is None:
        return None
    gone = (0, 0, 0, 0)
    same = [
        path for path in like.stats if files.has(path) and like.content_id(path) == files.content_id(path)
    ]
    files.take(like, same)
    return {**record, "files": dict.fromkeys(like.stats, gone) | {path: files.stats[path] for path in same}}


def _scanned(root: Path, invocation: Invocation, record: Mapping[str, Any] | None) -> Files:
    """The files, without what git ignores; git runs while the files are scanned with its last answer."""
    if record is None or not (root / ".git").exists():
        return scan(root, revisions.ignored(root, invocation))
    before = frozenset(record["apart"][1])
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(revisions.ignored, root, invocation)
        files = scan(root, before)
        ignored = asking.result()
    return files if ignored == before else scan(root, ignored)


class _Reader:
    """One reading of a repository; it has what was read last time."""

    def __init__(
        self,
        files: Files,
        invocation: Invocation,
        store: Store,
        options: Options,
        record: Mapping[str, Any],
        report: Callable[[str], None],
    ) -> None:
        self.files, self.invocation, self.store, self.options = files, invocation, store, options
        if (files.root / ".git").exists():
            files.ignores = lambda path: revisions.is_ignored(files.root, files.root / path, invocation)
        self.urls: list[str] = []
        before: Mapping[str, Stat] = record.get("files", {})
        self._changed = {path for path, _ in before.items() ^ files.stats.items()}
        apart = [sorted(files.nested), sorted(files.ignored)]
        self._listing_same = (
            before.keys() == files.stats.keys() and bool(before) and record.get("apart") == apart
        )
        files._ids.update(record.get("ids", {}))
        for path in self._changed:
            files._ids.pop(path, None)
        self._named: list[str] = record.get("named", [])
        self._infos: dict[str, Info] = dict(record.get("infos", {}))
        self._starts: list[Any] = record.get("starts", [])
        self._fresh = bool(self._changed) or not record or not self._listing_same
        self._renderer = Renderer(
            files,
            invocation,
            store,
            record.get("units", {}),
            self._changed,
            self._listing_same,
            options.allow_remote,
            options.fetch_charts,
            report,
            options.lost,
        )
        self.units = self._renderer.units

    @property
    def dirty(self) -> bool:
        """Whether something is worth storing for the next run."""
        return self._fresh or self._renderer.dirty

    def record(self) -> dict[str, Any]:
        """What the next run can start from."""
        units = {key: unit.data() for key, unit in self.units.items() if lasts(unit)}
        return {
            "files": self.files.settled(),
            "ids": self.files._ids,
            "named": self._named,
            "apart": [sorted(self.files.nested), sorted(self.files.ignored)],
            "units": units,
            "infos": self._infos,
            "starts": self._starts,
        }

    def _discover(self) -> list[Start]:
        """Where to begin; as last time, if no relevant file has changed."""
        paths = self._changed if self._listing_same else self.files.stats
        fresh = {
            path: inspect(self.files, path)
            for path in paths
            if path.endswith(YAML) and (path in self._changed or path not in self._infos)
        }
        same = self._listing_same and all(self._infos.get(path) == info for path, info in fresh.items())
        if not same:
            self._infos = {
                path: info for path, info in self._infos.items() if path in self.files.stats
            } | fresh
            self._named = named_urls(self.files, self._infos)
        self.urls = [*self.options.urls, *remotes(self.files.root), *self._named]
        if same and self._starts:
            return [
                Start(name, Unit(*unit), complete, tuple(paths), namespace)
                for name, unit, complete, paths, namespace in self._starts
            ]
        found = starts(self.files, self._infos, self.options.cluster)
        self._starts = [
            [
                one.name,
                [one.unit.tool, one.unit.path, one.unit.options],
                one.complete,
                one.files,
                one.namespace,
            ]
            for one in found
        ]
        return found

    def read(self) -> Repository:
        found = self._discover()
        self._renderer.argocd = max(
            (str(info["argocd"]) for info in self._infos.values() if "argocd" in info),
            key=lambda one: numbers(one) or (0, 0, 0),
            default="",
        )
        self._renderer.unrestricted = any("unrestricted" in info for info in self._infos.values())
        self._renderer.render([start.unit for start in found if start.complete])
        target = Target(self.options.kubernetes or self._release(), self.options.apis)
        fetch = self.options.fetch_charts
        follower = Follower(self.files, self._renderer, self._infos, self.urls, fetch, target)
        found = [replace(one, complete=one.complete and not self._is_to_copy(one)) for one in found]
        tops = {one.unit.path for one in found if one.complete and one.unit.tool == "kustomize"}
        found = [replace(one, complete=one.complete and not _is_beside(one, tops)) for one in found]
        scopes = self._complete([start for start in found if start.complete], follower)
        reached: set[str] = set()
        for scope in scopes:
            reached |= self._files_of(scope)
        others = [one for one in found if not one.complete and not reached.intersection(one.files)]
        # Those with Applications first: what they lead to is not a separate start.
        others.sort(key=lambda start: not self._holds_applications(start))
        self._renderer.render([start.unit for start in others])
        copied: list[str] = []
        for start in others:
            if reached.intersection(start.files):
                continue
            if self._is_to_copy(start):
                copied += [path for path in self.units.pop(start.unit.key).closure if path in self._infos]
                continue
            scopes.append(follower.scope(start))
            reached |= self._files_of(scopes[-1])
        applied = {path for scope in scopes for path in self._led_to(scope)}
        follower.note_makers(scopes, reached)
        share(scopes, self.units)
        secrets = {path: info["secrets"] for path, info in self._infos.items() if "secrets" in info}
        return Repository(
            self.files,
            scopes,
            self.units,
            follower.faults,
            self.urls,
            self.store,
            self._renderer.rendered,
            secrets=secrets,
            switched_off=frozenset(leftovers.switched_off(self._infos) - applied),
            templated=sorted({*templated(self.files, self._infos), *copied} - reached),
            test_data=sorted(
                path
                for path, info in self._infos.items()
                if leftovers.is_test_data(path)
                and path not in reached
                and ("object" in info or "names" in info)
            ),
            render_again=self._renderer.again,
        )

    def _is_to_copy(self, start: Start) -> bool:
        """Whether a start is a template: its folder says so, and it cannot be built where it is."""
        return leftovers.is_template(start.unit.path) and self.units[start.unit.key].is_unbuilt

    def _release(self) -> str:
        """The cluster's release that bootstrap.yaml names, else the default."""
        record = self.files.mapping(RECORD) if self.files.has(RECORD) else None
        named = mapping(mapping(record).get("checks")).get("kubernetes")
        return str(named or KUBERNETES)

    def _complete(self, found: Sequence[Start], follower: Follower) -> list[Scope]:
        """The scopes that begin a cluster: none that another one leads to.

        Several that share no Application may belong to one cluster: then none of them is complete.
        """
        made = [(start, follower.scope(start)) for start in found]
        if all(is_named(start) for start in found):
            return [scope for _, scope in made]
        made = [one for one in made if not self._is_led_to(one, made)]
        kept: list[Scope] = []
        reached: set[str] = set()
        for start, scope in sorted(made, key=lambda one: -len(self._led_to(one[1]))):
            rest = [path for path in start.files if path not in reached]
            if not rest:
                continue
            if len(rest) < len(start.files) and start.unit.tool == "directory":
                again = replace(start, files=tuple(rest), unit=plain(start.unit.path, rest))
                scope = follower.scope(again)
            kept.append(scope)
            reached |= self._led_to(scope)
        for scope in kept:
            own = set(scope.by_name)
            scope.complete = all(one is scope or not own.isdisjoint(one.by_name) for one in kept)
        return kept

    def _is_led_to(self, one: tuple[Start, Scope], made: Sequence[tuple[Start, Scope]]) -> bool:
        """Whether another start applies a kustomization: what is next to it does not apply it again."""
        if one[0].unit.tool != "kustomize":
            return False
        own = self._led_to(one[1])
        return any(
            start is not one[0]
            and self._led_to(scope).issuperset(one[0].files)
            and own.isdisjoint(start.files)
            for start, scope in made
        )

    def _led_to(self, scope: Scope) -> set[str]:
        """The files that a scope's Applications lead to."""
        units = (self.units[one.unit.key] for one in scope.placements if one.application)
        return {path for unit in units for path in unit.closure}

    def _files_of(self, scope: Scope) -> set[str]:
        return {path for one in scope.placements for path in self.units[one.unit.key].closure}

    def _holds_applications(self, start: Start) -> bool:
        members: Iterable[str] = start.files
        if start.unit.tool == "kustomize":
            members = kustomize.closure(self.files, start.unit.path).files
        return any(self._infos.get(path, {}).get("sources") for path in members)


def _is_beside(start: Start, tops: Collection[str]) -> bool:
    """Whether a start is what a cluster's kustomization does not name: what is switched off there."""
    return start.unit.tool == "directory" and start.unit.path in tops
