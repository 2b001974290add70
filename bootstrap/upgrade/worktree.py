"""An upgrade in a work tree: a commit on the branch that is checked out, or a merge in progress.

Without conflicts, it is a commit, as by `git merge --ff-only`. A conflict is git's own: stages 1, 2 and 3
in the index and MERGE_HEAD, so that git status, git mergetool and git merge --abort know what to do.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from bootstrap.core.errors import GitError, InputError, RefusedError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, objects
from bootstrap.git.run import Calls
from bootstrap.init.plan_layout import Sides
from bootstrap.layout.merge import Conflict, Reason
from bootstrap.upgrade import state
from bootstrap.upgrade.state import State

REF = "refs/bootstrap/upgrade"
"""What was created and is not in the branch yet."""
_TRIED = "upgrading the work tree"
_BUSY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def calls_for(root: Path, invocation: Invocation) -> Calls:
    """git in the work tree at `root`, with the user's own configuration: it may fetch what a clone lacks."""
    fetches = {"GIT_ALLOW_PROTOCOL": auth.PROTOCOLS, "GIT_NO_LAZY_FETCH": "0"}
    return Calls(root, auth.plain_environment(invocation.environ) | fetches, str(root))


def url_of(root: Path) -> str:
    """The work tree as a repository."""
    return f"file://{quote(str(root))}"


def branch_of(calls: Calls) -> str:
    """The branch that is checked out; InputError if none is."""
    head = calls.run("symbolic-ref", "--quiet", "HEAD").text
    if not head.startswith("refs/heads/"):
        hint = "check out the branch to upgrade: git switch main"
        raise InputError(_TRIED, "HEAD is detached: no branch is checked out", hint, calls.shown)
    return head.removeprefix("refs/heads/")


def check_ready(calls: Calls) -> None:
    """RefusedError if the user has uncommitted changes, or git is in the middle of something."""
    for name in _BUSY:
        if state.place(calls, name).exists():
            found = f"another git operation is in progress ({name})"
            raise RefusedError(_TRIED, found, "finish or abort that first: git status", calls.shown)
    changed = calls.check_run(_TRIED, "status", "--porcelain", "--untracked-files=no", "-z").out
    if changed:
        first = changed.split(b"\0")[0][3:].decode("utf-8", "replace")
        found = f"{first} has uncommitted changes"
        raise RefusedError(_TRIED, found, "commit or stash it: git stash", calls.shown)
    if calls.check_run(_TRIED, "rev-parse", "--is-shallow-repository").text == "true":
        hint = "fetch the history: git fetch --unshallow; or upgrade the remote's branch: --push or --pr"
        raise RefusedError(_TRIED, "this is a shallow clone: what was laid out last is missing", hint)


def check_free(calls: Calls, added: Iterable[str], known: Container[str]) -> None:
    """RefusedError if a file that git does not know is where one is added: git overwrites an ignored one.

    `known` are the paths of the branch.
    """
    for path in added:
        place = calls.directory
        for name in path.split("/"):
            place /= name
            here = place.relative_to(calls.directory).as_posix()
            whole = here == path or place.is_symlink() or not place.is_dir()
            if os.path.lexists(place) and whole and here not in known:
                found = f"{here} is not in git, and the catalog has a file {path}"
                raise RefusedError(_TRIED, found, f"move it away: {shlex.quote(here)}", calls.shown)


def take(calls: Calls, commit: str) -> None:
    """Move the branch to a commit made on it; GitError if one of the user's files is in the way."""
    calls.check_run(_TRIED, "merge", "--ff-only", "--no-overwrite-ignore", "--quiet", commit)
    calls.run("update-ref", "-d", REF)


def forget_made(calls: Calls) -> None:
    """Drop the reference to what an interrupted run has made, whether or not the branch has it."""
    calls.run("update-ref", "-d", REF)


