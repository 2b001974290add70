"""`bootstrap argocd`: what a person needs to log in to the installed Argo CD."""

from __future__ import annotations

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output


@click.group()
def command() -> None:
    """Print the initial password of the installed Argo CD."""


@command.command()
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@common
def password(output: Output, context: str | None) -> None:
    """Print the initial password of Argo CD's user admin.

    \b
    Example:
      bootstrap argocd password
    """
    from bootstrap import argocd
    from bootstrap.argocd import home
    from bootstrap.core.errors import NotFound

    cluster = home.connect(output.invocation, context)
    found = argocd.initial_password(cluster)
    if found is None:
        raise NotFound(
            "reading the initial password",
            f"no Secret {cluster.argocd_namespace}/{argocd.INITIAL_PASSWORD}",
            "wait until argocd-server runs; once the password is changed, the Secret may have been deleted",
        )
    output.result({"username": "admin", "password": found}, found)
