"""What `bootstrap image set` does: find the images, decide what changes, write or push it, report it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.edit.access import Access, open_branch, open_tree
from bootstrap.edit.files import Files
from bootstrap.edit.push import Draft, push
from bootstrap.git import credential
from bootstrap.git.branch import Branch
from bootstrap.git.commit import with_trailers
from bootstrap.git.identity import Identity, identity
from bootstrap.image import wanted as image_wanted
from bootstrap.image.conditions import ConditionChecks, Conditions
from bootstrap.image.wanted import Wanted

if TYPE_CHECKING:  # what plans and renders takes long to import: `_load` does, while git waits for the host
    from bootstrap.edit.requests import Group
    from bootstrap.edit.review import Review
    from bootstrap.image import plan as plans
    from bootstrap.image import show
    from bootstrap.image.ask_kustomize import ByKustomize
    from bootstrap.image.render import Renders
    from bootstrap.providers import Provider


@dataclass(frozen=True)
class CommitOptions:
    """How the commit is made, if one is: to the branch (`push`), or by `review`."""

    push: bool = False
    message: str | None = None
    author: str | None = None
    sign: bool = False
    signoff: bool = False
    dry_run: bool = False
    timeout: float = 300.0
    via: Literal["git", "api"] = "git"
    review: Review | None = None

    @property
    def commits(self) -> bool:
        """Whether a commit is made at all."""
        return self.push or self.review is not None


@dataclass(frozen=True)
class SetRequest:
    """The options of `image set`, as given; `arguments` are NAME=REFERENCE."""

    arguments: tuple[str, ...]
    access: Access
    app: str | None = None
    environment: str | None = None
    expect: str | None = None
    conditions: Conditions = field(default_factory=Conditions)
    commit: CommitOptions = field(default_factory=CommitOptions)


Planned = Callable[[str, Files, "Renders"], "plans.Request"]
"""The request, from the folder that PATH names, the files as they are, and what renders them."""


def set_images(request: SetRequest, output: Output) -> int:
    """Run `image set`; returns the exit status, raises a BootstrapError for expected failures."""
    wanted = tuple(image_wanted.parse_wanted(argument) for argument in request.arguments)
    _check_names(wanted)
    expect = image_wanted.parse_expected(request.expect) if request.expect is not None else None

    def planned(under: str, files: Files, renders: Renders) -> plans.Request:
        from bootstrap.image import plan as plans
        from bootstrap.image.search import Scope

        return plans.Request(wanted, Scope(under, request.app, request.environment), expect)

    return change(planned, request.access, request.conditions, request.commit, output)


def change(
    planned: Planned, access: Access, conditions: Conditions, options: CommitOptions, output: Output
) -> int:
    """Carry out the request, in the files or on the branch that the options name."""
    _check_options(access, options)
    checks = ConditionChecks(conditions, output)
    checks.check_time()
    if not (options.commits or access.repo):
        from bootstrap.image import show

        tree, under = open_tree(access, output.invocation)
        with tree.locked(output.info):
            renders = _renders(output.invocation)
            outcome = decide(planned(under, tree, renders), tree, checks, renders)
            if not options.dry_run:
                tree.write(outcome.files)
        return show.changed(outcome, output, dry_run=options.dry_run)
    who = _Author(options.author, output.invocation)
    asks_past = conditions.built_at is not None or conditions.only_newer
    with open_branch(access, output, asks_past=asks_past) as (branch, under):
        branch.calls.meanwhile = _load
        run = _Run(branch, planned, under, checks, options, who, output)
        if options.review is not None and not options.dry_run:
            place = _propose(run, access, output)
        else:
            place = _push(run, access, output)
    from bootstrap.image import show

    return show.changed(run.outcome(), output, dry_run=options.dry_run, place=place)


def _load() -> None:
    """Import what the plan needs."""
    from bootstrap.edit import signatures  # noqa: F401
    from bootstrap.image import ask_kustomize, plan, show  # noqa: F401


def _renders(invocation: Invocation) -> ByKustomize:
    from bootstrap.image.ask_kustomize import ByKustomize

    return ByKustomize(invocation)


class _Run:
    """One run on a branch: the plan at its tip, made again at every new tip."""

    def __init__(
        self,
        branch: Branch,
        planned: Planned,
        under: str,
        checks: ConditionChecks,
        options: CommitOptions,
        who: _Author,
        output: Output,
    ) -> None:
        self.branch = branch
        self.options = options
        self.who = who
        self._output = output
        self._planned = planned
        self._under = under
        self.checks = checks
        self.message = ""
        self.request: plans.Request | None = None
        self._outcome: plans.Outcome | None = None

    def draft(self) -> Draft:
        from bootstrap.edit import signatures

        self.request = self._planned(self._under, self.branch, self.renders)
        self._outcome = self.decide(self.request, self.branch, self.checks)
        if self.options.dry_run or not self._outcome.files:
            return Draft((), "")
        options = self.options
        by_host, here = options.via == "api", self.branch.is_here
        signatures.check(
            self.branch, self._outcome.files, self._output, sign=options.sign, by_host=by_host, projects=here
        )
        self.message = _message(self._outcome, self.checks.conditions, self.options, self.who)
        return Draft(self._outcome.files, self.message)

    def decide(self, request: plans.Request, files: Files, checks: ConditionChecks) -> plans.Outcome:
        return decide(request, files, checks, self.renders)

    @cached_property
    def renders(self) -> ByKustomize:
        """One for the whole run, which keeps what it has rendered."""
        return _renders(self.who.invocation)

    def decided(self) -> tuple[plans.Request, plans.Outcome]:
        assert self.request is not None  # noqa: S101 - a run drafts before it is pushed
        return self.request, self.outcome()

    def outcome(self) -> plans.Outcome:
        assert self._outcome is not None  # noqa: S101 - a run drafts before it ends
        return self._outcome


def _push(run: _Run, access: Access, output: Output) -> show.Place:
    from bootstrap.image import show

    branch, options = run.branch, run.options
    publish = None
    if options.via == "api" and not options.dry_run:
        provider = _provider(branch, access, output, options.timeout)

        def publish(draft: Draft) -> str:
            return provider.commit(branch.shown, branch.branch, branch.tip, draft.changes, draft.message)

    pushed = push(
        branch,
        run.draft,
        run.who.get,
        output,
        options.timeout,
        sign=options.sign,
        publish=publish,
        group=lambda: _group(run, access, output),
    )
    if pushed.commit and not branch.follow(pushed.commit):
        output.warn("the work tree was left as it is: git pull fetches the commit")
    return show.Place(branch.shown, branch.branch, pushed.commit, pushed.attempts)


def _group(run: _Run, access: Access, output: Output) -> Group | None:
    """The group of runs that may push this change together with their own."""
    from bootstrap.image.group_push import group_for

    decided = run.decided()
    known = credential.read(access, output.invocation, access.repo)
    return group_for(run.branch, known, run.checks, decided, run.message, run.decide, output)


def _propose(run: _Run, access: Access, output: Output) -> show.Place:
    from bootstrap.edit.review import propose
    from bootstrap.image import show
    from bootstrap.image.search import branch_name

    branch, review = run.branch, run.options.review
    assert review is not None  # noqa: S101 - the caller checks it
    provider = _provider(branch, access, output, run.options.timeout)

    def head() -> str:
        request = run.request
        assert request is not None  # noqa: S101 - drafted before it is proposed
        return review.branch or branch_name([item.name for item in request.wanted], request.scope)

    options, author = run.options, run.who.get
    proposed = propose(
        branch, run.draft, head, review, author, provider, output, options.timeout, sign=options.sign
    )
    if proposed is None:
        return show.Place(branch.shown, branch.branch, None, 1)
    found = proposed.request
    return show.Place(branch.shown, proposed.branch, proposed.commit, 1, found.url, found.created)


def _provider(branch: Branch, access: Access, output: Output, seconds: float) -> Provider:
    from bootstrap import providers

    known = credential.read(access, output.invocation, access.repo)
    return providers.get(branch.shown, known, output.invocation, seconds)


def decide(request: plans.Request, files: Files, checks: ConditionChecks, renders: Renders) -> plans.Outcome:
    """The plan, after what registries and history say about it."""
    from bootstrap.image import plan as plans

    checks.begin()
    outcome = plans.plan(request, files, checks.pins, renders=renders)
    while True:
        known = (dict(checks.pins), dict(checks.keep))
        checks.run(outcome, files)
        if (checks.pins, checks.keep) == known:
            return outcome
        outcome = plans.plan(request, files, checks.pins, checks.keep, renders)


class _Author:
    """The author of the commit, determined once and only when a commit is made."""

    def __init__(self, override: str | None, invocation: Invocation) -> None:
        self._override = override
        self.invocation = invocation
        self._known: Identity | None = None

    def get(self) -> Identity:
        if self._known is None:
            self._known = identity(self.invocation, self._override or _configured(self.invocation))
        return self._known


def _configured(invocation: Invocation) -> str | None:
    """git's configured identity in one call, which is faster than the two of git/identity.py."""
    if all(invocation.environ.get(f"GIT_AUTHOR_{key}") for key in ("NAME", "EMAIL")):
        return None
    from pathlib import Path

    from bootstrap.git import auth
    from bootstrap.git import run as git_process

    environ = auth.plain_environment(invocation.environ)
    answer = git_process.run(("config", "--get-regexp", r"^user\.(name|email)$"), Path.cwd(), environ)
    found = dict(line.partition(" ")[::2] for line in answer.text.splitlines())
    name = invocation.environ.get("GIT_AUTHOR_NAME") or found.get("user.name")
    email = invocation.environ.get("GIT_AUTHOR_EMAIL") or found.get("user.email")
    return f"{name} <{email}>" if name and email else None


