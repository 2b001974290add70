"""An upgrade of a remote branch: pushed to it, or proposed by a pull request; conflicts on a separate branch.

Open conflicts are on a branch of their own, so that merging it is a real git conflict: its base is
in the branch's history, with each file as both sides last had it. It is kept and reported at every run
until someone has merged it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from bootstrap import kube, providers
from bootstrap.argocd import home
from bootstrap.argocd import wait as wait_for
from bootstrap.core.errors import ExitStatus, InputError, StalePlan
from bootstrap.core.names import RECORD, REVIEW_TRAILER
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.edit.access import open_branch
from bootstrap.git import credential as git_credential
from bootstrap.git.changes import Commit
from bootstrap.git.commit import with_trailers
from bootstrap.git.identity import Identity, identity
from bootstrap.git.remote import Credential, Remote, open_remote
from bootstrap.init import observe_repository
from bootstrap.init.preflight import Finding
from bootstrap.layout import files as layout
from bootstrap.plan.handlers import Session, with_parent
from bootstrap.providers import PullRequest, PullRequestSpec
from bootstrap.upgrade import answer, argocd_minors, checks, conflicts, proposal, stages
from bootstrap.upgrade.proposal import Proposal
from bootstrap.upgrade.request import Request

_TRIES = 3


@dataclass
class Acting:
    """One run's access to the remote, and what it has done there."""

    session: Session
    credential: Credential
    author: Identity | None = None
    cluster: kube.Cluster | None = None
    pushed: str | None = None
    requests: list[PullRequest] = field(default_factory=list)
    conflicts: str = ""
    """The branch with the open conflicts."""
    agreed: bool = False


def upgrade(request: Request, output: Output) -> int:
    """Run stage by stage, as far as one run can go; returns the exit status."""
    url, branch, under = _meant(request, output)
    credential = git_credential.read(request.access, output.invocation, url)
    with ExitStack() as stack:
        remote = stack.enter_context(open_remote(url, branch, credential, output.invocation))
        acting = Acting(Session(remote, output.invocation, sign=request.sign), credential)
        tries = 0
        while True:
            found = stages.first(remote, under, request, output, left_to_git=False)
            if request.dry_run:
                return answer.show_only(found, output)
            try:
                if found.desired.commits or found.desired.sides:
                    _stage(found, acting, request, output)
                elif request.argocd and request.push:
                    _reach_cluster(found, acting, request, output)
                    answer.execute([_waiting(found, acting, request, output)], output)
            except StalePlan:
                tries += 1
                if tries >= _TRIES:
                    raise
                output.warn("the branch has moved in the meantime: reading it again")
                continue
            if not found.desired.commits or request.pr or request.argocd is None:
                return _end(found, acting, request, output)


def _meant(request: Request, output: Output) -> tuple[str, str | None, str]:
    """The repository's URL, the branch (None: the default one) and the layout's folder in it."""
    access = request.access
    if access.repo:
        return access.repo, access.branch, (access.path or "").strip("/")
    with open_branch(access, output) as (branch, under):
        return branch.shown, branch.branch, under


def _stage(found: Proposal, acting: Acting, request: Request, output: Output) -> None:
    before, desired = found.before, found.desired
    url, branch = before.repo.url, before.repo.branch
    if acting.session.provider is None:
        known = providers.get if request.pr else providers.find
        acting.session.provider = known(url, acting.credential, output.invocation)
    if request.context or (found.argocd and not request.pr):
        _reach_cluster(found, acting, request, output)
    if not acting.agreed or found.argocd:
        answer.agree(found, request, output, _refused(found, acting, request))
        acting.agreed = True
    acting.author = acting.author or identity(output.invocation, request.author)
    made = _Made(found, acting, request)
    steps: list[answer.Step] = []
    if acting.cluster is not None and found.argocd:
        # First, what an interrupted run has begun, or the minor before, must finish.
        steps.append(_waiting(found, acting, request, output))
        manifest = desired.tree[before.prefix + layout.MANIFEST]
        cluster = acting.cluster
        crds = lambda: _crds(cluster, manifest, output)  # noqa: E731
        steps.append((f"apply the CRDs of Argo CD {found.argocd}", crds))
    if desired.commits or made.needs_base:
        what = f"{counted(len(found.changes), 'file')} to {branch} of {url}"
        steps.append((f"propose {what}" if request.pr else f"push {what}", made.push))
    if desired.sides:
        steps.append((f"push {counted(len(desired.sides), 'conflict')} to {made.conflicts_head}", made.open))
    if request.pr:
        steps.append(("open or update the pull request", made.ask))
    answer.execute(steps, output)


