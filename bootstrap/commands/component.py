"""`bootstrap component`: switch on and off what runs on a cluster, one line each."""

from __future__ import annotations

from typing import Any

import click

from bootstrap.commands import completing
from bootstrap.commands.layout_options import COMMIT, place, where, with_options
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_PLACE = place()


@click.group()
def command() -> None:
    """Switch a cluster's components on and off, one line each."""


@command.command("list")
@with_options(_PLACE)
@common
def list_(output: Output, **options: Any) -> None:
    """List the components that the cluster's kustomization names, on or off.

    A component whose folder is not in the repository is shown as missing.

    \b
    Examples:
      bootstrap component list
      bootstrap component list --cluster edge -o json
    """
    from bootstrap.component.list import list_components

    list_components(where(options), output)


@command.command()
@click.argument("name", shell_complete=completing.components)
@with_options(_PLACE)
@common
def show(output: Output, name: str, **options: Any) -> None:
    """Show what a component provides, requires and conflicts with.

    \b
    Example:
      bootstrap component show loki
    """
    from bootstrap.component.show import show_component

    show_component(name, where(options), output)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completing.components)
@click.option("--both", is_flag=True, help="Switch it on even if an alternative is on.")
@with_options(_PLACE, COMMIT)
@common
def enable(output: Output, names: tuple[str, ...], both: bool, **options: Any) -> int:
    """Switch components on, with what they require.

    \b
    Examples:
      bootstrap component enable loki
      bootstrap component enable jaeger --cluster edge --push
    """
    from bootstrap.component import switch

    return switch.enable(names, both, where(options), output)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completing.components)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before Argo CD stops managing itself.")
@with_options(_PLACE, COMMIT)
@common
def disable(output: Output, names: tuple[str, ...], yes: bool, **options: Any) -> int:
    """Switch components off; Argo CD prunes their objects.

    \b
    Example:
      bootstrap component disable traefik --push
    """
    from bootstrap.component import switch

    return switch.disable(names, yes, where(options), output)