def _check_names(wanted: Sequence[Wanted]) -> None:
    tried = "reading the arguments"
    names = [item.name for item in wanted]
    if not names:
        raise InputError(tried, "no image is named", "give NAME=REFERENCE, such as web=:v1.2.0")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(tried, f"{twice[0]} appears twice", "name it once")


def _check_options(access: Access, options: CommitOptions) -> None:
    tried = "reading the options"
    if options.push and options.review:
        raise InputError(tried, "--push and --pr cannot be combined", "give one of them")
    if access.repo and not (options.commits or options.dry_run):
        hint = "add --push or --pr, or --dry-run to preview"
        raise InputError(tried, "--repo without --push would change nothing", hint)
    if not options.commits and (options.message or options.author or options.sign or options.signoff):
        found = "--message, --author, --sign and --signoff describe a commit, but none is made"
        raise InputError(tried, found, "add --push or --pr")
    if options.via == "api" and (not options.push or options.author or options.sign):
        found = "the host makes such a commit, as the token's user and with the host's signature"
        raise InputError(tried, found, "give --via api with --push, without --author and --sign")


def _message(outcome: plans.Outcome, conditions: Conditions, options: CommitOptions, who: _Author) -> str:
    """The commit's message with its trailers."""
    from bootstrap.image import plan as plans

    trailers = [conditions.trailers()]
    if options.signoff:
        trailers.append(f"Signed-off-by: {who.get()}")
    return with_trailers(options.message or plans.message(outcome), trailers)
