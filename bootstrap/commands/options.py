"""Options that every command has, and how a command gets its `Output`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bootstrap.core.invocation import Invocation
from bootstrap.core.next_run import Given, carrying
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
        with to(output.detail if verbose else None), carrying(*_line(context)):
            return function(output=output, **options)

    return wrapper


def _line(context: click.Context) -> tuple[str, Given, Callable[[str], frozenset[str]]]:
    """The command, its options on the command line, and which options another command has."""
    from click.core import ParameterSource

    given: dict[str, list[str]] = {}
    for option in context.command.params:
        name = option.name or ""
        if isinstance(option, click.Option) and (
            context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ):
            value = context.params[name]
            values = value if isinstance(value, tuple) else (value,)
            given[option.opts[0]] = [] if option.is_flag else [str(one) for one in values]
    root = context.find_root()

    def takes(words: str) -> frozenset[str]:
        found: Any = root.command
        for word in words.split():
            found = found.get_command(root, word)
        names = {name for option in found.params for name in option.opts if isinstance(option, click.Option)}
        return frozenset(names | {"REPO_URL" for one in found.params if one.name == "repo_url"})

    return context.command_path.partition(" ")[2], given, takes
