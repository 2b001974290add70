"""What `bootstrap upgrade` does: in the work tree around PATH, or on a branch of a remote (branch.py)."""

from __future__ import annotations

from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.edit.worktree import WorkTree, locate
from bootstrap.git.identity import Identity, identity
from bootstrap.git.remote import Credential, Remote, open_remote
from bootstrap.git.run import Calls
from bootstrap.plan.handlers import with_parent
from bootstrap.upgrade import answer, finish, proposal, stages, worktree
from bootstrap.upgrade import branch as branches
from bootstrap.upgrade.proposal import Proposal
from bootstrap.upgrade.request import Request
from bootstrap.upgrade.state import State


def upgrade(request: Request, output: Output) -> int:
    """Run `upgrade`; returns the exit status, raises a BootstrapError for expected failures."""
    request.check()
    if request.in_branch:
        return branches.upgrade(request, output)
    root, under = locate(request.access.path or ".", Path.cwd())
    if not (root / ".git").exists():
        hint = "run it in a clone of the repository, or give --repo URL with --push or --pr"
        raise InputError("looking for the repository", f"{root} is not a Git work tree", hint)
    if request.access.branch is not None:
        hint = "omit it, or add --push or --pr"
        raise InputError("reading the options", "--branch has no effect in a work tree", hint)
    calls = worktree.calls_for(root, output.invocation)
    try:
        with WorkTree(root).locked(output.info):
            return _in_work_tree(calls, _layout_around(root, under), request, output)
    finally:
        calls.close()


def _layout_around(root: Path, under: str) -> str:
    """The folder of the layout that PATH is in, from the root; PATH itself if it is in none."""
    parts = under.split("/") if under else []
    above = ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]
    return next((one for one in above if (root / one / RECORD).is_file()), under)


def _in_work_tree(calls: Calls, under: str, request: Request, output: Output) -> int:
    if request.abort:
        return finish.abort(calls, output)
    begun = finish.found(calls)
    prefix = f"{under}/" if under else ""
    if begun is not None and begun.ready:
        if request.go_on:
            return finish.go_on(calls, begun, request, prefix, output)
        if not request.dry_run:
            worktree.forget_made(calls)
        return finish.waiting(calls, begun, output)
    if begun is not None and not request.dry_run:
        output.info("an earlier run was interrupted: restoring the work tree and starting again")
        worktree.put_back(calls, begun)
    if request.go_on and begun is None:
        hint = "start one: bootstrap upgrade"
        raise InputError("finishing the upgrade", "no upgrade is in progress here", hint, calls.shown)
    if not request.dry_run:
        worktree.forget_made(calls)
    branch = worktree.branch_of(calls)
    if begun is None or not request.dry_run:
        worktree.check_ready(calls)
    url = worktree.url_of(calls.directory)
    with open_remote(url, branch, Credential(), output.invocation) as where:
        found = stages.first(where, under, request, output, left_to_git=True)
        if request.dry_run:
            return answer.show_only(found, output)
        if not found.desired.commits:
            return answer.nothing(found, output)
        answer.agree(found, request, output)
        added = [change.path for change in found.changes if change.before is None]
        worktree.check_free(calls, added, found.before.repo.paths)
        author = identity(output.invocation, request.author)
        return _carry_out(calls, where, branch, found, author, request, output)


def _carry_out(
    calls: Calls,
    where: Remote,
    branch: str,
    found: Proposal,
    author: Identity,
    request: Request,
    output: Output,
) -> int:
    desired, tip = found.desired, found.before.tip
    beside: str | None = None
    made = tip
    for commit in desired.commits:
        content = with_parent(commit, beside or tip)
        if commit.separate:
            beside = where.commit(commit.onto, content, author, sign=request.sign)
        else:
            made = where.commit(tip, content, author, sign=request.sign, merged=beside)
    where.keep(made, worktree.REF)
    if not desired.sides:
        answer.execute([(f"move {branch} to {made[:12]}", lambda: worktree.take(calls, made))], output)
        opened = {one.path: one.reason.value for one in desired.conflicts}
        return answer.committed(made, branch, opened, proposal.data(found), output)
    theirs = beside or found.before.previous.record.catalog_commit
    reasons = {
        desired.sides[one.path].path: one.reason.value
        for one in desired.conflicts
        if one.path in desired.sides
    }
    begun = State(tip, branch, found.subject, reasons)
    conflicts = {one.path: one for one in desired.conflicts}
    merge = lambda: worktree.begin_merge(calls, begun, made, theirs, desired.sides, conflicts)  # noqa: E731
    answer.execute([(f"merge into {branch}, as far as possible", merge)], output)
    return finish.waiting(calls, begun, output)
