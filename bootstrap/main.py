"""The command table, and the one place where errors become text and an exit status."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from bootstrap import __version__
from bootstrap.core.errors import BootstrapError, ExitStatus, InputError, OutputError
from bootstrap.core.invocation import COMPLETE, Invocation

COMMANDS = {
    "init": "Lay out a GitOps repository and install Argo CD from it.",
    "upgrade": "Merge a newer catalog, Argo CD or charts, and keep every edit.",
    "sandbox": "A real cluster, Argo CD and Git host on this machine, without Docker.",
    "image": "List and set the images in a GitOps repository, safely from many pipelines at once.",
    "component": "Switch a cluster's components on and off, one line each.",
    "app": "Add, list and remove apps: a base, overlays, one line per cluster.",
    "env": "List the environments, and create a new one from another.",
    "argocd": "Print the initial password of the installed Argo CD.",
    "cluster": "Rotate what a cluster and its Git host share; move it to another repository, or rename it.",
    "backup": "Save what a cluster has and Git does not, encrypted with age.",
    "restore": "Restore what a cluster lacks from a backup.",
    "uninstall": "Remove what init installed in a cluster, and nothing else.",
    "validate": "Check a GitOps repository: syntax, the app of apps, the chain to the pods, safety.",
    "trace": "Walk the chain behind a host: routes, Service, pods, configuration, data.",
    "status": "Show the Applications by wave: sync, health, revision, and what each waits for.",
    "wait": "Wait until an Application and all below it are Synced and Healthy.",
    "doctor": "Check programs, cluster, rights, clock, Argo CD, its queue and webhook, certificates.",
    "diff": "Show what differs in the rendered objects, by Application.",
    "graph": "Draw the app of apps, the objects of an app, or who talks to whom.",
    "ci": "Lay out CI: build images, write them to the GitOps repository, check its changes.",
    "completion": "Print the completion script for a shell.",
}
"""Name → help line. A command's module, with its imports, is loaded only when it is used."""


_UNWRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Why a stream accepts no more output."""


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
    if invocation is None:
        invocation = Invocation()
        if "PATH" in os.environ:  # by which GitPython looks for git
            os.environ["PATH"] = invocation.environ["PATH"]
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given, invocation)
    except BrokenPipeError:
        sys.stdout = None  # the reader is gone: no second error when Python flushes at exit
        return ExitStatus.OK
    except OSError as error:  # what click prints by itself, such as --help
        found = error.strerror or str(error)
        return _report_unwritten(OutputError("writing the output", found, "redirect the output"), invocation)
    except OutputError as error:
        return _report_unwritten(error, invocation)


def _run(arguments: list[str], invocation: Invocation) -> int:
    context_output: list[Any] = []
    try:
        arguments = [_text(arguments, number) for number in range(len(arguments))]
        with cli.make_context("bootstrap", list(arguments)) as context:
            context.obj = invocation
            context_output.append(context)
            try:
                status = cli.invoke(context)
            finally:
                _tell_notices(context_output, invocation)
            return int(status) if isinstance(status, int) else ExitStatus.OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # since click 8.2
            error.show(file=invocation.stderr)
        else:
            format = "json" if _wants_json(arguments) else "text"
            _output([], invocation, format).error(_as_ours(error))
        return ExitStatus.INPUT
    except (click.Abort, KeyboardInterrupt):
        return _report_interrupted(invocation)
    except (BrokenPipeError, OutputError):
        raise
    except BootstrapError as error:
        format = "json" if _wants_json(arguments) else "text"  # of a run that had no Output yet
        _output(context_output, invocation, format).error(error)
        return error.exit_status
    except Exception as error:
        if isinstance(error, OSError) and _is_of_a_stream(error):
            raise
        return _report_bug(error, _output(context_output, invocation))


def _text(arguments: list[str], number: int) -> str:
    """An argument, read as UTF-8 whatever the locale; InputError for bytes that no commit can contain."""
    try:
        return os.fsencode(arguments[number]).decode()
    except UnicodeDecodeError as error:
        before = arguments[number - 1] if number else ""
        what = f"the value of {before}" if before.startswith("--") else f"argument {number + 1}"
        found = f"{what} has bytes that are not UTF-8: {os.fsencode(arguments[number])!r}"
        raise InputError("reading the command line", found, "give it in UTF-8") from error


def _report_interrupted(invocation: Invocation) -> int:
    """One line, and what is unknown from here."""
    from bootstrap.core import interruption, process_group

    process_group.finish()
    with suppress(OSError):  # the terminal may be gone: that is what SIGHUP means
        invocation.stderr.write("\ninterrupted\n")
        shown = _output([], invocation)
        for text in interruption.unknown_results():
            invocation.stderr.write(f"{shown.printable(text, invocation.stderr)}\n")
        invocation.stderr.flush()
    return interruption.status()


def _tell_notices(contexts: list[Any], invocation: Invocation) -> None:
    for notice in dict.fromkeys(invocation.notices):
        _output(contexts, invocation).warn(notice)
    for remark in dict.fromkeys(invocation.remarks):
        _output(contexts, invocation).info(f"warning: {remark}")


def _is_of_a_stream(error: OSError) -> bool:
    """Whether click could not print what it prints by itself, such as --help."""
    frames = traceback.walk_tb(error.__traceback__)
    return error.errno in _UNWRITTEN and any(
        frame.f_globals.get("__name__") == "click.utils" for frame, _ in frames
    )


def _wants_json(arguments: list[str]) -> bool:
    """Whether the command line asks for JSON, as far as an invalid one can tell."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    return any(
        word in ("-ojson", "--output=json") or (word in ("-o", "--output") and value == "json")
        for word, value in pairs
    )


def _as_ours(error: click.ClickException) -> InputError:
    """A usage error of click's as one of ours."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "bootstrap"
    found = " ".join(error.format_message().split()).rstrip(".")
    return InputError("reading the command line", found[:1].lower() + found[1:], f"see {command} --help")


def _report_unwritten(error: OutputError, invocation: Invocation) -> ExitStatus:
    """Reported on standard error, whatever the format: standard output accepts no more."""
    sys.stdout = None  # nor does it accept the flush at exit
    with suppress(OSError, OutputError):
        _output([], invocation).error(error)
    return ExitStatus.OUTPUT


def main() -> None:
    """The console script; also called by a shell that completes a word."""
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "bootstrap", COMPLETE, instruction))
    from bootstrap.core import interruption

    interruption.listen()
    for stream in (sys.stdout, sys.stderr):
        _never_fails_to_encode(stream)
    sys.exit(run())


def _never_fails_to_encode(stream: Any) -> None:
    """What a stream's encoding does not have (a name in an ASCII locale) is written as an escape."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")


def _output(contexts: list[Any], invocation: Invocation, format: str = "text") -> Any:
    from bootstrap.core.output import Output

    found = contexts[0].meta.get("bootstrap.core.output") if contexts else None
    return found or Output(invocation, format=format)


def _report_bug(error: Exception, output: Any) -> ExitStatus:
    """Write the traceback to a log that only its owner can read; print its path."""
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
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    stderr = output.invocation.stderr
    stderr.write(output.printable(f"error: unexpected {summary}\n  to do: {place}\n", stderr))
    return ExitStatus.BUG
