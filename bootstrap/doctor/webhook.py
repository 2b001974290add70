"""The Git host's webhook to Argo CD, for `bootstrap doctor`: it exists, is on, signed correctly, answered.

Nothing is changed. Of secrets, only the mark that `init` puts in the webhook's address is compared.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap import kube, providers
from bootstrap.argocd.status import INSTANCE, TRACKING
from bootstrap.core import next_run
from bootstrap.core.errors import BootstrapError, ClusterError
from bootstrap.core.invocation import Invocation
from bootstrap.doctor import expiry
from bootstrap.doctor.argocd import Found
from bootstrap.edit.access import Access
from bootstrap.git import credential as git_credential
from bootstrap.git.urls import host_of, same_repository, without_userinfo
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.providers.address import project_path, web_address
from bootstrap.providers.webhooks import WEBHOOK_PATH, Delivery, Hook, mark
from bootstrap.resources.applications import sources

AREA = "webhook"
_LOG = "read it in Argo CD's namespace: kubectl logs deployment/argocd-server"
LOG_LINES = 5000
"""Lines of argocd-server's log that are searched, per pod."""
_RECEIVED = re.compile(r"Received push event repo: (\S+?),")
_REFUSED = re.compile(r"Webhook processing failed: ([^\"]+)")
_TIME = re.compile(r'"?time"?[=:]"([^"]+)"')
_GIVE = "give a token of the Git host with GIT_TOKEN or --token-file: it must be able to read webhooks"


def inspect(
    cluster: Cluster,
    namespace: str,
    applications: Sequence[Mapping[str, Any]],
    access: Access,
    api_url: str | None,
    invocation: Invocation,
) -> list[Found]:
    """What the Git host reports of its webhooks to Argo CD, for `access.repo`.

    Anyone who may write the root Application chooses its repository: no token is sent there because of it.
    """
    if access.repo:
        return list(_of(access.repo, cluster, namespace, access, api_url, invocation))
    urls = [url for url in repositories(applications) if host_of(url)]
    hosts = sorted({host_of(url) for url in urls})
    if not hosts:
        return []
    reason = (
        f"not checked: the cluster names {', '.join(hosts)}; a token is sent only to a host that you name"
    )
    hint = f"if that is your repository: {next_run.command('doctor', '--repo', without_userinfo(urls[0]))}"
    return [(AREA, "unknown", reason, hint)]


def _of(
    url: str,
    cluster: Cluster,
    namespace: str,
    access: Access,
    api_url: str | None,
    invocation: Invocation,
) -> Sequence[Found]:
    shown = without_userinfo(url)
    try:
        given = git_credential.read(access, invocation, access.repo, api_url)
        if given.token is None:
            found = f"{host_of(url)} was not asked about its webhook and deliveries: there is no token"
            return [(AREA, "unknown", found, _GIVE)]
        named = f"{api_url.rstrip('/')}/{project_path(url)}" if api_url else None
        address = named or web_address(url)
        provider = providers.find(url, given, invocation, address)
        if provider is None:
            found = f"{shown} is not recognised as {providers.HOSTS}"
            return [(AREA, "unknown", found, "give its web address with --api-url")]
        tokens = list(expiry.tokens(provider, url, cluster, namespace, given, address, invocation))
        hooks = provider.webhooks(url)
    except BootstrapError as error:
        return [(AREA, "warning", f"{error.tried}: {error.found}", f"{error.hint}; {_GIVE}")]
    if not hooks and not _has_server(cluster, namespace):
        found = "Argo CD has no API server for a webhook here: it notices a push after up to 3 minutes"
        return [*tokens, (AREA, "ok", found, "")]
    results = tokens + list(
        findings(shown, hooks, _secret(cluster, namespace, provider.webhook_key, invocation))
    )
    if any(not hook.deliveries for hook in hooks):
        results += received(_logs(cluster, namespace), url)
    return results


def repositories(applications: Sequence[Mapping[str, Any]]) -> list[str]:
    """The Git repositories of the top-level Applications."""
    urls: list[str] = []
    for application in applications:
        metadata = application["metadata"]
        marks = metadata.get("annotations") or {}
        applied = TRACKING in marks or INSTANCE in (metadata.get("labels") or {})
        if applied or metadata.get("ownerReferences"):
            continue
        for source in sources(application):
            if source.chart is None and not any(same_repository(source.repo_url, url) for url in urls):
                urls.append(source.repo_url)
    return urls


def findings(url: str, hooks: Sequence[Hook], secret: str | None) -> Iterator[Found]:
    """`secret`: the one in argocd-secret; "" when there is none, None when it is unknown."""
    again = next_run.command("init", url, "--argocd-url", "https://ARGOCD-SERVER")
    if not hooks:
        found = f"{url} has no webhook to {WEBHOOK_PATH}: Argo CD notices a push after up to 3 minutes"
        yield AREA, "warning", found, f"{again} creates it"
        return
    ours = [hook for hook in hooks if secret and hook.mark == mark(secret, hook.address)]
    for hook in ours or hooks:
        fix = next_run.command("init", url, "--argocd-url", hook.address.removesuffix(WEBHOOK_PATH))
        if hook.wrong:
            fix += f" corrects it, or change it by hand: {hook.page}"
            yield AREA, "broken", f"to {hook.address}: {'; '.join(hook.wrong)}", fix
            continue
        state, text = _signed(hook, secret)
        yield AREA, state, f"to {hook.address}: on; {text}", "" if state == "ok" else f"{fix} signs it again"
        yield _last(hook)


