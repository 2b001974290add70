"""`image set --built-at`: whoever has set the image since the build started wins, and no one else.

The state of a branch when a build started follows from its commits, however few of them are fetched
(fluxcd/image-automation-controller#1090).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.edit import push as image_push
from bootstrap.git.thin import ThinBranch
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git
from tests.histories import DAY, HOUR, MINUTE, NOW, commit, many, time_of

WEB = "apps/web/overlays/dev/kustomization.yaml"
API = "apps/api/overlays/dev/kustomization.yaml"
BEGAN = 30 * MINUTE
"""How long ago the build began."""


def overlay(name: str, tag: str) -> str:
    return f"images:\n  - name: {name}\n    newName: ghcr.io/acme/{name}\n    newTag: {tag}\n"


@pytest.fixture(params=["filters", "filters nothing"])
def bare(tmp_path: Path, request: pytest.FixtureRequest) -> Bare:
    """A host with two services, laid out ten days ago."""
    made = Bare(tmp_path / "host.git", filters=request.param == "filters")
    files = {WEB: overlay("web", "v1"), API: overlay("api", "v1"), "docs/a.md": "a\n"}
    commit(made, files, 10 * DAY, who="Ann", message="Lay out")
    return made


@pytest.fixture
def bump(run: Run, bare: Bare):
    """web=:v2 by a build that began BEGAN seconds ago, or so many."""

    def call(*more: str, began: float = BEGAN) -> Result:
        target = [
            "--app",
            "web",
            "--env",
            "dev",
            "--repo",
            bare.url,
            "--push",
            "--author",
            "Ci <ci@b.example>",
        ]
        return run("image", "set", "web=:v2", "--built-at", time_of(began), *target, *more)

    return call


def tag(bare: Bare, path: str = WEB) -> str:
    return bare.files()[path].decode().split()[-1]


def test_an_unrelated_commit_since_sets_nothing(bare: Bare, bump):
    commit(bare, {"docs/a.md": "b\n"}, 5 * MINUTE)
    assert bump().exit == 0
    assert tag(bare) == "v2"


def test_another_services_bump_since_sets_nothing(bare: Bare, bump):
    trailer = f"Set api\n\nImage-Built-At: {time_of(20 * MINUTE)}"
    commit(bare, {API: overlay("api", "v7")}, 5 * MINUTE, message=trailer)
    assert bump().exit == 0
    assert (tag(bare), tag(bare, API)) == ("v2", "v7")


def test_who_has_set_it_since_is_named_and_it_stays(bare: Bare, bump):
    commit(bare, {WEB: overlay("web", "v0")}, 5 * MINUTE)
    commit(bare, {"docs/a.md": "b\n"}, 4 * MINUTE, who="Bob")
    result = bump()
    assert result.exit == 0
    assert "Eve set v0 later" in result.out
    assert tag(bare) == "v0"


def test_set_away_and_back_since_it_stays(bare: Bare, bump):
    """The value is what it was when the build began, and it is a person's since."""
    commit(bare, {WEB: overlay("web", "v9")}, 20 * MINUTE)
    commit(bare, {WEB: overlay("web", "v1")}, 10 * MINUTE, who="Bob")
    assert "Bob set v1 later" in bump().out
    assert tag(bare) == "v1"


def test_what_was_set_before_the_build_began_is_replaced(bare: Bare, bump):
    commit(bare, {WEB: overlay("web", "v0")}, BEGAN + MINUTE)
    commit(bare, {WEB: "# why\n" + overlay("web", "v0")}, 5 * MINUTE, who="Bob")
    assert bump().exit == 0
    assert tag(bare) == "v2"


def test_of_two_builds_the_one_that_began_later_wins(bare: Bare, bump):
    trailer = f"Set web\n\nImage-Built-At: {time_of(20 * MINUTE)}\nReviewed-by: Bob"
    commit(bare, {WEB: overlay("web", "v9")}, 5 * MINUTE, message=trailer)
    assert "a build that began later" in bump(began=BEGAN).out
    assert tag(bare) == "v9"
    assert bump(began=10 * MINUTE).exit == 0
    assert tag(bare) == "v2"


