"""`image` in a clone that has a part of its past or of its files: what CI checks out.

A shallow clone's oldest commit seems to have made every file; a partial one has them by name alone, and
a sparse one leaves them out of the disk (actions/checkout's default is one commit).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_http import serving
from tests.git_repositories import Bare, git
from tests.histories import DAY, HOUR, commit, many, time_of

WEB = "apps/web/overlays/dev/kustomization.yaml"
API = "apps/api/overlays/dev/kustomization.yaml"
AUTHOR = ("--author", "Ci <ci@example.org>")
SHALLOW = ("--depth=1",)
CLONES = {
    "whole": (),
    "one commit": SHALLOW,
    "three commits": ("--depth=3",),
    "no files": ("--filter=blob:none",),
    "no folders": ("--filter=tree:0",),
    "one commit, no files": ("--depth=1", "--filter=blob:none"),
    "sparse": ("--sparse",),
    "one commit, sparse, no files": ("--depth=1", "--filter=blob:none", "--sparse"),
    "sparse, no folders": ("--filter=tree:0", "--sparse"),
}


def overlay(name: str, tag: str) -> str:
    return f"images:\n  - name: {name}\n    newName: ghcr.io/acme/{name}\n    newTag: {tag}\n"


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    """web was v9, was moved back to v3, and others have committed since."""
    made = Bare(tmp_path / "host.git")
    commit(made, {WEB: overlay("web", "v3"), API: overlay("api", "v1"), "top": "x\n"}, 9 * DAY, who="Ann")
    commit(made, {WEB: overlay("web", "v9")}, 8 * DAY, who="Ci")
    commit(made, {WEB: overlay("web", "v3")}, 7 * DAY, who="Bob", message="Back")
    commit(made, {"docs/a.md": "a\n"}, 6 * DAY)
    many(made, "docs/a.md", 80, 5 * DAY, 2 * DAY)
    commit(made, {API: overlay("api", "v2")}, DAY, who="Ci")
    return made


@pytest.fixture(params=CLONES.values(), ids=CLONES.keys())
def clone(bare: Bare, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch) -> Path:
    return cloned(bare.url, tmp_path, monkeypatch, *request.param)


def cloned(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", *options, url, str(folder))
    monkeypatch.chdir(folder)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return folder


def tag(bare: Bare, path: str = WEB) -> str:
    return bare.files()[path].decode().split()[-1]


def state(clone: Path) -> dict[str, object]:
    """What of a user's repository must not be changed by who only reads it."""
    shallow = clone / ".git" / "shallow"
    return {
        "config": (clone / ".git" / "config").read_text(),
        "shallow": shallow.read_text() if shallow.exists() else None,
        "refs": git(clone, "for-each-ref"),
        "packs": sorted(path.name for path in (clone / ".git" / "objects" / "pack").iterdir()),
        "status": git(clone, "status", "--porcelain"),
    }


def test_history_is_the_whole_one_and_the_clone_stays_as_it_is(run: Run, clone: Path, tmp_path: Path):
    before = state(clone)
    result = run("image", "history", "web", "--env", "dev", "-o", "json")
    assert result.exit == 0, result.err
    steps = json.loads(result.out)["steps"]
    assert [(step["reference"]["tag"], step["author"], step["subject"]) for step in steps] == [
        ("v3", "Bob", "Back"),
        ("v9", "Ci", "Change"),
        ("v3", "Ann", "Change"),
    ]
    assert state(clone) == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_list_names_who_set_it(run: Run, clone: Path):
    result = run("image", "list", "-o", "json")
    assert (result.exit, result.err) == (0, "")
    assert {item["name"]: item["set"]["author"] for item in json.loads(result.out)} == {
        "web": "Bob",
        "api": "Ci",
    }


def test_what_was_moved_back_is_not_pushed_over(run: Run, bare: Bare, clone: Path):
    result = run("image", "set", "web=:v5", "--env", "dev", "--only-newer", "--push", *AUTHOR)
    assert result.exit == 0, result.err
    assert "v9 was set on" in result.out
    assert tag(bare) == "v3"
    newer = run("image", "set", "web=:v10", "--env", "dev", "--only-newer", "--push", *AUTHOR)
    assert newer.exit == 0
    assert tag(bare) == "v10"


def test_only_who_set_it_since_the_build_began_keeps_it(run: Run, bare: Bare, clone: Path):
    arguments = ["image", "set", "web=:v4", "--env", "dev", "--push", *AUTHOR]
    kept = run(*arguments, "--built-at", time_of(7 * DAY + HOUR))
    assert "Bob set v3 later" in kept.out, kept.err
    assert run(*arguments, "--built-at", time_of(6 * DAY + HOUR)).exit == 0
    assert tag(bare) == "v4"


