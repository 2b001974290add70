"""The running images compared with those in Git, Application by Application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.argocd.status import key_of
from bootstrap.core.output import Output
from bootstrap.repository.model import Options
from bootstrap.repository.open import opened
from bootstrap.resources.pods import WORKLOADS, containers


@dataclass(frozen=True)
class Difference:
    """An Application whose images differ: those that only run, and those that are only in Git."""

    application: str
    runs: tuple[str, ...]
    git: tuple[str, ...]

    def line(self) -> str:
        runs, git = ", ".join(self.runs) or "none of them", ", ".join(self.git) or "none of them"
        return f"{self.application}: runs {runs}; Git has {git}"


def running(applications: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The running images by Application (`namespace/name`), as Argo CD reports them."""
    found = {}
    for application in applications:
        summary = (application.get("status") or {}).get("summary") or {}
        if summary.get("images"):
            found["/".join(key_of(application))] = sorted(summary["images"])
    return found


def in_git(repository: Path, output: Output) -> dict[str, list[str]]:
    """The images of each Application's workloads in the repository; charts are not rendered."""
    found: dict[str, set[str]] = {}
    with opened(repository, output, Options()) as read:
        for scope in read.scopes:
            for resource in read.objects(scope):
                if resource.application and resource.kind in WORKLOADS:
                    images = {str(one.body["image"]) for one in containers(resource) if one.body.get("image")}
                    found.setdefault(resource.application, set()).update(images)
    return {application: sorted(images) for application, images in found.items()}


def differences(runs: Mapping[str, Sequence[str]], git: Mapping[str, Sequence[str]]) -> Iterator[Difference]:
    """Where Git's images do not run; other images that run there (sidecars, charts) are not a difference."""
    for application, wanted in sorted(git.items()):
        live = {_plain(image): image for image in runs.get(application, ())}
        if application not in runs:
            continue
        missing = tuple(image for image in wanted if _plain(image) not in live)
        if missing:
            names = {_name(image) for image in missing}
            instead = tuple(live[key] for key in sorted(live) if _name(key) in names)
            yield Difference(application, instead, missing)


def _plain(image: str) -> str:
    """The short form of Docker Hub names: `docker.io/library/redis` is `redis`."""
    return image.removeprefix("docker.io/").removeprefix("index.docker.io/").removeprefix("library/")


def _name(image: str) -> str:
    plain = _plain(image).partition("@")[0]
    head, colon, tag = plain.rpartition(":")
    return head if colon and "/" not in tag else plain
