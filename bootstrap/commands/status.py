"""`bootstrap status`: the Applications of a cluster, by wave."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands.options import common
from bootstrap.output import Output


@click.command()
@click.option("--context", help="The kubeconfig's context (default: its current one).")
@click.option("--namespace", default="argocd", show_default=True, help="Argo CD's namespace.")
@click.option("--root", default="root", show_default=True, help="The root Application.")
@click.option("--commit", metavar="SHA", help="The commit that they have to be at.")
@click.option("--watch", is_flag=True, help="Keep showing them as they change; Ctrl-C ends.")
@common
def command(
    output: Output, context: str | None, namespace: str, root: str, commit: str | None, watch: bool
) -> int:
    """Show the Applications by wave: sync, health, revision, and what each waits for.

    Exit status 1 when one of them is not Synced and Healthy.

    \b
    Examples:
      bootstrap status
      bootstrap status --watch
      bootstrap status --commit HEAD -o json
    """
    from bootstrap import live

    request = live.Request(context, namespace, root, commit, live.FOREVER, Path())
    return live.watch(request, output) if watch else live.status(request, output)
