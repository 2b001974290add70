"""`bootstrap image` on a branch: one commit, never by force; overtaken, it begins again at the new tip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.core.invocation import Invocation
from bootstrap.edit import push as image_push
from bootstrap.git.auth import Credential
from bootstrap.git.changes import FileChange
from bootstrap.git.identity import Identity
from bootstrap.git.thin import ThinBranch
from bootstrap.git.worktree import WorkTreeBranch
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.packages import NEEDS_SSH
from tests.repositories import write

STAGING = "apps/shop/overlays/staging/kustomization.yaml"
ENTRIES = "".join(f"  - name: org/web-{number}\n    newTag: v1\n" for number in range(8))
OVERLAY = f"resources:\n  - ../../base\nimages:\n{ENTRIES}"
AUTHOR = ("--author", "Ci <ci@example.org>")


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    made = Bare(tmp_path / "host.git")
    made.commit({STAGING: OVERLAY.encode(), "README.md": b"read me\n"})
    return made


def target(bare: Bare, *more: str) -> list[str]:
    return ["--app", "shop", "--env", "staging", "--repo", bare.url, "--push", *AUTHOR, *more]


def staging(bare: Bare) -> str:
    return bare.files("main")[STAGING].decode()


def bumped(*numbers: int, tag: str = "v2") -> str:
    text = OVERLAY
    for number in numbers:
        text = text.replace(f"web-{number}\n    newTag: v1", f"web-{number}\n    newTag: {tag}")
    return text


def test_a_bump_is_one_commit_with_its_message_and_author(run: Run, bare: Bare):
    before = bare.tip()
    result = run("image", "set", "org/web-3=:v2", *target(bare, "-o", "json"))
    assert result.exit == 0, result.err
    data = json.loads(result.out)
    assert (data["changed"], data["commit"], data["branch"], data["attempts"]) == (
        True,
        bare.tip(),
        "main",
        1,
    )
    assert staging(bare) == bumped(3)
    assert git(bare.folder, "log", "--format=%an <%ae>|%P|%B", "-1", "main") == (
        f"Ci <ci@example.org>|{before}|Set org/web-3 to v2 (shop, staging)\n\n"
        f"- {STAGING}: org/web-3:v1 -> org/web-3:v2"
    )
    again = run("image", "set", "org/web-3=:v2", *target(bare))
    assert again.out.splitlines()[-1] == "nothing to change"
    assert bare.tip() == data["commit"]


def soon(more: int = 0) -> str:
    """A few minutes after every commit of a test: clocks may differ by so much."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300 + more))


def test_the_message_is_the_users_with_trailers_behind_it(run: Run, bare: Bare):
    built = soon()
    options = ["--message", "Deploy\n\nRefs: #1", "--signoff", "--built-at", built]
    assert run("image", "set", "org/web-3=:v2", *target(bare, *options)).exit == 0
    assert git(bare.folder, "log", "--format=%B", "-1", "main") == (
        f"Deploy\n\nRefs: #1\nImage-Built-At: {built}\nSigned-off-by: Ci <ci@example.org>"
    )


@NEEDS_SSH
def test_a_commit_is_signed_as_git_is_configured(run: Run, bare: Bare, tmp_path: Path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    config = Path(os.environ["HOME"]) / ".gitconfig"
    config.write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {key}\n")
    assert run("image", "set", "org/web-3=:v2", *target(bare, "--sign")).exit == 0
    raw = git(bare.folder, "cat-file", "commit", "main")
    assert "gpgsig -----BEGIN SSH SIGNATURE-----" in raw
    assert "author Ci <ci@example.org> " in raw
    assert staging(bare) == bumped(3)


def test_several_images_are_one_commit(run: Run, bare: Bare):
    before = bare.tip()
    assert run("image", "set", "org/web-1=:v2", "org/web-2=:v2", *target(bare)).exit == 0
    assert staging(bare) == bumped(1, 2)
    assert git(bare.folder, "rev-list", "--count", f"{before}..main") == "1"
    assert git(bare.folder, "log", "-1", "--format=%s", "main") == "Set 2 images to v2 (shop, staging)"


def test_a_dry_run_on_a_branch_pushes_nothing(run: Run, bare: Bare):
    before = bare.tip()
    arguments = [part for part in target(bare, "--dry-run") if part not in ("--push", *AUTHOR)]
    result = run("image", "set", "org/web-3=:v2", *arguments)
    assert result.exit == ExitStatus.NO
    assert "+    newTag: v2" in result.out
    assert bare.tip() == before


OVERTAKEN = 3


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch, bare: Bare) -> list[str]:
    """Someone else pushes right before each of our first pushes: next line, same file, other file."""
    theirs = iter(
        [
            {STAGING: bumped(4, tag="theirs").encode()},
            {STAGING: ("# why\n" + bumped(4, 5, tag="theirs")).encode()},
            {"README.md": b"changed\n"},
        ]
    )
    pushes: list[str] = []
    push = ThinBranch.push

    def slower(self: ThinBranch, sha: str) -> None:
        change = next(theirs, None)
        if change is not None:
            bare.commit(change)
        pushes.append(sha)
        push(self, sha)

    monkeypatch.setattr(ThinBranch, "push", slower)
    monkeypatch.setattr(image_push.time, "sleep", lambda _: None)
    return pushes


