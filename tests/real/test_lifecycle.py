"""A real node from `up` to `down`: it runs pods, and leaves nothing on the machine, however it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.output import Output
from bootstrap.manifests import split
from bootstrap.sandbox import embedded, process
from bootstrap.sandbox.node import layout, load, registry
from tests.real import images
from tests.real.conftest import PROCESSES, start
from tests.real.node import Node, is_ready, until
from tests.sandbox.conftest import TIMEOUT, _new_folder, private_invocation, stop_all

POD = b"""\
apiVersion: v1
kind: Pod
metadata: {name: asks, namespace: default, labels: {app.kubernetes.io/name: asks}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: asks
      image: redis:8.2.3-alpine
      command: [sh, -c, 'cat /etc/resolv.conf > /data/seen; sleep 100000']
      volumeMounts: [{name: data, mountPath: /data}]
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: asks}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: asks, namespace: default}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    found = _new_folder()
    yield found
    stop_all(found)


def left(folder: Path) -> dict[str, set[str]]:
    """What a node could leave on the machine."""
    name = layout.cgroup(folder / "data/sandboxes/life")
    return {
        "mounts": {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()},
        "interfaces": {
            line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]
        },
        "groups": {str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{name}")},
        "sockets": {str(path) for path in Path("/run").glob(f"{name}*")},
        "programs": _programs(folder),
        "paths": {str(path) for path in (Path("/var/lib/kubelet"), Path("/var/lib/cni")) if path.exists()},
    }


def _programs(folder: Path) -> set[str]:
    """Command lines that name the folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(folder) in text:
                found.add(text)
    return found


def run_pod(node: Node, folder: Path) -> None:
    archives = folder / "images"
    archives.mkdir(exist_ok=True)
    images.save_redis(archives)
    load.load(archives, "life", Output(private_invocation(folder), quiet=True))
    kube.apply(node.cluster, split.split(POD, "the test"), force=True)
    until(lambda: any(is_ready(pod) for pod in node.pods("default", "asks")), "the pod")


def test_a_pod_runs_and_nothing_is_left_after_down(folder: Path) -> None:
    before = left(folder)
    node = start(folder, "life")
    port = embedded.state.load(node.sandbox.folder).ports[layout.PORT]  # type: ignore[union-attr]
    assert registry.has(port, layout.DNS_IMAGE)
    assert not registry.has(port, "redis:8.2.3-alpine")
    run_pod(node, folder)
    assert registry.has(port, "redis:8.2.3-alpine")
    (volume,) = (layout.folder(node.sandbox.folder) / "volumes").iterdir()
    assert f"nameserver {layout.DNS}" in (volume / "seen").read_text()
    node.dial(layout.DNS, 53).close()  # as the API server reaches a Service that is a webhook
    during = left(folder)
    assert during["groups"], "the pods are in no group of their own"
    invocation = private_invocation(folder)
    ended = embedded.down("life", invocation, Output(invocation, quiet=True), purge=True)
    assert layout.PROCESS in ended
    assert left(folder) == before
    assert not node.sandbox.folder.exists()


def test_the_next_up_goes_on_after_the_nodes_parent_was_killed(folder: Path) -> None:
    before = left(folder)
    node = start(folder, "life")
    run_pod(node, folder)
    parent = process.running(node.sandbox.folder, layout.PROCESS)
    assert parent is not None
    (pod,) = node.pods("default", "asks")
    inside = node.processes(pod)
    assert inside
    os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in inside), "the pod's processes to end")

    invocation = private_invocation(folder)
    embedded.up(
        "life",
        invocation,
        Output(invocation, quiet=True),
        with_argocd=False,
        processes=PROCESSES,
        timeout=TIMEOUT,
    )
    until(lambda: node.processes(node.pods("default", "asks")[0]), "the pod's processes, started again")
    embedded.stop(node.sandbox.folder)
    assert left(folder) == before
