"""The -o option of commands that write more than text and JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.core.verbose import to


def formatted(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `common`, with these formats: the function gets `output: Output` and `format: str`.

    Errors are JSON only for `-o json`: readers of the other formats check the exit status.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "-o", "--output", "format", type=click.Choice(formats), default=formats[0], help="Output format."
        )
        @click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
        @click.option("-v", "--verbose", is_flag=True, help="Print each call and file as it happens.")
        @functools.wraps(function)
        def wrapper(format: str, quiet: bool, verbose: bool, **options: Any) -> Any:
            context = click.get_current_context()
            invocation = context.ensure_object(Invocation)
            output = Output(
                invocation, format="json" if format == "json" else "text", quiet=quiet, verbose=verbose
            )
            context.meta["bootstrap.core.output"] = output
            with to(output.detail if verbose else None):
                return function(output=output, format=format, **options)

        return wrapper

    return decorate
