"""`bootstrap cluster`: options of its verbs (cluster/rotate.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WHAT = ("credential", "webhook", "admin-password", "secrets", "deploy-key")


@click.group()
def command() -> None:
    """Rotate what a cluster and its Git host share."""


@command.command()
@click.argument("what", nargs=-1, type=click.Choice(_WHAT))
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--repo", metavar="URL", help="The repository that the cluster follows, named by you.")
@click.option("--argocd-token-file", type=_FILE, help="credential: a file with the new token.")
@click.option("--argocd-ssh-key", type=_FILE, help="credential: the new SSH key.")
@click.option("--github-app-id", metavar="ID", help="credential: a GitHub App instead.")
@click.option("--github-app-installation-id", metavar="ID", help="Its installation.")
@click.option("--github-app-key", type=_FILE, help="Its private key.")
@click.option(
    "--github-app-url", metavar="URL", help="The API of an Enterprise Server (default: github.com)."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAMESPACE/NAME",
    help="secrets: this one alone (default: all that init has generated).",
)
@click.option("--api-url", help="The Git host's web address, where the URL is an SSH one and tells none.")
@click.option("--username", help="The user name that goes with a token (default: GIT_USERNAME, or git).")
@click.option(
    "--token-file", type=_FILE, help="A file with the Git host's token (or GIT_TOKEN, GIT_TOKEN_FILE)."
)
@click.option(
    "--known-hosts",
    type=_FILE,
    help="The hosts' SSH keys (default: GIT_SSH_KNOWN_HOSTS, or ~/.ssh/known_hosts).",
)
@click.option("--ca-file", type=_FILE, help="A CA that signed the Git host's certificate.")
@click.option("--dry-run", is_flag=True, help="Show what would change; exit 1.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the first change.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait for restarted pods.")
@common
def rotate(output: Output, **options: Any) -> int:
    """Replace credentials: of Argo CD, of the webhook, of its user admin, of the apps.

    \b
    credential      by what Argo CD reads the repository: the new one is given, and tried first
    webhook         the secret that the host's deliveries are signed with, on both sides
    admin-password  of Argo CD's user admin; `bootstrap argocd password` prints the new one
    secrets         what init has generated for the apps; the pods that use it restart
    deploy-key      a new key, registered before and the old one deleted after it is used

    \b
    Examples:
      bootstrap cluster rotate secrets admin-password
      bootstrap cluster rotate webhook --repo https://git.example.com/platform/gitops.git
      bootstrap cluster rotate credential --argocd-token-file new-token \\
        --repo https://git.example.com/platform/gitops.git
    """
    from bootstrap.cluster.request import Request, github_app
    from bootstrap.cluster.rotate import rotate as run
    from bootstrap.edit.access import Access

    names = ("repo", "username", "token_file", "known_hosts", "ca_file")
    access = Access(**{name: options.pop(name) for name in names})
    app = github_app(*(options.pop(f"github_app_{name}") for name in ("id", "installation_id", "key", "url")))
    return run(Request(access=access, github_app=app, **options), output)
