"""How the Argo CD processes are started on the host, each with its own ServiceAccount's rights.

They talk to the repo-server over mutual TLS and to Redis with a password. The application controller has
no option for the address of its metrics (which contain no credentials): launcher.py keeps them on loopback.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox import launcher, redis
from bootstrap.sandbox.argocd_workloads import Component, Installed
from bootstrap.sandbox.environment import SYSTEM_PATH
from bootstrap.sandbox.files import private_folder, write_if_changed
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import HOST, Settings

ACCOUNTS = ("argocd-server", "argocd-application-controller", "argocd-applicationset-controller")
"""Those that talk to the API server; each has a kubeconfig of its own."""
SOCKET_LIMIT = 100
"""Bytes that the path of a socket may have, with some room: Linux allows 107."""
_AGENT = "/S.gpg-agent.browser"
"""The longest of the names that gpg's agent gives to its sockets."""


def prepare(folder: Path, installed: Installed) -> Path:
    """The folders and files that pods mount as volumes; returns `argocd/`. Called on each change."""
    home = private_folder(folder / "argocd")
    for name in ("app/reposerver/tls", "gpg/source", "plugins", "helm"):
        private_folder(home / name)
    private_folder(_in_reach(folder, "keys"))
    for name in ("tls.crt", "tls.key"):
        link = home / "app" / "reposerver" / "tls" / name
        if not link.is_symlink():
            link.symlink_to(folder / "pki" / "argocd-repo-server.pem")
    for mounted, contents in installed.files.items():
        _mount(private_folder(home / mounted), contents)
    return home


def make_way(folder: Path, component: Component) -> None:
    """Before a process starts: remove what one that was killed while starting may have left.

    The repository server creates its keyring again, from the keys that Argo CD knows.
    """
    if component.name == "argocd-repo-server":
        keys = _in_reach(folder, "keys")
        shutil.rmtree(keys, ignore_errors=True)
        private_folder(keys)


def spec(folder: Path, settings: Settings, component: Component, environ: Mapping[str, str]) -> Spec:
    """One process: what the workload says, followed by what differs on the host."""
    home = folder / "argocd"
    variables = {
        **environ,
        **{name: value for name, value in component.variables.items() if "LISTEN_ADDRESS" not in name},
        "ARGOCD_BINARY_NAME": component.name,
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_APP_CONF_PATH": str(home / "app"),
        "ARGOCD_TLS_DATA_PATH": str(home / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(home / "ssh"),
        "ARGOCD_GNUPGHOME": str(_in_reach(folder, "keys")),
        "ARGOCD_GPG_DATA_PATH": str(home / "gpg" / "source"),
        "ARGOCD_GPG_ENABLED": str(_has_gpg()).lower(),
        "ARGOCD_PLUGINSOCKFILEPATH": str(home / "plugins"),
        "ARGOCD_ASK_PASS_SOCK": str(_in_reach(folder, "ask-pass.sock")),
        # One process replaces all replicas of the StatefulSet, and so all shards.
        "ARGOCD_CONTROLLER_REPLICAS": "1",
        "HELM_CACHE_HOME": str(home / "helm"),
        "HELM_CONFIG_HOME": str(home / "helm"),
        "HELM_DATA_HOME": str(home / "helm"),
        "KUBECACHEDIR": str(home / "kubecache"),
        "REDIS_PASSWORD": redis.password(folder),
    }
    reads: tuple[Path, ...] = ()
    if component.name in ACCOUNTS:
        reads = (folder / "kubeconfigs" / component.name,)
        variables["KUBECONFIG"] = str(reads[0])
    arguments = _ARGUMENTS[component.name](folder, settings.ports)
    argv = (settings.programs["argocd"], *component.arguments, *arguments)
    if component.name == "argocd-application-controller":
        port = str(settings.ports["argocd-application-controller-metrics"])
        argv = launcher.command("loopback", port, *argv)
    return Spec(component.name, argv, variables, reads)


def _repo_server(folder: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    return (
        f"--address={HOST}",
        f"--port={ports['argocd-repo-server']}",
        f"--metrics-address={HOST}",
        f"--metrics-port={ports['argocd-repo-server-metrics']}",
        f"--redis={HOST}:{ports['redis']}",
        f"--client-ca-path={folder / 'pki' / 'argocd-ca.crt'}",
    )


def _application_controller(folder: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    return (
        f"--metrics-port={ports['argocd-application-controller-metrics']}",
        f"--redis={HOST}:{ports['redis']}",
        f"--repo-server={HOST}:{ports['argocd-repo-server']}",
        *_mutual_tls(folder),
    )


def _applicationset_controller(folder: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    return (
        f"--metrics-addr={HOST}:{ports['argocd-applicationset-controller-metrics']}",
        f"--probe-addr={HOST}:{ports['argocd-applicationset-controller-probe']}",
        f"--webhook-addr={HOST}:{ports['argocd-applicationset-controller']}",
        f"--argocd-repo-server={HOST}:{ports['argocd-repo-server']}",
        *_mutual_tls(folder),
    )


def _server(folder: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    return (
        f"--address={HOST}",
        f"--port={ports['argocd-server']}",
        f"--metrics-address={HOST}",
        f"--metrics-port={ports['argocd-server-metrics']}",
        "--insecure",
        f"--redis={HOST}:{ports['redis']}",
        f"--repo-server={HOST}:{ports['argocd-repo-server']}",
        *_mutual_tls(folder),
    )


_ARGUMENTS = {
    "argocd-repo-server": _repo_server,
    "argocd-application-controller": _application_controller,
    "argocd-applicationset-controller": _applicationset_controller,
    "argocd-server": _server,
}


def _mutual_tls(folder: Path) -> tuple[str, ...]:
    pki = folder / "pki"
    return (
        f"--repo-server-ca-cert-path={pki / 'argocd-ca.crt'}",
        f"--repo-server-client-cert-path={pki / 'argocd-repo-client.pem'}",
        f"--repo-server-client-cert-key-path={pki / 'argocd-repo-client.pem'}",
    )


def _mount(folder: Path, contents: Mapping[str, str]) -> None:
    """Make the folder contain exactly the ConfigMap's keys, as a kubelet would."""
    for name, content in contents.items():
        write_if_changed(folder / name, content)
    for path in folder.iterdir():
        if path.name not in contents:
            path.unlink()


def remove_socket(folder: Path) -> None:
    """Remove what `spec` has created outside the sandbox's folder."""
    shutil.rmtree(_short(folder), ignore_errors=True)


def _short(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bootstrap-sandbox-{os.getuid()}-{name}"


def _has_gpg() -> bool:
    """Without gpg, Argo CD checks no signatures, as if the feature were switched off."""
    return shutil.which("gpg", path=SYSTEM_PATH) is not None


def _in_reach(folder: Path, name: str) -> Path:
    """Where git's credential socket is, or gpg's keys and agent: a socket's path may not be long.

    In the sandbox, or in a private folder with a shorter name.
    """
    path = folder / "argocd" / name
    if len(os.fsencode(path)) <= SOCKET_LIMIT - (len(_AGENT) if name == "keys" else 0):
        return path
    place = _short(folder)
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if place.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SandboxError(
            "creating a folder for a socket",
            "another user has created a folder of that name",
            "set TMPDIR to a folder of your own",
            str(place),
        )
    return place / name
