"""The key with which Argo CD reads the repository, if it is a deploy key of this repository.

Only the cluster's Secret has its private half: a run that finds it there uses it
again, and registers it again if the Git host no longer has it.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from bootstrap import kube
from bootstrap.argocd.credential import DEPLOY_KEY, secret_name
from bootstrap.git import ssh_keys
from bootstrap.init.credentials import ForArgoCD
from bootstrap.init.request import Request
from bootstrap.plan import handlers
from bootstrap.plan.handlers import Session
from bootstrap.plan.steps import EnsureDeployKey


def resolve_key(request: Request, session: Session, for_argocd: ForArgoCD, url: str) -> ForArgoCD:
    """The given key, else the cluster's own deploy key, else a new one if it is requested."""
    if request.argocd_ssh_key:
        return for_argocd
    key = _in_cluster(session, url)
    if key is None and request.deploy_key:
        key = for_argocd.ssh_key if for_argocd.deploy_key else None  # generated before the branch moved
        key = key or ssh_keys.generate()
    if key is None:
        return for_argocd
    session.invocation.keep_secret(key, key.strip())
    return replace(for_argocd, ssh_key=key, deploy_key=True)


def step(
    request: Request, session: Session, for_argocd: ForArgoCD, url: str, exists: bool
) -> EnsureDeployKey | None:
    """What is left to do at the Git host; None without --deploy-key, or if the key can already read there."""
    if not request.deploy_key or session.provider is None or for_argocd.ssh_key is None:
        return None
    public = ssh_keys.public_of(for_argocd.ssh_key)
    if exists and session.provider.has_deploy_key(url, public):
        return None
    title = f"Argo CD of cluster {request.cluster}"
    namespace = handlers.cluster_of(session).argocd_namespace
    return EnsureDeployKey(url, title, namespace, secret_name(url))


def _in_cluster(session: Session, url: str) -> str | None:
    name = secret_name(url)
    cluster = handlers.cluster_of(session)
    found = kube.get(cluster, "v1", "Secret", cluster.argocd_namespace, name)
    if found is None or (found["metadata"].get("labels") or {}).get(DEPLOY_KEY) != "true":
        return None
    key = base64.b64decode((found.get("data") or {}).get("sshPrivateKey", "")).decode()
    return key or None
