"""`sandbox up --init` from nothing to a synced cluster, and the commands that it suggests to try next."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from bootstrap import argocd, kube
from bootstrap.core.invocation import Invocation
from tests.conftest import Run
from tests.sandbox.conftest import processes_of
from tests.sandbox.test_argocd_processes import BEFORE_A_POLL


def paste(command: str, invocation: Invocation) -> str:
    """Run it in a shell that knows only where programs and sandboxes are."""
    env = {name: invocation.environ[name] for name in ("PATH", "BOOTSTRAP_DATA_DIR")}
    env["HOME"] = os.environ["HOME"]  # kubectl would make its cache in the current folder
    ended = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def image(cluster: kube.Cluster) -> str:
    found: Any = kube.get(cluster, "apps/v1", "Deployment", "voting-app-dev", "vote")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_up_with_init_syncs_a_repository_and_its_next_commands_work(private: Invocation, run: Run) -> None:
    env = dict(private.environ)
    up = run("sandbox", "up", "--name", "own", "--init", "-o", "json", env=env)
    assert up.exit == 0, up.err
    told = json.loads(up.out)
    cluster = kube.connect(private, told["context"], Path(told["kubeconfig"]))
    applications = {item["metadata"]["name"]: item["status"] for item in argocd.applications(cluster)}
    assert {"root", "argocd", "voting-app-dev"} <= set(applications)
    for name, state in applications.items():
        assert (state["sync"]["status"], state["health"]["status"]) == ("Synced", "Healthy"), name

    show, change, end = (item["command"] for item in told["next"])
    assert "voting-app-dev" in paste(show, private)

    before = image(cluster)
    paste(change, private)
    deadline = time.monotonic() + BEFORE_A_POLL
    while image(cluster) == before:
        assert time.monotonic() < deadline, "the push is not live"
        time.sleep(0.2)

    again = run("sandbox", "up", "--name", "own", "--init", env=env)
    assert again.exit == 0, again.err
    assert "sandbox own is up" in again.out

    token = Path(told["git"]["tokenFile"]).read_text().strip()
    assert token not in up.out + up.err + again.out + again.err
    assert processes_of(Path(told["folder"]))
    paste(end, private)
    assert processes_of(Path(told["folder"])) == set()
