"""`bootstrap doctor`: one report to find what is wrong, or to paste into a bug report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--namespace", default="argocd", show_default=True, help="Argo CD's namespace.")
@click.option(
    "--repo", "repo_url", metavar="URL", help="Its Git repository (default: the root Application's)."
)
@click.option(
    "--token-file",
    type=_FILE,
    help="A file with the Git host's token (or GIT_TOKEN, GIT_TOKEN_FILE), for webhooks.",
)
@click.option("--ca-file", type=_FILE, help="A CA that signed the Git host's certificate.")
@click.option("--api-url", help="The Git host's web address, where the repository's is an SSH one.")
@common
def command(output: Output, context: str | None, namespace: str, **options: Any) -> int:
    """Look at programs, cluster, rights, clock, Argo CD, its queue and webhook, certificates.

    Says of each finding what to do. It holds no secret. Exit status 1 when something is broken.
    With a token, the Git host is asked for its webhook to Argo CD and the last delivery.

    \b
    Examples:
      bootstrap doctor
      bootstrap doctor -o json
      bootstrap doctor --token-file token
    """
    from bootstrap.doctor.run import doctor
    from bootstrap.init.request import Request

    request = Request(**options)
    request.check()
    return doctor(context, namespace, output, request)
