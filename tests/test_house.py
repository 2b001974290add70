"""The house is seen in the list of its folders, and stays so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bootstrap"
MOST = 34
"""Modules in one folder: more, and nobody finds one by looking."""
LONGEST = 340
COVERED = 60
"""Lines from which on a module needs a test that imports it, or a line in CONTRIBUTING.md's table."""


def _modules() -> list[Path]:
    listed = subprocess.check_output(
        ["git", "ls-files", "bootstrap/*.py", "bootstrap/**/*.py"], cwd=ROOT, text=True
    )
    return [ROOT / line for line in sorted(set(listed.split())) if (ROOT / line).is_file()]


def test_only_the_way_in_is_directly_in_the_package() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "main.py"}


def test_no_folder_has_more_modules_than_one_can_look_through() -> None:
    folders: dict[Path, int] = {}
    for path in _modules():
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
    assert {str(one.relative_to(ROOT)): count for one, count in folders.items() if count > MOST} == {}


def test_no_module_is_named_for_anything() -> None:
    anything = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
    assert [path for path in _modules() if path.stem in anything or path.parent.name in anything] == []


def test_no_module_is_longer_than_a_room() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in _modules()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}
    ordered = sorted(long.values())
    assert ordered[len(ordered) // 2] <= 110


def test_every_package_says_in_one_sentence_what_is_in_it() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if not {"_catalog", "sandbox", "commands"} & set(path.parts):
            assert re.match(r'"""[A-Z`].+\.', path.read_text()), path


def test_every_module_of_some_size_is_imported_by_a_test_or_named_as_covered() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    table = (ROOT / "CONTRIBUTING.md").read_text()
    untested = []
    for path in _modules():
        name = str(path.relative_to(PACKAGE).with_suffix(""))
        dotted = "bootstrap." + name.replace("/", ".")
        package, _, last = dotted.rpartition(".")
        imported = any(
            re.search(pattern, tests)
            for pattern in (
                rf"from {re.escape(dotted)} import",
                rf"from {re.escape(package)} import [^\n]*\b{last}\b",
                rf"from {re.escape(package)} import \([^)]*\b{last}\b",
                rf"[\"']{re.escape(dotted)}\b",
            )
        )
        folder = name.rpartition("/")[0]
        listed = re.search(rf"`({re.escape(name)}|{re.escape(folder)}/\*)`", table)
        if len(path.read_text().splitlines()) > COVERED and not imported and not listed:
            untested.append(name)
    assert untested == []


BUILDERS = {"test_built.py", "test_programs.py", "test_released.py", "test_toolchain.py", "__main__.py"}
"""The tests of building itself, and what builds the others' tools before they start."""


def test_no_test_builds_the_program_that_it_runs() -> None:
    """A compiler in a test counts against its patience: `tests.tools.tool` finds what is built already."""
    building = re.compile(r"\b(?:find|programs|build)\.(?:ensure|build_all)\(|import (?:ensure|build_all)\b")
    paths = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in BUILDERS]
    assert [str(path.relative_to(ROOT)) for path in paths if building.search(path.read_text())] == []