def _signed(hook: Hook, secret: str | None) -> tuple[str, str]:
    if secret is None or (secret and not hook.mark and hook.signed is not False):
        return "ok", "whether its secret is the cluster's cannot be seen from outside"
    if not secret:
        return "warning", "argocd-secret has no secret to compare with: anyone may send a webhook"
    if hook.mark == mark(secret, hook.address):
        return "ok", "its secret is the cluster's"
    if hook.signed is False:
        return "broken", "it has no secret, and Argo CD accepts no unsigned webhook"
    return (
        "warning",
        "its secret is not this cluster's: it is another cluster's, or Argo CD refuses its deliveries",
    )


def _last(hook: Hook) -> Found:
    if not hook.deliveries:
        found = f"the host's API does not list deliveries to {hook.address}"
        return AREA, "ok", found, f"see them at {hook.page}"
    if hook.last is None:
        return AREA, "ok", f"nothing was sent to {hook.address} recently", ""
    when = f", {hook.last.at}" if hook.last.at else ""
    if 200 <= hook.last.status < 300:
        return AREA, "ok", f"the last delivery was answered {hook.last.status}{when}", ""
    answer = f"{hook.last.status} " if hook.last.status else ""
    message = hook.last.message if hook.last.message != str(hook.last.status) else ""
    found = f"the last delivery to {hook.address} failed: {f'{answer}{message}'.strip()}{when}"
    return AREA, "broken", found, f"{_fix_of(hook.last, hook.address)}; all of them: {hook.page}"


def _fix_of(last: Delivery, address: str) -> str:
    """The most likely fix."""
    if last.status in (400, 401, 403):
        return "Argo CD refuses it, probably because of its secret: repeat bootstrap init with --argocd-url"
    if last.status in (404, 405) or 300 <= last.status < 400:
        return f"{address} is not argocd-server's: give its own address to bootstrap init --argocd-url"
    if last.status == 413:
        return "it is larger than Argo CD accepts: raise webhook.maxPayloadSizeMB in argocd-cm"
    if last.status:
        return "argocd-server, or the ingress in front of it, fails: check its pods and its log"
    return f"the Git host cannot reach {address}: check its DNS, its certificate and the network in between"


def _has_server(cluster: Cluster, namespace: str) -> bool:
    """False only for Argo CD's core variant."""
    try:
        found = kube.list_objects(cluster, "apps/v1", "Deployment", namespace)
    except ClusterError:
        return True
    return any(item["metadata"]["name"].endswith("argocd-server") for item in found)


def _secret(cluster: Cluster, namespace: str, key: str, invocation: Invocation) -> str | None:
    try:
        found = kube.get(cluster, "v1", "Secret", namespace, "argocd-secret")
        value = base64.b64decode(str(((found or {}).get("data") or {}).get(key) or "")).decode()
    except (ClusterError, ValueError):
        return None
    invocation.keep_secret(value)
    return None if value.startswith("$") else value  # $name:key refers to another Secret


def received(log: str | None, url: str) -> list[Found]:
    """What argocd-server's log says about pushes to a repository, and about webhooks that it refused."""
    if log is None:
        return [(AREA, "unknown", "argocd-server's log cannot be read from here", _LOG)]
    pushes, refused = [], []
    for line in log.splitlines():
        time = _TIME.search(line)
        at = time[1] if time else ""
        if (push := _RECEIVED.search(line)) and same_repository(push[1], url):
            pushes.append(at)
        elif failed := _REFUSED.search(line):
            refused.append((at, failed[1].strip()))
    if refused and refused[-1][0] > max(pushes, default=""):
        at, why = refused[-1]
        found = f"argocd-server refused a webhook, {at}: {why}"
        return [
            (AREA, "broken", found, "run bootstrap init with --argocd-url again: it signs the webhook again")
        ]
    if pushes:
        return [(AREA, "ok", f"argocd-server received the last push, {max(pushes)}", "")]
    return [(AREA, "ok", f"argocd-server's log (its last {LOG_LINES} lines) has no push", "")]


def _logs(cluster: Cluster, namespace: str) -> str | None:
    """The end of the logs of argocd-server's pods; None when none can be read."""
    texts = []
    try:
        pods = kube.list_objects(
            cluster, "v1", "Pod", namespace, label_selector="app.kubernetes.io/name=argocd-server"
        )
    except ClusterError:
        return None
    for pod in pods:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log"
        query = {"container": "argocd-server", "tailLines": str(LOG_LINES)}
        try:
            answer = request(
                cluster,
                "GET",
                path,
                "reading argocd-server's log",
                query=query,
                accept="*/*",
                read_timeout=10,
            )
        except ClusterError:
            continue
        if isinstance(answer.data, bytes):
            texts.append(answer.data.decode("utf-8", "replace"))
    return "\n".join(texts) if texts else None
