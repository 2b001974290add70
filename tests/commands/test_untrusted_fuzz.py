"""Hostile repositories of all kinds at once, through every command that only reads."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.commands.hostile import ADDRESS, LINKS, OUTSIDE, RAN, REPOSITORIES
from tests.commands.untrusted import SECRET
from tests.counted import counted
from tests.git_repositories import git
from tests.repositories import OURS, write
from tests.tools import tool

pytestmark = pytest.mark.usefixtures("cache", "helm")

SECONDS, MEGABYTES = 60, 600
CONFIG = """
[core]
\thooksPath = hooks
\tfsmonitor = touch RAN
\tsshCommand = touch RAN
[filter "pwn"]
\tsmudge = touch RAN
\tclean = touch RAN
\trequired = true
[filter "a=b"]
	clean = touch RAN
	smudge = touch RAN
[diff "pwn"]
\ttextconv = touch RAN
\tcommand = touch RAN
"""
COMMANDS = (
    ("validate", "."),
    ("trace", "web.example.com"),
    ("graph", ".", "-o", "json"),
    ("diff", "."),
    ("image", "list", "."),
)


def texts(value: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for path, text in value.items():
        for mark, place in places.items():
            text = text.replace(mark, place)
        found[path] = text
    return found


EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))


@pytest.fixture
def helm(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real helm, so that charts are rendered."""
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")


def state_of(folders: Iterable[Path]) -> dict[Path, int]:
    """When everything below was changed, but what git keeps for itself."""
    found = (path for folder in folders for path in folder.rglob("*"))
    return {path: path.lstat().st_mtime_ns for path in found if ".git" not in path.parts}


def lay_out(
    root: Path, files: Mapping[str, str], links: Mapping[str, str], places: Mapping[str, str]
) -> None:
    """The repository, committed, with settings of git that would run something."""
    cluster = "resources: [app.yaml, set.yaml]\n"
    shop = "apps/shop/base/shop.yaml"
    write(root, {"clusters/one/kustomization.yaml": cluster, shop: OURS[shop]})
    write(root, texts(files, places))
    ran = places[RAN]
    for name in ("pip", "json", "bootstrap", "yaml", "git", "kustomize", "helm"):
        write(root, {f"{name}.py": f"open({ran!r}, 'w')\n", name + ".sh": f"touch {ran}\n"})
    for path, target in links.items():
        if not any((root / parent).is_symlink() for parent in Path(path).parents):
            if (root / path).is_dir() and not (root / path).is_symlink():
                shutil.rmtree(root / path)
            (root / path).unlink(missing_ok=True)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target.replace(OUTSIDE, places[OUTSIDE]))
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")
    config = root / ".git/config"
    config.write_text(config.read_text() + CONFIG.replace(RAN, ran))


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.timeout(EXAMPLES * len(COMMANDS) * SECONDS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,  # a run of CI says the same each time
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(REPOSITORIES, LINKS)
def test_hostile_repository_runs_nothing_reaches_nothing_outside_and_ends(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any], links: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    ran, outside = folder / "ran", folder / "outside"
    temporary, home, root = folder / "temporary", folder / "home", folder / "repository"
    for made in (temporary, home):
        made.mkdir()
    configmap = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{x: {SECRET}}}\n"
    write(outside, {"kustomization.yaml": "resources: [cm.yaml]\n", "cm.yaml": configmap})
    lay_out(root, files, links, {RAN: str(ran), ADDRESS: "192.0.2.1:80", OUTSIDE: str(outside)})
    before = state_of((outside, root))
    environ = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "GIT_TOKEN": SECRET,
        "BOOTSTRAP_CACHE_DIR": str(folder / "cache"),
        "BOOTSTRAP_DATA_DIR": str(folder / "data"),
    }
    for command in COMMANDS:
        cli = (sys.executable, "-P", "-c", "from bootstrap.main import main; main()", *command)
        ended = counted(cli, root, environ, SECONDS, outside)
        assert ended.status in range(0, 11), f"{command}: {ended.status}\n{ended.said}"
        assert ended.packets == 0, command
        assert ended.touched == [], command
        assert ended.seconds < SECONDS, command
        assert ended.megabytes < MEGABYTES, command
        assert not ran.exists(), command
        assert SECRET not in ended.said, command
        assert "Traceback" not in ended.said, command
        assert "\x1b" not in ended.said, command
        assert list(temporary.iterdir()) == [], command
    assert state_of((outside, root)) == before
    assert not any(path.is_file() for path in home.rglob("*"))
    kept = [path for path in (folder / "cache").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)
    shutil.rmtree(folder)