def begin_merge(
    calls: Calls,
    begun: State,
    commit: str,
    theirs: str,
    sides: Mapping[str, Sides],
    conflicts: Mapping[str, Conflict],
) -> None:
    """Leave a merge of `theirs` with these conflicts, everything else being as in `commit`."""
    ids = _store(calls, sides)
    state.write(calls, begun)
    # A file that was only touched or copied has not changed, but read-tree only checks the index.
    calls.run("update-index", "-q", "--refresh")
    calls.check_run(_TRIED, "read-tree", "-m", "-u", begun.before, commit)
    listed = []
    modes = {path: _mode(calls, begun.before, one.path) for path, one in sides.items()}
    for path, one in sides.items():
        listed.append(b"0 %s\t%s\0" % (b"0" * len(commit), _bytes(one.path)))
        ours = modes[path]
        for stage, sha in enumerate(ids[path], 1):
            if sha:
                mode = "100644" if ours == objects.LINK and stage != 2 else ours
                listed.append(f"{mode} {sha} {stage}\t".encode() + _bytes(one.path) + b"\0")
    calls.check_run(_TRIED, "update-index", "-z", "--index-info", stdin=b"".join(listed))
    for path, one in sides.items():
        whole = modes[path] == objects.LINK or conflicts[path].reason is Reason.HELD
        _show(calls, one, whole)
    message = f"{begun.subject}\n\nBy `bootstrap upgrade`, with conflicts resolved.\n"
    state.place(calls, "MERGE_MSG").write_text(message)
    calls.check_run(_TRIED, "update-ref", "ORIG_HEAD", begun.before)
    state.place(calls, "MERGE_MODE").write_text("no-ff")
    state.place(calls, "MERGE_HEAD").write_text(f"{theirs}\n")
    state.write(calls, State(begun.before, begun.branch, begun.subject, begun.reasons, ready=True))
    calls.run("update-ref", "-d", REF)


def put_back(calls: Calls, begun: State) -> None:
    """Restore the work tree as it was before; untracked files stay.

    RefusedError when commits were made since.
    """
    head = calls.check_run(_TRIED, "rev-parse", "HEAD").text
    if head != begun.before:
        hint = f"undo the commits since then: git revert, or git reset --keep {begun.before[:12]}"
        found = f"HEAD is at {head[:12]}, but was at {begun.before[:12]} when the upgrade started"
        raise RefusedError("ending the upgrade", found, hint, calls.shown)
    calls.run("update-index", "-q", "--refresh")
    # As git merge --abort does, which needs MERGE_HEAD: a killed run may not have written that.
    calls.check_run("ending the upgrade", "reset", "--quiet", "--merge", begun.before)
    for name in ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"):
        state.place(calls, name).unlink(missing_ok=True)
    calls.run("update-ref", "-d", REF)
    state.forget(calls)


def unmerged(calls: Calls) -> list[str]:
    """The paths that git still has as unmerged."""
    listed = calls.check_run("reading the index", "diff", "--name-only", "--diff-filter=U", "-z").out
    return sorted({part.decode("utf-8", "surrogateescape") for part in listed.split(b"\0") if part})


def _store(calls: Calls, sides: Mapping[str, Sides]) -> dict[str, tuple[str, str, str]]:
    """The three sides as objects of the repository; "" for a missing one."""

    def store(content: bytes | None) -> str:
        if content is None:
            return ""
        return calls.check_run(_TRIED, "hash-object", "-w", "--no-filters", "--stdin", stdin=content).text

    return {path: (store(one.base), store(one.ours), store(one.theirs)) for path, one in sides.items()}


def _mode(calls: Calls, commit: str, path: str) -> str:
    listed = calls.check_run(_TRIED, "ls-tree", commit, "--", f":(literal,top){path}").text
    return listed.split(" ", 1)[0] or "100644"


def _show(calls: Calls, one: Sides, whole: bool) -> None:
    """In the work tree: both sides between markers; ours, if there are no lines in conflict (`whole`)."""
    if one.ours is None:
        how = "--theirs"
    elif one.theirs is None or whole:
        how = "--ours"
    else:
        how = "--merge"
    answer = calls.run("checkout", "--quiet", how, "--", f":(literal,top){one.path}")
    if answer.status:
        hint = f"see it with: git diff -- {shlex.quote(one.path)}"
        raise GitError(f"writing {one.path}", answer.err.strip().splitlines()[-1], hint, calls.shown)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
