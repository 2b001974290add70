"""docs/service.md names nothing that does not exist: objects, files, commands, tests, components."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bootstrap.manifests.reader import load_all
from bootstrap.yamledit import edit
from tests.catalog import infrastructure
from tests.catalog.voting_app import APP, ENVIRONMENTS, ROOT, run
from tests.conftest import Run
from tests.test_main import ALL

PAGE = ROOT / "docs/service.md"
OBJECT = re.compile(r"`([A-Z]\w+)/([a-z0-9-]+)`")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
SECRETS = f"{infrastructure.PREFIX}secrets"


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    (part,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text(), re.M | re.S)
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


WALKS = ("A vote, from the browser to the database", "From Git to the cluster")
HOPS = [pytest.param(*row, id=row[1]) for heading in WALKS for row in rows(heading)]
PARTS = [
    pytest.param(*row, id=row[0])
    for row in rows("Every part: where, how to switch it on, how it is verified")
]


def held(path: Path) -> set[tuple[str, str]]:
    """(kind, name) of what a file defines, generates, or has made in the cluster."""
    found: set[tuple[str, str]] = set()
    for document in load_all(path.read_text(encoding="utf-8")):
        for body in _bodies(document):
            found.add((body["kind"], body["metadata"]["name"]))
        if isinstance(document, dict):
            generated = document.get("configMapGenerator") or []
            found |= {("ConfigMap", item["name"]) for item in generated}
            annotations = (document.get("metadata") or {}).get("annotations") or {}
            found |= {("Secret", item["name"]) for item in json.loads(annotations.get(SECRETS, "[]"))}
    return found


def _bodies(item: Any) -> Iterator[dict[str, Any]]:
    """Everything that looks like an object, also a claim inside a patch."""
    if isinstance(item, dict):
        if "kind" in item and "name" in (item.get("metadata") or {}):
            yield item
        for value in item.values():
            yield from _bodies(value)
    elif isinstance(item, list):
        for value in item:
            yield from _bodies(value)


@cache
def known_tests() -> dict[str, Path]:
    """Every test function by its name."""
    return {
        node.name: path
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("hop", "objects", "file"), HOPS)
def test_every_object_is_in_the_file_next_to_it(hop: str, objects: str, file: str) -> None:
    named = set(OBJECT.findall(objects))
    assert named, hop
    (link,) = LINK.findall(file)
    path = (PAGE.parent / link).resolve()
    assert f"[{path.relative_to(ROOT)}]" in file
    assert named <= held(path)


def test_no_object_is_named_where_no_file_is_next_to_it() -> None:
    named = [pair for _, objects, _ in (row.values for row in HOPS) for pair in OBJECT.findall(str(objects))]
    assert len(named) == len(OBJECT.findall(text()))


@pytest.mark.parametrize(("part", "where", "switch", "verified"), PARTS)
def test_every_part_says_where_it_is_how_to_switch_it_on_and_which_test_saw_it(
    part: str, where: str, switch: str, verified: str
) -> None:
    places = LINK.findall(where)
    assert places
    assert all((PAGE.parent / place).exists() for place in places)
    named = re.findall(r"`(test_\w+)`", verified)
    assert named, part
    assert [name for name in named if name not in known_tests()] == []
    for command in re.findall(r"`bootstrap ([^`]+)`", switch):
        words = command.split()
        paths = [path for path, _ in ALL if list(path) == words[: len(path)]]
        assert paths, command
        if words[:2] == ["component", "enable"]:
            assert words[2] in infrastructure.offered(), command


def test_every_part_that_a_reader_may_ask_for_is_there() -> None:
    """Each component of the catalog is linked by the part that it belongs to, and each of the app's too."""
    links = {(PAGE.parent / link).resolve() for link in LINK.findall(text())}
    wanted = [ROOT / "infrastructure" / name / "README.md" for name in infrastructure.COMPONENTS]
    assert [str(path) for path in wanted if path not in links and path.parent.name not in UNNAMED] == []


UNNAMED = {
    "ingress-nginx",  # retired
    "istio-gateway",  # not needed beside the Gateway API
}


def test_the_function_that_switches_a_part_of_the_app_on_does_so(tmp_path: Path) -> None:
    (function,) = re.findall(r"^(switch_on\(\) \{.*\})$", text(), re.M)
    calls = set(re.findall(r"`switch_on (\w+) ([\w-]+)`", text()))
    assert calls
    for environment, component in sorted(calls):
        assert environment in ENVIRONMENTS
        folder = tmp_path / f"{environment}-{component}"
        shutil.copytree(APP, folder / "apps/voting-app")
        overlay = folder / "apps/voting-app/overlays" / environment
        subprocess.run(
            ["sh", "-ec", f"{function}\nswitch_on {environment} {component}"], cwd=folder, check=True
        )
        before = (APP / "overlays" / environment / "kustomization.yaml").read_bytes()
        after = (overlay / "kustomization.yaml").read_bytes()
        line = f"- ../../components/{component} ".encode()
        assert after == before.replace(b"  # " + line, b"  " + line)
        assert after != before, component
        run(overlay)


def test_the_picture_is_what_the_command_prints(
    run: Run, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    for name in ("apps", "infrastructure", "clusters"):
        shutil.copytree(ROOT / name, tmp_path / name)
    kustomization = tmp_path / "clusters/default/kustomization.yaml"
    entry = infrastructure.offered()["voting-app-production"].entry
    kustomization.write_bytes(edit.set_listed(kustomization.read_bytes(), entry, on=True))
    (command,) = re.findall(r"^`bootstrap (graph [^`]*)`", text(), re.M)
    drawn = run(*command.split(), str(tmp_path))
    assert drawn.exit == 0, drawn.err
    before, picture, after = re.split(r"^```mermaid\n(.*?)^```$", text(), maxsplit=1, flags=re.M | re.S)
    if pytestconfig.getoption("--update"):
        PAGE.write_text(f"{before}```mermaid\n{drawn.out}```{after}", encoding="utf-8")
    else:
        assert picture == drawn.out, "pytest tests/catalog/test_architecture.py --update"
