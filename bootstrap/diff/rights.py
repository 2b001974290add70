"""Pure: what an object may do after a change that it could not do before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

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
    for kinds, rights in _READERS:
        if new.kind in kinds:
            had = set(rights(old)) if old is not None else set()
            found = sorted({right for right in rights(new) if not any(_covers(one, right) for one in had)})
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            return "; ".join(" ".join(right) for right in found[:_SHOWN]) + more
    return ""


def _covers(one: Right, other: Right) -> bool:
    return len(one) == len(other) and all(
        part in ("*", wanted) for part, wanted in zip(one, other, strict=True)
    )


def _rules(resource: Resource) -> Iterator[Right]:
    for rule in mappings(resource.body.get("rules")):
        names = [str(one) for one in sequence(rule.get("resourceNames"))] or ["*"]
        for verb in map(str, sequence(rule.get("verbs"))):
            for url in map(str, sequence(rule.get("nonResourceURLs"))):
                yield verb, url
            for group in map(str, sequence(rule.get("apiGroups"))):
                for kind in map(str, sequence(rule.get("resources"))):
                    for name in names:
                        yield verb, f"{kind}.{group}" if group and group != "*" else kind, name


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


def _project(resource: Resource) -> Iterator[Right]:
    spec = resource.spec
    for url in sequence(spec.get("sourceRepos")):
        yield "reads", str(url)
    for place in mappings(spec.get("destinations")):
        cluster = str(place.get("server") or place.get("name") or "*")
        yield "deploys to namespace", str(place.get("namespace") or "*"), "of", cluster
    for field, words in (("clusterResourceWhitelist", "cluster-scoped"), ("namespaceResourceWhitelist", "")):
        for kind in mappings(spec.get(field)):
            yield "applies", words, str(kind.get("group") or "core"), str(kind.get("kind"))


_READERS: tuple[tuple[frozenset[str], Callable[[Resource], Iterator[Right]]], ...] = (
    (_ROLES, _rules),
    (_BINDINGS, _subjects),
    (frozenset(pods.WORKLOADS), _pods),
    (frozenset({PROJECT}), _project),
)


def images(resource: Resource) -> Mapping[str, Any]:
    """Container → image."""
    if resource.kind not in pods.WORKLOADS:
        return {}
    return {one.name: str(one.body.get("image") or "") for one in pods.containers(resource)}
