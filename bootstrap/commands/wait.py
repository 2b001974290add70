"""`bootstrap wait`: until a commit has arrived in the cluster."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands.options import common
from bootstrap.output import Output


@click.command()
@click.option("--context", help="The kubeconfig's context (default: its current one).")
@click.option("--namespace", default="argocd", show_default=True, help="Argo CD's namespace.")
@click.option("--app", "root", default="root", show_default=True, help="The Application, with all below it.")
@click.option("--commit", metavar="SHA", help="The commit that they have to be at.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait at most.")
@common
def command(
    output: Output, context: str | None, namespace: str, root: str, commit: str | None, timeout: float
) -> int:
    """Wait until an Application and all below it are Synced and Healthy.

    Asks Argo CD to look at Git now, so nobody waits for its next round. With --commit, at that
    commit. Exit status 7, with the reasons, when they do not get there.

    \b
    Examples:
      bootstrap wait --commit "$GITHUB_SHA" --timeout 900
      bootstrap wait --app voting-app-dev
    """
    from bootstrap import live

    return live.wait(live.Request(context, namespace, root, commit, timeout, Path()), output)
