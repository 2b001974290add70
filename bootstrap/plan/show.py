"""Pure: a plan as text for a person and as data for `-o json`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bootstrap.core.text import counted
from bootstrap.git.changes import PARENT_COMMIT, FileChange
from bootstrap.kube.state import Preview
from bootstrap.manifests.objects import ClusterObject
from bootstrap.plan.steps import (
    DeleteObjects,
    EnsureDeployKey,
    EnsureRepository,
    EnsureSecret,
    EnsureWebhook,
    Plan,
    PushFiles,
    ServerSideApply,
    Step,
    WaitFor,
)

LONG_FILE = 400
"""A new file of at least this many lines is listed with its length instead of being shown."""


def title(step: Step) -> str:
    """One line: what the step does."""
    match step:
        case EnsureRepository():
            return f"create the private repository {step.url}"
        case PushFiles():
            on_branch = [commit for commit in step.commits if not commit.separate]
            files = {change.path for commit in on_branch for change in commit.changes}
            commits, changed = counted(len(step.commits), "commit"), counted(len(files), "file")
            if step.review:
                into = f"{step.branch} of {step.url}"
                return f"open a pull request for {commits} ({changed}) from {step.review} into {into}"
            return f"push {commits} ({changed}) to {step.branch} of {step.url}"
        case ServerSideApply():
            return f"apply {step.title} ({counted(len(step.objects), 'object')})"
        case EnsureSecret():
            keys = [*step.generate, *(key for key, _ in step.values_from), *(key for key, _ in step.literals)]
            asked = f", as Application {step.asked_by} requests" if step.asked_by else ""
            return f"make Secret {step.namespace}/{step.name} ({', '.join(keys)}){asked}"
        case EnsureWebhook():
            return f"create a webhook from {step.repository} to {step.url}"
        case EnsureDeployKey():
            return f"let Argo CD read {step.repository} with a deploy key"
        case DeleteObjects():
            return f"delete {counted(len(step.objects), 'object')}"
        case WaitFor():
            return f"wait until {step.root} and its children are Synced and Healthy"


def plan_lines(plan: Plan, previews: tuple[Preview, ...] = (), diff: bool = False) -> Iterator[str]:
    """The plan: each step with its files or objects; with `diff`, every difference in them."""
    changed = {preview.object: preview for preview in previews}
    for number, step in enumerate(plan.steps, 1):
        yield f"{number}. {title(step)}"
        if isinstance(step, PushFiles):
            for commit in step.commits:
                yield f"   commit: {commit.message.splitlines()[0]}"
                if commit.separate:
                    yield "   (not on the branch; to compare with next time)"
                    continue
                for change in commit.changes:
                    yield from _file_lines(change, diff)
        elif isinstance(step, ServerSideApply):
            for item in step.objects:
                yield f"   {changed[item].change if item in changed else 'apply'} {item}"
                if diff and item in changed and changed[item].before:
                    yield from _object_lines(changed[item])
    for note in plan.notes:
        yield f"note: {note}"


def full_lines(plan: Plan, previews: tuple[Preview, ...] = ()) -> Iterator[str]:
    """What a dry run shows: the steps, then each with every difference, and what was done (nothing)."""
    yield from summary_lines(plan)
    if not plan.steps:
        return
    yield ""
    yield from plan_lines(replace(plan, notes=()), previews, diff=True)
    yield ""
    yield f"{counted(len(plan.steps), 'step')}; nothing was changed"


def summary_lines(plan: Plan) -> Iterator[str]:
    """One line per step, and the notes."""
    for number, step in enumerate(plan.steps, 1):
        yield f"  {number}. {title(step)}"
    for note in plan.notes:
        yield f"note: {note}"


def plan_data(plan: Plan, previews: tuple[Preview, ...] = ()) -> dict[str, Any]:
    """The plan as JSON data (docs/json.md); contents are given by size, never shown."""
    changes = {preview.object: preview.change for preview in previews}
    return {
        "changes": plan.changes_something,
        "steps": [_step_data(step, changes) for step in plan.steps],
        "notes": list(plan.notes),
    }


def _step_data(step: Step, changes: Mapping[ClusterObject, str]) -> dict[str, Any]:
    data: dict[str, Any] = {"step": type(step).__name__, "title": title(step)}
    if isinstance(step, PushFiles):
        data["branch"], data["expect"] = step.branch, step.expect
        if step.review:
            data["review"] = step.review
        data["commits"] = [
            {
                "message": commit.message,
                "separate": commit.separate,
                "files": [
                    {"path": change.path, "change": _kind(change), "bytes": len(change.content or b"")}
                    for change in commit.changes
                ],
            }
            for commit in step.commits
        ]
    elif isinstance(step, ServerSideApply):
        data["objects"] = [
            {
                "apiVersion": item.api_version,
                "kind": item.kind,
                "namespace": item.namespace,
                "name": item.name,
                "change": changes.get(item),
            }
            for item in step.objects
        ]
    elif isinstance(step, EnsureSecret):
        data["namespace"], data["name"] = step.namespace, step.name
        if step.asked_by:
            data["askedBy"] = step.asked_by
    return data


def _kind(change: FileChange) -> str:
    if change.content is None:
        return "delete"
    return "add" if change.before is None else "change"


def _file_lines(change: FileChange, diff: bool) -> Iterator[str]:
    yield f"   {_kind(change)} {change.path}"
    if not diff:
        return
    before, after = _text(change.before), _text(change.content)
    if not before and len(after) > LONG_FILE:
        yield f"     ({len(after)} lines)"
        return
    for line in difflib.unified_diff(before, after, n=2, lineterm=""):
        if not line.startswith(("--- ", "+++ ")):
            yield f"     {line.replace(PARENT_COMMIT, '(the previous commit, whose id is not known yet)')}"


def _object_lines(preview: Preview) -> Iterator[str]:
    import json

    def text(item: Any) -> list[str]:
        item = {key: value for key, value in dict(item or {}).items() if key != "status"}
        metadata = {
            key: value
            for key, value in item.get("metadata", {}).items()
            if key not in ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
        }
        if preview.object.kind == "Secret":
            item = {key: value for key, value in item.items() if key not in ("data", "stringData")}
            metadata.pop("annotations", None)  # kubectl keeps the last applied values there
        return json.dumps({**item, "metadata": metadata}, indent=2, sort_keys=True).splitlines()

    for line in difflib.unified_diff(text(preview.before), text(preview.after), n=2, lineterm=""):
        if not line.startswith(("--- ", "+++ ")):
            yield f"     {line}"


def _text(content: bytes | None) -> list[str]:
    return content.decode("utf-8", "replace").splitlines() if content else []
