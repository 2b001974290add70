"""Pod Security Admission: pods that the level of their namespace rejects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import (
    WORKLOADS,
    Container,
    containers,
    pod_annotations,
    pod_spec,
    template_path,
)
from bootstrap.validate.rule import ClusterContext, Path, Problem, Rule, problem

KEPT_OUT = Rule(
    "GB372",
    "pod-security-level",
    "error",
    "The namespace enforces a Pod Security level that pods do not meet: none of them is created.",
    "give the containers the securityContext that the level requires, or lower the namespace's level",
)

LEVEL = "pod-security.kubernetes.io/enforce"
_CAPABILITIES = """
AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID
SYS_CHROOT
"""
_SYSCTLS = """
kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports
net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout
net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem
net.ipv4.tcp_syncookies net.ipv4.tcp_wmem
"""
_VOLUMES = """
configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret
"""
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")

Fault = tuple[str, Path]
_CAPABILITIES_ADDED = frozenset(_CAPABILITIES.split())
_SYSCTLS_SET = frozenset(_SYSCTLS.split())
_VOLUME_KINDS = frozenset(_VOLUMES.split())


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    levels: dict[str, str] = {}
    for workload in index.of(*WORKLOADS):
        here = workload.namespace
        if here not in levels:
            levels[here] = level_of(index, context, here)
        faults = list(_faults(workload, levels[here])) if levels[here] in ("baseline", "restricted") else []
        if not faults:
            continue
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        listed = "; ".join(text for text, _ in faults[:3])
        message = f"{workload} is not {levels[here]}, as namespace {here} enforces: {listed}{more}"
        yield problem(KEPT_OUT, workload, message, *faults[0][1])


def level_of(index: Index, context: ClusterContext, namespace: str) -> str:
    """The level that a namespace enforces, by its own labels or those that Argo CD gives it; "" for none."""
    found = context.public.get("Namespace", "", namespace) or index.get("Namespace", "", namespace)
    if found is not None and found.labels.get(LEVEL):
        return str(found.labels[LEVEL])
    for application in index.applications.values():
        if dig(application.body, "spec", "destination", "namespace") == namespace:
            given = mapping(dig(application.spec, "syncPolicy", "managedNamespaceMetadata", "labels"))
            if given.get(LEVEL):
                return str(given[LEVEL])
    return ""


def _faults(workload: Resource, level: str) -> Iterator[Fault]:
    spec, start = pod_spec(workload), (*template_path(workload), "spec")
    pod = mapping(spec.get("securityContext"))
    yield from _baseline_pod(spec, pod, start)
    notes = pod_annotations(workload)
    for container in containers(workload):
        yield from _baseline(container, mapping(container.body.get("securityContext")))
        profile = str(
            notes.get(f"container.apparmor.security.beta.kubernetes.io/{container.name}") or "runtime/default"
        )
        if not profile.startswith(("runtime/default", "localhost/")):
            yield f"{container.name} has the AppArmor profile {profile}", container.path
    if level != "restricted":
        return
    windows = dig(spec, "os", "name") == "windows"
    for number, volume in enumerate(mappings(spec.get("volumes"))):
        for kind in sorted(set(volume) - _VOLUME_KINDS - {"name", "hostPath"}):
            yield f"volume {volume.get('name')} is of the kind {kind}", (*start, "volumes", number)
    for container in containers(workload):
        yield from _restricted(container, mapping(container.body.get("securityContext")), pod, windows)
    if pod.get("runAsUser") == 0:
        yield "it runs as user 0", (*start, "securityContext", "runAsUser")


def _baseline_pod(spec: Mapping[str, Any], pod: Mapping[str, Any], start: Path) -> Iterator[Fault]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name) is True:
            yield f"it has {name}", (*start, name)
    for number, volume in enumerate(mappings(spec.get("volumes"))):
        if "hostPath" in volume:
            yield f"volume {volume.get('name')} is a hostPath", (*start, "volumes", number)
    for number, one in enumerate(mappings(pod.get("sysctls"))):
        if str(one.get("name")) not in _SYSCTLS_SET:
            yield f"it sets the sysctl {one.get('name')}", (*start, "securityContext", "sysctls", number)
    yield from _both("it", pod, (*start, "securityContext"))


def _both(who: str, context: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    """What both the pod's securityContext and a container's may have."""
    for name in ("seccompProfile", "appArmorProfile"):
        if dig(context, name, "type") == "Unconfined":
            yield f"{who} has the {name} Unconfined", (*path, name)
    selinux = mapping(context.get("seLinuxOptions"))
    if str(selinux.get("type") or "") not in _SELINUX or selinux.get("user") or selinux.get("role"):
        yield f"{who} sets seLinuxOptions", (*path, "seLinuxOptions")
    if dig(context, "windowsOptions", "hostProcess") is True:
        yield f"{who} is a Windows host process", (*path, "windowsOptions")


def _baseline(container: Container, context: Mapping[str, Any]) -> Iterator[Fault]:
    path, name = (*container.path, "securityContext"), container.name
    if context.get("privileged") is True:
        yield f"{name} is privileged", (*path, "privileged")
    added = [str(one) for one in sequence(dig(context, "capabilities", "add"))]
    if beyond := [one for one in added if one not in _CAPABILITIES_ADDED]:
        yield f"{name} adds {', '.join(beyond)}", (*path, "capabilities", "add")
    if str(context.get("procMount") or "Default") != "Default":
        yield f"{name} has procMount {context['procMount']}", (*path, "procMount")
    for number, port in enumerate(mappings(container.body.get("ports"))):
        if port.get("hostPort"):
            yield f"{name} uses the node's port {port['hostPort']}", (*container.path, "ports", number)
    yield from _both(name, context, path)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if dig(container.body, probe, "httpGet", "host"):
            yield f"{probe} of {name} has a host of its own", (*container.path, probe)


def _restricted(
    container: Container, context: Mapping[str, Any], pod: Mapping[str, Any], windows: bool
) -> Iterator[Fault]:
    path, name = container.path, container.name
    place = (*path, "securityContext") if context else path
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield f"{name} does not set runAsNonRoot: true", place
    if context.get("runAsUser") == 0:
        yield f"{name} runs as user 0", (*path, "securityContext", "runAsUser")
    if windows:
        return
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name} does not set allowPrivilegeEscalation: false", place
    if "ALL" not in sequence(dig(context, "capabilities", "drop")):
        yield f"{name} does not drop ALL capabilities", place
    added = [str(one) for one in sequence(dig(context, "capabilities", "add"))]
    if beyond := [one for one in added if one in _CAPABILITIES_ADDED - {"NET_BIND_SERVICE"}]:
        yield f"{name} adds {', '.join(beyond)}", (*path, "securityContext", "capabilities")
    profile = dig(context, "seccompProfile", "type") or dig(pod, "seccompProfile", "type")
    if profile is None:
        yield f"{name} has no seccompProfile", place
