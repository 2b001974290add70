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
}
