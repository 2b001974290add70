"""What a rotation finds: what the cluster follows, which Secrets were generated, what uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd import credential, root
from bootstrap.argocd.root import Place
from bootstrap.argocd.status import Family, Key, key_of
from bootstrap.core.errors import RefusedError
from bootstrap.git.urls import same_repository
from bootstrap.resources.index import SECRETS

LOOKING = "looking at what the cluster follows"
WORKLOADS = ("StatefulSet", "Deployment", "DaemonSet")
"""In the order in which they restart: those with data first."""

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Generated:
    """A Secret that `init` generated for an Application, and the workloads whose pods use it."""

    namespace: str
    name: str
    keys: tuple[str, ...]
    users: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """The cluster as it is; `secret` is the repository's, None when Argo CD reads it anonymously."""

    context: str
    server: str
    place: Place
    secret: Object | None
    generated: tuple[Generated, ...]


def followed(cluster: kube.Cluster, hint: str) -> tuple[dict[Key, Object], Key, Place]:
    """Every Application, the root's key, and what the root follows; RefusedError with `hint` without one."""
    applications: dict[Key, Object] = {key_of(item): item for item in argocd.applications(cluster)}
    top = root.find_root(applications, cluster.argocd_namespace)
    if top is None:
        raise RefusedError(LOOKING, "there is no root Application of bootstrap init", hint, cluster.server)
    return applications, top, root.place_of(applications[top])


def observe(cluster: kube.Cluster, named: str | None) -> Seen:
    """Read the cluster; RefusedError when `init` did not set it up, or it follows another than `named`."""
    hint = "give the --context of the cluster that you mean, or run bootstrap init"
    applications, top, place = followed(cluster, hint)
    if named and not same_repository(named, place.repo_url):
        found = f"the cluster follows {place.repo_url}, not {named}"
        raise RefusedError(LOOKING, found, "name that repository, or another --context", cluster.server)
    members = [top, *Family.from_applications(list(applications.values())).members(top)]
    secrets = kube.list_objects(
        cluster, "v1", "Secret", cluster.argocd_namespace, f"{credential.TYPE_LABEL}=repository"
    )
    live = [applications[key] for key in members if key in applications]
    return Seen(
        cluster.context,
        cluster.server,
        place,
        credential.of_repository(secrets, place.repo_url),
        tuple(_generated(cluster, live)),
    )


def _generated(cluster: kube.Cluster, applications: Sequence[Object]) -> Iterator[Generated]:
    """The Secrets that Applications ask for, if they exist and are in the Application's own namespace."""
    for application in applications:
        namespace = ((application.get("spec") or {}).get("destination") or {}).get("namespace")
        text = (application["metadata"].get("annotations") or {}).get(SECRETS)
        for entry in json.loads(text) if text else ():
            keys = tuple(entry.get("generate") or ())
            if entry["namespace"] != namespace or not keys:
                continue
            if kube.get(cluster, "v1", "Secret", namespace, entry["name"]) is not None:
                users = tuple(_users(cluster, namespace, entry["name"]))
                yield Generated(namespace, entry["name"], keys, users)


def _users(cluster: kube.Cluster, namespace: str, secret: str) -> Iterator[tuple[str, str]]:
    for kind in WORKLOADS:
        for item in kube.list_objects(cluster, "apps/v1", kind, namespace):
            if secret in set(_named(item["spec"]["template"]["spec"])):
                yield kind, str(item["metadata"]["name"])


def _named(pod: Object) -> Iterator[str]:
    """The Secrets that a pod's variables and volumes name."""
    for container in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
            yield str(reference.get("name"))
        for source in container.get("envFrom") or ():
            yield str((source.get("secretRef") or {}).get("name"))
    for volume in pod.get("volumes") or ():
        yield str((volume.get("secret") or {}).get("secretName"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield str((source.get("secret") or {}).get("name"))
