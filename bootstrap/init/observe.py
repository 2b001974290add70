"""What `init` reads before it changes anything: credentials, the state of Git and the cluster, the plan."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bootstrap import kube
from bootstrap.argocd import home, removal
from bootstrap.core.errors import AuthenticationFailed, BootstrapError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.git import credential as git_credential
from bootstrap.git import remote as git
from bootstrap.git.remote import Credential
from bootstrap.http.session import load
from bootstrap.init import (
    credentials,
    deploy_key,
    observe_cluster,
    observe_repository,
    preflight,
    preflight_entrances,
)
from bootstrap.init import plan as plans
from bootstrap.init.credentials import ForArgoCD
from bootstrap.init.observe_repository import RepositoryView
from bootstrap.init.request import Request
from bootstrap.kube.state import ClusterState, Preview
from bootstrap.layout import files
from bootstrap.layout.settings import ARGOCD_NAMESPACE
from bootstrap.plan.handlers import Session
from bootstrap.plan.steps import Plan

T = TypeVar("T")


@dataclass
class Connection:
    """One run's access to its repository and cluster. `acting` is what the handlers act on."""

    invocation: Invocation
    url: str
    credential: Credential
    for_argocd: ForArgoCD
    acting: Session
    stack: ExitStack
    warned: bool = False


@dataclass(frozen=True)
class Observed:
    """The state of Git and the cluster, and the desired layout; nothing prevents the run."""

    view: RepositoryView
    cluster: ClusterState | None


def connect(request: Request, url: str, output: Output, stack: ExitStack) -> Connection:
    """Read the credentials; `stack` closes what is opened. No host is contacted yet."""
    invocation = output.invocation
    git.check_url(url)
    # The URL may have been typed in after the options were read: the token is bound to its host.
    credential = git_credential.read(request, invocation, url, request.api_url)
    for_argocd = credentials.for_argocd(request, url, credential, invocation)
    remote = stack.enter_context(git.open_remote(url, request.branch, credential, invocation))
    session = Session(remote, invocation, sign=request.sign, credentials=for_argocd.named())
    return Connection(invocation, url, credential, for_argocd, session, stack)


def observe(request: Request, session: Connection, output: Output) -> Observed:
    """Read Git and the cluster in parallel; all findings that prevent the run are raised at once."""
    load()  # both sides need it
    title = "reading the repository" + ("" if request.repo_only else " and the cluster")
    if request.adopt and not request.repo_only and not request.argocd_namespace:
        request = _with_namespace(request, session)
    with output.progress(title), ThreadPoolExecutor(2) as pool:
        git_side = pool.submit(_attempt, lambda: _observe_git(request, session, output))
        cluster_side = pool.submit(_attempt, lambda: _observe_cluster(request, session))
        view, git_error = git_side.result()
        cluster, cluster_error = cluster_side.result()
    if isinstance(git_error, AuthenticationFailed) and _may_ask(session):
        _ask_token(request, session, output)
        with output.progress("reading the repository"):
            view, git_error = _attempt(lambda: _observe_git(request, session, output))
    findings = list(preflight.of_disk(_free_space(session.invocation)))
    if cluster:
        adopt = request.adopt or bool(view and view.settings.adopted)
        namespace = view.settings.argocd_namespace if view else ARGOCD_NAMESPACE
        findings += preflight.of_cluster(cluster, adopt, namespace)
        if session.acting.cluster and not cluster.missing_rights:
            findings += preflight.of_removal(removal.pending(session.acting.cluster), namespace)
    if view:
        findings += view.findings
        writes = bool(view.desired.commits) and not request.go_on  # that one never pushes
        findings += preflight.of_repository(view.repo, cluster, writes)
    if session.acting.cluster and view:
        session.acting.cluster.argocd_namespace = view.settings.argocd_namespace
    if cluster and view:
        findings += preflight.of_variant(cluster, view.settings.argocd_variant)
        offered = files.offered(view.desired.tree, view.settings)
        findings += preflight.of_doubles(cluster.provided, [name for name, one in offered.items() if one.on])
        tree, folder = view.desired.tree, view.settings.folder
        findings += preflight_entrances.of_expected(cluster.entrances, tree, folder)
        findings += preflight_entrances.of_classes(cluster.entrances, tree, folder)
        made = offered.get("local-path-storage")
        findings += preflight.of_storage_class(
            cluster.storage_classes, view.settings.storage_class, bool(made and made.on)
        )
        named = (
            request.deploy_key
            or bool(session.for_argocd.named())
            or (not cluster.missing_rights and observe_cluster.has_credential(session.acting, view))
        )
        findings += preflight.of_argocd_credential(view.settings.repo_url, named)
    preflight.refuse(findings, [error for error in (git_error, cluster_error) if error])
    assert view is not None  # noqa: S101 - without it there was an error
    if not session.warned:
        for finding in findings:
            output.warn(f"{finding.found} ({finding.fix})")
        session.warned = True
    return Observed(view, cluster)


