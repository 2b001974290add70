"""`diff --live --fetch-charts`: charts are rendered for the cluster that is asked, and compared with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.kube import Cluster, served
from bootstrap.sandbox.addresses import Sandbox
from tests import charts
from tests.conftest import Run
from tests.repositories import write
from tests.sandbox.argocd.test_wait import admin, ns
from tests.sandbox.kubernetes import made
from tests.tools import tool

__all__ = ["admin", "ns"]  # fixtures

CHART = {
    "values.yaml": "colour: blue\n",
    "templates/all.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  colour: {{ .Values.colour | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  budgets: {{ .Capabilities.APIVersions.Has "policy/v1/PodDisruptionBudget" | quote }}
  monitors: {{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" | quote }}
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: {{ .Values.colour | quote }} }
""",
    "templates/hook.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: before, annotations: {helm.sh/hook: pre-install}}
""",
}


def repository(root: Path, chart_repository: str, namespace: str, colour: str) -> Path:
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": chart_repository,
                "chart": "thing",
                "targetRevision": "1.0.0",
                "helm": {"valuesObject": {"colour": colour}},
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        },
    }
    return write(
        root,
        {
            "clusters/one/kustomization.yaml": "resources: [application.yaml]\n",
            "clusters/one/application.yaml": json.dumps(application),
        },
    )


@pytest.fixture
def environ(api_server: Sandbox, tmp_path: Path) -> dict[str, str]:
    path = f"{tool('helm').parent}:{tool('kustomize').parent}:{os.environ['PATH']}"
    return {
        "KUBECONFIG": str(api_server.kubeconfig),
        "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache"),
        "PATH": path,
    }


def changed(run: Run, root: Path, environ: dict[str, str]) -> dict[str, Any]:
    ended = run("diff", str(root), "--live", "--fetch-charts", "-o", "json", env=environ)
    assert ended.exit in (0, 1), ended.err
    found = json.loads(ended.out)
    return {
        one["object"].rpartition("/")[2]: one
        for one in found["changes"]
        if one["object"].split()[0] in ("ConfigMap", "Secret")
    } | {"coverage": found["coverage"]}


def test_a_chart_is_rendered_for_the_cluster_and_compared_with_what_runs(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    with charts.served() as chart_repository:
        chart_repository.add("thing", "1.0.0", CHART)
        root = repository(tmp_path / "repository", chart_repository.url, ns, "blue")
        fresh = changed(run, root, environ)
        assert fresh["coverage"]["unread"] == []
        assert {name: one["change"] for name, one in fresh.items() if name != "coverage"} == {"web": "add"}
        shown = "\n".join(fresh["web"]["diff"])
        chart_repository.away = True  # from here on, what was fetched is enough

        config = {
            "colour": "blue",
            "kubernetes": served.release(admin),
            "budgets": "true",
            "monitors": "false",
        }
        metadata = {"name": "web", "namespace": ns}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"password": "blue"},
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": config}
        kube.apply(admin, [made(body), made(secret)], namespace=ns)
        assert set(changed(run, root, environ)) == {"coverage"}, (
            "what the cluster has is what the chart makes"
        )

        repository(root, chart_repository.url, ns, "green")
        ended = run("diff", str(root), "--live", "--fetch-charts", env=environ)
        assert ended.exit == 1
        assert f"~ ConfigMap {ns}/web" in ended.out
        assert "+  colour: green" in ended.out
        assert f"~ Secret {ns}/web" in ended.out
        assert "green" not in ended.out.partition(f"~ Secret {ns}/web")[2]
        assert "before" not in ended.out, "a hook is no desired state"
        assert shown


def test_without_fetching_the_chart_is_named_as_not_read(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    with charts.served() as chart_repository:
        root = repository(tmp_path / "repository", chart_repository.url, ns, "blue")
        ended = run("diff", str(root), "--live", env=environ)
    assert "thing" in ended.err
    assert "--fetch-charts" in ended.err
    assert chart_repository.asked == []
