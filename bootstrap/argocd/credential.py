"""Pure: the Secret by which Argo CD knows a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bootstrap.git.urls import same_repository

DEPLOY_KEY = "gitops-bootstrap.io/deploy-key"
"""Label of a Secret whose SSH key is a deploy key: another run without options leaves it."""
TYPE_LABEL = "argocd.argoproj.io/secret-type"
VALUES = ("password", "sshPrivateKey", "githubAppPrivateKey", "bearerToken", "tlsClientCertKey")
"""The keys that hold a credential."""


def secret_name(url: str) -> str:
    """One name per repository, so that a second one gets a Secret of its own."""
    return f"repository-{hashlib.sha256(url.encode()).hexdigest()[:10]}"


def of_repository(secrets: list[dict[str, Any]], url: str) -> dict[str, Any] | None:
    """The Secret of that repository, whoever made it; None when there is none."""
    import base64

    for item in secrets:
        labels = item["metadata"].get("labels") or {}
        value = base64.b64decode((item.get("data") or {}).get("url", "")).decode("utf-8", "replace")
        if labels.get(TYPE_LABEL) == "repository" and value and same_repository(value, url):
            return item
    return None


def kind_of(secret: Mapping[str, Any]) -> str:
    """What the credential is, in words."""
    data = secret.get("data") or {}
    if data.get("githubAppPrivateKey"):
        return "a GitHub App"
    if data.get("sshPrivateKey"):
        deploy_key = (secret["metadata"].get("labels") or {}).get(DEPLOY_KEY) == "true"
        return "a deploy key" if deploy_key else "an SSH key"
    return "a token" if data.get("password") or data.get("bearerToken") else "none"
