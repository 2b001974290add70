"""Installs Argo CD in the sandbox as on any cluster, and waits until its processes on the host work."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bootstrap.core.errors import ApiError, SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import process, ready
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.argocd_workloads import COMPONENTS, NAMESPACE
from bootstrap.sandbox.state import Settings

PAUSE = 0.2
LAST = "argocd-application-controller"
"""The last workload of the manifest: with it, an interrupted `init` had applied the ones before."""
BUSY = (429, 500, 503, 504)
"""HTTP codes of an overloaded API server."""


def install(sandbox: Sandbox, invocation: Invocation, deadline: float, report: Callable[[str], None]) -> None:
    """Apply the pinned manifest by server-side apply, with the same field manager as `init`.

    Retried, until the deadline, when the API server is too busy to answer in time: applying is
    idempotent. What `init` has laid out is left to the repository, which says more than the manifest.
    """
    from bootstrap import argocd, kube
    from bootstrap.kube.find_argocd import MANAGED_BY, OURS
    from bootstrap.manifests import split

    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    settings = kube.get(cluster, "v1", "ConfigMap", NAMESPACE, "argocd-cm") or {"metadata": {}}
    laid_out = (settings["metadata"].get("labels") or {}).get(MANAGED_BY) == OURS
    if laid_out and kube.get(cluster, "apps/v1", "StatefulSet", NAMESPACE, LAST) is not None:
        return
    report("reading Argo CD's manifest")
    manifest = argocd.manifest(invocation, None, "install")
    objects = split.split(manifest.content, f"Argo CD {manifest.version}")
    kube.ensure_namespace(cluster, NAMESPACE)
    while True:
        try:
            kube.apply(
                cluster, objects, report=lambda text: report(f"applying Argo CD: {text}"), namespace=NAMESPACE
            )
            return
        except ApiError as error:
            if error.code not in BUSY or time.monotonic() > deadline:
                raise
            report("applying Argo CD again: the API server was too busy")


def wait(
    sandbox: Sandbox,
    settings: Settings,
    invocation: Invocation,
    deadline: float,
    report: Callable[[str], None],
) -> None:
    """Until the API answers and the initial password exists. SandboxError on timeout."""
    from bootstrap import argocd, kube

    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    questions: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("argocd-repo-server", lambda: ready.accepts(settings.ports["argocd-repo-server"])),
        (
            "argocd-application-controller",
            lambda: ready.answers(settings.ports["argocd-application-controller-metrics"], "/healthz"),
        ),
        ("argocd-server", lambda: ready.answers(settings.ports["argocd-server"], "/healthz")),
        ("argocd-server", lambda: argocd.initial_password(cluster) is not None),
    )
    for name, question in questions:
        report(f"waiting for {name}")
        while not question():
            if process.running(sandbox.folder, "agent") is None:
                raise process.died(sandbox.folder, "agent")
            if time.monotonic() > deadline:
                raise _too_late(sandbox, name)
            time.sleep(PAUSE)


def exited(folder: Path, first: str = "argocd-repo-server") -> SandboxError | None:
    """The error for a process of Argo CD that has exited and waits to be started again, if there is one."""
    recorded = process.recorded(folder)
    for name in (first, *COMPONENTS):
        if name in recorded and process.running(folder, name) is None:
            return process.died(folder, name)
    return None


def _too_late(sandbox: Sandbox, name: str) -> SandboxError:
    """Which process is to blame: one that has exited, or the awaited one."""
    folder = sandbox.folder
    if found := exited(folder, name):
        return found
    known = name if name in process.recorded(folder) else "agent"
    log = process.log_file(folder, known)
    return SandboxError(
        f"waiting for {name}",
        f"timed out; the end of the log of {known}:\n{process.last_words(log)}",
        f"give a longer --timeout, or read {log}",
    )
