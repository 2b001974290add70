"""`bootstrap doctor`: one report that shows what is wrong, or that goes into a bug report."""

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
@click.option("--namespace", help="Argo CD's namespace (default: where it is found).")
@click.option("--repo", metavar="URL", help="The Git repository; the token is sent only to its host.")
@click.option(
    "--token-file",
    type=_FILE,
    help="A file with the Git host's token (or GIT_TOKEN, GIT_TOKEN_FILE), for webhooks.",
)
@click.option("--ca-file", type=_FILE, help="A CA that signed the Git host's certificate.")
@click.option("--api-url", help="The Git host's web address, if the repository's URL is SSH.")
@common
def command(
    output: Output, context: str | None, namespace: str | None, api_url: str | None, **options: Any
) -> int:
    """Check programs, cluster, rights, clock, Argo CD, its queue and webhook, certificates.

    Each finding says what to do. The report contains no secret. Exit status 1 when something is broken.
    With a token and --repo, the Git host is asked for its webhook to Argo CD and the last delivery;
    the token is never sent to a host that only the cluster names.

    \b
    Examples:
      bootstrap doctor
      bootstrap doctor -o json
      bootstrap doctor --repo https://git.example.com/platform/gitops.git --token-file token
    """
    from bootstrap.doctor.run import doctor
    from bootstrap.edit.access import Access
    from bootstrap.providers.address import check_api_url

    check_api_url(api_url)
    return doctor(context, namespace, output, Access(**options), api_url)
