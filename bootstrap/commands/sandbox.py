"""`bootstrap sandbox`: a real cluster, Argo CD and Git host on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.errors import ExitStatus
from bootstrap.core.output import Output


@click.group()
def command() -> None:
    """A real cluster, Argo CD and Git host on this machine, without Docker."""


def named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --name."""
    text = "The sandbox's name; several can run at once."
    return click.option(
        "--name",
        default="default",
        show_default=True,
        help=text,
        shell_complete=completing.sandboxes,
    )(function)


@command.command()
@named
@click.option(
    "--init",
    "initialise",
    is_flag=True,
    help="Lay out a repository in it and sync it, as bootstrap init does.",
)
@click.option(
    "--profile",
    type=click.Choice(["default", "full"]),
    default="default",
    show_default=True,
    help="With --init: the components whose charts are reachable from here, or all of them.",
)
@click.option(
    "--no-argocd", is_flag=True, help="Start an empty cluster; Argo CD runs once something installs it."
)
@click.option(
    "--provider",
    type=click.Choice(["embedded", "kind"]),
    default="embedded",
    show_default=True,
    help="Run processes on this machine, or a kind cluster in Docker.",
)
@click.option(
    "--nodes",
    type=click.Choice(["simulated", "real"]),
    help="Simulate the nodes (the default), or run pods on a real one: Linux, as root.",
)
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait until everything works.")
@common
def up(output: Output, **options: Any) -> int:
    """Start a sandbox, or the missing parts of one.

    Programs that this machine does not have are fetched or built first.

    \b
    Examples:
      bootstrap sandbox up
      bootstrap sandbox up --init
      bootstrap sandbox up --name spoke --no-argocd
      sudo bootstrap sandbox up --name pods --nodes real
    """
    from bootstrap.commands.sandbox_up import run

    return run(output, **options)


@command.command()
@named
@click.option("--purge", is_flag=True, help="Also delete its data: cluster, repositories, credentials, logs.")
@common
def down(output: Output, name: str, purge: bool) -> None:
    """End a sandbox's processes, and nothing else.

    The next `up` resumes it, on the same ports.

    \b
    Examples:
      bootstrap sandbox down
      bootstrap sandbox down --name spoke --purge
    """
    from bootstrap.sandbox import up as provider

    ended = provider.down(name, output.invocation, output, purge)
    text = (
        f"sandbox {name}: {len(ended)} processes ended" if ended else f"sandbox {name}: nothing was running"
    )
    output.result({"name": name, "ended": ended, "purged": purge}, text + (", data deleted" if purge else ""))


@command.command()
@named
@common
def status(output: Output, name: str) -> int:
    """Show a sandbox's processes and addresses; exit 1 when one is not running.

    \b
    Examples:
      bootstrap sandbox status
      bootstrap sandbox status --name spoke -o json
    """
    from bootstrap.sandbox import status as observed

    found = observed.observe(name, output.invocation)
    if found is None:
        text = f"no sandbox {name}: bootstrap sandbox up --name {name}"
        output.result({"name": name, "up": False, "processes": []}, text)
        return ExitStatus.NO
    output.table(
        ("PROCESS", "STATE", "PID", "LOG"),
        [(item.name, item.state, str(item.pid or ""), str(item.log)) for item in found.processes],
    )
    for item in found.processes:
        if item.tail:
            output.warn(f"{item.name} has exited; the end of {item.log}:\n{item.tail}")
    sandbox = found.sandbox
    output.line(f"Kubernetes  {sandbox.server}  KUBECONFIG={sandbox.kubeconfig}")
    output.line(f"Argo CD     {sandbox.argocd_url}")
    output.line(
        f"Git         {sandbox.git_url}  user {sandbox.git_username}, token in {sandbox.git_token_file}"
    )
    output.result(found.data())
    return ExitStatus.OK if found.up else ExitStatus.NO


@command.command()
@click.argument("process", required=False)
@named
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines, until Ctrl-C.")
@click.option("-n", "--lines", default=200, show_default=True, help="Number of lines from the end.")
@common
def logs(output: Output, process: str | None, name: str, follow: bool, lines: int) -> None:
    """Print the log of one process, or the end of every log.

    \b
    Examples:
      bootstrap sandbox logs
      bootstrap sandbox logs argocd-application-controller -f
    """
    from bootstrap.sandbox import logs as logged

    logged.show(name, process, output, follow, lines)


@command.command("shell-env")
@named
@common
def shell_env(output: Output, name: str) -> None:
    """Print the variables that make a shell use the sandbox.

    Credentials appear only as the names of their files.

    \b
    Example:
      eval "$(bootstrap sandbox shell-env)"
    """
    from bootstrap.sandbox import shell

    variables = shell.variables(name, output.invocation)
    output.result(variables, shell.exports(variables))


@command.command()
@named
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The work tree (default: the one around this folder).",
)
@click.option("--root", default="root", show_default=True, help="The root Application.")
@click.option("--watch", is_flag=True, help="Push again after each change, until Ctrl-C.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is live.")
@click.option("--timeout", default=300.0, show_default=True, help="Maximum seconds to wait.")
@common
def push(output: Output, name: str, **options: Any) -> int:
    """Have the sandbox run a work tree as it is, with uncommitted changes.

    Pushes it to the branch that the sandbox's Argo CD follows, and waits until it is live, or
    says why it is not. The work tree, its index and its branches stay as they are; ignored
    files are left out. Each push replaces what the last one pushed; commits that the work tree
    lacks are never replaced.

    \b
    Examples:
      bootstrap sandbox push
      bootstrap sandbox push --watch
      bootstrap sandbox push --repo ~/gitops --no-wait
    """
    from bootstrap.sandbox import push as pushing

    return pushing.push(name, output, pushing.Options(**options))


@command.group()
def image() -> None:
    """The images that a real node can run."""


@image.command("load")
@click.argument("path", metavar="ARCHIVE|FOLDER", type=click.Path(path_type=Path))
@named
@common
def load_images(output: Output, path: Path, name: str) -> None:
    """Put images into the registry of a sandbox's real node.

    ARCHIVE is what `docker save` or `skopeo copy … oci-archive:` writes; FOLDER is an OCI
    layout, or has several of either. A node asks this registry, and no other one, for every
    image, whatever registry the image's name begins with.

    \b
    Examples:
      bootstrap sandbox image load images.tar --name pods
    """
    from bootstrap.sandbox.node import load

    load.load(path, name, output)


@command.command()
@click.option("--get", is_flag=True, help="First fetch or build what is missing, without starting anything.")
@common
def programs(output: Output, get: bool) -> None:
    """List the sandbox's programs, and why each is trusted.

    Shows version, origin, path and checksum of each. --get also says where the time of the builds went:
    fetching sources, compiling, linking.

    \b
    Examples:
      bootstrap sandbox programs
      bootstrap sandbox programs --get
      bootstrap sandbox programs -o json
    """
    from bootstrap.sandbox import show_programs as shown

    shown.show(output, get)
