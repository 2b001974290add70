"""Pure: the repository as `init` wants it, from the catalog, the settings and the existing files.

It takes one push of at most two commits. The first has the catalog as shipped and nothing
else: a later layout compares with it. The second has the clusters' settings, and merges the
first into the branch; users' own files and edits are only in their own commits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bootstrap.core import next_run
from bootstrap.core.errors import RefusedError
from bootstrap.core.names import RECORD
from bootstrap.git.changes import PARENT_COMMIT, Commit, FileChange
from bootstrap.init import layout_notes
from bootstrap.layout import argocd_edits, files, merge_entries
from bootstrap.layout.merge import Conflict, Merged, MergeText, Reason, three_way
from bootstrap.layout.settings import Record, Settings, recorded_settings, render_record
from bootstrap.yamledit import edit

CATALOG_TRAILER = "Bootstrap-Catalog"
OPEN = ".bootstrap-open"

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Sides:
    """An open conflict as git stores one: the common base, ours and the catalog's (None: no file)."""

    path: str
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


@dataclass(frozen=True)
class Desired:
    """The desired repository: `tree` is what was read, with the changes; `commits` lead to it."""

    tree: Files
    commits: tuple[Commit, ...] = ()
    notes: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    merges: bool = False
    """Whether a newer catalog is merged into an existing layout."""
    sides: Mapping[str, Sides] = field(default_factory=dict)
    """One for each conflict of files, by the catalog's path; `Sides.path` is where the file is here."""
    catalog: Files | None = None
    """What was merged."""


