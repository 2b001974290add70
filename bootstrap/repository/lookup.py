"""Pure: names that do not exist: InputError with the existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.text import near, suggest
from bootstrap.resources.applications import sources
from bootstrap.resources.index import Index, Resource

_SHOWN = 20
_AROUND = {"overlays", "environments", "envs"}
"""Folders whose subfolders are environments: others, such as `chart/crds`, are not suggested."""


def check_application(asked: str | None, names: Iterable[str]) -> None:
    """InputError unless an Application exists; `names` are `namespace/name`, and either form may be given."""
    known = sorted({name.rpartition("/")[2] for name in names})
    if asked is not None and asked.rpartition("/")[2] not in known:
        raise missing("--app", f"there is no Application {asked}", asked, known)


def in_environment(applications: Mapping[str, Resource], environment: str) -> set[str]:
    """The Applications of one environment: their folder or name ends in it."""
    return {
        name
        for name, application in applications.items()
        if application.name.endswith(f"-{environment}") or environment in _folders(application)
    }


def check_environment(asked: str | None, applications: Mapping[str, Resource], on: bool = True) -> None:
    """InputError unless an environment has an Application; `on`: these are only the ones switched on."""
    if asked is not None and not in_environment(applications, asked):
        known = sorted(
            {
                folder
                for application in applications.values()
                for folder, around in _folders(application).items()
                if application.name.endswith(f"-{folder}") and around in _AROUND
            }
        )
        found = f"no Application{' that is switched on' if on else ''} belongs to an environment {asked}"
        raise missing("--env", found, asked, known)


def _folders(application: Resource) -> dict[str, str]:
    """The last folders of its paths, and the parent of each."""
    paths = ((source.path or "").rstrip("/").split("/") for source in sources(application.body))
    return {parts[-1]: parts[-2] for parts in paths if len(parts) > 1}


def missing(option: str, found: str, asked: str, known: list[str]) -> InputError:
    """The error for a name that is not known: with the most similar names, or some of them."""
    hint = suggest(near(asked, known, most=3))
    if not hint and known:
        hint = f"choose from: {', '.join(known[:_SHOWN])}{' and more' if len(known) > _SHOWN else ''}"
    elif not hint:
        hint = f"omit {option}: there is none to choose from"
    return InputError(f"reading {option}", found, hint)


@dataclass(frozen=True)
class Request:
    """The request; see the options of the commands."""

    path: Path
    cluster: str | None = None
    environment: str | None = None
    fetch_charts: bool = False
    cached: bool = True
    live: bool = False
    context: str | None = None


def of_environment(index: Index, environment: str | None) -> Index:
    """The objects of one environment's Applications."""
    if environment is None:
        return index
    chosen = in_environment(index.applications, environment)
    resources = [item for item in index.resources if item.application in chosen or not item.namespace]
    return Index(resources, index.opaque, index.promised, index.applications, beyond=index)
