"""Options of the commands that edit a layout: where it is, and what to do with the edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bootstrap.commands.options import CREDENTIAL, Options, together

if TYPE_CHECKING:
    from bootstrap.edit.carry_out import Where


def place(folder: str = "--path", cluster: bool = True) -> Options:
    """Where the layout is; `folder` is the option that names it on this machine or in the repository."""
    named = click.option(
        "--cluster", default="default", show_default=True, help="The cluster's folder below clusters/."
    )
    return (
        *((named,) if cluster else ()),
        click.option(
            folder, metavar="PATH", help="The repository, or the layout's folder in it (default: here)."
        ),
        click.option("--repo", metavar="URL", help="The repository by URL, without a checkout."),
        click.option("--branch", help="The branch (default: the repository's, or the one checked out)."),
        *CREDENTIAL,
    )


COMMIT: Options = (
    click.option("--push", is_flag=True, help="Commit and push; without it, only the files are changed."),
    click.option("--pr", is_flag=True, help="Propose the commit as a pull request."),
    click.option("--message", help="The commit's message."),
    click.option("--author", metavar="'NAME <EMAIL>'", help="The commit's author (default: git's)."),
    click.option("--sign", is_flag=True, help="Sign the commit, as git is configured to."),
    click.option("--dry-run", is_flag=True, help="Show what would change; exit 1 if anything."),
    click.option("--timeout", default=300.0, show_default=True, help="Seconds to keep trying to push."),
)


def with_options(*groups: Options) -> Callable[..., Any]:
    """A decorator that adds the options, in their order."""
    return together(*(option for group in groups for option in group))


def where(options: dict[str, Any], folder: str = "path") -> Where:
    """The options as one value."""
    from bootstrap.edit.access import Access
    from bootstrap.edit.carry_out import Where

    names = ("repo", "branch", "username", "token_file", "ssh_key", "known_hosts", "ca_file")
    access = Access(options[folder], **{name: options[name] for name in names})
    rest = ("cluster", "push", "pr", "dry_run", "message", "author", "sign", "timeout")
    return Where(access=access, **{name: options[name] for name in rest if name in options})
