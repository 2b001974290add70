"""What `bootstrap cluster rotate` does: observe, plan, show, ask, execute."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from bootstrap import kube, providers
from bootstrap.argocd import home
from bootstrap.argocd.wait import API_VERSION
from bootstrap.cluster import handlers, observe, plan
from bootstrap.cluster import request as asked
from bootstrap.cluster.handlers import Acting
from bootstrap.cluster.observe import Seen
from bootstrap.cluster.request import Request
from bootstrap.cluster.steps import Plan, Step, title
from bootstrap.core import next_run
from bootstrap.core.errors import AuthenticationFailed, ExitStatus, NotFound, RefusedError
from bootstrap.core.output import Output
from bootstrap.git import credential as git_credential
from bootstrap.git import credential_file
from bootstrap.git import remote as git
from bootstrap.git.remote import Credential
from bootstrap.plan.execute import execute
from bootstrap.plan.handlers import ARGOCD_SECRET, secret_value
from bootstrap.providers import Provider, webhooks
from bootstrap.providers.address import project_path, web_address


def rotate(request: Request, output: Output) -> int:
    """Run it; returns the exit status, raises a BootstrapError for expected failures."""
    request.check()
    cluster = home.connect(output.invocation, request.context)
    acting = Acting(cluster, output.invocation, request)
    with output.progress("reading the cluster"):
        seen = observe.observe(cluster, request.access.repo)
        if set(request.what) & set(asked.AT_HOST):
            acting.provider = _host(request, output)
        key = acting.provider.webhook_key if acting.provider else ""
        addresses = _addresses(acting, seen) if asked.WEBHOOK in request.what else ()
        made = plan.plan(request, seen, key, addresses)
        if asked.CREDENTIAL in request.what:
            acting.credential = _new_credential(request, seen, output)
    lines = [f"cluster     {seen.context}: {seen.server}", f"follows     {seen.place.repo_url}"]
    lines += [f"  {number}. {title(step)}" for number, step in enumerate(made.steps, 1)]
    lines += [f"note: {note}" for note in made.notes]
    data = {
        "cluster": {"context": seen.context, "server": seen.server},
        "steps": [{"step": type(step).__name__, "title": title(step)} for step in made.steps],
        "notes": list(made.notes),
    }
    if request.dry_run:
        output.result(data, "\n".join(lines))
        return ExitStatus.NO
    for line in lines:
        output.info(line)
    agree(request.yes, output)
    _execute(made, acting, output)
    _refresh(cluster)
    told = ["done"]
    if asked.PASSWORD in request.what:
        told.append(f"log in as admin with the password that `{next_run.command('argocd password')}` prints")
    output.result({**data, "changed": True}, "\n".join(told))
    return ExitStatus.OK


def agree(yes: bool, output: Output) -> None:
    """Ask before the first change; RefusedError for a no, or when there is no terminal to ask on."""
    tried = "asking before the first change"
    if yes:
        return
    if not output.invocation.interactive:
        raise RefusedError(tried, "there is no terminal to ask on", "add --yes, or preview with --dry-run")
    if not output.confirm("Continue?"):
        raise RefusedError(tried, "the answer was no", "nothing was changed")


def _host(request: Request, output: Output) -> Provider:
    url = request.access.repo or ""
    api = request.api_url
    known = git_credential.read(request.access, output.invocation, url, api)
    address = f"{api.rstrip('/')}/{project_path(url)}" if api else web_address(url)
    found = providers.find(url, known, output.invocation, address)
    return found or providers.get(url, known, output.invocation)


def _addresses(acting: Acting, seen: Seen) -> list[str]:
    """The addresses of the webhooks that are signed for this Argo CD.

    Without one, that of the only webhook: an interrupted run has changed its secret only in Argo CD.
    """
    assert acting.provider is not None  # noqa: S101 - found before
    value = secret_value(
        acting.cluster, acting.cluster.argocd_namespace, ARGOCD_SECRET, acting.provider.webhook_key
    )
    ours = [hook for hook in acting.provider.webhooks(seen.place.repo_url) if hook.mark]
    signed = [hook.address for hook in ours if value and hook.mark == webhooks.mark(value, hook.address)]
    return signed or [hook.address for hook in ours][: 1 if len(ours) == 1 else 0]


def _new_credential(request: Request, seen: Seen, output: Output) -> dict[str, str]:
    """The Secret's new keys; a token or SSH key has to read the repository before it replaces the old one."""
    invocation, url = output.invocation, seen.place.repo_url
    known = git_credential.read(request.access, invocation, request.access.repo)
    if app := request.github_app:
        key = credential_file.read(app.key, "--github-app-key", invocation)
        invocation.keep_secret(key)
        shows = f"{next_run.command('status')} shows whether Argo CD can read"
        output.warn(f"a GitHub App's key is not tried here: {shows}")
        found = {"githubAppID": app.app_id, "githubAppInstallationID": app.installation_id}
        base = {"githubAppEnterpriseBaseUrl": app.base_url} if app.base_url else {}
        return {**found, **base, "githubAppPrivateKey": key}
    if request.argocd_ssh_key:
        key = credential_file.read(request.argocd_ssh_key, "--argocd-ssh-key", invocation)
        _try(replace(known, token=None, ssh_key=request.argocd_ssh_key), url, seen, output)
        return {"sshPrivateKey": key}
    assert request.argocd_token_file is not None  # noqa: S101 - checked with the options
    token = credential_file.token(request.argocd_token_file, "--argocd-token-file", invocation)
    _try(replace(known, token=token, ssh_key=None), url, seen, output)
    return {"username": known.username, "password": token}


def _try(credential: Credential, url: str, seen: Seen, output: Output) -> None:
    """RefusedError when the credential cannot read the branch that Argo CD follows."""
    tried = f"reading {url} with the new credential"
    try:
        with git.open_remote(url, seen.place.branch or None, credential, output.invocation) as remote:
            state = remote.observe()
    except AuthenticationFailed as error:
        hint = "check the new one (--argocd-token-file, --argocd-ssh-key); nothing was changed"
        raise AuthenticationFailed(tried, error.found, hint) from error
    if not state.exists or state.tip is None:
        found = "the new credential cannot read the repository, or its branch"
        hint = "give one that can read both; nothing was changed"
        raise RefusedError(tried, found, hint)


def _execute(made: Plan, acting: Acting, output: Output) -> None:
    numbers = {id(step): number for number, step in enumerate(made.steps, 1)}
    with output.progress("rotate") as progress:

        def report(step: Step) -> None:
            at = f"[{numbers[id(step)]}/{len(made.steps)}] {title(step)}"
            acting.detail = lambda text: progress.detail(f"{at}: {text}")
            progress.update(at)

        execute(made, handlers.handlers_for(acting), report)


def _refresh(cluster: kube.Cluster) -> None:
    """Have Argo CD refresh the root now, with what was changed."""
    with suppress(NotFound):
        kube.annotate(
            cluster,
            API_VERSION,
            "Application",
            cluster.argocd_namespace,
            "root",
            {"argocd.argoproj.io/refresh": "hard"},
        )
