"""Options that every command has, and how a command gets its `Output`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.core.verbose import to


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
