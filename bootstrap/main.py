"""The command table, and the one place where errors become text and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bootstrap import __version__
from bootstrap.errors import BootstrapError, ExitStatus
from bootstrap.invocation import Invocation

COMMANDS = {
    "init": "Lay out a GitOps repository and install Argo CD from it.",
    "sandbox": "A real cluster, Argo CD and Git host on this machine, without Docker.",
    "image": "List and set the images in a GitOps repository, safely from many pipelines at once.",
    "component": "Switch a cluster's components on and off, one line each.",
    "app": "Lay out apps as the voting app is laid out: base, overlays, one line a cluster.",
    "env": "List the environments, and make a new one from another.",
    "argocd": "Ask the installed Argo CD for its password.",
    "validate": "Check a GitOps repository: syntax, the app of apps, the chain to the pods, safety.",
    "trace": "Walk the chain behind a host: routes, Service, pods, configuration, data.",
    "status": "Show the Applications by wave: sync, health, revision, and what each waits for.",
    "wait": "Wait until an Application and all below it are Synced and Healthy.",
    "doctor": "Look at programs, cluster, rights, clock, Argo CD, its queue and webhook, certificates.",
    "diff": "Show what differs in the rendered objects, by Application.",
    "graph": "Draw the app of apps, the objects of an app, or who talks to whom.",
    "ci": "Lay out CI: build images and write them into the GitOps repository, check its changes.",
    "completion": "Print the completion script for a shell.",
}
"""Name → help line. A command's module, and what it imports, is loaded only when it is used."""


COMPLETE = "_BOOTSTRAP_COMPLETE"
"""The variable by which a shell's completion script asks."""


class CommandTable(click.Group):
    """Lists and loads commands by COMMANDS, so that `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"bootstrap.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=CommandTable,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit statuses: docs/exit-codes.md. Completion: bootstrap completion --help.",
)
@click.version_option(__version__, prog_name="bootstrap")
def cli() -> None:
    """Bootstrap a GitOps repository: Argo CD, infrastructure and apps, run by Git.

    \b
    Examples:
      bootstrap sandbox up
      bootstrap init https://git.example.com/platform/gitops.git --domain example.com
    """


def run(arguments: list[str] | None = None, invocation: Invocation | None = None) -> int:
    """Run one command and return its exit status; everything expected is printed, not raised."""
    invocation = invocation or Invocation()
    context_output: list[Any] = []
    try:
        with cli.make_context("bootstrap", list(sys.argv[1:] if arguments is None else arguments)) as context:
            context.obj = invocation
            context_output.append(context)
            status = cli.invoke(context)
            return int(status) if isinstance(status, int) else ExitStatus.OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show(file=invocation.stderr)
        return ExitStatus.INPUT
    except (click.Abort, KeyboardInterrupt):
        invocation.stderr.write("\ninterrupted\n")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader left: no second error when Python flushes at exit
        return ExitStatus.OK
    except BootstrapError as error:
        _output(context_output, invocation).error(error)
        return error.exit_status
    except Exception as error:
        return _report_bug(error, _output(context_output, invocation))


def main() -> None:
    """The console script; a shell that completes a word calls it, too."""
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "bootstrap", COMPLETE, instruction))
    sys.exit(run())


def _output(contexts: list[Any], invocation: Invocation) -> Any:
    from bootstrap.output import Output

    found = contexts[0].meta.get("bootstrap.output") if contexts else None
    return found or Output(invocation)


def _report_bug(error: Exception, output: Any) -> ExitStatus:
    """Write the traceback to a log that only its owner reads; say where it lies."""
    text = output.redact("".join(traceback.format_exception(error)))
    folder: Path = output.invocation.state_dir
    log = folder / "error.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.touch(mode=0o600)
        log.write_text(f"bootstrap {__version__}, Python {sys.version}\n\n{text}", encoding="utf-8")
        place = f"the traceback is in {log}; please report it"
    except OSError:
        place = f"the traceback could not be written to {log}:\n{text}"
    summary = output.redact(f"{type(error).__name__}: {error}".splitlines()[0])
    output.invocation.stderr.write(f"error: unexpected {summary}\n  to do: {place}\n")
    return ExitStatus.BUG
