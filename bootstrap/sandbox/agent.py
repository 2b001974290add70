"""The host's part of the cluster: runs Argo CD's processes as soon as, and as long as, it is installed.

`python -m bootstrap.sandbox.agent FOLDER`, started by `up`, ended by `down`. It watches what defines the
processes and asks `process.start` for what should run: that starts what is missing and
restarts what has a new environment, arguments or files.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bootstrap
from bootstrap import kube
from bootstrap.core.errors import BootstrapError
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import (
    addresses,
    argocd_processes,
    argocd_workloads,
    environment,
    git_guard,
    process,
    state,
)
from bootstrap.sandbox.argocd_workloads import NAMESPACE, Installed
from bootstrap.sandbox.process import Spec

WATCHED = (
    ("v1", "ConfigMap", NAMESPACE),
    ("v1", "Secret", NAMESPACE),
    ("apps/v1", "Deployment", NAMESPACE),
    ("apps/v1", "StatefulSet", NAMESPACE),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", None),
)
PULSE = 2.0
"""Seconds between two checks that the processes are alive."""
SETTLE = 0.2
"""Seconds to let several changes arrive before acting on them."""
RETRY = 3.0
"""Seconds before the API server is asked again after a failure."""
WATCH_ROUND = 3600.0
BACK_OFF = (0.0, 1.0, 5.0, 15.0, 30.0)
"""Seconds to wait before a process that keeps exiting is restarted; the last value repeats."""
STEADY = 60.0
"""Seconds after which a process counts as healthy, and its next exit as the first."""


@dataclass
class Restarts:
    """How often each process has exited recently, and when it was last started."""

    count: dict[str, int] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)

    def due(self, name: str, now: float) -> bool:
        """Whether the process may be started (again) now."""
        if name not in self.at:
            return True
        if now - self.at[name] > STEADY:
            self.count[name] = 0
        return now - self.at[name] >= BACK_OFF[min(self.count.get(name, 0), len(BACK_OFF) - 1)]

    def started(self, name: str, now: float) -> None:
        """Remember a start."""
        self.count[name] = self.count.get(name, 0) + 1
        self.at[name] = now


def run(folder: Path, stop: threading.Event, say: Any = print) -> None:
    """Until `stop` is set."""
    invocation = Invocation()
    settings = state.load(folder)
    if settings is None:
        return
    sandbox = addresses.describe(folder, settings)
    changed = threading.Event()
    changed.set()
    cluster: kube.Cluster | None = None
    installed: Installed | None = None
    restarts = Restarts()
    if git_guard.HOST in settings.processes:
        guard = (folder, stop, lambda: say("the Git host has ended: nothing of Argo CD asks it any more"))
        threading.Thread(target=git_guard.watch, args=guard, daemon=True).start()
    while not stop.is_set():
        try:
            if cluster is None:
                cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
                _watch(cluster, changed, stop)
            if changed.wait(PULSE):
                stop.wait(SETTLE)
                changed.clear()
                installed = _observe(cluster)
                if installed:
                    kube.ensure_secret(
                        cluster, NAMESPACE, "argocd-redis", data={}, generate=("auth",), labels={}
                    )
                    argocd_processes.prepare(folder, installed)
            _converge(folder, settings, installed, invocation, restarts, say)
        except BootstrapError as error:
            say(f"{error}")
            changed.set()
            stop.wait(RETRY)


def _observe(cluster: kube.Cluster) -> Installed | None:
    workloads = [
        {"kind": kind, **item}
        for kind in ("Deployment", "StatefulSet")
        for item in kube.list_objects(cluster, "apps/v1", kind, NAMESPACE)
    ]
    crds = kube.list_objects(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    return argocd_workloads.read(
        workloads,
        kube.list_objects(cluster, "v1", "ConfigMap", NAMESPACE),
        kube.list_objects(cluster, "v1", "Secret", NAMESPACE),
        [crd["metadata"]["name"] for crd in crds if _is_established(crd)],
    )


def _converge(
    folder: Path,
    settings: state.Settings,
    installed: Installed | None,
    invocation: Invocation,
    restarts: Restarts,
    say: Any,
) -> None:
    """Make the running processes match those that should run."""
    environ = environment.build(folder, invocation)
    wanted = installed.components if installed else ()
    if not git_guard.runs(folder, settings):
        wanted = tuple(item for item in wanted if item.name not in git_guard.CLIENTS)
    gone = set(argocd_workloads.COMPONENTS) & set(process.recorded(folder)) - {item.name for item in wanted}
    if gone:
        say(f"stopping {', '.join(sorted(gone))}: Argo CD no longer asks for them, or the Git host is gone")
        process.end(folder, sorted(gone))
    waits = installed is not None and not installed.signed and "argocd-server" in {c.name for c in wanted}
    for component in wanted:
        if waits and component.name == "argocd-applicationset-controller":
            continue  # without the key it would run but never accept a webhook
        spec = argocd_processes.spec(folder, settings, component, environ)
        if process.runs_as(folder, spec):
            continue
        now = time.monotonic()
        ended = process.running(folder, spec.name) is None
        if ended and not restarts.due(spec.name, now):
            continue
        if ended:
            restarts.started(spec.name, now)
        say(f"starting {spec.name}" if ended else f"starting {spec.name} again: its settings have changed")
        argocd_processes.make_way(folder, component)
        process.start(folder, spec)


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def _watch(cluster: kube.Cluster, changed: threading.Event, stop: threading.Event) -> None:
    """One thread per kind: it signals that something has changed, not what; `_observe` reads again."""

    def follow(api_version: str, kind: str, namespace: str | None) -> None:
        while not stop.is_set():
            try:
                for _ in kube.watch(cluster, api_version, kind, namespace, WATCH_ROUND):
                    changed.set()
            except BootstrapError:
                stop.wait(RETRY)
            changed.set()

    for arguments in WATCHED:
        threading.Thread(target=follow, args=arguments, daemon=True).start()


def main() -> None:
    """The process's entry point."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(Path(sys.argv[1]), stop)


if __name__ == "__main__":
    main()


def spec(folder: Path, environ: Mapping[str, str]) -> Spec:
    """`python -m bootstrap.sandbox.agent FOLDER`, importing the same package that starts it."""
    package = str(Path(bootstrap.__file__).parents[1])
    argv = (sys.executable, "-m", "bootstrap.sandbox.agent", str(folder))
    variables = {**environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1"}
    return Spec("agent", argv, variables, (folder / "sandbox.json", folder / "kubeconfig"))
