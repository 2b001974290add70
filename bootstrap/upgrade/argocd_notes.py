"""Breaking changes in each minor version of Argo CD, from its upgrade pages, searched in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bootstrap.resources.applications import sources
from bootstrap.resources.index import Resource, mapping
from bootstrap.upgrade.checks import Note, numbers


@dataclass(frozen=True)
class _Break:
    """`found` is a pattern in a YAML file whose path matches `file`; `missing`: the pattern must be there."""

    minor: tuple[int, int]
    pattern: str
    found: str
    fix: str
    file: str = r".*\.ya?ml"
    missing: bool = False
    fatal: bool = False


_BREAKS = (
    _Break(
        (3, 1),
        r"enablePKCEAuthentication:\s*[\"']?true",
        "PKCE is handled by the server from v3.1 on",
        "add https://HOST/auth/callback to the client's redirect URIs at the identity provider",
    ),
    _Break(
        (3, 3),
        r"ServerSideApply=true",
        "from v3.3 on, Argo CD's CRDs are too large for client-side apply, and Argo CD manages itself",
        "add ServerSideApply=true to syncOptions of Application argocd",
        r"infrastructure/argocd/application\.ya?ml",
        missing=True,
        fatal=True,
    ),
    _Break(
        (3, 3),
        r"ClientSideApplyMigration=false",
        "v3.3.2 and newer migrate fields of client-side apply by themselves",
        "remove ClientSideApplyMigration=false",
    ),
    _Break(
        (3, 4),
        r"argocd\.argoproj\.io/kubernetes-version:\s*[\"']?\d+\.\d+[\"']?\s*\n",
        "v3.4 writes clusters' versions as vMAJOR.MINOR.PATCH",
        "use that form in the selector",
    ),
    _Break(
        (3, 6),
        r"\bARGOCD_REPO_OTLP_HEADERS\b",
        "v3.6 no longer reads ARGOCD_REPO_OTLP_HEADERS",
        "rename it to ARGOCD_REPO_SERVER_OTLP_HEADERS",
    ),
)


def crossed(
    before: str, after: str, files: Mapping[str, bytes], objects: Iterable[Resource], prefix: str
) -> Iterator[Note]:
    """The breaking changes between two versions that affect this repository: files, rendered objects."""
    old, new = numbers(before)[:2], numbers(after)[:2]
    for one in _BREAKS:
        if old < one.minor <= new:
            yield from _looked_for(one, files, prefix)
    applications = [one for one in objects if one.body.get("kind") == "Application"]
    for minor, check in (((3, 2), _hydrated), ((3, 5), _rendered)):
        if old < minor <= new:
            for application in applications:
                yield from check(application)


def _hydrated(application: Resource) -> Iterator[Note]:
    hydrator = mapping(application.spec.get("sourceHydrator"))
    path = str(mapping(hydrator.get("syncSource")).get("path") or "")
    if hydrator and path.strip("/") in ("", "."):
        found = f"v3.2 no longer hydrates into the repository's root, which {application} asks for"
        yield Note(found, "give sourceHydrator.syncSource.path a folder", _where(application), fatal=True)


def _rendered(application: Resource) -> Iterator[Note]:
    for source in sources(application.body):
        helm = mapping(source.body.get("helm"))
        if str(helm.get("version") or "").lstrip("v") == "3":
            found = f"v3.5 only renders with Helm 4 and ignores helm.version of {application}"
            yield Note(
                found, "compare its rendered objects before and after, and remove it", _where(application)
            )


def _where(resource: Resource) -> str:
    return resource.place


def _looked_for(one: _Break, files: Mapping[str, bytes], prefix: str) -> Iterator[Note]:
    for path, content in sorted(files.items()):
        inner = path.removeprefix(prefix)
        if not path.startswith(prefix) or not re.fullmatch(one.file, inner):
            continue
        if inner.startswith("infrastructure/argocd/manifests/install"):
            continue  # Argo CD's own
        text = content.decode("utf-8", "replace")
        found = re.search(one.pattern, text)
        if one.missing and found is None:
            yield Note(one.found, one.fix, path, one.fatal)
        elif not one.missing and found is not None:
            line = text.count("\n", 0, found.end() - 1) + 1
            yield Note(one.found, one.fix, f"{path}:{line}", one.fatal)
