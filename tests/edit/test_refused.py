"""Why git or the Git host refuses, reported with the fix: refusals, branches, identities, bytes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git

STAGING = "apps/shop/overlays/staging/kustomization.yaml"
OVERLAY = "images:\n  - name: org/web\n    newTag: v1\n"
AUTHOR = ("--author", "Ci <ci@example.org>")


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "host.git")
    made.commit({STAGING: OVERLAY.encode()})
    return made


def place(bare: Bare) -> list[str]:
    return ["--app", "shop", "--env", "staging", "--repo", bare.url, "--push"]


def bump(run: Run, bare: Bare, *more: str, **env: str) -> Result:
    return run("image", "set", "org/web=:v2", *place(bare), *(more or AUTHOR), env=env)


# -- what hosts refuse -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "helps", "does_not"),
    [
        ("error: GH006: Protected branch update failed for refs/heads/main.", "--pr", "--sign"),
        (
            "error: GH013: Repository rule violations found\n- Changes must be made through a pull request.",
            "--pr",
            "",
        ),
        ("GitLab: You are not allowed to push code to protected branches on this project.", "--pr", "--sign"),
        ("Gitea: Not allowed to push to protected branch main", "--pr", "--sign"),
        (
            "error: GH013: Repository rule violations\n- Commits must have verified signatures.",
            "--via api",
            "--pr",
        ),
        ("GitLab: Commit must be signed with a GPG key", "--sign", "--pr"),
        ("Gitea: branch main is protected from unsigned commits: requires signed commits", "--sign", "--pr"),
        ("GitLab: Committer's email 'ci@example.com' is not verified.", "--author", "--pr"),
        ("error: GH007: Your push would publish a private email address.", "--author", "--pr"),
        ("GitLab: Author 'ci@example.com' is not a member of team", "--author", "--pr"),
        ("GitLab: Commit message does not follow the pattern 'JIRA-.*'", "--message", "--pr"),
        ("GitLab: You are not allowed to upload code.", "CI_JOB_TOKEN", "--pr"),
        ("ERROR: The key you are authenticating with has been marked as read only.", "credential", "--pr"),
        ("remote: This repository was archived so it is read-only.", "accepts no changes", "--pr"),
        (
            "error: GH013: Rule violations\n- GITHUB PUSH PROTECTION - Push cannot contain secrets",
            "secret",
            "--pr",
        ),
        ("GitLab: Your push would cause the repository to exceed its size limit", "store", "--pr"),
        ("[YACC] ENFORCED: expected committer email 'a@b' but found 'c@d'", "--author", "--pr"),
        ("ERROR: commit 12: email address c@d is not registered in your account", "--author", "--pr"),
        ("TF401027: You need the Git 'GenericContribute' permission.", "credential", "--pr"),
        ("ERROR: commit 12: not Signed-off-by author in message footer", "--signoff", "--sign:"),
        ("ERROR: commit 12: missing Change-Id in message footer", "--message", "--pr"),
    ],
)
def test_a_refusal_says_what_helps_against_it(
    run: Run, bare: Bare, said: str, helps: str, does_not: str
) -> None:
    lines = "\n".join(f'echo "{line}" >&2' for line in said.splitlines())
    bare.hook("pre-receive", f"{lines}\nexit 1")
    result = bump(run, bare)
    assert result.exit == ExitStatus.GIT
    hint = result.err.partition("to do:")[2]
    assert helps in hint
    assert not does_not or does_not not in hint
    assert said.splitlines()[-1].removeprefix("remote: ") in result.err


def test_a_host_that_takes_nothing_for_a_while_is_waited_for(run: Run, bare: Bare) -> None:
    said = "GitLab: The repository is temporarily read-only. Please try again later."
    once = bare.folder / "once"
    bare.hook("pre-receive", f"[ -e {once} ] && exit 0; touch {once}; echo '{said}' >&2; exit 1")
    result = bump(run, bare)
    assert result.exit == 0, result.err
    assert b"v2" in bare.files()[STAGING]


def test_a_lock_that_was_left_on_the_host_is_not_reported_as_overtaken(run: Run, bare: Bare) -> None:
    lock = bare.folder / "refs" / "heads" / "main.lock"
    lock.touch()
    result = bump(run, bare, *AUTHOR, "--timeout", "2")
    assert result.exit == ExitStatus.GIT
    assert "could not lock the branch" in result.err
    assert f"remove {lock}" in result.err
    assert "overtaken" not in result.err


def test_a_lock_that_goes_is_waited_for(run: Run, bare: Bare) -> None:
    lock = bare.folder / "refs" / "heads" / "main.lock"
    lock.touch()
    bare.hook("pre-receive", f"[ -e {bare.folder}/once ] && rm -f {lock}; touch {bare.folder}/once")
    assert bump(run, bare).exit == 0
    assert b"v2" in bare.files()[STAGING]


# -- branches ----------------------------------------------------------------------------------


def test_a_branch_that_has_the_name_of_a_tag_is_the_branch(
    run: Run, bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(bare.folder, "branch", "v1", "main")
    git(bare.folder, "tag", "v1", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", bare.url, str(clone))
    git(clone, "checkout", "--quiet", "-B", "v1", "--track", "refs/remotes/origin/v1")
    monkeypatch.chdir(clone)
    result = run("image", "set", "org/web=:v2", "--env", "staging", "--push", *AUTHOR)
    assert result.exit == 0, result.err
    assert git(bare.folder, "show", f"refs/heads/v1:{STAGING}") == OVERLAY.replace("v1", "v2").strip()
    assert git(clone, "rev-parse", "HEAD") == git(bare.folder, "rev-parse", "refs/heads/v1")
    assert bump(run, bare, *AUTHOR, "--branch", "v1").exit == 0


def test_a_name_that_is_only_a_tag_is_reported_as_one(run: Run, bare: Bare) -> None:
    git(bare.folder, "tag", "release", "main")
    result = bump(run, bare, *AUTHOR, "--branch", "release")
    assert result.exit == ExitStatus.INPUT
    assert "release is a tag" in result.err
    assert "existing branches: main" in result.err


def test_a_default_branch_that_does_not_exist_is_reported_with_those_that_do(run: Run, bare: Bare) -> None:
    git(bare.folder, "symbolic-ref", "HEAD", "refs/heads/master")
    result = bump(run, bare)
    assert result.exit == ExitStatus.INPUT
    assert "master, which does not exist" in result.err
    assert "existing branches: main" in result.err
    assert "is empty" not in result.err
    assert bump(run, bare, *AUTHOR, "--branch", "main").exit == 0


def test_a_repository_of_another_user_is_reported_with_the_line_to_type(run: Run, bare: Bare) -> None:
    result = bump(run, bare, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert result.exit == ExitStatus.GIT
    assert "dubious ownership" in result.err
    assert f"safe.directory {bare.folder}" in result.err


# -- who commits -------------------------------------------------------------------------------


def test_the_committer_is_who_the_surroundings_say(run: Run, bare: Bare) -> None:
    who = {"GIT_COMMITTER_NAME": "Robot", "GIT_COMMITTER_EMAIL": "robot@example.org"}
    assert bump(run, bare, **who).exit == 0
    form = "--format=%an <%ae>|%cn <%ce>"
    assert git(bare.folder, "log", "-1", form, "main") == "Ci <ci@example.org>|Robot <robot@example.org>"
    dates = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "1700000000 +0100"}
    assert run("image", "set", "org/web=:v3", *place(bare), *AUTHOR, env=dates).exit == 0
    assert git(bare.folder, "log", "-1", "--format=%aI|%cI|%cn", "main") == (
        "2026-01-02T03:04:05+00:00|2023-11-14T23:13:20+01:00|Ci"
    )


def test_a_committer_that_is_not_one_is_reported(run: Run, bare: Bare) -> None:
    result = bump(run, bare, GIT_COMMITTER_DATE="yesterday-ish, perhaps")
    assert result.exit == ExitStatus.INPUT
    assert "date" in result.err
    assert b"v1" in bare.files()[STAGING]


# -- bytes that are not UTF-8 ------------------------------------------------------------------

LATIN = b"B\xf6".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "more",
    [
        ("--message", f"gr{LATIN}sser"),
        ("--author", f"{LATIN} <a@b.example>"),
        (*AUTHOR, "--branch", LATIN),
        (*AUTHOR, "--expect", LATIN),
        (*AUTHOR, LATIN),
    ],
)
def test_arguments_that_are_not_utf8_are_one_clear_error(run: Run, bare: Bare, more: tuple[str, ...]) -> None:
    for form in ((), ("-o", "json")):
        result = bump(run, bare, *more, *form)
        assert result.exit == ExitStatus.INPUT
        said = json.loads(result.out)["error"]["found"] if form else result.err
        assert "not UTF-8" in said
        assert r"\xf6" in said
    assert b"v1" in bare.files()[STAGING]


def test_arguments_are_read_as_utf8_whatever_the_locale(bare: Bare) -> None:
    command = [sys.executable, "-m", "bootstrap", "image", "set", "org/web=:v2", *place(bare)]
    more = ["--author", "Bö <a@b.example>", "--message", "größer"]
    known = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0"}
    ran = subprocess.run([*command, *more], env=known, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    said = git(bare.folder, "log", "-1", "--format=%an %s", "main")
    assert said == "Bö größer"


@pytest.mark.parametrize("name", ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"])
def test_environment_variables_that_are_not_utf8_are_one_clear_error(run: Run, bare: Bare, name: str) -> None:
    known = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b.example", name: LATIN}
    result = run("image", "set", "org/web=:v2", *place(bare), env=known)
    assert result.exit == ExitStatus.INPUT, result.err
    assert "not UTF-8" in result.err
    assert b"v1" in bare.files()[STAGING]


def test_a_path_of_the_repository_that_is_not_utf8_is_one_clear_error(run: Run, tmp_path: Path) -> None:
    bare = Bare(tmp_path / "latin.git")
    bare.commit({f"apps/shop/{LATIN}/overlays/staging/kustomization.yaml": OVERLAY.encode()})
    result = bump(run, bare)
    assert result.exit == ExitStatus.INPUT, result.err
    assert "not UTF-8" in result.err


# -- the end of a run --------------------------------------------------------------------------


def test_a_run_that_is_terminated_leaves_no_temporary_folder(bare: Bare, tmp_path: Path) -> None:
    began, folder = tmp_path / "began", tmp_path / "temporary"
    folder.mkdir()
    bare.hook("pre-receive", f"touch {began}; sleep 600")
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "image", "set", "org/web=:v2", *place(bare), *AUTHOR],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not began.exists() and process.poll() is None:
        pass
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + signal.SIGTERM, out
    assert list(folder.iterdir()) == []
    assert re.search("Traceback", out) is None
