"""Pure: kinds whose objects create others that are not in Git: Flux next to Argo CD, operators, charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bootstrap.resources.index import dig

_FLUX = "Flux applies it, but only Argo CD is followed"
BRINGERS: Mapping[str, str] = {
    "HelmRelease.helm.toolkit.fluxcd.io": _FLUX,
    "Kustomization.kustomize.toolkit.fluxcd.io": _FLUX,
    "HelmChart.helm.cattle.io": "k3s renders its chart",
    "HelmRelease.helm.cattle.io": "a controller renders its chart",
    "Subscription.operators.coreos.com": "the Operator Lifecycle Manager installs it",
    "ClusterExtension.olm.operatorframework.io": "the Operator Lifecycle Manager installs it",
    "Bundle.fleet.cattle.io": "Fleet applies it",
    "GitRepo.fleet.cattle.io": "Fleet applies it",
    "App.kappctrl.k14s.io": "kapp-controller applies it",
    "PackageInstall.packaging.carvel.dev": "kapp-controller applies it",
    "Policy.policy.open-cluster-management.io": "Open Cluster Management applies it",
    "ClusterPolicy.kyverno.io": "Kyverno may generate objects from it",
    "KfDef.kfdef.apps.kubeflow.org": "the Open Data Hub operator installs it",
    "Composition.apiextensions.crossplane.io": "Crossplane creates objects from it",
}
"""Kind → why what it creates is unknown."""
_EVERYWHERE = {
    "ClusterPolicy",
    "Composition",
    "Policy",
    "Kustomization",
    "GitRepo",
    "Bundle",
    "ClusterExtension",
}


def brought_to(body: Mapping[str, Any], own: str) -> str:
    """The namespace in which an object creates others; "*" for any."""
    if body.get("kind") in _EVERYWHERE:
        return str(dig(body, "spec", "targetNamespace") or "*")
    return str(dig(body, "spec", "targetNamespace") or own)
