"""One function per step type: calls the package that does it, returns whether anything changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bootstrap import argocd, kube
from bootstrap.argocd.status import Status
from bootstrap.core.errors import FieldsOwned, NotFound
from bootstrap.core.invocation import Invocation
from bootstrap.core.names import RECORD, REVIEW_TRAILER
from bootstrap.git.changes import PARENT_COMMIT, Commit
from bootstrap.git.commit import with_trailers
from bootstrap.git.remote import Identity, Remote
from bootstrap.plan.execute import Handler
from bootstrap.plan.steps import (
    EnsureDeployKey,
    EnsureRepository,
    EnsureSecret,
    EnsureWebhook,
    PushFiles,
    ServerSideApply,
    WaitFor,
)
from bootstrap.providers import Provider, PullRequest, PullRequestSpec

ARGOCD_SECRET = "argocd-secret"  # noqa: S105 - an object's name


@dataclass
class Session:
    """What the handlers act on. `credentials` are named values, held in memory only.

    `report` gets progress, `detail` frequent progress, `show` the Applications that are awaited.
    """

    remote: Remote
    invocation: Invocation
    author: Identity | None = None
    sign: bool = False
    cluster: kube.Cluster | None = None
    provider: Provider | None = None
    credentials: Mapping[str, bytes] = field(default_factory=dict)
    report: Callable[[str], None] = lambda _: None
    detail: Callable[[str], None] = lambda _: None
    show: Callable[[Status], None] = lambda _: None
    pushed: str | None = None
    request: PullRequest | None = None
    status: Status | None = None


def handlers_for(session: Session) -> dict[type, Handler]:
    """The handlers of every step that `init` plans, bound to one session."""
    return {
        EnsureRepository: lambda step: _ensure_repository(session, step),
        PushFiles: lambda step: _push(session, step),
        ServerSideApply: lambda step: _apply(session, step),
        EnsureSecret: lambda step: _ensure_secret(session, step),
        EnsureWebhook: lambda step: _ensure_webhook(session, step),
        EnsureDeployKey: lambda step: _ensure_deploy_key(session, step),
        WaitFor: lambda step: _wait(session, step),
    }


def secret_is_as_wanted(cluster: kube.Cluster, step: EnsureSecret, credentials: Mapping[str, bytes]) -> bool:
    """Whether the Secret already has every key (and, for given values, those values) and label."""
    import base64

    found = kube.get(cluster, "v1", "Secret", step.namespace, step.name)
    if found is None:
        return False
    data = found.get("data") or {}
    labels = found["metadata"].get("labels") or {}
    given = _given(step, credentials)
    if step.asked_by:
        given = kube.left_to_set(found, given)
    values = {key: base64.b64encode(value).decode() for key, value in given.items()}
    return (
        all(data.get(key) for key in step.generate)
        and all(data.get(key) == value for key, value in values.items())
        and all(labels.get(key) == value for key, value in step.labels)
    )


def secret_value(cluster: kube.Cluster, namespace: str, name: str, key: str) -> str:
    """One value of a Secret; "" when it does not exist."""
    import base64

    found = kube.get(cluster, "v1", "Secret", namespace, name) or {}
    return base64.b64decode((found.get("data") or {}).get(key, "")).decode()


def _ensure_repository(session: Session, step: EnsureRepository) -> bool:
    if session.provider is None:
        raise NotFound(
            "creating a repository", f"no known Git host at {step.url}", "create the repository there"
        )
    return session.provider.create_repository(step.url, private=True, default_branch=step.default_branch)


def _push(session: Session, step: PushFiles) -> bool:
    assert session.author is not None  # noqa: S101 - gather never plans a push without an author
    tip, separate = step.expect, None
    trailer = f"{REVIEW_TRAILER}: {step.review}"
    # What is proposed already stays: a request that nothing changed gets no new commit.
    make = partial(session.remote.commit, author=session.author, sign=session.sign, proposal=step.review)
    for commit in step.commits:
        content = with_parent(commit, separate or tip)
        if step.review and not commit.separate:
            content = replace(content, message=with_trailers(content.message, [trailer]))
        if commit.separate:
            separate = make(commit.onto, content)
            continue
        tip = make(tip, content, merged=separate)
        separate = None
    assert tip is not None  # noqa: S101 - a push has at least one commit
    if step.review:
        session.remote.replace_branch(tip, step.review, trailer)
        assert session.provider is not None  # noqa: S101 - a review is planned only where there is a host
        title, _, body = step.commits[-1].message.strip().partition("\n")
        spec = PullRequestSpec(step.review, step.branch, title, body.strip())
        session.request = session.provider.pull_request(step.url, spec)
    else:
        session.remote.push(tip, step.expect)
    session.pushed = tip
    return True


def with_parent(commit: Commit, parent: str | None) -> Commit:
    """The commit with PARENT_COMMIT in the layout's record replaced by the id of the commit before."""
    changes = tuple(
        replace(change, content=change.content.replace(PARENT_COMMIT.encode(), (parent or "").encode()))
        if change.content and change.path.rpartition("/")[2] == RECORD
        else change
        for change in commit.changes
    )
    return replace(commit, changes=changes)


def _apply(session: Session, step: ServerSideApply) -> bool:
    cluster = cluster_of(session)
    namespace = cluster.argocd_namespace
    try:
        done = kube.apply(cluster, step.objects, step.force_conflicts, session.detail, namespace, step.over)
    except FieldsOwned as error:  # since the plan was made, which refuses what is there before
        error.hint += "; what is done already stays, and the next run goes on from there"
        raise
    return any(item.changed for item in done)


def _ensure_secret(session: Session, step: EnsureSecret) -> bool:
    data = _given(step, session.credentials)
    return kube.ensure_secret(
        cluster_of(session),
        step.namespace,
        step.name,
        data=data,
        generate=step.generate,
        labels=dict(step.labels),
        only_own=bool(step.asked_by),
    )


def _ensure_webhook(session: Session, step: EnsureWebhook) -> bool:
    assert session.provider is not None  # noqa: S101 - planned only where the host's API is known
    cluster = cluster_of(session)
    value = secret_value(cluster, cluster.argocd_namespace, ARGOCD_SECRET, session.provider.webhook_key)
    return session.provider.ensure_webhook(step.repository, step.url, value)


def _ensure_deploy_key(session: Session, step: EnsureDeployKey) -> bool:
    from bootstrap.git import ssh_keys

    assert session.provider is not None  # noqa: S101 - planned only where the host's API is known
    private = secret_value(cluster_of(session), step.namespace, step.secret, "sshPrivateKey")
    public = ssh_keys.public_of(private)
    title = f"{step.title} ({ssh_keys.fingerprint(public)})"  # a host accepts a title only once
    return session.provider.ensure_deploy_key(step.repository, title, public)


def _wait(session: Session, step: WaitFor) -> bool:
    revision = session.pushed or step.revision
    session.status = argocd.wait(
        cluster_of(session),
        step.root,
        revision,
        step.timeout,
        session.report,
        session.show,
        step.namespace,
        descends=session.remote.descends,
    )
    return False


def cluster_of(session: Session) -> kube.Cluster:
    """The cluster of a run that has one."""
    assert session.cluster is not None  # noqa: S101 - planned only with a cluster
    return session.cluster


def _given(step: EnsureSecret, credentials: Mapping[str, bytes]) -> dict[str, bytes]:
    """The keys whose values are not random."""
    data = {key: value.encode() for key, value in step.literals}
    return data | {key: credentials[name] for key, name in step.values_from}
