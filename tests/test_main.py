"""The command table, the error boundary, and what every command owes its user."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import click
import pytest

from bootstrap import main
from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.invocation import COMPLETE, Invocation
from tests.conftest import Run

HEAVY = ("git", "kubernetes", "requests", "rich", "ruamel", "cryptography", "importlib.metadata")


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        path = (*prefix, name)
        found += commands(command, path) if isinstance(command, click.Group) else [(path, command)]
    return found


ALL = commands(main.cli)


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_help_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    assert "Example" in command.help, path
    assert f"bootstrap {' '.join(path)}" in command.help


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_help_line_in_the_table_is_the_commands_own(name: str) -> None:
    command = main.cli.get_command(click.Context(main.cli), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == main.COMMANDS[name]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["init", "--help"], ["sandbox", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom bootstrap.main import run\n"
        f"status = run({arguments!r})\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\nsys.exit(status)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"


def test_unknown_command_is_an_input_error(run: Run) -> None:
    result = run("no-such-command")
    assert result.exit == ExitStatus.INPUT
    assert "no-such-command" in result.err


def _command_that_raises(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(main.CommandTable, "get_command", lambda *_: command)


def test_expected_error_is_three_lines_and_its_exit_status(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _command_that_raises(InputError("reading x", "it is y", "write z", "x.yaml:3:1"), monkeypatch)
    result = run("init")
    assert result.exit == 2
    assert result.err == "error: reading x\n  found: x.yaml:3:1: it is y\n  to do: write z\n"


def test_unexpected_error_goes_to_a_private_log_without_secrets(
    monkeypatch: pytest.MonkeyPatch, run: Run, tmp_path: Path
) -> None:
    _command_that_raises(RuntimeError("surprise"), monkeypatch)
    result = run("init", env={"BOOTSTRAP_STATE_DIR": str(tmp_path)})
    log = tmp_path / "error.log"
    assert result.exit == 70
    assert str(log) in result.err
    assert "Traceback" not in result.err
    assert "RuntimeError: surprise" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_read_only_state_folder_still_reports_the_bug(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    _command_that_raises(RuntimeError("surprise"), monkeypatch)
    result = run("init", env={"BOOTSTRAP_STATE_DIR": "/dev/null/no"})
    assert result.exit == 70
    assert "surprise" in result.err


def test_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    _command_that_raises(KeyboardInterrupt(), monkeypatch)  # type: ignore[arg-type]
    assert run("init").exit == 130


def test_secret_is_redacted_as_json_and_urls_write_it_too(invocation: Invocation) -> None:
    from bootstrap.core.output import Output

    secret = 'pa"ss\\wörd/+ %'
    invocation.keep_secret(secret)
    output = Output(invocation)
    written = [json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret, safe=""), secret]
    output.info(" ".join([*written, quote(secret), quote_plus(secret)]))
    assert "[hidden]" in invocation.stderr.getvalue()  # type: ignore[attr-defined]
    assert "ss" not in invocation.stderr.getvalue()  # type: ignore[attr-defined]
    json_output = Output(invocation, format="json")
    json_output.result({"said": secret})
    assert "ss" not in invocation.stdout.getvalue()  # type: ignore[attr-defined]


def test_secrets_are_redacted_from_everything_printed(invocation: Invocation) -> None:
    from bootstrap.core.output import Output

    invocation.keep_secret("hunter22", "hunter22-longer")
    output = Output(invocation)
    output.line("token hunter22-longer")
    output.error(InputError("using hunter22", "hunter22 is wrong", "give another"))
    printed = invocation.stdout.getvalue() + invocation.stderr.getvalue()  # type: ignore[attr-defined]
    assert "hunter22" not in printed
    assert "[hidden]" in printed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit == 0
    assert "_BOOTSTRAP_COMPLETE" in result.out


@pytest.mark.parametrize(
    ("arguments", "found", "command"),
    [
        (["no-such-command", "-o", "json"], "no-such-command", "bootstrap"),
        (["component", "list", "--no-such-option", "--output=json"], "--no-such-option", "component list"),
        (["component", "show", "-ojson"], "NAME", "component show"),
    ],
)
def test_wrong_command_line_is_json_where_json_is_asked_for(
    run: Run, arguments: list[str], found: str, command: str
) -> None:
    result = run(*arguments)
    assert (result.exit, result.err) == (ExitStatus.INPUT, "")
    told = json.loads(result.out)
    assert told["exit"] == 2
    assert (told["error"]["kind"], found in told["error"]["found"]) == ("InputError", True)
    assert command in told["error"]["hint"]


def _ended(arguments: list[str], stdout: int) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "bootstrap", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [["component", "list"], ["component", "list", "-o", "json"], ["component", "list", "--help"], ["--help"]],
)
def test_full_disk_behind_standard_output_is_one_clear_error(arguments: list[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, said = _ended(arguments, full)
    finally:
        os.close(full)
    assert status == ExitStatus.OUTPUT
    assert said.startswith("error: writing the output\n  found: No space left on device\n  to do: ")
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize("arguments", [["component", "list"], ["nope", "-o", "json"], ["--help"]])
def test_reader_that_leaves_early_is_not_an_error(arguments: list[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        assert _ended(arguments, writes) == (0, "")
    finally:
        os.close(writes)


def test_without_arguments_the_help_is_shown(run: Run) -> None:
    shown = run()
    assert "Usage: bootstrap" in shown.out + shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("arguments", "found", "help_of"),
    [
        (["nope"], "no such command 'nope'", "bootstrap"),
        (["validate", "--xyz"], "no such option:? '?--xyz'?", "bootstrap validate"),
        (["backup"], "missing option '--to'", "bootstrap backup"),
        (["ci", "init"], r"missing option '--provider'\. Choose from: github, gitlab", "bootstrap ci init"),
    ],
)
def test_what_is_wrong_in_the_command_line_is_told_like_every_error(
    run: Run, arguments: list[str], found: str, help_of: str
) -> None:
    told = run(*arguments)
    assert told.exit == ExitStatus.INPUT
    said = rf"error: reading the command line\n  found: {found}\n  to do: see {help_of} --help\n"
    assert re.fullmatch(said, told.err)


def offered(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What bash is offered for the last of the words."""
    from click.shell_completion import shell_complete

    monkeypatch.setenv("COMP_WORDS", f"bootstrap {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    assert shell_complete(main.cli, {}, "bootstrap", COMPLETE, "bash_complete") == 0
    return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines() if line]


def test_names_of_components_contexts_and_sandboxes_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offered("component enable lok", monkeypatch, capsys) == ["loki"]  # the catalog's
    cluster = tmp_path / "clusters" / "edge"
    cluster.mkdir(parents=True)
    (cluster / "kustomization.yaml").write_text("resources:\n# - ../../infrastructure/lokomotive\n")
    assert offered("init --with lok", monkeypatch, capsys) == ["lokomotive"]
    (tmp_path / "config").write_text("contexts: [{name: edge, context: {}}, {name: hub, context: {}}]")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert offered("status --context e", monkeypatch, capsys) == ["edge"]
    (tmp_path / "config").write_text("contexts: [")
    assert offered("status --context e", monkeypatch, capsys) == []
    monkeypatch.setenv("BOOTSTRAP_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data" / "sandboxes" / "two").mkdir(parents=True)
    assert offered("sandbox down --name t", monkeypatch, capsys) == ["two"]
