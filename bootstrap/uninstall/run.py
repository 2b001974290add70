"""What `bootstrap uninstall` does: observe, plan, show, ask for the cluster's name, execute."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap import kube
from bootstrap.argocd import home
from bootstrap.core import next_run
from bootstrap.core.errors import ClusterUnreachable, ExitStatus, InputError, RefusedError
from bootstrap.core.output import Output
from bootstrap.git.urls import same_repository
from bootstrap.plan.execute import Done, execute
from bootstrap.uninstall import handlers, observe, plan, repository, show
from bootstrap.uninstall.handlers import Acting
from bootstrap.uninstall.observe import Seen
from bootstrap.uninstall.request import Request
from bootstrap.uninstall.steps import Plan, RemoveFromGit, Step, title

NOTHING = "nothing to do: bootstrap installed nothing here"


def uninstall(request: Request, output: Output) -> int:
    """Run `uninstall`; returns the exit status, raises a BootstrapError for expected failures."""
    request.check()
    if request.cluster_gone:
        return _only_git(request, output)
    cluster = _connect(request, output)
    with output.progress("reading the cluster"):
        seen = observe.observe(cluster, request.prune)
    decided = plan.wanted(seen, request.prune, request.keep_crds, request.keep_argocd, request.repository)
    if decided.repository:
        _check_repository(request, seen)
    made = plan.plan(seen, decided)
    data, text = show.data(seen, decided, made), "\n".join(show.lines(seen, decided, made))
    if not made.steps:
        output.result({**data, "changed": False}, NOTHING)
        return ExitStatus.OK
    plan.refuse(seen, decided)
    for step in made.steps:
        if isinstance(step, RemoveFromGit):
            repository.check_signed(request, step, output)
    if request.dry_run:
        output.result(data, text)
        return ExitStatus.NO
    output.info(text)
    _agree(request, output, seen.context)
    acting = Acting(cluster, output.invocation, request, request.timeout)
    _execute(made, acting, output)
    for note in acting.notes:
        output.warn(note)
    output.result({**data, "changed": True}, f"done; to install it again: {seen.place.init_command()}")
    return ExitStatus.OK


def _connect(request: Request, output: Output) -> kube.Cluster:
    try:
        return home.connect(output.invocation, request.context)
    except ClusterUnreachable as error:
        url = request.access.repo or "REPO_URL"
        gone = next_run.command("uninstall", url, "--cluster-gone", "--cluster", "NAME")
        hint = (
            f"{error.hint}; if the cluster is gone for good, {gone} removes what Git and its host still have "
            "of it"
        )
        raise ClusterUnreachable(error.tried, error.found, hint, error.where) from error


def _check_repository(request: Request, seen: Seen) -> None:
    """InputError unless the user named the repository: no token goes to one that only the cluster names."""
    followed, named = seen.place.repo_url, request.access.repo
    tried = "removing the cluster from the repository"
    if named is None:
        hint = f"name it: {next_run.command('uninstall', followed or 'REPO_URL', '--repository')}"
        raise InputError(tried, "--repository is given without REPO_URL", hint)
    if not followed:
        hint = "give --cluster-gone with --cluster NAME in a separate run"
        raise RefusedError(tried, "the cluster does not say which folder it followed", hint, seen.server)
    if not same_repository(followed, named):
        found = f"the cluster follows {followed}, not {named}"
        raise RefusedError(tried, found, "name that one, or another --context", seen.server)


def _agree(request: Request, output: Output, name: str) -> None:
    """Have the cluster's name confirmed, typed or with --yes; RefusedError for any other."""
    tried = "asking before the first change"
    if request.yes is not None:
        if request.yes != name:
            found = f"--yes is {request.yes}, but the cluster is {name}"
            raise RefusedError(
                tried, found, "give --context and --yes of the same cluster; nothing was changed"
            )
        return
    if not output.invocation.interactive:
        hint = f"add --yes {name}, if that is the cluster that you mean; or preview with --dry-run"
        raise RefusedError(tried, "there is no terminal to ask on", hint)
    answer = output.ask(f"Type the cluster's name ({name}) to continue")
    if answer != name:
        raise RefusedError(tried, f"the answer was {answer!r}, not {name}", "nothing was changed")


def _execute(made: Plan, acting: Acting, output: Output) -> Sequence[Done]:
    numbers = {id(step): number for number, step in enumerate(made.steps, 1)}
    with output.progress("uninstall") as progress:

        def report(step: Step) -> None:
            at = f"[{numbers[id(step)]}/{len(made.steps)}] {title(step)}"
            acting.detail = lambda text: progress.detail(f"{at}: {text}")
            progress.update(at)

        return execute(made, handlers.handlers_for(acting), report)


def _only_git(request: Request, output: Output) -> int:
    """Remove what is left of a cluster that is gone: its folder and settings in Git."""
    url = request.access.repo
    assert url is not None  # noqa: S101 - checked with the options
    prefix = f"{request.access.path.strip('/')}/" if request.access.path else ""
    step = RemoveFromGit(url, request.access.branch or "", f"{prefix}clusters/{request.cluster}")
    made = Plan((step,))
    text = "\n".join(f"  {number}. {title(one)}" for number, one in enumerate(made.steps, 1))
    data = {"steps": [{"step": type(step).__name__, "title": title(step)}]}
    if request.dry_run:
        output.result(data, text)
        return ExitStatus.NO
    output.info(text)
    _agree(request, output, request.cluster)
    acting = Acting(None, output.invocation, request, request.timeout)
    changed = any(one.changed for one in _execute(made, acting, output))
    notes = "the cluster's webhook and deploy key, if it had any, must be deleted at the host"
    output.result(
        {**data, "changed": changed}, f"done; {notes}" if changed else "nothing to do: it is not in Git"
    )
    return ExitStatus.OK
