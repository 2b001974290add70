"""What `diff` says of Applications that their ApplicationSet drops is what a real Argo CD does with them."""

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
from tests.sandbox.diff.test_deleted import FINALIZER, PATIENCE, config
from tests.sandbox.kubernetes import delete, made

__all__ = ["name", "repository"]

CASES: dict[str, tuple[dict[str, Any], list[str], tuple[bool, bool]]] = {
    "plain": ({}, [], (False, False)),
    "kept": ({"preserveResourcesOnDeletion": True}, [], (False, True)),
    "named": ({"preserveResourcesOnDeletion": True}, [FINALIZER], (False, False)),
    "update": ({"applicationsSync": "create-update"}, [], (True, True)),
    "only": ({"applicationsSync": "create-only"}, [FINALIZER], (True, True)),
}
"""Set → its policy, its template's finalizers, and whether a dropped Application and its object are there."""


def generator(mark: str, case: str, url: str, namespace: str, elements: list[str]) -> dict[str, Any]:
    policy, finalizers, _ = CASES[case]
    template = application("x", mark, url, "web-{{.a}}", namespace)
    template["metadata"] = {"name": f"{mark}-{case}-{{{{.a}}}}", "finalizers": finalizers}
    template["spec"]["sources"][0]["kustomize"] = {"nameSuffix": f"-{case}"}
    spec = {
        "goTemplate": True,
        "syncPolicy": policy,
        "generators": [{"list": {"elements": [{"a": one} for one in elements]}}],
        "template": {"metadata": template["metadata"], "spec": template["spec"]},
    }
    metadata = {"name": f"{mark}-{case}", "namespace": argocd.NAMESPACE}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": metadata,
        "spec": spec,
    }


def test_what_diff_says_of_a_dropped_element_is_what_argo_cd_does(
    cluster: Cluster, namespace: str, repository: Repository, name: str, tmp_path: Path, run: Run
) -> None:
    files: dict[str, Any] = {}
    for one in ("one", "two"):
        files[f"web-{one}/config.yaml"] = config(one)
        files[f"web-{one}/kustomization.yaml"] = {"resources": ["config.yaml"]}
    for case in CASES:
        files[f"root/{case}.yaml"] = generator(name, case, repository.url, namespace, ["one", "two"])
    root = application(name, name, repository.url, "root", "argocd")
    first = repository.push({"root.yaml": root, **files})
    kube.apply(cluster, [made(root)], namespace="argocd")
    argocd.wait(cluster, name, first, TIMEOUT)

    def there(case: str, element: str) -> tuple[bool, bool]:
        child = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", f"{name}-{case}-{element}")
        return child is not None, kube.get(
            cluster, "v1", "ConfigMap", namespace, f"{element}-{case}"
        ) is not None

    def everything(element: str) -> dict[str, tuple[bool, bool]]:
        return {case: there(case, element) for case in CASES}

    wanted = dict.fromkeys(CASES, (True, True))
    deadline = time.monotonic() + PATIENCE
    while everything("two") != wanted and time.monotonic() < deadline:
        time.sleep(1.0)
    assert everything("two") == wanted
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    for case in CASES:
        fewer = generator(name, case, repository.url, namespace, ["one"])
        (clone / f"root/{case}.yaml").write_text(json.dumps(fewer))
    git(clone, "commit", "--quiet", "--all", "-m", "Drop an element")
    matters = json.loads(run("diff", str(clone), "--rev", "HEAD^..HEAD", "-o", "json").out)["matters"]
    said = {one["object"].rpartition("/")[2]: one["text"] for one in matters if one["topic"] == "deletes"}
    git(clone, "push", "--quiet")
    expected = {case: end for case, (_, _, end) in CASES.items()}
    deadline, source = time.monotonic() + PATIENCE, FromCluster(cluster)
    while everything("two") != expected and time.monotonic() < deadline:
        source.refresh("argocd", name)
        time.sleep(1.0)
    found = everything("two")
    assert everything("one") == wanted
    place = "/apis/argoproj.io/v1alpha1/namespaces/argocd"
    delete(cluster, f"{place}/applications/{name}")  # first: it would bring the others back
    for case in CASES:
        delete(cluster, f"{place}/applicationsets/{name}-{case}")
    assert found == expected
    for case, (stays, object_stays) in expected.items():
        text = said[f"{name}-{case}-two"]
        assert text.startswith("it stays") is stays, (case, text)
        if not stays:
            assert ("what it applied stays" in text) is object_stays, (case, text)
