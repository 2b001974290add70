"""One step of an upgrade: the layout as it is, and with the next catalog, Argo CD or charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bootstrap.argocd import Manifest
from bootstrap.core import next_run
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.names import RECORD
from bootstrap.git import remote
from bootstrap.git.changes import RepositoryState
from bootstrap.git.remote import Remote
from bootstrap.init import images, plan_layout, preflight, signing_keys
from bootstrap.init.observe_repository import shipped_before
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source
from bootstrap.layout import catalog
from bootstrap.layout.settings import Settings, parse_record
from bootstrap.upgrade.catalogs import Catalog

Edit = Callable[[dict[str, bytes]], Mapping[str, bytes]]


@dataclass(frozen=True)
class Before:
    """A layout as it is on a branch. `settings` are those of the first cluster."""

    repo: RepositoryState
    previous: PreviousLayout
    settings: Settings

    @property
    def prefix(self) -> str:
        return self.settings.prefix

    @property
    def tip(self) -> str:
        return self.repo.tip or ""

    def clusters(self) -> dict[str, Settings]:
        """Every cluster of the layout, by its name."""
        return {one.cluster: one for one in self.previous.clusters(self.settings)}


def observe(where: Remote, path: str) -> Before:
    """The layout below `path` on the remote branch; InputError if there is none."""
    prefix = f"{path}/" if path else ""
    folders = tuple(f"{prefix}{folder}/" for folder in catalog.FOLDERS)
    repo = where.observe(read=(*folders, prefix + RECORD), under=path or None)
    tried = "reading the layout"
    if prefix + RECORD not in repo.files:
        everywhere = where.observe().paths if path else repo.paths
        elsewhere = sorted(one.rpartition("/")[0] for one in everywhere if f"/{one}".endswith(f"/{RECORD}"))
        hint = f"lay it out first: {next_run.command('init', repo.url)}"
        if elsewhere:
            here = "run it in the repository's root folder, or without --path"
            hint = f"name its folder: --path {elsewhere[0]}" if elsewhere[0] else here
        raise InputError(tried, f"{prefix}{RECORD} is not in branch {repo.branch}", hint, repo.url)
    record = parse_record(repo.files[prefix + RECORD], prefix + RECORD)
    last = PreviousLayout(record, shipped_before(where, record, prefix))
    clusters = last.clusters(Settings(repo.url, repo.branch, path=path))
    if not clusters:
        hint = f"lay one out: {next_run.command('init', repo.url, '--cluster', 'NAME')}"
        raise InputError(tried, f"{prefix}{RECORD} names no cluster", hint, repo.url)
    return Before(repo, last, clusters[0])


def catalog_stage(
    before: Before,
    to: Catalog,
    edit_tree: Edit,
    *,
    left_to_git: bool,
    downgrade: bool = False,
    suffix: str = "",
) -> Desired:
    """The catalog's changes merged, and the changes of `edit_tree`; RefusedError for an older one."""
    record = before.previous.record
    if not downgrade:
        plan_layout.refuse_older(to.version, record)
    subject = f"Upgrade catalog {record.catalog_version} to {to.version}"
    if record.catalog_version == to.version:
        subject = f"Upgrade with catalog {to.version}"
    source = Source(to.files, to.version, None, suffix, subject)
    return plan_layout.next_layout(
        source,
        before.settings,
        before.previous,
        before.repo.files,
        remote.merge_text,
        left_to_git=left_to_git,
        edit_tree=edit_tree,
        paths=before.repo.paths,
    )


def argocd_stage(
    before: Before, manifest: Manifest, invocation: Invocation, *, left_to_git: bool, suffix: str = ""
) -> Desired:
    """Argo CD's pin moved to another version, with the catalog that is laid out, and its images' digests."""
    record = before.previous.record
    named = images.settle(None, record.argocd_images, manifest.content, invocation)
    preflight.refuse(list(named.findings), [])
    settings = replace(
        before.settings,
        argocd_version=manifest.version,
        argocd_variant=manifest.variant,
        argocd_sha256=manifest.sha256,
        argocd_images=named.images,
    )
    shipped = plan_layout.laid_catalog(before.previous, before.settings)
    if shipped is None:
        raise InputError(
            "moving Argo CD's version",
            f"the catalog's commit {record.catalog_commit[:12] or '(none recorded)'} is not in the history",
            f"upgrade the catalog first: {next_run.command('upgrade')}",
            before.repo.url,
        )
    subject = f"Upgrade Argo CD {record.argocd_version} to {manifest.version}"
    source = Source(shipped, record.catalog_version, manifest.content, suffix, subject)
    desired = plan_layout.next_layout(
        source,
        settings,
        before.previous,
        before.repo.files,
        remote.merge_text,
        left_to_git=left_to_git,
        paths=before.repo.paths,
    )
    return replace(desired, notes=(*desired.notes, *named.notes))


def refuse_unsigned(before: Before, desired: Desired, sign: bool, invocation: Invocation) -> None:
    """RefusedError if Argo CD accepts only signed commits and these would not be signed."""
    record, commits = before.previous.record, bool(desired.commits)
    found = signing_keys.findings(record.signed_by, record.argocd_version, commits, sign, invocation)
    if commits and not record.signed_by:
        files, url = before.repo.files, before.repo.url
        found = signing_keys.unsigned_for_projects(files, before.prefix, url, sign, invocation)
    preflight.refuse(list(found), [])


def with_note(desired: Desired, note: str) -> Desired:
    """The same, with one more note."""
    return replace(desired, notes=(*desired.notes, note))
