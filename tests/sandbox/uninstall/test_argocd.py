"""`bootstrap uninstall --prune` where a real Argo CD deletes what it has deployed; and `init` after it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bootstrap import argocd, kube
from bootstrap.core.invocation import Invocation
from bootstrap.kube.removal import merge_patch, wait_until_gone
from bootstrap.manifests.objects import ClusterObject
from tests.conftest import Run


def test_argocd_deletes_what_it_deployed_and_init_brings_it_back(private: Invocation, run: Run) -> None:
    up = run("sandbox", "up", "--name", "gone", "--init", "-o", "json", env=dict(private.environ))
    assert up.exit == 0, up.err
    told = json.loads(up.out)
    env = {
        **private.environ,
        "KUBECONFIG": told["kubeconfig"],
        "GIT_TOKEN_FILE": told["git"]["tokenFile"],
        "GIT_USERNAME": told["git"]["username"],
    }
    cluster = kube.connect(private, told["context"], Path(told["kubeconfig"]))
    password = kube.get(cluster, "v1", "Secret", "voting-app-dev", "db")
    deployment = ("apps/v1", "Deployment", "voting-app-dev", "db")
    merge_patch(cluster, *deployment, {"metadata": {"finalizers": ["gone.example.com/nobody"]}})
    held = "held by gone.example.com/nobody (a controller of gone.example.com)"
    for seconds in (20, 40, 80, 160):  # until Argo CD has come to it
        late = run("uninstall", "--prune", "--timeout", str(seconds), "--yes", told["context"], env=env)
        assert late.exit == 7, late.err
        if held in late.err:
            break
    assert held in late.err
    assert "Namespace voting-app-dev: kept by Delete=false" in late.err
    assert "kubectl -n voting-app-dev patch deployment db --type=merge" in late.err
    merge_patch(cluster, *deployment, {"metadata": {"finalizers": None}})
    # Argo CD ends what it has begun: the next run has nothing but the note to read what stays from.
    app = ClusterObject("argoproj.io/v1alpha1", "Application", "argocd", "voting-app-dev", b"")
    assert wait_until_gone(cluster, [app], time.monotonic() + 300) == []
    done = run("uninstall", "--prune", "--yes", told["context"], env=env)
    assert done.exit == 0, done.err
    assert "Namespace voting-app-dev: kept by Delete=false" in done.err
    assert kube.get(cluster, "v1", "Namespace", None, "argocd") is None
    for kind in ("Deployment", "StatefulSet"):
        assert kube.list_objects(cluster, "apps/v1", kind, "voting-app-dev") == []
    # The namespace is kept by its own annotation, and so are the passwords of data that may be kept.
    kept = kube.get(cluster, "v1", "Secret", "voting-app-dev", "db")
    assert password is not None
    assert kept is not None
    assert kept["data"] == password["data"]

    again = run("init", told["init"]["repository"], "--yes", "--author", "Ada <ada@example.org>", env=env)
    assert again.exit == 0, again.err
    cluster.kinds.clear()
    for item in argocd.applications(cluster):
        state = item["status"]["sync"]["status"], item["status"]["health"]["status"]
        assert state == ("Synced", "Healthy"), item["metadata"]["name"]
