"""The node's names, addresses and paths, as the machine sees them and as the node does."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

NAME = "real-1"
ADDRESS = "10.99.0.1"
"""The node's address, on the loopback of a network of its own: every sandbox may have the same."""
PODS = "10.245.0.0/24"
"""Not in the simulated nodes' range: kube-router applies the policies of every pod with an address."""
DNS = "10.96.0.10"
REGISTRY_PORT = 5000
"""The registry's port in the node; the machine's is `node-registry` in the sandbox's settings."""
WAY_OUT_PORT = 5001
"""Where the node's containerd asks for connections to the machine's registries."""
PAGES = {"node-vote": 31000, "node-result": 31001}
"""The machine's ports, by their names in the sandbox's settings, to node ports of the voting app."""
PROCESS = "node"
PORT = "node-registry"
PROVISIONER = "sandbox.gitops-bootstrap.io/node"
"""The provisioner of the default StorageClass: volumes.py creates its volumes."""
SIMULATED = "sandbox.gitops-bootstrap.io/simulated"
"""Label and taint of the simulated nodes."""

HIDDEN = {"/run": "", "/var/log": "log", "/var/lib": "lib", "/opt": "opt", "/mnt": "."}
"""Folders of the machine that the node does not see, and what is there instead, below its own folder.

An empty name is a file system in memory. The last one gives the node's own folder a short path, since
a socket's path may not be long.
"""
INSIDE = Path("/mnt")
CONTAINERD = "/run/containerd/containerd.sock"

PROGRAMS = (
    "kubelet",
    "kube-proxy",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "cni-host-local",
    "cni-loopback",
    "cni-ptp",
    "cni-portmap",
    "coredns",
    "kube-router",
    "registry",
    "pause",
    "metrics-server",
)
"""What a real node needs besides the programs of every sandbox and the machine's own tools."""

PAUSE_IMAGE = "sandbox.invalid/pause:1"
DNS_IMAGE = "sandbox.invalid/coredns:1"
"""Built here, from the programs above."""


def folder(sandbox: Path) -> Path:
    """What belongs to the node, below the sandbox's folder."""
    return sandbox / "node"


def cgroup(sandbox: Path) -> str:
    """The name of the control group that all pods of this sandbox are in."""
    return f"bootstrap-sandbox-{_digest(sandbox)}"


def socket(sandbox: Path) -> Path:
    """Where the API server asks for connections into the node: a short path, readable by root alone."""
    return Path("/run") / f"{cgroup(sandbox)}.sock"


def _digest(sandbox: Path) -> str:
    return hashlib.sha256(os.fsencode(sandbox)).hexdigest()[:16]
