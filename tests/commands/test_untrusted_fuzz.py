"""Hostile repositories of all kinds at once, through every command that only reads."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.commands.hostile import ADDRESS, LINKS, OUTSIDE, RAN, REPOSITORIES
from tests.commands.untrusted import SECRET, Watched
from tests.git_repositories import git
from tests.repositories import OURS, write

pytestmark = pytest.mark.usefixtures("cache")

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


def limited() -> None:
    """As much memory as a run may take; what it starts is in it, too."""
    for kind, value in ((resource.RLIMIT_DATA, MEGABYTES << 20), (resource.RLIMIT_CPU, SECONDS)):
        resource.setrlimit(kind, (value, value))


def texts(value: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for path, text in value.items():
        for mark, place in places.items():
            text = text.replace(mark, place)
        found[path] = text
    return found


@settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "4")),
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(REPOSITORIES, LINKS)
def test_hostile_repository_runs_nothing_leaks_nothing_and_ends(
    tmp_path_factory: pytest.TempPathFactory,
    watched: Watched,
    files: dict[str, Any],
    links: dict[str, str],
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    ran, outside = folder / "ran", folder / "outside"
    temporary, root = folder / "temporary", folder / "repository"
    temporary.mkdir()
    configmap = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{x: {SECRET}}}\n"
    write(outside, {"kustomization.yaml": "resources: [cm.yaml]\n", "cm.yaml": configmap})
    places = {RAN: str(ran), ADDRESS: watched.address, OUTSIDE: str(outside)}
    cluster = "resources: [app.yaml, set.yaml]\n"
    write(
        root,
        {
            "clusters/one/kustomization.yaml": cluster,
            "apps/shop/base/shop.yaml": OURS["apps/shop/base/shop.yaml"],
        },
    )
    write(root, texts(files, places))
    for name in ("pip", "json", "bootstrap", "yaml", "git", "kustomize", "helm"):
        write(root, {f"{name}.py": f"open({str(ran)!r}, 'w')\n", name + ".sh": f"touch {ran}\n"})
    for path, target in links.items():
        (root / path).unlink(missing_ok=True)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target.replace(OUTSIDE, str(outside)))
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")
    config = root / ".git/config"
    config.write_text(config.read_text() + CONFIG.replace(RAN, str(ran)))
    before = {
        path: path.lstat().st_mtime_ns
        for path in (*outside.rglob("*"), *root.rglob("*"))
        if ".git" not in path.parts
    }
    environ = {
        **os.environ,
        "TMPDIR": str(temporary),
        "GIT_TOKEN": SECRET,
        "BOOTSTRAP_CACHE_DIR": str(folder / "cache"),
    }
    for command in COMMANDS:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", "from bootstrap.main import main; main()", *command],
            cwd=root,
            env=environ,
            capture_output=True,
            timeout=SECONDS * 10,
            check=False,
            preexec_fn=limited,
        )
        said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
        assert ended.returncode in range(0, 11), f"{command}: {ended.returncode}\n{said}"
        assert not ran.exists(), command
        assert SECRET not in said, command
        assert not watched.was_asked(), command
        assert "\x1b" not in said
        assert list(temporary.iterdir()) == []
    kept = [path for path in (folder / "cache").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)
    after = {
        path: path.lstat().st_mtime_ns
        for path in (*outside.rglob("*"), *root.rglob("*"))
        if ".git" not in path.parts
    }
    assert after == before
