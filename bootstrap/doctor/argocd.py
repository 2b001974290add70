"""Argo CD's own health for `bootstrap doctor`: repositories, its queue, its webhook, its certificate.

Of Secrets, only names of keys, URLs without credentials and a certificate's expiry are reported.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from bootstrap import kube
from bootstrap.argocd.wait import NAMESPACE
from bootstrap.core import next_run
from bootstrap.core.errors import ClusterError
from bootstrap.core.text import cut
from bootstrap.git.urls import same_repository, without_userinfo
from bootstrap.kube import Cluster, certificates
from bootstrap.kube.connection import request
from bootstrap.resources.applications import sources

_METRICS = "read them: kubectl -n {} port-forward statefulset/argocd-application-controller 8082"
Found = tuple[str, str, str, str]
"""(area, state, what was found, what to do)."""

METRICS = "services/argocd-metrics:8082/proxy/metrics"
LONG_QUEUE = 50
"""A queue with at least this many Applications is reported."""
STALE = 900.0
"""Seconds without a comparison after which the controller is behind; by default it compares every 180."""
_DEPTH = re.compile(
    r'^workqueue_depth\{[^}]*name="(app_\w+)"[^}]*\}\s+(\d+(?:\.\d+)?(?:e\+?\d+)?)$', re.MULTILINE
)
_OF_CLUSTER = re.compile(
    r"failed to load (?:initial state|live state|target state) of (?:resource|cluster)|cluster cache|"
    r"failed to sync cluster|error synchronizing cache state|failed to get (?:server|cluster) version|"
    r"failed to get cluster info for|"
    r"failed to (?:load open api schema|get api resources)",
    re.IGNORECASE,
)
"""How Argo CD's controller puts it when it cannot list what is in a cluster."""
_OF_APPLICATION = re.compile(
    r"is not permitted in project|do not match any of the allowed destinations|[Rr]eferencing project|"
    r"no clusters with this name|application destination|[Dd]estination (?:server|cluster)|"
    r"app path does not exist|kustomize build|helm template|failed to unmarshal|Unable to parse manifest",
)
"""How it puts what the Application or the files in the repository are to blame for: those were read."""
_TROUBLE = ("ComparisonError", "InvalidSpecError")


def repositories(
    applications: Sequence[Mapping[str, Any]], secrets: Sequence[Mapping[str, Any]]
) -> list[Found]:
    """Each Git repository or chart host: whether Argo CD could read it, according to its Applications."""
    users: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for application in applications:
        for url in {source.repo_url for source in sources(application)}:
            users[without_userinfo(url)].append(application)
    credentials = [_text(secret, "url") for secret in secrets]
    found = []
    for url, using in sorted(users.items()):
        known = any(same_repository(own, url) or (own and url.startswith(own)) for own in credentials)
        how = "with a credential" if known else "without a credential"
        trouble = next((message for one in using if (message := _trouble(one, url))), "")
        if trouble:
            hint = "check the URL, the credential and the network of argocd-repo-server"
            found.append(("repository", "broken", f"{url}: {trouble}", hint))
        else:
            read = sum(bool(_revision(one)) for one in using)
            found.append(
                ("repository", "ok", f"{url}: read for {read} of {len(using)} Applications, {how}", "")
            )
    return found + clusters(applications)


def clusters(applications: Sequence[Mapping[str, Any]]) -> list[Found]:
    """What Argo CD says of a cluster that it cannot read: no repository and no credential is to blame."""
    said: dict[str, list[str]] = defaultdict(list)
    for application in applications:
        for condition in (application.get("status") or {}).get("conditions") or ():
            message = str(condition.get("message") or "")
            if _OF_CLUSTER.search(message):
                said[cut(message)].append(str(application["metadata"]["name"]))
    return [
        (
            "cluster cache",
            "broken",
            f"Argo CD cannot read the cluster of {', '.join(sorted(names)[:3])}"
            f"{f' and {len(names) - 3} more' if len(names) > 3 else ''}: {message}",
            "check that API server, its aggregated APIs (kubectl get apiservices) and conversion webhooks of "
            "CRDs, and the rights of argocd-application-controller",
        )
        for message, names in sorted(said.items())
    ]


