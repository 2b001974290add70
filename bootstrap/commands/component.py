"""`bootstrap component`: what runs on a cluster, one line each, switched on and off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bootstrap.commands.options import common
from bootstrap.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLACE = (
    click.option(
        "--cluster", default="default", show_default=True, help="The cluster's folder below clusters/."
    ),
    click.option("--path", help="The repository, or the layout's folder in it (default: here)."),
    click.option("--repo", metavar="URL", help="The repository, without a checkout of it."),
    click.option("--branch", help="Its branch (default: the repository's, or the one checked out)."),
    click.option("--username", default="git", show_default=True, help="The user name of a token."),
    click.option("--token-file", type=_FILE, help="A file with the Git host's token (or GIT_TOKEN)."),
    click.option("--ssh-key", type=_FILE, help="A private key (default: the agent's)."),
    click.option("--known-hosts", type=_FILE, help="The hosts' SSH keys (default: ~/.ssh/known_hosts)."),
    click.option("--ca-file", type=_FILE, help="A CA that signed the Git host's certificate."),
)
_COMMIT = (
    click.option(
        "--push", is_flag=True, help="Commit and push; without it, the file is changed and no more."
    ),
    click.option("--message", help="The commit's message."),
    click.option("--author", metavar="'NAME <EMAIL>'", help="The commit's author (default: git's)."),
    click.option("--dry-run", is_flag=True, help="Say what would change; exit 1 if anything."),
    click.option("--timeout", default=300.0, show_default=True, help="Seconds to keep trying to push."),
)


def _with(*groups: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return add


@click.group()
def command() -> None:
    """Switch a cluster's components on and off, one line each."""


@command.command("list")
@_with(_PLACE)
@common
def list_(output: Output, **options: Any) -> None:
    """List the components that the cluster's kustomization names, on or off.

    \b
    Examples:
      bootstrap component list
      bootstrap component list --cluster edge -o json
    """
    from bootstrap.component_switch import reading

    with reading(_where(options), output) as cluster:
        rows = [
            (item.name, "on" if item.on else "off", ", ".join(cluster.traits[item.name].provides), item.about)
            for item in cluster.offers.values()
        ]
    keys = ("name", "state", "provides", "about")
    output.result([dict(zip(keys, row, strict=True)) for row in rows])
    output.table([key.upper() for key in keys], rows)


@command.command()
@click.argument("name")
@_with(_PLACE)
@common
def show(output: Output, name: str, **options: Any) -> None:
    """Show what a component brings, needs and excludes.

    \b
    Example:
      bootstrap component show loki
    """
    from bootstrap import components
    from bootstrap.component_switch import reading

    with reading(_where(options), output) as cluster:
        (item,) = components.choose(dict(cluster.offers), [name], "the component's name")
        traits = cluster.traits[item.name]
    data = {
        "name": item.name,
        "state": "on" if item.on else "off",
        "about": item.about,
        "folder": item.entry.removeprefix("../../"),
        "charts": dict(traits.charts or {}),
        "waves": list(traits.waves),
        "provides": list(traits.provides),
        "requires": list(traits.requires),
        "conflicts": list(traits.conflicts),
        "expects": list(traits.expects),
        "warnings": list(traits.warnings),
    }
    lines = [f"{key:10}{_text(value)}" for key, value in data.items() if value]
    output.result(data, "\n".join(lines))


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--both", is_flag=True, help="Take it beside an alternative that is on.")
@_with(_PLACE, _COMMIT)
@common
def enable(output: Output, names: tuple[str, ...], both: bool, **options: Any) -> int:
    """Switch components on, with what they require.

    \b
    Examples:
      bootstrap component enable loki
      bootstrap component enable jaeger --cluster edge --push
    """
    from bootstrap import component_switch

    return component_switch.enable(names, both, _where(options), output)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_with(_PLACE, _COMMIT)
@common
def disable(output: Output, names: tuple[str, ...], **options: Any) -> int:
    """Switch components off; Argo CD prunes what they brought.

    \b
    Example:
      bootstrap component disable traefik --push
    """
    from bootstrap import component_switch

    return component_switch.disable(names, _where(options), output)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _where(options: dict[str, Any]) -> Any:
    from bootstrap.image_source import Access
    from bootstrap.layout_write import Where

    names = ("repo", "branch", "username", "token_file", "ssh_key", "known_hosts", "ca_file")
    access = Access(options["path"], **{name: options[name] for name in names})
    rest = ("push", "dry_run", "message", "author", "timeout")
    return Where(options["cluster"], access, **{name: options[name] for name in rest if name in options})
