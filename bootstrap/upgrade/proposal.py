"""What an upgrade would do, read and checked: the merge, what changes in the cluster, what breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bootstrap.core.invocation import Invocation
from bootstrap.core.text import counted
from bootstrap.git.changes import FileChange
from bootstrap.init import build_check
from bootstrap.init.plan_layout import Desired
from bootstrap.init.preflight import Finding
from bootstrap.layout import files
from bootstrap.layout.lines import sections
from bootstrap.upgrade import argocd_notes, checks, rendered
from bootstrap.upgrade.checks import Note
from bootstrap.upgrade.rendered import Difference
from bootstrap.upgrade.stage import Before


@dataclass(frozen=True)
class Proposal:
    """One stage. Fatal `findings` prevent it; `argocd` is the version that it moves to, if any."""

    before: Before
    desired: Desired
    catalog: str
    difference: Difference
    notes: tuple[Note, ...] = ()
    findings: tuple[Finding, ...] = ()
    argocd: str = ""

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """What changes on the branch."""
        return tuple(
            change for commit in self.desired.commits if not commit.separate for change in commit.changes
        )

    @property
    def subject(self) -> str:
        return self.desired.commits[-1].message.partition("\n")[0] if self.desired.commits else ""


def examine(
    before: Before,
    desired: Desired,
    catalog: str,
    invocation: Invocation,
    report: Callable[[str], None],
    *,
    argocd: str = "",
    fetch_charts: bool = False,
) -> Proposal:
    """Build and compare both sides; raises the errors of fetching kustomize."""
    old, new = before.repo.files, desired.tree
    if not desired.commits:
        return Proposal(before, desired, catalog, Difference(), argocd=argocd)
    prefix = before.prefix
    findings = tuple(build_check.findings(old, new, prefix, invocation, report))
    urls = tuple(dict.fromkeys([before.settings.repo_url, before.repo.url]))
    found = rendered.difference(old, new, urls, invocation, report, fetch_charts)
    record = before.previous.record
    notes = [
        *_of_values(before, desired),
        *checks.served_no_more(found.before.values(), found.after.values()),
        *(
            argocd_notes.crossed(record.argocd_version, argocd, new, found.after.values(), prefix)
            if argocd
            else ()
        ),
    ]
    return Proposal(before, desired, catalog, found, tuple(dict.fromkeys(notes)), findings, argocd)


def _of_values(before: Before, desired: Desired) -> Iterator[Note]:
    shipped, settings = before.previous.shipped, before.settings
    if shipped is None or desired.catalog is None:
        return
    clusters = list(before.clusters().values())
    theirs = files.shipped(desired.catalog, None, clusters)
    yield from checks.removed_values(shipped, theirs, desired.tree, settings.prefix)


def lines(one: Proposal, full: bool) -> Iterator[str]:
    """The plan as text; with `full`, every difference."""
    record = one.before.previous.record
    if one.argocd:
        yield f"Argo CD     {record.argocd_version} -> {one.argocd}"
    elif record.catalog_version != one.catalog:
        yield f"catalog     {record.catalog_version} -> {one.catalog}"
    else:
        yield f"catalog     {one.catalog}"
    for change in one.changes:
        yield f"  {_kind(change)} {change.path}"
    if one.desired.commits:
        yield from rendered.lines(one.difference, full)
    for note in one.desired.notes:
        if not note.startswith("open conflict, "):  # each is reported below
            yield f"note: {note}"
    for broken in one.notes:
        yield f"breaking: {broken}"
    for conflict in one.desired.conflicts:
        yield f"conflict  {conflict.path}: {conflict.reason.value}"
        if full:
            yield from (f"     {line}" for line in sections(conflict.text))


def data(one: Proposal) -> dict[str, Any]:
    """The plan as JSON data (docs/json.md)."""
    record = one.before.previous.record
    return {
        "catalog": {"before": record.catalog_version, "after": one.catalog},
        "argocd": {"before": record.argocd_version, "after": one.argocd or record.argocd_version},
        "files": [{"path": change.path, "change": _kind(change)} for change in one.changes],
        "rendered": rendered.data(one.difference),
        "breaking": [
            {"found": note.found, "fix": note.fix, "where": note.where or None, "fatal": note.fatal}
            for note in one.notes
        ],
        "conflicts": [{"path": item.path, "reason": item.reason.value} for item in one.desired.conflicts],
        "notes": list(one.desired.notes),
    }


def body(one: Proposal, branch: str) -> str:
    """The text of a pull request; `branch` has the open conflicts, "" for none."""
    parts = ["By `bootstrap upgrade`.", "", "```text", *_cut(list(lines(one, full=False))), "```"]
    for conflict in one.desired.conflicts:
        shown = sections(conflict.text)
        parts += ["", f"**Open conflict** `{conflict.path}`: {conflict.reason.value}"]
        parts += ["~~~~", *_cut(shown), "~~~~"] if shown else []
    if branch:
        what = counted(len(one.desired.sides), "file")
        parts += [
            "",
            f"{what} in conflict: they stay as they are until resolved. Once this is merged, "
            f"`git merge origin/{branch}` shows both sides, and the merge closes them.",
        ]
    return "\n".join(parts)


def _cut(text: list[str], most: int = 200) -> list[str]:
    clean = [line.replace("```", "'''").replace("~~~~", "'''") for line in text]
    return clean if len(clean) <= most else [*clean[:most], f"... and {len(clean) - most} more lines"]


def _kind(change: FileChange) -> str:
    return "delete" if change.content is None else "add" if change.before is None else "change"
