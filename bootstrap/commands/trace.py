"""`bootstrap trace`: the chain behind a host, from Git and, on request, compared with the cluster."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.formats import formatted
from bootstrap.core.output import Output

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("target", metavar="HOST[/PATH]")
@click.option("--repo", "path", type=_FOLDER, default=".", help="The repository's folder (default: here).")
@click.option("--from-git", is_flag=True, help="Read only Git (the default).")
@click.option("--live", is_flag=True, help="Compare each hop with the cluster.")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="With --live: the kubeconfig's context (default: its current one).",
)
@click.option("--cluster", help="Only this cluster (a folder below clusters/).")
@click.option("--env", "environment", help="Only the Applications of this environment.")
@click.option("--fetch-charts", is_flag=True, help="Also render charts, which helm fetches.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@formatted("text", "json", "svg", "html", "mermaid", "dot")
def command(
    output: Output,
    format: str,
    target: str,
    path: Path,
    from_git: bool,
    live: bool,
    context: str | None,
    cluster: str | None,
    environment: str | None,
    fetch_charts: bool,
    no_cache: bool,
) -> int:
    """Walk the chain behind a host: routes, Service, pods, configuration, data.

    Each hop says where it is in Git, and what is wrong with it. Besides a host, SERVICE.NAMESPACE
    and NODE:PORT can be traced. Exit status 1 when a hop is broken.

    \b
    Examples:
      bootstrap trace vote.example.com
      bootstrap trace vote.example.com/healthz --env production -o html > trace.html
      bootstrap trace vote.voting-app-dev --live
    """
    from bootstrap.core.errors import InputError
    from bootstrap.repository.lookup import Request
    from bootstrap.trace.run import show_trace

    if live and from_git:
        raise InputError("reading --live", "--from-git is given too", "give one of the two")
    request = Request(path, cluster, environment, fetch_charts, not no_cache, live, context)
    return show_trace(request, target, output, format)