def test_overtaken_it_applies_the_same_meaning_to_the_new_tip(run: Run, bare: Bare, overtaken: list[str]):
    result = run("image", "set", "org/web-3=:v2", *target(bare, "-o", "json"))
    assert result.exit == 0, result.err
    assert json.loads(result.out)["attempts"] == len(overtaken) == OVERTAKEN + 1
    text = "# why\n" + bumped(4, 5, tag="theirs").replace("web-3\n    newTag: v1", "web-3\n    newTag: v2")
    assert staging(bare) == text
    assert bare.files()["README.md"] == b"changed\n"
    assert git(bare.folder, "rev-list", "--merges", "--count", "main") == "0"
    assert git(bare.folder, "rev-list", "--count", "main") == "5"


def test_overtaken_by_the_same_change_there_is_nothing_left_to_do(
    run: Run, bare: Bare, monkeypatch: pytest.MonkeyPatch
):
    push = ThinBranch.push

    def slower(self: ThinBranch, sha: str) -> None:
        bare.commit({STAGING: bumped(3).encode()})
        push(self, sha)

    monkeypatch.setattr(ThinBranch, "push", slower)
    monkeypatch.setattr(image_push.time, "sleep", lambda _: None)
    result = run("image", "set", "org/web-3=:v2", *target(bare))
    assert result.exit == 0
    assert "already" in result.out
    assert git(bare.folder, "rev-list", "--count", "main") == "2"


def test_an_expectation_is_checked_at_every_tip(run: Run, bare: Bare, monkeypatch: pytest.MonkeyPatch):
    push = ThinBranch.push

    def slower(self: ThinBranch, sha: str) -> None:
        bare.commit({STAGING: bumped(3, tag="theirs").encode()})
        push(self, sha)

    monkeypatch.setattr(ThinBranch, "push", slower)
    monkeypatch.setattr(image_push.time, "sleep", lambda _: None)
    result = run("image", "set", "org/web-3=:v2", "--expect", "v1", *target(bare))
    assert result.exit == ExitStatus.CHANGED
    assert staging(bare) == bumped(3, tag="theirs")


def test_it_gives_up_when_the_time_is_over(run: Run, bare: Bare, monkeypatch: pytest.MonkeyPatch):
    push = ThinBranch.push

    def slower(self: ThinBranch, sha: str) -> None:
        bare.commit({"README.md": sha.encode()})
        push(self, sha)

    monkeypatch.setattr(ThinBranch, "push", slower)
    result = run("image", "set", "org/web-3=:v2", *target(bare, "--timeout", "0.5"))
    assert result.exit == ExitStatus.GIT
    assert "were all overtaken" in result.err
    assert staging(bare) == OVERLAY


def test_a_protected_branch_is_reported_at_once(run: Run, bare: Bare):
    bare.hook("pre-receive", "echo 'branch main is protected' >&2; exit 1")
    result = run("image", "set", "org/web-3=:v2", *target(bare))
    assert result.exit == ExitStatus.GIT
    assert "branch main is protected" in result.err
    assert staging(bare) == OVERLAY


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--branch", "mian"], "has no branch mian"),
        (["--token-file", "{tmp}/empty"], "is empty"),
        (["../x"], "leads out of the repository"),
    ],
)
def test_bad_access_is_one_clear_error(run: Run, bare: Bare, tmp_path: Path, options, found):
    (tmp_path / "empty").write_text("\n")
    options = [option.format(tmp=tmp_path) for option in options]
    result = run("image", "set", "org/web-3=:v2", *options, *target(bare))
    assert result.exit == ExitStatus.INPUT
    assert found in result.err
    assert staging(bare) == OVERLAY


