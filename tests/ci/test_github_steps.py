"""Steps of the workflows do what they say, on real repositories. GitHub itself (`gh`) is a stand-in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.repository.tools import kustomize
from tests.ci import steps
from tests.git_repositories import git
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
BASH = ("bash", "-e")


@pytest.fixture
def merge(tmp_path: Path) -> Path:
    """As a pull request is checked out: its merge, whose first parent is the branch that it goes to."""
    root = write(tmp_path / "repository", OURS)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "base")
    git(root, "checkout", "--quiet", "-b", "change")
    (root / OVERLAY).write_text((root / OVERLAY).read_text().replace("1.2.3", "1.2.4"))
    git(root, "commit", "--quiet", "--all", "--message", "bump")
    git(root, "checkout", "--quiet", "main")
    git(root, "merge", "--quiet", "--no-ff", "--no-edit", "change")
    return root


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    found = {name: str(tmp_path / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    return {
        **found,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/gitops",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SHA": "0123456789abcdef" * 2 + "01234567",
        "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache"),
    }


def with_kustomize(folder: Path) -> Path:
    return steps.programs(folder, kustomize=f'exec {kustomize(Invocation())} "$@"')


def outputs(environ: dict[str, str]) -> dict[str, str]:
    """What GitHub reads from the file: name=value, and name<<END … END."""
    text = Path(environ["GITHUB_OUTPUT"]).read_text()
    many = dict(re.findall(r"^([\w-]+)<<(?:.+)\n((?:.*\n)*?)\S+\n?\Z", text, re.MULTILINE))
    return {**dict(re.findall(r"^([\w-]+)=(.*)$", text, re.MULTILINE)), **many}


def test_difference_of_a_pull_request_is_an_output_and_the_summary(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    script = steps.github("gitops.yml", "diff", "Render both sides")
    ended = steps.run(script, BASH, merge, with_kustomize(tmp_path / "bin"), environ)
    assert ended.returncode == 0, ended.stderr
    text = outputs(environ)["text"]
    assert text.startswith("<!-- bootstrap diff -->\n### What this changes in the clusters\n")
    assert "+          image: registry.example.com/web:1.2.4" in re.sub(r"\n\+ +", "\n+          ", text)
    assert Path(environ["GITHUB_STEP_SUMMARY"]).read_text().strip() in text


def test_difference_that_is_too_long_for_a_comment_is_in_the_summary_alone(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    long = steps.programs(tmp_path / "bin", bootstrap="head -c 70000 /dev/zero | tr '\\0' x; exit 1")
    script = steps.github("gitops.yml", "diff", "Render both sides")
    assert steps.run(script, BASH, merge, long, environ).returncode == 0
    text = outputs(environ)["text"]
    assert len(text) < 1000
    assert "https://github.com/org/gitops/actions/runs/42" in text
    assert len(Path(environ["GITHUB_STEP_SUMMARY"]).read_text()) == 70000


def test_difference_that_cannot_be_rendered_fails_the_step(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    failing = steps.programs(tmp_path / "bin", bootstrap="exit 2")
    script = steps.github("gitops.yml", "diff", "Render both sides")
    assert steps.run(script, BASH, merge, failing, environ).returncode == 2


def test_what_a_pull_request_breaks_fails_its_validation(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    script = steps.github("gitops.yml", "validate", "Validate what the pull request changes")
    on_path = with_kustomize(tmp_path / "bin")
    git(merge, "checkout", "--quiet", "change")
    (merge / OVERLAY).write_text((merge / OVERLAY).read_text().replace("../../base", "../../bass"))
    git(merge, "commit", "--quiet", "--all", "--message", "break")
    git(merge, "checkout", "--quiet", "main")
    git(merge, "merge", "--quiet", "--no-ff", "--no-edit", "change")
    ended = steps.run(script, BASH, merge, on_path, environ)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert f"::error file={OVERLAY}" in ended.stdout


@pytest.mark.parametrize(("ids", "call"), [("", "POST"), ("7\n8\n", "PATCH")])
def test_one_comment_is_made_and_brought_up_to_date(
    environ: dict[str, str], tmp_path: Path, ids: str, call: str
) -> None:
    gh = f"""
