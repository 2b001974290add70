"""A sandbox's lifecycle: `up` brings it to the desired state from any state; `down` ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import (
    addresses,
    agent,
    argocd_processes,
    cluster_objects,
    control_plane,
    environment,
    gitea,
    gitea_account,
    kubeconfig,
    listener,
    pki,
    ports,
    process,
    ready,
    redis,
    state,
)
from bootstrap.sandbox import program_folder as bin_folder
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.argocd_workloads import COMPONENTS, NAMESPACE
from bootstrap.sandbox.files import private_folder, remove
from bootstrap.sandbox.lock import held
from bootstrap.sandbox.node import layout, preflight
from bootstrap.sandbox.node import start as node
from bootstrap.sandbox.state import DEFAULT, Settings

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")
"""The minimum for an API server; enough for tests of the `kube` package."""
EVERYTHING = ("etcd", "kube-apiserver", *control_plane.AFTER_API_SERVER, "redis", "gitea", "agent")
WITH_REAL_NODE = (
    *(name for name in EVERYTHING if name not in ("metrics-server", "agent")),
    layout.PROCESS,
    "agent",
)
"""As above; metrics-server runs in the node, whose kubelet nothing outside can reach."""
TIMEOUT = 300.0


def up(
    name: str,
    invocation: Invocation,
    output: Output,
    *,
    with_argocd: bool = True,
    processes: Sequence[str] | None = None,
    timeout: float = TIMEOUT,
    nodes: str | None = None,
) -> Sandbox:
    """Start what is not running, and wait until all of it works; repeated calls give the same sandbox.

    `with_argocd` installs Argo CD too; without, its processes start as soon as something installs it.
    `nodes` is "simulated" or "real"; None is as before, simulated for a new sandbox.
    `timeout`: seconds for starting, without fetching and building programs. InputError: a name that is not
    valid, or a sandbox with the other kind of nodes.
    DownloadError, SandboxError: a program cannot be obtained, started, or kept running.
    """
    folder = state.folder_of(name, invocation)
    kind = _nodes(folder, name, nodes)
    processes = processes or (WITH_REAL_NODE if kind == "real" else EVERYTHING)
    if kind == "real":
        preflight.check([str(folder)])  # before anything is fetched or built for it
    with output.progress(f"sandbox {name}") as progress:
        private_folder(folder)
        with held(_lock(folder), timeout, progress.update):
            programs = bin_folder.ensure(processes, invocation, progress.update)
            deadline = time.monotonic() + timeout
            settings = _settle(folder, name, invocation, processes, programs, kind)
            sandbox = addresses.describe(folder, settings)
            _start(sandbox, settings, invocation, programs, deadline, progress.update)
            if with_argocd and "agent" in processes:
                from bootstrap.sandbox import argocd_install

                argocd_install.install(sandbox, invocation, deadline, progress.update)
                argocd_install.wait(sandbox, settings, invocation, deadline, progress.update)
    return sandbox


def down(name: str, invocation: Invocation, output: Output, purge: bool = False) -> list[str]:
    """End every process of the sandbox, and nothing else; with `purge`, delete its data.

    Returns the names of the processes that were running; none for a sandbox that does not exist.
    """
    folder = state.folder_of(name, invocation)
    if not folder.is_dir():
        return []
    with output.progress(f"sandbox {name}") as progress, held(_lock(folder), TIMEOUT, progress.update):
        ended = stop(folder, progress.update)
        if purge:
            progress.update("deleting its data")
            argocd_processes.remove_socket(folder)
            remove(folder)
    return ended


def stop(folder: Path, report: Callable[[str], None] = lambda _: None) -> list[str]:
    """End the processes in the order in which they depend on each other: the API server last but one."""
    names = process.recorded(folder)
    names += sorted({role for _, role in process.owned(folder)} - set(names))
    last = ("kube-apiserver", "etcd")
    phases = (
        [name for name in names if name == "agent"],
        [name for name in names if name not in (*last, "agent")],
        *([name] for name in last if name in names),
    )
    ended: list[str] = []
    for phase in phases:
        if phase:
            report(f"ending {', '.join(phase)}")
            ended += process.end(folder, phase)
    node.sweep(folder)
    return ended


def find(name: str, invocation: Invocation) -> Sandbox | None:
    """The sandbox as its folder describes it, running or not; None when it was never started."""
    folder = state.folder_of(name, invocation)
    settings = state.load(folder)
    return addresses.describe(folder, settings) if settings else None


def _settle(
    folder: Path,
    name: str,
    invocation: Invocation,
    processes: Sequence[str],
    programs: bin_folder.Programs,
    nodes: str,
) -> Settings:
    """Ports (kept where they are still free), certificates, kubeconfigs and configuration files."""
    with held(state.sandboxes(invocation) / "ports.lock", TIMEOUT):
        before = state.load(folder)
        alive = [item for item in process.recorded(folder) if process.running(folder, item)]
        ours = [port for port in state.PORTS if any(port == p or port.startswith(f"{p}-") for p in alive)]
        others = [state.load(state.folder_of(other, invocation)) for other in state.names(invocation)]
        taken = {port for other in others if other and other.name != name for port in other.ports.values()}
        chosen = ports.choose(state.PORTS, before.ports if before else {}, ours, taken)
        settings = Settings(name, chosen, tuple(processes), programs=programs.paths, nodes=nodes)
        state.save(folder, settings)
    sandbox = addresses.describe(folder, settings)
    secrets = pki.ensure(folder)
    kubeconfigs = private_folder(folder / "kubeconfigs")
    kubeconfig.write(sandbox.kubeconfig, sandbox.context, sandbox.server, secrets, "admin")
    for identity in control_plane.AFTER_API_SERVER:
        kubeconfig.write(kubeconfigs / identity, sandbox.context, sandbox.server, secrets, identity)
    for identity in argocd_processes.ACCOUNTS:
        path = kubeconfigs / identity
        kubeconfig.write(path, sandbox.context, sandbox.server, secrets, identity, NAMESPACE)
    if nodes == "real":
        node.prepare(sandbox, secrets)
    bin_folder.link(folder / "bin", programs)
    control_plane.write_kwok_config(folder)
    return settings


def _start(
    sandbox: Sandbox,
    settings: Settings,
    invocation: Invocation,
    programs: bin_folder.Programs,
    deadline: float,
    report: Callable[[str], None],
) -> None:
    """Everything in dependency order; Gitea and the cluster in parallel."""
    folder = sandbox.folder
    _end_strays(folder)
    if "agent" in settings.processes and process.running(folder, "agent") is None:
        ready.check_watches()
    environ = environment.build(folder, invocation)
    with ThreadPoolExecutor(max_workers=1) as pool:
        git = None
        if "gitea" in settings.processes:
            git = pool.submit(_start_gitea, folder, settings, invocation, programs, environ, deadline)
        if "redis" in settings.processes:
            process.start(folder, redis.spec(folder, settings, environ))
        if "kube-apiserver" in settings.processes:
            _start_cluster(sandbox, settings, invocation, environ, deadline, report)
        if git:
            report("waiting for Gitea to answer")
            git.result()
    report("checking that everything runs")
    for name in settings.processes:
        if process.running(folder, name) is None:
            raise process.died(folder, name)


def _start_cluster(
    sandbox: Sandbox,
    settings: Settings,
    invocation: Invocation,
    environ: dict[str, str],
    deadline: float,
    report: Callable[[str], None],
) -> None:
    from bootstrap import kube

    folder, wanted = sandbox.folder, settings.processes
    report("starting etcd")
    process.start(folder, control_plane.etcd(folder, settings, environ))
    # Its port is open long before it serves; an API server gives up on an etcd that only listens.
    serving, client = settings.ports["etcd"], ready.trusting(folder / "pki", "etcd-client", "etcd-ca")
    ready.wait_for(folder, "etcd", lambda: ready.answers(serving, "/readyz", client), deadline, "GET /readyz")
    report("waiting for the API server to be ready")
    process.start(folder, control_plane.kube_apiserver(folder, settings, environ))
    trust = ready.trusting(folder / "pki")
    port = settings.ports["kube-apiserver"]
    ready.wait_for(
        folder, "kube-apiserver", lambda: ready.answers(port, "/readyz", trust), deadline, "GET /readyz"
    )
    for name, spec_of in control_plane.AFTER_API_SERVER.items():
        if name in wanted:
            report(f"starting {name}")
            process.start(folder, spec_of(folder, settings, environ))
    if "kwok" in wanted:
        _fill(sandbox, settings, invocation, deadline, report)
    if layout.PROCESS in wanted:
        cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
        node.start(sandbox, settings, cluster, environ, deadline, report)
    if "agent" in wanted:
        process.start(folder, agent.spec(folder, environ))


def _fill(
    sandbox: Sandbox,
    settings: Settings,
    invocation: Invocation,
    deadline: float,
    report: Callable[[str], None],
) -> None:
    """Nodes, StorageClass and metrics API; waits until the nodes are Ready."""
    from bootstrap import kube

    report("creating nodes and the default StorageClass")
    cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
    real = layout.PROCESS in settings.processes
    simulated = cluster_objects.nodes(real)
    wanted = [*simulated, cluster_objects.storage_class(real)]
    if real or "metrics-server" in settings.processes:
        wanted += cluster_objects.metrics_api(sandbox.folder, settings)
    kube.apply(cluster, wanted, force=True)
    report("waiting for the nodes to be Ready")

    def all_ready() -> bool:
        found = kube.list_objects(cluster, "v1", "Node")
        return sum(cluster_objects.is_ready(each) for each in found) >= len(simulated)

    ready.wait_for(sandbox.folder, "kwok", all_ready, deadline, "its nodes to be Ready")


def _nodes(folder: Path, name: str, wanted: str | None) -> str:
    """The kind of nodes; InputError for a sandbox that has the other kind."""
    before = state.load(folder)
    if before is None or wanted in (None, before.nodes):
        return wanted or (before.nodes if before else "simulated")
    raise InputError(
        "reading --nodes",
        f"the sandbox {name} has {before.nodes} nodes",
        f"choose another --name, or: bootstrap sandbox down --name {name} --purge",
    )


def _start_gitea(
    folder: Path,
    settings: Settings,
    invocation: Invocation,
    programs: bin_folder.Programs,
    environ: dict[str, str],
    deadline: float,
) -> None:
    gitea.write_config(folder, settings, programs.gitea_data)
    process.start(folder, gitea.spec(folder, settings, environ))
    port = settings.ports["gitea"]
    ready.wait_for(folder, "gitea", lambda: ready.answers(port, "/api/healthz"), deadline, "GET /api/healthz")
    listener.check(folder, "gitea", port)
    url = f"http://{state.HOST}:{port}"
    gitea_account.provision(
        folder, url, lambda arguments: gitea.admin(folder, settings, environ, arguments), invocation
    )


def _end_strays(folder: Path) -> None:
    """Processes that a killed `up` started without recording them."""
    known = {name: process.running(folder, name) for name in process.recorded(folder)}
    strays = {role for _, role in process.owned(folder) if known.get(role) is None}
    if known.get("agent"):
        strays -= set(COMPONENTS)  # it may be starting them right now
    process.end(folder, sorted(strays))


def _lock(folder: Path) -> Path:
    """Next to the folder, and never deleted: deleting a lock file would break it for those who wait."""
    return folder.with_name(f"{folder.name}.lock")


__all__ = ["DEFAULT", "down", "find", "stop", "up"]
