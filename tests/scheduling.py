"""Which tests several processes of pytest take, and in which order; `make test` uses it by --dist loadgroup.

Tests of one shared cluster run one after the other in one process: so each is started once, and ended after
its last test. Every other file is a unit of its own. What takes longest is first, so that all processes end
together.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

CLUSTERS = {
    "hosts": "tests-hosts",
    "sandbox": "tests",
    "living": "tests-living",
    "api_server": "tests-api",
}
"""The fixture of each shared cluster, and the name of its sandbox. A test of two is of the first."""
FIRST = (
    "tests/sandbox/test_day_two.py",
    "hosts",
    "sandbox",
    "tests/sandbox/ci/test_comment.py",
    "living",
    "tests/sandbox/uninstall/test_argocd.py",
    "tests/sandbox/test_up_init.py",
    "api_server",
    "tests/sandbox/programs/test_built.py",
    "tests/sandbox/test_lifecycle.py",
    "tests/edit/test_interrupted.py",
    "tests/edit/test_group.py",
    "tests/kube/test_hostile.py",
    "tests/upgrade/test_killed.py",
    "tests/test_package.py",
    "tests/ci/test_action.py",
    "tests/layout/test_old_catalogs.py",
    "tests/layout/test_user_edits.py",
    "tests/edit/test_busy_host.py",
    "tests/commands/test_untrusted_fuzz.py",
    "tests/commands/test_image_race.py",
    "tests/commands/test_untrusted_sizes.py",
    "tests/commands/test_component.py",
    "tests/commands/test_init.py",
)
"""Units that take more than half a minute, the longest first: clusters and files."""


_TOLD = pytest.StashKey[Path]()


def told(config: pytest.Config) -> Path:
    """The file in which the processes that collect tell the one that shares out which cluster a test uses."""
    if _TOLD not in config.stash:
        folder = tempfile.mkdtemp()
        config.add_cleanup(lambda: shutil.rmtree(folder))
        config.stash[_TOLD] = Path(folder) / "clusters.json"
    return config.stash[_TOLD]


class Scheduling(LoadFileScheduling):
    """By the shared cluster that a test uses, else by its file."""

    _clusters: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._clusters is None:
            self._clusters = json.loads(told(self.config).read_text())
        return self._clusters.get(nodeid) or super()._split_scope(nodeid)


def cluster_of(item: pytest.Item | None) -> str | None:
    """The fixture of the shared cluster that a test uses; None without one."""
    if item is None or not item.nodeid.startswith("tests/sandbox/"):
        return None  # elsewhere, these are parameters' names
    names = getattr(item, "fixturenames", ())
    return next((name for name in CLUSTERS if name in names), None)


def arrange(config: Any, items: list[pytest.Item]) -> None:
    """Put what takes longest first, and tell each test's cluster."""

    def rank(item: pytest.Item) -> int:
        unit = cluster_of(item) or item.nodeid.partition("::")[0]
        return FIRST.index(unit) if unit in FIRST else len(FIRST)

    items.sort(key=rank)
    found = {item.nodeid: cluster for item in items if (cluster := cluster_of(item))}
    path = Path(config.workerinput["clusters"])
    mine = path.with_name(config.workerinput["workerid"])
    mine.write_text(json.dumps(found))
    mine.replace(path)


def make(config: pytest.Config, log: Any) -> Scheduling | None:
    """The scheduling, where it is asked for."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
