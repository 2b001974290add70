"""The SSH host keys or certificate authority that let Argo CD trust the Git host as this run does.

They go into Argo CD's own two ConfigMaps. Other entries (`argocd cert add`) stay: the
Application of infrastructure/argocd does not compare their data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap import kube
from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import known_hosts, urls
from bootstrap.init import argocd_objects
from bootstrap.init.request import Request
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.reader import documents
from bootstrap.plan import handlers
from bootstrap.plan.handlers import Session

KEYS, KEYS_FIELD = "argocd-ssh-known-hosts-cm", "ssh_known_hosts"
AUTHORITIES = "argocd-tls-certs-cm"
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


def added(
    objects: Sequence[ClusterObject], request: Request, session: Session, url: str
) -> tuple[ClusterObject, ...]:
    """Argo CD's objects; the two ConfigMaps have what is in the cluster and what this run trusts."""
    keys = _host_keys(request, session.invocation, url)
    authority = _authority(request, url)
    result = []
    for item in objects:
        if item.kind == "ConfigMap" and item.name == KEYS:
            here = _live(session, KEYS).get(KEYS_FIELD, "")
            item = _with_keys(item, here, keys)
        elif item.kind == "ConfigMap" and item.name == AUTHORITIES:
            data = {**_live(session, AUTHORITIES), **authority}
            item = argocd_objects.merged(item, {"data": data}) if data else item
        result.append(item)
    return tuple(result)


def _with_keys(item: ClusterObject, here: str, keys: str) -> ClusterObject:
    if not here and not keys:
        return item
    shipped = (documents(item.text, KEYS)[0].get("data") or {}).get(KEYS_FIELD, "")
    whole = known_hosts.merged(shipped, here, keys)
    # What only differs in order or blank lines is not written again.
    if here and set(whole.splitlines()) == set(here.splitlines()):
        whole = here
    return argocd_objects.merged(item, {"data": {KEYS_FIELD: whole}})


def _live(session: Session, name: str) -> Mapping[str, str]:
    cluster = handlers.cluster_of(session)
    found = kube.get(cluster, "v1", "ConfigMap", cluster.argocd_namespace, name) or {}
    data: Mapping[str, str] = found.get("data") or {}
    return data


def _host_keys(request: Request, invocation: Invocation, url: str) -> str:
    """The lines of the known hosts files for the repository's host; "" for other URLs."""
    if not urls.is_ssh(url):
        return ""
    host, port = urls.host_of(url), urls.ssh_port(url)
    files = (
        [request.known_hosts]
        if request.known_hosts
        else [invocation.home / ".ssh" / "known_hosts", SYSTEM_KNOWN_HOSTS]
    )
    texts = [path.read_text(errors="replace") for path in files if path.is_file()]
    return "".join(f"{line}\n" for text in texts for line in known_hosts.lines_for(text, host, port))


def _authority(request: Request, url: str) -> dict[str, str]:
    """The certificate authority of --ca-file, by its host."""
    if request.ca_file is None or not url.startswith("https://"):
        return {}
    try:
        text = request.ca_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("reading --ca-file", str(error), "give a PEM file") from error
    if "BEGIN CERTIFICATE" not in text:
        raise InputError("reading --ca-file", f"{request.ca_file} has no certificate", "give a PEM file")
    return {urls.host_of(url): text}
