"""The other provider: a kind cluster in Docker, with Gitea in it; real kubelets instead of simulated ones.

Addresses are the node's own on Docker's network, where this machine (Linux) and the pods reach it by the
same URL; they are private to the machine. Argo CD serves plain HTTP there, as the embedded
sandbox's does on loopback. Docker, kind and kubectl are the user's.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import gitea_account, kind_objects, state
from bootstrap.sandbox.addresses import Sandbox, _cluster_name, node
from bootstrap.sandbox.argocd_workloads import NAMESPACE as ARGOCD
from bootstrap.sandbox.files import private_folder
from bootstrap.sandbox.gitea import kept
from bootstrap.sandbox.lock import held
from bootstrap.sandbox.state import Settings

EMBEDDED = "or use the provider that needs none: --provider embedded"
HINTS = {
    "docker": f"install Docker and start it, {EMBEDDED}",
    "kind": f"install it from https://kind.sigs.k8s.io, {EMBEDDED}",
    "kubectl": f"install it, {EMBEDDED}",
}
CREATION = 600.0
"""Seconds for Docker to fetch the node's image and start it."""


@dataclass(frozen=True)
class Tools:
    """The programs by path, and the environment that they run in."""

    docker: str
    kind: str
    kubectl: str
    invocation: Invocation


def up(name: str, invocation: Invocation, output: Output, with_argocd: bool, timeout: float) -> Sandbox:
    """Create the cluster unless it exists, and Gitea in it; repeated calls give the same sandbox.

    SandboxError: Docker, kind or kubectl is missing or fails, or something is not ready in time.
    """
    from bootstrap import kube

    tools = _tools(invocation)
    folder = private_folder(state.folder_of(name, invocation))
    with output.progress(f"sandbox {name}") as progress, held(_lock(folder), timeout, progress.update):
        deadline = time.monotonic() + timeout
        progress.update("creating the kind cluster")
        address = _cluster(tools, name, folder)
        settings = Settings(name, dict.fromkeys(state.PORTS, 0), (), "kind", {"address": address})
        state.save(folder, settings)
        sandbox = describe(folder, settings)
        progress.update("installing Gitea")
        private_folder(folder / "git")
        cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
        secrets = {key: kept(folder / "git" / key) for key in ("secret_key", "internal_token")}
        kube.apply(cluster, [*kind_objects.gitea(sandbox.git_url, secrets), *kind_objects.argocd_address()])
        kubectl = _kubectl(tools, sandbox)
        progress.update("waiting for Gitea to be ready")
        _rolled_out(kubectl, kind_objects.NAMESPACE, "gitea", deadline)
        in_gitea = ("-n", kind_objects.NAMESPACE, "exec", "deploy/gitea", "--", "gitea", "admin")
        config = "--config=/etc/gitea/app.ini"
        gitea_account.provision(
            folder, sandbox.git_url, lambda words: kubectl((*in_gitea, *words, config)), invocation
        )
        _serve_http(kubectl)
        if with_argocd:
            from bootstrap.sandbox import argocd_install

            argocd_install.install(sandbox, invocation, deadline, progress.update)
            progress.update("waiting for Argo CD to be ready")
            _rolled_out(kubectl, ARGOCD, "argocd-server", deadline)
    return sandbox


def down(name: str, invocation: Invocation, output: Output, purge: bool) -> list[str]:
    """Stop the cluster's container, or delete the cluster with `purge`."""
    tools = _tools(invocation)
    folder = state.folder_of(name, invocation)
    with output.progress(f"sandbox {name}") as progress, held(_lock(folder), 60.0, progress.update):
        if purge:
            _run(tools, tools.kind, "delete", "cluster", f"--name={_cluster_name(name)}")
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _run(tools, tools.docker, "stop", node(name))
    return [node(name)]


