"""`bootstrap status` of 2,000 Applications compared with `kubectl get applications -A -o json`, and trace."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import api_servers
from bench.figures import Figure, in_turns, ratio, spread
from bench.programs import timed
from bench.repository import URL, write
from bootstrap import argocd, kube
from bootstrap.kube import Cluster
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.programs import find

APPLICATIONS = 2000
STATUS_GOAL = 1.5
TRACE_GOAL = 2.0
TITLE = f"{APPLICATIONS:,} Applications: status and trace"
TIME = "2026-11-24T21:50:03Z"


def run(rounds: int) -> Iterator[Figure]:
    with api_servers.fresh() as (sandbox, invocation), tempfile.TemporaryDirectory() as name:
        cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
        _fill(cluster, argocd.manifest(invocation, None, "install").content)
        found = find.ensure(("kubectl", "kustomize"), invocation, lambda _: None)
        folder = Path(name)
        environ = {
            **os.environ,
            "KUBECONFIG": str(sandbox.kubeconfig),
            "PATH": f"{found['kustomize'].path.parent}{os.pathsep}{os.environ['PATH']}",
            "BOOTSTRAP_CACHE_DIR": str(folder / "cache"),
        }
        kubectl = [str(found["kubectl"].path), "get", "applications", "-A", "-o", "json"]
        ours = [sys.executable, "-m", "bootstrap", "status", "-o", "json", "--repo", name]
        times = in_turns(
            rounds,
            {
                "kubectl": lambda: timed(kubectl, environ=environ).seconds,
                "status": lambda: timed(ours, environ=environ).seconds,
            },
        )
        note = f"{spread(times['status'])}; kubectl {spread(times['kubectl'])}"
        value = ratio(times["status"], times["kubectl"])
        yield Figure("status / kubectl get applications -A -o json", value, "", STATUS_GOAL, note)

        write(folder / "repository", APPLICATIONS)
        trace = [sys.executable, "-m", "bootstrap", "trace", "web.app-00042"]
        trace += ["--repo", str(folder / "repository")]
        timed(trace, environ=environ)
        warm = in_turns(rounds, {"trace": lambda: timed(trace, environ=environ).seconds})["trace"]
        yield Figure(
            "trace of a Service among them, warm", sorted(warm)[len(warm) // 2], "s", TRACE_GOAL, spread(warm)
        )


def _fill(cluster: Cluster, manifest: bytes) -> None:
    """Argo CD's CRDs, a root, and the Applications below it, with the status that Argo CD writes."""
    kube.ensure_namespace(cluster, argocd.NAMESPACE)
    crds = [item for item in split.split(manifest, "manifest") if item.kind.endswith("Definition")]
    kube.apply(cluster, crds)
    names = [f"app-{number:05}" for number in range(APPLICATIONS)]
    entry = {"group": "argoproj.io", "version": "v1alpha1", "kind": "Application", "namespace": "argocd"}
    root = _application("root", [{**entry, "name": name, "status": "Synced"} for name in names])
    kube.apply(cluster, [_object(root), *(_object(_application(name, _resources(name))) for name in names)])


def _resources(name: str) -> list[dict[str, Any]]:
    kinds = (("", "Service"), ("apps", "Deployment"), ("networking.k8s.io", "Ingress"), ("", "ConfigMap"))
    return [
        {"group": group, "version": "v1", "kind": kind, "namespace": name, "name": "web", "status": "Synced"}
        for group, kind in kinds
    ]


def _application(name: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "apps",
            "source": {"repoURL": URL, "targetRevision": "main", "path": f"apps/{name}/overlay"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        },
        "status": {
            "reconciledAt": TIME,
            "sync": {
                "status": "Synced",
                "revision": "a" * 40,
                "comparedTo": {"source": {"repoURL": URL}, "destination": {}},
            },
            "health": {"status": "Healthy", "lastTransitionTime": TIME},
            "summary": {"images": ["registry.example.com/web:1.2.3"]},
            "resources": resources,
        },
    }


def _object(body: dict[str, Any]) -> ClusterObject:
    import json

    metadata = body["metadata"]
    return ClusterObject(
        body["apiVersion"], body["kind"], metadata["namespace"], metadata["name"], json.dumps(body).encode()
    )
