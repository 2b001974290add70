"""Steps of the workflows do what they say, on real repositories. GitHub itself is a stand-in."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.repository.tools import kustomize
from tests.ci import steps
from tests.git_repositories import git
from tests.providers.answering import Reply, answering
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
SHOP = "apps/shop/base/shop.yaml"
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
def environ(tmp_path: Path, merge: Path) -> dict[str, str]:
    found = {name: str(tmp_path / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    return {
        **found,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/gitops",
        "GITHUB_RUN_ID": "42",
        "GITHUB_SHA": "0123456789abcdef" * 2 + "01234567",
        "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache"),
        "BASE": git(merge, "rev-parse", "HEAD^1"),
        "HEAD": git(merge, "rev-parse", "HEAD^2"),
        "CHARTS": "",
        "FORK": "false",
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
    head = git(merge, "rev-parse", "HEAD^2")[:8]
    assert text.startswith(f"<!-- bootstrap diff -->\n### What {head} changes in the clusters\n")
    assert "+          image: registry.example.com/web:1.2.4" in re.sub(r"\n\+ +", "\n+          ", text)
    assert Path(environ["GITHUB_STEP_SUMMARY"]).read_text().strip() in text


def test_a_branch_is_compared_with_where_it_began(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    """Gitea and Forgejo check out the branch, not its merge: what others merged since is not shown."""
    git(merge, "reset", "--quiet", "--hard", "HEAD^1")
    (merge / OVERLAY).with_name("README.md").write_text("by another\n")
    text = (merge / SHOP).read_text()
    (merge / SHOP).write_text(text.replace("containerPort: 8080", "containerPort: 8081"))
    git(merge, "add", ".")
    git(merge, "commit", "--quiet", "--message", "by another")
    base = git(merge, "rev-parse", "HEAD")
    git(merge, "checkout", "--quiet", "change")
    git(merge, "commit", "--quiet", "--allow-empty", "--message", "second commit of the branch")
    environ |= {"BASE": base, "HEAD": git(merge, "rev-parse", "HEAD")}
    script = steps.github("gitops.yml", "diff", "Render both sides")
    ended = steps.run(script, BASH, merge, with_kustomize(tmp_path / "bin"), environ)
    assert ended.returncode == 0, ended.stderr
    text = outputs(environ)["text"]
    assert "web:1.2.3 → registry.example.com/web:1.2.4" in text
    assert "containerPort" not in text


def test_difference_that_is_too_long_for_a_comment_is_whole_in_the_summary(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    ours = f"exec {sys.executable} -m bootstrap"
    long = f'case $1 in diff) seq 20000; exit 1;; *) {ours} "$@";; esac'
    script = steps.github("gitops.yml", "diff", "Render both sides")
    on_path = steps.programs(tmp_path / "bin", bootstrap=long)
    assert steps.run(script, BASH, merge, on_path, environ).returncode == 0
    text = outputs(environ)["text"]
    assert len(text) <= 60_000
    assert "https://github.com/org/gitops/actions/runs/42" in text
    assert Path(environ["GITHUB_STEP_SUMMARY"]).read_text().endswith("\n19999\n20000\n")


def test_nothing_of_the_difference_is_a_command_for_the_runner(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    script = steps.github("gitops.yml", "diff", "Render both sides")
    ours = f"exec {sys.executable} -m bootstrap"
    bad = f"case $1 in diff) echo ' ::error::x'; exit 1;; *) {ours} \"$@\";; esac"
    ended = steps.run(script, BASH, merge, steps.programs(tmp_path / "bin", bootstrap=bad), environ)
    stop, shown, go = ended.stdout.splitlines()
    assert shown == " ::error::x"
    assert stop.removeprefix("::stop-commands::") == go.strip(":")


def test_a_fork_is_told_where_its_preview_is(merge: Path, environ: dict[str, str], tmp_path: Path) -> None:
    script = steps.github("gitops.yml", "diff", "Render both sides")
    on_path = with_kustomize(tmp_path / "bin")
    ended = steps.run(script, BASH, merge, on_path, {**environ, "FORK": "true"})
    assert ended.returncode == 0, ended.stderr
    assert "From a fork" in Path(environ["GITHUB_STEP_SUMMARY"]).read_text()
    told, *_ = ended.stdout.splitlines()
    assert told.startswith("::notice::No comment is written: from a fork, the run's token may not write one.")
    assert "web:1.2.3 → registry.example.com/web:1.2.4" in ended.stdout


def test_difference_that_cannot_be_rendered_fails_the_step(
    merge: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    ours = f"exec {sys.executable} -m bootstrap"
    failing = steps.programs(tmp_path / "bin", bootstrap=f'case $1 in diff) exit 2;; *) {ours} "$@";; esac')
    script = steps.github("gitops.yml", "diff", "Render both sides")
    assert steps.run(script, BASH, merge, failing, environ).returncode == 2
    assert "**It cannot be rendered**" in outputs(environ)["text"], "the comment does not stay as it was"


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


def test_the_comment_goes_to_the_pull_request_by_the_workflows_token(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """A host that is not GitHub, for this machine: by what the runner of Gitea says."""
    asked: list[tuple[str, str, Any]] = []

    def answer(method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        asked.append((method, path.partition("?")[0], body))
        data = {"version": "1.26.0"} if path.endswith("/version") else {"login": "gitea-actions"}
        assert headers["Authorization"] == "Bearer the-token"
        made = [] if method == "GET" and "comments" in path else data
        return 200, {"Content-Type": "application/json"}, json.dumps(made).encode()

    text = "<!-- bootstrap diff -->\n`$(touch ran)` '\" %s\n"
    script = steps.github("gitops.yml", "comment", "Comment")
    with answering(answer) as url:
        environ |= {"GITHUB_SERVER_URL": url, "NUMBER": "3", "TEXT": text, "GIT_TOKEN": "the-token"}
        ended = steps.run(script, BASH, tmp_path, steps.programs(tmp_path / "bin"), environ)
    assert ended.returncode == 0, ended.stderr
    assert "the-token" not in ended.stdout + ended.stderr
    assert asked[-1] == ("POST", "/api/v1/repos/org/gitops/issues/3/comments", {"body": text})
    assert not (tmp_path / "ran").exists()


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
