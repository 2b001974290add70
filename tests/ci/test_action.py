"""The action's script, run as a runner does: inputs by the environment, on a real repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.git_repositories import Bare, git

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-that-nobody-may-see"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
DIGEST = "sha256:" + "0a" * 32
# Every input, as action.yml gives it when nothing is set.
INPUTS = {
    "IMAGE": f"shop/web=ghcr.io/org/web:v1@{DIGEST}",
    "REPOSITORY": "",
    "BRANCH": "",
    "APP": "shop",
    "ENVIRONMENT": "dev",
    "BUILT_AT": "",
    "ONLY_NEWER": "false",
    "SOURCE": "",
    "EXPECT": "",
    "PULL_REQUEST": "false",
    "AUTO_MERGE": "false",
    "LABELS": "",
    "VIA": "git",
    "AUTHOR": "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>",
    "MESSAGE": "",
    "TIMEOUT": "300",
    "USERNAME": "x-access-token",
    "KNOWN_HOSTS": "",
    "SSH_KEY": "",
}


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    found = Bare(tmp_path / "gitops.git")
    found.commit({OVERLAY: b"images:\n  - name: shop/web # by CI\n    newTag: v0\n"})
    return found


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with this `bootstrap`, which notes its arguments first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "bootstrap"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >>"$NOTED"\nexec {sys.executable} -m bootstrap "$@"\n'
    )
    program.chmod(0o755)
    return folder


def run(
    tmp_path: Path, programs: Path, **inputs: str
) -> tuple[subprocess.CompletedProcess[str], str, list[str]]:
    """The step; its outputs, and the arguments that bootstrap was given."""
    temporary = tmp_path / "runner-temp"
    temporary.mkdir(exist_ok=True)
    (tmp_path / "output").write_text("")
    (tmp_path / "noted").write_text("")
    environ = {
        **os.environ,
        **{f"INPUT_{name}": value for name, value in INPUTS.items()},
        "GIT_TOKEN": TOKEN,
        **inputs,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ACTION": str(ROOT),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "NOTED": str(tmp_path / "noted"),
    }
    command = ["bash", str(ROOT / "ci" / "action" / "image-set.sh")]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=180)
    assert list(temporary.iterdir()) == [], "nothing is left behind"
    assert TOKEN not in ended.stdout + ended.stderr
    noted = (tmp_path / "noted").read_text().splitlines()
    assert TOKEN not in noted
    return ended, (tmp_path / "output").read_text(), noted


def test_an_image_is_pushed_and_the_commit_is_an_output(tmp_path: Path, bare: Bare, programs: Path) -> None:
    ended, outputs, _ = run(tmp_path, programs, INPUT_REPOSITORY=bare.url)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert outputs == f"changed=true\ncommit={bare.tip('main')}\npull-request=\n"
    expected = f"newName: ghcr.io/org/web\n    newTag: v1\n    digest: {DIGEST}\n"
    assert bare.files()[OVERLAY].decode() == f"images:\n  - name: shop/web # by CI\n    {expected}"
    assert git(bare.folder, "log", "-1", "--format=%an", "main") == "github-actions[bot]"
    again, outputs, _ = run(tmp_path, programs, INPUT_REPOSITORY=bare.url)
    assert again.returncode == 0
    assert outputs == "changed=false\ncommit=\npull-request=\n"


def test_an_older_build_changes_nothing(tmp_path: Path, bare: Bare, programs: Path) -> None:
    inputs = {"INPUT_REPOSITORY": bare.url, "INPUT_BUILT_AT": "2001-01-01T00:00:00Z"}
    ended, outputs, _ = run(tmp_path, programs, **inputs)
    assert ended.returncode == 0, ended.stderr
    assert outputs.startswith("changed=false\n")
    assert "kept" in ended.stdout


def test_inputs_are_values_and_never_commands_or_options(tmp_path: Path, bare: Bare, programs: Path) -> None:
    evil = f"$(touch {tmp_path}/ran) `touch {tmp_path}/ran`; touch {tmp_path}/ran"
    inputs = {f"INPUT_{name}": evil for name in INPUTS}
    ended, _, noted = run(tmp_path, programs, **inputs)
    assert ended.returncode == 2
    assert not (tmp_path / "ran").exists()
    given = ("repo", "username", "via", "timeout", "author", "branch", "app", "env", "built-at", "source")
    assert {f"--{name}={evil}" for name in (*given, "expect", "message")} <= set(noted)
    assert noted[-len(evil.split()) - 1 :] == ["--", *evil.split()]
    before = bare.tip("main")
    ended, _, noted = run(tmp_path, programs, INPUT_REPOSITORY=bare.url, INPUT_IMAGE="--dry-run --message=a")
    assert ended.returncode == 2
    assert noted[-3:] == ["--", "--dry-run", "--message=a"]
    assert bare.tip("main") == before


def test_a_refusal_is_an_annotation_with_its_status(tmp_path: Path, bare: Bare, programs: Path) -> None:
    ended, outputs, _ = run(tmp_path, programs, INPUT_REPOSITORY=bare.url, INPUT_EXPECT=":v9")
    assert (ended.returncode, outputs) == (9, "")
    assert ended.stdout.startswith("::error title=bootstrap image set::")
    assert "%0Ato do: " in ended.stdout


@pytest.mark.parametrize(
    ("inputs", "told"),
    [({"GIT_TOKEN": ""}, "no credential"), ({"INPUT_REPOSITORY": ""}, "'repository' is missing")],
)
def test_what_is_missing_is_reported_before_anything_runs(
    tmp_path: Path, bare: Bare, programs: Path, inputs: dict[str, str], told: str
) -> None:
    ended, _, noted = run(tmp_path, programs, **{"INPUT_REPOSITORY": bare.url, **inputs})
    assert (ended.returncode, noted) == (2, [])
    assert told in ended.stderr


def test_a_key_is_a_file_that_only_the_user_reads(tmp_path: Path, programs: Path) -> None:
    """ssh gets the key's file; the key itself is not an argument, and is deleted afterwards (see run)."""
    (programs / "bootstrap").write_text(
        '#!/bin/sh\nexec >>"$NOTED"\nprintf "%s\\n" "$@"\nfor a; do case $a in --ssh-key=*) '
        'stat -c %a "${a#--ssh-key=}"; cat "${a#--ssh-key=}";; esac; done\nenv\n'
    )
    inputs = {
        "INPUT_REPOSITORY": "git@git.example.com:org/gitops.git",
        "GIT_TOKEN": "",
        "INPUT_SSH_KEY": "the\nkey",
    }
    ended, _, noted = run(tmp_path, programs, **inputs)
    assert ended.returncode == 0, ended.stderr
    place = noted.index("600")
    assert noted[place : place + 3] == ["600", "the", "key"]
    assert noted[:place].count("the") == 0
    assert not [line for line in noted[place + 3 :] if line.startswith("INPUT_SSH_KEY")]


