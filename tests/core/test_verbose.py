"""--verbose shows each call and file, and no credential."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from bootstrap.core import verbose
from bootstrap.git.run import run as run_git
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.providers.answering import answering
from tests.repositories import write


def test_nothing_is_reported_where_no_one_listens_and_afterwards_nothing_more() -> None:
    heard: list[str] = []
    verbose.say("before")
    with verbose.to(heard.append):
        verbose.say("meanwhile")
        with verbose.call("asking") as call:
            call.ended = "200"
        with pytest.raises(RuntimeError), verbose.call("asking again"):
            raise RuntimeError
    verbose.say("after")
    with verbose.to(None):
        verbose.say("to nobody")
    assert heard[0] == "meanwhile"
    assert [line.rpartition(",")[0] for line in heard[1:]] == ["asking: 200", "asking again: no answer"]


def test_git_is_reported_without_passwords_and_not_at_full_length() -> None:
    heard: list[str] = []
    with verbose.to(heard.append):
        run_git(("ls-remote", "https://me:hunter22@127.0.0.1:1/a/b.git"), Path("/"), {"PATH": "/usr/bin"})
        said = verbose.git(("add", "x" * 500, *"abcdefghijklmnop"), "here")
    assert heard[0].startswith("git ls-remote https://127.0.0.1:1/a/b.git (in /): exit 128, ")
    assert "hunter22" not in heard[0]
    assert len(said) < 200
    assert "and 6 more" in said


def test_answers_of_a_session_are_reported_without_user_password_and_query() -> None:
    heard: list[str] = []
    with answering(lambda *_: (404, {}, b"")) as url, verbose.to(heard.append), requests.Session() as session:
        verbose.follow(session)
        session.get(f"{url.replace('://', '://me:hunter22@')}/api/x?secret=hunter22", timeout=60)
    (line,) = heard
    assert line.startswith(f"GET {url}/api/x: 404, ")


def test_files_and_git_are_reported_on_request(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "repo", {"kustomization.yaml": "images: [{name: web, newTag: v1}]\n"})
    git(root, "init", "--quiet")
    monkeypatch.chdir(root)
    assert run("image", "set", "web=:v2").err == ""
    told = run("image", "set", "web=:v3", "--verbose").err.splitlines()
    assert "read kustomization.yaml: 34 bytes" in told
    assert "wrote kustomization.yaml" in told
    listed = run("image", "list", "-v").err
    assert "git rev-parse --verify --quiet HEAD^{commit}" in listed


def test_files_of_a_repository_by_url_are_reported_and_the_token_is_not(run: Run, tmp_path: Path) -> None:
    bare = Bare(tmp_path / "gitops.git")
    bare.commit({"kustomization.yaml": b"images: [{name: web, newTag: v1}]\n"})
    given = ["image", "set", "web=:v2", "--repo", bare.url, "--dry-run", "-v"]
    told = run(*given, env={"GIT_TOKEN": "glowing-token"}).err
    assert "git " in told
    assert "read kustomization.yaml: 34 bytes" in told
    assert "glowing-token" not in told
