"""Connect to a cluster and find the namespace that its Argo CD is in: an adopted one may be in any."""

from __future__ import annotations

from bootstrap import kube
from bootstrap.argocd.root import is_bootstraps
from bootstrap.argocd.source import API_VERSION
from bootstrap.argocd.status import TRACKING
from bootstrap.argocd.wait import NAMESPACE
from bootstrap.core.errors import Forbidden
from bootstrap.core.invocation import Invocation
from bootstrap.kube import Cluster
from bootstrap.kube.find_argocd import namespaces


def connect(invocation: Invocation, context: str | None, namespace: str | None = None) -> Cluster:
    """`kube.connect`, with `Cluster.argocd_namespace` as given, else as it is found."""
    cluster = kube.connect(invocation, context)
    cluster.argocd_namespace = namespace or find(cluster)
    return cluster


def find(cluster: Cluster) -> str:
    """The namespace of the one Argo CD; of several, the one with a root Application of `init`.

    The usual one where nothing is found, or nothing may be read.
    """
    try:
        found = namespaces(cluster)
        if not found or found == [NAMESPACE]:
            return NAMESPACE
        if len(found) > 1:
            roots = [
                str(item["metadata"]["namespace"])
                for item in kube.list_objects(cluster, API_VERSION, "Application")
                if is_bootstraps(item) and TRACKING not in (item["metadata"].get("annotations") or {})
            ]
            found = [one for one in found if one in roots] or [NAMESPACE]
    except Forbidden:
        return NAMESPACE
    return found[0]
