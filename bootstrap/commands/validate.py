"""`bootstrap validate`: read the repository, run the rules, print what they find."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands.formats import formatted
from bootstrap.core.output import Output

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=_FOLDER, default=".")
@click.option("--cluster", help="Only this cluster (a folder below clusters/).")
@click.option("--changed-since", metavar="REV", help="Only what concerns files changed since a revision.")
@click.option("--rules", metavar="IDS", help="Only these rules (GB3,GB401), or all but some (-GB404).")
@click.option(
    "--group",
    "groups",
    type=click.Choice(["hardening"]),
    multiple=True,
    help="Also use the rules of a group that is off by default; may be repeated.",
)
@click.option("--kubernetes", metavar="RELEASE", help="The cluster's release (default: 1.36).")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    default="warning",
    show_default=True,
    help="The least severity that causes exit status 1.",
)
@click.option("--baseline", type=_FILE, help="Omit the findings that this file lists.")
@click.option("--write-baseline", type=_FILE, help="Write the findings to a file, and exit 0.")
@click.option("--allow-remote", is_flag=True, help="Let kustomize fetch bases from other hosts.")
@click.option("--fetch-charts", is_flag=True, help="Also render charts, which helm fetches.")
@click.option(
    "--api-versions",
    multiple=True,
    metavar="GROUP/VERSION[/KIND]",
    help="With --fetch-charts: a version that the cluster serves and Git does not define; may be repeated.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option("--list-rules", is_flag=True, help="Print the rules (-o markdown: docs/rules.md).")
@formatted("text", "json", "sarif", "github", "junit", "markdown")
def command(
    output: Output,
    format: str,
    path: Path,
    cluster: str | None,
    changed_since: str | None,
    rules: str | None,
    groups: tuple[str, ...],
    kubernetes: str | None,
    fail_on: str,
    baseline: Path | None,
    write_baseline: Path | None,
    allow_remote: bool,
    fetch_charts: bool,
    api_versions: tuple[str, ...],
    no_cache: bool,
    list_rules: bool,
) -> int:
    """Check a GitOps repository: syntax, the app of apps, the chain to the pods, safety.

    Renders what every Application would apply and checks it together. Works on any GitOps
    repository; for a folder in one, only its findings are reported. Exit status 1 when something is found.

    \b
    Examples:
      bootstrap validate
      bootstrap validate --cluster default --changed-since origin/main -o github
      bootstrap validate --rules GB3,GB4 -o sarif > findings.sarif
      bootstrap validate apps/shop -o markdown
      bootstrap validate --list-rules
    """
    from bootstrap.validate import run

    if list_rules:
        return run.list_rules(output, format, path)
    request = run.Request(
        path,
        cluster,
        changed_since,
        rules,
        kubernetes,
        fail_on,
        baseline,
        write_baseline,
        allow_remote,
        fetch_charts,
        not no_cache,
        groups,
        api_versions,
    )
    return run.validate(request, output, format)
