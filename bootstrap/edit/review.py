"""Changes by review: the commit goes to a separate branch, and a pull request proposes to merge it.

The branch's name comes from what is set, not from the version: a later run updates the open request
instead of opening another one. The commit's parent is always the tip that was read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.core.errors import GitUnreachable, RefusedError, StalePlan
from bootstrap.core.output import Output
from bootstrap.edit.busy import wait_out
from bootstrap.edit.push import Draft
from bootstrap.git.branch import Branch
from bootstrap.git.commit import with_trailers
from bootstrap.git.identity import Identity

if TYPE_CHECKING:
    from bootstrap.providers import Provider, PullRequest

TRAILER = "Image-Bump-Branch"
"""In a commit's message: we may replace this branch."""
_ATTEMPTS = 5


@dataclass(frozen=True)
class Review:
    """The options of `--pr`. `branch` None: derived from what is set; `trailer` marks what we may replace."""

    labels: tuple[str, ...] = ()
    auto_merge: bool = False
    branch: str | None = None
    trailer: str = TRAILER


@dataclass(frozen=True)
class Proposed:
    """The result; `commit` None: exactly this was already proposed."""

    commit: str | None
    branch: str
    request: PullRequest


def propose(
    branch: Branch,
    decide: Callable[[], Draft],
    name: Callable[[], str],
    review: Review,
    author: Callable[[], Identity],
    provider: Provider,
    output: Output,
    timeout: float,
    *,
    sign: bool = False,
) -> Proposed | None:
    """Push what `decide` makes of the branch to the branch `name`, and open a request if there is none.

    None: nothing to change. A failing host is waited for until `timeout` seconds have passed; a push whose
    response was lost is found at the next try. Raises RefusedError when someone else has committed there.
    """
    began, breaks, overtaken = time.monotonic(), 0, 0
    calls = branch.calls.patience
    calls.deadline, calls.detail = began + timeout, output.detail
    while True:
        try:
            branch.refresh()
            draft = decide()
            if not draft.changes:
                return None
            head = name()
            sha = _push(branch, draft, head, review.trailer, author, output, sign)
        except StalePlan:
            overtaken += 1
            if overtaken == _ATTEMPTS:
                raise
            time.sleep(0.2 * overtaken)
            continue
        except GitUnreachable as error:
            breaks += 1
            wait_out(error, breaks, began + timeout - time.monotonic(), timeout, output)
            continue
        return Proposed(sha, head, _open(branch, draft, head, review, provider, output))


def _push(
    branch: Branch,
    draft: Draft,
    head: str,
    trailer: str,
    author: Callable[[], Identity],
    output: Output,
    sign: bool,
) -> str | None:
    message = with_trailers(draft.message, [f"{trailer}: {head}"])
    there = branch.other(head)
    if there is not None and f"\n{trailer}: {head}\n".encode() not in there[1]:
        found = f"someone has committed to {head}, at {there[0][:12]}"
        raise RefusedError("proposing the change", found, "merge or delete that branch first", branch.shown)
    sha = branch.commit(draft.changes, message, author(), output.invocation.clock(), sign)
    if there is not None and _same(branch, sha, there[1]):
        return None
    branch.replace_branch(head, sha, there[0] if there else "")
    return sha


def _same(branch: Branch, sha: str, there: bytes) -> bool:
    """Whether a commit has the same files on the same tip."""
    lines = there.split(b"\n\n", 1)[0].split(b"\n")
    return f"tree {branch.tree_of(sha)}".encode() in lines and f"parent {branch.tip}".encode() in lines


def _open(
    branch: Branch, draft: Draft, head: str, review: Review, provider: Provider, output: Output
) -> PullRequest:
    from bootstrap.providers import PullRequestSpec

    title, _, body = draft.message.strip().partition("\n")
    url = branch.shown
    request = provider.pull_request(url, PullRequestSpec(head, branch.branch, title, body.strip()))
    if review.labels and (refusal := provider.label(url, request.number, review.labels)):
        output.warn(f"the pull request has no labels: {refusal}")
    if review.auto_merge and (refusal := provider.auto_merge(url, request.number)):
        output.warn(f"the host does not merge it automatically: {refusal}")
    return request
