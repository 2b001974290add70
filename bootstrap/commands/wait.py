"""`bootstrap wait`: wait until a commit has arrived in the cluster."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--namespace", default="", help="Argo CD's namespace (default: where it is found).")
@click.option(
    "--app", "root", default="root", show_default=True, help="The Application to wait for, with all below it."
)
@click.option("--commit", metavar="SHA", help="The commit that they must be at.")
@click.option("--server", metavar="URL", help="Ask argocd-server, with a token, instead of the cluster.")
@click.option("--token-file", type=_FILE, help="A file with Argo CD's token (or ARGOCD_AUTH_TOKEN).")
@click.option("--ca-file", type=_FILE, help="A CA that signed argocd-server's certificate.")
@click.option("--timeout", default=600.0, show_default=True, help="Maximum seconds to wait.")
@common
def command(
    output: Output,
    context: str | None,
    namespace: str,
    root: str,
    commit: str | None,
    server: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    timeout: float,
) -> int:
    """Wait until an Application and all below it are Synced and Healthy.

    Asks Argo CD to refresh now instead of at its next poll. With --commit, waits for that
    commit. Exit status 7, with the reasons, when they do not get there. With --server, no
    kubeconfig is needed: Argo CD's own API is used, with a token.

    \b
    Examples:
      bootstrap wait --commit "$GITHUB_SHA" --timeout 900
      bootstrap wait --app voting-app-dev
      bootstrap wait --server https://argocd.example.com --commit "$GITHUB_SHA"
    """
    from bootstrap.status import run

    request = run.Request(context, namespace, root, commit, timeout, Path(), server, token_file, ca_file)
    return run.wait(request, output)
