"""`bootstrap upgrade`: merge a newer catalog, Argo CD or charts into an existing layout."""

from __future__ import annotations

from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.layout_options import place, with_options
from bootstrap.commands.options import common
from bootstrap.core.output import Output


@click.command()
@click.option(
    "--to",
    metavar="VERSION|WHEEL",
    help="The catalog: a wheel's path, or URL#sha256=HEX (default: this program's).",
)
@click.option("--argocd", metavar="VERSION", help="Move Argo CD to this version, minor by minor.")
@click.option("--argocd-manifest", metavar="FILE|URL", help="Its manifest, instead of the release's.")
@click.option("--sha256", help="The checksum of that Argo CD's manifest.")
@click.option("--charts", is_flag=True, help="Use the newest charts within their current major versions.")
@click.option("--fetch-charts", is_flag=True, help="Also render the charts, before and after (needs helm).")
@click.option("--cluster", help="The cluster of --context, if the layout has several.")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context, for --argocd with --push (default: its current one).",
)
@with_options(place(cluster=False))
@click.option("--push", is_flag=True, help="Push to the branch; without it, a work tree is changed.")
@click.option("--pr", is_flag=True, help="Propose it as a pull request.")
@click.option(
    "--continue",
    "go_on",
    is_flag=True,
    help="Continue once conflicts are resolved, or the pull request is merged.",
)
@click.option("--abort", is_flag=True, help="Restore the work tree as it was before.")
@click.option("--downgrade", is_flag=True, help="Allow an older catalog or Argo CD.")
@click.option("--author", metavar="'NAME <EMAIL>'", help="The commits' author (default: git's).")
@click.option("--sign", is_flag=True, help="Sign the commits, as git is configured to.")
@click.option("--message-suffix", default="", help="Append this to each commit's subject, such as [skip ci].")
@click.option(
    "--dry-run", is_flag=True, help="Show the whole plan and change nothing; exit 1 if it has steps."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the first change.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for Synced and Healthy.")
@common
def command(output: Output, **options: Any) -> int:
    """Merge a newer catalog, Argo CD or charts, and keep every edit.

    Merges what the catalog changed since it was laid out. Conflicts are git conflicts: in a work tree,
    resolve them (git mergetool) and give --continue; on a branch, merge the named branch.

    \b
    Examples:
      bootstrap upgrade --dry-run
      bootstrap upgrade && git push
      bootstrap upgrade --pr --repo https://git.example.com/platform/gitops.git
      bootstrap upgrade --push --argocd v3.6.1
    """
    from bootstrap.edit.access import Access
    from bootstrap.upgrade.request import Request
    from bootstrap.upgrade.run import upgrade

    names = ("path", "repo", "branch", "username", "token_file", "ssh_key", "known_hosts", "ca_file")
    access = Access(**{name: options.pop(name) for name in names})
    return upgrade(Request(access, **options), output)
