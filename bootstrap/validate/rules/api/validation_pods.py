"""What the API server refuses in pods although each field has the right type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.core.text import suggest
from bootstrap.resources.index import Resource, dig, mapping, mappings
from bootstrap.resources.pods import Container, containers, pod_spec, template, template_path
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import Path

PodFault = tuple[str, Path, bool]
"""What is wrong, where, and whether it is only a duplicate."""

_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"(?=.{1,63}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_PLACEHOLDER = re.compile(r"\$\{|\{\{|\$\(|<[\w -]+>")
_ENDING = ("Job.batch", "CronJob.batch")
_LASTING = ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "ReplicaSet.apps", "Rollout.argoproj.io")
_SELECTING = _LASTING[:-1]
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_AT_LEAST_ONE = ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold")


def pod_faults(resource: Resource) -> Iterator[PodFault]:
    """Everything that is wrong with the pods of a workload."""
    spec, start = pod_spec(resource), (*template_path(resource), "spec")
    if not spec:
        return
    if spec.get("containers") == []:
        yield "its pods need a container", (*start, "containers"), False
    selector = mapping(resource.spec.get("selector"))
    chosen = selector.get("matchLabels") or selector.get("matchExpressions")
    if resource.kind in _SELECTING and "selector" in resource.spec and not chosen:
        yield "its selector is empty", ("spec", "selector"), False
    policy = spec.get("restartPolicy") or "Always"
    if resource.kind in _LASTING and policy != "Always":
        yield (
            f"its pods have restartPolicy {policy}, but only Always is allowed",
            (*start, "restartPolicy"),
            False,
        )
    if resource.kind in _ENDING and policy == "Always" and template(resource):
        place = (*start, "restartPolicy") if "restartPolicy" in spec else start
        yield "its pods need restartPolicy OnFailure or Never", place, False
    if spec.get("dnsPolicy") == "None" and not dig(spec, "dnsConfig", "nameservers"):
        yield "dnsPolicy None needs dnsConfig.nameservers", (*start, "dnsPolicy"), False
    yield from _volumes(spec, start)
    for number, one in enumerate(mappings(spec.get("tolerations"))):
        if fault := _toleration(one):
            yield fault, (*start, "tolerations", number), False
    names: set[str] = set()
    for container in containers(resource):
        if container.name in names:
            yield f"two containers are called {container.name}", (*container.path, "name"), False
        names.add(container.name)
        if not _LABEL.fullmatch(container.name) and not _PLACEHOLDER.search(container.name):
            yield f"{container.name!r} is not a container name", container.path, False
        yield from _ports(container, spec.get("hostNetwork") is True)
        yield from _environment(container)
        yield from _mounts(container)
        yield from _probes(container)
        yield from _resources(container)
        yield from _security(container)


def _volumes(spec: Mapping[str, Any], start: Path) -> Iterator[PodFault]:
    seen: set[str] = set()
    for number, volume in enumerate(mappings(spec.get("volumes"))):
        name, place = str(volume.get("name")), (*start, "volumes", number)
        if name in seen:
            yield f"two volumes are called {name}", (*place, "name"), False
        seen.add(name)
        if not _LABEL.fullmatch(name) and not _PLACEHOLDER.search(name):
            yield f"{name!r} is not a volume name", (*place, "name"), False
        kinds = sorted(key for key, value in volume.items() if key != "name" and value is not None)
        if len(kinds) > 1:
            yield f"volume {name} has several types: {', '.join(kinds)}", place, False


def _toleration(one: Mapping[str, Any]) -> str:
    operator = one.get("operator") or "Equal"
    if operator == "Exists" and one.get("value"):
        return "a toleration with the operator Exists cannot have a value"
    if not one.get("key") and operator != "Exists":
        return "a toleration without a key needs the operator Exists"
    if one.get("tolerationSeconds") is not None and one.get("effect") != "NoExecute":
        return "tolerationSeconds needs the effect NoExecute"
    return ""


def _ports(container: Container, on_node: bool) -> Iterator[PodFault]:
    names: set[str] = set()
    numbers: set[tuple[Any, str, Any, Any]] = set()
    for number, port in enumerate(mappings(container.body.get("ports"))):
        name, place = port.get("name"), (*container.path, "ports", number)
        if isinstance(name, str) and name:
            if not _PORT_NAME.fullmatch(name) and not _PLACEHOLDER.search(name):
                hint = "at most 15 lower-case letters, digits and dashes, at least one letter"
                yield f"{name!r} is not a port name: {hint}", (*place, "name"), False
            if name in names:
                yield f"container {container.name} has two ports called {name}", (*place, "name"), False
            names.add(name)
        own = port.get("containerPort")
        key = (own, str(port.get("protocol") or "TCP"), port.get("hostPort"), port.get("hostIP"))
        if key in numbers:
            yield f"container {container.name} has port {own} ({key[1]}) twice", place, True
        numbers.add(key)
        if on_node and port.get("hostPort") not in (None, own):
            yield f"with hostNetwork, hostPort {port['hostPort']} must be containerPort {own}", place, False


def _environment(container: Container) -> Iterator[PodFault]:
    seen: set[str] = set()
    for number, variable in enumerate(mappings(container.body.get("env"))):
        name, place = str(variable.get("name")), (*container.path, "env", number)
        if name in seen:
            yield f"container {container.name} has the variable {name} twice", place, True
        seen.add(name)
        if "=" in name or not name or not name.isascii() or not name.isprintable():
            yield f"{name!r} is not a variable name", (*place, "name"), False
        source = mapping(variable.get("valueFrom"))
        if source and variable.get("value"):
            yield f"the variable {name} has a value and a valueFrom", place, False
        if len(source) > 1:
            yield f"the variable {name} has several sources: {', '.join(sorted(source))}", place, False


def _mounts(container: Container) -> Iterator[PodFault]:
    seen: set[str] = set()
    for number, mount in enumerate(mappings(container.body.get("volumeMounts"))):
        path, place = str(mount.get("mountPath")), (*container.path, "volumeMounts", number)
        if path in seen:
            yield f"container {container.name} mounts two volumes at {path}", (*place, "mountPath"), False
        seen.add(path)
        if ":" in path and not re.match(r"[A-Za-z]:", path):
            yield f"mountPath {path!r} has a colon", (*place, "mountPath"), False
        for field in ("subPath", "subPathExpr"):
            below = str(mount.get(field) or "")
            if below.startswith("/") or ".." in below.split("/"):
                yield f"{field} {below!r} must stay within the volume", (*place, field), False
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield "subPath and subPathExpr cannot be combined", place, False


def _probes(container: Container) -> Iterator[PodFault]:
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe, place = mapping(container.body.get(field)), (*container.path, field)
        if not probe:
            continue
        handlers = [one for one in _HANDLERS if probe.get(one) is not None]
        if len(handlers) != 1:
            has = " and ".join(handlers) or "no handler"
            yield f"the {field} of {container.name} has {has}", place, False
        for key in _AT_LEAST_ONE:
            value = probe.get(key)
            if isinstance(value, int) and value < 0:  # 0 counts as not set
                yield f"{key} of the {field} is {value}, not 1 or more", (*place, key), False
        if field != "readinessProbe" and probe.get("successThreshold") not in (None, 0, 1):
            yield f"successThreshold of the {field} must be 1", (*place, "successThreshold"), False
        if container.init and not container.sidecar:
            yield f"the init container {container.name} ends, but has a {field}", place, False
        for handler in ("httpGet", "tcpSocket"):
            port = dig(probe, handler, "port")
            if isinstance(port, str) and not _PORT_NAME.fullmatch(port) and not _PLACEHOLDER.search(port):
                yield f"the {field} uses port {port!r}, which is not a port", (*place, handler, "port"), False
            if isinstance(port, int) and not 0 < port < 65536:
                yield (
                    f"the {field} uses port {port}, which is not 1 to 65535",
                    (*place, handler, "port"),
                    False,
                )


def _resources(container: Container) -> Iterator[PodFault]:
    for kind in ("requests", "limits"):
        for name, value in mapping(dig(container.body, "resources", kind)).items():
            place = (*container.path, "resources", kind, name)
            size = amount(value)
            if size is None:
                continue
            if size < 0:
                yield f"{kind}.{name} of {container.name} is {value}", place, False
            elif str(name) in ("memory", "ephemeral-storage") and size % 1:
                meant = f"; {suggest([f'{str(value)[:-1]}Mi'])}" if str(value).endswith("m") else ""
                yield (
                    f"{kind}.{name} of {container.name} is {value}, which is {size} bytes{meant}",
                    place,
                    False,
                )


def _security(container: Container) -> Iterator[PodFault]:
    context, place = mapping(container.body.get("securityContext")), (*container.path, "securityContext")
    if context.get("allowPrivilegeEscalation") is not False:
        return
    added = [str(one) for one in dig(context, "capabilities", "add") or ()]
    if context.get("privileged") is True:
        yield f"{container.name} is privileged, but allowPrivilegeEscalation is false", place, False
    elif "CAP_SYS_ADMIN" in added:
        yield f"{container.name} adds CAP_SYS_ADMIN, but allowPrivilegeEscalation is false", place, False
