"""Pure: what `init` will do, from the settings and the current state of Git and the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import RefusedError
from bootstrap.git.changes import RepositoryState
from bootstrap.init.plan_layout import Desired
from bootstrap.kube.state import Preview
from bootstrap.layout import asked_secrets, permitted
from bootstrap.layout.settings import Settings
from bootstrap.plan.steps import (
    EnsureDeployKey,
    EnsureRepository,
    EnsureSecret,
    EnsureWebhook,
    Plan,
    PushFiles,
    ServerSideApply,
    Step,
    WaitFor,
)
from bootstrap.providers import WEBHOOK_KEYS

ARGOCD_MANAGER = "argocd-controller"
"""The field manager with which Argo CD syncs."""
_ARGOCDS_OWN = frozenset({"argocd", "argocd-server", "argocd-application-controller"})


@dataclass(frozen=True)
class ClusterPlan:
    """The input of the cluster part; previews are in the order in which they are applied."""

    argocd: Sequence[Preview] = ()
    projects: Sequence[Preview] = ()
    root: Sequence[Preview] = ()
    secrets: Sequence[EnsureSecret] = ()
    deploy_key: EnsureDeployKey | None = None
    webhook: EnsureWebhook | None = None
    force_conflicts: bool = False
    wait: WaitFor | None = None
    repo_url: str = ""
    """What the cluster follows."""


def secrets(
    tree: Mapping[str, bytes],
    settings: Settings,
    git_secret: EnsureSecret | None,
    webhook_key: str | None = None,
) -> list[EnsureSecret]:
    """Every Secret that enabled components need: Argo CD's own, the repository's, the apps'.

    An adopted Argo CD only gets the `webhook_key` for which a webhook is created.
    """
    if settings.adopted:
        keys = [(webhook_key,)] if webhook_key else []
        wanted = [
            EnsureSecret(settings.argocd_namespace, "argocd-secret", generate=generate) for generate in keys
        ]
    else:
        wanted = [
            EnsureSecret(settings.argocd_namespace, "argocd-redis", generate=("auth",)),
            EnsureSecret(settings.argocd_namespace, "argocd-secret", generate=WEBHOOK_KEYS),
        ]
    if git_secret:
        wanted.append(git_secret)
    return wanted + [
        EnsureSecret(one.namespace, one.name, one.generate, literals=one.literals, asked_by=one.asked_by)
        for one in asked_secrets.asked(tree, settings)
    ]


def plan(
    repo: RepositoryState,
    desired: Desired,
    cluster: ClusterPlan | None,
    repo_only: bool = False,
    review: str = "",
) -> Plan:
    """Git before cluster, the root Application last; steps that would change nothing are omitted.

    With `review`, the changes are proposed from that branch, and the cluster waits for the merge.
    """
    steps: list[Step] = []
    if not repo.exists:
        steps.append(EnsureRepository(repo.url, repo.branch))
    if desired.commits:
        steps.append(PushFiles(repo.url, repo.branch, desired.commits, repo.tip, review))
    if cluster and not repo_only and not (review and desired.commits):
        steps.extend(_cluster_steps(cluster))
    return Plan(tuple(steps), desired.notes)


def _cluster_steps(cluster: ClusterPlan) -> list[Step]:
    steps: list[Step] = []
    force = cluster.force_conflicts
    if objects := _to_apply(cluster.argocd, force):
        steps.append(ServerSideApply("Argo CD", objects, force))
    steps.extend(cluster.secrets)
    if cluster.deploy_key:
        steps.append(cluster.deploy_key)
    if cluster.webhook:
        steps.append(cluster.webhook)
    if objects := _to_apply(cluster.projects, force, cluster.repo_url):
        steps.append(ServerSideApply("AppProjects", objects, force, (ARGOCD_MANAGER,)))
    if objects := _to_apply(cluster.root, force):
        steps.append(ServerSideApply("the root Application", objects, force))
    if cluster.wait:
        steps.append(cluster.wait)
    return steps


def _to_apply(previews: Sequence[Preview], force: bool, repo_url: str = "") -> tuple[Any, ...]:
    """What is left to apply. Fields that Argo CD itself has set are left to its next sync.

    Unless it cannot sync: an AppProject that does not permit the repository, as a late sync of the repository
    before has left it, keeps Argo CD from reading there how it should be.
    """
    if not force:
        previews = [
            one for one in previews if not _is_argocds(one) or (repo_url and _is_kept_out(one, repo_url))
        ]
    conflicts = [one for one in previews if one.change == "conflict" and not _is_argocds(one)]
    if conflicts and not force:
        lines = [
            f"{preview.object}: {conflict.field} (owned by {conflict.manager})"
            for preview in conflicts
            for conflict in preview.conflicts
        ]
        raise RefusedError(
            "applying with field manager bootstrap",
            "other managers own fields with other values:\n    " + "\n    ".join(lines),
            "change them in Git to the live values, or take them over with --force-conflicts",
        )
    return tuple(preview.object for preview in previews if preview.change != "same")


def _is_kept_out(project: Preview, repo_url: str) -> bool:
    """Whether the live project does not permit the repository, and the wanted one does."""
    return permitted.permits(project.after or {}, repo_url) and not permitted.permits(
        project.before or {}, repo_url
    )


def _is_argocds(preview: Preview) -> bool:
    """Whether Argo CD set it from Git, or it is Argo CD's project `default`, created when Argo CD starts."""
    managers = {conflict.manager for conflict in preview.conflicts}
    item = preview.object
    own = _ARGOCDS_OWN if (item.kind, item.name) == ("AppProject", "default") else frozenset()
    return preview.change == "conflict" and managers <= {ARGOCD_MANAGER, *own}
