"""`bootstrap ci`: the pipelines of an application and of the GitOps repository, laid out as files."""

from __future__ import annotations

from typing import Any, TextIO

import click

from bootstrap.commands.options import BY_TOKEN, common, together
from bootstrap.core.output import Output


@click.group()
def command() -> None:
    """Lay out CI: build images, write them to the GitOps repository, check its changes."""


@command.command()
@click.argument("path", default=".")
@click.option("--provider", type=click.Choice(["github", "gitlab"]), required=True, help="The CI system.")
@click.option(
    "--gitops", is_flag=True, help="PATH is the GitOps repository (default: an application's repository)."
)
@click.option(
    "--action", metavar="OWNER/REPO@COMMIT", help="GitHub: the repository with bootstrap's action.yml."
)
@click.option(
    "--image", metavar="REFERENCE", help="GitLab: an image of bootstrap, built from its Dockerfile."
)
@click.option("--branch", help="GitHub: the branch to publish (default: the repository's).")
@click.option("--app", help="The folder below apps/ in the GitOps repository (default: PATH's name).")
@click.option(
    "--env", "environment", default="dev", show_default=True, help="The environment that gets every build."
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME=FOLDER",
    help="A service and the folder of its Dockerfile.",
)
@click.option(
    "--entry",
    "entries",
    multiple=True,
    metavar="SERVICE=NAME",
    help="The name of a service's image (default: APP/SERVICE).",
)
@click.option(
    "--registry", "registries", multiple=True, metavar="HOST/NAMESPACE", help="Where images are pushed."
)
@click.option("--gitops-repo", "gitops_repository", metavar="URL", help="The GitOps repository.")
@click.option("--fetch-charts", is_flag=True, help="With --gitops: render charts too, which helm fetches.")
@click.option("--dry-run", is_flag=True, help="Show what would be written; exit 1 if anything.")
@common
def init(
    output: Output,
    path: str,
    provider: Any,
    gitops: bool,
    action: str | None,
    image: str | None,
    services: tuple[str, ...],
    entries: tuple[str, ...],
    dry_run: bool,
    **options: Any,
) -> int:
    """Write workflows into the repository at PATH (default: here), keeping files that differ.

    In an application's repository: test, build, push and bump, one file per service, so that each is
    built when its own files change. With --gitops, in the GitOps repository: validate every change and
    show what it changes in the clusters. Several --registry: the cluster pulls from the first.
    Without --service, every Dockerfile at the top or one folder below is a service. Exit status 1 when a
    different file was kept.

    \b
    Examples:
      bootstrap ci init --provider github --action OWNER/REPO@COMMIT \\
        --gitops-repo https://github.com/org/gitops.git --app shop \\
        --service web=web --registry ghcr.io/org --registry docker.io/org
      bootstrap ci init --provider github --action OWNER/REPO@COMMIT --gitops ../gitops
      bootstrap ci init --provider gitlab --image registry.example.com/bootstrap@sha256:… --gitops
    """
    from bootstrap.ci.lay_out import Asked, lay_out

    tool = _tool(provider, action, image)
    if gitops and (
        services or entries or options["registries"] or options["gitops_repository"] or options["app"]
    ):
        names = "--service, --entry, --registry, --gitops-repo and --app"
        raise click.UsageError(f"{names} cannot be combined with --gitops")
    if options["fetch_charts"] and not gitops:
        raise click.UsageError("--fetch-charts has no effect without --gitops")
    asked = Asked(
        path,
        provider,
        gitops,
        tool,
        folders=_pairs("--service", services),
        entries=_pairs("--entry", entries),
        **options,
    )
    return lay_out(asked, output, dry_run=dry_run)


def _tool(provider: str, action: str | None, image: str | None) -> str:
    """The source of bootstrap for pipelines. It has no default: it gets a token that may write to Git."""
    wanted, other = ("--action", "--image") if provider == "github" else ("--image", "--action")
    given, surplus = (action, image) if provider == "github" else (image, action)
    if surplus is not None:
        raise click.UsageError(f"{other} has no effect with --provider {provider}")
    if given is None:
        what = (
            "OWNER/REPO@COMMIT of a repository with bootstrap"
            if provider == "github"
            else "an image of bootstrap"
        )
        raise click.UsageError(f"give {wanted}: {what}, which you trust with a token (docs/ci.md)")
    return given


def _pairs(option: str, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, what = value.partition("=")
        if not equals or not name or not what:
            raise click.UsageError(f"{option} {value!r}: give it as NAME=VALUE")
        if name in found:
            raise click.UsageError(f"{option} names {name} twice")
        found[name] = what.removesuffix("/") or what
    return found


@command.command()
@click.argument("file", type=click.File(encoding="utf-8", errors="replace"), default="-")
@click.option("--name", default="diff", show_default=True, help="Which comment: each name has its own.")
@click.option("--repo", metavar="URL", help="The repository (default: what the CI system says).")
@click.option(
    "--number",
    type=click.IntRange(1),
    help="The pull request's number (default: what the CI system says).",
)
@click.option("--link", metavar="URL", help="Where the full text is, if it is too long (default: the run).")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds to retry a busy host.")
@click.option("--dry-run", is_flag=True, help="Print the comment's text, and write nothing.")
@together(*BY_TOKEN)
@common
def comment(output: Output, file: TextIO, dry_run: bool, **options: Any) -> int:
    """Write the Markdown in FILE (default: standard input) as a comment.

    On a pull request of GitHub, Gitea, Forgejo or GitLab: one comment, which the next run updates in
    place. Text that is too long for a comment is cut between two blocks, with a link to the run. Other
    people's comments are never changed. In a workflow of one of these hosts, only the token must be given.

    \b
    Examples:
      bootstrap diff --rev origin/main...HEAD -o markdown | bootstrap ci comment
      bootstrap ci comment diff.md --repo https://git.example.com/org/gitops --number 7
    """
    from bootstrap.ci.comment import Asked
    from bootstrap.ci.comment import comment as write

    return write(Asked(file.read(), **options), output, dry_run=dry_run)