@pytest.mark.parametrize("count", [70, 700])
def test_however_many_commits_there_were_since(bare: Bare, bump, count: int):
    many(bare, "docs/a.md", count, 25 * MINUTE, 5 * MINUTE)
    assert bump().exit == 0
    assert tag(bare) == "v2"


@pytest.mark.parametrize("count", [70, 700])
def test_a_setter_is_found_behind_however_many_commits(bare: Bare, bump, count: int):
    commit(bare, {WEB: overlay("web", "v0")}, 28 * MINUTE, who="Bob")
    many(bare, "docs/a.md", count, 25 * MINUTE, 5 * MINUTE)
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


def test_a_commit_of_a_clock_that_is_late_hides_no_one(bare: Bare, bump):
    commit(bare, {WEB: overlay("web", "v0")}, 5 * MINUTE, who="Bob")
    commit(bare, {"docs/a.md": "b\n"}, BEGAN + 10 * MINUTE)
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


def test_a_change_came_when_it_was_merged(bare: Bare, bump):
    """A person's way back by review: committed before the build began, merged after."""
    git(bare.folder, "branch", "back", "main")
    commit(bare, {WEB: overlay("web", "v0")}, BEGAN + HOUR, who="Bob", message="Back", branch="back")
    commit(bare, {"docs/a.md": "b\n"}, BEGAN + MINUTE)
    merged = {WEB: overlay("web", "v0")}
    commit(bare, merged, 5 * MINUTE, who="Forge", message="Merge back", merged=["back"])
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


def test_a_merged_bump_counts_by_its_build_and_not_by_its_merge(bare: Bare, bump):
    git(bare.folder, "branch", "image-bump/web", "main")
    trailer = f"Set web\n\nImage-Built-At: {time_of(BEGAN + HOUR)}"
    commit(bare, {WEB: overlay("web", "v1.9")}, BEGAN + MINUTE, message=trailer, branch="image-bump/web")
    commit(bare, {"docs/a.md": "b\n"}, BEGAN)
    merged = {WEB: overlay("web", "v1.9")}
    commit(bare, merged, 5 * MINUTE, who="Forge", message="Merge", merged=["image-bump/web"])
    assert bump().exit == 0
    assert tag(bare) == "v2"


def test_a_merge_that_brings_back_what_the_branch_had_is_of_who_merges(bare: Bare, bump):
    old = f"Set web\n\nImage-Built-At: {time_of(9 * DAY)}"
    commit(bare, {WEB: overlay("web", "v0")}, 8 * DAY, message=old)
    git(bare.folder, "branch", "side", "main")
    commit(bare, {WEB: overlay("web", "v1.9")}, 7 * DAY)
    commit(bare, {"docs/a.md": "b\n"}, 6 * DAY, branch="side")
    brought = {WEB: overlay("web", "v0"), "docs/a.md": "b\n"}
    commit(bare, brought, 5 * MINUTE, who="Bob", message="Merge", merged=["side"])
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


def test_a_renamed_folder_sets_nothing(bare: Bare, bump):
    old = WEB.replace("apps/web", "apps/site")
    commit(bare, {WEB: None, old: overlay("web", "v1")}, HOUR, message="Away")
    commit(bare, {old: None, WEB: overlay("web", "v1")}, 5 * MINUTE, message="And back")
    assert bump().exit == 0
    assert tag(bare) == "v2"


@pytest.mark.parametrize("count", [1, 40])
def test_commits_dated_long_ago_hide_no_one(bare: Bare, bump, count: int):
    """A machine without a clock, or a history that was rewritten with early dates."""
    commit(bare, {WEB: overlay("web", "v0")}, 5 * MINUTE, who="Bob")
    many(bare, "docs/a.md", count, 2000 * DAY, 1999 * DAY)
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


