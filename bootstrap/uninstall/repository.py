"""A cluster's traces on the Git host: its webhook, its deploy key, its folder and settings in the branch."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bootstrap import kube, providers
from bootstrap.core.errors import InputError, ProviderError
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.edit import signatures
from bootstrap.edit.access import open_branch
from bootstrap.edit.carry_out import Edit, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git import credential
from bootstrap.git.changes import FileChange
from bootstrap.layout.settings import without_cluster
from bootstrap.plan.handlers import ARGOCD_SECRET, secret_value
from bootstrap.providers import webhooks
from bootstrap.uninstall.request import Request
from bootstrap.uninstall.steps import RemoveFromGit, RemoveFromHost

if TYPE_CHECKING:
    from bootstrap.uninstall.handlers import Acting


def from_host(acting: Acting, step: RemoveFromHost) -> bool:
    """Delete the webhooks that are signed with this cluster's secret, and this cluster's deploy key.

    What may not be this cluster's stays; what the host refuses is reported, and does not stop the run.
    """
    known = credential.read(acting.request.access, acting.invocation, step.url)
    host = providers.find(step.url, known, acting.invocation)
    if host is None or acting.cluster is None:
        return False
    changed = False
    try:
        namespace = acting.cluster.argocd_namespace
        secret = secret_value(acting.cluster, namespace, ARGOCD_SECRET, host.webhook_key)
        for hook in host.webhooks(step.url):
            if secret and hook.mark and hook.mark == webhooks.mark(secret, hook.address):
                changed |= host.remove_webhook(step.url, hook.address)
        for public in _deploy_keys(acting.cluster, step.url):
            changed |= host.remove_deploy_key(step.url, public)
    except ProviderError as error:
        acting.notes.append(f"{error.tried}: {error.found}; delete what is left there by hand")
    return changed


def _deploy_keys(cluster: kube.Cluster, url: str) -> Iterator[str]:
    """The public halves of the deploy keys with which Argo CD reads the repository."""
    import base64

    from bootstrap.git import ssh_keys, urls

    label = "gitops-bootstrap.io/deploy-key=true"
    for item in kube.list_objects(cluster, "v1", "Secret", cluster.argocd_namespace, label):
        data = {key: base64.b64decode(value).decode() for key, value in (item.get("data") or {}).items()}
        if data.get("sshPrivateKey") and urls.same_repository(data.get("url", ""), url):
            yield ssh_keys.public_of(data["sshPrivateKey"])


def from_git(acting: Acting, step: RemoveFromGit) -> bool:
    """One commit, on the branch as it is then; False when the folder and the settings are gone already."""
    access = replace(acting.request.access, repo=step.url, branch=step.branch or None, path=None)
    where = Where(access=access, push=True, author=acting.request.author, sign=acting.request.sign)
    output = Output(acting.invocation, quiet=True)
    return carry_out(where, lambda files, _: without(files, step.folder), output).commit is not None


def check_signed(request: Request, step: RemoveFromGit, output: Output) -> None:
    """RefusedError if that commit must be signed and would not be; called before the cluster is touched."""
    access = replace(request.access, repo=step.url, branch=step.branch or None, path=None)
    with open_branch(access, output) as (branch, _):
        branch.refresh()
        edit = without(branch, step.folder)
        if edit.changes:
            signatures.check(branch, edit.changes, output, sign=request.sign)


def without(files: Files, folder: str) -> Edit[str]:
    """The edit that removes a cluster's folder, and its settings in `bootstrap.yaml`; others stay."""
    name = posixpath.basename(folder)
    if posixpath.basename(posixpath.dirname(folder)) != "clusters":
        hint = "remove the cluster's folder by hand"
        raise InputError("removing the cluster from Git", f"{folder} is not below clusters/", hint, folder)
    changes = []
    for path in files.under(folder):
        content = files.read(path)
        if content is not None:
            changes.append(FileChange(path, None, content))
    record = posixpath.join(posixpath.dirname(posixpath.dirname(folder)), RECORD)
    before = files.read(record)
    if before is not None:
        after = without_cluster(before, name, record)
        if after != before:
            changes.append(FileChange(record, after, before))
    return Edit(name, tuple(changes), f"Remove cluster {name}")
