"""The only printer: text for people, plain text when piped, JSON on request, secrets redacted.

Results go to stdout, everything else (progress, warnings, errors) to stderr. `rich` is loaded
only when there is a terminal to draw on. What --help does not need is imported where it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from bootstrap.core.errors import BootstrapError, OutputError
from bootstrap.core.invocation import Invocation

if TYPE_CHECKING:
    from rich.console import Console

HIDDEN = "[hidden]"
_CONTROLS = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
    "|\r(?!\n|\\Z)"
)
"""What moves a cursor, hides text or reverses it: all control characters but tabs and line breaks (CR LF,
too); and lone surrogates, which stand for bytes that are not UTF-8 and cannot be written."""
_IN_CI = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
"""Of these, one is set where a runner reads what is printed, perhaps through a terminal of its own."""


def _written(secret: str) -> set[str]:
    """The forms in which text, JSON and URLs may contain a secret."""
    from urllib.parse import quote, quote_plus

    escaped = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {secret, *escaped, quote(secret, safe=""), quote(secret), quote_plus(secret)}


class Progress:
    """What is being done right now: one line on a terminal, a line per change elsewhere."""

    def __init__(self, output: Output, title: str, console: Console | None) -> None:
        self._output = output
        self._title = title
        self._console = console
        self._status = console.status(output.printable(title, output.invocation.stderr)) if console else None
        self._last = ""

    def update(self, text: str) -> None:
        """Show the current state; repeats are dropped."""
        text = self._output.printable(text, self._output.invocation.stderr)
        if text == self._last:
            return
        self._last = text
        if self._status:
            from rich.text import Text

            self._status.update(Text(f"{self._title}: {text}"))
        else:
            self._output.info(f"{self._title}: {text}")

    @property
    def live(self) -> bool:
        """Whether progress is drawn on a terminal, so that `table` shows something."""
        return self._status is not None

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where there is none."""
        return self._console.width if self._console else None

    def table(self, lines: Sequence[str]) -> None:
        """Draw lines below the title, replacing what was drawn before; on a terminal only."""
        if self._status:
            from rich.text import Text

            shown = "\n".join((self._title, *lines))
            self._status.update(Text(self._output.printable(shown, self._output.invocation.stderr)))

    def detail(self, text: str) -> None:
        """Like `update`, for frequent changes: shown on a terminal, or with --verbose."""
        if self._status or self._output.verbose:
            self.update(text)

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        else:
            self._output.info(f"{self._title} …")
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()