case "$*" in *--paginate*) printf '{ids}';; *) echo "$@" >{tmp_path}/call; cat >{tmp_path}/body;; esac"""
    on_path = steps.programs(tmp_path / "bin", gh=gh)
    text = "<!-- bootstrap diff -->\n`$(touch ran)` '\" %s\n"
    script = steps.github("gitops.yml", "comment", "Comment")
    ended = steps.run(script, BASH, tmp_path, on_path, {**environ, "NUMBER": "3", "TEXT": text})
    assert ended.returncode == 0, ended.stderr
    place = "repos/org/gitops/issues/" + ("3/comments" if call == "POST" else "comments/7")
    assert (tmp_path / "call").read_text() == f"api --method {call} {place} --silent --field body=@-\n"
    assert (tmp_path / "body").read_text().rstrip("\n") == text.rstrip("\n")


def test_image_is_named_by_its_commit_and_timed_by_its_run(environ: dict[str, str], tmp_path: Path) -> None:
    answer = "2026-11-25T01:02:03Z"
    gh = f'echo "$@" >{tmp_path}/call; echo {answer}'
    script = steps.github("image.yml", "push", "Name the image")
    inputs = {"IMAGES": "ghcr.io/org/web docker.io/org/web"}
    ended = steps.run(script, BASH, tmp_path, steps.programs(tmp_path / "bin", gh=gh), {**environ, **inputs})
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "call").read_text() == "api repos/org/gitops/actions/runs/42 --jq .created_at\n"
    assert outputs(environ) == {
        "image": "ghcr.io/org/web",
        "tag": "sha-0123456789ab",
        "pushed-at": answer,
        "tags": "ghcr.io/org/web:sha-0123456789ab\ndocker.io/org/web:sha-0123456789ab\n",
    }


@pytest.mark.parametrize(
    "url",
    ["https://github.com/org/gitops.git", "https://github.com/org/gitops", "git@github.com:org/gitops.git"],
)
def test_apps_token_is_asked_for_the_one_repository(
    environ: dict[str, str], tmp_path: Path, url: str
) -> None:
    script = steps.github("bump-image.yml", "bump", "Split the repository's URL")
    ended = steps.run(script, BASH, tmp_path, steps.programs(tmp_path / "bin"), {**environ, "URL": url})
    assert ended.returncode == 0, ended.stderr
    assert outputs(environ) == {"owner": "org", "name": "gitops"}


@pytest.mark.parametrize(
    ("dockerfile", "test", "called"),
    [
        ("FROM scratch AS build\nFROM build as Test\n", "", ["build --target test ."]),
        ("FROM scratch\n", "", []),
        ("FROM scratch AS test\n", "pwd >../called", ["web"]),
    ],
)
def test_service_is_tested_by_its_command_or_its_stage(
    environ: dict[str, str], tmp_path: Path, dockerfile: str, test: str, called: list[str]
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text(dockerfile)
    on_path = steps.programs(tmp_path / "bin", docker=f'echo "$@" >>{tmp_path}/called')
    script = steps.github("image.yml", "test", "Test")
    ended = steps.run(script, BASH, tmp_path, on_path, {**environ, "CONTEXT": "web", "TEST": test})
    assert ended.returncode == 0, ended.stderr
    noted = (tmp_path / "called").read_text().splitlines() if (tmp_path / "called").exists() else []
    assert [Path(line).name if line.startswith("/") else line for line in noted] == called
    failing = steps.run(script, BASH, tmp_path, on_path, {**environ, "CONTEXT": "web", "TEST": "false; true"})
    assert failing.returncode == 1