def test_a_build_in_the_future_sets_nothing_that_would_hold_back_all_later_ones(bare: Bare, bump):
    result = bump(began=-2 * DAY)
    assert result.exit == ExitStatus.INPUT
    assert "is in the future" in result.err
    assert tag(bare) == "v1"
    assert bump(began=-5 * MINUTE).exit == 0  # as wrong as a clock may be
    assert tag(bare) == "v2"


@pytest.mark.parametrize(
    ("when", "message", "told"),
    [
        (-3 * DAY, "Set web", "is dated"),
        (DAY, f"Set web\n\nImage-Built-At: {NOW + 3 * DAY}", "its build began"),
    ],
    ids=["by its commit", "by its build"],
)
def test_an_image_set_in_the_future_is_an_error_until_set_again(bare: Bare, bump, when, message, told):
    """Whether it was before this build is unknown; to keep it would drop every deploy until then."""
    sha = commit(bare, {WEB: overlay("web", "v9")}, when, message=message)
    commit(bare, {"docs/a.md": "b\n"}, 5 * MINUTE)
    result = bump()
    assert result.exit == ExitStatus.REFUSED
    assert f"commit {sha[:12]} by Eve" in result.err
    assert told in result.err
    assert tag(bare) == "v9"
    commit(bare, {WEB: overlay("web", "v8")}, 4 * MINUTE)
    assert bump(began=MINUTE).exit == 0
    assert tag(bare) == "v2"


@pytest.mark.parametrize("filters", [True, False])
def test_ids_of_sha256_and_names_beyond_ascii(run: Run, tmp_path: Path, filters: bool):
    bare = Bare(tmp_path / "sha256.git", format="sha256", filters=filters)
    path = "apps/größe app/overlays/dev/kustomization.yaml"
    commit(bare, {path: overlay("web", "v1")}, 10 * DAY)
    many(bare, "docs/a.md", 150, 20 * MINUTE, 5 * MINUTE)
    target = [
        "--app",
        "größe app",
        "--env",
        "dev",
        "--repo",
        bare.url,
        "--push",
        "--author",
        "Ci <c@b.example>",
    ]
    arguments = ["image", "set", "web=:v2", *target]
    assert run(*arguments, "--built-at", time_of(BEGAN)).exit == 0
    assert tag(bare, path) == "v2"
    commit(bare, {path: overlay("web", "v0")}, 0, who="Bob")
    assert "Bob set v0 later" in run(*arguments, "--built-at", time_of(MINUTE)).out


# -- overtaken ---------------------------------------------------------------------------------


@pytest.fixture
def before_push(monkeypatch: pytest.MonkeyPatch):
    """Have these things happen, one before each push."""

    def call(*events) -> None:
        waiting = list(events)
        push = ThinBranch.push

        def slower(self: ThinBranch, sha: str) -> None:
            if waiting:
                waiting.pop(0)()
            push(self, sha)

        monkeypatch.setattr(ThinBranch, "push", slower)
        monkeypatch.setattr(image_push.time, "sleep", lambda _: None)

    return call


@pytest.mark.parametrize("times", [1, 2, 20])
@pytest.mark.parametrize("already", [0, 3])
def test_overtaken_so_often_it_is_set_all_the_same(bare: Bare, bump, before_push, times: int, already: int):
    for number in range(already):
        commit(bare, {"docs/a.md": f"{number}\n"}, 10 * MINUTE)
    events = [
        lambda number=number: commit(
            bare, {API: overlay("api", f"v{number}"), f"new/{number}/x": "x"}, 2 * MINUTE
        )
        for number in range(times)
    ]
    before_push(*events)
    result = bump()
    assert result.exit == 0, result.err
    assert f"on the {times + 1}" in result.out
    assert (tag(bare), tag(bare, API)) == ("v2", f"v{times - 1}")


