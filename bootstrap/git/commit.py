"""Makes one commit on a tip by plumbing, and pushes it to one branch, never by force."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bootstrap.core import interruption
from bootstrap.core.errors import GitError
from bootstrap.git import errors, objects
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity
from bootstrap.git.run import Calls
from bootstrap.git.tree import check_changes

NEXT = "refs/bootstrap/next"


def commit(
    calls: Calls,
    tip: str,
    changes: Sequence[FileChange],
    modes: Mapping[str, str],
    message: str,
    author: Identity,
    when: float,
    sign: bool = False,
) -> str:
    """Make a commit on `tip` and return its id; it is local until `push`.

    `modes` are the files' as git writes them; `when` is in seconds since the epoch. A signature is
    made as the user's git is configured to.
    """
    check_changes(changes, {}, calls.shown)
    stream = objects.import_stream(NEXT, tip, changes, modes, message, author, when)
    options = ("fast-import", "--quiet", "--force", "--done", "--date-format=raw")
    # One small pack instead of loose objects saves a process.
    made = calls.must("making the commit", "-c", "fastimport.unpackLimit=1", *options, stdin=stream).text
    return _signed(calls, tip, made, message, author, when) if sign else made


def push(calls: Calls, remote: str, branch: str, tip: str, sha: str) -> None:
    """Push `sha`, made on `tip`, to the branch.

    Raises StalePlan when someone else was faster, PushRefused when the host will not have it.
    """
    ref = f"refs/heads/{branch}"
    # The commit stands on the tip, so the lease forces nothing: it makes a push rarer, because one
    # to a branch that was reset meanwhile would bring back what was removed.
    lease = f"--force-with-lease={ref}:{tip}"
    with interruption.unknown_when_interrupted(errors.under_way(branch, calls.shown, sha)):
        answer = calls.run("push", "--porcelain", "--no-verify", lease, remote, f"{sha}:{ref}")
    if answer.status:
        out = answer.out.decode("utf-8", "replace")
        tried = f"pushing to branch {branch}"
        raise errors.classify_push(out, answer.err, tried, calls.shown, calls.secrets)


def _signed(calls: Calls, tip: str, unsigned: str, message: str, author: Identity, when: float) -> str:
    found = calls.object(unsigned)
    if found is None:
        raise GitError("signing the commit", "it is not there", "run again", calls.shown)
    extra: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        extra |= {f"GIT_{role}_NAME": author.name, f"GIT_{role}_EMAIL": author.email}
        extra[f"GIT_{role}_DATE"] = f"{int(when)} +0000"
    options = ("commit-tree", "-S", "-p", tip, "-F", "-", objects.tree_of(found[2]))
    return calls.must("signing the commit", *options, stdin=message.encode(), extra=extra).text


_TRAILER = re.compile(r"[A-Za-z0-9-]+: \S")


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with these trailers, one that is there already left out; it ends in a line break."""
    text = message.strip()
    new = [trailer for trailer in trailers if trailer and trailer not in text.splitlines()]
    if not new:
        return f"{text}\n"
    head, blank, last = text.rpartition("\n\n")
    goes_on = blank and head and all(_TRAILER.match(line) for line in last.splitlines())
    return "\n".join([text, *([] if goes_on else [""]), *new, ""])
