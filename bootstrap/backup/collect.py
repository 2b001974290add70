"""What a cluster has that Git does not, and that nothing recreates: only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd import root
from bootstrap.argocd.credential import TYPE_LABEL
from bootstrap.argocd.root import Place
from bootstrap.argocd.status import TRACKING, key_of

SEALING = "sealedsecrets.bitnami.com/sealed-secrets-key"
"""Label of the keys that open the SealedSecrets in Git: without them, those are lost."""
CERT_MANAGER = "cert-manager"
"""The namespace in which cert-manager keeps the accounts of its ClusterIssuers."""
ISSUERS = (("cert-manager.io/v1", "ClusterIssuer"), ("cert-manager.io/v1", "Issuer"))
ARGOCDS = ("argocd-secret", argocd.INITIAL_PASSWORD, "argocd-redis")
TRUST = ("argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm")
"""The Git hosts that Argo CD trusts: `argocd cert add` and init write there, and Git has none of it."""

Object = Mapping[str, Any]


def collect(cluster: kube.Cluster) -> list[dict[str, Any]]:
    """The objects as a restore creates them: without what the API server has added."""
    accounts = set(_accounts(cluster))
    found = [
        item
        for item in kube.list_objects(cluster, "v1", "Secret")
        if _is_kept(item, accounts, cluster.argocd_namespace)
    ]
    for name in TRUST:
        item = kube.get(cluster, "v1", "ConfigMap", cluster.argocd_namespace, name)
        found += [item] if item else []
    return [_plain(item) for item in found]


def followed(cluster: kube.Cluster) -> Place:
    """What the cluster follows; nothing in it when it follows nothing."""
    applications = {key_of(item): item for item in argocd.applications(cluster)}
    top = root.find_root(applications, cluster.argocd_namespace)
    return root.place_of(applications[top]) if top else Place()


def _accounts(cluster: kube.Cluster) -> Iterator[tuple[str, str]]:
    """(namespace, name) of the Secrets of ACME accounts."""
    for kind in ISSUERS:
        for item in kube.list_objects(cluster, *kind):
            reference = ((item.get("spec") or {}).get("acme") or {}).get("privateKeySecretRef") or {}
            if reference.get("name"):
                yield str(item["metadata"].get("namespace") or CERT_MANAGER), str(reference["name"])


def _is_kept(item: Object, accounts: set[tuple[str, str]], namespace: str) -> bool:
    """Whether a Secret belongs in the backup.

    A controller's Secret does not, since its owner recreates it; nor does one that Argo CD has applied, since
    it is in Git.
    """
    metadata = item["metadata"]
    labels = metadata.get("labels") or {}
    key = str(metadata["namespace"]), str(metadata["name"])
    if SEALING in labels or key in accounts or TYPE_LABEL in labels:
        return True
    if key[0] == namespace and key[1] in ARGOCDS:
        return True
    made_again = metadata.get("ownerReferences") or TRACKING in (metadata.get("annotations") or {})
    return not made_again and root.is_bootstraps(item)


def _plain(item: Object) -> dict[str, Any]:
    metadata = item["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if metadata.get(key)}
    fields = {key: item[key] for key in ("type", "data", "binaryData", "immutable") if item.get(key)}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": kept, **fields}