@pytest.mark.parametrize("to", ["1", "v9"])
def test_a_rollback_finds_what_was(run: Run, bare: Bare, clone: Path, to: str):
    result = run("image", "rollback", "web", "--env", "dev", "--to", to, "--push", *AUTHOR)
    assert result.exit == 0, result.err
    assert tag(bare) == "v9"


def test_a_commit_that_was_not_pushed_yet_is_part_of_the_history(run: Run, clone: Path):
    if not (clone / WEB).exists():
        git(clone, "sparse-checkout", "add", "apps/web")
    (clone / WEB).write_text(overlay("web", "v12"))
    git(clone, "commit", "--quiet", "--all", "--message", "Mine")
    result = run("image", "history", "web", "--env", "dev", "-o", "json")
    assert result.exit == 0, result.err
    assert [step["reference"]["tag"] for step in json.loads(result.out)["steps"]] == ["v12", "v3", "v9", "v3"]


def test_a_detached_head_has_a_history_too(run: Run, clone: Path):
    git(clone, "checkout", "--quiet", "--detach")
    result = run("image", "history", "web", "--env", "dev", "-o", "json")
    assert result.exit == 0, result.err
    assert len(json.loads(result.out)["steps"]) == 3


@pytest.mark.parametrize("options", [options for name, options in CLONES.items() if "sparse" in name])
def test_what_a_sparse_checkout_left_out_is_read_and_not_written(
    run: Run, bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
):
    clone = cloned(bare.url, tmp_path, monkeypatch, *options)
    looked = run("image", "set", "web=:v4", "apps/web", "--dry-run")
    assert looked.exit == ExitStatus.NO
    assert "+    newTag: v4" in looked.out
    result = run("image", "set", "web=:v4", "--env", "dev")
    assert result.exit == ExitStatus.REFUSED
    assert "git sparse-checkout add apps/web/overlays/dev" in result.err
    assert not (clone / WEB).exists()
    assert git(clone, "status", "--porcelain") == ""


# -- when the remote does not give it ----------------------------------------------------------


def refused(run: Run, *arguments: str) -> str:
    result = run("image", *arguments)
    assert result.exit == ExitStatus.GIT
    assert "Traceback" not in result.err
    return result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "web", "--env", "dev"),
        ("rollback", "web", "--env", "dev"),
        ("set", "web=:v4", "--env", "dev", "--only-newer"),
        ("set", "web=:v4", "--env", "dev", "--built-at", "2024-01-01"),
    ],
)
def test_without_its_remote_it_is_refused_with_what_to_type(
    run: Run, bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
):
    clone = cloned(bare.url, tmp_path, monkeypatch, *SHALLOW)
    git(clone, "remote", "set-url", "origin", f"file://{tmp_path}/gone.git")
    assert "git fetch --unshallow origin" in refused(run, *arguments)
    git(clone, "remote", "remove", "origin")
    assert "cut off" in refused(run, *arguments)
    assert git(clone, "status", "--porcelain") == ""
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_list_says_that_it_does_not_know(run: Run, bare: Bare, tmp_path: Path, monkeypatch):
    clone = cloned(bare.url, tmp_path, monkeypatch, *SHALLOW)
    git(clone, "remote", "remove", "origin")
    result = run("image", "list", "-o", "json")
    assert result.exit == 0
    assert "git fetch --unshallow" in result.err
    assert [item["set"] for item in json.loads(result.out)][-1] is None


def test_the_checkouts_own_way_in_is_used(run: Run, bare: Bare, tmp_path: Path, monkeypatch):
    """actions/checkout leaves its token in the repository's configuration, and no other."""
    with serving(tmp_path, "t0ken", username="x-access-token") as host:
        url = host.repository("host.git")
        basic = base64.b64encode(b"x-access-token:t0ken").decode()
        key = f"http.{host.url}/.extraheader"
        (tmp_path / "tmp").mkdir()
        clone = tmp_path / "clone"
        header = f"AUTHORIZATION: Basic {basic}"
        git(tmp_path, "-c", f"{key}={header}", "clone", "--quiet", "--depth=1", url, str(clone))
        git(clone, "config", "--local", key, header)
        monkeypatch.chdir(clone)
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        result = run("image", "history", "web", "--env", "dev", "-o", "json", "--verbose")
    assert result.exit == 0, result.err
    assert len(json.loads(result.out)["steps"]) == 3
    assert basic not in result.out + result.err
    assert list((tmp_path / "tmp").iterdir()) == []
