"""Pure: the pods of workloads: their labels, containers, ports, and what those use by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.resources.index import (
    Index,
    Resource,
    dig,
    label_selects,
    mapping,
    mappings,
    selects,
    sequence,
)

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Deployment.apps": ("spec", "template"),
    "StatefulSet.apps": ("spec", "template"),
    "DaemonSet.apps": ("spec", "template"),
    "ReplicaSet.apps": ("spec", "template"),
    "Rollout.argoproj.io": ("spec", "template"),
    "Job.batch": ("spec", "template"),
    "CronJob.batch": ("spec", "jobTemplate", "spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Pod": (),
}
WORKLOADS = tuple(_TEMPLATES)
_MERGED = ("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps")
SCALABLE = ("Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "Rollout.argoproj.io")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Container:
    """A container and where it is in its object."""

    body: Mapping[str, Any]
    path: Place
    init: bool

    @property
    def name(self) -> str:
        return str(self.body.get("name") or "")

    @property
    def sidecar(self) -> bool:
        """An init container that keeps running."""
        return self.init and self.body.get("restartPolicy") == "Always"


@dataclass(frozen=True)
class Reference:
    """A pod's use of another object by name. `key` None: the whole object. `how` says what for."""

    kind: str
    name: str
    key: str | None
    optional: bool
    path: Place
    how: str


def is_workload(resource: Resource) -> bool:
    return resource.kind in _TEMPLATES


def template_path(resource: Resource) -> Place:
    return _TEMPLATES.get(resource.kind, ())


def template(resource: Resource) -> Mapping[str, Any]:
    """The pod template (of a Pod, itself)."""
    return mapping(dig(resource.body, *_TEMPLATES.get(resource.kind, ("spec", "template"))))


def pod_spec(resource: Resource) -> Mapping[str, Any]:
    return mapping(template(resource).get("spec"))


def is_partial(resource: Resource) -> bool:
    """Whether a Deployment or its like has no list of containers: only what it changes of one that exists.

    Applying merges it into the object that an installer or a chart has created; alone, it would be refused.
    """
    within = resource.kind in _MERGED and bool(template(resource))
    return within and "containers" not in pod_spec(resource)


def pod_labels(resource: Resource) -> Mapping[str, Any]:
    return mapping(dig(template(resource), "metadata", "labels"))


def pod_annotations(resource: Resource) -> Mapping[str, Any]:
    return mapping(dig(template(resource), "metadata", "annotations"))


def containers(resource: Resource) -> list[Container]:
    """Every container of the pods, init containers too."""
    spec, start = pod_spec(resource), (*template_path(resource), "spec")
    found = []
    for field, init in (("initContainers", True), ("containers", False)):
        for index, body in enumerate(sequence(spec.get(field))):
            if isinstance(body, dict):
                found.append(Container(body, (*start, field, index), init))
    return found


def is_part(resource: Resource) -> bool:
    """Whether a workload is only a part of one, as a patch is: a container has no image."""
    return resource.kind in WORKLOADS and any("image" not in one.body for one in containers(resource))


def running(resource: Resource) -> list[Container]:
    """The containers that run while the pod does."""
    return [item for item in containers(resource) if not item.init or item.sidecar]


def replicas(resource: Resource) -> int:
    """The number of replicas in Git; that of a DaemonSet is unknown and counts as 1."""
    value = resource.spec.get("replicas")
    return value if isinstance(value, int) else 1


_BY_CONTROLLERS = {
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
}
"""Labels that pods get from their controllers: no template has them."""


_HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")


def selected(index: Index, selector: Mapping[str, Any], namespace: str) -> list[Resource]:
    """The workloads whose pods a Service's selector matches; hooks only if all of them are."""
    stated = {key: value for key, value in selector.items() if key not in _BY_CONTROLLERS}
    found = [item for item in index.of(*WORKLOADS, namespace=namespace) if selects(stated, pod_labels(item))]
    return [item for item in found if not is_hook(item)] or found