def _refused(found: Proposal, acting: Acting, request: Request) -> tuple[Finding, ...]:
    """What prevents a push: protection of the branch, and what would stop working."""
    if request.pr:
        return ()
    notes = list(found.notes)
    if acting.cluster is not None:
        live = kube.list_objects(acting.cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
        notes += checks.stored_versions(live, found.difference.after.values())
    findings = [
        Finding(one.found, f"{one.fix}; a pull request (--pr) shows it to the reviewers")
        for one in notes
        if one.fatal
    ]
    if refusal := observe_repository.push_refusal(acting.session, found.before.repo):
        place = f"{found.before.repo.branch} of {found.before.repo.url}"
        findings.append(
            Finding(f"a push to {place} is refused: {refusal}", "use --pr, which opens a pull request")
        )
    return tuple(findings)


class _Made:
    """The commits of one stage, made when they are first needed."""

    def __init__(self, found: Proposal, acting: Acting, request: Request) -> None:
        self._found, self._acting, self._request = found, acting, request
        self._remote: Remote = acting.session.remote
        folder = found.before.settings.path.replace("/", "-")
        self.head = f"bootstrap/upgrade{f'-{folder}' if folder else ''}"
        self.conflicts_head = f"{self.head}-conflicts"
        self._base = ""
        sides = found.desired.sides
        if sides:
            self._base = self._remote.find_trailer(conflicts.TRAILER, conflicts.digest(sides)) or ""
        self.needs_base = bool(sides) and not self._base
        self._record = found.desired.tree[found.before.prefix + RECORD]

    def push(self) -> None:
        """Push the stage's commits to the branch or to the proposed one."""
        before, acting = self._found.before, self._acting
        catalog = before.previous.record.catalog_commit
        beside: str | None = None
        last = None
        for commit in self._found.desired.commits:
            if commit.separate:
                catalog = beside = self._commit(with_parent(commit, before.tip), commit.onto)
            else:
                last = commit
        record = self._record.replace(b"0" * 40, catalog.encode())
        if self.needs_base:
            base = conflicts.base_commit(self._found.desired, record, before.prefix, catalog)
            beside = self._base = self._commit(base, catalog)
        self._record = record
        if last is None:
            subject = f"Keep {counted(len(self._found.desired.sides), 'open conflict')} for git"
            last = conflicts.empty(f"{subject}\n\nBy `bootstrap upgrade`.\n")
        content = with_parent(last, catalog if beside else before.tip)
        if self._request.pr:
            trailer = f"{REVIEW_TRAILER}: {self.head}"
            content = replace(content, message=with_trailers(content.message, [trailer]))
        made = self._commit(content, before.tip, beside)
        if self._request.pr:
            self._remote.replace_branch(made, self.head, f"{REVIEW_TRAILER}: {self.head}")
        else:
            self._remote.push(made, before.tip)
        acting.pushed = made

    def open(self) -> None:
        """Push the branch whose merge is the conflict."""
        trailer = f"{REVIEW_TRAILER}: {self.conflicts_head}"
        commit = conflicts.theirs_commit(
            self._found.desired, self._record, self._found.before.prefix, self._found.catalog
        )
        commit = replace(commit, message=with_trailers(commit.message, [trailer]))
        made = self._commit(commit, self._base, head=self.conflicts_head)
        self._remote.replace_branch(made, self.conflicts_head, trailer)
        self._acting.conflicts = self.conflicts_head

    def ask(self) -> None:
        """Open a pull request for the stage; once that is in the branch, one for the conflicts."""
        provider, before = self._acting.session.provider, self._found.before
        assert provider is not None  # noqa: S101 - found before the first step
        if self._acting.pushed:
            title = self._found.subject or f"Upgrade with catalog {self._found.catalog}"
            text = proposal.body(self._found, self._acting.conflicts)
            spec = PullRequestSpec(self.head, before.repo.branch, title, text)
        else:
            title = f"Open conflicts with catalog {self._found.catalog}"
            spec = PullRequestSpec(
                self.conflicts_head, before.repo.branch, title, proposal.body(self._found, "")
            )
        self._acting.requests.append(provider.pull_request(before.repo.url, spec))

    def _commit(self, commit: Commit, parent: str | None, merged: str | None = None, head: str = "") -> str:
        author = self._acting.author
        assert author is not None  # noqa: S101 - known before the first step
        sign, proposal = self._request.sign, self.head if self._request.pr else ""
        return self._remote.commit(
            parent, commit, author, sign=sign, merged=merged, proposal=head or proposal
        )


def _reach_cluster(found: Proposal, acting: Acting, request: Request, output: Output) -> None:
    """Connect to the cluster whose Argo CD is upgraded; RefusedError if it follows another layout."""
    if acting.cluster is None:
        acting.cluster = home.connect(output.invocation, request.context)
    clusters = found.before.clusters()
    name = request.cluster or next(iter(clusters))
    if name not in clusters or (request.cluster is None and len(clusters) > 1):
        hint = f"name the one of this context with --cluster: {', '.join(clusters)}"
        raise InputError("choosing the cluster", f"the layout has {counted(len(clusters), 'cluster')}", hint)
    argocd_minors.check_follows(acting.cluster, clusters[name], _root(found, name))


def _root(found: Proposal, cluster: str) -> str:
    from bootstrap.manifests.reader import documents

    path = f"{found.before.clusters()[cluster].folder}/root.yaml"
    for item in documents(found.before.repo.files.get(path, b""), path):
        return str(item["metadata"]["name"])
    return "root"


def _crds(cluster: kube.Cluster, manifest: bytes, output: Output) -> None:
    argocd_minors.apply_crds(cluster, manifest, output.detail)


def _waiting(found: Proposal, acting: Acting, request: Request, output: Output) -> answer.Step:
    """The step that waits until the cluster runs what the branch says now."""
    name = request.cluster or next(iter(found.before.clusters()))

    def wait() -> None:
        assert acting.cluster is not None  # noqa: S101 - planned only with a cluster
        wait_for(
            acting.cluster,
            _root(found, name),
            found.before.tip,
            request.timeout,
            output.info,
            namespace=acting.cluster.argocd_namespace,
            descends=acting.session.remote.descends,
        )

    version = found.before.previous.record.argocd_version
    return f"wait until everything is Synced and Healthy with Argo CD {version}", wait


def _end(found: Proposal, acting: Acting, request: Request, output: Output) -> int:
    opened = found.desired.conflicts
    if not (acting.pushed or acting.requests or acting.conflicts):
        return answer.nothing(found, output)
    text = [f"pull request: {one.url}" for one in acting.requests]
    if acting.pushed and not request.pr:
        made = acting.pushed
        text.append(f"pushed {made[:12]} to {found.before.repo.branch}; to undo: git revert -m 1 {made[:12]}")
    if acting.requests:
        text.append("once it is merged, run the same command again")
    text += [f"conflict  {one.path}: {one.reason.value}" for one in opened]
    if acting.conflicts:
        text.append(
            f"{counted(len(opened), 'conflict')} open: `git fetch && git merge origin/{acting.conflicts}` "
            "shows both sides (git mergetool), and the merge closes them"
        )
    data = {
        **proposal.data(found),
        "commit": acting.pushed,
        "requests": [{"url": one.url, "number": one.number} for one in acting.requests],
        "conflictsBranch": acting.conflicts or None,
    }
    output.result(data, "\n".join(text))
    return ExitStatus.NO if opened else ExitStatus.OK
