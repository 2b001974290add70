"""A backup where policies are enforced: its pod's address reaches db's policy only after it has started."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from bootstrap import kube
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.node import layout
from tests.catalog import voting_app_database
from tests.real.app import App, running
from tests.real.node import Node, told, until


@pytest.fixture(scope="module")
def saved(node: Node) -> Iterator[App]:
    """The app with its nightly dump."""
    with running(node, ("nodeport", "backup", "network-policies")) as found:
        yield found


def test_a_backup_waits_for_the_database_and_has_every_vote(saved: App) -> None:
    for choice in "aab":
        assert saved.vote(choice)
    until(lambda: saved.scores() == {"a": 2, "b": 1}, "three votes")
    nightly = kube.get(saved.node.cluster, "batch/v1", "CronJob", saved.namespace, "db-backup")
    assert nightly is not None
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "backup-now", "namespace": saved.namespace},
        "spec": nightly["spec"]["jobTemplate"]["spec"],
    }
    text = json.dumps(job).encode()
    kube.apply(saved.node.cluster, [ClusterObject("batch/v1", "Job", saved.namespace, "backup-now", text)])

    def status() -> dict[str, int]:
        found = kube.get(saved.node.cluster, "batch/v1", "Job", saved.namespace, "backup-now") or {}
        seen: dict[str, int] = found.get("status", {})
        assert not seen.get("failed"), told(saved.node, saved.namespace)
        return seen

    until(lambda: status().get("succeeded"), "the backup")
    (dump,) = (layout.folder(saved.node.sandbox.folder) / "volumes").glob("*/votes-*.dump")
    restore = [str(voting_app_database.programs() / "pg_restore"), "--data-only", "--file=-", str(dump)]
    rows = subprocess.check_output(restore, text=True).split("FROM stdin;")[1].split("\\.")[0]
    assert sorted(line.split("\t")[1] for line in rows.strip().splitlines()) == ["a", "a", "b"]
