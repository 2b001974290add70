"""`bootstrap env`: the environments of a layout, which are its overlays."""

from __future__ import annotations

from typing import Any

import click

from bootstrap.commands.layout_options import COMMIT, place, where, with_options
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_PLACE = place()


@click.group()
def command() -> None:
    """List the environments, and create a new one from another."""


@command.command("list")
@with_options(_PLACE)
@common
def list_(output: Output, **options: Any) -> int:
    """List the environments, the apps that have them, and which of those this cluster runs.

    \b
    Example:
      bootstrap env list
    """
    from bootstrap.app import env_list

    return env_list.list_environments(where(options), output)


@command.command()
@click.argument("name")
@click.option("--from", "source", required=True, metavar="ENV", help="The environment to copy.")
@click.option("--app", help="Only for this app (default: for every app that has it).")
@click.option("--domain", help="Hosts are NAME.DOMAIN (default: NAME.ENV and the cluster's domain).")
@with_options(_PLACE, COMMIT)
@common
def add(output: Output, name: str, source: str, app: str | None, domain: str | None, **options: Any) -> int:
    """Create an environment from another: namespace, Application, hosts and paths follow its name.

    \b
    Examples:
      bootstrap env add qa --from staging
      bootstrap env add qa --from staging --app shop --domain qa.example.com --push
    """
    from bootstrap.app import env_add

    request = env_add.EnvRequest(name, source, app, domain)
    return env_add.add(request, where(options), output)
