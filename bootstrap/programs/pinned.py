"""The programs of a sandbox: which version, where it is released, how it is built.

Only releases with a published checksum are listed; KWOK and metrics-server publish none. Which checksums are
trusted: checksums.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bootstrap.core.argocd_version import ARGOCD_VERSION

Fit = Literal["exact", "patch", "minor", "any"]
"""How far a program found on PATH may differ from the pinned version.

- exact: not at all; Argo CD's manifest is for exactly that version
- patch: another patch version; Kubernetes' components and Gitea change behaviour between minors
- minor: the same or a newer minor version of the same major
- any: its version is not checked; it is another program for the same purpose
"""


@dataclass(frozen=True)
class Release:
    """A released build. `{version}` is `v1.2.3`, `{number}` is `1.2.3`, `{arch}` is amd64 or arm64.

    `checksums` is the published file with the checksum of what `url` names; `member` is the
    program's path when that is an archive.
    """

    url: str
    checksums: str
    member: str | None = None


@dataclass(frozen=True)
class Pinned:
    """One program. `seconds` is how long a first build takes on two cores, after those before it; `go` is
    the toolchain that it is known to work with: a newer minor version may build a faulty program."""

    name: str
    version: str
    module: str
    package: str
    seconds: int
    fit: Fit = "patch"
    asks: tuple[str, ...] = ("--version",)
    says: tuple[str, ...] = ()
    release: Release | None = None
    ldflags: tuple[str, ...] = ()
    tags: str = ""
    data_module: str = ""
    data: tuple[str, ...] = ()
    on_path: str = ""
    file: str = ""
    go: str = "1.26.6"

    @property
    def file_name(self) -> str:
        """What the program's file is called in the cache."""
        return self.file or self.name

    @property
    def key(self) -> str:
        """The program's folder in the cache."""
        return f"{self.name}-{self.version}"

    @property
    def number(self) -> str:
        return self.version.removeprefix("v")


def _set(package: str, **values: str) -> tuple[str, ...]:
    return tuple(f"-X {package}.{name}={value}" for name, value in values.items())


KUBERNETES = "v1.36.3"
ARGOCD = ARGOCD_VERSION
HELM = "v4.3.1"
KWOK = "v0.8.0"
GITEA = "v1.26.0"
METRICS_SERVER = "v0.9.0"
COSIGN = "v3.1.3"
CONTAINERD = "v2.4.2"
CNI = "v1.10.0"
KUBE_ROUTER = "v2.1.0"
REGISTRY = "v3.1.2"

# Without these, Kubernetes reports version v0.0.0 and clients refuse it.
_KUBERNETES_VERSION = (
    *_set("k8s.io/component-base/version", gitVersion=KUBERNETES, gitMajor="1", gitMinor="36"),
    *_set("k8s.io/client-go/pkg/version", gitVersion=KUBERNETES, gitMajor="1", gitMinor="36"),
)
_DL_K8S = "https://dl.k8s.io/release/{version}/bin/linux/{arch}/"
_GITHUB = "https://github.com/{repository}/releases/download/{{version}}/"


def _kubernetes(name: str, seconds: int, asks: tuple[str, ...] = ("--version",)) -> Pinned:
    return Pinned(
        name=name,
        version=KUBERNETES,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        seconds=seconds,
        asks=asks,
        release=Release(f"{_DL_K8S}{name}", f"{_DL_K8S}{name}.sha256"),
        ldflags=_KUBERNETES_VERSION,
    )


def _github(repository: str, file: str, checksums: str, member: str | None = None) -> Release:
    base = _GITHUB.format(repository=repository)
    return Release(base + file, base + checksums, member)


def _containerd(name: str, seconds: int) -> Pinned:
    return Pinned(
        name=name,
        version=CONTAINERD,
        module="containerd",
        package=f"github.com/containerd/containerd/v2/cmd/{name}",
        seconds=seconds,
        release=_github(
            "containerd/containerd",
            "containerd-{number}-linux-{arch}.tar.gz",
            "containerd-{number}-linux-{arch}.tar.gz.sha256sum",
            f"bin/{name}",
        ),
        ldflags=_set("github.com/containerd/containerd/v2/version", Version=CONTAINERD),
    )


def _plugin(kind: str, file: str) -> Pinned:
    """A network plugin: run by the node's runtime from a folder, never looked for on PATH."""
    return Pinned(
        name=f"cni-{file}",
        version=CNI,
        module="cni",
        package=f"github.com/containernetworking/plugins/plugins/{kind}/{file}",
        seconds=8,
        file=file,
        on_path=f"cni-{file}",
        release=_github(
            "containernetworking/plugins",
            "cni-plugins-linux-{arch}-{version}.tgz",
            "cni-plugins-linux-{arch}-{version}.tgz.sha256",
            f"./{file}",
        ),
    )