def test_path_names_a_folder_of_the_repository(run: Run, bare: Bare):
    arguments = ["--repo", bare.url, "--push", *AUTHOR]
    assert run("image", "set", "org/web-3=:v2", "apps/shop", *arguments).exit == 0
    assert staging(bare) == bumped(3)
    assert run("image", "set", "org/web-4=:v2", *arguments).exit == 0  # found by a search
    assert staging(bare) == bumped(3, 4)
    assert run("image", "set", "shop/web-5=:v2", *arguments).exit == 0
    assert staging(bare) == bumped(3, 4, 5)


@pytest.mark.parametrize("filters", ["true", "false"])
def test_list_history_promotion_and_rollback_work_without_a_checkout(run: Run, bare: Bare, filters: str):
    git(bare.folder, "config", "uploadpack.allowFilter", filters)
    production = STAGING.replace("staging", "production")
    bare.commit({production: OVERLAY.encode()}, message="Second")
    assert run("image", "set", "org/web-4=:v3", *target(bare)).exit == 0
    assert run("image", "set", "org/web-4=:v1", *target(bare)).exit == 0
    assert run("image", "set", "org/web-3=:v2", *target(bare)).exit == 0
    arguments = ["--app", "shop", "--repo", bare.url]
    listed = json.loads(run("image", "list", "--env", "staging", *arguments, "-o", "json").out)
    assert {item["name"]: item["set"]["author"] for item in listed}["org/web-3"] == "Ci"
    assert {item["name"]: item["set"]["author"] for item in listed}["org/web-2"] == "Someone"
    promotion = ["--from", "staging", "--to", "production", "--push", *AUTHOR, *arguments]
    assert run("image", "promote", "org/web-3", *promotion).exit == 0
    assert bare.files()[production].decode() == bumped(3)
    history = run("image", "history", "org/web-3", "--env", "production", *arguments, "-o", "json")
    steps = json.loads(history.out)["steps"]
    assert [(step["reference"]["tag"], step["subject"]) for step in steps] == [
        ("v2", "Promote org/web-3 to v2 (shop, production)"),
        ("v1", "Second"),
    ]
    back = ["--env", "production", "--push", *AUTHOR, *arguments]
    assert run("image", "rollback", "org/web-3", *back).exit == 0
    assert bare.files()[production].decode() == OVERLAY
    assert (
        git(bare.folder, "log", "-1", "--format=%s", "main") == "Roll back org/web-3 to v1 (shop, production)"
    )


def test_an_older_build_does_not_undo_a_persons_rollback(run: Run, bare: Bare):
    built = ["--built-at", "2025-01-01T00:00:00Z"]
    bare.commit({STAGING: bumped(3, tag="v0").encode()}, message="Back, by a person")
    kept = run("image", "set", "org/web-3=:v2", *built, *target(bare))
    assert "Someone set v0 later" in kept.out
    assert staging(bare) == bumped(3, tag="v0")
    newer = run("image", "set", "org/web-3=:v2", "--built-at", soon(), *target(bare))
    assert newer.exit == 0
    assert staging(bare) == bumped(3)
    late = run("image", "set", "org/web-3=:v1.9", "--built-at", soon(-60), *target(bare))
    assert "a build that began later" in late.out
    assert staging(bare) == bumped(3)
    versions = run("image", "set", "org/web-3=:v1.9", "--only-newer", *target(bare))
    assert "which is newer" in versions.out


# -- from a work tree --------------------------------------------------------------------------


