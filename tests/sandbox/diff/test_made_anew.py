"""What `diff` says is deleted and made anew, or refused, for its sync options is what a real Argo CD does."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bootstrap import kube
from bootstrap.argocd.source import FromCluster
from bootstrap.core.errors import BootstrapError
from bootstrap.diff.anew import COMPARE_OPTIONS
from bootstrap.kube import Cluster
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import Repository, application, name, repository
from tests.sandbox.kubernetes import made

__all__ = ["name", "repository"]

PATIENCE = 180.0
"""Seconds that Argo CD may take on a busy machine."""
IMMUTABLE = {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VERSION = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
}
CASES: dict[str, tuple[str, str, list[str], str]] = {
    "force": ("ConfigMap", "Force=true", [], "anew"),
    "both": ("ConfigMap", "Replace=true,Force=true", [], "anew"),
    "general": ("ConfigMap", "Force=true", ["Replace=true"], "anew"),
    "generalforce": ("ConfigMap", "Replace=true", ["Force=true"], "refused"),
    "replace": ("ConfigMap", "Replace=true", [], "refused"),
    "server": ("ConfigMap", "ServerSideApply=true,Force=true", [], "refused"),
    "generalserver": ("ConfigMap", "Force=true", ["ServerSideApply=true"], "refused"),
    "notserver": ("ConfigMap", "ServerSideApply=false,Force=true", ["ServerSideApply=true"], "refused"),
    "bothserver": ("ConfigMap", "Replace=true,Force=true", ["ServerSideApply=true"], "either"),
    "bothown": ("ConfigMap", "Replace=true,Force=true,ServerSideApply=true", [], "anew"),
    "diffon": ("ConfigMap", "Replace=true,Force=true", ["ServerSideDiff=true"], "either"),
    "forcediffon": ("ConfigMap", "Force=true", ["ServerSideDiff=true"], "either"),
    "diffoff": (
        "ConfigMap",
        "Replace=true,Force=true",
        ["ServerSideApply=true", "ServerSideDiff=false"],
        "anew",
    ),
    "claimserver": ("PersistentVolumeClaim", "Replace=true,Force=true", ["ServerSideApply=true"], "anew"),
    "claim": ("PersistentVolumeClaim", "Replace=true,Force=true", [], "anew"),
    "plainclaim": ("PersistentVolumeClaim", "Force=true", [], "changed"),
    "crdboth": ("CustomResourceDefinition", "Replace=true,Force=true", [], "refused"),
    "crdforce": ("CustomResourceDefinition", "Force=true", [], "anew"),
}
"""Name → kind, the object's sync options, its Application's (and how it is compared), what becomes of it.

