"""Pure: what a rotation does, from what was asked for and what the cluster has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bootstrap.argocd import credential
from bootstrap.argocd.credential import DEPLOY_KEY
from bootstrap.cluster import request as asked
from bootstrap.cluster.observe import WORKLOADS, Generated, Seen
from bootstrap.cluster.request import Request
from bootstrap.cluster.steps import (
    Plan,
    RollPods,
    RotateDeployKey,
    RotatePassword,
    RotateSecret,
    RotateWebhook,
    SetCredential,
    Step,
)
from bootstrap.core.errors import InputError, RefusedError


def plan(request: Request, seen: Seen, key: str, addresses: Sequence[str]) -> Plan:
    """`key` is the host's in argocd-secret, `addresses` are those of its webhooks to this Argo CD.

    RefusedError for what is not there to be rotated; InputError for a Secret that `init` did not make.
    """
    steps: list[Step] = []
    notes: list[str] = []
    if asked.CREDENTIAL in request.what:
        steps.append(_credential(request, seen))
    if asked.DEPLOY_KEY in request.what:
        steps.append(_deploy_key(seen))
    if asked.WEBHOOK in request.what:
        if not addresses:
            found = f"{seen.place.repo_url} has no webhook to this Argo CD"
            raise RefusedError(
                "rotating the webhook's secret", found, "create one: bootstrap init --argocd-url"
            )
        steps.append(RotateWebhook(seen.place.repo_url, key, tuple(addresses)))
    if asked.PASSWORD in request.what:
        steps.append(RotatePassword())
    if asked.SECRETS in request.what:
        chosen = list(_chosen(request, seen))
        steps += [RotateSecret(one.namespace, one.name, one.keys) for one in chosen]
        steps += _rolls(chosen)
        if any(kind == "StatefulSet" for one in chosen for kind, _ in one.users):
            notes.append(
                "what keeps data takes a new password only if it sets it at every start: "
                "the catalog's database does, others may not (see their documentation)"
            )
    return Plan(tuple(steps), tuple(notes))


def _credential(request: Request, seen: Seen) -> Step:
    becomes = "a GitHub App" if request.github_app else "an SSH key" if request.argocd_ssh_key else "a token"
    if seen.secret is None:
        found = f"Argo CD has no credential for {seen.place.repo_url}"
        hint = "give it one: bootstrap init with --argocd-token-file or --argocd-ssh-key"
        raise RefusedError("rotating Argo CD's credential", found, hint)
    ssh = not seen.place.repo_url.startswith(("https://", "http://"))
    if ssh != (request.argocd_ssh_key is not None):
        fits = "--argocd-ssh-key" if ssh else "--argocd-token-file or a GitHub App"
        found = f"{becomes} cannot be used with {seen.place.repo_url}"
        raise InputError("rotating Argo CD's credential", found, f"give {fits}")
    was = credential.kind_of(seen.secret)
    return SetCredential(
        seen.place.repo_url, _name(seen.secret), was, f"{becomes} of its own" if was == becomes else becomes
    )


def _deploy_key(seen: Seen) -> Step:
    labels: Mapping[str, str] = (seen.secret or {"metadata": {}})["metadata"].get("labels") or {}
    if seen.secret is None or labels.get(DEPLOY_KEY) != "true":
        found = f"Argo CD does not read {seen.place.repo_url} by a deploy key of bootstrap"
        raise RefusedError("rotating the deploy key", found, "make one: bootstrap init --deploy-key")
    return RotateDeployKey(seen.place.repo_url, _name(seen.secret))


def _name(secret: Mapping[str, object]) -> str:
    metadata = secret["metadata"]
    assert isinstance(metadata, dict)  # noqa: S101 - an object as the API server sends it
    return str(metadata["name"])


def _chosen(request: Request, seen: Seen) -> Iterator[Generated]:
    known = {f"{one.namespace}/{one.name}": one for one in seen.generated}
    for name in request.secrets:
        if name not in known:
            found = f"{name} is none that init has generated"
            hint = f"give one of {', '.join(known) or 'none: no Application asks for any'}"
            raise InputError("reading --secret", found, hint)
    if not known:
        found = "no Application asks for a generated Secret"
        raise RefusedError("rotating generated Secrets", found, "omit: secrets")
    yield from (one for name, one in known.items() if not request.secrets or name in request.secrets)


def _rolls(chosen: Sequence[Generated]) -> list[Step]:
    """One a namespace: what has data first, each workload once."""
    users: dict[str, dict[tuple[str, str], None]] = {}
    for one in chosen:
        users.setdefault(one.namespace, {}).update(dict.fromkeys(one.users))
    return [
        RollPods(namespace, tuple(sorted(found, key=lambda user: (WORKLOADS.index(user[0]), user[1]))))
        for namespace, found in users.items()
        if found
    ]