def _trouble(application: Mapping[str, Any], url: str) -> str:
    """What an Application's conditions say about a repository; about its only one, whatever they say."""
    alone = len({source.repo_url for source in sources(application)}) == 1
    for condition in (application.get("status") or {}).get("conditions") or ():
        message = str(condition.get("message") or "")
        if _OF_CLUSTER.search(message) or _OF_APPLICATION.search(message):
            continue
        if condition.get("type") in _TROUBLE and (alone or url in message):
            return cut(message)
    return ""


def _revision(application: Mapping[str, Any]) -> Any:
    sync = (application.get("status") or {}).get("sync") or {}
    return sync.get("revision") or sync.get("revisions")


def queue(cluster: Cluster, namespace: str, applications: Sequence[Mapping[str, Any]]) -> list[Found]:
    """How many Applications wait for the controller: by its metrics, and by when each was last compared."""
    found = []
    try:
        path = f"/api/v1/namespaces/{namespace}/{METRICS}"
        answer = request(
            cluster, "GET", path, "reading the controller's metrics", accept="*/*", read_timeout=10
        )
        depths = depths_of(answer.data.decode() if isinstance(answer.data, bytes) else "")
    except ClusterError:
        depths = {}
    if depths:
        summary = ", ".join(f"{name} {depth}" for name, depth in sorted(depths.items()))
        long = max(depths.values()) >= LONG_QUEUE
        hint = "give the controller more --status-processors, or shards" if long else ""
        found.append(("queue", "warning" if long else "ok", summary, hint))
    else:
        hint = _METRICS.format(namespace)
        found.append(("queue", "unknown", "the controller's metrics cannot be reached from here", hint))
    return found + compared(applications, datetime.now(timezone.utc), namespace)


def depths_of(metrics: str) -> dict[str, int]:
    """Queue → length, of Prometheus text."""
    return {name: int(float(depth)) for name, depth in _DEPTH.findall(metrics)}


def compared(
    applications: Sequence[Mapping[str, Any]], now: datetime, namespace: str = NAMESPACE
) -> list[Found]:
    """The Application that was compared with Git longest ago."""
    times = {}
    for application in applications:
        at = (application.get("status") or {}).get("reconciledAt")
        if at:
            then = datetime.fromisoformat(str(at).replace("Z", "+00:00"))
            times[str(application["metadata"]["name"])] = (now - then).total_seconds()
    never = len(applications) - len(times)
    if not times:
        logs = next_run.kubectl(f"-n {namespace} logs statefulset/argocd-application-controller")
        hint = f"read why: {logs}"
        return [("comparison", "broken", f"none of {never} Applications has been compared with Git", hint)]
    name = max(times, key=lambda one: times[one])
    summary = f"the oldest one, of {name}, is {times[name]:.0f} s old" + (f"; {never} never" if never else "")
    late = times[name] > STALE
    hint = "the controller is behind or not running: see its log and its queue" if late else ""
    return [("comparison", "warning" if late else "ok", summary, hint)]


def webhook(secret: Mapping[str, Any] | None) -> Found:
    """Whether argocd-secret has what proves that a delivery is genuine; the values are not read out."""
    keys = sorted(key for key in ((secret or {}).get("data") or {}) if key.startswith("webhook."))
    if keys:
        return ("webhook", "ok", f"argocd-secret has {', '.join(keys)}", "")
    found = "no webhook is set up: Argo CD notices a push when it polls, after up to 3 minutes"
    return ("webhook", "ok", found, "")


def server_certificate(secret: Mapping[str, Any] | None, now: datetime) -> list[Found]:
    """When argocd-server's own certificate (Secret argocd-server-tls) expires."""
    pem = _text(secret, "tls.crt") if secret else ""
    if not pem:
        return []
    from cryptography import x509

    try:
        end = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except ValueError:
        hint = "create the Secret again with a PEM certificate"
        return [("certificates", "broken", "argocd-server-tls contains no certificate", hint)]
    days = (end - now).total_seconds() / 86400
    state = "broken" if days < 0 else "warning" if days < certificates.EXPIRES_SOON else "ok"
    hint = "renew it: Secret argocd-server-tls" if state != "ok" else ""
    return [("certificates", state, f"argocd-server's expires in {days:.0f} days", hint)]


def _text(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(str((secret.get("data") or {}).get(key) or "")).decode("utf-8", "replace")
    except ValueError:
        return ""


def secrets_of_repositories(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """The Secrets with credentials of repositories."""
    found = []
    for kind in ("repository", "repo-creds"):
        selector = f"argocd.argoproj.io/secret-type={kind}"
        found += kube.list_objects(cluster, "v1", "Secret", namespace, selector)
    return found
