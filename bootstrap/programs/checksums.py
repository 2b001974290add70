"""The sha256 of released files, by program, version and architecture (Linux), each with where it was read.

A checksum that a release host publishes next to its file proves nothing about a mirror, which serves both.
These come from a source other than the file's own host; a program without one is built.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PinnedChecksum:
    """`source` is the public place that states it, other than the release host itself."""

    sha256: str
    source: str


_KUBESPRAY = "kubernetes-sigs/kubespray, roles/kubespray_defaults/vars/main/checksums.yml"
"""At 46dbdd3994b3. Each value was found in other public repositories, too (kubectl's: joejulian/kadalu),
but kubelet's."""
_KOPS = "kubernetes/kops, pkg/assets/assetdata/k8s-1.36.yaml"
"""At 268927e26409; it states the same for kubectl and kubelet as kubespray does."""
_DOCKER_OFFICIAL_IMAGE = "distribution/distribution-library-image, Dockerfile"
"""At 775973b655bb, the commit that docker-library/official-images names; amd64's is in other public
repositories, too."""
_HYSTERIA2_PANEL = "Elegying/Hysteria2-panel, README.md"
"""At 4a5b785cf258, which verifies its own releases with it; ten other public repositories state the same."""
_ARGOCD_INSTALLERS = "argoproj/argo-cd, hack/installers/checksums/kustomize_5.8.1_linux_{}.tar.gz.sha256"

CHECKSUMS: dict[tuple[str, str, str], PinnedChecksum] = {
    ("kustomize", "v5.8.1", "amd64"): PinnedChecksum(
        "029a7f0f4e1932c52a0476cf02a0fd855c0bb85694b82c338fc648dcb53a819d",
        _ARGOCD_INSTALLERS.format("amd64"),  # at 194858533b2a
    ),
    ("kustomize", "v5.8.1", "arm64"): PinnedChecksum(
        "0953ea3e476f66d6ddfcd911d750f5167b9365aa9491b2326398e289fef2c142",
        _ARGOCD_INSTALLERS.format("arm64"),  # at 8d7f45f732c0
    ),
    ("etcd", "v3.6.8", "amd64"): PinnedChecksum(
        "cf9cfe91a4856cb90eed9c99e6aee4b708db2c7888b88a6f116281f04b0ea693", _KUBESPRAY
    ),
    ("etcd", "v3.6.8", "arm64"): PinnedChecksum(
        "438f56a700d17ce761510a3e63e6fa5c1d587b2dd4d7a22c179c09a649366760", _KUBESPRAY
    ),
    ("kubectl", "v1.36.3", "amd64"): PinnedChecksum(
        "ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336", _KUBESPRAY
    ),
    ("kubectl", "v1.36.3", "arm64"): PinnedChecksum(
        "3d86f24401c41ae5a46ac50eef8865fe891d3647d324a0836f6c63757a126e62", _KUBESPRAY
    ),
    ("kubelet", "v1.36.3", "amd64"): PinnedChecksum(
        "46707a53209f826ad0f0d62371ac69cd00e78fd9a8176cf5f6f87f18f7f8b718", _KUBESPRAY
    ),
    ("kubelet", "v1.36.3", "arm64"): PinnedChecksum(
        "57205a5daf5883873d87b4914e1e00bdd7707acd075714788cfb0fc1f60bc414", _KUBESPRAY
    ),
    ("cosign", "v3.1.3", "amd64"): PinnedChecksum(
        "4629c757b7618056f8ddd7e2625ae9fdd94c0372a65049520bc7d9df9efc7f71", _HYSTERIA2_PANEL
    ),
    ("cosign", "v3.1.3", "arm64"): PinnedChecksum(
        "c5d324e091826b0d7a78eb16fef316450b4eb9aaec045611c08ba06f5e73220a", _HYSTERIA2_PANEL
    ),
    ("kube-apiserver", "v1.36.3", "amd64"): PinnedChecksum(
        "1f217d397234a6d065da663c6e086fdb02c0f0de97a0758ff3e6f3956f4ef8ab", _KOPS
    ),
    ("kube-apiserver", "v1.36.3", "arm64"): PinnedChecksum(
        "16001b9d35d23634c361a1e2b7b0fc7abe186984af697ef7a869c8c8cded78b7", _KOPS
    ),
    ("kube-controller-manager", "v1.36.3", "amd64"): PinnedChecksum(
        "7edfe976d5a06c7a702d653e914095f4a732a04bb2139115b6a6eba6a9b781c7", _KOPS
    ),
    ("kube-controller-manager", "v1.36.3", "arm64"): PinnedChecksum(
        "27868a5c822824945b93f2d8a724a5dcd99affc68b47230ae766bff8795bbb84", _KOPS
    ),
    ("kube-scheduler", "v1.36.3", "amd64"): PinnedChecksum(
        "b8955d4518c902110b50a825364339b1fb673822518ce0ba081a69ed634f8eee", _KOPS
    ),
    ("kube-scheduler", "v1.36.3", "arm64"): PinnedChecksum(
        "ca1c7cd0033942bf9ef7eac80e18375d91f6f29487244c3e685f11163b01a88d", _KOPS
    ),
    ("kube-proxy", "v1.36.3", "amd64"): PinnedChecksum(
        "f1b5eb4462df9d98751264c6256628d90fdc72ba8e9a8025d1f75674f078f254", _KOPS
    ),
    ("kube-proxy", "v1.36.3", "arm64"): PinnedChecksum(
        "5db204a2f79b26f676137052b45e391f6f8c93b85c85ef0a1f5d72647e3c7834", _KOPS
    ),
    ("registry", "v3.1.2", "amd64"): PinnedChecksum(
        "40df2224d410f72ae425c3371873b078bbdbda3b8b612be9571f0e6751f3acc8", _DOCKER_OFFICIAL_IMAGE
    ),
    ("registry", "v3.1.2", "arm64"): PinnedChecksum(
        "09d26f88d2c0f161bd1b8bfc6c123571cc3d291dcca8af5477b3cacc4ec95e73", _DOCKER_OFFICIAL_IMAGE
    ),
}