@dataclass(frozen=True)
class Source:
    """What is laid out. `manifest` is Argo CD's, None to keep the existing one.

    `subject` is that of the commit with the settings; "" for the one of `init`.
    """

    catalog: Files
    version: str
    manifest: bytes | None
    message_suffix: str = ""
    subject: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The public keys that Argo CD gets: ID → ASCII armor; empty to keep the existing ones."""


@dataclass(frozen=True)
class PreviousLayout:
    """The last layout: its record, and the commit of the catalog as shipped (None if it is lost)."""

    record: Record
    shipped: Files | None

    def clusters(self, like: Settings) -> list[Settings]:
        """The settings of every cluster in the record, in its order."""
        found = (recorded_settings(self.record, replace(like, cluster=name)) for name in self.record.clusters)
        return [settings for settings in found if settings]


def first_layout(
    source: Source, settings: Settings, tip: Files, merge_text: MergeText, branch_exists: bool
) -> Desired:
    """Into a repository without a layout at this path; existing files stay."""
    shipped = files.shipped(source.catalog, source.manifest, [settings])
    wanted = files.edited(shipped, [settings])
    ours = {path: tip[path] for path in wanted if path in tip}
    untouched = {path: content for path, content in ours.items() if shipped[path] == content}
    merged = three_way(untouched, ours, wanted, merge_text, settings.prefix, laid_before=False)
    record = render_record(None, settings, source.version, PARENT_COMMIT, _reasons(merged), merged.retired)
    tree = {
        **tip,
        **merged.files,
        **argocd_edits.key_file(settings, source.keys),
        settings.prefix + RECORD: record,
    }
    catalog = _catalog_commit(source, {}, shipped, separate=branch_exists)
    commits = (catalog, *_settings_commit(source, settings, tip if branch_exists else shipped, tree))
    return Desired(tree, commits, layout_notes.of_merge(merged), merged.conflicts)


def next_layout(
    source: Source,
    settings: Settings,
    previous: PreviousLayout,
    tip: Files,
    merge_text: MergeText,
    components_asked: tuple[Sequence[str], Sequence[str]] = ((), ()),
    *,
    left_to_git: bool = False,
    edit_tree: Callable[[dict[str, bytes]], Mapping[str, bytes]] = lambda tree: tree,
    paths: Container[str] = (),
) -> Desired:
    """Over an earlier layout: the catalog's changes by a merge, settings by editing existing files.

    `left_to_git`: conflicts of files become git's own (`Desired.sides`); none is recorded as open.
    `edit_tree` makes further edits to the merged files. `paths` are all of the tip.
    """
    recorded = previous.clusters(settings)
    before = next((one for one in recorded if one.cluster == settings.cluster), None)
    clusters = recorded if before else [*recorded, settings]
    old_manifest = _manifest_before(previous, tip, settings)
    old = laid_catalog(previous, settings)
    if old is None and previous.record.catalog_version == source.version:
        old = source.catalog  # its commit is lost, but a version's catalog is always the same
    base: dict[str, bytes] = {}
    known: dict[str, bytes] = {}
    newer = previous.shipped is None or not recorded
    if old is not None and recorded:
        base = files.edited(files.shipped(old, old_manifest, recorded), recorded)
        newer = newer or files.shipped(old, None, recorded) != files.shipped(source.catalog, None, recorded)
        known = base
        base = still_open(base, previous, settings.prefix)
    manifest = old_manifest if source.manifest is None else source.manifest
    shipped = files.shipped(source.catalog, manifest, clusters)
    theirs = files.edited(shipped, clusters)
    merged = three_way(
        base, tip, theirs, merge_text, settings.prefix, laid_before=bool(base), known=known, paths=paths
    )
    tree = dict(merged.files)
    notes: tuple[str, ...] = ()
    if before:
        first = recorded[0].cluster == settings.cluster
        tree = files.changed(tree, before, settings, components_asked=components_asked, is_apps=first)
        for other in recorded:  # all clusters share Argo CD's folder
            shared = replace(other, signed_by=settings.signed_by, argocd_images=settings.argocd_images)
            tree |= argocd_edits.changed(tree, other, shared) if other != before else {}
    else:
        tree, left_out = _without_missing(tree, settings)
        notes = (*left_out, *notes)
    tree |= argocd_edits.key_file(settings, source.keys)
    notes = (*notes, *_of_domain(recorded, before, settings))
    tree = dict(edit_tree(tree))
    sides = _sides(merged, tree, theirs)
    reasons = {path: why for path, why in _reasons(merged).items() if not (left_to_git and path in sides)}
    kept = {
        _open_path(path, settings.prefix): text
        for path, text in merged.open.items()
        if text is not None and not (left_to_git and path in sides)
    }
    lays = newer or not set(kept) <= set(previous.shipped or {})
    version = source.version if lays else previous.record.catalog_version
    commit = PARENT_COMMIT if lays else previous.record.catalog_commit
    record = settings.prefix + RECORD
    tree[record] = render_record(tip[record], settings, version, commit, reasons, merged.retired)
    catalog = []
    if lays:
        onto = previous.record.catalog_commit if previous.shipped is not None else None
        catalog = [
            _catalog_commit(source, previous.shipped or {}, {**shipped, **kept}, separate=True, onto=onto)
        ]
    commits = (*catalog, *_settings_commit(source, settings, tip, tree))
    lost = _missing(previous, source.version, set(merged.files) - set(tip))
    notes = (*lost, *layout_notes.of_merge(merged, newer), *notes)
    return Desired(tree, commits, notes, merged.conflicts, newer and base != theirs, sides, source.catalog)


def laid_catalog(previous: PreviousLayout, like: Settings) -> Files | None:
    """The catalog that is laid out now; None if its commit is not available."""
    recorded = previous.clusters(like)
    return files.recovered(previous.shipped, recorded) if previous.shipped is not None and recorded else None


def refuse_older(version: str, record: Record) -> None:
    """RefusedError when this program is older than the catalog in the layout: it would undo its changes."""
    if _numbers(version) < _numbers(record.catalog_version):
        raise RefusedError(
            "comparing the catalog with the one that is laid out",
            f"this is bootstrap {version}, but catalog {record.catalog_version} is laid out",
            f"use bootstrap {record.catalog_version} or newer, or --downgrade to go back deliberately",
            RECORD,
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def still_open(base: dict[str, bytes], previous: PreviousLayout, prefix: str) -> dict[str, bytes]:
    """The base; for a path with an open conflict, the text that was recorded when the conflict began."""
    opened = {*previous.record.conflicts, *previous.record.retired}
    if not opened:
        return base
    start = _open_path("", prefix)
    kept = {
        path[len(start) :]: text for path, text in (previous.shipped or {}).items() if path.startswith(start)
    }

    def is_open(path: str) -> bool:
        return any(path == one or path.startswith(f"{one}/") for one in opened)

    result = {path: text for path, text in base.items() if not is_open(path)}
    result |= {path: text for path, text in kept.items() if is_open(path)}
    foreign = [one for one, why in previous.record.conflicts.items() if why == Reason.FOREIGN.value]
    for path in filter(merge_entries.is_listing, result):
        result[path] = merge_entries.without_units(result[path], path.rpartition("/")[0], foreign)
    return result


def _open_path(path: str, prefix: str) -> str:
    """Where the catalog's commit keeps the base of an open conflict; never in the branch."""
    return f"{prefix}{OPEN}/{path}"


