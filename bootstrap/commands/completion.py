"""`bootstrap completion`: the shell's completion script, from click."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from bootstrap.commands.options import common
from bootstrap.core.invocation import COMPLETE
from bootstrap.core.output import Output


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
def command(output: Output, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      bootstrap completion bash > ~/.local/share/bash-completion/completions/bootstrap
      bootstrap completion zsh > "${fpath[1]}/_bootstrap"
      bootstrap completion fish > ~/.config/fish/completions/bootstrap.fish
    """
    root = click.get_current_context().find_root().command
    script_class = get_completion_class(shell)
    assert script_class is not None  # noqa: S101 - Choice allows only shells that click knows
    script = script_class(root, {}, "bootstrap", COMPLETE).source()
    output.result({"shell": shell, "script": script}, script.rstrip("\n"))
