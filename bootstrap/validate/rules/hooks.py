"""Hooks of Argo CD (and of Helm, as Argo CD reads them) that run before what they need exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.repository.secret_values import leaves
from bootstrap.resources.index import Index, Resource
from bootstrap.resources.pods import WORKLOADS, references
from bootstrap.validate.rule import ClusterContext, Problem, Rule, Severity, problem
from bootstrap.validate.rules import made_secrets
from bootstrap.validate.rules.app_relations import creates_namespace

TOO_EARLY = Rule(
    "GB230",
    "hook-before-what-it-needs",
    "error",
    "A hook runs before the phase, or the wave of its phase, that creates what its pods need: at the first "
    "sync it waits forever, or fails.",
    "make what it needs a hook of the same phase, with a lower argocd.argoproj.io/sync-wave",
)

HOOK = "argocd.argoproj.io/hook"
_HELM = "helm.sh/hook"
_PHASES = {"PreSync": 0, "Sync": 1, "PostSync": 2}
_OF_HELM = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "crd-install": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
}


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for workload in index.of(*WORKLOADS):
        phase = phase_of(workload)
        if phase is None or not workload.application:
            continue
        late = {str(one): one for one in _needs(index, workload) if _is_later(one, workload, phase)}
        if not late:
            continue
        names = ", ".join(late)
        whole = {phase_of(one) for one in late.values()}
        when = f"with {_name(max(whole, key=_number))}" if whole != {phase} else "with a later wave of it"
        message = f"{workload} runs in {phase}, and needs {names}, which come{'s' * (len(late) == 1)} {when}"
        fix = f"give {names} the annotation {HOOK}: {phase} and a sync-wave below {workload.wave}"
        if any(one.kind == "ServiceAccount" for one in late.values()):
            fix += ", and its Role and RoleBinding, too"
        level: Severity | None = None
        if all(one.kind == "Namespace" for one in late.values()):
            maker = _says(index, context, workload.namespace)
            level = "warning" if maker else None
            message += f"; {maker} names that Namespace, so its operator may have created it" if maker else ""
        yield problem(
            TOO_EARLY, workload, message, "metadata", "annotations", _key(workload), fix=fix, level=level
        )


def _says(index: Index, context: ClusterContext, namespace: str) -> Resource | None:
    """A custom object with a field that says which namespace its operator works in."""
    for known in (index, context.public):
        for resource in known.resources:
            custom = "." in resource.kind.partition(".")[2] and not resource.kind.endswith(
                (".k8s.io", ".argoproj.io")
            )
            if custom and any(
                value == namespace and re.search(r"namespace$", name, re.IGNORECASE)
                for name, value in leaves(resource.spec)
            ):
                return resource
    return None


def phase_of(resource: Resource) -> str | None:
    """The first phase that a hook runs in; None if it is not a hook, or one for failures or deletions."""
    own = str(resource.annotations.get(HOOK) or "")
    names = [part.strip() for part in own.split(",")] if own else []
    if not names:
        helm = str(resource.annotations.get(_HELM) or "")
        names = [_OF_HELM.get(part.strip(), "") for part in helm.split(",")] if helm else []
    found = [name for name in names if name in _PHASES]
    return min(found, key=_number) if found else None


def _key(resource: Resource) -> str:
    return HOOK if HOOK in resource.annotations else _HELM


def _number(phase: str | None) -> int:
    return _PHASES[phase or "Sync"]


def _name(phase: str | None) -> str:
    return phase or "Sync"


def _is_later(target: Resource, hook: Resource, phase: str) -> bool:
    """Whether the same Application applies it after the hook has run."""
    if target.application != hook.application or target is hook:
        return False
    other = phase_of(target)
    if other is None and (HOOK in target.annotations or _HELM in target.annotations):
        return False  # Skip, SyncFail, a test: irrelevant to the first sync
    if _number(other) != _PHASES[phase]:
        return _number(other) > _PHASES[phase]
    return other is not None and target.wave > hook.wave


def _needs(index: Index, workload: Resource) -> Iterator[Resource]:
    """What the hook's pods need to start, as far as it is in Git."""
    for use in references(workload):
        if use.optional:
            continue
        found = index.get(use.kind, workload.namespace, use.name)
        if found is not None:
            yield found
        elif use.kind == "Secret":
            yield from made_secrets.makers(index, workload.namespace, use.name)
    namespace = index.get("Namespace", "", workload.namespace)
    application = index.applications.get(workload.application)
    if namespace is not None and application is not None and not creates_namespace(application):
        yield namespace
