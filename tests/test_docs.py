"""The documentation says what the program says: commands, exit statuses, links, commands in the README."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bootstrap.core import argocd_renderers
from bootstrap.core.argocd_renderers import Renderers
from bootstrap.core.errors import ExitStatus
from bootstrap.diff import compare
from bootstrap.doctor import run
from bootstrap.drawing import model
from bootstrap.main import cli
from bootstrap.trace import hops
from tests.test_main import ALL

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "commands.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def reference() -> str:
    """docs/commands.md: every command's help, as the program prints it at 100 columns."""
    parts = ["# Commands\n\nWhat `bootstrap COMMAND --help` prints, by command.\n"]
    for path, _ in ALL:
        name = " ".join(("bootstrap", *path))
        shown = CliRunner().invoke(cli, [*path, "--help"], prog_name="bootstrap", terminal_width=100)
        text = "\n".join(line.rstrip() for line in shown.output.splitlines())
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def test_reference_of_commands_is_what_help_prints(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update"):
        REFERENCE.write_text(reference(), encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "pytest tests/test_docs.py --update"


@pytest.mark.parametrize("status", list(ExitStatus), ids=lambda status: status.name)
def test_every_exit_status_is_documented(status: ExitStatus) -> None:
    rows = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| {int(status)} \|", rows, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_commands_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {" ".join(path) for path, _ in ALL}
    for line in re.findall(r"^\s*(?:\$ )?bootstrap ([a-z][^\n]*)", text, re.MULTILINE):
        words = line.split()
        assert any(" ".join(words[:n]) in known for n in (1, 2)), f"README: bootstrap {line}"
        options = re.findall(r"(?<=\s)--[a-z][a-z-]*", line)
        path = next(path for path, _ in ALL if " ".join(words[: len(path)]) == " ".join(path))
        command = dict(ALL)[path]
        offered = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= offered, f"README: bootstrap {line}"
    assert isinstance(cli, click.Group)


def test_every_field_of_what_is_drawn_traced_and_looked_at_is_documented() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    shapes = (model.Node, model.Edge, model.Graph, hops.Remark, run.Finding)
    names = {field.name for shape in shapes for field in fields(shape)}
    names |= set(hops.Hop("service", "web").data())
    names |= set(compare.data([compare.Change("add", "ConfigMap a/b", "", "", ())])[0])
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_page_on_rendering_has_the_helm_and_kustomize_of_every_release() -> None:
    rows = re.findall(
        r"(?m)^\| (v[\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "docs/rendering.md").read_text()
    )
    table = tuple(
        (argocd_renderers.numbers(release), Renderers(helm, kustomize)) for release, helm, kustomize in rows
    )
    assert table == argocd_renderers.TABLE