def _sides(merged: Merged, tree: Files, theirs: Files) -> dict[str, Sides]:
    """The conflicts that git can show; not those where a user's own folder or file is in the way."""
    folders = {folder for path in tree for folder in _above(path)}
    found: dict[str, Sides] = {}
    for one in merged.conflicts:
        place = merged.moved.get(one.path, one.path)
        blocked = place in folders or any(folder in tree for folder in _above(place))
        if one.reason is not Reason.FOREIGN and not blocked:
            still = merged.open.get(one.path)
            found[one.path] = Sides(place, still, tree.get(place), theirs.get(one.path))
    return found


def _above(path: str) -> list[str]:
    """Every folder that the path is in."""
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def _reasons(merged: Merged) -> dict[str, str]:
    return {conflict.path: conflict.reason.value for conflict in merged.conflicts}


def _without_missing(tree: dict[str, bytes], settings: Settings) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """A new cluster's kustomization, without the lines of what was removed from the repository."""
    path = f"{settings.folder}/kustomization.yaml"
    gone = {
        name: place
        for name, place in files.missing(tree, settings).items()
        if name not in settings.with_components
    }
    if not gone:
        return tree, ()
    content = tree[path]
    for component in [one for name, one in files.offered(tree, settings).items() if name in gone]:
        content = edit.drop_listed(content, component.entry, path)
    note = f"not offered to cluster {settings.cluster}, as they were removed here"
    return {**tree, path: content}, (f"{note}: {layout_notes.listed(sorted(gone.values()))}",)


def _of_domain(recorded: Sequence[Settings], before: Settings | None, settings: Settings) -> tuple[str, ...]:
    """A note that the apps' hosts only follow the domain of the first cluster."""
    first = recorded[0] if recorded else settings
    if settings.cluster == first.cluster or settings.domain == first.domain:
        return ()
    if before is not None and before.domain == settings.domain:
        return ()
    where = ("--domain", settings.domain, "--cluster", settings.cluster)
    add = next_run.command("env add", "NAME", "--from", "production", *where)
    return (
        f"the apps' hosts stay below {first.domain}, as all clusters share the apps' overlays; hosts below "
        f"{settings.domain} need an environment of their own: {add}",
    )


def _missing(previous: PreviousLayout, version: str, added: Collection[str]) -> tuple[str, ...]:
    """Notes about a lost commit of the catalog: only it tells new files from those that were removed here."""
    if previous.shipped is not None:
        return ()
    laid = previous.record.catalog_version
    commit = previous.record.catalog_commit[:12] or "(none recorded)"
    lost = f"the catalog's commit {commit} is not in the history: what differs from the current catalog"
    if laid == version:
        return (f"{lost} counts as changed here",)
    old = next_run.command("upgrade", "--to", "WHEEL")
    way = f"to merge as if it were there, first run {old} with bootstrap {laid}"
    unknown = f"laid out, whether they are new or were removed here: {layout_notes.listed(sorted(added))}"
    return (f"{lost} is an open conflict; {way}", *([unknown] if added else []))


def _manifest_before(previous: PreviousLayout, tip: Files, settings: Settings) -> bytes | None:
    """Argo CD's manifest as it was laid out last: the existing one, if it is the recorded one."""
    path = settings.prefix + files.MANIFEST
    here = tip.get(path)
    if here is not None and hashlib.sha256(here).hexdigest() == previous.record.argocd_sha256:
        return here
    return (previous.shipped or {}).get(path)


def _catalog_commit(
    source: Source, before: Files, shipped: Files, separate: bool, onto: str | None = None
) -> Commit:
    """The catalog as shipped. In an empty repository it is the first commit, else one outside the branch."""
    message = (
        f"Lay out catalog {source.version} as shipped{_suffix(source)}\n\n"
        "By `bootstrap init`. This commit has only the catalog, so that the next layout can tell\n"
        f"what was changed here.\n\n{CATALOG_TRAILER}: {source.version}\n"
    )
    return Commit(message, _changes(before, shipped), separate=separate, onto=onto)


def _settings_commit(source: Source, settings: Settings, before: Files, tree: Files) -> tuple[Commit, ...]:
    """Everything else; () if nothing changes."""
    changes = _changes(before, tree)
    subject = f"{source.subject or f'Settings of cluster {settings.cluster}'}{_suffix(source)}"
    body = "By `bootstrap upgrade`." if source.subject else f"By `bootstrap init`, in {settings.folder}."
    return (Commit(f"{subject}\n\n{body}\n", changes),) if changes else ()


def _suffix(source: Source) -> str:
    return f" {source.message_suffix}".rstrip()


def _changes(before: Files, after: Files) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path, after.get(path), before.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    )
