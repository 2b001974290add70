"""Options that every command has, and how a command gets its `Output`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.core.verbose import to

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Options = tuple[Callable[..., Any], ...]

CREDENTIAL: Options = (
    click.option("--username", help="The user name that goes with a token (default: GIT_USERNAME, or git)."),
    click.option(
        "--token-file", type=_FILE, help="A file with the Git host's token (or GIT_TOKEN, GIT_TOKEN_FILE)."
    ),
    click.option("--ssh-key", type=_FILE, help="A private key (default: the agent's)."),
    click.option(
        "--known-hosts",
        type=_FILE,
        help="The hosts' SSH keys (default: GIT_SSH_KNOWN_HOSTS, or ~/.ssh/known_hosts).",
    ),
    click.option("--ca-file", type=_FILE, help="A CA that signed the Git host's certificate."),
)
"""How to authenticate to a Git host."""
BY_TOKEN: Options = (CREDENTIAL[0], CREDENTIAL[1], CREDENTIAL[4])
"""The same, where only its API is used."""


def together(*options: Callable[..., Any]) -> Callable[..., Any]:
    """One decorator in place of several, in their order."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -o/--output, -q/--quiet and -v/--verbose; the function gets them as `output: Output`."""

    @click.option(
        "-o", "--output", "format", type=click.Choice(["text", "json"]), default="text", help="Output format."
    )
    @click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
    @click.option("-v", "--verbose", is_flag=True, help="Print each call and file as it happens.")
    @functools.wraps(function)
    def wrapper(format: str, quiet: bool, verbose: bool, **options: Any) -> Any:
        context = click.get_current_context()
        invocation = context.ensure_object(Invocation)
        output = Output(invocation, format=format, quiet=quiet, verbose=verbose)
        context.meta["bootstrap.core.output"] = output
        with to(output.detail if verbose else None):
            return function(output=output, **options)

    return wrapper