"either": the comparison refuses it; if a sync begins all the same, it is made anew. Argo CD has done both.
"""
ENDS = {"either": ("refused", "anew")}


def body_of(case: str, mark: str, new: bool) -> dict[str, Any]:
    """An object, before or after a change: of a claim's label, which is no immutable field."""
    kind, options = CASES[case][:2]
    metadata: dict[str, Any] = {"name": case, "annotations": {"argocd.argoproj.io/sync-options": options}}
    if kind == "ConfigMap":
        return {**IMMUTABLE, "metadata": metadata, "data": {"a": "2" if new else "1"}}
    if kind == "PersistentVolumeClaim":
        labels = {"a": "2" if new else "1"}
        return {"apiVersion": "v1", "kind": kind, "metadata": {**metadata, "labels": labels}, "spec": CLAIM}
    metadata["name"] = f"{case}s.{mark}.example.com"
    spec = {
        "group": f"{mark}.example.com",
        "scope": "Cluster" if new else "Namespaced",
        "names": {"kind": f"Thing{case}", "plural": f"{case}s"},
        "versions": [VERSION],
    }
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def is_as(live: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether what a case changes is in the cluster."""
    if wanted["kind"] == "CustomResourceDefinition":
        return bool(live["spec"]["scope"] == wanted["spec"]["scope"])
    if wanted["kind"] == "ConfigMap":
        return bool(live["data"] == wanted["data"])
    return bool(live["metadata"].get("labels") == wanted["metadata"]["labels"])


def status(cluster: Cluster, name: str) -> str:
    """What Argo CD says of an Application and its last operation."""
    found = kube.get(cluster, "argoproj.io/v1alpha1", "Application", "argocd", name) or {}
    told = found.get("status", {})
    return json.dumps({key: told.get(key) for key in ("sync", "conditions", "operationState")})


def until(look: Callable[[], list[str]], cluster: Cluster, name: str) -> None:
    """Wait for the cases that `look` gives, and have Argo CD look at Git again and again."""
    deadline, source = time.monotonic() + PATIENCE, FromCluster(cluster)
    while waiting := look():
        late = (
            {case: status(cluster, f"{name}-{case}") for case in waiting}
            if time.monotonic() > deadline
            else {}
        )
        assert not late, json.dumps(late)
        for case in waiting:
            with contextlib.suppress(BootstrapError):  # it is not there yet
                source.refresh("argocd", f"{name}-{case}")
        time.sleep(1.0)


def test_what_is_made_anew_and_what_is_refused_is_what_diff_says(
    cluster: Cluster, namespace: str, repository: Repository, name: str, tmp_path: Path, run: Run
) -> None:
    files: dict[str, Any] = {}
    for case, (_, _, general, _) in CASES.items():
        child = application(f"{name}-{case}", name, repository.url, f"cases/{case}", namespace)
        diffs = [option for option in general if "ServerSideDiff" in option]
        child["metadata"].setdefault("annotations", {})[COMPARE_OPTIONS] = ",".join(diffs)
        child["spec"]["syncPolicy"]["syncOptions"] = [one for one in general if one not in diffs]
        files[f"root/{case}.yaml"] = child
        files[f"cases/{case}/object.yaml"] = body_of(case, name, False)
    root = application(name, name, repository.url, "root", "argocd")
    repository.push({"root.yaml": root, **files})
    kube.apply(cluster, [made(root)], namespace="argocd")

    def live(case: str) -> dict[str, Any]:
        body = body_of(case, name, False)
        place = "" if case.startswith("crd") else namespace
        return kube.get(cluster, body["apiVersion"], body["kind"], place, body["metadata"]["name"]) or {}

    before: dict[str, str] = {}

    def missing() -> list[str]:
        """Cases whose object is not there; the others' uids (a second sync makes some of them anew)."""
        found = {case: live(case) for case in CASES}
        before.update({case: body["metadata"]["uid"] for case, body in found.items() if body})
        return [case for case, body in found.items() if not body]

    until(missing, cluster, name)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", repository.push_url, str(clone))
    for case in CASES:
        (clone / f"cases/{case}/object.yaml").write_text(json.dumps(body_of(case, name, True)))
    git(clone, "commit", "--quiet", "--all", "-m", "Change")
    matters = json.loads(run("diff", str(clone), "--rev", "HEAD^..HEAD", "-o", "json").out)["matters"]
    said = {one["application"].rpartition("-")[2]: f"{one['topic']}: {one['text']}" for one in matters}
    git(clone, "push", "--quiet")

    def became(case: str) -> str:
        now, wanted = live(case), body_of(case, name, True)
        if now and is_as(now, wanted):
            return "changed" if now["metadata"]["uid"] == before[case] else "anew"
        return "refused" if "immutable" in status(cluster, f"{name}-{case}") else ""

    seen: dict[str, str] = {}

    def undecided() -> list[str]:
        """Cases that have not ended so yet; between two tries of a sync, nothing is said of a refusal."""
        seen.update({case: end for case in CASES if (end := became(case))})
        return [case for case, one in CASES.items() if seen.get(case) not in ENDS.get(one[3], (one[3],))]

    until(undecided, cluster, name)
    anew = "deletes the object and makes it anew at a later try"
    words = {"anew": "it is deleted and made anew", "refused": "fails: ", "changed": "", "either": anew}
    for case, (kind, _, _, end) in CASES.items():
        assert words[end] in said.get(case, ""), (case, said)
        assert said.get(case, "").startswith("data: ") is (end == "anew" and kind != "ConfigMap"), (
            case,
            said,
        )
    assert "plainclaim" not in said
