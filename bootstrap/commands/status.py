"""`bootstrap status`: the Applications of a cluster, by wave."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--namespace", default="", help="Argo CD's namespace (default: where it is found).")
@click.option("--root", default="root", show_default=True, help="The root Application.")
@click.option("--commit", metavar="SHA", help="The commit that they must be at.")
@click.option("--watch", is_flag=True, help="Keep showing them as they change, until q or Ctrl-C.")
@click.option("--images", is_flag=True, help="Compare the running images with the repository's.")
@click.option("--repo", type=_FOLDER, default=".", help="A clone of the repository (default: this folder).")
@common
def command(
    output: Output,
    context: str | None,
    namespace: str,
    root: str,
    commit: str | None,
    watch: bool,
    images: bool,
    repo: Path,
) -> int:
    """Show the Applications by wave: sync, health, revision, and what each waits for.

    In a clone of their repository, also show how many commits each is behind. Certificates of
    cert-manager that expire soon or are not ready follow. Exit status 1 when an Application is
    not Synced and Healthy, also when --watch ends.

    \b
    Examples:
      bootstrap status
      bootstrap status --watch
      bootstrap status --images --repo ~/gitops
      bootstrap status --commit HEAD -o json
    """
    from bootstrap.status import run

    request = run.Request(context, namespace, root, commit, run.FOREVER, repo, images=images)
    return run.watch(request, output) if watch else run.status(request, output)
