"""What containers may do on their node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, Container, containers, pod_spec, template_path
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

GROUP = "hardening"

ROOT = Rule(
    "GB501",
    "runs-as-root",
    "warning",
    "A container may run as root: whoever escapes from it is root on the node.",
    "set securityContext.runAsNonRoot: true, and runAsUser where the image's user is a name",
    GROUP,
)
ESCALATION = Rule(
    "GB502",
    "privilege-escalation",
    "warning",
    "A container's processes may gain more rights than it was started with (setuid programs).",
    "set securityContext.allowPrivilegeEscalation: false",
    GROUP,
)
WRITABLE = Rule(
    "GB503",
    "root-file-system-writable",
    "warning",
    "A container may write to its root file system: an intruder can change or add programs.",
    "set securityContext.readOnlyRootFilesystem: true, and mount emptyDir where it writes",
    GROUP,
)
CAPABILITIES = Rule(
    "GB504",
    "capabilities-kept",
    "warning",
    "A container keeps the runtime's capabilities, or adds one beyond NET_BIND_SERVICE.",
    "set securityContext.capabilities.drop: [ALL], and add only what it needs",
    GROUP,
)
SECCOMP = Rule(
    "GB505",
    "seccomp-unset",
    "warning",
    "A container has no seccomp profile: it may make every system call.",
    "set securityContext.seccompProfile.type: RuntimeDefault for the pod",
    GROUP,
)
HOST_PORT = Rule(
    "GB506",
    "host-port",
    "warning",
    "A container uses a port of its node: NetworkPolicies do not apply to it, and a node runs one such pod.",
    "omit hostPort, and use a Service",
    GROUP,
)
TOKEN = Rule(
    "GB507",
    "token-mounted",
    "info",
    "Pods of the service account `default` get its token, although it has no role.",
    "set automountServiceAccountToken: false",
    GROUP,
)
_ALLOWED = {"NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE"}


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    if GROUP not in context.groups:
        return
    for workload in index.of(*WORKLOADS):
        spec = pod_spec(workload)
        if mapping(spec.get("os")).get("name") == "windows":
            continue
        for container in containers(workload):
            yield from _container(workload, mapping(spec.get("securityContext")), container)
        account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        if account == "default" and spec.get("automountServiceAccountToken") is not False:
            if _is_off(index, workload):
                continue
            path = (*template_path(workload), "spec")
            yield problem(
                TOKEN, workload, f"{workload} mounts the token of the service account default", *path
            )


def _is_off(index: Index, workload: Resource) -> bool:
    """Whether the namespace's own service account says that no token is mounted."""
    account = index.get("ServiceAccount", workload.namespace, "default")
    return account is not None and account.body.get("automountServiceAccountToken") is False


def _container(workload: Resource, of_pod: Mapping[str, Any], container: Container) -> Iterator[Problem]:
    own = mapping(container.body.get("securityContext"))
    where, name = container.path, f"{workload}: {container.name}"

    def chosen(key: str) -> Any:
        return own.get(key, of_pod.get(key))

    user = chosen("runAsUser")
    if user == 0 or (chosen("runAsNonRoot") is not True and not (isinstance(user, int) and user > 0)):
        said = "has runAsUser: 0" if user == 0 else "has no runAsNonRoot"
        yield problem(ROOT, workload, f"{name} {said}", *where, "securityContext")
    if own.get("privileged") is True:
        return  # GB405 reports it, and the rest does not apply to it
    if own.get("allowPrivilegeEscalation") is not False:
        message = f"{name} does not set allowPrivilegeEscalation: false"
        yield problem(ESCALATION, workload, message, *where, "securityContext")
    if own.get("readOnlyRootFilesystem") is not True:
        message = f"{name} does not set readOnlyRootFilesystem: true"
        yield problem(WRITABLE, workload, message, *where, "securityContext")
    yield from _capabilities(workload, name, own, container)
    if not dig(dict(own), "seccompProfile", "type") and not dig(dict(of_pod), "seccompProfile", "type"):
        yield problem(SECCOMP, workload, f"{name} has no seccompProfile", *where, "securityContext")
    elif "Unconfined" in (chosen("seccompProfile") or {}).values():
        yield problem(
            SECCOMP, workload, f"{name} has the seccompProfile Unconfined", *where, "securityContext"
        )
    for number, port in enumerate(mappings(container.body.get("ports"))):
        if port.get("hostPort"):
            message = f"{name} takes port {port['hostPort']} of its node"
            yield problem(HOST_PORT, workload, message, *where, "ports", number)


def _capabilities(
    workload: Resource, name: str, own: Mapping[str, Any], container: Container
) -> Iterator[Problem]:
    dropped = {str(one).upper() for one in sequence(dig(dict(own), "capabilities", "drop"))}
    added = [str(one) for one in sequence(dig(dict(own), "capabilities", "add"))]
    more = [one for one in added if one.upper() not in _ALLOWED]
    if "ALL" in dropped and not more:
        return
    said = f"adds {', '.join(more)}" if more else "does not drop ALL capabilities"
    yield problem(CAPABILITIES, workload, f"{name} {said}", *container.path, "securityContext")