def runs(name: str, invocation: Invocation) -> bool:
    """Whether the node's container runs."""
    tools = _tools(invocation)
    asked = _call(tools, (tools.docker, "inspect", "--format={{.State.Running}}", node(name)))
    return asked.stdout.strip() == "true"


def describe(folder: Path, settings: Settings) -> Sandbox:
    """The sandbox's addresses: node ports of the cluster's only node."""
    address = settings.programs["address"]
    return Sandbox(
        name=settings.name,
        folder=folder,
        kubeconfig=folder / "kubeconfig",
        context=f"kind-{_cluster_name(settings.name)}",
        server=f"the kind cluster {_cluster_name(settings.name)}",
        git_url=f"http://{address}:{kind_objects.GITEA_PORT}",
        git_username=state.GIT_USERNAME,
        git_token_file=folder / "git" / "token",
        git_organisation=state.ORGANISATION,
        argocd_url=f"http://{address}:{kind_objects.ARGOCD_PORT}",
        programs=folder / "bin",
        known_hosts=folder / "git" / "known_hosts",
        git_ssh_url="",
    )


def _cluster(tools: Tools, name: str, folder: Path) -> str:
    """Create or start the cluster; returns the node's address."""
    kubeconfig = folder / "kubeconfig"
    named = (f"--name={_cluster_name(name)}", f"--kubeconfig={kubeconfig}")
    if _cluster_name(name) in _run(tools, tools.kind, "get", "clusters").split():
        _run(tools, tools.docker, "start", node(name))
        _run(tools, tools.kind, "export", "kubeconfig", *named)
    else:
        _run(tools, tools.kind, "create", "cluster", "--wait=180s", *named)
    kubeconfig.chmod(0o600)
    network = "--format={{.NetworkSettings.Networks.kind.IPAddress}}"
    return _run(tools, tools.docker, "inspect", network, node(name)).strip()


def _serve_http(kubectl: Callable[[Sequence[str]], subprocess.CompletedProcess[str]]) -> None:
    """Set with kubectl, as a person would, so that nothing that applies the manifest owns the field."""
    create = ("create", "configmap", "argocd-cmd-params-cm", "--from-literal=server.insecure=true")
    made = kubectl(("-n", ARGOCD, *create))
    if made.returncode and "already exists" not in made.stderr:
        raise _failed("kubectl create configmap", made)


def _kubectl(tools: Tools, sandbox: Sandbox) -> Callable[[Sequence[str]], subprocess.CompletedProcess[str]]:
    base = (tools.kubectl, f"--kubeconfig={sandbox.kubeconfig}", f"--context={sandbox.context}")
    return lambda words: _call(tools, (*base, *words))


def _rolled_out(
    kubectl: Callable[[Sequence[str]], subprocess.CompletedProcess[str]],
    namespace: str,
    name: str,
    deadline: float,
) -> None:
    left = max(1, int(deadline - time.monotonic()))
    wait = kubectl(("-n", namespace, "rollout", "status", f"deployment/{name}", f"--timeout={left}s"))
    if wait.returncode:
        raise _failed(f"waiting for {name}", wait)


def _tools(invocation: Invocation) -> Tools:
    found = {name: shutil.which(name, path=invocation.environ.get("PATH")) for name in HINTS}
    for name, path in found.items():
        if path is None:
            raise SandboxError("starting a kind cluster", f"{name} is not on PATH", HINTS[name])
    return Tools(**{name: path for name, path in found.items() if path}, invocation=invocation)


def _run(tools: Tools, *argv: str) -> str:
    ended = _call(tools, argv)
    if ended.returncode:
        raise _failed(" ".join((Path(argv[0]).name, *argv[1:3])), ended)
    return ended.stdout


def _call(tools: Tools, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environ = dict(tools.invocation.environ)
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=CREATION)


def _failed(tried: str, ended: subprocess.CompletedProcess[str]) -> SandboxError:
    tail = "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-8:])
    return SandboxError(tried, tail or f"exit {ended.returncode}", f"run it by hand to see more, {EMBEDDED}")


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
