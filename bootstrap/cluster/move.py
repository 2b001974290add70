"""What `bootstrap cluster move` does: a cluster follows the same history at another URL, and forgets the old.

The move itself is what `init` does. What the old host and Argo CD still have is only removed afterwards.
After an interruption, the same command continues.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap import kube, providers
from bootstrap.argocd import home, root, syncs
from bootstrap.argocd.credential import DEPLOY_KEY, TYPE_LABEL
from bootstrap.argocd.root import Place
from bootstrap.argocd.wait import API_VERSION
from bootstrap.cluster.observe import LOOKING, followed
from bootstrap.core.errors import ExitStatus, GitError, InputError, NotReadyError, RefusedError
from bootstrap.core.output import Output
from bootstrap.edit.access import Access
from bootstrap.edit.carry_out import Edit, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git import credential as git_credential
from bootstrap.git import remote as git
from bootstrap.git import ssh_keys
from bootstrap.git.changes import FileChange
from bootstrap.git.urls import check_url, same_repository
from bootstrap.init import request as init_request
from bootstrap.init.run import initialise
from bootstrap.layout import permitted
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.plan.execute import execute
from bootstrap.plan.handlers import ARGOCD_SECRET, secret_value
from bootstrap.providers import Provider, webhooks
from bootstrap.providers.address import web_address
from bootstrap.providers.webhooks import WEBHOOK_PATH
from bootstrap.resources.applications import sources

_HISTORY = "refs/heads/*:refs/heads/*' 'refs/tags/*:refs/tags/*"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """The options, as given; `init` has those that are shared with `bootstrap init`."""

    old: str
    new: str
    init: init_request.Request
    old_token_file: Path | None = None

    def check(self) -> None:
        """InputError for invalid URLs, and for the same repository twice."""
        check_url(self.old)
        check_url(self.new)
        if same_repository(self.old, self.new) and self.old.partition(":")[0] == self.new.partition(":")[0]:
            raise InputError(
                "reading the URLs", "both name the same repository", "give the old and the new one"
            )


_FOLLOWED = 3
"""How many times to try to follow the new repository before giving up."""


@dataclass(frozen=True)
class ForgetHost:
    """Delete this cluster's webhook and deploy keys from the old host."""

    addresses: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class ForgetCredential:
    """Delete the Secrets with which Argo CD read the old repository."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class ForgetSource:
    """Remove the old URL from the AppProjects, in Git and in the cluster."""

    path: str


@dataclass(frozen=True)
class Plan:
    """What is removed once the cluster follows the new repository."""

    steps: tuple[ForgetHost | ForgetCredential | ForgetSource, ...]


def move(request: Request, output: Output) -> int:
    """Run it; returns the exit status, raises a BootstrapError for expected failures."""
    request.check()
    cluster = home.connect(output.invocation, request.init.context)
    with output.progress("reading the cluster"):
        place, revision = _followed(cluster, request)
        host = _old_host(request, output)
        hooks = _hooks(cluster, host, request.old, output)
        _check_new(request, place, revision, output)
    asked = replace(
        request.init,
        repo_url=request.new,
        branch=place.branch or None,
        cluster=posixpath.basename(place.folder),
        path=_prefix(place.folder),
        argocd_url=request.init.argocd_url or _api_of(hooks),
        moves_from=request.old,
    )
    status = _follow(asked, cluster, output)
    if request.init.dry_run:
        output.line(f"then: the credential, webhook and deploy key of {request.old} are removed")
        return ExitStatus.NO
    if status != ExitStatus.OK:
        return status
    made = _forget(cluster, request, hooks, host, place, output)
    handlers = {
        ForgetSource: lambda step: _forget_source(cluster, request, place, step, output),
        ForgetHost: lambda step: _forget_host(host, request.old, step),
        ForgetCredential: lambda step: _forget_credential(cluster, step),
    }
    with output.progress("forgetting the old repository") as progress:
        execute(made, handlers, lambda step: progress.update(type(step).__name__))
    output.line(f"{request.old} is no longer known to Argo CD; the repository itself is unchanged")
    return ExitStatus.OK


def _followed(cluster: kube.Cluster, request: Request) -> tuple[Place, str]:
    """What the cluster follows, and the commit that it runs; RefusedError for a third repository."""
    applications, top, place = followed(cluster, "give the --context of the cluster that you mean")
    if not any(same_repository(place.repo_url, url) for url in (request.old, request.new)):
        found = f"the cluster follows {place.repo_url}, not {request.old}"
        raise RefusedError(LOOKING, found, "name that as the old one, or another --context", cluster.server)
    sync = (applications[top].get("status") or {}).get("sync") or {}
    revisions = [*(sync.get("revisions") or ()), *([sync["revision"]] if sync.get("revision") else [])]
    return place, str(revisions[0]) if revisions else ""


def _check_new(request: Request, place: Place, revision: str, output: Output) -> None:
    """RefusedError unless the new repository has the branch, and on it the commit that the cluster runs."""
    tried = f"looking at {request.new}"
    # Not --mirror: a host refuses the refs that it keeps for pull requests (refs/pull).
    copy = f"git clone --bare {request.old} moved && git -C moved push {request.new} '{_HISTORY}'"
    hint = f"copy the history there first: {copy}"
    known = git_credential.read(request.init, output.invocation, request.new)
    with git.open_remote(request.new, place.branch or None, known, output.invocation) as remote:
        state = remote.observe()
        if not state.exists or state.tip is None:
            found = f"it has no branch {place.branch}" if state.exists else "it does not exist"
            raise RefusedError(tried, found, hint)
        if not revision:
            return
        try:
            there = remote.descends(state.tip, revision)
        except GitError:
            there = False
        if not there:
            found = (
                f"its branch {place.branch} does not have the commit that the cluster runs, {revision[:10]}"
            )
            raise RefusedError(tried, found, hint)


def _old_host(request: Request, output: Output) -> Provider | None:
    """The old host's API, if a token for it is known: the webhook and deploy key are then removed there, too.

    None: without a token, or when the host's API is unknown.
    """
    access = Access(
        repo=request.old,
        username=request.init.username,
        token_file=request.old_token_file or request.init.token_file,
        ca_file=request.init.ca_file,
    )
    known = git_credential.read(access, output.invocation, request.old)
    if known.token is None:
        return None
    try:
        return providers.find(request.old, known, output.invocation, web_address(request.old))
    except GitError as error:
        output.warn(f"{request.old} is not asked for its webhook and deploy key: {error.found}")
        return None


def _hooks(cluster: kube.Cluster, host: Provider | None, url: str, output: Output) -> list[str]:
    """The addresses of the old host's webhooks that are signed for this Argo CD."""
    if host is None:
        return []
    value = secret_value(cluster, cluster.argocd_namespace, ARGOCD_SECRET, host.webhook_key)
    try:
        found = host.webhooks(url)
    except GitError as error:
        output.warn(f"{error.tried}: {error.found}")
        return []
    return [one.address for one in found if value and one.mark == webhooks.mark(value, one.address)]


