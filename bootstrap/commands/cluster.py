"""`bootstrap cluster`: options of its verbs (cluster/rotate.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.options import CREDENTIAL, common, together
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WHAT = ("credential", "webhook", "admin-password", "secrets", "deploy-key")


@click.group()
def command() -> None:
    """Rotate what a cluster and its Git host share; move it to another repository, or rename it."""


@command.command()
@click.argument("what", nargs=-1, type=click.Choice(_WHAT))
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--repo", metavar="URL", help="The repository that the cluster follows.")
@click.option("--argocd-token-file", type=_FILE, help="credential: a file with the new token.")
@click.option("--argocd-ssh-key", type=_FILE, help="credential: the new SSH key.")
@click.option("--github-app-id", metavar="ID", help="credential: a GitHub App instead.")
@click.option("--github-app-installation-id", metavar="ID", help="The App's installation.")
@click.option("--github-app-key", type=_FILE, help="The App's private key.")
@click.option(
    "--github-app-url", metavar="URL", help="The API of an Enterprise Server (default: github.com)."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAMESPACE/NAME",
    help="secrets: only this one (default: all that init generated).",
)
@click.option("--api-url", help="The Git host's web address, if an SSH URL does not show it.")
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
    """Replace credentials: Argo CD's, the webhook's, its user admin's, the apps'.

    \b
    credential      what Argo CD reads the repository with: you give the new one, which is tried first
    webhook         the secret that the host's deliveries are signed with, on both sides
    admin-password  the one of Argo CD's user admin; `bootstrap argocd password` prints the new one
    secrets         what init generated for the apps; the pods that use it restart
    deploy-key      a new key is registered before it is used; the old one is deleted after that

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


@command.command()
@click.argument("old_url")
@click.argument("new_url")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--username", help="The user name that goes with a token (default: GIT_USERNAME, or git).")
@click.option(
    "--token-file", type=_FILE, help="A file with the new host's token (or GIT_TOKEN, GIT_TOKEN_FILE)."
)
@click.option(
    "--old-token-file", type=_FILE, help="A file with the old host's token (default: the same token)."
)
@click.option("--ssh-key", type=_FILE, help="A private key (default: the agent's).")
@click.option(
    "--known-hosts",
    type=_FILE,
    help="The hosts' SSH keys (default: GIT_SSH_KNOWN_HOSTS, or ~/.ssh/known_hosts).",
)
@click.option("--ca-file", type=_FILE, help="A CA that signed the new host's certificate.")
@click.option("--argocd-token-file", type=_FILE, help="A separate token for Argo CD (read access is enough).")
@click.option("--argocd-ssh-key", type=_FILE, help="A separate SSH key for Argo CD.")
@click.option("--deploy-key", is_flag=True, help="Let Argo CD read with a deploy key of the new repository.")
@click.option("--api-url", help="The new host's web address, if NEW_URL is an SSH URL that does not show it.")
@click.option("--argocd-url", help="Where the new host reaches Argo CD (default: the old webhook's address).")
@click.option("--author", metavar="'NAME <EMAIL>'", help="The commits' author (default: git's).")
@click.option("--sign", is_flag=True, help="Sign the commits, as git is configured to.")
@click.option("--dry-run", is_flag=True, help="Show what would change; exit 1.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the first change.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for Synced and Healthy.")
@click.option("--no-wait", is_flag=True, help="Do not wait for Synced and Healthy before the old is removed.")
@common
def move(output: Output, **options: Any) -> int:
    """Have the cluster follow the same history at another URL or host.

    Push the history there first (git push). Settings, root, projects, credential and webhook are
    replaced as init would create them; then the old Secret with its token, the old webhook and
    the old deploy key are deleted. The old repository itself is not changed.

    \b
    Example:
      bootstrap cluster move https://old.example.com/platform/gitops.git \\
        https://git.example.com/platform/gitops.git --old-token-file old-token
    """
    from bootstrap.cluster.move import Request
    from bootstrap.cluster.move import move as run
    from bootstrap.init import request as init_request

    old, new = options.pop("old_url"), options.pop("new_url")
    old_token = options.pop("old_token_file")
    return run(Request(old, new, init_request.Request(repo_url=new, **options), old_token), output)


@command.command()
@click.argument("url")
@click.argument("name")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--domain", help="Also move the hosts to another domain (default: unchanged).")
@together(*CREDENTIAL)
@click.option("--author", metavar="'NAME <EMAIL>'", help="The commits' author (default: git's).")
@click.option("--sign", is_flag=True, help="Sign the commits, as git is configured to.")
@click.option("--pr", is_flag=True, help="Open a pull request; run again once it is merged.")
@click.option("--dry-run", is_flag=True, help="Show what would change; exit 1.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the first change.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for Synced and Healthy.")
@click.option("--no-wait", is_flag=True, help="Do not wait for Synced and Healthy.")
@common
def rename(output: Output, **options: Any) -> int:
    """Give the cluster another name: its folder, its settings, its root.

    One commit moves clusters/OLD to clusters/NAME; then the root Application follows it. Nothing that runs
    is deleted. Whatever else names the folder is listed for you to change.

    \b
    Example:
      bootstrap cluster rename https://git.example.com/platform/gitops.git production
    """
    from bootstrap.cluster.rename import Request
    from bootstrap.cluster.rename import rename as run
    from bootstrap.init import request as init_request

    url, name, pr = options.pop("url"), options.pop("name"), options.pop("pr")
    return run(Request(url, name, init_request.Request(repo_url=url, **options), pr), output)
