"""What pods and bindings must not be allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, Container, containers, pod_spec, template_path
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

TAG = Rule(
    "GB404",
    "image-not-pinned",
    "warning",
    "An image has no tag, or `latest`: what runs changes without a commit, and nothing can be rolled back.",
    "name a version, or a digest: bootstrap image set IMAGE=VERSION",
)
PRIVILEGED = Rule(
    "GB405",
    "privileged-container",
    "warning",
    "A privileged container is root on its node.",
    "remove `privileged`, and add only the capability that is needed",
)
HOST_PATH = Rule(
    "GB406",
    "host-path",
    "warning",
    "A pod mounts a folder of its node: what is written there affects every pod of the node.",
    "use a PersistentVolumeClaim or emptyDir",
)
HOST_NAMESPACE = Rule(
    "GB407",
    "host-namespace",
    "warning",
    "A pod shares its node's network, processes or IPC; NetworkPolicies do not apply to it.",
    "remove hostNetwork, hostPID and hostIPC",
)
LIMITS = Rule(
    "GB408",
    "resources-missing",
    "warning",
    "A container has no memory limit or no requests: it can take its node down, and is the "
    "first to be evicted.",
    "set resources.requests (cpu, memory) and resources.limits.memory",
)
ABOVE = Rule(
    "GB412",
    "requests-above-limits",
    "error",
    "A container requests more than its own limit: the API server refuses the object.",
    "lower the request, or raise the limit",
)
CLUSTER_ADMIN = Rule(
    "GB410",
    "cluster-admin",
    "warning",
    "A binding grants the role cluster-admin: its subjects may do everything.",
    "bind a role with only the necessary rights",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for binding in index.of("ClusterRoleBinding.rbac.authorization.k8s.io"):
        yield from _binding(binding)
    for workload in index.of(*WORKLOADS):
        yield from _pod(workload)
        for container in containers(workload):
            yield from _container(workload, container)


def _pod(workload: Resource) -> Iterator[Problem]:
    spec, start = pod_spec(workload), (*template_path(workload), "spec")
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field) is True:
            yield problem(HOST_NAMESPACE, workload, f"{workload} has {field}", *start, field)
    for number, volume in enumerate(sequence(spec.get("volumes"))):
        path = dig(volume, "hostPath", "path")
        if path:
            yield problem(
                HOST_PATH, workload, f"{workload} mounts {path} of its node", *start, "volumes", number
            )


def _container(workload: Resource, container: Container) -> Iterator[Problem]:
    body, name = container.body, container.name
    image = str(body.get("image") or "")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if image and "@" not in image and tag in ("", "latest"):
        what = "no tag" if not tag else "the tag latest"
        yield problem(TAG, workload, f"{workload}: {image} of {name} has {what}", *container.path, "image")
    if dig(body, "securityContext", "privileged") is True:
        yield problem(
            PRIVILEGED, workload, f"{workload}: {name} is privileged", *container.path, "securityContext"
        )
    yield from _above(workload, container)
    if container.init and not container.sidecar:
        return
    if workload.kind in ("Job.batch", "CronJob.batch"):
        return
    requests, limits = mapping(dig(body, "resources", "requests")), mapping(dig(body, "resources", "limits"))
    missing = [f"requests.{key}" for key in ("cpu", "memory") if key not in requests and key not in limits]
    missing += [] if "memory" in limits else ["limits.memory"]
    if missing and "resources" not in _defaulted(workload):
        message = f"{workload}: {name} has no {', '.join(missing)}"
        yield problem(LIMITS, workload, message, *container.path, "resources")


def _above(workload: Resource, container: Container) -> Iterator[Problem]:
    resources = mapping(container.body.get("resources"))
    limits = mapping(resources.get("limits"))
    for key, wanted in mapping(resources.get("requests")).items():
        asked, most = _amount(wanted), _amount(limits.get(key))
        if asked is not None and most is not None and asked > most:
            message = f"{workload}: {container.name} requests {key} {wanted}, but its limit is {limits[key]}"
            yield problem(ABOVE, workload, message, *container.path, "resources", "requests", key)


_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3}
_UNITS |= {unit: 1000.0**number for number, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": 1024.0**number for number, unit in enumerate("KMGTPE", 1)}
_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]?)")


def _amount(quantity: Any) -> float | None:
    """A quantity as a number; None if it is not one, or has an exponent."""
    match = _AMOUNT.fullmatch(str(quantity))
    return float(match[1]) * _UNITS[match[2]] if match else None


def _defaulted(workload: Resource) -> Mapping[str, Any]:
    """Pods with resources of their own (since Kubernetes 1.34) need none on their containers."""
    return pod_spec(workload)


def _binding(binding: Resource) -> Iterator[Problem]:
    if dig(binding.body, "roleRef", "name") == "cluster-admin":
        who = ", ".join(
            f"{item.get('kind')} {item.get('name')}" for item in mappings(binding.body.get("subjects"))
        )
        yield problem(
            CLUSTER_ADMIN, binding, f"{binding} makes {who or 'its subjects'} cluster-admin", "roleRef"
        )