def test_overtaken_by_many_commits_at_once(bare: Bare, bump, before_push):
    commit(bare, {"docs/a.md": "0\n"}, 10 * MINUTE)
    before_push(lambda: many(bare, "docs/a.md", 150, 5 * MINUTE, MINUTE))
    assert bump().exit == 0
    assert tag(bare) == "v2"


@pytest.mark.parametrize("times", [0, 1, 19])
def test_overtaken_by_who_sets_it_it_stays(bare: Bare, bump, before_push, times: int):
    others = [lambda: commit(bare, {"docs/a.md": "c\n"}, 2 * MINUTE)] * times
    before_push(*others, lambda: commit(bare, {WEB: overlay("web", "v0")}, MINUTE, who="Bob"))
    result = bump()
    assert result.exit == 0, result.err
    assert "Bob set v0 later" in result.out
    assert tag(bare) == "v0"


def test_a_branch_that_is_reset_meanwhile_is_read_anew(bare: Bare, bump, before_push):
    kept = bare.tip()
    commit(bare, {"docs/a.md": "gone\n"}, 20 * MINUTE)
    commit(bare, {"docs/a.md": "gone too\n"}, 10 * MINUTE)

    def reset() -> None:
        git(bare.folder, "update-ref", "refs/heads/main", str(kept))
        commit(bare, {API: overlay("api", "v3")}, 8 * MINUTE)
        commit(bare, {"docs/b.md": "new\n"}, 7 * MINUTE)

    before_push(reset)
    result = bump()
    assert result.exit == 0, result.err
    assert (tag(bare), tag(bare, API)) == ("v2", "v3")
    assert bare.files()["docs/a.md"] == b"a\n"


def test_a_branch_that_is_reset_to_a_persons_value_keeps_it(bare: Bare, bump, before_push):
    kept = bare.tip()
    commit(bare, {"docs/a.md": "gone\n"}, 20 * MINUTE)

    def reset() -> None:
        git(bare.folder, "update-ref", "refs/heads/main", str(kept))
        commit(bare, {WEB: overlay("web", "v0")}, 5 * MINUTE, who="Bob")

    before_push(reset)
    assert "Bob set v0 later" in bump().out
    assert tag(bare) == "v0"


# -- where the host gives less -----------------------------------------------------------------


def test_an_old_host_that_gives_nothing_by_id(bare: Bare, bump, run: Run, tmp_path: Path):
    """The protocol's version 0: a host gives only what it has advertised."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nunset GIT_PROTOCOL\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    commit(bare, {WEB: overlay("web", "v0")}, 5 * MINUTE, who="Bob")
    many(bare, "docs/a.md", 100, 4 * MINUTE, MINUTE)
    target = ["--app", "web", "--env", "dev", "--push", "--author", "Ci <ci@example.org>"]
    url, environ = f"ssh://host{bare.folder}", {"GIT_SSH_COMMAND": str(ssh)}
    kept = run("image", "set", "web=:v2", "--built-at", time_of(BEGAN), *target, "--repo", url, env=environ)
    assert "Bob set v0 later" in kept.out, kept.err
    new = run("image", "set", "web=:v2", "--built-at", time_of(0), *target, "--repo", url, env=environ)
    assert new.exit == 0
    assert tag(bare) == "v2"


def test_what_the_host_does_not_give_is_an_error_and_no_answer(bare: Bare, bump):
    """A commit's parent is not there: whether someone has set the image is unknown."""
    lost = commit(bare, {"docs/a.md": "b\n"}, 10 * MINUTE)
    commit(bare, {"docs/a.md": "c\n"}, 5 * MINUTE)
    tip = bare.tip()
    git(bare.folder, "config", "uploadpack.allowFilter", "true")
    (bare.folder / "shallow").write_text(f"{tip}\n")
    git(bare.folder, "repack", "-adq")
    git(bare.folder, "prune", "--expire=now")
    assert git(bare.folder, "cat-file", "--batch-check", stdin=lost.encode()) == f"{lost} missing"
    result = bump()
    assert result.exit == ExitStatus.GIT
    assert "the history" in result.err
    assert tag(bare) == "v1"
