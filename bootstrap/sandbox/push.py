"""What `bootstrap sandbox push` does: the sandbox's Argo CD runs the work tree as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.core import scratch
from bootstrap.core.errors import BootstrapError, ExitStatus, NotFound, RefusedError, StalePlan
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.git import auth, commit, credential_file
from bootstrap.git.auth import Credential
from bootstrap.git.run import Calls
from bootstrap.git.snapshot import Snapshot, Snapshots, top_of
from bootstrap.kube import Cluster
from bootstrap.resources.applications import is_here, sources
from bootstrap.sandbox import embedded, state
from bootstrap.sandbox.addresses import Sandbox

TICK = 0.5
"""Seconds between two checks of the work tree with --watch."""
_TRIED = "pushing to the sandbox"


@dataclass(frozen=True)
class Target:
    """What the root Application of the sandbox reads; `branch` is its target revision at first."""

    cluster: Cluster
    root: str
    url: str
    branch: str


@dataclass(frozen=True)
class Options:
    """The options of the command; `timeout` is in seconds."""

    repo: Path
    root: str
    watch: bool
    wait: bool
    timeout: float


def push(name: str, output: Output, options: Options) -> int:
    """Push the work tree, and wait until it is live; with `watch` after each change, until Ctrl-C.

    InputError: no such sandbox, no Git work tree. NotFound: no root Application. RefusedError: the branch has
    commits that the work tree lacks, or is not the sandbox's. NotReadyError: it does not become live.
    """
    sandbox = embedded.find(name, output.invocation)
    if sandbox is None:
        raise state.unknown(name)
    target = _target(sandbox, options.root, output)
    with _opened(sandbox, target, options.repo, output) as snapshots:
        target = replace(target, branch=_branch(snapshots.calls, target.url, target.branch))
        if not options.watch:
            _once(target, snapshots, snapshots.take(), options, output)
            return ExitStatus.OK
        return _watch(target, snapshots, options, output)


def _watch(target: Target, snapshots: Snapshots, options: Options, output: Output) -> int:
    """Errors of one change are reported, and the next one is awaited."""
    pushed = ("", "")
    output.info(f"watching {snapshots.calls.shown}; Ctrl-C ends it")
    while True:
        try:
            snapshot = snapshots.take()
            if (snapshot.head, snapshot.tree) != pushed:
                pushed = (snapshot.head, snapshot.tree)
                _once(target, snapshots, snapshot, options, output)
        except StalePlan:
            pushed = ("", "")
        except BootstrapError as error:
            output.error(error)
        time.sleep(TICK)


def _once(target: Target, snapshots: Snapshots, snapshot: Snapshot, options: Options, output: Output) -> None:
    began = time.monotonic()
    sent, changed = _send(target, snapshots, snapshot)
    more = f" with {counted(len(snapshot.changed), 'changed file')}" if snapshot.changed else ""
    what = f"{snapshot.head[:9]}{more}"
    place = f"{target.branch} of {target.url}"
    new = sent == snapshot.commit
    output.info(f"pushed {what} to {place}" if new else f"{place} is already at {what}")
    data: dict[str, Any] = {
        "commit": sent,
        "head": snapshot.head,
        "changed": list(snapshot.changed),
        "pushed": new,
        "url": target.url,
        "branch": target.branch,
    }
    if not options.wait:
        output.result(data, "not waited for")
        return
    with output.progress(f"waiting for {target.root} at {sent[:9]}") as progress:
        found = argocd.wait(
            target.cluster, target.root, sent, options.timeout, progress.update, changed=changed
        )
    seconds = time.monotonic() - began
    _warn_of_others(target, output)
    output.result({**data, "seconds": round(seconds, 1), **found.data()}, f"live after {seconds:.1f} s")


def _send(target: Target, snapshots: Snapshots, snapshot: Snapshot) -> tuple[str, list[str] | None]:
    """Move the branch to the snapshot.

    Returns its commit, or the existing one with the same content; and the files that have changed on the
    branch, None if that is unknown.

    Commits that represent an earlier work tree are replaced; those of people or pipelines are not.
    """
    calls, ref = snapshots.calls, f"refs/heads/{target.branch}"
    tip = calls.check_run(_TRIED, "ls-remote", "--", target.url, ref).text.partition("\t")[0]
    if tip:
        snapshots.fetch(target.url, tip)
        if missing := snapshots.lacks(snapshot.head, snapshots.made_by_people(tip)):
            listed = "".join(f"\n    {line}" for line in missing)
            raise RefusedError(
                _TRIED,
                f"its branch {target.branch} has commits that the work tree lacks:{listed}",
                f"git pull {target.url} {target.branch}, and run again",
                calls.shown,
            )
        if snapshots.is_at(tip, snapshot):
            return tip, None
    commit.push_refs(calls, target.url, {f"{snapshot.commit}:{ref}": f"{ref}:{tip}"}, _TRIED)
    return snapshot.commit, snapshots.changed(tip, snapshot.commit) if tip else None


def _warn_of_others(target: Target, output: Output) -> None:
    """Warn of Applications that read another repository and so do not show the work tree."""
    others: dict[str, list[str]] = {}
    for application in argocd.applications(target.cluster):
        for source in sources(application):
            if source.path and not is_here(source, [target.url]):
                others.setdefault(source.repo_url, []).append(application["metadata"]["name"])
    for url, names in others.items():
        shown = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
        output.warn(f"{counted(len(names), 'Application')} read {url}, not the work tree: {shown}")


def _target(sandbox: Sandbox, root: str, output: Output) -> Target:
    cluster = kube.connect(output.invocation, sandbox.context, sandbox.kubeconfig)
    found = next((item for item in argocd.applications(cluster) if item["metadata"]["name"] == root), None)
    if found is None:
        raise NotFound(
            _TRIED,
            f"sandbox {sandbox.name} has no Application {root}",
            f"lay out and sync a repository in it: bootstrap sandbox up --init --name {sandbox.name}; "
            "or name its root Application: --root NAME",
        )
    source = next((one for one in sources(found) if one.path), None)
    url = source.repo_url if source else ""
    if source is None or not url.startswith(f"{sandbox.git_url}/"):
        raise RefusedError(
            _TRIED,
            f"its Application {root} reads {url or 'no repository'}, which is not on the sandbox's Git host",
            f"only {sandbox.git_url} can be pushed to; run bootstrap init with a repository there",
        )
    return Target(cluster, root, url, source.revision)


def _branch(calls: Calls, url: str, revision: str) -> str:
    """The branch that a target revision means; RefusedError for a tag or a commit."""
    if revision == "HEAD":
        listed = calls.check_run(_TRIED, "ls-remote", "--symref", "--", url, "HEAD").text
        return listed.partition("\t")[0].removeprefix("ref: refs/heads/")
    name = revision.removeprefix("refs/heads/")
    if calls.check_run(_TRIED, "ls-remote", "--", url, f"refs/heads/{name}").text:
        return name
    found = f"its root Application follows {revision!r}, which is not a branch of {url}"
    raise RefusedError(_TRIED, found, "let it follow a branch: targetRevision: main")


@contextmanager
def _opened(sandbox: Sandbox, target: Target, folder: Path, output: Output) -> Iterator[Snapshots]:
    """The work tree around `folder`, with the sandbox's credential, which only goes to its Git host."""
    invocation = output.invocation
    token = credential_file.token(sandbox.git_token_file, "the sandbox's token", invocation)
    credential = auth.bound(Credential(sandbox.git_username, token), sandbox.git_url)
    auth.check_credential(target.url, credential)
    environ = auth.environment(target.url, credential, invocation.environ, None)
    root = top_of(folder, auth.plain_environment(invocation.environ))
    with scratch.folder("push") as private:
        snapshots = Snapshots(Calls(root, environ, str(root), [token]), private)
        try:
            yield snapshots
        finally:
            snapshots.close()
