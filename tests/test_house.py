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


def test_temporary_folders_are_those_that_the_next_run_removes() -> None:
    """core/scratch.py: what a killed run leaves anywhere else in the temporary folder stays there."""
    call = re.compile(r"tempfile\.(?:mk[ds]temp|\w*Temporary\w+)\((?:[^()]|\([^()]*\))*\)")
    loose = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in _modules()
        for found in call.findall(path.read_text())
        if "dir=" not in found or "TMPDIR" in found
    ]
    assert loose == []


def test_every_package_says_in_one_sentence_what_is_in_it() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if not {"_catalog", "sandbox", "commands"} & set(path.parts):
            assert re.match(r'"""[A-Z`].+\.', path.read_text()), path


def _imported_by_tests() -> set[str]:
    """Dotted names that a test imports, or names in a text (a module that is run in another process)."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r"[\"'](bootstrap(?:\.\w+)+)", text))
        for package, names in re.findall(r"from (bootstrap[\w.]*) import (\([^)]*\)|[^\n]*)", text):
            found |= {package, *(f"{package}.{name}" for name in re.findall(r"\w+", names))}
    return found


def test_every_module_of_some_size_is_imported_by_a_test_or_named_as_covered() -> None:
    imported = _imported_by_tests()
    listed = set(re.findall(r"`([\w/*]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    untested = []
    for path in _modules():
        name = str(path.relative_to(PACKAGE).with_suffix(""))
        named = "bootstrap." + name.replace("/", ".") in imported
        covered = {name, f"{name.rpartition('/')[0]}/*"} & listed
        if len(path.read_text().splitlines()) > COVERED and not named and not covered:
            untested.append(name)
    assert untested == []


def test_the_table_of_what_is_covered_names_folders_and_tests_that_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    for modules, through in rows:
        for name in re.findall(r"`([^`]+)`", modules):
            found = PACKAGE / name.removesuffix("/*")
            assert found.is_dir() or found.with_suffix(".py").is_file(), name
        paths = re.findall(r"tests/[\w/.]+|(?<=, )test_\w+\.py", through)
        assert paths, modules
        for path in paths:
            assert (ROOT / path).exists() if "/" in path else list((ROOT / "tests").rglob(path)), path


def test_every_package_has_its_tests_in_a_folder_of_its_name() -> None:
    """Those that need a cluster in `tests/sandbox/`; the sandbox's own are directly there."""
    packages = {path.parent.name for path in _modules() if path.parent.parent == PACKAGE}
    without = [
        name
        for name in packages
        if not any(any((ROOT / folder / name).glob("test_*.py")) for folder in ("tests", "tests/sandbox"))
    ]
    assert without == []


BUILDERS = {"test_built.py", "test_programs.py", "test_released.py", "test_toolchain.py", "__main__.py"}
"""The tests of building itself, and what builds the others' tools before they start."""


def test_no_test_builds_the_program_that_it_runs() -> None:
    """A compiler in a test counts against its patience: `tests.tools.tool` finds what is built already."""
    building = re.compile(r"\b(?:find|programs|build)\.(?:ensure|build_all)\(|import (?:ensure|build_all)\b")
    paths = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in BUILDERS]
    assert [str(path.relative_to(ROOT)) for path in paths if building.search(path.read_text())] == []
