"""Images are set on a real Git host: many processes at once, its refusals, and what kustomize makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.repositories import write
from tests.sandbox.world import World
from tests.tools import tool

APPS, EACH = 6, 5
AUTHOR = ("--author", "Ci <ci@example.org>")


def overlay(app: str, environment: str) -> str:
    return f"apps/{app}/overlays/{environment}/kustomization.yaml"


def content(app: str) -> str:
    entries = "".join(f"  - name: org/{app}-{number}  # by CI\n    newTag: v0\n" for number in range(EACH))
    return f"resources:\n  - ../../base\nimages:\n{entries}"


FILES = {
    overlay(f"app-{number}", environment): content(f"app-{number}").encode()
    for number in range(APPS)
    for environment in ("staging", "production")
}


def bumped(text: str, name: str, tag: str) -> str:
    """The file with one entry's tag changed from what it was at first."""
    before = f"{name}  # by CI\n    newTag: v0\n"
    assert before in text
    return text.replace(before, before.replace("v0", tag))


@pytest.fixture
def repository(world: World) -> World:
    """A world with a repository of a few apps."""
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    bare = Bare(Path(world.environ["HOME"]) / "first.git")
    bare.commit(FILES)
    address = world.url.replace("://", f"://{world.sandbox.git_username}:{world.token}@")
    git(bare.folder, "push", "--quiet", address, "main")
    return world


def command(repository: World, *arguments: str) -> list[str]:
    token = (
        "--username",
        repository.sandbox.git_username,
        "--token-file",
        str(repository.sandbox.git_token_file),
    )
    return ["image", "set", *arguments, "--repo", repository.url, "--push", *token, *AUTHOR]


def start(repository: World, app: str, environment: str, name: str, tag: str) -> subprocess.Popen[str]:
    arguments = command(repository, f"{name}=:{tag}", "--app", app, "--env", environment)
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *arguments],
        env={**os.environ, **repository.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("turns", ["on", "off"])
def test_thirty_processes_on_one_branch_lose_nothing(
    repository: World, turns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same and different files, same and different lines: every update is in the final tree."""
    monkeypatch.setenv("BOOTSTRAP_TURNS", turns)
    updates = [
        (f"app-{app}", "staging", f"org/app-{app}-{number}", f"v{1 + app}.{number}")
        for app in range(4)
        for number in range(EACH)
    ]
    updates += [(f"app-{app}", "production", f"org/app-{app}-0", "v9") for app in range(APPS)]
    same_line = [("app-5", "staging", "org/app-5-0", f"race-{number}") for number in range(4)]
    running = [start(repository, *update) for update in (*updates, *same_line)]
    said = [process.communicate(timeout=600)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), "\n".join(said)
    files = {path: text.decode() for path, text in repository.files().items()}
    expected = {path: text.decode() for path, text in FILES.items()}
    for app, environment, name, tag in updates:
        path = overlay(app, environment)
        expected[path] = expected[path].replace(
            f"{name}  # by CI\n    newTag: v0", f"{name}  # by CI\n    newTag: {tag}"
        )
    raced = overlay("app-5", "staging")
    last = files[raced].split("newTag: ")[1].split("\n")[0]
    assert last in {tag for *_, tag in same_line}
    expected[raced] = expected[raced].replace(
        "app-5-0  # by CI\n    newTag: v0", f"app-5-0  # by CI\n    newTag: {last}"
    )
    assert files == expected
    assert git(repository.bare(), "rev-list", "--merges", "--count", "main") == "0"
    commits = int(git(repository.bare(), "rev-list", "--count", "main"))
    assert commits == 1 + len(updates) + len(same_line)
    assert git(repository.bare(), "for-each-ref", "refs/bootstrap") == ""


def test_a_protected_branch_and_a_wrong_token_are_reported(
    run: Run, repository: World, tmp_path: Path
) -> None:
    arguments = command(repository, "org/app-1-0=:v1", "--app", "app-1", "--env", "staging")
    wrong = tmp_path / "token"
    wrong.write_text("0" * 40)
    result = run(*arguments, "--token-file", str(wrong), env=repository.environ)
    assert result.exit == ExitStatus.GIT
    assert "--token-file" in result.err
    repository.api(
        "POST",
        f"/repos/{repository.name}/branch_protections",
        {"branch_name": "main", "rule_name": "main", "enable_push": False},
    )
    result = run(*arguments, env=repository.environ)
    assert result.exit == ExitStatus.GIT
    assert "protected" in result.err
    assert repository.files() == FILES


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: org/web}
  - {name: api, image: org/api:v1}
"""
DIGEST = "sha256:" + "0a" * 32
BUILT = {
    "base/kustomization.yaml": "resources:\n- pod.yaml\n",
    "base/pod.yaml": POD,
    "one/kustomization.yaml": "# top\nresources: [../base]\nimages: # here\n- {name: org/web, newTag: '1'}\n",
    "two/kustomization.yaml": '{"resources": ["../base"], "namePrefix": "x-"}\n',
    "three/kustomization.yaml": f"""\
\ufeffresources:\r\n- ../base\r\nimages:\r\n- digest: {DIGEST} # c\r\n  name: org/api""",
}


@pytest.mark.parametrize("folder", ["one", "two", "three"])
def test_what_kustomize_builds_changes_by_the_image_alone(run: Run, tmp_path: Path, folder: str) -> None:
    """Before and after: the manifests differ in the lines that have the image, and in nothing else."""
    kustomize = tool("kustomize")
    root = write(tmp_path / "work", BUILT)
    for argument, image in (
        ("org/web=:1.10", "org/web:1.10"),
        ("org/api=ghcr.io/org/api:6801028", "ghcr.io/org/api:6801028"),
        (f"org/api=ghcr.io/org/api@{DIGEST}", f"ghcr.io/org/api@{DIGEST}"),
        (f"org/api=org/api:1e3@{DIGEST}", f"org/api:1e3@{DIGEST}"),
    ):
        before = built(kustomize, root / folder)
        assert run("image", "set", argument, str(root / folder)).exit == 0
        after = built(kustomize, root / folder)
        assert len(after) == len(before)
        differing = [line for line, old in zip(after, before, strict=True) if line != old]
        assert [line.split("image: ")[1] for line in differing] == [image], (folder, argument)


def built(kustomize: Path, folder: Path) -> list[str]:
    command = [kustomize, "build", folder]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=120
    ).stdout.splitlines()