def _follow(asked: init_request.Request, cluster: kube.Cluster, output: Output) -> int:
    """Run `init` for the new repository.

    A sync of the old one that is still under way may remove the new URL from the AppProjects again: then the
    root may not read it, and only another run applies them. The error of that run does not always say so
    (it may be a timeout); the AppProjects do.
    """
    for left in reversed(range(_FOLLOWED)):
        try:
            return initialise(asked, output)
        except NotReadyError:
            undone = undone_projects(cluster, asked.moves_from, asked.repo_url or "") if left else []
            if not undone:
                raise
            names = ", ".join(undone)
            output.warn(f"a sync of the old repository has undone AppProject {names}: applying it again")
            syncs.end_those_of(cluster, asked.moves_from)  # or it may do so again
            asked = replace(asked, yes=True)  # the plan was confirmed
    raise AssertionError("unreachable")


def undone_projects(cluster: kube.Cluster, old: str, new: str) -> list[str]:
    """The AppProjects of a layout that permit the old repository and not the new one."""
    found = kube.list_objects(cluster, API_VERSION, "AppProject", cluster.argocd_namespace)
    return [
        str(item["metadata"]["name"])
        for item in found
        if root.is_bootstraps(item) and permitted.permits(item, old) and not permitted.permits(item, new)
    ]


