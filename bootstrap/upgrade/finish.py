"""Ends an upgrade whose merge is in progress: `--continue` commits it, `--abort` restores everything."""

from __future__ import annotations

from bootstrap.core import next_run
from bootstrap.core.errors import ExitStatus, InputError, RefusedError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.edit import signatures
from bootstrap.git.identity import identity, signature_format
from bootstrap.git.run import Calls
from bootstrap.init import build_check, preflight
from bootstrap.layout import catalog
from bootstrap.layout.settings import parse_record
from bootstrap.upgrade import answer, state, worktree
from bootstrap.upgrade.request import Request
from bootstrap.upgrade.state import State


def found(calls: Calls) -> State | None:
    """The upgrade whose merge is in progress. One that the user has ended with git itself is forgotten."""
    begun = state.read(calls)
    if begun is None or not begun.ready:
        return begun
    head = calls.check_run("reading the work tree", "rev-parse", "HEAD").text
    if head == begun.before and state.place(calls, "MERGE_HEAD").exists():
        return begun
    state.forget(calls)
    return None


def abort(calls: Calls, output: Output) -> int:
    """Restore the work tree; InputError if no upgrade is in progress."""
    begun = found(calls)
    if begun is None:
        hint = "undo a committed upgrade with: git revert -m 1 COMMIT"
        raise InputError("ending the upgrade", "no upgrade is in progress here", hint, calls.shown)
    worktree.put_back(calls, begun)
    output.result({"aborted": True, "at": begun.before}, f"as before the upgrade, at {begun.before[:12]}")
    return ExitStatus.OK


def waiting(calls: Calls, begun: State, output: Output) -> int:
    """Say what is left to decide."""
    left = worktree.unmerged(calls)
    lines = [f"conflict  {path}: {begun.reasons.get(path, 'not resolved yet')}" for path in left]
    again = f"{next_run.command('upgrade', '--continue')}; or go back: --abort"
    if left:
        resolve = "resolve each (git mergetool), git add it"
        lines.append(f"{counted(len(left), 'conflict')} left: {resolve}, then: {again}")
    else:
        lines.append(f"every conflict is resolved: {again}")
    output.result({"conflicts": _data(begun, left), "continue": not left}, "\n".join(lines))
    return ExitStatus.NO


def go_on(calls: Calls, begun: State, request: Request, prefix: str, output: Output) -> int:
    """Make the commit, if everything is resolved and builds."""
    if worktree.unmerged(calls):
        return waiting(calls, begun, output)
    if request.dry_run:
        return waiting(calls, begun, output)
    tried = "finishing the upgrade"
    tree = calls.check_run(tried, "write-tree").text
    files, before = _files(calls, tree, prefix), _files(calls, begun.before, prefix)
    for path in begun.reasons:
        if _has_markers(files.get(path, b"")):
            hint = f"resolve it, then: git add {path}"
            raise RefusedError(tried, f"{path} still has git's conflict markers", hint, calls.shown)
    opened = parse_record(_record(calls, tree, prefix), prefix + RECORD).conflicts
    record = _record(calls, begun.before, prefix)
    url = worktree.url_of(calls.directory)
    keys = tuple(signatures.of_record(record)) or signatures.in_files(before, prefix, url)
    if refused := signatures.problem(keys, request.sign, lambda: signature_format(output.invocation)):
        raise RefusedError(tried, refused[0], refused[1], calls.shown)
    preflight.refuse(build_check.findings(before, files, prefix, output.invocation, output.info), [])
    who = identity(output.invocation, request.author)
    extra: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        extra |= {f"GIT_{role}_NAME": who.name, f"GIT_{role}_EMAIL": who.email}
    extra |= {
        key: calls.environ[key] for key in extra if key.startswith("GIT_COMMITTER") and key in calls.environ
    }
    options = ["-S"] if request.sign else []
    calls.check_run(tried, "commit", "--quiet", "--no-edit", *options, extra=extra)
    state.forget(calls)
    made = calls.check_run(tried, "rev-parse", "HEAD").text
    data = {"conflicts": [{"path": path, "reason": why} for path, why in opened.items()]}
    return answer.committed(made, begun.branch, opened, data, output)


def _record(calls: Calls, tree: str, prefix: str) -> bytes:
    return calls.run("cat-file", "blob", f"{tree}:{prefix}{RECORD}").out


def _files(calls: Calls, tree: str, prefix: str) -> dict[str, bytes]:
    """The layout's files of a local commit or tree."""
    import tarfile
    from io import BytesIO

    folders = [f":(literal,top){prefix}{folder}" for folder in catalog.FOLDERS]
    there = calls.check_run(
        "reading files",
        "ls-tree",
        "--name-only",
        "-z",
        tree,
        *[f"{prefix}{folder}" for folder in catalog.FOLDERS],
    ).out.split(b"\0")
    kept = [
        path
        for path, name in zip(folders, catalog.FOLDERS, strict=True)
        if f"{prefix}{name}".encode() in there
    ]
    packed = calls.check_run("reading files", "archive", "--format=tar", tree, *kept).out
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        return {
            one.name: content.read()
            for one in archive
            if one.isfile() and (content := archive.extractfile(one)) is not None
        }


def _has_markers(content: bytes) -> bool:
    lines = content.splitlines()
    return any(one.startswith(b"<<<<<<< ") for one in lines) and any(
        one.startswith(b">>>>>>> ") for one in lines
    )


def _data(begun: State, left: list[str]) -> list[dict[str, str]]:
    return [{"path": path, "reason": begun.reasons.get(path, "")} for path in left]
