"""The files that the node's programs read, and the plan of what its first process starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bootstrap
from bootstrap.sandbox import control_plane
from bootstrap.sandbox.environment import SYSTEM_PATH
from bootstrap.sandbox.files import private_folder, write_if_changed
from bootstrap.sandbox.node import layout
from bootstrap.sandbox.node.preflight import Machine
from bootstrap.sandbox.state import Settings

_PLUGINS = ("host-local", "loopback", "ptp", "portmap")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


def write(folder: Path, settings: Settings, machine: Machine, environ: Mapping[str, str]) -> None:
    """Every file below `node/`; what is unchanged stays untouched."""
    own = layout.folder(folder)
    for name in ("etc", "etc/cni", "etc/certs.d", "etc/certs.d/_default", "bin", "cni", "registry"):
        private_folder(own / name)
    _link(own / "bin", {name: settings.programs[name] for name in ("containerd-shim-runc-v2", "ctr")})
    _link(own / "cni", {name: settings.programs[f"cni-{name}"] for name in _PLUGINS})
    write_if_changed(own / "etc" / "resolv.conf", "")
    write_if_changed(own / "etc" / "containerd.toml", _containerd(machine))
    write_if_changed(own / "etc" / "certs.d" / "_default" / "hosts.toml", _mirror())
    _json(own / "etc" / "cni" / "10-sandbox.conflist", _network())
    _json(own / "etc" / "registry.yaml", _registry())
    _json(own / "etc" / "kubelet.yaml", _kubelet(folder, machine))
    _json(own / "etc" / "kube-proxy.yaml", _kube_proxy(folder))
    _json(own / "etc" / "node.json", _plan(folder, settings, environ))


def _link(folder: Path, programs: Mapping[str, str]) -> None:
    for name, target in programs.items():
        path = folder / name
        if not (path.is_symlink() and str(path.readlink()) == target):
            path.unlink(missing_ok=True)
            path.symlink_to(target)


def _json(path: Path, content: Any) -> None:
    """Written as JSON, which YAML readers accept as well."""
    write_if_changed(path, json.dumps(content, indent=2) + "\n")


def _plan(folder: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    server, programs = settings.ports["kube-apiserver"], settings.programs
    etc = layout.INSIDE / "etc"
    kubeconfigs = folder / "kubeconfigs"
    context = f"bootstrap-sandbox-{settings.name}"
    metrics = control_plane.metrics_server(folder, settings, environ)
    started = [
        {"name": "registry", "argv": [programs["registry"], "serve", str(etc / "registry.yaml")]},
        {
            "name": "containerd",
            "argv": [programs["containerd"], "--config", str(etc / "containerd.toml")],
            "environ": {"HTTPS_PROXY": f"http://127.0.0.1:{layout.WAY_OUT_PORT}", **_given(environ, _TRUST)},
        },
        {
            "name": "kubelet",
            "argv": [
                programs["kubelet"],
                f"--config={etc / 'kubelet.yaml'}",
                f"--kubeconfig={kubeconfigs / 'kubelet'}",
                f"--hostname-override={layout.NAME}",
                f"--node-ip={layout.ADDRESS}",
                "--root-dir=/var/lib/kubelet",
                "--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=local-real",
            ],
            "after": layout.CONTAINERD,
        },
        {"name": "kube-proxy", "argv": [programs["kube-proxy"], f"--config={etc / 'kube-proxy.yaml'}"]},
        {
            "name": "kube-router",
            "argv": [
                programs["kube-router"],
                "--run-firewall=true",
                "--run-router=false",
                "--run-service-proxy=false",
                "--run-loadbalancer=false",
                f"--kubeconfig={kubeconfigs / 'kube-router'}",
                f"--hostname-override={layout.NAME}",
                f"--service-cluster-ip-range={control_plane.SERVICES}",
                "--health-port=0",
                "--metrics-port=0",
            ],
        },
        {"name": "metrics-server", "argv": list(metrics.argv)},
        {
            "name": "volumes",
            "argv": [
                sys.executable,
                "-m",
                "bootstrap.sandbox.node.volumes",
                str(kubeconfigs / "volumes"),
                context,
            ],
        },
    ]
    own = layout.folder(folder)
    return {
        "name": layout.NAME,
        "address": layout.ADDRESS,
        "services": control_plane.SERVICES,
        "hidden": layout.HIDDEN,
        "socket": str(layout.socket(folder)),
        "to_machine": [
            ["127.0.0.1", server],
            [layout.ADDRESS, server],
            ["127.0.0.1", settings.ports["kwok"]],
        ],
        "from_machine": {
            str(settings.ports[layout.PORT]): ["127.0.0.1", layout.REGISTRY_PORT],
            **{str(settings.ports[name]): [layout.ADDRESS, port] for name, port in layout.PAGES.items()},
        },
        "way_out": _given(environ, _PROXIES),
        "programs": started,
        "logs": str(folder / "logs"),
        "environ": {
            "PATH": f"{own / 'bin'}:{SYSTEM_PATH}",
            "HOME": "/var/lib",
            "TMPDIR": environ["TMPDIR"],
            "NODE_NAME": layout.NAME,
            "PYTHONPATH": str(Path(bootstrap.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            "LANG": "C.UTF-8",
        },
    }


def _given(environ: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}


def _containerd(machine: Machine) -> str:
    inside, snapshotter = layout.INSIDE, "overlayfs" if machine.overlay else "native"
    return f"""\
version = 3
root = "{inside}/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "{layout.CONTAINERD}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "{snapshotter}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "{inside}/etc/certs.d"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{layout.PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = {str(machine.restricted_oom).lower()}
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{inside}/cni"]
    conf_dir = "{inside}/etc/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def _mirror() -> str:
    """Requests for every registry come here first, whatever its name; then to that registry itself."""
    address = f"http://127.0.0.1:{layout.REGISTRY_PORT}"
    return f'[host."{address}"]\n  capabilities = ["pull", "resolve"]\n'


def _network() -> dict[str, Any]:
    return {
        "cniVersion": "1.0.0",
        "name": "sandbox",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni",
                    "ranges": [[{"subnet": layout.PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _registry() -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(layout.INSIDE / "registry")},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{layout.REGISTRY_PORT}"},
    }


def _kubelet(folder: Path, machine: Machine) -> dict[str, Any]:
    pki = folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.pem"),
        "tlsPrivateKeyFile": str(pki / "kubelet.pem"),
        "clusterDNS": [layout.DNS],
        "clusterDomain": "cluster.local",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup(folder)}",
        "failCgroupV1": not machine.cgroup_v1,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{layout.CONTAINERD}",
        "resolvConf": str(layout.INSIDE / "etc" / "resolv.conf"),
        "readOnlyPort": 0,
        "healthzPort": 0,
        "registryPullQPS": 0,
        # That a developer's disk is almost full is no reason to evict what is tried out on it.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }


def _kube_proxy(folder: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(folder / "kubeconfigs" / "kube-proxy")},
        "hostnameOverride": layout.NAME,
        "bindAddress": layout.ADDRESS,
        "clusterCIDR": layout.PODS,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # The kernel's own limits stay: they are the machine's.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