class Output:
    """Prints for one run. `format` is `text` or `json`."""

    def __init__(
        self,
        invocation: Invocation,
        format: str = "text",
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self.invocation = invocation
        self.format = format
        self.quiet = quiet
        self.verbose = verbose
        self._consoles: dict[str, Console] = {}

    def redact(self, text: str) -> str:
        """Replace every secret of the run, plain and as JSON or a URL writes it, and escape controls.

        The longest go first, so that no part of one remains. Some of the output comes from a repository, a
        cluster or a host.
        """
        forms = {form for secret in self.invocation.secrets for form in _written(secret)}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return re.sub(_CONTROLS, _escaped, text)

    def printable(self, text: str, stream: TextIO) -> str:
        """The same, and without an order to a CI service: a runner may read all that is not a terminal.

        Where the output goes next, no variable says: through a pipe, out of a container, from a file.
        """
        text = self.redact(text)
        if stream.isatty() and not any(self.invocation.environ.get(name) for name in _IN_CI):
            return text
        from bootstrap.core import runner_orders

        return runner_orders.in_text(text)

    # -- results, on stdout -------------------------------------------------------------

    def line(self, text: str = "") -> None:
        """A line of a text result; nothing in JSON mode."""
        if self.format == "text":
            self._write(self.invocation.stdout, text)

    def command(self, text: str) -> None:
        """A line that is a command to a CI service; its content is already escaped."""
        self._write(self.invocation.stdout, text, commands=True)

    def result(self, data: Any, text: str | None = None) -> None:
        """The result: `data` as JSON, or `text` for a person."""
        if self.format == "json":
            self._write(self.invocation.stdout, as_json(data))
        elif text is not None:
            self._write(self.invocation.stdout, text)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table that fits the terminal, with a bold header; elsewhere its columns are as wide as needed."""
        if self.format != "text":
            return
        from bootstrap.core import table

        console = self.console(self.invocation.stdout)
        out = self.invocation.stdout
        redacted = [[self.printable(one_line(cell), out) for cell in row] for row in rows]
        found = table.lines(headers, redacted, console.width if console else None)
        if console:
            from rich.text import Text

            # The terminal itself wraps a word that is wider than it.
            console.print(Text(found[0], style="bold"), soft_wrap=True)
            for line in found[1:]:
                console.print(Text(line), soft_wrap=True)
            return
        for line in found:
            self.line(line)

    # -- everything else, on stderr -----------------------------------------------------

    def info(self, text: str) -> None:
        """Progress messages; silent with --quiet."""
        if not self.quiet:
            self._write(self.invocation.stderr, text)

    def step(self, text: str) -> None:
        """The same for a line of names: on a terminal that is too narrow, it is broken only at spaces."""
        from bootstrap.core import table

        console = self.console(self.invocation.stderr)
        for line in table.folded(text, console.width if console else None):
            self.info(line)

    def detail(self, text: str) -> None:
        """What only --verbose shows."""
        if self.verbose:
            self._write(self.invocation.stderr, text)

    def warn(self, text: str) -> None:
        self._write(self.invocation.stderr, f"warning: {text}")

    def error(self, error: BootstrapError) -> None:
        """Three lines: what was tried, what was found, what to do. A JSON object in JSON mode."""
        if self.format == "json":
            fields = {name: getattr(error, name) for name in ("tried", "found", "hint", "where")}
            body = {"error": {"kind": type(error).__name__, **fields}, "exit": int(error.exit_status)}
            self._write(self.invocation.stdout, as_json(body))
            return
        where = f"{error.where}: " if error.where else ""
        self._write(self.invocation.stderr, f"error: {error.tried}\n  found: {where}{error.found}")
        self._write(self.invocation.stderr, f"  to do: {error.hint}")

    # -- questions, on a terminal only (Invocation.interactive) ---------------------------

    def ask(self, question: str) -> str:
        """One line, typed at the terminal."""
        self.invocation.stderr.write(f"{self.redact(question)}: ")
        self.invocation.stderr.flush()
        answer = self.invocation.stdin.readline()
        if not answer:
            raise KeyboardInterrupt  # the terminal was closed
        return answer.strip()

    def ask_secret(self, question: str) -> str:
        """One line that is not shown while it is typed, and never printed afterwards."""
        import getpass
        import sys

        if self.invocation.stdin is sys.stdin:
            try:
                answer = getpass.getpass(f"{self.redact(question)}: ", self.invocation.stderr).strip()
            except EOFError:
                raise KeyboardInterrupt from None
        else:
            answer = self.ask(question)
        self.invocation.keep_secret(answer)
        return answer

    def confirm(self, question: str) -> bool:
        """Yes or no; Enter means no."""
        return self.ask(f"{question} [y/N]").lower() in ("y", "yes")

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show a long operation in progress: `with output.progress("building") as p: p.update(…)`."""
        console = None if self.quiet else self.console(self.invocation.stderr)
        with Progress(self, title, console) as progress:
            yield progress

    def console(self, stream: TextIO) -> Console | None:
        """rich's console on a terminal (colour unless NO_COLOR is set), else None."""
        if not stream.isatty() or self.invocation.environ.get("TERM") == "dumb":
            return None
        key = str(stream.fileno())
        if key not in self._consoles:
            from rich.console import Console

            no_color = bool(self.invocation.environ.get("NO_COLOR"))
            self._consoles[key] = Console(file=stream, no_color=no_color, highlight=False)
        return self._consoles[key]

    def _write(self, stream: TextIO, text: str, commands: bool = False) -> None:
        text = self.redact(text) if commands else self.printable(text, stream)
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            raise  # the reader closed the pipe: it has what it wanted
        except OSError as error:
            hint = "free some space, or redirect the output; changes were made: run again to see the output"
            raise OutputError("writing the output", error.strerror or str(error), hint) from error


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def as_json(data: Any) -> str:
    """Data as JSON, indented; what is no JSON by itself (a path, a date) as text."""
    from bootstrap.core import runner_orders

    return runner_orders.in_json(json.dumps(data, indent=2, default=str))


def one_line(text: str) -> str:
    """A value on one line, with its line breaks escaped."""
    return text.replace("\r", "\\r").replace("\n", "\\n") if "\n" in text or "\r" in text else text
