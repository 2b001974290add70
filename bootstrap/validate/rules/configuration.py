"""What pods name: ConfigMaps, Secrets and their keys, claims, ServiceAccounts, classes."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import names_near
from bootstrap.resources.applications import SYNC_OPTIONS
from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, Place, Reference, containers, pod_spec, references, replicas
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules import made_secrets
from bootstrap.validate.rules.suggestions import near

CONFIG_MAP = Rule(
    "GB311",
    "config-map-missing",
    "error",
    "A pod needs a ConfigMap that does not exist: it never starts.",
    "correct the name, add the ConfigMap, or mark the use optional",
)
CONFIG_KEY = Rule(
    "GB312",
    "config-map-key-missing",
    "error",
    "A pod needs a key that its ConfigMap does not have: the container never starts.",
    "correct the key, add it, or mark the use optional",
)
SECRET = Rule(
    "GB313",
    "secret-missing",
    "error",
    "A pod needs a Secret that nothing creates: it never starts.",
    "seal it, use a store, or let `bootstrap init` create it (annotation gitops-bootstrap.io/secrets)",
)
SECRET_KEY = Rule(
    "GB314",
    "secret-key-missing",
    "error",
    "A pod needs a key that its Secret does not get: the container never starts.",
    "correct the key, or add it where the Secret is created",
)
CLAIM = Rule(
    "GB315",
    "claim-missing",
    "error",
    "A pod mounts a PersistentVolumeClaim that does not exist: it is never scheduled.",
    "correct the name, or add the claim",
)
STORAGE_CLASS = Rule(
    "GB316",
    "storage-class-missing",
    "error",
    "A claim names a StorageClass that nothing in Git provides, though Git provides others.",
    "name an existing class",
)
SHARED_CLAIM = Rule(
    "GB317",
    "claim-shared",
    "warning",
    "Several pods mount a claim that only one node may mount: all but those on one node wait forever.",
    "use one replica, a StatefulSet with volumeClaimTemplates, or the access mode ReadWriteMany",
)
ACCOUNT = Rule(
    "GB318",
    "service-account-missing",
    "error",
    "A pod runs as a ServiceAccount that does not exist: it is never created.",
    "correct the name, or add the ServiceAccount",
)
CLASS = Rule(
    "GB333",
    "priority-class-missing",
    "error",
    "A pod names a PriorityClass or RuntimeClass that nothing provides: it is never created.",
    "correct the name, or add the class",
)
MOUNT = Rule(
    "GB334",
    "mount-without-volume",
    "error",
    "A container mounts a volume that the pod does not have: the API server refuses it.",
    "add the volume, or correct the name",
)
ROLLING = Rule(
    "GB335",
    "rolling-update-with-single-claim",
    "warning",
    "A Deployment replaces its pod while the old one mounts a ReadWriteOnce claim: the update can hang.",
    "set strategy.type to Recreate, or use a StatefulSet",
)

PRUNES_DATA = Rule(
    "GB221",
    "prune-of-data",
    "info",
    "An Application that prunes automatically owns a PersistentVolumeClaim: a wrong commit deletes its data.",
    "annotate the claim with argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm",
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for workload in index.of(*WORKLOADS):
        for reference in references(workload):
            yield from _reference(index, context, workload, reference)
        yield from _mounts(workload)
        yield from _claims(index, workload)
    for claim in index.of("PersistentVolumeClaim"):
        yield from _class(context, claim, claim.spec.get("storageClassName"), "spec", "storageClassName")
        yield from _pruned(index, claim)
    for stateful in index.of("StatefulSet.apps"):
        for number, template in enumerate(sequence(stateful.spec.get("volumeClaimTemplates"))):
            place = ("spec", "volumeClaimTemplates", number, "spec", "storageClassName")
            yield from _class(context, stateful, dig(template, "spec", "storageClassName"), *place)


def _reference(index: Index, context: ClusterContext, pod: Resource, use: Reference) -> Iterator[Problem]:
    namespace = pod.namespace
    if use.optional or not index.knows(namespace):
        return
    if use.kind == "ConfigMap":
        yield from _config_map(index, pod, use)
    elif use.kind == "Secret":
        if not (context.complete or pod.application):
            return
        if (missing := made_secrets.missing(index, context, pod, namespace, use.name)) is not None:
            level, maybe = missing
            known = [item.name for item in index.of("Secret", namespace=namespace)]
            hint, fix = near(pod, use.name, known, _named_at(use), use.kind)
            message = f"{pod} needs Secret {use.name} ({use.how}), which nothing creates{hint}{maybe}"
            there = ("Secret", namespace, use.name)
            yield problem(SECRET, pod, message, *use.path, fix=fix, level=level, unless=there)
        elif use.key is not None:
            keys = made_secrets.keys(index, namespace, use.name)
            if keys is not None and use.key not in keys:
                hint = names_near(use.key, keys)
                message = (
                    f"{pod} needs key {use.key} of Secret {use.name} ({use.how}), which it does not get{hint}"
                )
                yield problem(SECRET_KEY, pod, message, *use.path)
    elif use.kind == "PersistentVolumeClaim":
        if (context.complete or pod.application) and index.get(use.kind, namespace, use.name) is None:
            known = [item.name for item in index.of(use.kind, namespace=namespace)]
            hint, fix = near(pod, use.name, known, use.path, use.kind)
            message = f"{pod} mounts the claim {use.name}, which does not exist{hint}"
            there = (use.kind, namespace, use.name)
            yield problem(CLAIM, pod, message, *use.path, fix=fix, unless=there)
    elif use.kind == "ServiceAccount":
        if use.name != "default" and index.get(use.kind, namespace, use.name) is None:
            known = [item.name for item in index.of(use.kind, namespace=namespace)]
            hint, fix = near(pod, use.name, known, use.path, use.kind)
            message = f"{pod} runs as ServiceAccount {use.name}, which does not exist{hint}"
            there = (use.kind, namespace, use.name)
            yield problem(ACCOUNT, pod, message, *use.path, fix=fix, unless=there)
    elif not use.name.startswith("system-") and (level := context.lacks(use.kind, use.name)):
        hint = names_near(use.name, (item.name for item in context.public.of(use.kind)))
        message = f"{pod} names {use.how} {use.name}, which nothing provides{hint}"
        yield problem(CLASS, pod, message, *use.path, level=level)


_BROUGHT = {"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt"}
"""ConfigMaps that a cluster creates in every namespace."""


def _named_at(use: Reference) -> Place:
    """The field that has the name: for an item's key, the one next to it."""
    last = use.path[-1]
    if last in ("name", "secretName"):
        return use.path
    path = use.path[:-2] if isinstance(last, int) else use.path
    return (*path, "secretName" if path[-1] == "secret" and "projected" not in path else "name")


