"""Pure: which app and which environment a path of a repository belongs to.

An environment is an overlay: the folder below `overlays/` (or `environments/`, `envs/`), or what a
values file is named after (`values-staging.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from bootstrap.core import next_run
from bootstrap.core.errors import InputError
from bootstrap.core.text import near, suggest

_ENVIRONMENTS = ("overlays", "environments", "envs")
_APPS = ("apps", "infrastructure")
_NO_APP = ("base", "bases", "components", "manifests", "k8s", "deploy", "kustomize", "templates")
_VALUES = re.compile(r"values[-_.](?P<after>[a-z0-9][a-z0-9-]*)|(?P<before>[a-z0-9][a-z0-9-]*)[-_.]values")


class Home(NamedTuple):
    """Fields are None if the path does not show them."""

    app: str | None
    environment: str | None


def home_of(path: str) -> Home:
    """The app and environment of a file, by its folders and name."""
    folders = path.split("/")[:-1]
    app = environment = None
    for number, folder in enumerate(folders[:-1]):
        if folder in _APPS and app is None:
            app = folders[number + 1]
        if folder in _ENVIRONMENTS:
            environment = folders[number + 1]
            if app is None and number:
                app = folders[number - 1]
    if app is None:
        rest = [folder for folder in folders if folder not in (*_NO_APP, *_ENVIRONMENTS, environment)]
        app = rest[-1] if rest else None
    if environment is None:
        stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if found := _VALUES.fullmatch(stem):
            environment = found["after"] or found["before"]
    return Home(app, environment)


def is_in(path: str, environment: str) -> bool:
    """Whether a file belongs to the environment; without an overlay, any folder of that name counts."""
    home = home_of(path)
    if home.environment is not None:
        return home.environment == environment
    return environment in path.split("/")[:-1]


def app_folders(app: str, under: str = "") -> list[str]:
    """Where an app is in this project's layout, so that it is found without a search."""
    prefix = f"{under.rstrip('/')}/" if under else ""
    return [f"{prefix}{folder}/{app}" for folder in _APPS]


class Unknown(InputError):
    """A name that does not exist; `kind` is app, environment or image."""

    kind = ""


def unknown(tried: str, kind: str, name: str, known: Iterable[str], where: str | None = None) -> Unknown:
    """The error for a name that does not exist, with the most similar existing ones."""
    names = sorted(set(known))
    hint = suggest(near(name, names, most=3, cutoff=0.5))
    if not hint and names:
        hint = f"existing: {', '.join(names[:12])}"
    elif not hint:
        hint = f"list the images: {next_run.command('image list')}"
    error = Unknown(tried, f"there is no {kind} {name!r}", hint, where)
    error.kind = kind
    return error
