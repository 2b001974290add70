"""Pure: what an object may do after a change that it could not do before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bootstrap.diff import projects
from bootstrap.resources import pods
from bootstrap.resources.index import PROJECT, Resource, dig, mapping, mappings, sequence

_ROLES = frozenset({"Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io"})
_BINDINGS = frozenset(
    {"RoleBinding.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io"}
)
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SHOWN = 4

Right = tuple[str, ...]


def grown(old: Resource | None, new: Resource) -> str:
    """The rights that are new, in words; "" when none are."""
    if new.kind == PROJECT:
        return _few(list(projects.grown(old, new)))
    for kinds, rights in _READERS:
        if new.kind in kinds:
            covers = _grants if kinds is _ROLES else _covers
            had = set(rights(old)) if old is not None else set()
            found = [right for right in rights(new) if not any(covers(one, right) for one in had)]
            said = sorted({_in_words(right) if kinds is _ROLES else " ".join(right) for right in found})
            return _few(said)
    return ""


def moved(old: Resource | None, new: Resource | None) -> str:
    """What another project permits an Application, in words; "" for nothing, or if Git has not both."""
    return _few(list(projects.wider(old, new))) if old is not None and new is not None else ""


def _few(said: Sequence[str]) -> str:
    return "; ".join(said[:_SHOWN]) + (f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else "")


_ENFORCE = "pod-security.kubernetes.io/enforce"
_LEVELS = ("restricted", "baseline", "privileged")
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


def loosened(old: Resource, new: Resource) -> Iterator[str]:
    """What a change lets an object do by a field that says nothing of a right by itself."""
    if new.kind in pods.WORKLOADS:
        was, now = pods.pod_spec(old), pods.pod_spec(new)
        accounts = [str(one.get("serviceAccountName") or "default") for one in (was, now)]
        if accounts[0] != accounts[1]:
            yield f"pods run as ServiceAccount {accounts[1]} instead of {accounts[0]}"
        if _non_root(was) and not _non_root(now) and not all(map(_non_root, _containers(new))):
            yield "pods may run as root"
    if new.kind == "Namespace":
        levels = [_level(one) for one in (old, new)]
        if levels[0] < levels[1]:
            names = [_LEVELS[level] for level in levels]
            yield f"Pod Security enforces {names[1]} instead of {names[0]}"
    if new.kind == "ClusterRole.rbac.authorization.k8s.io":
        for label, value in new.labels.items():
            if str(label).startswith(_AGGREGATE) and value == "true" != old.labels.get(label):
                yield f"its rights go to everybody who has {str(label).removeprefix(_AGGREGATE)}"


def _containers(workload: Resource) -> Iterator[Mapping[str, Any]]:
    return (one.body for one in pods.containers(workload))


def _non_root(part: Mapping[str, Any]) -> bool:
    """Of a pod's spec, or of a container."""
    return dig(part, "securityContext", "runAsNonRoot") is True


def _level(namespace: Resource) -> int:
    """A Namespace without the label enforces nothing, as `privileged` does."""
    value = namespace.labels.get(_ENFORCE)
    return _LEVELS.index(value) if value in _LEVELS else len(_LEVELS) - 1


def _covers(one: Right, other: Right) -> bool:
    return len(one) == len(other) and all(
        part in ("*", wanted) for part, wanted in zip(one, other, strict=True)
    )


def _rules(resource: Resource) -> Iterator[Right]:
    """Of a role: (verb, API group, resource, name), (verb, path), and what it aggregates."""
    for rule in mappings(resource.body.get("rules")):
        names = [str(one) for one in sequence(rule.get("resourceNames"))] or ["*"]
        for verb in map(str, sequence(rule.get("verbs"))):
            for url in map(str, sequence(rule.get("nonResourceURLs"))):
                yield verb, url
            for group in map(str, sequence(rule.get("apiGroups"))):
                for kind in map(str, sequence(rule.get("resources"))):
                    for name in names:
                        yield verb, group, kind, name
    if aggregated := mapping(resource.body.get("aggregationRule")):
        yield (f"what other roles have, by its aggregationRule {json.dumps(aggregated, sort_keys=True)}",)


def _grants(one: Right, other: Right) -> bool:
    """Whether a right of a role includes another one, as the API server decides it."""
    if len(one) != len(other) or one[0] not in ("*", other[0]):
        return False
    if len(one) == 2:
        return one[1] == other[1] or (one[1].endswith("*") and other[1].startswith(one[1][:-1]))
    if len(one) == 1:
        return True
    subresource = other[2].partition("/")[2]
    kinds = ("*", other[2], f"*/{subresource}" if subresource else other[2])
    return one[1] in ("*", other[1]) and one[2] in kinds and one[3] in ("*", other[3])


def _in_words(right: Right) -> str:
    if len(right) != 4:
        return " ".join(right)
    verb, group, kind, name = right
    if kind == "*":
        kind = "*" if group == "*" else f"*.{group or 'core'}"
    elif group:
        kind = f"{kind}.{group}"
    return f"{verb} {kind} {name}"


def _subjects(resource: Resource) -> Iterator[Right]:
    role = mapping(resource.body.get("roleRef"))
    for subject in mappings(resource.body.get("subjects")):
        place = f"{subject.get('namespace')}/" if subject.get("namespace") else ""
        who = f"{subject.get('kind')} {place}{subject.get('name')}"
        yield who, "gets", f"{role.get('kind')} {role.get('name')}"


def _pods(resource: Resource) -> Iterator[Right]:
    spec = pods.pod_spec(resource)
    for field in _HOST:
        if spec.get(field) is True:
            yield ("pods with", field)
    for volume in mappings(spec.get("volumes")):
        if path := dig(volume, "hostPath", "path"):
            yield ("pods with the node's folder", str(path))
    for container in pods.containers(resource):
        context = mapping(container.body.get("securityContext"))
        if context.get("privileged") is True:
            yield ("privileged container", container.name)
        elif context.get("allowPrivilegeEscalation") is True:
            yield ("privilege escalation in container", container.name)
        for one in sequence(dig(context, "capabilities", "add")):
            yield ("capability", str(one), "for container", container.name)


_READERS: tuple[tuple[frozenset[str], Callable[[Resource], Iterator[Right]]], ...] = (
    (_ROLES, _rules),
    (_BINDINGS, _subjects),
    (frozenset(pods.WORKLOADS), _pods),
)
