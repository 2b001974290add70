"""`bootstrap app`: lay out, list and remove the apps of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands.layout_options import COMMIT, place, where, with_options
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLACE = place("--in")


@click.group()
def command() -> None:
    """Add, list and remove apps: a base, overlays, one line per cluster."""


@command.command()
@click.argument("name")
@click.option("--image", metavar="IMAGE:TAG", help="Run an image, with the app's own manifests.")
@click.option("--port", type=int, help="The port that the image listens on.")
@click.option("--host", help="Serve this host, with TLS.")
@click.option("--gateway", is_flag=True, help="Use the Gateway API instead of an Ingress.")
@click.option("--replicas", type=int, help="Number of pods (default: 1, or the autoscaler's).")
@click.option(
    "--env-from",
    multiple=True,
    metavar="secret/NAME|configmap/NAME",
    help="Set variables from a Secret or ConfigMap; secret/NAME:KEY,KEY gets random values.",
)
@click.option(
    "--health", metavar="PATH", help="A path that answers 200 (default: check that the port is open)."
)
@click.option("--user", type=int, help="The numeric ID of the image's user (default: 10001).")
@click.option("--chart", metavar="REPO/CHART", help="Run a chart: https://… or oci://….")
@click.option("--version", help="The chart's version.")
@click.option("--values", type=_FILE, help="A file with the chart's values.")
@click.option("--git", metavar="URL", help="Run the manifests of another repository.")
@click.option("--path", help="With --git: the folder of the manifests.")
@click.option("--revision", help="With --git: a tag, branch or commit.")
@click.option(
    "--env",
    "environments",
    multiple=True,
    metavar="ENV",
    help="An environment (default: those that run here).",
)
@with_options(_PLACE, COMMIT)
@common
def add(output: Output, values: Path | None, **options: Any) -> int:
    """Lay out an app and switch it on.

    \b
    Examples:
      bootstrap app add shop --image ghcr.io/acme/shop:1.4.2 --port 8080 --host shop.example.com
      bootstrap app add shop --image ghcr.io/acme/shop:1.4.2 --port 8080 \\
        --env-from secret/shop:API_KEY
      bootstrap app add cache --chart https://charts.example.com/stable/redis --version 19.0.1
      bootstrap app add site --git https://git.example.com/web/site.git \\
        --path deploy --revision v2.0.0
    """
    from dataclasses import fields

    from bootstrap.app import add as app_add
    from bootstrap.app.request import AppRequest

    names = {field.name for field in fields(AppRequest)} - {"values"}
    given = {name: options.pop(name) for name in names}
    content = _mapping(values) if values is not None else None
    return app_add.add(AppRequest(**given, values=content), where(options, "in"), output)


@command.command("list")
@with_options(_PLACE)
@common
def list_(output: Output, **options: Any) -> int:
    """List the apps and their environments, what each runs, and whether it is on.

    \b
    Examples:
      bootstrap app list
      bootstrap app list --cluster edge -o json
    """
    from bootstrap.app import list as app_list

    return app_list.list_apps(where(options, "in"), output)


@command.command()
@click.argument("name")
@click.option("--env", metavar="ENV", help="Remove only this environment.")
@click.option("--force", is_flag=True, help="Also remove what someone has edited or added.")
@with_options(_PLACE, COMMIT)
@common
def remove(output: Output, name: str, env: str | None, force: bool, **options: Any) -> int:
    """Remove an app from the layout, and report what Argo CD deletes.

    Deletes its files and its lines in every cluster.

    \b
    Examples:
      bootstrap app remove shop --dry-run
      bootstrap app remove shop --env staging --push
    """
    from bootstrap.app import remove as app_remove

    return app_remove.remove(name, env, force, where(options, "in"), output)


def _mapping(path: Path) -> bytes:
    """The content of a values file; InputError unless it is a mapping."""
    from bootstrap.core.errors import InputError
    from bootstrap.manifests.reader import documents

    content = path.read_bytes()
    items = documents(content, str(path))
    if len(items) > 1 or not all(isinstance(item, dict) for item in items):
        found, hint = f"{path} is not a mapping", "give a file of keys and values"
        raise InputError("reading --values", found, hint, str(path))
    return content
