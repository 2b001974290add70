"""The stages of an upgrade, in order: the catalog (with charts), then Argo CD, minor by minor."""

from __future__ import annotations

from bootstrap.core.errors import RefusedError
from bootstrap.core.output import Output
from bootstrap.git.remote import Remote
from bootstrap.upgrade import argocd_minors, catalogs, charts, proposal, stage
from bootstrap.upgrade.proposal import Proposal
from bootstrap.upgrade.request import Request
from bootstrap.upgrade.stage import Before


def first(where: Remote, path: str, request: Request, output: Output, *, left_to_git: bool) -> Proposal:
    """The first stage that has something to change; else the catalog's, with what is still open."""
    with output.progress("reading the repository"):
        before = stage.observe(where, path)
    catalog = _catalog(before, request, output, left_to_git)
    if catalog.desired.commits or request.argocd is None:
        return catalog
    return argocd_next(before, request, output, left_to_git) or catalog


def _catalog(before: Before, request: Request, output: Output, left_to_git: bool) -> Proposal:
    to = catalogs.find(request.to, output.invocation)
    bumps = (
        charts.Bumper(before.prefix, output.invocation, request.access.ca_file) if request.charts else None
    )
    desired = stage.catalog_stage(
        before,
        to,
        bumps.edit if bumps else lambda tree: tree,
        left_to_git=left_to_git,
        downgrade=request.downgrade,
        suffix=request.message_suffix,
    )
    if bumps:
        desired = bumps.with_notes(desired)
    stage.refuse_unsigned(before, desired, request.sign, output.invocation)
    with output.progress("comparing what is rendered") as progress:
        return proposal.examine(
            before,
            desired,
            to.version,
            output.invocation,
            progress.update,
            fetch_charts=request.fetch_charts,
        )


def argocd_next(before: Before, request: Request, output: Output, left_to_git: bool) -> Proposal | None:
    """The next minor on the way to the requested version; None if that is laid out."""
    record = before.previous.record
    assert request.argocd is not None  # noqa: S101 - asked for only then
    if before.settings.adopted:
        found = "this cluster's Argo CD was adopted: its installation is not managed here"
        raise RefusedError("moving Argo CD's version", found, "upgrade it where it was installed from")
    known = argocd_minors.known_versions(record.argocd_variant)
    steps = argocd_minors.way(record.argocd_version, request.argocd, known, request.downgrade)
    if not steps:
        return None
    manifest = argocd_minors.manifest(
        request, steps[0], record.argocd_variant, len(steps) == 1, output.invocation
    )
    suffix = request.message_suffix
    desired = stage.argocd_stage(before, manifest, output.invocation, left_to_git=left_to_git, suffix=suffix)
    stage.refuse_unsigned(before, desired, request.sign, output.invocation)
    if len(steps) > 1:
        later = f"then, once it is Synced and Healthy: {', '.join(steps[1:])}"
        desired = stage.with_note(desired, later)
    with output.progress("comparing what is rendered") as progress:
        return proposal.examine(
            before,
            desired,
            record.catalog_version,
            output.invocation,
            progress.update,
            argocd=manifest.version,
            fetch_charts=request.fetch_charts,
        )