def plan(
    request: Request, session: Connection, observed: Observed, output: Output
) -> tuple[Plan, tuple[Preview, ...]]:
    """What is left to do, and the API server's preview of every object."""
    view = observed.view
    if observed.cluster is None:
        return plans.plan(view.repo, view.desired, None, review=request.review), ()
    with output.progress("asking the cluster what would change"):
        url = view.settings.repo_url
        session.for_argocd = deploy_key.resolve_key(request, session.acting, session.for_argocd, url)
        session.acting.credentials = session.for_argocd.named()
        cluster, notes = observe_cluster.observe(request, session.acting, session.for_argocd, view)
    taken = list(
        preflight.of_root(
            cluster.root,
            view.settings.repo_url,
            view.settings.folder,
            request.force_conflicts,
            request.moves_from,
            request.renames_from,
        )
    )
    if not request.dry_run:
        preflight.refuse(taken, [])
    notes = (*(f"{one.found}; {one.fix}" for one in taken), *notes)
    desired = replace(view.desired, notes=(*view.desired.notes, *notes))
    previews = (*cluster.argocd, *cluster.projects, *cluster.root)
    return plans.plan(view.repo, desired, cluster, review=request.review), previews


def _observe_git(request: Request, session: Connection, output: Output) -> RepositoryView:
    return observe_repository.observe(request, session.acting, session.url, session.credential, output)


def _observe_cluster(request: Request, session: Connection) -> ClusterState | None:
    if request.repo_only:
        return None
    return kube.observe(_connected(request, session), session.invocation.clock)


def _connected(request: Request, session: Connection) -> kube.Cluster:
    if session.acting.cluster is None:
        session.acting.cluster = home.connect(session.invocation, request.context, request.argocd_namespace)
    return session.acting.cluster


def _with_namespace(request: Request, session: Connection) -> Request:
    """The request, with the namespace of the Argo CD that is adopted: the layout names it."""
    try:
        return replace(request, argocd_namespace=_connected(request, session).argocd_namespace)
    except BootstrapError:
        return request  # reported with all other findings


def _attempt(observe: Callable[[], T]) -> tuple[T | None, BootstrapError | None]:
    """Returns errors instead of raising them, so that both sides' findings can be reported together."""
    try:
        return observe(), None
    except BootstrapError as error:
        return None, error


def _may_ask(session: Connection) -> bool:
    http = session.url.startswith(("https://", "http://"))
    return http and session.credential.token is None and session.invocation.interactive


def _ask_token(request: Request, session: Connection, output: Output) -> None:
    token = output.ask_secret(f"Token for {session.url}")
    session.credential = replace(session.credential, token=token)
    session.for_argocd = credentials.for_argocd(request, session.url, session.credential, session.invocation)
    opened = git.open_remote(session.url, request.branch, session.credential, session.invocation)
    session.acting.remote = session.stack.enter_context(opened)
    session.acting.credentials = session.for_argocd.named()


def _free_space(invocation: Invocation) -> dict[str, int]:
    """Bytes free where this run writes; a folder that does not exist yet counts as its parent."""
    folders = [Path(invocation.environ.get("TMPDIR") or tempfile.gettempdir()), invocation.cache_dir]
    free = {}
    for folder in folders:
        there = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
        free[str(folder)] = shutil.disk_usage(there).free
    return free
