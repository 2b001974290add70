"""Makes one commit on a tip with plumbing commands, and pushes it to one branch, never by force."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bootstrap.core import interruption
from bootstrap.core.errors import AuthenticationFailed, GitError, GitUnreachable, InputError
from bootstrap.git import errors, objects
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity, check_text
from bootstrap.git.objects import NewCommit
from bootstrap.git.run import Calls
from bootstrap.git.tree import check_changes

_COMMITTER = ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
_DATES = ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")


def commit(
    calls: Calls,
    tip: str,
    changes: Sequence[FileChange],
    modes: Mapping[str, str],
    message: str,
    author: Identity,
    when: float,
    ref: str,
    sign: bool = False,
) -> str:
    """Make a commit on `tip` and return its id; it is local until `push`. `ref` is overwritten.

    `modes` are the files' modes as git writes them; `when` is in seconds since the epoch. A signature is
    made as the user's git is configured. GIT_COMMITTER_* and the dates are the user's if they are set.
    """
    new = NewCommit(changes, message, *stamps(calls, author, when))
    (made,) = commits(calls, tip, [new], modes, ref)
    return _signed(calls, tip, made, new) if sign else made


def commits(
    calls: Calls, tip: str | None, new: Sequence[NewCommit], modes: Mapping[str, str], ref: str
) -> tuple[str, ...]:
    """Make commits, each on the one before, the first on `tip` (None: a root commit); their ids, in order.

    The last one is at `ref` afterwards, a ref of this run: runs in one work tree do not share it.
    """
    for one in new:
        check_changes(one.changes, {}, calls.shown)
        check_text(one.message, "making the commit", "its message")
    stream = objects.import_stream(ref, tip, new, modes)
    options = ("fast-import", "--quiet", "--force", "--done", "--date-format=raw")
    # One small pack instead of loose objects saves a process.
    answer = calls.check_run("making the commit", "-c", "fastimport.unpackLimit=1", *options, stdin=stream)
    return tuple(answer.text.split())


def stamps(calls: Calls, author: Identity, when: float) -> tuple[str, str]:
    """Author and committer as a commit has them: the same, unless the environment says otherwise."""
    same = f"{author} {int(when)} +0000"
    if not any(calls.environ.get(name) for name in (*_COMMITTER, *_DATES)):
        return same, same
    fallback: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        fallback |= {f"GIT_{role}_NAME": author.name, f"GIT_{role}_EMAIL": author.email}
        fallback[f"GIT_{role}_DATE"] = f"{int(when)} +0000"
    chosen = {name: calls.environ[name] for name in (*_COMMITTER, *_DATES) if calls.environ.get(name)}
    found = []
    for role in ("AUTHOR", "COMMITTER"):
        answer = calls.run("var", f"GIT_{role}_IDENT", extra=fallback | chosen)
        if answer.status:
            hint = "set GIT_COMMITTER_NAME, _EMAIL and the dates in a form that git accepts, or unset them"
            said = errors.summary(answer.err)
            raise InputError("finding the committer", said, hint)
        found.append(check_text(answer.text, "finding the committer", f"GIT_{role}_NAME or _EMAIL"))
    return found[0], found[1]


def push(
    calls: Calls, remote: str, branch: str, tip: str, sha: str, gone: Mapping[str, str] | None = None
) -> None:
    """Push `sha`, made on `tip`, to the branch, and remove the refs in `gone` (at these ids): all or nothing.

    Raises StalePlan when someone else was faster, PushRefused when the host refuses it, and
    GitUnreachable when that is unknown.
    """
    ref = f"refs/heads/{branch}"
    # The commit's parent is the tip, so the lease forces nothing. It only makes the push stricter: a plain
    # push to a branch that was reset meanwhile would bring back what was removed.
    specs = {f"{sha}:{ref}": f"{ref}:{tip}"}
    specs |= {f":{name}": f"{name}:{was}" for name, was in (gone or {}).items()}
    with interruption.unknown_when_interrupted(errors.under_way(branch, calls.shown, sha)):
        push_refs(calls, remote, specs, f"pushing to branch {branch}")


def push_refs(calls: Calls, remote: str, specs: Mapping[str, str], tried: str) -> None:
    """Push each refspec under its lease (`REF:ID`, `REF:` for none), all or nothing; errors as in `push`."""
    leases = [f"--force-with-lease={lease}" for lease in specs.values()]
    together = ["--atomic"] if len(specs) > 1 else []
    answer = calls.run("push", "--porcelain", "--no-verify", *together, *leases, remote, *specs)
    if answer.status:
        out = answer.out.decode("utf-8", "replace")
        error = errors.classify_push(out, answer.err, tried, calls.shown, calls.secrets)
        if isinstance(error, AuthenticationFailed) and calls.patience.authenticated:
            error = GitUnreachable(
                tried, f"{error.found}, though it accepted the credential before", error.hint
            )
        raise errors.counted(error, answer)


def _signed(calls: Calls, tip: str, unsigned: str, new: NewCommit) -> str:
    found = calls.object(unsigned)
    if found is None:
        raise GitError("signing the commit", "it is missing", "run again", calls.shown)
    extra: dict[str, str] = {}
    for role, stamp in (("AUTHOR", new.author), ("COMMITTER", new.committer)):
        name, _, rest = stamp.rpartition(" <")
        email, _, date = rest.partition("> ")
        extra |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email, f"GIT_{role}_DATE": date}
    options = ("commit-tree", "-S", "-p", tip, "-F", "-", objects.tree_of(found[2]))
    return calls.check_run("signing the commit", *options, stdin=new.message.encode(), extra=extra).text


_TRAILER = re.compile(r"[A-Za-z0-9-]+: \S")


def with_trailers(message: str, trailers: Sequence[str]) -> str:
    """The message with these trailers, each once; it ends in a line break."""
    text = message.strip()
    new = [trailer for trailer in trailers if trailer and trailer not in text.splitlines()]
    if not new:
        return f"{text}\n"
    head, blank, last = text.rpartition("\n\n")
    goes_on = blank and head and all(_TRAILER.match(line) for line in last.splitlines())
    return "\n".join([text, *([] if goes_on else [""]), *new, ""])
