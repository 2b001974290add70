"""Argo CD's own version: the minors on the way, and what the cluster does at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bootstrap import argocd, kube
from bootstrap.argocd import Manifest
from bootstrap.argocd.install_manifest import Variant
from bootstrap.argocd.wait import API_VERSION
from bootstrap.core.errors import InputError, RefusedError
from bootstrap.core.invocation import Invocation
from bootstrap.init import preflight
from bootstrap.kube import Cluster
from bootstrap.kube.state import Preview
from bootstrap.layout.settings import Settings
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.upgrade.checks import numbers
from bootstrap.upgrade.request import Request

_TRIED = "moving Argo CD's version"


def way(current: str, wanted: str, known: Sequence[str], downgrade: bool) -> tuple[str, ...]:
    """The versions to go through, the wanted one last; each is one minor above the previous one.

    `known` are those whose checksums this program has. RefusedError: a minor on the way is not among them,
    or the wanted one is older.
    """
    given, wanted = wanted, wanted if wanted.startswith("v") else f"v{wanted}"
    old, new = numbers(current), numbers(wanted)
    if new == (0, 0, 0):
        raise InputError(
            "reading --argocd", f"{given!r} is not a version", f"give one such as {argocd.VERSION}"
        )
    if new == old:
        return ()
    if new < old:
        if downgrade:
            return (wanted,)
        found = f"{current} is laid out, but {wanted} is older"
        raise RefusedError(_TRIED, found, "go back with git revert, or deliberately with --downgrade")
    if new[0] != old[0]:
        found = f"{current} and {wanted} are of different major versions"
        hint = f"read its upgrade page, and move with bootstrap init … --argocd-version {wanted}"
        raise RefusedError(_TRIED, found, hint)
    steps = []
    for minor in range(old[1] + 1, new[1]):
        fitting = [one for one in known if numbers(one)[:2] == (new[0], minor)]
        if not fitting:
            found = f"from {current} to {wanted} leads through v{new[0]}.{minor}, whose checksum is not known"
            hint = f"move to one of its patches first: --argocd v{new[0]}.{minor}.PATCH --sha256 HEX"
            raise RefusedError(_TRIED, found, hint)
        steps.append(max(fitting, key=numbers))
    return (*steps, wanted)


def manifest(
    request: Request, version: str, variant: Variant, last: bool, invocation: Invocation
) -> Manifest:
    """The verified manifest of one version on the way; the options are for the last one."""
    given = (request.argocd_manifest, request.sha256) if last else (None, None)
    return argocd.manifest(invocation, version, variant, *given)


def known_versions(variant: Variant) -> list[str]:
    return sorted({version for version, other in argocd.PINNED if other == variant}, key=numbers)


def check_follows(cluster: Cluster, settings: Settings, root: str) -> None:
    """RefusedError unless the cluster's root Application follows this layout: others stay untouched."""
    namespace = cluster.argocd_namespace
    found = kube.get(cluster, API_VERSION, "Application", namespace, root)
    if found is None:
        hint = "give the --context of a cluster that was installed from this repository"
        raise RefusedError(_TRIED, f"{cluster.server} has no Application {namespace}/{root}", hint)
    item = ClusterObject(API_VERSION, "Application", namespace, root, b"")
    preview = Preview(item, "same", before=found)
    findings = list(preflight.of_root([preview], settings.repo_url, settings.folder, force=False))
    preflight.refuse(findings, [])


def apply_crds(cluster: Cluster, manifest_text: bytes, report: Callable[[str], None]) -> bool:
    """Apply the new version's CRDs before its controllers; returns whether anything changed.

    By force: a moment later, Git has the same.
    """
    objects = [one for one in split.split(manifest_text, "Argo CD's manifest") if _is_crd(one)]
    done = kube.apply(cluster, objects, force=True, report=report, namespace=cluster.argocd_namespace)
    return any(one.changed for one in done)


def _is_crd(item: ClusterObject) -> bool:
    return item.kind == "CustomResourceDefinition"
