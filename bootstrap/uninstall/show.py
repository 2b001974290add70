"""Pure: a removal as text for a person, and as data for `-o json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.core.text import counted
from bootstrap.uninstall import plan as plans
from bootstrap.uninstall.observe import Seen
from bootstrap.uninstall.plan import Wanted
from bootstrap.uninstall.steps import Plan, some, title


def lines(seen: Seen, decided: Wanted, plan: Plan) -> Iterator[str]:
    """What is touched, what goes, what stays, what is lost, and the steps."""
    yield f"cluster     {seen.context}: {seen.server}"
    if seen.place.repo_url:
        yield f"follows     {seen.place.folder} of {seen.place.repo_url} ({seen.place.branch})"
    if seen.pending:
        yield "a removal has begun here: this run continues it"
    for name, found in (("is removed", goes(seen, decided)), ("stays", plans.stays(seen, decided))):
        yield from _section(name, found)
    lost = lost_lines(seen, decided)
    yield from _section("is lost for good", lost or ["nothing, as far as is known"])
    yield "steps"
    yield from (f"  {number}. {title(step)}" for number, step in enumerate(plan.steps, 1))


def goes(seen: Seen, decided: Wanted) -> list[str]:
    """What is gone afterwards, one line each."""
    found = []
    if seen.tree:
        names = sorted(name for _, name in seen.tree)
        how = "with the objects that Git says to delete" if decided.prune else "without their objects"
        found.append(f"{counted(len(names), 'Application')}, {how}: {some(names)}")
    if decided.argocd and seen.objects:
        count = counted(len(seen.objects) + len(seen.cluster_wide), "object")
        found.append(f"Argo CD: {count}, with the credentials, accounts and clusters that it was given")
    if decided.argocd and seen.crds and not decided.keep_crds:
        found.append(f"Argo CD's CRDs: {some(seen.crds)}")
    if decided.argocd and plans.namespace_goes(seen):
        found.append(f"Namespace {seen.home}")
    if decided.repository and seen.place.folder:
        found.append(f"{seen.place.folder} in Git, by a commit; webhook and deploy key at the host")
    return found


def lost_lines(seen: Seen, decided: Wanted) -> list[str]:
    """What cannot be restored."""
    return [str(loss) for loss in seen.costs.losses] if decided.prune else []


def data(seen: Seen, decided: Wanted, plan: Plan) -> dict[str, Any]:
    """The same as JSON data (docs/json.md)."""
    return {
        "cluster": {"context": seen.context, "server": seen.server},
        "repository": {
            "url": seen.place.repo_url,
            "branch": seen.place.branch,
            "folder": seen.place.folder,
        },
        "pending": seen.pending is not None,
        "prune": decided.prune,
        "goes": goes(seen, decided),
        "stays": plans.stays(seen, decided),
        "lost": lost_lines(seen, decided),
        "steps": [{"step": type(step).__name__, "title": title(step)} for step in plan.steps],
    }


def _section(name: str, found: list[str]) -> Iterator[str]:
    if found:
        yield name
        yield from (f"  {line}" for line in found)