PACKAGE = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "gitops-bootstrap"\nversion = "1"\n',
    "constraints.txt": "",
    "backend.py": """\
import zipfile


def build_wheel(folder, settings=None, metadata=None):
    name = "gitops_bootstrap-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        info = "gitops_bootstrap-1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: gitops-bootstrap\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
""",
}


def test_installing_runs_no_python_of_the_checkout_it_is_in(tmp_path: Path) -> None:
    """An empty package stands in for ours: Python, its venv and pip are the real ones."""
    action, checkout, temp = (tmp_path / name for name in ("action", "checkout", "temp"))
    for folder in (action, checkout, temp):
        folder.mkdir()
    for name, text in PACKAGE.items():
        (action / name).write_text(text)
    shutil.copy(ROOT / "requirements.txt", action)
    for name in ("venv", "ensurepip", "pip", "zipfile", "sitecustomize"):
        (checkout / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        "ACTION": str(action),
        "RUNNER_TEMP": str(temp),
        "GITHUB_PATH": str(tmp_path / "path"),
        "PYTHONPATH": str(checkout),
    }
    script = ROOT / "ci/action/install.sh"
    ended = subprocess.run(
        ["bash", script], cwd=checkout, env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "path").read_text() == f"{temp}/bootstrap/bin\n"
    assert list(temp.glob("bootstrap/venv/lib/*/site-packages/gitops_bootstrap-1.dist-info"))
