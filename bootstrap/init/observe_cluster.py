"""The cluster's side of `init`: the desired objects and Secrets, and which of them exist."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap import kube
from bootstrap.argocd.credential import secret_name
from bootstrap.core.errors import InputError
from bootstrap.init import argocd_objects, credentials, deploy_key, trust
from bootstrap.init import plan as plans
from bootstrap.init.credentials import ForArgoCD
from bootstrap.init.observe_repository import RepositoryView
from bootstrap.init.plan import ClusterPlan
from bootstrap.init.request import Request
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.plan import handlers
from bootstrap.plan.handlers import Session
from bootstrap.plan.steps import EnsureSecret, EnsureWebhook, WaitFor
from bootstrap.providers.webhooks import WEBHOOK_PATH


def observe(
    request: Request, session: Session, for_argocd: ForArgoCD, view: RepositoryView
) -> tuple[ClusterPlan, tuple[str, ...]]:
    """What is left to do in the cluster, with the API server's preview of each object; and notes about it."""
    cluster = handlers.cluster_of(session)
    settings, tree = view.settings, view.desired.tree
    namespace = settings.argocd_namespace
    notes: list[str] = []
    argocd: Sequence[ClusterObject] = ()
    if settings.adopted:
        notes.append(
            "Argo CD's installation and settings stay as they are: sync waves wait for each other only if "
            "its argocd-cm has a health check for Applications"
        )
    else:
        rendered = argocd_objects.render(tree, settings)
        argocd = trust.added(rendered.objects, request, session, settings.repo_url)
        notes += [f"left to Argo CD, once it manages itself: {what}" for what in rendered.unknown]
    projects = _objects(view, "projects.yaml")
    root = _objects(view, "root.yaml")
    objects = [*argocd, *projects, *root]
    quick = not request.dry_run  # a real run finds out when it creates the objects
    previews = kube.preview(cluster, objects, request.force_conflicts, namespace, quick, refuse_deleted=True)
    git_secret = credentials.repository_secret(settings.repo_url, for_argocd, namespace)
    if git_secret and not _asks_for_credential(request) and _has_own_credential(cluster, git_secret):
        if not handlers.secret_is_as_wanted(cluster, git_secret, session.credentials):
            notes.append(
                f"Argo CD keeps its credential (Secret {namespace}/{git_secret.name}): "
                "--argocd-token-file or --argocd-ssh-key replaces it"
            )
        git_secret = None
    webhook_key = session.provider.webhook_key if session.provider and _wants_webhook(request, view) else None
    secrets = _missing(session, plans.secrets(tree, settings, git_secret, webhook_key))
    first, last = len(argocd), len(argocd) + len(projects)
    plan = ClusterPlan(
        argocd=previews[:first],
        projects=previews[first:last],
        root=previews[last:],
        secrets=secrets,
        deploy_key=deploy_key.step(request, session, for_argocd, view.repo.url, view.repo.exists),
        webhook=_webhook(request, session, view),
        force_conflicts=request.force_conflicts,
        repo_url=settings.repo_url,
        wait=None if request.no_wait else _wait(request, view, root),
    )
    return plan, tuple(notes)


def _asks_for_credential(request: Request) -> bool:
    return bool(request.argocd_token_file or request.argocd_ssh_key or request.deploy_key)


def _has_own_credential(cluster: kube.Cluster, wanted: EnsureSecret) -> bool:
    """Whether the repository's Secret exists with a token or a key, of unknown origin."""
    found = kube.get(cluster, "v1", "Secret", wanted.namespace, wanted.name)
    data = (found or {}).get("data") or {}
    labels = ((found or {}).get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in wanted.labels) and any(
        data.get(key) for key in ("password", "sshPrivateKey", "githubAppPrivateKey", "bearerToken")
    )


def has_credential(session: Session, view: RepositoryView) -> bool:
    """Whether Argo CD has a credential for the repository already."""
    name = secret_name(view.settings.repo_url)
    return (
        kube.get(handlers.cluster_of(session), "v1", "Secret", view.settings.argocd_namespace, name)
        is not None
    )


def _objects(view: RepositoryView, name: str) -> list[ClusterObject]:
    path = f"{view.settings.folder}/{name}"
    if path not in view.desired.tree:
        raise InputError(
            f"reading cluster {view.settings.cluster}",
            f"{path} is not in the repository",
            "restore it from an earlier commit",
            path,
        )
    return split.split(view.desired.tree[path], path)


def _missing(session: Session, wanted: Sequence[EnsureSecret]) -> list[EnsureSecret]:
    """Those that do not exist in the cluster as desired."""
    cluster = handlers.cluster_of(session)

    def there(step: EnsureSecret) -> bool:
        return handlers.secret_is_as_wanted(cluster, step, session.credentials)

    with ThreadPoolExecutor(8) as pool:
        return [step for step, is_there in zip(wanted, pool.map(there, wanted), strict=True) if not is_there]


def _webhook(request: Request, session: Session, view: RepositoryView) -> EnsureWebhook | None:
    """The webhook to Argo CD's API, unless it exists with the cluster's secret."""
    if session.provider is None or not _wants_webhook(request, view):
        return None
    assert request.argocd_url is not None  # noqa: S101 - else no webhook is wanted
    step = EnsureWebhook(view.repo.url, request.argocd_url.rstrip("/") + WEBHOOK_PATH)
    cluster, key = handlers.cluster_of(session), session.provider.webhook_key
    secret = handlers.secret_value(cluster, cluster.argocd_namespace, handlers.ARGOCD_SECRET, key)
    if view.repo.exists and secret and session.provider.has_webhook(step.repository, step.url, secret):
        return None
    return step


def _wants_webhook(request: Request, view: RepositoryView) -> bool:
    """Without Argo CD's API server a webhook has nothing to call."""
    return bool(request.argocd_url) and view.settings.argocd_variant != "core"


def _wait(request: Request, view: RepositoryView, root: Sequence[ClusterObject]) -> WaitFor:
    name = next((item.name for item in root if item.kind == "Application"), "root")
    return WaitFor(name, view.settings.argocd_namespace, view.repo.tip, request.timeout)
