"""Order: sync waves that need what comes later, and whether Argo CD waits between them at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.resources.applications import destination, sources
from bootstrap.resources.index import (
    APPLICATION,
    APPLICATION_SET,
    PROJECT,
    WAVE,
    Index,
    Resource,
    dig,
    mapping,
    sequence,
)
from bootstrap.resources.pods import WORKLOADS, references
from bootstrap.resources.products import DEFINED_BY
from bootstrap.validate.rule import Apps, ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules.app_relations import creates_namespace

LATER_APPLICATION = Rule(
    "GB209",
    "wave-uses-later-application",
    "error",
    "An Application needs a kind that only a later wave defines, or requires (gitops-bootstrap.io/requires) "
    "a component of a later wave: its sync fails, and blocks the later wave.",
    "give the provider a lower argocd.argoproj.io/sync-wave",
)
LATER_OBJECT = Rule(
    "GB222",
    "wave-uses-later-object",
    "error",
    "Pods, claims or certificates need an object of a later wave of the same Application: they never "
    "become ready, and that wave never starts.",
    "give the object a lower argocd.argoproj.io/sync-wave",
)
CLAIM_FIRST = Rule(
    "GB223",
    "claim-in-earlier-wave",
    "warning",
    "A claim is in an earlier wave than its pods. With WaitForFirstConsumer it stays "
    "Pending, which counts as Progressing: the pods' wave never starts.",
    "put the claim and the pods into the same wave",
)
NO_WAVE = Rule(
    "GB220",
    "wave-is-no-number",
    "warning",
    "A sync wave is not a whole number: Argo CD reads it as 0.",
    'write it as a number in quotes, such as "5"',
)
NO_HEALTH = Rule(
    "GB210",
    "no-application-health-check",
    "warning",
    "Applications have sync waves, but argocd-cm has no health check for Application: no "
    "wave waits for another.",
    "add resource.customizations.health.argoproj.io_Application to argocd-cm",
)
WEAK_HEALTH = Rule(
    "GB211",
    "weak-application-health-check",
    "warning",
    "The health check for Application only reads health: a wave whose sync failed counts as Healthy.",
    "let it require status.sync.status == Synced, and report a failed operation as Degraded",
)
KIND_MISSING = Rule(
    "GB217",
    "definition-missing",
    "error",
    "An object's kind has no CustomResourceDefinition on this cluster: its sync fails.",
    "enable the component that defines it",
)

HEALTH = "resource.customizations.health.argoproj.io_Application"
CRD = "CustomResourceDefinition.apiextensions.k8s.io"


def check(apps: Apps) -> Iterator[Problem]:
    """The rules about Applications."""
    yield from _health(apps)
    names = {f"{item.namespace}/{item.name}": item for item in apps.applications}
    bringing = providers(apps)
    whole = apps.complete and apps.self_contained and not apps.unread and not apps.unknown
    # A cluster without any definition or chart in Git gets them from elsewhere.
    level: Severity | None = None if bringing or _has_charts(apps) else "info"
    waits = _is_waited_for(apps)
    reported = set()
    for owned in apps.owned:
        group = owned.kind.partition(".")[2]
        if not group or (owned.application, group) in reported or owned.kind == CRD:
            continue
        found = bringing.get(owned.kind) or bringing.get(group)
        user = names.get(owned.application)
        if found is None:
            if group in DEFINED_BY and whole:
                reported.add((owned.application, group))
                message = f"{owned.resource} needs the definitions of {group}, which nothing here has"
                fix = f"enable the component with the chart {DEFINED_BY[group][0]}"
                yield problem(KIND_MISSING, owned.resource, message, "apiVersion", fix=fix, level=level)
            continue
        provider = names.get(found)
        if user is None or provider is None or user is provider or not _has(apps, provider, owned.kind):
            continue
        if user.application == provider.application and user.wave < provider.wave:
            reported.add((owned.application, group))
            message = (
                f"{user} (wave {user.wave}) applies {owned.resource}, whose definition comes with {provider} "
                f"(wave {provider.wave})"
            )
            place = ("metadata", "annotations", "argocd.argoproj.io/sync-wave")
            later: Severity | None = None if waits else "warning"  # then a retry may come after it
            yield problem(LATER_APPLICATION, user, message, *place, level=later)


def providers(apps: Apps) -> dict[str, str]:
    """`Kind.group`, or a whole group → the Application with its definition."""
    found = {}
    for crd in apps.public.of(CRD):
        kind, group = dig(crd.body, "spec", "names", "kind"), crd.spec.get("group")
        found[f"{kind}.{group}"] = crd.application
    # If several have it, the first one has applied it before the others.
    for application in sorted(apps.applications, key=lambda item: item.wave):
        for source in sources(application.body):
            for group, charts in DEFINED_BY.items():
                if source.chart in charts or (source.path or "").rstrip("/").rpartition("/")[2] in charts:
                    found.setdefault(group, f"{application.namespace}/{application.name}")
    return found


def _has(apps: Apps, provider: Resource, kind: str) -> bool:
    """Whether an Application surely has a kind's definition: in Git or by its chart, not by its name."""
    charts = DEFINED_BY.get(kind.partition(".")[2], ())
    if any(source.chart in charts for source in sources(provider.body)):
        return True
    name = f"{provider.namespace}/{provider.name}"
    return not any(one.application == name for one in apps.owned) or any(
        crd.application == name
        and f"{dig(crd.body, 'spec', 'names', 'kind')}.{crd.spec.get('group')}" == kind
        for crd in apps.public.of(CRD)
    )


