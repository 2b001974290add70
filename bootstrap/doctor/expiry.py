"""When credentials expire, for `bootstrap doctor`: as they say themselves, and as the Git host says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone

from bootstrap import kube, providers
from bootstrap.argocd import credential, expiry
from bootstrap.argocd.expiry import Expiry
from bootstrap.core import next_run
from bootstrap.core.errors import BootstrapError, ClusterError
from bootstrap.core.invocation import Invocation
from bootstrap.doctor.argocd import Found
from bootstrap.git.remote import Credential
from bootstrap.kube import Cluster
from bootstrap.kube.certificates import EXPIRES_SOON
from bootstrap.providers import Provider

AREA = "expiry"
_RENEW = "replace it first: bootstrap cluster rotate credential, argocd cluster rotate-auth, or kubectl edit"


def of_cluster(found: list[Expiry] | None) -> list[Found]:
    """Each that expires soon; if none does, when the first one expires."""
    if found is None:
        return [(AREA, "unknown", "no right to read the Secrets of repositories and clusters", "")]
    late = [one for one in found if one.state != "ok"]
    if late:
        return [(AREA, one.state, f"{one.what} {one.text}", _RENEW) for one in late]
    if not found:
        return [(AREA, "ok", "no credential of Argo CD says when it expires", "")]
    first = f"{found[0].what} {found[0].text}"
    return [(AREA, "ok", f"none within {EXPIRES_SOON:.0f} days; the first: {first}", "")]


def of_token(provider: Provider, what: str, fix: str, now: datetime | None = None) -> Found:
    """When a token expires, according to the Git host."""
    try:
        ends = provider.token_ends()
    except BootstrapError as error:
        return AREA, "unknown", f"{what}: {error.tried}: {error.found}", error.hint
    if ends is None:
        return AREA, "unknown", f"{what}: the host ({provider.name}) does not say when it expires", ""
    if not ends:
        return AREA, "ok", f"{what} does not expire", ""
    end = expiry.said(ends)
    if end is None:
        return AREA, "unknown", f"{what} expires: {ends}", ""
    one = expiry.expiry(what, end, now or datetime.now(timezone.utc))
    return AREA, one.state, f"{what} {one.text}", "" if one.state == "ok" else fix


def tokens(
    provider: Provider,
    url: str,
    cluster: Cluster,
    namespace: str,
    given: Credential,
    address: str,
    invocation: Invocation,
) -> Iterator[Found]:
    """When the given token expires, and the one with which Argo CD reads this repository."""
    yield of_token(provider, "the token that was given", "give another one with GIT_TOKEN or --token-file")
    try:
        labelled = f"{credential.TYPE_LABEL}=repository"
        secrets = kube.list_objects(cluster, "v1", "Secret", namespace, labelled)
    except ClusterError:
        return
    data = (credential.of_repository(secrets, url) or {}).get("data") or {}
    token = base64.b64decode(str(data.get("password") or "")).decode("utf-8", "replace")
    if not token:
        return
    invocation.keep_secret(token)
    if token == given.token:
        yield AREA, "ok", "Argo CD reads with the same token", ""
    elif own := providers.find(url, replace(given, token=token), invocation, address):
        options = ("--argocd-token-file", "FILE", "--repo", url)
        fix = next_run.command("cluster rotate", "credential", *options)
        yield of_token(own, "the token with which Argo CD reads", fix)