PROGRAMS = (
    Pinned(
        name="redis",
        version="v2.40.0",
        module="miniredis",
        package=".",
        seconds=14,
        fit="any",
        on_path="redis-server",
        file="miniredis",
    ),
    Pinned(
        name="pause",
        version="v1.0.0",
        module="pause",
        package=".",
        seconds=2,
        fit="any",
        on_path="bootstrap-sandbox-pause",
    ),
    Pinned(
        name="kustomize",
        version="v5.8.1",
        module="kustomize",
        package="sigs.k8s.io/kustomize/kustomize/v5",
        seconds=15,
        fit="minor",
        asks=("version",),
        release=Release(
            "https://github.com/kubernetes-sigs/kustomize/releases/download/"
            "kustomize%2F{version}/kustomize_{version}_linux_{arch}.tar.gz",
            "https://github.com/kubernetes-sigs/kustomize/releases/download/"
            "kustomize%2F{version}/checksums.txt",
            "kustomize",
        ),
    ),
    Pinned(
        name="etcd",
        version="v3.6.8",
        module="etcd",
        package="go.etcd.io/etcd/server/v3",
        seconds=26,
        release=_github(
            "etcd-io/etcd",
            "etcd-{version}-linux-{arch}.tar.gz",
            "SHA256SUMS",
            "etcd-{version}-linux-{arch}/etcd",
        ),
    ),
    _kubernetes("kube-apiserver", 207),
    _kubernetes("kube-controller-manager", 50),
    _kubernetes("kube-scheduler", 4),
    _kubernetes("kubectl", 15, ("version", "--client")),
    _kubernetes("kubelet", 90),
    _kubernetes("kube-proxy", 15),
    Pinned(
        name="kwok",
        version=KWOK,
        module="kwok",
        package="sigs.k8s.io/kwok/cmd/kwok",
        seconds=18,
        ldflags=_set("sigs.k8s.io/kwok/pkg/consts", Version=KWOK),
    ),
    Pinned(
        name="helm",
        version=HELM,
        module="helm",
        package="helm.sh/helm/v4/cmd/helm",
        seconds=109,
        fit="minor",
        asks=("version", "--short"),
        release=Release(
            "https://get.helm.sh/helm-{version}-linux-{arch}.tar.gz",
            "https://get.helm.sh/helm-{version}-linux-{arch}.tar.gz.sha256sum",
            "linux-{arch}/helm",
        ),
        ldflags=_set("helm.sh/helm/v4/internal/version", version=HELM),
    ),
    Pinned(
        name="gitea",
        version=GITEA,
        module="gitea",
        package="code.gitea.io/gitea",
        seconds=178,
        # A Gitea without embedded templates and SQLite cannot be run from PATH.
        says=("bindata", "sqlite"),
        release=Release(
            "https://dl.gitea.com/gitea/{number}/gitea-{number}-linux-{arch}",
            "https://dl.gitea.com/gitea/{number}/gitea-{number}-linux-{arch}.sha256",
        ),
        ldflags=_set("main", Version=GITEA.removeprefix("v")),
        tags="sqlite",
        data_module="code.gitea.io/gitea",
        data=("LICENSE", "options", "public", "templates"),
    ),
    Pinned(
        name="argocd",
        version=ARGOCD,
        module="argocd",
        package="github.com/argoproj/argo-cd/v3/cmd",
        seconds=420,
        fit="exact",
        asks=("version", "--client", "--short"),
        # The released file contains every component, as the built one does.
        release=_github("argoproj/argo-cd", "argocd-linux-{arch}", "cli_checksums.txt"),
        ldflags=_set("github.com/argoproj/argo-cd/v3/common", version=ARGOCD.removeprefix("v")),
        data_module="github.com/argoproj/argo-cd/v3",
        go="1.27.0",
    ),
    Pinned(
        name="cosign",
        version=COSIGN,
        module="cosign",
        package="github.com/sigstore/cosign/v3/cmd/cosign",
        seconds=240,
        fit="minor",
        asks=("version",),
        release=_github("sigstore/cosign", "cosign-linux-{arch}", "cosign_checksums.txt"),
        ldflags=_set("sigs.k8s.io/release-utils/version", gitVersion=COSIGN),
    ),
    Pinned(
        name="metrics-server",
        version=METRICS_SERVER,
        module="metrics-server",
        package="sigs.k8s.io/metrics-server/cmd/metrics-server",
        seconds=30,
        ldflags=_set("k8s.io/client-go/pkg/version", gitVersion=METRICS_SERVER),
    ),
    _plugin("ipam", "host-local"),
    _plugin("main", "loopback"),
    _plugin("main", "ptp"),
    _plugin("meta", "portmap"),
    _containerd("containerd", 90),
    _containerd("containerd-shim-runc-v2", 10),
    _containerd("ctr", 10),
    Pinned(
        name="registry",
        version=REGISTRY,
        module="registry",
        package="github.com/distribution/distribution/v3/cmd/registry",
        seconds=60,
        fit="any",
        on_path="docker-registry",
        release=_github(
            "distribution/distribution",
            "registry_{number}_linux_{arch}.tar.gz",
            "registry_{number}_linux_{arch}.tar.gz.sha256",
            "registry",
        ),
        ldflags=_set("github.com/distribution/distribution/v3/version", version=REGISTRY),
    ),
    Pinned(
        name="coredns",
        version="v1.15.0",
        module="coredns",
        package=".",
        seconds=60,
        fit="minor",
        asks=("-version",),
        release=_github(
            "coredns/coredns",
            "coredns_{number}_linux_{arch}.tgz",
            "coredns_{number}_linux_{arch}.tgz.sha256",
            "coredns",
        ),
    ),
    Pinned(
        name="kube-router",
        version=KUBE_ROUTER,
        module="kube-router",
        package=".",
        seconds=60,
        asks=("--version",),
        release=_github(
            "cloudnativelabs/kube-router",
            "kube-router_{number}_linux_{arch}.tar.gz",
            "kube-router_{number}_checksums.txt",
            "kube-router",
        ),
        ldflags=_set("github.com/cloudnativelabs/kube-router/v2/pkg/version", Version=KUBE_ROUTER),
    ),
)
"""In build order: quick ones first, those that share packages next to each other."""

BY_NAME = {program.name: program for program in PROGRAMS}
