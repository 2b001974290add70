"""Changes that wait at the Git host to be taken along: each a ref of its own, which never conflicts.

A ref names a commit without parent and files; its message says what is asked. Whoever leads pushes
the branch and the deletion of the refs whose changes are in it, all or nothing.
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


def made(branch: Branch, name: str, text: str, author: Identity, when: float) -> Waiting:
    """What shall wait, in the repository on this machine."""
    stamp = f"{author} {int(when)} +0000"
    (sha,) = commit.commits(branch.apart(), None, [NewCommit((), text, stamp, stamp)], {})
    return Waiting(name, sha, text)


def put(branch: Branch, group: str, one: Waiting) -> None:
    """Push a ref that waits; PushRefused or GitError from a host that takes no such refs."""
    ref = ref_of(group, one.name)
    commit.push_refs(branch.apart(), branch.remote, {f"{one.sha}:{ref}": f"{ref}:"}, f"waiting at {ref}")


def listed(branch: Branch, group: str) -> list[Waiting]:
    """Who waits, in the order of their names."""
    place = f"{branch.private}/waiting"
    spec = f"+{ROOT}/{group}/*:{place}/*"
    calls = branch.apart()
    calls.check_run("looking who waits", *FETCH, "--prune", branch.remote, spec)
    form = "--format=%(refname)%00%(objectname)%00%(contents)%01"
    answer = calls.check_run("looking who waits", "for-each-ref", form, f"{place}/")
    found = []
    for record in answer.out.decode("utf-8", "surrogateescape").split("\x01"):
        ref, _, rest = record.strip("\n").partition("\0")
        sha, _, text = rest.partition("\0")
        if sha:
            found.append(Waiting(ref.removeprefix(f"{place}/"), sha, f"{text.rstrip()}\n"))
    return sorted(found)


def take(branch: Branch, group: str, sha: str | None, taken: Sequence[Waiting]) -> None:
    """Push `sha` to the branch (None: leave it) and remove what is taken; all of it or nothing.

    Raises StalePlan when the branch or one of the refs is not what it was.
    """
    gone = {ref_of(group, one.name): one.sha for one in taken}
    if sha is not None and len(taken) > 1:
        branch.push(sha, gone)
    elif sha is not None:  # alone: a push like any other; nobody takes along what is there already
        branch.push(sha)
        if taken:
            withdraw(branch, group, taken[0])
    elif gone:
        specs = {f":{ref}": f"{ref}:{was}" for ref, was in gone.items()}
        commit.push_refs(branch.calls, branch.remote, specs, "removing what has waited")


def withdraw(branch: Branch, group: str, one: Waiting) -> bool:
    """Wait no longer; False when the ref is gone: someone has taken the change along, or given it back."""
    try:
        take(branch, group, None, [one])
    except StalePlan:
        return False
    return True
