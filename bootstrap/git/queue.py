"""Changes that wait on the Git host to be pushed by someone else: each is a separate ref, so none conflict.

A ref names a commit without a parent or files; its message is the request. The leader pushes
the branch and deletes the refs whose changes are in it, all or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bootstrap.core.errors import StalePlan
from bootstrap.git import commit
from bootstrap.git.branch import FETCH, Branch
from bootstrap.git.identity import Identity
from bootstrap.git.objects import NewCommit

ROOT = "refs/bootstrap/waiting"


class Waiting(NamedTuple):
    """One ref: its name within the group, the commit, and that commit's message."""

    name: str
    sha: str
    text: str


def ref_of(group: str, name: str) -> str:
    return f"{ROOT}/{group}/{name}"


def new_waiting(branch: Branch, name: str, text: str, author: Identity, when: float) -> Waiting:
    """Make the commit that is to wait, in the repository on this machine."""
    stamp = f"{author} {int(when)} +0000"
    (sha,) = commit.commits(
        branch.separate(), None, [NewCommit((), text, stamp, stamp)], {}, f"{branch.private}/asked"
    )
    return Waiting(name, sha, text)


def put(branch: Branch, group: str, one: Waiting) -> None:
    """Push a waiting ref; raises PushRefused or GitError if the host does not accept such refs."""
    ref = ref_of(group, one.name)
    commit.push_refs(branch.separate(), branch.remote, {f"{one.sha}:{ref}": f"{ref}:"}, f"waiting at {ref}")


def listed(branch: Branch, group: str) -> list[Waiting]:
    """The waiting refs, ordered by name."""
    place = f"{branch.private}/waiting"
    spec = f"+{ROOT}/{group}/*:{place}/*"
    calls = branch.separate()
    calls.check_run("listing the waiting changes", *FETCH, "--prune", branch.remote, spec)
    form = "--format=%(refname)%00%(objectname)%00%(contents)%01"
    answer = calls.check_run("listing the waiting changes", "for-each-ref", form, f"{place}/")
    found = []
    for record in answer.out.decode("utf-8", "surrogateescape").split("\x01"):
        ref, _, rest = record.strip("\n").partition("\0")
        sha, _, text = rest.partition("\0")
        if sha:
            found.append(Waiting(ref.removeprefix(f"{place}/"), sha, f"{text.rstrip()}\n"))
    return sorted(found)


def names(branch: Branch, group: str) -> list[str]:
    """The names of the waiting refs, in order: a smaller question to the host than `listed`."""
    prefix = f"{ROOT}/{group}/"
    answer = branch.separate().check_run(
        "listing the waiting changes", "ls-remote", "--refs", branch.remote, f"{prefix}*"
    )
    refs = (line.partition("\t")[2] for line in answer.text.splitlines())
    return sorted(ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix))


def take(branch: Branch, group: str, sha: str | None, taken: Sequence[Waiting]) -> None:
    """Push `sha` to the branch (None: leave it) and remove the refs in `taken`; all or nothing.

    Raises StalePlan when the branch or one of the refs is not what it was.
    """
    gone = {ref_of(group, one.name): one.sha for one in taken}
    if sha is not None and len(taken) > 1:
        branch.push(sha, gone)
    elif sha is not None:  # alone, it is an ordinary push; nobody includes what is already there
        branch.push(sha)
        if taken:
            withdraw(branch, group, taken[0])
    elif gone:
        specs = {f":{ref}": f"{ref}:{was}" for ref, was in gone.items()}
        commit.push_refs(branch.calls, branch.remote, specs, "removing the waiting changes")


def withdraw(branch: Branch, group: str, one: Waiting) -> bool:
    """Stop waiting; False when the ref is gone: someone has pushed the change, or given it back."""
    try:
        take(branch, group, None, [one])
    except StalePlan:
        return False
    return True