def _config_map(index: Index, pod: Resource, use: Reference) -> Iterator[Problem]:
    found = index.get("ConfigMap", pod.namespace, use.name)
    if found is None:
        if use.name not in _BROUGHT and not use.name.endswith("-generated"):
            names = [item.name for item in index.of("ConfigMap", namespace=pod.namespace)]
            hint, fix = near(pod, use.name, names, _named_at(use), use.kind)
            message = f"{pod} needs ConfigMap {use.name} ({use.how}), which does not exist{hint}"
            maker = made_secrets.permitted(index, pod.namespace, use.name, "configmaps")
            message += f"; {maker} lets its holder create it" if maker else ""
            level: Severity | None = "info" if maker else None
            there = ("ConfigMap", pod.namespace, use.name)
            yield problem(CONFIG_MAP, pod, message, *use.path, fix=fix, unless=there, level=level)
        return
    known = {*mapping(found.body.get("data")), *mapping(found.body.get("binaryData"))}
    if use.key is not None and use.key not in known:
        hint = names_near(use.key, known)
        message = f"{pod} needs key {use.key} of {found} ({use.how}), which it does not have{hint}"
        yield problem(CONFIG_KEY, pod, message, *use.path)


def _class(context: ClusterContext, user: Resource, name: object, *path: str | int) -> Iterator[Problem]:
    """Most clusters come with a class of their own: a missing one is reported only if Git has others."""
    classes = context.public.of("StorageClass.storage.k8s.io")
    known = {item.name for item in classes}
    if name and classes and (level := context.lacks("StorageClass.storage.k8s.io", name)):
        message = f"{user} names StorageClass {name}, which nothing provides{names_near(str(name), known)}"
        yield problem(STORAGE_CLASS, user, message, *path, level=level)


def _mounts(pod: Resource) -> Iterator[Problem]:
    names = {str(item.get("name")) for item in mappings(pod_spec(pod).get("volumes"))}
    names |= {str(dig(item, "metadata", "name")) for item in mappings(pod.spec.get("volumeClaimTemplates"))}
    for container in containers(pod):
        for number, mount in enumerate(sequence(container.body.get("volumeMounts"))):
            name = mapping(mount).get("name")
            if name and str(name) not in names:
                message = (
                    f"{pod}: container {container.name} mounts {name}, which is not a "
                    f"volume{names_near(str(name), names)}"
                )
                yield problem(MOUNT, pod, message, *container.path, "volumeMounts", number)


def _claims(index: Index, pod: Resource) -> Iterator[Problem]:
    if pod.kind not in ("Deployment.apps", "ReplicaSet.apps", "Rollout.argoproj.io"):
        return
    scaled = any(
        dig(hpa.body, "spec", "scaleTargetRef", "name") == pod.name
        for hpa in index.of("HorizontalPodAutoscaler.autoscaling", namespace=pod.namespace)
    )
    for use in references(pod):
        claim = index.get("PersistentVolumeClaim", pod.namespace, use.name)
        if use.kind != "PersistentVolumeClaim" or claim is None:
            continue
        modes = [str(mode) for mode in sequence(claim.spec.get("accessModes"))]
        if not modes or any("Many" in mode for mode in modes):
            continue
        count = "several (its HPA decides)" if scaled else str(replicas(pod))
        if scaled or replicas(pod) > 1:
            message = f"{pod} has {count} replicas, but its claim {claim.name} is {', '.join(modes)}"
            yield problem(SHARED_CLAIM, pod, message, *use.path)
        elif pod.kind == "Deployment.apps" and _surges(pod):
            message = f"{pod} updates by RollingUpdate, but its claim {claim.name} is {', '.join(modes)}"
            yield problem(ROLLING, pod, message, *use.path)


def _surges(deployment: Resource) -> bool:
    """Whether an update starts a pod before the old one has stopped."""
    strategy = mapping(deployment.spec.get("strategy"))
    return strategy.get("type") != "Recreate" and dig(strategy, "rollingUpdate", "maxSurge") not in (0, "0%")


def _pruned(index: Index, claim: Resource) -> Iterator[Problem]:
    application = index.applications.get(claim.application)
    if application is None or dig(application.spec, "syncPolicy", "automated", "prune") is not True:
        return
    options = str(claim.annotations.get(SYNC_OPTIONS) or "")
    if "Prune=false" not in options and "Prune=confirm" not in options:
        message = f"{claim} is deleted as soon as a commit omits it ({application.name} prunes)"
        yield problem(PRUNES_DATA, claim, message, "metadata", "annotations")
