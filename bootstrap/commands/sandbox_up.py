"""`bootstrap sandbox up`: start, lay out a repository on request, and print the addresses."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.core.errors import BootstrapError, ExitStatus, NotReadyError
from bootstrap.core.output import Output
from bootstrap.core.text import counted

if TYPE_CHECKING:
    from bootstrap.init.request import Request
    from bootstrap.sandbox.addresses import Sandbox

AUTHOR = "bootstrap sandbox <sandbox@example.invalid>"
"""A new machine's git has no identity yet."""
IMAGE = "dockersamples/examplevotingapp_vote"


def run(
    output: Output,
    name: str,
    initialise: bool,
    profile: str,
    no_argocd: bool,
    provider: str,
    nodes: str | None,
    timeout: float,
) -> int:
    """Returns the exit status; raises a BootstrapError for expected failures."""
    from bootstrap.sandbox import status
    from bootstrap.sandbox import up as providers

    with_argocd = not no_argocd and not initialise
    sandbox = providers.up(provider, name, output.invocation, output, with_argocd, timeout, nodes)
    data: dict[str, Any] = status.addresses(sandbox)
    if initialise:
        data["init"] = _initialise(sandbox, profile, output)
    data["next"] = _next(sandbox, initialise)
    output.result(data, "\n".join(_summary(sandbox, with_argocd or initialise, initialise, data["next"])))
    return ExitStatus.OK


def _initialise(sandbox: Sandbox, profile: str, output: Output) -> dict[str, Any]:
    """`bootstrap init` against the sandbox, as a user would run it; returns what was left out."""
    from bootstrap.init.run import initialise
    from bootstrap.layout import catalog
    from bootstrap.sandbox import argocd_install, listener
    from bootstrap.sandbox import profile as profiles

    listener.check_git_host(sandbox)  # init sends it the token
    with output.progress("checking which charts are reachable from here"):
        missing = profiles.missing(catalog.load(), output.invocation, every=profile == "full")
    if missing:
        text = "switched on, but not reachable from here" if profile == "full" else "left off"
        output.warn("\n  ".join([f"{text}:", *(str(item) for item in missing)]))
    left_off = () if profile == "full" else tuple(dict.fromkeys(item.component for item in missing))
    environ = {
        **output.invocation.environ,
        "KUBECONFIG": str(sandbox.kubeconfig),
        "PATH": f"{sandbox.programs}:{output.invocation.environ.get('PATH', '')}",
    }
    # The JSON output is one document: init reports in text, and its result is part of ours.
    inner = Output(
        replace(output.invocation, environ=environ, stdout=output.invocation.stderr),
        quiet=output.quiet,
        verbose=output.verbose,
    )
    try:
        initialise(_request(sandbox, profile, left_off), inner)
    except NotReadyError as error:
        if found := argocd_install.exited(sandbox.folder):
            error.found += f"; {found.tried}: {found.found}"
        _tell_of_images(sandbox, inner, error)
        raise
    return {
        "repository": repository(sandbox),
        "missing": [{"component": m.component, "source": m.source, "reason": m.reason} for m in missing],
    }


def _tell_of_images(sandbox: Sandbox, output: Output, error: NotReadyError) -> None:
    """Add to the error which images a real node's pods wait for, and how to load them."""
    from bootstrap import kube
    from bootstrap.sandbox.node import missing

    try:
        cluster = kube.connect(output.invocation, sandbox.context, sandbox.kubeconfig)
        images = missing.images(sandbox, cluster)
    except BootstrapError:
        return  # what is wrong with the cluster itself is in the first error
    if images:
        listed = "".join(f"\n    {image}" for image in images)
        error.found += (
            f"\n  the node's registry lacks {counted(len(images), 'image')}, and their registries give none"
            f" (why: {program()} sandbox logs containerd --name {sandbox.name}):{listed}"
        )
        error.hint = f"{missing.way_out(sandbox)}; and run the same command again"


def repository(sandbox: Sandbox) -> str:
    """The repository that `--init` lays out."""
    return f"{sandbox.git_url}/{sandbox.git_organisation}/gitops.git"


def _request(sandbox: Sandbox, profile: str, left_off: tuple[str, ...]) -> Request:
    from bootstrap.init.request import Request

    return Request(
        repo_url=repository(sandbox),
        context=sandbox.context,
        username=sandbox.git_username,
        token_file=sandbox.git_token_file,
        argocd_url=sandbox.argocd_url,
        with_components=("all",) if profile == "full" else (),
        without_components=left_off,
        author=AUTHOR,
        yes=True,
    )


def _summary(
    sandbox: Sandbox, with_argocd: bool, initialised: bool, commands: list[dict[str, str]]
) -> list[str]:
    me, named = program(), "" if sandbox.name == "default" else f" --name {sandbox.name}"
    lines = [
        f"sandbox {sandbox.name} is up",
        "",
        f"Kubernetes  {sandbox.server}   export KUBECONFIG={sandbox.kubeconfig}",
        f"Git         {sandbox.git_url}/{sandbox.git_organisation}   user {sandbox.git_username}, "
        f"password in {sandbox.folder / 'git' / 'password'}, token in {sandbox.git_token_file}",
    ]
    if with_argocd:
        password = f"KUBECONFIG={sandbox.kubeconfig} {me} argocd password"
        lines.append(f"Argo CD     {sandbox.argocd_url}   user admin, password: {password}")
    if sandbox.pages and initialised:
        pages = ", ".join(f"{name} {url}" for name, url in sandbox.pages.items())
        lines.append(f"Pages       {pages}   in voting-app-dev, on the real node")
    lines += [f'Shell       eval "$({me} sandbox shell-env{named})"', "", "Try next:"]
    for item in commands:
        lines += [f"  # {item['about']}", f"  {item['command']}"]
    return lines


def _next(sandbox: Sandbox, initialised: bool) -> list[dict[str, str]]:
    """Commands to paste into any shell as they are."""
    me, named = program(), "" if sandbox.name == "default" else f" --name {sandbox.name}"
    end = {"about": "stop it; add --purge to delete its data", "command": f"{me} sandbox down{named}"}
    if not initialised:
        init = f"{me} sandbox up{named} --init"
        return [{"about": "lay out a repository and watch Argo CD sync it", "command": init}, end]
    kubectl = (str(sandbox.programs / "kubectl"), f"--kubeconfig={sandbox.kubeconfig}")
    watch = shlex.join((*kubectl, "-n", "argocd", "get", "applications"))
    access = (
        f"--repo={repository(sandbox)}",
        f"--username={sandbox.git_username}",
        f"--token-file={sandbox.git_token_file}",
        f"--author={AUTHOR}",
    )
    change = shlex.join((f"{IMAGE}=:before", "--app=voting-app", "--env=dev", "--push", *access))
    return [
        {"about": "what Argo CD has synced", "command": watch},
        {"about": "change an image, live within seconds", "command": f"{me} image set {change}"},
        end,
    ]


def program() -> str:
    """How to run this program again from a shell: its name if that is on PATH, else its path."""
    path = Path(sys.argv[0])
    found = shutil.which("bootstrap")
    if found and (path.name != "bootstrap" or Path(found).resolve() == path.resolve()):
        return "bootstrap"
    return str(path.absolute()) if path.name == "bootstrap" else f"{sys.executable} -m bootstrap"
