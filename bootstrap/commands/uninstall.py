"""`bootstrap uninstall`: options, then observe, plan, show, execute (uninstall/run.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.options import CREDENTIAL, common, together
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("repo_url", required=False)
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--keep-workloads", is_flag=True, help="Keep what Argo CD deployed running (the default).")
@click.option("--prune", is_flag=True, help="Have Argo CD delete what it deployed, the last wave first.")
@click.option(
    "--keep-crds", is_flag=True, help="Keep Argo CD's CRDs, too; those of Applications always stay."
)
@click.option("--keep-argocd", is_flag=True, help="Keep Argo CD; remove only the Applications.")
@click.option("--repository", is_flag=True, help="Also remove the cluster from REPO_URL, by a commit.")
@click.option("--cluster-gone", is_flag=True, help="The cluster is gone: only remove it from REPO_URL.")
@click.option(
    "--cluster",
    default="default",
    show_default=True,
    help="With --cluster-gone: the cluster's folder below clusters/.",
)
@click.option("--branch", help="With --cluster-gone: the branch (default: the repository's).")
@click.option("--path", help="With --cluster-gone: the layout's folder in the repository.")
@together(*CREDENTIAL)
@click.option("--author", metavar="'NAME <EMAIL>'", help="The commit's author (default: git's).")
@click.option("--sign", is_flag=True, help="Sign the commit, as git is configured to.")
@click.option("--dry-run", is_flag=True, help="Show what is removed, kept and lost; exit 1 if anything is.")
@click.option("--yes", metavar="NAME", help="The cluster's name (its context), instead of the question.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait in total; at most 120.")
@common
def command(output: Output, **options: Any) -> int:
    """Remove what init installed in a cluster, and nothing else.

    Shows what is removed, what stays and what is lost, and asks for the name of the cluster, which
    is that of its context. Workloads stay unless --prune is given. If it is interrupted or runs out
    of time (exit status 7, with what it waits for), the next run continues.

    \b
    Examples:
      bootstrap uninstall --dry-run --prune
      bootstrap uninstall --context edge --yes edge
      bootstrap uninstall https://git.example.com/platform/gitops.git --repository --prune
      bootstrap uninstall https://git.example.com/platform/gitops.git --cluster-gone --cluster edge
    """
    from bootstrap.edit.access import Access
    from bootstrap.uninstall.request import Request, pruned
    from bootstrap.uninstall.run import uninstall

    names = ("branch", "path", "username", "token_file", "ssh_key", "known_hosts", "ca_file")
    access = Access(repo=options.pop("repo_url"), **{name: options.pop(name) for name in names})
    options["prune"] = pruned(options["prune"], options.pop("keep_workloads"))
    options["keep_crds"] = options["keep_crds"] or None
    return uninstall(Request(access=access, **options), output)
