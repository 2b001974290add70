"""What `diff` says of objects that Git drops is what a real Argo CD does with them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd.source import FromCluster
from bootstrap.kube import Cluster
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import TIMEOUT, Repository, application, name, repository
from tests.sandbox.kubernetes import crd, made

__all__ = ["name", "repository"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"
OPTIONS = "argocd.argoproj.io/sync-options"
TRACKING = "argocd.argoproj.io/tracking-id"
CRDS = "apiextensions.k8s.io/CustomResourceDefinition"
KEEP = {"helm.sh/resource-policy": "keep"}
PATIENCE = 120.0
"""Seconds that a deletion may take on a busy machine."""


def config(name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def definition(group: str, kind: str, **annotations: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(crd(group, kind).text)
    body["metadata"]["annotations"] = annotations
    return body


def named(text: str) -> str:
    """`plain` of `ConfigMap default/plain`, and of `CustomResourceDefinition plain`."""
    return text.rpartition(" ")[2].rpartition("/")[2]


def test_what_diff_says_of_dropped_objects_is_what_argo_cd_does(
    cluster: Cluster, namespace: str, repository: Repository, name: str, tmp_path: Path, run: Run
) -> None:
    """Dropped from an Application that goes on, and with one that goes, with a finalizer and without."""
    children = {}
    for part, finalizers in (("stays", [FINALIZER]), ("goes", [FINALIZER]), ("left", [])):
        child = application(f"{name}-{part}", name, repository.url, part, namespace)
        if finalizers:
            child["metadata"]["finalizers"] = finalizers
        children[f"root/{part}.yaml"] = child
    objects = {
        "stays/other.yaml": config("other"),
        "stays/plain.yaml": config("plain"),
        "stays/unpruned.yaml": config("unpruned", **{OPTIONS: "Prune=false"}),
        "stays/helm.yaml": config("helm", **KEEP),
        "goes/with-it.yaml": config("with-it"),
        "goes/undeleted.yaml": config("undeleted", **{OPTIONS: "Delete=false"}),
        "goes/kept.yaml": config("kept", **KEEP),
        "left/alone.yaml": config("alone"),
    }
    group = f"{name}.example.com"
    tracked = {TRACKING: f"{name}-stays:{CRDS}:{namespace}/trackeds.{group}"}
    objects |= {
        "stays/definition.yaml": definition(group, "Kept"),
        "stays/tracked.yaml": definition(group, "Tracked", **tracked),
    }
    root = application(name, name, repository.url, "root", "argocd")
    first = repository.push({"root.yaml": root, **children, **objects})
    kube.apply(cluster, [made(root)], namespace="argocd")
    argocd.wait(cluster, name, first, TIMEOUT)
    dropped = [path for path in (*children, *objects) if path not in ("root/stays.yaml", "stays/other.yaml")]
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    git(clone, "rm", "--quiet", *dropped)
    git(clone, "commit", "--quiet", "-m", "Drop them")

    result = run("diff", str(clone), "--rev", "HEAD^..HEAD", "-o", "json")
    told = json.loads(result.out)
    stay = {named(one["object"]) for one in told["matters"] if one["topic"] == "deletes"}
    gone = {named(one["object"]) for one in told["changes"] if one["change"] == "remove"} - stay

    git(clone, "push", "--quiet")
    source = FromCluster(cluster)
    deadline = time.monotonic() + PATIENCE
    kept, tracked_one = f"kepts.{group}", f"trackeds.{group}"
    expected = {"other", "unpruned", "undeleted", "kept", "alone", kept}
    while (there := found(cluster, namespace, group)) != expected and time.monotonic() < deadline:
        for one in (name, f"{name}-stays"):
            source.refresh("argocd", one)
        time.sleep(1.0)
    kube.delete(cluster, [crd(group, "Kept"), crd(group, "Tracked")])
    assert there == expected
    everything = {"plain", "unpruned", "helm", "with-it", "undeleted", "kept", "alone", kept, tracked_one}
    assert stay & everything == there - {"other"}
    assert gone & everything == everything - there


def found(cluster: Cluster, namespace: str, group: str) -> set[str]:
    """The ConfigMaps that Kubernetes did not put into the namespace, and the group's definitions."""
    maps = kube.list_objects(cluster, "v1", "ConfigMap", namespace)
    defined = kube.list_objects(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    here = [*maps, *(one for one in defined if one["spec"]["group"] == group)]
    return {one["metadata"]["name"] for one in here} - {"kube-root-ca.crt"}
