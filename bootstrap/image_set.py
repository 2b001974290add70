"""What `bootstrap image set` does: find the images, decide what changes, write or push it, say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bootstrap import image_show, images
from bootstrap.errors import InputError
from bootstrap.git_local import Identity, identity
from bootstrap.image_guard import Guard, Guards
from bootstrap.image_push import Draft, push
from bootstrap.image_source import Access, open_branch, open_tree
from bootstrap.images import Wanted
from bootstrap.images_graph import Files
from bootstrap.images_search import Scope
from bootstrap.invocation import Invocation
from bootstrap.output import Output
from bootstrap.plans import image_set as plans


@dataclass(frozen=True)
class CommitOptions:
    """How the commit is made, if one is."""

    push: bool = False
    message: str | None = None
    author: str | None = None
    sign: bool = False
    signoff: bool = False
    dry_run: bool = False
    timeout: float = 300.0


@dataclass(frozen=True)
class SetRequest:
    """The options of `image set`, as given; `arguments` are NAME=REFERENCE."""

    arguments: tuple[str, ...]
    access: Access
    app: str | None = None
    environment: str | None = None
    expect: str | None = None
    guard: Guard = field(default_factory=Guard)
    commit: CommitOptions = field(default_factory=CommitOptions)


Planned = Callable[[str, Files], plans.Request]
"""What is asked for, given the folder that PATH names and the files as they are."""


def set_images(request: SetRequest, output: Output) -> int:
    """Run `image set`; returns the exit status, raises a BootstrapError for what can be expected."""
    wanted = tuple(images.parse_wanted(argument) for argument in request.arguments)
    _check_names(wanted)
    expect = images.parse_expected(request.expect) if request.expect is not None else None

    def planned(under: str, files: Files) -> plans.Request:
        return plans.Request(wanted, Scope(under, request.app, request.environment), expect)

    return change(planned, request.access, request.guard, request.commit, output)


def change(planned: Planned, access: Access, guard: Guard, options: CommitOptions, output: Output) -> int:
    """Carry out what is asked for, in the files or on the branch that the options name."""
    _check_options(access, options)
    guards = Guards(guard, output)
    if not (options.push or access.repo):
        tree, under = open_tree(access)
        with tree.locked():
            outcome = decide(planned(under, tree), tree, guards)
            if not options.dry_run:
                tree.write(outcome.files)
        return image_show.changed(outcome, output, dry_run=options.dry_run)
    who = _Author(options.author, output.invocation)
    with open_branch(access, output) as (branch, under):
        last: list[plans.Outcome] = []

        def draft() -> Draft:
            last[:] = [decide(planned(under, branch), branch, guards)]
            if options.dry_run or not last[0].files:
                return Draft((), "")
            return Draft(last[0].files, _message(last[0], guard, options, who))

        pushed = push(branch, draft, who.get, output, options.timeout, sign=options.sign)
        if pushed.commit and not branch.follow(pushed.commit):
            output.warn("the work tree was left as it is: git pull brings the commit into it")
        place = image_show.Place(branch.shown, branch.branch, pushed.commit, pushed.attempts)
    return image_show.changed(last[0], output, dry_run=options.dry_run, place=place)


def decide(request: plans.Request, files: Files, guards: Guards) -> plans.Outcome:
    """The plan, after what registries and history say about it."""
    guards.begin()
    outcome = plans.plan(request, files, guards.pins)
    while True:
        known = (dict(guards.pins), dict(guards.keep))
        guards.look(outcome, files)
        if (guards.pins, guards.keep) == known:
            return outcome
        outcome = plans.plan(request, files, guards.pins, guards.keep)


class _Author:
    """Who commits, found out once and only when a commit is made."""

    def __init__(self, override: str | None, invocation: Invocation) -> None:
        self._override = override
        self._invocation = invocation
        self._known: Identity | None = None

    def get(self) -> Identity:
        if self._known is None:
            self._known = identity(self._invocation, self._override or _configured(self._invocation))
        return self._known


def _configured(invocation: Invocation) -> str | None:
    """git's configured identity in one call, which starts faster than git_local's two."""
    if all(invocation.environ.get(f"GIT_AUTHOR_{key}") for key in ("NAME", "EMAIL")):
        return None
    from pathlib import Path

    from bootstrap import git_auth, git_process

    environ = git_auth.plain_environment(invocation.environ)
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
        raise InputError(tried, f"{twice[0]} is there twice", "name it once")


def _check_options(access: Access, options: CommitOptions) -> None:
    tried = "reading the options"
    if access.repo and not (options.push or options.dry_run):
        hint = "add --push, or --dry-run to look"
        raise InputError(tried, "--repo without --push would change nothing", hint)
    if not options.push and (options.message or options.author or options.sign or options.signoff):
        found = "--message, --author, --sign and --signoff describe a commit, and none is made"
        raise InputError(tried, found, "add --push")


def _message(outcome: plans.Outcome, guard: Guard, options: CommitOptions, who: _Author) -> str:
    """The commit's message with its trailers, in a block of their own at the end."""
    text = (options.message or plans.message(outcome)).strip()
    trailers = [trailer for trailer in (guard.trailers(),) if trailer]
    if options.signoff and f"Signed-off-by: {who.get()}" not in text:
        trailers.append(f"Signed-off-by: {who.get()}")
    if not trailers:
        return f"{text}\n"
    head, blank, last = text.rpartition("\n\n")
    goes_on = blank and head and all(re.match(r"[A-Za-z0-9-]+: \S", line) for line in last.splitlines())
    return "\n".join([text, *([] if goes_on else [""]), *trailers, ""])
