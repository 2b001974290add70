"""The key by which Argo CD reads the repository, where that is a deploy key of this one repository.

The cluster's Secret holds its private half and nothing else does: a run that finds it there uses it
again, and registers it again where the Git host has lost it.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from bootstrap import kube
from bootstrap.git import ssh_keys
from bootstrap.init import credentials
from bootstrap.init.credentials import DEPLOY_KEY, ForArgoCD
from bootstrap.init.request import Request
from bootstrap.plan import handlers
from bootstrap.plan.handlers import NAMESPACE, Session
from bootstrap.plan.steps import EnsureDeployKey


def resolve_key(request: Request, session: Session, for_argocd: ForArgoCD, url: str) -> ForArgoCD:
    """The key that was given, else the cluster's own deploy key, else a new one if it is asked for."""
    if request.argocd_ssh_key:
        return for_argocd
    key = _in_cluster(session, url)
    if key is None and request.deploy_key:
        key = for_argocd.ssh_key if for_argocd.deploy_key else None  # made before the branch moved
        key = key or ssh_keys.generate()
    if key is None:
        return for_argocd
    session.invocation.keep_secret(key, key.strip())
    return replace(for_argocd, ssh_key=key, deploy_key=True)


def step(
    request: Request, session: Session, for_argocd: ForArgoCD, url: str, exists: bool
) -> EnsureDeployKey | None:
    """What is left to do at the Git host; None without --deploy-key, or when the key may read there."""
    if not request.deploy_key or session.provider is None or for_argocd.ssh_key is None:
        return None
    public = ssh_keys.public_of(for_argocd.ssh_key)
    if exists and session.provider.has_deploy_key(url, public):
        return None
    title = f"Argo CD of cluster {request.cluster}"
    return EnsureDeployKey(url, title, NAMESPACE, credentials.secret_name(url))


def _in_cluster(session: Session, url: str) -> str | None:
    name = credentials.secret_name(url)
    found = kube.get(handlers.cluster_of(session), "v1", "Secret", NAMESPACE, name)
    if found is None or (found["metadata"].get("labels") or {}).get(DEPLOY_KEY) != "true":
        return None
    key = base64.b64decode((found.get("data") or {}).get("sshPrivateKey", "")).decode()
    return key or None
