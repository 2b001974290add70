"""Carry out a rotation: first set the new value where it is checked, last remove the old one.

Every step can be repeated.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from bootstrap import argocd, kube
from bootstrap.argocd.credential import VALUES
from bootstrap.cluster.request import Request
from bootstrap.cluster.steps import (
    RollPods,
    RotateDeployKey,
    RotatePassword,
    RotateSecret,
    RotateWebhook,
    SetCredential,
)
from bootstrap.core import next_run
from bootstrap.core.errors import NotReadyError
from bootstrap.core.invocation import Invocation
from bootstrap.kube import workloads
from bootstrap.kube.removal import merge_patch
from bootstrap.plan.execute import Handler
from bootstrap.plan.handlers import ARGOCD_SECRET, secret_value
from bootstrap.providers import Provider

RANDOM_BYTES = 32
PASSWORD_BYTES = 18
NEXT, PREVIOUS = "nextSshPrivateKey", "previousSshPrivateKey"
"""Keys of the repository's Secret while a deploy key is replaced: Argo CD reads neither."""
TICK = 5.0
"""Seconds between checks of the clock while workloads restart."""


@dataclass
class Acting:
    """What the handlers act on; `credential` has the Secret keys of the new one, only in memory."""

    cluster: kube.Cluster
    invocation: Invocation
    request: Request
    provider: Provider | None = None
    credential: Mapping[str, str] = field(default_factory=dict)
    detail: Callable[[str], None] = lambda _: None


def handlers_for(acting: Acting) -> dict[type, Handler]:
    """The handlers of every step of a rotation."""
    return {
        SetCredential: lambda step: _credential(acting, step),
        RotateWebhook: lambda step: _webhook(acting, step),
        RotatePassword: lambda step: _password(acting, step),
        RotateSecret: lambda step: _secret(acting, step),
        RollPods: lambda step: _roll(acting, step),
        RotateDeployKey: lambda step: _deploy_key(acting, step),
    }


def _credential(acting: Acting, step: SetCredential) -> bool:
    """Replace the keys in one patch, so that Argo CD never reads a half-changed credential."""
    old = dict.fromkeys(
        (*VALUES, "username", "githubAppID", "githubAppInstallationID", "githubAppEnterpriseBaseUrl")
    )
    data: dict[str, str | None] = {
        **old,
        **{key: _encoded(value) for key, value in acting.credential.items()},
    }
    label = {"gitops-bootstrap.io/deploy-key": None}
    merge_patch(
        acting.cluster,
        "v1",
        "Secret",
        acting.cluster.argocd_namespace,
        step.secret,
        {"data": data, "metadata": {"labels": label}},
    )
    return True


def _webhook(acting: Acting, step: RotateWebhook) -> bool:
    """Change it in Argo CD first: it refuses deliveries signed with the old one, and polls meanwhile."""
    assert acting.provider is not None  # noqa: S101 - planned only where the host's API is known
    value = secrets.token_urlsafe(RANDOM_BYTES)
    acting.invocation.keep_secret(value)
    merge_patch(
        acting.cluster,
        "v1",
        "Secret",
        acting.cluster.argocd_namespace,
        ARGOCD_SECRET,
        {"data": {step.key: _encoded(value)}},
    )
    for address in step.addresses:
        acting.provider.ensure_webhook(step.url, address, value)
    return True


def _password(acting: Acting, step: RotatePassword) -> bool:
    """Write it first to where `bootstrap argocd password` reads it, so that nobody is left without it."""
    import bcrypt

    value = secrets.token_urlsafe(PASSWORD_BYTES)
    acting.invocation.keep_secret(value)
    kube.ensure_secret(
        acting.cluster,
        acting.cluster.argocd_namespace,
        argocd.INITIAL_PASSWORD,
        data={"password": value.encode()},
        generate=(),
        labels={},
    )
    hashed = bcrypt.hashpw(value.encode(), bcrypt.gensalt(10)).decode()
    at = datetime.fromtimestamp(acting.invocation.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"admin.password": _encoded(hashed), "admin.passwordMtime": _encoded(at)}
    merge_patch(
        acting.cluster, "v1", "Secret", acting.cluster.argocd_namespace, ARGOCD_SECRET, {"data": data}
    )
    return True


def _secret(acting: Acting, step: RotateSecret) -> bool:
    values = {key: secrets.token_urlsafe(RANDOM_BYTES) for key in step.keys}
    acting.invocation.keep_secret(*values.values())
    data = {key: _encoded(value) for key, value in values.items()}
    return merge_patch(acting.cluster, "v1", "Secret", step.namespace, step.name, {"data": data})


def _roll(acting: Acting, step: RollPods) -> bool:
    """Restart one after another and wait for each: a database has its new password before its clients.

    The mark has fractions of a second: twice the same one would restart nothing.
    """
    at = datetime.fromtimestamp(acting.invocation.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}
    deadline = time.monotonic() + acting.request.timeout
    for kind, name in step.workloads:
        acting.detail(f"{kind} {name}")
        merge_patch(acting.cluster, "apps/v1", kind, step.namespace, name, {"spec": {"template": template}})
        _wait(acting, kind, step.namespace, name, deadline)
    return True


def _wait(acting: Acting, kind: str, namespace: str, name: str, deadline: float) -> None:
    """Wait until its new pods are there; NotReadyError with what is wrong when the time is up."""
    last = "its controller has not reported anything"
    left = max(1.0, deadline - time.monotonic())
    for event, live in kube.watch(
        acting.cluster, "apps/v1", kind, namespace, left, field_selector=f"metadata.name={name}", tick=TICK
    ):
        if event == "DELETED":
            return
        if event in ("ADDED", "MODIFIED"):
            wrong = workloads.not_as_wanted(live)
            if wrong is None:
                return
            last = wrong
    describe = next_run.kubectl(f"-n {namespace} describe {kind.lower()} {name}")
    hint = f"see why: {describe}; the Secret has its new values"
    raise NotReadyError(f"restarting {kind} {namespace}/{name}", last, hint)


def _deploy_key(acting: Acting, step: RotateDeployKey) -> bool:
    """Keep the new key in the Secret, register it, use it, then delete the old one from the host.

    After an interruption, the next run continues.
    """
    from bootstrap.git import ssh_keys

    assert acting.provider is not None  # noqa: S101 - planned only where the host's API is known

    def read(key: str) -> str:
        return secret_value(acting.cluster, acting.cluster.argocd_namespace, step.secret, key)

    def write(values: Mapping[str, str | None]) -> None:
        data = {key: _encoded(value) if value is not None else None for key, value in values.items()}
        merge_patch(
            acting.cluster, "v1", "Secret", acting.cluster.argocd_namespace, step.secret, {"data": data}
        )

    if not read(PREVIOUS):
        new = read(NEXT)
        if not new:
            new = ssh_keys.generate()
            acting.invocation.keep_secret(new)
            write({NEXT: new})
        public = ssh_keys.public_of(new)
        title = f"Argo CD ({ssh_keys.fingerprint(public)})"
        acting.provider.ensure_deploy_key(step.url, title, public)
        write({PREVIOUS: read("sshPrivateKey"), "sshPrivateKey": new, NEXT: None})
    acting.provider.remove_deploy_key(step.url, ssh_keys.public_of(read(PREVIOUS)))
    write({PREVIOUS: None})
    return True


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
