"""Reads and builds the catalog's components and clusters, as they are or with a choice of the test's own."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bootstrap.core.names import is_own_source
from bootstrap.layout import components
from bootstrap.manifests.reader import load_all
from bootstrap.yamledit import edit
from tests.catalog.voting_app import run

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "clusters/default"
INFRASTRUCTURE = ROOT / "infrastructure"
COMPONENTS = tuple(sorted(path.name for path in INFRASTRUCTURE.iterdir() if path.is_dir()))
PREFIX = "gitops-bootstrap.io/"
WAVE = "argocd.argoproj.io/sync-wave"
FINALIZER = "resources-finalizer.argocd.argoproj.io"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Application:
    """A child Application as it is in its component's folder."""

    component: str
    body: Object

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def annotations(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.body["metadata"]["annotations"]
        return found

    @property
    def wave(self) -> int:
        return int(self.annotations[WAVE])

    @property
    def sources(self) -> list[dict[str, Any]]:
        return list(self.body["spec"]["sources"])

    @property
    def elsewhere(self) -> list[dict[str, Any]]:
        """The sources that are not this repository."""
        return [source for source in self.sources if not is_own_source(source)]

    def declared(self, key: str) -> list[str]:
        """A list in an annotation of ours (provides, requires, conflicts, expects)."""
        return [part.strip() for part in self.annotations.get(PREFIX + key, "").split(",") if part.strip()]


def applications() -> list[Application]:
    """Every Application of every component."""
    return [item for name in COMPONENTS for item in of(name)]


@cache
def of(component: str) -> tuple[Application, ...]:
    """The Applications of one component."""
    text = (INFRASTRUCTURE / component / "application.yaml").read_text()
    return tuple(Application(component, body) for body in load_all(text))


def declared(component: str, key: str) -> set[str]:
    """What a component declares in any of its Applications."""
    return {value for item in of(component) for value in item.declared(key)}


def yaml(path: Path) -> Any:
    """A file's one document."""
    (document,) = load_all(path.read_text())
    return document


def comments(path: Path) -> list[str]:
    """The entries that are comments in a file, to be switched on."""
    return re.findall(r"^\s*# - (\S+)", path.read_text(), re.M)


def offered() -> dict[str, components.Component]:
    return components.offered((CLUSTER / "kustomization.yaml").read_bytes())


def every_pair() -> list[tuple[str, ...]]:
    """Every two lines of the cluster's kustomization."""
    return list(itertools.combinations(offered(), 2))


def clusters(
    folder: Path, choices: Iterable[tuple[str, ...]], settings: Mapping[str, str] | None = None
) -> dict[tuple[str, ...], str]:
    """What clusters with exactly these components build to; in a copy below `folder`, side by side."""
    for name in ("apps", "infrastructure"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    wanted = list(choices)
    places = [_cluster(folder, f"c{number}", choice, settings or {}) for number, choice in enumerate(wanted)]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return dict(zip(wanted, pool.map(run, places), strict=True))


def _cluster(folder: Path, name: str, choice: tuple[str, ...], settings: Mapping[str, str]) -> Path:
    place = folder / "clusters" / name
    shutil.copytree(CLUSTER, place)
    file = place / "kustomization.yaml"
    text = file.read_bytes()
    for component in offered().values():
        text = edit.set_listed(text, component.entry, on=component.name in choice)
    file.write_bytes(text)
    if settings:
        file = place / "settings.yaml"
        edits: dict[tuple[str | int | edit.Match, ...], str] = {
            (0, "data", key): value for key, value in settings.items()
        }
        file.write_bytes(edit.replace_scalars(file.read_bytes(), edits))
    return place
