"""Labels and annotations that the API server refuses: their keys, their values, their size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.applications import sync_options
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import is_workload, pod_spec, template, template_path
from bootstrap.validate.rule import ClusterContext, Path, Problem, Rule, problem

LABEL = Rule(
    "GB128",
    "label-invalid",
    "error",
    "A label, or the key of an annotation, has characters that Kubernetes does not allow, or is too long: "
    "the object is refused.",
    "use at most 63 letters, digits, dashes, dots and underscores, with a letter or digit at both ends",
)
SIZE = Rule(
    "GB129",
    "too-large-to-apply",
    "error",
    "An object or its annotations are larger than the API server accepts, or than client-side apply can "
    "store in an annotation: its sync fails.",
    "add the sync option ServerSideApply=true to the object or its Application",
)

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_PLACEHOLDER = re.compile(r"\$\{|\{\{|\$\(|<[\w -]+>|%[\w-]+%")

ANNOTATIONS = 262144
"""Bytes that all annotations of an object may have in total."""
_OBJECT = 1048576
"""Bytes that the values of a ConfigMap or Secret may have in total."""
_SMALL = (
    "Service",
    "ServiceAccount",
    "Namespace",
    "Pod",
    "PersistentVolumeClaim",
    "PersistentVolume",
)
"""Kinds of the core group that are never that large."""


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for resource in index.resources:
        if not (context.complete or resource.application):
            continue  # it may be a template that something renders
        for message, path in _faults(resource):
            yield problem(LABEL, resource, f"{resource}: {message}", *path)
        if resource.application:
            yield from _size(index, resource)


def _faults(resource: Resource) -> Iterator[tuple[str, Path]]:
    yield from _labels(resource.labels, ("metadata", "labels"))
    for key in resource.annotations:
        if fault := _key(str(key)):
            yield f"the annotation {str(key)[:80]!r} {fault}", ("metadata", "annotations", key)
    if resource.kind == "Service":
        yield from _labels(mapping(resource.spec.get("selector")), ("spec", "selector"))
    for field in ("selector", "podSelector"):
        if resource.kind != "Service" and isinstance(resource.spec.get(field), dict):
            yield from _selector(resource.spec[field], ("spec", field))
    if not is_workload(resource):
        return
    start = template_path(resource)
    if start:
        inner = mapping(template(resource).get("metadata"))
        yield from _labels(mapping(inner.get("labels")), (*start, "metadata", "labels"))
        for key in mapping(inner.get("annotations")):
            if fault := _key(str(key)):
                place = (*start, "metadata", "annotations", key)
                yield f"the annotation {str(key)[:80]!r} {fault}", place
    spec = pod_spec(resource)
    yield from _labels(mapping(spec.get("nodeSelector")), (*start, "spec", "nodeSelector"))
    for kind in ("podAffinity", "podAntiAffinity"):
        when = "requiredDuringSchedulingIgnoredDuringExecution"
        for number, term in enumerate(mappings(dig(spec, "affinity", kind, when))):
            place = (*start, "spec", "affinity", kind, when, number, "labelSelector")
            yield from _selector(mapping(term.get("labelSelector")), place)


def _selector(selector: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Path]]:
    yield from _labels(mapping(selector.get("matchLabels")), (*path, "matchLabels"))
    for number, one in enumerate(mappings(selector.get("matchExpressions"))):
        place, operator = (*path, "matchExpressions", number), one.get("operator")
        values = sequence(one.get("values"))
        if operator in ("In", "NotIn") and not values:
            yield f"{operator} needs values", place
        if operator in ("Exists", "DoesNotExist") and values:
            yield f"{operator} must not have values", place
        for value in values:
            if isinstance(value, str) and (fault := _value(value)):
                yield f"the value {value[:80]!r} {fault}", place


def _labels(labels: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, Path]]:
    for key, value in labels.items():
        if fault := _key(str(key)):
            yield f"the label {str(key)[:80]!r} {fault}", (*path, key)
        elif isinstance(value, str) and (fault := _value(value)):
            yield f"the label {key} has the value {value[:80]!r}, which {fault}", (*path, key)


def _value(value: str) -> str:
    """What is wrong with a label's value; "" for nothing."""
    if _VALUE.fullmatch(value) or _PLACEHOLDER.search(value):
        return ""
    if len(value) > 63:
        return f"has {len(value)} characters, 63 are allowed"
    return (
        "has a character that is not allowed there"
        if _odd(value)
        else "does not begin and end with a letter or digit"
    )


def _odd(text: str) -> bool:
    return re.search(r"[^-A-Za-z0-9_.]", text) is not None


def _key(key: str) -> str:
    """What is wrong with the key of a label or annotation; "" for nothing."""
    prefix, slash, name = key.rpartition("/")
    if _PLACEHOLDER.search(key) or (_NAME.fullmatch(name) and (not slash or _PREFIX.fullmatch(prefix))):
        return ""
    if slash and not _PREFIX.fullmatch(prefix):
        return "has no host name before the slash"
    if len(name) > 63:
        return f"has a name of {len(name)} characters, 63 are allowed"
    return "is not a key: letters, digits, dashes, dots and underscores, with a letter or digit at both ends"


def _size(index: Index, resource: Resource) -> Iterator[Problem]:
    own = sum(len(str(item).encode()) for pair in resource.annotations.items() for item in pair)
    if own > ANNOTATIONS:
        message = f"{resource} has {own} bytes of annotations, but Kubernetes allows {ANNOTATIONS}"
        yield problem(SIZE, resource, message, "metadata", "annotations", fix="keep the text elsewhere")
        return
    group = resource.kind.partition(".")[2]
    if resource.kind in _SMALL or group in (
        "apps",
        "batch",
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
    ):
        return
    if resource.kind in ("ConfigMap", "Secret"):
        values = [
            *mapping(resource.body.get("data")).values(),
            *mapping(resource.body.get("stringData")).values(),
        ]
        size = sum(len(value.encode()) for value in values if isinstance(value, str))
        if size > _OBJECT:
            message = f"{resource} has {size} bytes of data, but the API server accepts {_OBJECT}"
            yield problem(
                SIZE,
                resource,
                message,
                "metadata",
                "name",
                fix="split it, or fetch the data when it is needed",
            )
            return
        if size < ANNOTATIONS // 4:
            return
    if _is_server_side(index, resource):
        return
    text = json.dumps(resource.body, separators=(",", ":"), ensure_ascii=False, default=str)
    size = len(text.encode()) + sum(len(str(item)) for pair in resource.annotations.items() for item in pair)
    if size > ANNOTATIONS:
        message = (
            f"{resource} has {size} bytes, but client-side apply stores all of it in an annotation of at "
            f"most {ANNOTATIONS}"
        )
        yield problem(SIZE, resource, message, "metadata", "name")


def _is_server_side(index: Index, resource: Resource) -> bool:
    """Whether nothing is stored in an annotation: server-side apply, replaced, or recreated."""
    application = index.applications.get(resource.application)
    spec = application.spec if application else {}
    given = [str(one) for one in sequence(dig(spec, "syncPolicy", "syncOptions"))]
    own = sync_options(resource.body)
    off = "ServerSideApply=false" in own
    return ("ServerSideApply=true" in given and not off) or bool(
        {"ServerSideApply=true", "Replace=true"} & set(own) or "Replace=true" in given
    )
