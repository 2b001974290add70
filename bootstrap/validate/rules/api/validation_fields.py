"""What the API server refuses as the value of one field: a table of kind, field and form.

The forms are those of Kubernetes 1.36 (`pkg/apis/*/validation`). `KEY!` in a field says that it is required
if its parent exists; `*` means every item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from bootstrap.resources.index import Resource, dig, mapping, mappings
from bootstrap.resources.pods import WORKLOADS, is_partial, pod_spec, template, template_path
from bootstrap.resources.quantity import amount
from bootstrap.validate.rule import Path

Fault = tuple[str, Path]
Form = Callable[[Any], str]
"""What is wrong with a value; "" for nothing."""

_PLACEHOLDER = re.compile(r"\$\{|\{\{|\$\(|<[\w -]+>|%[\w-]+%")
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*"
_QUALIFIED = rf"(?:(?=[^/]{{1,253}}/){_LABEL}(?:\.{_LABEL})*/)?[A-Za-z0-9](?:[-\w.]{{0,61}}[A-Za-z0-9])?"
_RBAC = "rbac.authorization.k8s.io"


def _text(pattern: str, what: str) -> Form:
    compiled = re.compile(pattern)

    def form(value: Any) -> str:
        if value is None or value == "":
            return "is empty"
        odd = isinstance(value, str) and not _PLACEHOLDER.search(value) and not compiled.fullmatch(value)
        return f"is {value!r}, which is not {what}" if odd else ""

    return form


def _or_empty(form: Form) -> Form:
    return lambda value: "" if value in (None, "") else form(value)


def _number(least: int, most: int) -> Form:
    def form(value: Any) -> str:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return f"is {value}, not from {least} to {most}" if whole and not least <= value <= most else ""

    return form


def _share(value: Any) -> str:
    """A number of pods, or a percentage."""
    if isinstance(value, str) and not _PLACEHOLDER.search(value) and not re.fullmatch(r"\d+%", value):
        return f"is {value!r}, neither a number nor a percentage such as 25%"
    return f"is {value}, which is below 0" if isinstance(value, int) and value < 0 else ""


def _one_of(*keys: str) -> Form:
    def form(value: Any) -> str:
        none = isinstance(value, dict) and not any(value.get(key) for key in keys)
        return f"needs {', '.join(keys[:-1])} or {keys[-1]}" if none else ""

    return form


def _not_negative(value: Any) -> str:
    size = amount(value) if isinstance(value, int | float | str) else None
    return f"is {value}, which is below 0" if size is not None and size < 0 else ""


def _filled(value: Any) -> str:
    return "is empty" if value in (None, "", [], {}) else ""


_NAME = _text(_SUBDOMAIN, "a name of lower-case letters, digits, dashes and dots")
_SHORT = _text(rf"(?=.{{1,63}}$){_LABEL}", "a name of at most 63 lower-case letters, digits and dashes")
_KEY = _text(_QUALIFIED, "a name such as example.com/name")
_HOST = _text(rf"(?:\*\.)?{_SUBDOMAIN}", "a host name")
_GROUP = _text(re.escape(_RBAC), _RBAC)
_MODE = _number(0, 0o777)
_GIVEN = _text(r".*", "")
_PORTS = _number(1, 65535)
_OBJECTS: Mapping[tuple[str, ...], Mapping[str, Form]] = {
    ("Deployment.apps",): {
        "spec strategy rollingUpdate maxSurge": _share,
        "spec strategy rollingUpdate maxUnavailable": _share,
    },
    ("DaemonSet.apps", "StatefulSet.apps"): {
        "spec updateStrategy rollingUpdate maxSurge": _share,
        "spec updateStrategy rollingUpdate maxUnavailable": _share,
    },
    ("PodDisruptionBudget.policy",): {"spec minAvailable": _share, "spec maxUnavailable": _share},
    ("StatefulSet.apps",): {
        "spec serviceName": _or_empty(_SHORT),
        "spec volumeClaimTemplates * metadata! name!": _SHORT,
    },
    ("Ingress.networking.k8s.io",): {
        "spec ingressClassName": _NAME,
        "spec tls * hosts *": _HOST,
        "spec tls * secretName": _or_empty(_NAME),
        "spec rules * http paths!": _filled,
        "spec rules * http paths * backend": _one_of("service", "resource"),
        "spec rules * http paths * backend service name": _SHORT,
    },
    ("HorizontalPodAutoscaler.autoscaling",): {
        "spec scaleTargetRef kind": _GIVEN,
        "spec scaleTargetRef name": _GIVEN,
        "spec metrics * type": _GIVEN,
        "spec metrics * resource name": _GIVEN,
        "spec metrics * resource target type": _GIVEN,
        "spec metrics * resource target averageUtilization": _number(1, 2**31 - 1),
    },
    ("NetworkPolicy.networking.k8s.io",): {
        f"spec {direction} * ports * {field}": form
        for direction in ("ingress", "egress")
        for field, form in (("protocol", _text("TCP|UDP|SCTP", "TCP, UDP or SCTP")), ("endPort", _PORTS))
    },
    (f"RoleBinding.{_RBAC}", f"ClusterRoleBinding.{_RBAC}"): {
        "roleRef apiGroup": _or_empty(_GROUP),
        "roleRef name": _GIVEN,
        "subjects * name": _GIVEN,
    },
    ("PersistentVolumeClaim",): {"spec storageClassName": _or_empty(_NAME)},
    ("StorageClass.storage.k8s.io",): {
        "provisioner": lambda value: _KEY(value.lower() if isinstance(value, str) else value)
    },
    ("ResourceQuota",): {"spec hard *": _not_negative},
    ("LimitRange",): {"spec limits * type": _KEY},
}
_PODS: Mapping[str, Form] = {
    "containers * volumeMounts * name": _GIVEN,
    "containers * volumeMounts * mountPath": _GIVEN,
    "containers * env * valueFrom fieldRef fieldPath": _text(
        r"(?:metadata|spec|status)\..+", "a field of the pod such as metadata.name"
    ),
    "containers * env * valueFrom": _one_of(
        *("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")
    ),
    "volumes * configMap name!": _GIVEN,
    "volumes * configMap items * key": _GIVEN,
    "volumes * configMap items * path": _GIVEN,
    "volumes * configMap defaultMode": _MODE,
    "volumes * secret defaultMode": _MODE,
    "volumes * projected defaultMode": _MODE,
    "volumes * downwardAPI defaultMode": _MODE,
    "tolerations * key": _or_empty(_KEY),
    **{
        f"containers * {probe}": lambda value: "is empty: it needs a handler" if value == {} else ""
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
    },
}


def field_faults(resource: Resource) -> Iterator[Fault]:
    """Each field of an object whose value is not allowed, by the table."""
    for kinds, fields in _OBJECTS.items():
        if resource.kind in kinds:
            yield from _faults(resource.body, fields, ())
    if resource.kind in WORKLOADS:
        start, pod = template_path(resource), pod_spec(resource)
        if (
            not pod
            and not is_partial(resource)
            and (template(resource) or dig(resource.body, "spec", "jobTemplate") is not None)
        ):
            yield "its pods need a container", (*start, "spec")
        yield from _faults(pod, _PODS, (*start, "spec"))
    if (together := _TOGETHER.get(resource.kind)) is not None:
        yield from together(resource)


def _faults(body: Any, fields: Mapping[str, Form], start: Path) -> Iterator[Fault]:
    for field, form in fields.items():
        for value, place in _values(body, field.split(), start):
            if why := form(value):
                yield f"{_dotted(place[len(start) :])} {why}", place


def _dotted(place: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _values(body: Any, keys: list[str], place: Path) -> Iterator[tuple[Any, Path]]:
    """The values at a field, and where each is; for a required one that is missing, None at its parent."""
    if not keys:
        yield body, place
    elif keys[0] == "*":
        items = body.items() if isinstance(body, dict) else enumerate(body if isinstance(body, list) else ())
        for key, item in items:
            yield from _values(item, keys[1:], (*place, key))
    elif isinstance(body, dict):
        key = keys[0].removesuffix("!")
        if key in body:
            yield from _values(body[key], keys[1:], (*place, key))
        elif keys[0].endswith("!"):
            yield None, place


def _autoscaler(resource: Resource) -> Iterator[Fault]:
    target = mapping(resource.spec.get("scaleTargetRef"))
    group = str(target.get("apiVersion") or "")
    if target.get("kind") in ("Deployment", "StatefulSet", "ReplicaSet") and "/" not in group:
        yield "scaleTargetRef.apiVersion needs the group, apps/v1", ("spec", "scaleTargetRef")
    for number, metric in enumerate(mappings(resource.spec.get("metrics"))):
        place = ("spec", "metrics", number)
        asked = mapping(dig(metric, "resource", "target"))
        if metric.get("type") == "Resource" and not metric.get("resource"):
            yield "a metric of type Resource needs resource", place
        elif asked.get("type") == "Utilization" and asked.get("averageUtilization") is None:
            yield "a target of type Utilization needs averageUtilization", (*place, "resource", "target")


def _policy(resource: Resource) -> Iterator[Fault]:
    types = resource.spec.get("policyTypes")
    if isinstance(types, list) and len(types) > 2:
        yield "policyTypes has more than two entries", ("spec", "policyTypes")


def _subjects(resource: Resource) -> Iterator[Fault]:
    for number, subject in enumerate(mappings(resource.body.get("subjects"))):
        group, place = str(subject.get("apiGroup") or ""), ("subjects", number)
        if subject.get("kind") == "ServiceAccount" and (why := _or_empty(_NAME)(subject.get("name"))):
            yield f"the name of a ServiceAccount {why}", (*place, "name")
        if subject.get("kind") in ("User", "Group") and group not in ("", _RBAC):
            yield f"the apiGroup of a {subject['kind']} is {_RBAC}, not {group}", (*place, "apiGroup")


def _limits(resource: Resource) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, limit in enumerate(mappings(resource.spec.get("limits"))):
        place, kind = ("spec", "limits", number), str(limit.get("type"))
        if kind in seen:
            yield f"two limits are for the type {kind}", (*place, "type")
        seen.add(kind)
        order = ("min", "defaultRequest", "default", "max")
        for name in dict.fromkeys(key for one in order for key in mapping(limit.get(one))):
            yield from _ordered(limit, name, place)


def _ordered(limit: Mapping[str, Any], name: str, place: Path) -> Iterator[Fault]:
    given = [(one, dig(limit, one, name)) for one in ("min", "defaultRequest", "default", "max")]
    sizes = [(one, text, amount(text)) for one, text in given if text is not None]
    known = [(one, text, size) for one, text, size in sizes if size is not None]
    for (lower, low, less), (upper, high, more) in pairwise(known):
        if less > more:
            yield f"{lower} of {name} ({low}) is above {upper} ({high})", (*place, lower, name)


_TOGETHER: Mapping[str, Callable[[Resource], Iterator[Fault]]] = {
    "HorizontalPodAutoscaler.autoscaling": _autoscaler,
    "NetworkPolicy.networking.k8s.io": _policy,
    f"RoleBinding.{_RBAC}": _subjects,
    f"ClusterRoleBinding.{_RBAC}": _subjects,
    "LimitRange": _limits,
}
KINDS = frozenset({*WORKLOADS, *_TOGETHER, *(kind for kinds in _OBJECTS for kind in kinds)})
"""The kinds of the table."""
