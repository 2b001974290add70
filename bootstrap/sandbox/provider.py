"""Which kind of sandbox a name stands for, and the same two verbs for each."""

from __future__ import annotations

from bootstrap.invocation import Invocation
from bootstrap.output import Output
from bootstrap.sandbox import lifecycle


def down(name: str, invocation: Invocation, output: Output, purge: bool) -> list[str]:
    """End the sandbox, whatever provides it."""
    return lifecycle.down(name, invocation, output, purge)
