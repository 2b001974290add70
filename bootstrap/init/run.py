"""What `bootstrap init` does: observe, plan, show, ask, execute."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import ExitStatus, InputError, RefusedError, StalePlan
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.init import observe
from bootstrap.init.request import Request
from bootstrap.kube.state import Preview
from bootstrap.layout.lines import sections
from bootstrap.plan import handlers, show
from bootstrap.plan.execute import Done, execute
from bootstrap.plan.steps import Plan, PushFiles, Step


def initialise(request: Request, output: Output) -> int:
    """Run `init`; returns the exit status, raises a BootstrapError for expected failures."""
    request.check()
    url = request.repo_url or _ask(output, "Repository URL", "REPO_URL")
    with ExitStack() as stack:
        session = observe.connect(request, url, output, stack)
        agreed: Plan | None = None
        for last in (False, True):
            observed = observe.observe(request, session, output)
            plan, previews = observe.plan(request, session, observed, output)
            if request.dry_run:
                return _show_only(output, observed, plan, previews)
            if request.go_on:
                _check_merged(plan)
            if agreed is None or _meaning(plan) != _meaning(agreed):
                _agree(request, output, observed, plan, previews)
                agreed = plan
            try:
                done = _execute(plan, session, output)
            except StalePlan:
                if last:
                    raise
                output.warn("the branch has moved in the meantime: reading it again")
                continue
            return _finish(request, output, observed, session, plan, done)
    raise AssertionError("the second attempt returns or raises")


def _check_merged(plan: Plan) -> None:
    """RefusedError for --continue if the branch does not have the layout yet."""
    for step in plan.steps:
        if isinstance(step, PushFiles):
            hint = "have the pull request merged, then run it again; without --continue it is updated"
            found = f"{step.branch} of {step.url} does not have the layout yet"
            raise RefusedError("continuing with the cluster", found, hint)


def _meaning(plan: Plan) -> Plan:
    """The plan without the tip that it is based on: the same changes on another tip need no second answer."""
    steps = (replace(step, expect=None) if isinstance(step, PushFiles) else step for step in plan.steps)
    return replace(plan, steps=tuple(steps))


def _show_only(output: Output, observed: observe.Observed, plan: Plan, previews: tuple[Preview, ...]) -> int:
    lines = [*_touched(observed), *show.full_lines(plan, previews)]
    for conflict in observed.view.desired.conflicts:
        lines += ["", f"conflict  {conflict.path}: {conflict.reason.value}"]
        lines += [f"     {line}" for line in sections(conflict.text)]
    opened = _open(observed)
    if opened:
        lines.append(opened)
    elif not plan.changes_something:
        lines.append("nothing to do: everything is up to date")
    output.result(
        {**_place(observed), **show.plan_data(plan, previews), **_conflicts(observed)}, "\n".join(lines)
    )
    return ExitStatus.NO if plan.changes_something or opened else ExitStatus.OK


def _open(observed: observe.Observed) -> str:
    """What is not merged yet and how to continue; "" when nothing is open."""
    conflicts = observed.view.desired.conflicts
    if not conflicts:
        return ""
    record = observed.view.settings.prefix + RECORD
    return (
        f"{counted(len(conflicts), 'conflict')} with the catalog open: see both sides with --dry-run, edit "
        f"the file, and run again; or delete its line below `conflicts:` in {record} to keep yours"
    )


def _conflicts(observed: observe.Observed) -> dict[str, Any]:
    found = observed.view.desired.conflicts
    return {"conflicts": [{"path": one.path, "reason": one.reason.value} for one in found]}


def _agree(
    request: Request, output: Output, observed: observe.Observed, plan: Plan, previews: tuple[Preview, ...]
) -> None:
    """Show what will be touched; ask unless --yes was given or there is nothing to do."""
    for line in _touched(observed):
        output.info(line)
    if output.verbose:
        for line in show.plan_lines(plan, previews):
            output.info(line)
    else:
        for line in show.summary_lines(plan):
            output.step(line)
    if request.yes or not plan.changes_something:
        return
    if not output.invocation.interactive:
        raise RefusedError(
            "asking before the first change",
            "there is no terminal to ask on",
            "add --yes, or show the plan with --dry-run",
        )
    if not output.confirm("Continue?"):
        raise RefusedError("asking before the first change", "the answer was no", "nothing was changed")


def _touched(observed: observe.Observed) -> list[str]:
    lines = [f"repository  {observed.view.repo.url} ({observed.view.repo.branch})"]
    if observed.cluster:
        lines.append(
            f"cluster     {observed.cluster.context}: {observed.cluster.server} ({observed.cluster.version})"
        )
    return lines


def _place(observed: observe.Observed) -> dict[str, Any]:
    """What is touched, as data."""
    repo, cluster = observed.view.repo, observed.cluster
    data: dict[str, Any] = {"repository": {"url": repo.url, "branch": repo.branch, "tip": repo.tip}}
    if cluster:
        data["cluster"] = {
            "context": cluster.context,
            "server": cluster.server,
            "version": cluster.version,
        }
    return data


def _execute(plan: Plan, session: observe.Connection, output: Output) -> list[Done]:
    if not plan.steps:
        return []
    acting = session.acting
    numbers = {id(step): number for number, step in enumerate(plan.steps, 1)}
    with output.progress("init") as progress:

        def report(step: Step) -> None:
            at = f"[{numbers[id(step)]}/{len(plan.steps)}] {show.title(step)}"
            acting.detail = lambda text: progress.detail(f"{at}: {text}")
            # On a terminal the table shows everything.
            acting.report = (lambda _: None) if progress.live else progress.update
            acting.show = lambda status: progress.table([at, *status.lines(progress.width)])
            progress.update(at)

        return execute(plan, handlers.handlers_for(acting), report)


def _finish(
    request: Request,
    output: Output,
    observed: observe.Observed,
    session: observe.Connection,
    plan: Plan,
    done: Sequence[Done],
) -> int:
    changed = any(item.changed for item in done)
    opened = _open(observed)
    text = [opened or ("done" if changed else "nothing to do: everything is up to date")]
    if request_made := session.acting.request:
        text = [*([opened] if opened else []), f"pull request: {request_made.url}"]
        text.append("once it is merged, run the same command again")
    elif session.acting.status is not None:
        text.append("all Applications are Synced and Healthy")
    elif observed.cluster:
        namespace = observed.view.settings.argocd_namespace
        text.append(f"not waited for; to check: {next_run.kubectl(f'-n {namespace} get applications')}")
    if observed.cluster and not request_made and observed.view.settings.argocd_variant != "core":
        text.append(f"log in as admin with the password that `{next_run.command('argocd password')}` prints")
    data = {
        **_place(observed),
        **show.plan_data(plan),
        **_conflicts(observed),
        "changed": changed,
        "commit": session.acting.pushed,
        "done": [{"title": show.title(item.step), "changed": item.changed} for item in done],
    }
    if request_made:
        data["request"] = {"url": request_made.url, "number": request_made.number}
    if session.acting.status is not None:
        data["status"] = session.acting.status.data()
    output.result(data, "\n".join(text))
    return ExitStatus.NO if opened else ExitStatus.OK


def _ask(output: Output, question: str, name: str) -> str:
    """Ask for missing values, on a terminal only."""
    if not output.invocation.interactive:
        raise InputError(f"reading {name}", "it is missing", f"give {name}; see bootstrap init --help")
    return output.ask(question)
