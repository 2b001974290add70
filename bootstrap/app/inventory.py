"""Pure: which apps and environments a layout has, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import kustomize
from bootstrap.image import paths as images_layout
from bootstrap.manifests.reader import documents

CLUSTERS = "clusters/"
_ROUTE = re.compile(
    rb"^[\s\"{-]*kind\"?:\s*\"?(?:Ingress|IngressRoute|HTTPRoute|GRPCRoute|TLSRoute|Route)\"?\s*(?:[,#}]|$)",
    re.M,
)


@dataclass(frozen=True)
class Apps:
    """The contents of `apps/`: the paths, from the repository's root; `prefix` is "" or ends in a slash."""

    prefix: str
    paths: tuple[str, ...]

    def files_of(self, app: str) -> tuple[str, ...]:
        """Every file of an app."""
        return tuple(path for path in self.paths if path.startswith(f"{self.folder(app)}/"))

    def folder(self, app: str) -> str:
        return f"{self.prefix}apps/{app}"

    def names(self) -> list[str]:
        return sorted({self._parts(path)[0] for path in self.paths if len(self._parts(path)) > 1})

    def environments(self, app: str | None = None) -> list[str]:
        """The overlays' names, of all apps or of one; of one without overlays, its Applications'."""
        known = self._below("overlays", None)
        if app is None:
            return sorted(known)
        own = self._below("overlays", app)
        return sorted(own or self._below("applications", app) & known or self._below("applications", app))

    def _below(self, folder: str, app: str | None) -> set[str]:
        parts = (self._parts(path) for path in self.paths)
        return {part[2] for part in parts if len(part) > 3 and part[1] == folder and app in (None, part[0])}

    def _parts(self, path: str) -> list[str]:
        return path.removeprefix(f"{self.prefix}apps/").split("/")


def read(files: Files, prefix: str) -> Apps:
    """The contents of the layout's `apps/`."""
    return Apps(prefix, tuple(files.under(f"{prefix}apps")))


def prefix_of(kustomization: str, cluster: str) -> str:
    """What precedes `clusters/NAME/kustomization.yaml` in its path."""
    return kustomization.removesuffix(f"{CLUSTERS}{cluster}/kustomization.yaml")


def entry(app: str, environment: str) -> str:
    """The line of an app's environment in a cluster's kustomization."""
    return f"../../apps/{app}/applications/{environment}"


def clusters(files: Files, prefix: str) -> dict[str, bytes]:
    """The kustomization of every cluster of the layout, path → content."""
    found: dict[str, bytes] = {}
    for path in files.under(f"{prefix}{CLUSTERS.rstrip('/')}"):
        inner = path.removeprefix(prefix + CLUSTERS).split("/")
        if len(inner) == 2 and inner[1] == "kustomization.yaml" and (content := files.read(path)) is not None:
            found[path] = content
    return found


def settings(files: Files, path: str) -> Mapping[str, Any]:
    """The `data` of a settings file; empty when there is none."""
    content = files.read(path)
    return {} if content is None else settings_of(content, path)


def settings_of(content: bytes, path: str) -> Mapping[str, Any]:
    for document in documents(content, path):
        if isinstance(document, dict) and isinstance(document.get("data"), dict):
            return dict(document["data"])
    return {}


def are_served(files: Files, overlay: str) -> bool:
    """Whether what an overlay renders has a route for its hosts: with node ports alone, nothing has.

    True as well where that is unknown.
    """
    path = kustomize.kustomization_in(overlay, files)
    if path is None:
        return True
    try:
        rendered = kustomize.render(path, files)
    except InputError:
        return True
    return bool(rendered.unread) or any(_ROUTE.search(files.read(one) or b"") for one in rendered.files)


def choose_environments(apps: Apps, asked: Iterable[str], on: Iterable[str]) -> tuple[str, ...]:
    """The selected environments: those asked for, else those that run here, else the only one.

    Raises InputError for one that no app has, unless there are no apps.
    """
    known = apps.environments()
    chosen = tuple(dict.fromkeys(asked))
    for name in chosen:
        if known and name not in known:
            error = images_layout.unknown("reading --env", "environment", name, known)
            error.hint += f"; for a new one: {next_run.command('env add', name, '--from', known[0])}"
            raise error
    return chosen or tuple(name for name in known if name in set(on)) or tuple(known[:1]) or ("dev",)


def taken_hosts(files: Files, apps: Apps, but: str = "") -> dict[str, str]:
    """Host → the settings of the overlay that has it, for every app except `but`."""
    own = f"{apps.folder(but)}/" if but else None
    taken: dict[str, str] = {}
    for path in apps.paths:
        if "/overlays/" in path and path.endswith("/settings.yaml") and not (own and path.startswith(own)):
            for key, value in settings(files, path).items():
                if key.lower().endswith("host"):
                    taken.setdefault(str(value), path)
    return taken
