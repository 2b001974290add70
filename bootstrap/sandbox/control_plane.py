"""How etcd and the Kubernetes programs are started: loopback, TLS everywhere, no default left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from bootstrap.sandbox import launcher
from bootstrap.sandbox.files import write_if_changed
from bootstrap.sandbox.node import layout
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import HOST, Settings

SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"

SpecOf = Callable[[Path, Settings, Mapping[str, str]], Spec]


def etcd(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """It contains the Secrets, so nobody reads it without a certificate of its own authority."""
    pki, ports = folder / "pki", settings.ports
    client, peer = f"https://{HOST}:{ports['etcd']}", f"https://{HOST}:{ports['etcd-peer']}"
    pair = pki / "etcd.pem"
    return Spec(
        "etcd",
        (
            settings.programs["etcd"],
            f"--data-dir={folder / 'etcd'}",
            "--name=sandbox",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=sandbox={peer}",
            f"--cert-file={pair}",
            f"--key-file={pair}",
            "--client-cert-auth",
            f"--trusted-ca-file={pki / 'etcd-ca.crt'}",
            f"--peer-cert-file={pair}",
            f"--peer-key-file={pair}",
            "--peer-client-cert-auth",
            f"--peer-trusted-ca-file={pki / 'etcd-ca.crt'}",
            "--log-level=warn",
            # A sandbox may lose its last second in a power cut; it does not have to wait for the disk.
            "--unsafe-no-fsync",
        ),
        environ,
    )


def kube_apiserver(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """The API server; the aggregation layer's part is there for metrics-server."""
    pki, ports = folder / "pki", settings.ports
    pair, front, etcd_pair = (
        pki / "kube-apiserver.pem",
        pki / "front-proxy-client.pem",
        pki / "etcd-client.pem",
    )
    egress = layout.folder(folder) / "etc" / "egress.yaml"
    return Spec(
        "kube-apiserver",
        (
            *launcher.command("unwatched", settings.programs["kube-apiserver"]),
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={ports['kube-apiserver']}",
            f"--tls-cert-file={pair}",
            f"--tls-private-key-file={pair}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--etcd-servers=https://{HOST}:{ports['etcd']}",
            f"--etcd-cafile={pki / 'etcd-ca.crt'}",
            f"--etcd-certfile={etcd_pair}",
            f"--etcd-keyfile={etcd_pair}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={SERVICES}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            f"--kubelet-client-certificate={pki / 'admin.pem'}",
            f"--kubelet-client-key={pki / 'admin.pem'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={front}",
            f"--proxy-client-key-file={front}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--profiling=false",
            *(() if settings.nodes == "simulated" else (f"--egress-selector-config-file={egress}",)),
        ),
        environ,
        (egress,),
    )


def kube_controller_manager(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """Every controller with its own service account, as with kubeadm; serves nothing."""
    pki, kubeconfig = folder / "pki", folder / "kubeconfigs" / "kube-controller-manager"
    return Spec(
        "kube-controller-manager",
        (
            *launcher.command("unwatched", settings.programs["kube-controller-manager"]),
            f"--kubeconfig={kubeconfig}",
            "--secure-port=0",
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.pem'}",
            "--allocate-node-cidrs=false",
            # Five times as often as by default: a person watches, and three nodes cost nothing.
            "--horizontal-pod-autoscaler-sync-period=3s",
            "--profiling=false",
        ),
        environ,
        (kubeconfig,),
    )


def kube_scheduler(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """The scheduler; serves nothing."""
    kubeconfig = folder / "kubeconfigs" / "kube-scheduler"
    return Spec(
        "kube-scheduler",
        (
            settings.programs["kube-scheduler"],
            f"--kubeconfig={kubeconfig}",
            "--secure-port=0",
            "--leader-elect=false",
            "--profiling=false",
        ),
        environ,
        (kubeconfig,),
    )


def kwok(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """The kubelets of all nodes, simulated; its server provides the metrics that metrics-server reads."""
    pki, port = folder / "pki", settings.ports["kwok"]
    kubeconfig, config = folder / "kubeconfigs" / "kwok", folder / "kwok.yaml"
    return Spec(
        "kwok",
        (
            settings.programs["kwok"],
            f"--kubeconfig={kubeconfig}",
            f"--config={config}",
            *_managed(settings),
            f"--cidr={PODS}",
            f"--node-ip={HOST}",
            f"--node-port={port}",
            "--node-lease-duration-seconds=40",
            f"--server-address={HOST}:{port}",
            f"--tls-cert-file={pki / 'kwok.pem'}",
            f"--tls-private-key-file={pki / 'kwok.pem'}",
        ),
        environ,
        (kubeconfig, config),
    )


def _managed(settings: Settings) -> tuple[str, ...]:
    """The nodes that are simulated: all, or those next to a real one."""
    if settings.nodes == "simulated":
        return ("--manage-all-nodes=true",)
    return ("--manage-all-nodes=false", f"--manage-nodes-with-label-selector={layout.SIMULATED}=true")


def metrics_server(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """metrics.k8s.io, on the host: the API server reaches it by a Service of type ExternalName."""
    pki, kubeconfig = folder / "pki", folder / "kubeconfigs" / "metrics-server"
    pair = pki / "metrics-server.pem"
    return Spec(
        "metrics-server",
        (
            *launcher.command("unwatched", settings.programs["metrics-server"]),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--bind-address={HOST}",
            f"--secure-port={settings.ports['metrics-server']}",
            f"--tls-cert-file={pair}",
            f"--tls-private-key-file={pair}",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            "--kubelet-use-node-status-port",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-request-timeout=5s",
            "--metric-resolution=10s",
        ),
        environ,
        (kubeconfig,),
    )


def write_kwok_config(folder: Path) -> None:
    """One file of all that kwok/ says about how nodes, pods and volumes behave."""
    folder_of_stages = files("bootstrap.sandbox") / "kwok"
    parts = sorted((part for part in folder_of_stages.iterdir() if part.name.endswith(".yaml")), key=str)
    write_if_changed(folder / "kwok.yaml", "---\n".join(part.read_text(encoding="utf-8") for part in parts))


AFTER_API_SERVER: Mapping[str, SpecOf] = {
    "kube-controller-manager": kube_controller_manager,
    "kube-scheduler": kube_scheduler,
    "kwok": kwok,
    "metrics-server": metrics_server,
}
"""What needs the API server, in the order in which it is started."""
