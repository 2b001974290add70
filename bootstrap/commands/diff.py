"""`bootstrap diff`: what a change in Git changes in the clusters."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.formats import formatted
from bootstrap.core.output import Output

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=_FOLDER, default=".")
@click.option(
    "--rev",
    "revisions",
    metavar="A..B",
    help="Two revisions (A...B: since they diverged), or one against the work tree.",
)
@click.option("--live", is_flag=True, help="Compare Git with the cluster, by the API server's dry run.")
@click.option("--cluster", help="Only this cluster (a folder below clusters/).")
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="With --live: the kubeconfig's context (default: its current one).",
)
@click.option("--app", "application", help="Only this Application.")
@click.option("--check-images", is_flag=True, help="Ask the registries whether new images exist.")
@click.option("--fetch-charts", is_flag=True, help="Also render charts, which helm fetches.")
@click.option(
    "--kubernetes",
    metavar="RELEASE",
    help="Render charts for it (default: what bootstrap.yaml says, or 1.36; --live: the cluster's).",
)
@click.option(
    "--api-versions",
    multiple=True,
    metavar="GROUP/VERSION[/KIND]",
    help="With --fetch-charts: a version that the cluster serves and Git does not define; may be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=60_000,
    show_default=True,
    metavar="CHARACTERS",
    help="With -o markdown: objects beyond it are only named.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@formatted("text", "markdown", "json")
def command(
    output: Output,
    format: str,
    path: Path,
    revisions: str | None,
    live: bool,
    cluster: str | None,
    context: str | None,
    application: str | None,
    check_images: bool,
    fetch_charts: bool,
    kubernetes: str | None,
    api_versions: tuple[str, ...],
    limit: int,
    no_cache: bool,
) -> int:
    """Show what differs in the rendered objects, by Application.

    Between two revisions, between one and the work tree (HEAD, unless --rev says another), or
    between Git and the cluster. Values of Secrets are never shown. Exit status 1 when something differs.

    What a reviewer must not miss is listed separately: changes that the API server refuses, data at risk,
    what is really deleted and what is left behind, wider rights, other images, and files that
    change many Applications.

    \b
    Examples:
      bootstrap diff
      bootstrap diff --rev origin/main..HEAD -o markdown
      bootstrap diff --rev origin/main...HEAD --fetch-charts
      bootstrap diff --live --cluster default
    """
    from bootstrap.core.argocd_renderers import numbers
    from bootstrap.core.errors import InputError
    from bootstrap.diff.run import Charts, Request, diff

    if live and revisions:
        raise InputError("reading --live", "--rev is given too", "give one of the two")
    if kubernetes is not None and numbers(kubernetes) is None:
        raise InputError("reading --kubernetes", f"{kubernetes!r} is not a release", "write it as 1.36")
    charts = Charts(fetch_charts, kubernetes or "", api_versions)
    request = Request(
        path, revisions, live, cluster, context, application, not no_cache, check_images, charts
    )
    return diff(request, output, format, limit)