def _api_of(addresses: list[str]) -> str | None:
    return addresses[0].removesuffix(WEBHOOK_PATH) if addresses else None


def _prefix(folder: str) -> str:
    above = posixpath.dirname(posixpath.dirname(folder))
    return "" if above == "." else above


def _forget(
    cluster: kube.Cluster,
    request: Request,
    hooks: list[str],
    host: Provider | None,
    place: Place,
    output: Output,
) -> Plan:
    """What to remove of the old repository; its credential stays while an Application still reads from it."""
    kept = [
        item["metadata"]["name"]
        for item in kube.list_objects(cluster, API_VERSION, "Application")
        if any(same_repository(one.repo_url, request.old) for one in sources(item))
    ]
    steps: list[ForgetHost | ForgetCredential | ForgetSource] = []
    secrets = [one for one in _secrets(cluster) if _url_of(one) == request.old and root.is_bootstraps(one)]
    if host:
        keys = [_public(one) for one in secrets if DEPLOY_KEY in (one["metadata"].get("labels") or {})]
        steps.append(ForgetHost(tuple(hooks), tuple(keys)))
    if kept:
        found = f"{', '.join(sorted(kept))} read from {request.old}"
        output.warn(f"the old credential stays, and the AppProjects still permit the old URL: {found}")
        return Plan(tuple(steps))
    steps.append(ForgetSource(f"{place.folder}/projects.yaml"))
    if secrets:
        steps.append(ForgetCredential(tuple(str(one["metadata"]["name"]) for one in secrets)))
    return Plan(tuple(steps))


def _secrets(cluster: kube.Cluster) -> list[dict[str, Any]]:
    return kube.list_objects(cluster, "v1", "Secret", cluster.argocd_namespace, f"{TYPE_LABEL}=repository")


def _url_of(secret: Object) -> str:
    return base64.b64decode((secret.get("data") or {}).get("url", "")).decode("utf-8", "replace")


def _public(secret: Object) -> str:
    return ssh_keys.public_of(base64.b64decode(secret["data"]["sshPrivateKey"]).decode())


def _forget_source(
    cluster: kube.Cluster, request: Request, place: Place, step: ForgetSource, output: Output
) -> bool:
    """Commit the AppProjects without the old URL, and apply them like that."""
    names = ("username", "token_file", "ssh_key", "known_hosts", "ca_file")
    given = {name: getattr(request.init, name) for name in names}
    access = Access(repo=request.new, branch=place.branch or None, **given)
    where = Where(access=access, push=True, author=request.init.author, sign=request.init.sign)
    there: dict[str, bytes] = {}

    def decide(files: Files, _: str) -> Edit[str]:
        content = files.read(step.path)
        if content is None:
            return Edit(step.path, (), "")
        there[step.path] = permitted.without(content, step.path, request.old)
        changed = there[step.path] != content
        changes = (FileChange(step.path, there[step.path], content),) if changed else ()
        return Edit(step.path, changes, f"Cluster {posixpath.basename(place.folder)} has left {request.old}")

    done = carry_out(where, decide, Output(output.invocation, quiet=True))
    objects = [one for path, text in there.items() for one in split.split(text, path)]
    # Forced: a moment later, Argo CD sets the same, from the same file.
    applied = kube.apply(cluster, objects, force=True, namespace=cluster.argocd_namespace)
    return done.commit is not None or any(one.changed for one in applied)


def _forget_host(host: Provider | None, url: str, step: ForgetHost) -> bool:
    assert host is not None  # noqa: S101 - planned only with one
    done = [host.remove_webhook(url, address) for address in step.addresses]
    done += [host.remove_deploy_key(url, key) for key in step.keys]
    return any(done)


def _forget_credential(cluster: kube.Cluster, step: ForgetCredential) -> bool:
    namespace = cluster.argocd_namespace
    kube.delete(cluster, [ClusterObject("v1", "Secret", namespace, name, b"") for name in step.names])
    return True
