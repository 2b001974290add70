"""`bootstrap init`: options, then observe, plan, show, execute (init/run.py)."""

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
@click.option("--cluster", default="default", show_default=True, help="The cluster's folder below clusters/.")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--branch", help="The branch to lay out (default: the repository's, else main).")
@click.option("--path", default="", help="Lay out below this folder of the repository.")
@click.option("--domain", help="The domain of the cluster's hosts (default: example.com).")
@click.option("--storage-class", help="The StorageClass of volumes, also of the apps (default: standard).")
@click.option(
    "--with",
    "with_",
    multiple=True,
    metavar="COMPONENT",
    shell_complete=completing.components,
    help="Switch a component on, with what it requires (all: all that are compatible).",
)
@click.option(
    "--without",
    multiple=True,
    metavar="COMPONENT",
    shell_complete=completing.components,
    help="Switch a component off.",
)
@click.option("--ha", is_flag=True, help="Argo CD's high-availability manifest (3 nodes).")
@click.option("--core", is_flag=True, help="Argo CD without API server and UI.")
@click.option("--argocd-version", help="Argo CD's version (default: the pinned one).")
@click.option("--argocd-manifest", metavar="FILE|URL", help="Its manifest, instead of the release's.")
@click.option("--sha256", help="The checksum of --argocd-manifest.")
@click.option(
    "--argocd-images",
    type=click.Choice(["digest", "tag"]),
    help="How Argo CD's images are referenced (default: by digest, if their registry can be reached).",
)
@click.option("--verify", is_flag=True, help="Check the signatures of Argo CD's images with cosign.")
@click.option(
    "--verify-key", type=_FILE, help="The public key that verifies them (default: their publisher's)."
)
@click.option("--verify-root", type=_FILE, help="The trusted root of the private Sigstore that signed them.")
@click.option(
    "--signed-by",
    type=_FILE,
    multiple=True,
    help="A public OpenPGP key: Argo CD syncs only commits that one of these keys signed.",
)
@click.option("--argocd-url", help="Where the Git host reaches Argo CD's API, for a webhook.")
@click.option("--adopt", is_flag=True, help="Use the existing Argo CD; leave its installation alone.")
@click.option("--argocd-namespace", help="With --adopt: its namespace (default: where it is found).")
@click.option("--repo-only", is_flag=True, help="Lay out the repository; touch no cluster.")
@click.option("--cluster-only", is_flag=True, help="Bring a cluster up from the repository; push nothing.")
@together(*CREDENTIAL)
@click.option("--argocd-token-file", type=_FILE, help="A separate token for Argo CD (read access is enough).")
@click.option("--argocd-ssh-key", type=_FILE, help="A separate SSH key for Argo CD.")
@click.option("--deploy-key", is_flag=True, help="Let Argo CD read with a deploy key of this repository.")
@click.option("--api-url", help="The Git host's web address, if REPO_URL is an SSH URL.")
@click.option("--author", metavar="'NAME <EMAIL>'", help="The commits' author (default: git's).")
@click.option("--sign", is_flag=True, help="Sign the commits, as git is configured to.")
@click.option("--message-suffix", default="", help="Append this to each commit's subject, such as [skip ci].")
@click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take over fields of other managers, and a cluster that follows another repository.",
)
@click.option(
    "--pr",
    is_flag=True,
    help="Propose the layout as a pull request; once it is merged, run the same command again.",
)
@click.option(
    "--continue",
    "go_on",
    is_flag=True,
    help="Continue with the cluster, once the pull request of --pr is merged.",
)
@click.option("--downgrade", is_flag=True, help="Lay an older catalog out over a newer one.")
@click.option(
    "--dry-run", is_flag=True, help="Show the whole plan and change nothing; exit 1 if it has steps."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the first change.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for Synced and Healthy.")
@click.option("--no-wait", is_flag=True, help="Do not wait; end when everything is applied.")
@common
def command(output: Output, **options: Any) -> int:
    """Lay out a GitOps repository and install Argo CD from it.

    Pushes the layout first, then applies Argo CD and the root Application, and waits until all
    is Synced and Healthy. Run it again at any time: it does only what is left.

    \b
    Examples:
      bootstrap init https://git.example.com/platform/gitops.git --domain example.com
      bootstrap init git@git.example.com:platform/gitops.git \\
        --ssh-key ~/.ssh/id_ed25519 --with traefik
      bootstrap init https://git.example.com/platform/gitops.git --dry-run
      bootstrap init https://git.example.com/platform/gitops.git --cluster-only --cluster edge
    """
    from bootstrap.init.request import Request, variant_of
    from bootstrap.init.run import initialise

    options["with_components"] = options.pop("with_")
    options["without_components"] = options.pop("without")
    options["variant"] = variant_of(options.pop("ha"), options.pop("core"))
    return initialise(Request(**options), output)
