"""What all kinds of upgrade share: the plan is shown, confirmed, carried out, and reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bootstrap.core.errors import ExitStatus, RefusedError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.init import preflight
from bootstrap.upgrade import proposal
from bootstrap.upgrade.proposal import Proposal
from bootstrap.upgrade.request import Request

Step = tuple[str, Callable[[], None]]


def execute(steps: Sequence[Step], output: Output) -> None:
    """Carry out the steps in order; each can be repeated after a run that was killed."""
    with output.progress("upgrade") as progress:
        for number, (title, step) in enumerate(steps, 1):
            progress.update(f"[{number}/{len(steps)}] {title}")
            step()


def nothing(found: Proposal, output: Output) -> int:
    """Nothing is left to do, except open conflicts."""
    opened = found.desired.conflicts
    text = [f"conflict  {one.path}: {one.reason.value}" for one in opened]
    text += [f"note: {note}" for note in found.desired.notes]
    text.append(
        f"{counted(len(opened), 'conflict')} open" if opened else "nothing to do: everything is up to date"
    )
    output.result({**proposal.data(found), "commit": None}, "\n".join(text))
    return ExitStatus.NO if opened else ExitStatus.OK


def committed(
    made: str, branch: str, opened: Mapping[str, str], data: Mapping[str, Any], output: Output
) -> int:
    """What was committed in a work tree; `opened` is what git cannot show, path → why."""
    text = [f"committed {made[:12]} on {branch}: push it; to undo: git revert -m 1 {made[:12]}"]
    text += [f"conflict  {path}: {why}" for path, why in opened.items()]
    if opened:
        where = "what is here has the name of something in the catalog"
        text.append(f"{counted(len(opened), 'conflict')} left, which git cannot show: {where}; rename it")
    output.result({**data, "commit": made}, "\n".join(text))
    return ExitStatus.NO if opened else ExitStatus.OK


def show_only(found: Proposal, output: Output) -> int:
    """What a dry run prints."""
    if not found.desired.commits:
        return nothing(found, output)
    text = [*proposal.lines(found, full=True)]
    text += [f"blocked: {one.found} ({one.fix})" for one in found.findings if one.fatal]
    output.result(proposal.data(found), "\n".join([*text, "nothing was changed"]))
    return ExitStatus.NO


def agree(
    found: Proposal, request: Request, output: Output, more: tuple[preflight.Finding, ...] = ()
) -> None:
    """Show the plan; refuse what would break; ask unless --yes was given."""
    preflight.refuse([*found.findings, *more], [])
    for line in proposal.lines(found, full=output.verbose):
        output.step(line)
    if request.yes:
        return
    tried = "asking before the first change"
    if not output.invocation.interactive:
        raise RefusedError(
            tried, "there is no terminal to ask on", "add --yes, or show the plan with --dry-run"
        )
    if not output.confirm("Continue?"):
        raise RefusedError(tried, "the answer was no", "nothing was changed")
