"""Alloy's configuration: read by Alloy's own parser, every name held to Alloy's own source.

What is not tried is Alloy itself, which takes too long to build: that the values are of the right kind.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.catalog.go_module import Module, unpacked
from tests.catalog.infrastructure import INFRASTRUCTURE, of, yaml
from tests.conftest import programs_cache
from tests.tools import tool

ALLOY = Module(
    "github.com/grafana/alloy",
    "v1.18.1",
    "h1:Gqi9fwoqbkzPv66uynM1/kbh5qdm/x7p6Hn7FpD9LHE=",
    "internal/component",
)
STANDARD = {"sys.env"}


@dataclass(frozen=True)
class Block:
    """A block of the configuration; `path` is the names from its component down to it."""

    path: tuple[str, ...]
    label: str
    attributes: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def component(self) -> str:
        return self.path[0]


def configuration() -> str:
    return str(yaml(INFRASTRUCTURE / "loki/values-alloy.yaml")["alloy"]["configMap"]["content"])


def blocks(text: str) -> list[Block]:
    done = subprocess.run(
        [tool("alloy-outline")], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Block(*(_hashable(value) for value in item.values())) for item in json.loads(done.stdout)]


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def source() -> dict[str, Any]:
    """From Alloy's source: the names that each package of a component takes, and how stable it is."""
    kept = programs_cache() / "definitions" / f"alloy-{ALLOY.version}.json"
    if not kept.is_file():
        found: dict[str, Any] = {"names": {}, "stable": []}
        with unpacked(ALLOY) as folder:
            for path in sorted(folder.rglob("*.go")):
                if path.name.endswith("_test.go"):
                    continue
                text = path.read_text()
                package = str(path.parent.relative_to(folder))
                names = re.findall(r'alloy:"([a-z_0-9]+)', text)
                found["names"].setdefault(package, []).extend(names)
                registered = r'Name:\s+"([\w.]+)",\s+Stability:\s+featuregate\.StabilityGenerallyAvailable'
                found["stable"] += re.findall(registered, text)
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".draft-{os.getpid()}")  # tests run side by side
        draft.write_text(json.dumps(found))
        draft.replace(kept)
    result: dict[str, Any] = json.loads(kept.read_text())
    return result


def known(component: str) -> set[str]:
    """Every name that the component's package, those below it, and the shared ones take."""
    home = component.replace(".", "/")
    return {
        name
        for package, names in source()["names"].items()
        if package == home or package.startswith((f"{home}/", "common/"))
        for name in names
    }


def unknown(text: str) -> set[str]:
    """Blocks and attributes that the source does not have."""
    return {
        f"{'/'.join(block.path)}: {name}"
        for block in blocks(text)
        for name in (*(part for step in block.path[1:] for part in step.split(".")), *block.attributes)
        if name not in known(block.component)
    }


def test_the_version_is_the_one_that_the_chart_runs() -> None:
    text = (INFRASTRUCTURE / "loki/README.md").read_text()
    assert f"Alloy {ALLOY.version.removeprefix('v')}" in text
    assert "alloy" in {item.name for item in of("loki")}


def test_every_name_is_one_of_alloys() -> None:
    assert len(blocks(configuration())) > 10
    assert unknown(configuration()) == set()


def test_every_component_is_stable_so_that_alloy_takes_it_without_a_flag() -> None:
    used = {block.component for block in blocks(configuration())}
    assert used - set(source()["stable"]) == set()


def test_every_reference_leads_to_a_component_that_is_there() -> None:
    found = blocks(configuration())
    exported = {f"{block.component}.{block.label}" for block in found if len(block.path) == 1}
    referenced = {name for block in found for name in block.references} - STANDARD
    assert referenced
    assert {name.rpartition(".")[0] for name in referenced} <= exported
    for name in referenced:
        component = name.rpartition(".")[0].rpartition(".")[0]
        assert name.rpartition(".")[2] in known(component) | {"targets"}, name


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("external_labels", "outer_labels", "loki.write: outer_labels"),
        ("stage.cri", "stage.crio", "loki.process/stage.crio: crio"),
    ],
)
def test_a_name_that_is_not_one_is_found(right: str, wrong: str, said: str) -> None:
    assert unknown(configuration().replace(right, wrong)) == {said}


def test_what_is_not_a_configuration_is_refused() -> None:
    with pytest.raises(AssertionError, match="expected"):
        blocks(configuration().replace("forward_to = [", "forward_to = "))
