"""Which helm and kustomize render a repository: its Argo CD's if they are here, else others, reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.core import on_path
from bootstrap.core.argocd_renderers import renderers, same_minor
from bootstrap.core.argocd_version import ARGOCD_VERSION
from bootstrap.core.invocation import Invocation
from bootstrap.programs.pinned import BY_NAME, Pinned
from bootstrap.repository import tools


@dataclass(frozen=True)
class Renderer:
    """A program that renders; `version` is "" if it does not say."""

    path: str
    version: str


def helm(argocd: str, invocation: Invocation, report: Callable[[str], None]) -> Renderer | None:
    """The helm to run: the one on PATH, or the sandbox's if only that one is what this Argo CD renders with.

    Argo CD's releases render with one helm each (since 3.5 with Helm 4, whatever an Application asks
    for), and a chart may come out differently with another: that is reported. None if there is none.
    """
    return _chosen("helm", argocd, invocation, report)


def kustomize(argocd: str, invocation: Invocation, report: Callable[[str], None]) -> str:
    """The kustomize to run, chosen in the same way; downloaded or built once if there is none."""
    found = _chosen("kustomize", argocd, invocation, report)
    return found.path if found is not None else tools.kustomize(invocation, report)


def _chosen(name: str, argocd: str, invocation: Invocation, report: Callable[[str], None]) -> Renderer | None:
    from bootstrap.programs import cache

    argocd = argocd or ARGOCD_VERSION
    known = renderers(argocd)
    wanted = getattr(known, name) if known is not None else ""
    pinned = BY_NAME[name]
    here = _on_path(pinned, invocation)
    if here is not None and (not wanted or same_minor(here.version, wanted)):
        return here
    if here is None or same_minor(pinned.version, wanted):
        kept = cache.find(pinned, invocation)
        here = Renderer(str(kept.path), pinned.version) if kept is not None else here
    if here is not None and wanted and not same_minor(here.version, wanted):
        what = f"{name} {here.version.removeprefix('v')}" if here.version else f"a {name} of unknown version"
        report(f"rendered with {what}; Argo CD {argocd} renders with {name} {wanted}")
    return here


def _on_path(pinned: Pinned, invocation: Invocation) -> Renderer | None:
    from bootstrap.programs.path import told

    found = on_path.find(pinned.name, invocation.environ)
    if found is None:
        return None
    _, version = told(found, pinned, invocation)
    return Renderer(found, f"v{version[1]}.{version[2]}.{version[3] or 0}" if version else "")