@pytest.fixture
def clone(bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", bare.url, str(folder))
    monkeypatch.chdir(folder)
    return folder


COMMAND = ("image", "set", "org/web-3=:v2", "--env", "staging", "--push", *AUTHOR)


def test_from_a_work_tree_the_branch_it_follows_is_pushed_to_and_followed(run: Run, bare: Bare, clone: Path):
    theirs = bare.commit({"README.md": b"theirs\n"})
    (clone / "mine.txt").write_text("not committed")
    result = run(*COMMAND)
    assert (result.exit, result.err) == (0, "")
    assert staging(bare) == bumped(3) == (clone / STAGING).read_text()
    assert git(bare.folder, "rev-parse", "main^") == theirs
    assert git(clone, "rev-parse", "HEAD") == bare.tip()
    assert git(clone, "status", "--porcelain") == "?? mine.txt"
    assert git(clone, "for-each-ref", "refs/bootstrap") == ""


def test_runs_in_one_work_tree_do_not_share_a_ref(bare: Bare, clone: Path):
    one, other = (WorkTreeBranch(clone, "main", Credential(), Invocation()) for _ in range(2))
    for branch in (one, other):
        branch.refresh()
        branch.commit([FileChange("README.md", b"new\n")], "m", Identity("A", "a@b.example"), 0)
    theirs = set(git(clone, "for-each-ref", "--format=%(refname)", "refs/bootstrap").split())
    other.close()
    left = set(git(clone, "for-each-ref", "--format=%(refname)", "refs/bootstrap").split())
    assert (
        left
        == {ref for ref in theirs if ref.startswith(one.private)}
        == {
            f"{one.private}/tip",
            f"{one.private}/next",
        }
    )
    one.close()
    assert git(clone, "for-each-ref", "refs/bootstrap") == ""


def test_refs_of_a_run_that_was_killed_are_removed_a_day_later(run: Run, bare: Bare, clone: Path):
    now = int(time.time())
    for when in (now - 90000, now - 60):
        git(clone, "update-ref", f"refs/bootstrap/{when}-0123abcd/tip", "HEAD")
    assert run(*COMMAND).exit == 0
    left = git(clone, "for-each-ref", "--format=%(refname)", "refs/bootstrap")
    assert left == f"refs/bootstrap/{now - 60}-0123abcd/tip"


def test_processes_in_one_work_tree_push_all_they_set(bare: Bare, clone: Path):
    command = (sys.executable, "-m", "bootstrap", "image", "set")
    more = ("--env", "staging", "--push", "--timeout", "600", *AUTHOR)
    with ThreadPoolExecutor(8) as pool:
        ran = pool.map(
            lambda number: subprocess.run(
                [*command, f"org/web-{number}=:v2", *more],
                cwd=clone,
                capture_output=True,
                text=True,
                check=False,
            ),
            range(8),
        )
        assert [one.returncode for one in ran if one.returncode or one.stderr.startswith("error")] == []
    assert staging(bare) == bumped(*range(8))
    assert git(clone, "for-each-ref", "refs/bootstrap") == ""


def test_what_was_changed_in_the_work_tree_stays(run: Run, bare: Bare, clone: Path):
    (clone / STAGING).write_text("mine\n")
    result = run(*COMMAND)
    assert result.exit == 0
    assert "git pull" in result.err
    assert (clone / STAGING).read_text() == "mine\n"
    assert staging(bare) == bumped(3)


@pytest.mark.parametrize(
    ("prepare", "found"),
    [
        (["checkout", "--quiet", "--detach"], "HEAD is detached"),
        (["checkout", "--quiet", "-b", "new"], "has no branch new"),
        (["remote", "remove", "origin"], "no remote"),
    ],
)
def test_a_work_tree_that_follows_nothing_is_reported(run: Run, clone: Path, bare: Bare, prepare, found):
    git(clone, *prepare)
    result = run(*COMMAND)
    assert result.exit == ExitStatus.INPUT
    assert found in result.err
    assert staging(bare) == OVERLAY
    if found != "no remote":
        assert run(*COMMAND, "--branch", "main").exit == 0
        assert staging(bare) == bumped(3)


def test_a_folder_that_is_not_a_work_tree_cannot_be_pushed(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(write(tmp_path / "plain", {STAGING: OVERLAY}))
    result = run(*COMMAND)
    assert result.exit == ExitStatus.INPUT
    assert "not a Git work tree" in result.err


# -- many at once ------------------------------------------------------------------------------


def test_many_processes_on_one_branch_lose_nothing(bare: Bare):
    """Same and different lines of one file, without a host that takes turns for them."""
    code = "import sys; from bootstrap.main import run; sys.exit(run(sys.argv[1:]))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, "image", "set", f"org/web-{number}=:v{2 + copy}", *target(bare)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(8)
        for copy in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 16, said
    tags = [line.split()[-1] for line in staging(bare).splitlines() if "newTag" in line]
    assert len(tags) == 8
    assert set(tags) <= {"v2", "v3"}
    assert git(bare.folder, "rev-list", "--merges", "--count", "main") == "0"
    assert int(git(bare.folder, "rev-list", "--count", "main")) == 17
