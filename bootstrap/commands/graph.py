"""`bootstrap graph`: pictures of a cluster, from Git."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands.formats import formatted
from bootstrap.core.output import Output

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("path", type=_FOLDER, default=".")
@click.option(
    "--apps", "view", flag_value="apps", default=True, help="The app of apps by wave (the default)."
)
@click.option("--resources", "view", flag_value="resources", help="The objects, and what they need.")
@click.option(
    "--network", "view", flag_value="network", help="Who talks to whom, and which connections are blocked."
)
@click.option("--app", "application", help="Only this Application.")
@click.option("--cluster", help="The cluster (a folder below clusters/).")
@click.option("--env", "environment", help="Only the Applications of this environment.")
@click.option("--fetch-charts", is_flag=True, help="Also render charts, which helm fetches.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@formatted("html", "svg", "mermaid", "dot", "json")
def command(
    output: Output,
    format: str,
    path: Path,
    view: str,
    application: str | None,
    cluster: str | None,
    environment: str | None,
    fetch_charts: bool,
    no_cache: bool,
) -> int:
    """Draw the app of apps, the objects of an app, or who talks to whom.

    The HTML page is one file that needs no network: searchable, zoomable, usable by keyboard. On a
    terminal, a page or picture is written to a file in this folder; its name is printed.

    \b
    Examples:
      bootstrap graph > apps.html
      bootstrap graph --network -o mermaid
      bootstrap graph --resources --app voting-app-dev -o svg > voting-app.svg
    """
    from bootstrap.graph.run import show_graph
    from bootstrap.repository.lookup import Request

    request = Request(path, cluster, environment, fetch_charts, not no_cache)
    return show_graph(request, view, application, output, format)
