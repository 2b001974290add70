"""What `init` does to a cluster, compared with `kubectl apply --server-side` of the same manifest.

Each has its own API server, first empty, then with nothing to change. Ours runs in its own process, as
kubectl does; its start-up (loading Python and what `init` has loaded by then) is not counted, because the
cluster phase is only part of a run. `python -m bench.cluster_phase KUBECONFIG MANIFEST` is that process.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.api_servers import fresh
from bench.figures import Figure, ratio, spread
from bench.programs import timed
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox.addresses import Sandbox

TITLE = "Cluster phase of init, against kubectl apply --server-side (Argo CD's install.yaml)"
EMPTY_GOAL = 0.35
SAME_GOAL = 0.4
MEMORY_GOAL = 150.0
NAMESPACE = "argocd"


def run(rounds: int) -> Iterator[Figure]:
    found: dict[str, list[float]] = {
        "ours": [],
        "theirs": [],
        "ours again": [],
        "theirs again": [],
        "memory": [],
    }
    for _ in range(rounds):
        _measure(found)
    note = f"{spread(found['ours'])}; kubectl {spread(found['theirs'])}"
    yield Figure("on an empty cluster", ratio(found["ours"], found["theirs"]), "", EMPTY_GOAL, note)
    note = f"{spread(found['ours again'])}; kubectl {spread(found['theirs again'])}"
    yield Figure("nothing to change", ratio(found["ours again"], found["theirs again"]), "", SAME_GOAL, note)
    yield Figure("peak memory of our process", max(found["memory"]), "MB", MEMORY_GOAL)


def _measure(found: dict[str, list[float]]) -> None:
    """One round; kubectl and we take turns, on two API servers of the same age."""
    from bootstrap import argocd, kube
    from bootstrap.programs import find

    with fresh() as (one, invocation), fresh() as (other, _):
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            kubectl = str(find.ensure(["kubectl"], invocation, print)["kubectl"].path)
        manifest = one.folder / "install.yaml"
        manifest.write_bytes(argocd.manifest(invocation, None, "install").content)
        kube.ensure_namespace(kube.connect(invocation, other.context, other.kubeconfig), NAMESPACE)
        apply = [kubectl, f"--kubeconfig={other.kubeconfig}", "apply", "--server-side", "-n", NAMESPACE]
        for again in ("", " again"):
            ours = timed([sys.executable, "-m", "bench.cluster_phase", str(one.kubeconfig), str(manifest)])
            said = json.loads(ours.out)
            if (said["changed"] == 0) is not bool(again):
                raise SystemExit(f"{said['changed']} objects were changed by the run{again}")
            found[f"ours{again}"].append(said["seconds"])
            found["memory"].append(ours.megabytes)
            found[f"theirs{again}"].append(timed([*apply, "-f", str(manifest)]).seconds)
            for sandbox in (one, other):
                _settle(sandbox, invocation)


def _settle(sandbox: Sandbox, invocation: Invocation) -> None:
    """Wait until the API server has processed the new CRDs, so that this work does not slow the next run."""
    from bootstrap import kube
    from bootstrap.kube.crds import API_VERSION, CRD, wait_until_established

    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    for crd in kube.list_objects(cluster, API_VERSION, CRD):
        wait_until_established(cluster, crd["metadata"]["name"])


def main(kubeconfig: Path, manifest: Path) -> None:
    """As `init` does: connect, see what would change, and apply that."""
    from kubernetes.client import rest  # noqa: F401 - loaded before, by preflight

    from bootstrap import kube
    from bootstrap.manifests import split

    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n---\n".encode()
    start = time.monotonic()
    cluster = kube.connect(Invocation(), None, kubeconfig)
    objects = split.split(namespace + manifest.read_bytes(), str(manifest))
    previews = kube.preview(cluster, objects, namespace=NAMESPACE, quick=True)
    wanted = [item.object for item in previews if item.change != "same"]
    changed = sum(item.changed for item in kube.apply(cluster, wanted, namespace=NAMESPACE))
    print(json.dumps({"seconds": time.monotonic() - start, "changed": changed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