def _has_charts(apps: Apps) -> bool:
    return any(source.chart for application in apps.applications for source in sources(application.body))


def _is_waited_for(apps: Apps) -> bool:
    """Whether Git shows that a wave of Applications waits for the one before."""
    settings = (
        mapping(one.body.get("data")) for one in apps.public.of("ConfigMap") if one.name == "argocd-cm"
    )
    return any(HEALTH in data or _OLD_HEALTH in str(data.get(_CUSTOMIZED) or "") for data in settings)


_CUSTOMIZED = "resource.customizations"
_OLD_HEALTH = "argoproj.io/Application:"


def _health(apps: Apps) -> Iterator[Problem]:
    waves = {item.wave for item in apps.applications if item.application}
    config = apps.public.of("ConfigMap")
    settings = next((item for item in config if item.name == "argocd-cm"), None)
    if settings is None or len(waves) < 2:
        return
    data = mapping(settings.body.get("data"))
    text = data.get(HEALTH)
    if text is None and _OLD_HEALTH not in str(data.get(_CUSTOMIZED) or ""):
        yield problem(NO_HEALTH, settings, f"{settings} has no health check for Application", "data")
    elif text is not None and not re.search(r"Synced|sync\.status", str(text)):
        yield problem(WEAK_HEALTH, settings, f"{settings}: {HEALTH} does not check the sync", "data", HEALTH)


def check_objects(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """The rules about waves within one Application."""
    for workload in index.of(*WORKLOADS):
        for use in references(workload):
            target = index.get(use.kind, workload.namespace, use.name)
            if target is None or target.application != workload.application or use.optional:
                continue
            if workload.kind == "CronJob.batch" and target.wave > workload.wave:
                continue  # no wave waits for its pods
            yield from _order(workload, target)

    for resource in index.resources:
        wave = resource.annotations.get(WAVE)
        if isinstance(wave, str) and not re.fullmatch(r"[+-]?\d+", wave):
            message = f"{resource} has the sync wave {wave!r}, which is not a whole number"
            yield problem(NO_WAVE, resource, message, "metadata", "annotations", WAVE)
        for kind, namespace, name in _needs(resource):
            target = index.get(kind, namespace, name)
            if target is None or target.application != resource.application:
                continue
            # Without its Application, it is unknown whether the namespace exists before.
            if kind != "Namespace" or (target.application and not _is_created(index, target)):
                yield from _order(resource, target)


def _is_created(index: Index, namespace: Resource) -> bool:
    """Whether Argo CD creates a namespace before the first wave of the Application that also has it."""
    application = index.applications.get(namespace.application)
    return (
        application is not None
        and creates_namespace(application)
        and destination(application.body)[1] == namespace.name
    )


_OF_ARGOCD = frozenset({APPLICATION, APPLICATION_SET, PROJECT})
"""Kinds that are in the namespace of Argo CD, which exists before it can apply anything."""


def _needs(resource: Resource) -> Iterator[tuple[str, str, str]]:
    """(kind, namespace, name) of what must exist before: its namespace, StorageClass, issuer."""
    if resource.namespace and resource.kind not in _OF_ARGOCD:
        yield "Namespace", "", resource.namespace
    claims = [resource] if resource.kind == "PersistentVolumeClaim" else []
    names = [claim.spec.get("storageClassName") for claim in claims]
    names += [
        dig(claim, "spec", "storageClassName")
        for claim in sequence(resource.spec.get("volumeClaimTemplates"))
    ]
    for name in names:
        if name:
            yield "StorageClass.storage.k8s.io", "", str(name)
    if resource.kind == "Certificate.cert-manager.io":
        reference = mapping(resource.spec.get("issuerRef"))
        kind = str(reference.get("kind") or "Issuer")
        namespace = "" if kind == "ClusterIssuer" else resource.namespace
        yield f"{kind}.cert-manager.io", namespace, str(reference.get("name"))


def _order(workload: Resource, target: Resource) -> Iterator[Problem]:
    hook = "argocd.argoproj.io/hook"
    if hook in workload.annotations or hook in target.annotations:
        return
    place = ("metadata", "annotations", "argocd.argoproj.io/sync-wave")
    if target.wave > workload.wave:
        message = f"{workload} (wave {workload.wave}) uses {target} of wave {target.wave}"
        yield problem(LATER_OBJECT, target, message, *place)
    elif target.short_kind == "PersistentVolumeClaim" and target.wave < workload.wave:
        message = f"{target} is in wave {target.wave}, but its pods ({workload}) are in wave {workload.wave}"
        yield problem(CLAIM_FIRST, target, message, *place)
