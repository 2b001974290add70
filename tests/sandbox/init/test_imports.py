"""Threads that import late: none may ask for a part of a package that another may be loading.

Python breaks the deadlock that follows by handing one of the modules out half-loaded: an ImportError once
in some hundred runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.sandbox.world import World

ROOT = Path(__file__).parents[3]
MAIN = "MainThread"


def at_risk(asked: Iterable[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Packages that the main thread had not loaded, of which a thread asked for a part first; by thread.

    The main thread waits while others work: what it asks for first, it has; what it asks for later, too.
    """
    loaded: set[str] = set()
    first: dict[str, dict[str, str]] = {}
    for thread, module in asked:
        parts = module.split(".")
        for package in (".".join(parts[: number + 1]) for number in range(len(parts))):
            if thread == MAIN:
                loaded.add(package)
            elif package not in loaded:
                first.setdefault(package, {}).setdefault(thread, module)
    return {
        package: by_thread
        for package, by_thread in first.items()
        if len(by_thread) > 1 and any(module != package for module in by_thread.values())
    }


def test_a_part_that_two_threads_ask_for_is_at_risk() -> None:
    late = [("a", "requests"), ("a", "requests.utils"), ("b", "requests.utils")]
    assert at_risk(late) == {"requests": {"a": "requests", "b": "requests.utils"}}
    assert not at_risk([(MAIN, "requests"), *late])
    assert not at_risk([("a", "requests"), ("b", "requests"), ("b", "requests.utils")])


@pytest.mark.parametrize("options", [("--dry-run",), ("--no-wait",)])
def test_no_thread_of_init_can_get_a_half_loaded_module(
    world: World, tmp_path: Path, options: tuple[str, ...]
) -> None:
    record = tmp_path / "asked.json"
    subprocess.run(
        [sys.executable, "-m", "tests.sandbox.init.watched_imports", str(record), *world.options(*options)],
        env=world.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    asked = [(thread, module) for thread, module in json.loads(record.read_text())]
    assert len({thread for thread, _ in asked}) > 2, "the threads of a run were watched"
    assert not at_risk(asked)