def is_hook(resource: Resource) -> bool:
    """Whether it runs once, as an installation hook or a chart's test: it is not part of the desired state.

    Decided as Argo CD does: an object with Helm's `crd-install` is not a hook.
    """
    helm, own = (resource.annotations.get(hook) for hook in _HOOKS)
    return own is not None or helm not in (None, "crd-install")


def label_selected(index: Index, selector: Any, namespace: str) -> list[Resource]:
    """The workloads whose pods a LabelSelector matches."""
    workloads = index.of(*WORKLOADS, namespace=namespace)
    return [item for item in workloads if label_selects(selector, pod_labels(item))]


def find_port(resource: Resource, port: Any) -> Mapping[str, Any] | None:
    """The declared container port with that name or number."""
    for container in running(resource):
        for declared in mappings(container.body.get("ports")):
            if port in (declared.get("name"), declared.get("containerPort")) and port is not None:
                return declared
    return None


def declared_ports(resource: Resource) -> list[Mapping[str, Any]]:
    return [port for container in running(resource) for port in mappings(container.body.get("ports"))]


def references(resource: Resource) -> Iterator[Reference]:
    """Everything the pods name: ConfigMaps, Secrets, claims, the ServiceAccount, PriorityClass …"""
    spec, start = pod_spec(resource), (*template_path(resource), "spec")
    for container in containers(resource):
        yield from _environment(container)
    for index, volume in enumerate(sequence(spec.get("volumes"))):
        yield from _volume(mapping(volume), (*start, "volumes", index))
    for index, secret in enumerate(sequence(spec.get("imagePullSecrets"))):
        if name := mapping(secret).get("name"):
            place = (*start, "imagePullSecrets", index, "name")
            yield Reference("Secret", str(name), None, True, place, "pulls images")
    for field, kind in (
        ("serviceAccountName", "ServiceAccount"),
        ("priorityClassName", "PriorityClass.scheduling.k8s.io"),
        ("runtimeClassName", "RuntimeClass.node.k8s.io"),
    ):
        if name := spec.get(field):
            yield Reference(kind, str(name), None, False, (*start, field), field)


def _environment(container: Container) -> Iterator[Reference]:
    for index, variable in enumerate(sequence(container.body.get("env"))):
        source = mapping(mapping(variable).get("valueFrom"))
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            reference = mapping(source.get(field))
            if name := reference.get("name"):
                place = (*container.path, "env", index, "valueFrom", field)
                key, optional = str(reference.get("key")), bool(reference.get("optional"))
                how = f"variable {mapping(variable).get('name')} of {container.name}"
                yield Reference(kind, str(name), key, optional, place, how)
    for index, source in enumerate(sequence(container.body.get("envFrom"))):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = mapping(mapping(source).get(field))
            if name := reference.get("name"):
                place = (*container.path, "envFrom", index, field)
                how = f"variables of {container.name}"
                yield Reference(kind, str(name), None, bool(reference.get("optional")), place, how)


def _volume(volume: Mapping[str, Any], path: Place) -> Iterator[Reference]:
    label = f"volume {volume.get('name')}"
    if name := dig(volume, "persistentVolumeClaim", "claimName"):
        place = (*path, "persistentVolumeClaim", "claimName")
        yield Reference("PersistentVolumeClaim", str(name), None, False, place, label)
    for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        yield from _projected(mapping(volume.get(field)), kind, key, (*path, field), label)
    for index, source in enumerate(sequence(dig(volume, "projected", "sources"))):
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            place = (*path, "projected", "sources", index, field)
            yield from _projected(mapping(mapping(source).get(field)), kind, "name", place, label)


def _projected(
    source: Mapping[str, Any], kind: str, key: str, path: Place, label: str
) -> Iterator[Reference]:
    name = source.get(key)
    if not name:
        return
    optional = bool(source.get("optional"))
    items = mappings(source.get("items"))
    if not items:
        yield Reference(kind, str(name), None, optional, (*path, key), label)
    for index, item in enumerate(items):
        yield Reference(kind, str(name), str(item.get("key")), optional, (*path, "items", index), label)
