"""`bootstrap image` on files of this machine: one value changes, or there is one clear error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: web\n      image: org/web:v1\n"
STAGING = "apps/shop/overlays/staging/kustomization.yaml"
PRODUCTION = "apps/shop/overlays/production/kustomization.yaml"
SHA = "sha256:" + "0a" * 32


def overlay(tag: str) -> str:
    images = f"images:\n  - name: org/web  # bumped by CI\n    newTag: {tag}  # never by hand\n"
    return f"resources:\n  - ../../base\n\n{images}"


FILES = {
    "apps/shop/base/kustomization.yaml": "resources: [pod.yaml]\n",
    "apps/shop/base/pod.yaml": POD,
    STAGING: overlay("v1"),
    PRODUCTION: overlay("v0"),
}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree with one commit; the current folder."""
    root = write(tmp_path / "repo", FILES)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    monkeypatch.chdir(root)
    return root


def changed(repo: Path) -> list[str]:
    """The changed lines, without the context."""
    lines = git(repo, "diff", "--unified=0", "--no-color").splitlines()
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_one_value_changes(run: Run, repo: Path):
    result = run("image", "set", "org/web=:1.10", "--env", "staging")
    assert (result.exit, result.err) == (0, "")
    assert result.out == f"{STAGING}:5: org/web:v1 -> org/web:1.10\n"
    assert changed(repo) == ["-    newTag: v1  # never by hand", '+    newTag: "1.10"  # never by hand']
    again = run("image", "set", "org/web=:1.10", "--env", "staging")
    assert (again.exit, again.out.splitlines()[-1]) == (0, "nothing to change")


def test_a_bump_loads_none_of_the_slow_libraries(repo: Path):
    """Its start is most of what it takes; a pipeline pays it every time."""
    slow = ("git", "kubernetes", "requests", "rich", "ruamel", "cryptography")
    command = ["image", "set", "org/web=:v2", "--env", "staging"]
    code = (
        f"import sys\nfrom bootstrap.main import run\nstatus = run({command!r})\n"
        f"print(sorted(set({slow!r}) & set(sys.modules)), file=sys.stderr)\nsys.exit(status)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


def test_several_images_change_at_once_or_none_does(run: Run, repo: Path):
    assert run("image", "set", "shop/web=:v2", "org/nope=:v1", "--env", "staging").exit == ExitStatus.INPUT
    assert changed(repo) == []
    (repo / "apps/shop/base/pod.yaml").write_text(POD + "    - {name: api, image: org/api}\n")
    result = run(
        "image", "set", "shop/web=:v2", "shop/api=quay.io/org/api:v3", "--env", "staging", "-o", "json"
    )
    assert result.exit == 0
    images = json.loads(result.out)["images"]
    assert [(image["name"], image["state"], image["after"]["reference"]) for image in images] == [
        ("shop/web", "changed", "org/web:v2"),
        ("shop/api", "changed", "quay.io/org/api:v3"),
    ]
    assert (images[0]["app"], images[0]["environment"], images[0]["line"]) == ("shop", "staging", 5)
    assert (repo / STAGING).read_text() == overlay("v2") + (
        "  - name: org/api\n    newName: quay.io/org/api\n    newTag: v3\n"
    )


def test_a_dry_run_shows_the_difference_and_changes_nothing(run: Run, repo: Path):
    result = run("image", "set", "org/web=:v2", "--env", "staging", "--dry-run")
    assert result.exit == ExitStatus.NO
    assert "-    newTag: v1  # never by hand\n+    newTag: v2  # never by hand\n" in result.out
    assert changed(repo) == []
    assert run("image", "set", "org/web=:v1", "--env", "staging", "--dry-run").exit == 0


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_the_difference_of_a_dry_run_can_be_applied(run: Run, repo: Path, ending: str, last: bool):
    content = (repo / STAGING).read_bytes().rstrip(b"\n") + (b"\n" if last else b"")
    (repo / STAGING).write_bytes(content.replace(b"\n", ending.encode()))
    shown = run("image", "set", "org/web=:v2", "--env", "staging", "--dry-run").out
    assert run("image", "set", "org/web=:v2", "--env", "staging").exit == 0
    wanted = (repo / STAGING).read_bytes()
    (repo / STAGING).write_bytes(content.replace(b"\n", ending.encode()))
    patch = repo.parent / "a.patch"
    patch.write_bytes(shown.encode())
    git(repo, "apply", str(patch))
    assert (repo / STAGING).read_bytes() == wanted


def test_an_expectation_that_fails_has_an_exit_status_of_its_own(run: Run, repo: Path):
    result = run("image", "set", "org/web=:v2", "--env", "staging", "--expect", "v0")
    assert result.exit == ExitStatus.CHANGED
    assert f"{STAGING}:5: it is org/web:v1, not v0" in result.err
    assert changed(repo) == []
    assert run("image", "set", "org/web=:v2", "--env", "staging", "--expect", "v1").exit == 0
    assert (
        run("image", "set", "org/web=:v2", "--env", "staging", "--expect", "v1").exit == 0
    )  # it is there already


def test_a_container_changes_where_no_kustomization_says_otherwise(run: Run, repo: Path):
    assert run("image", "set", f"org/web=@{SHA}", "apps/shop/base").exit == 0
    assert changed(repo) == ["-      image: org/web:v1", f"+      image: org/web@{SHA}"]


def test_promotion_takes_tag_and_digest(run: Run, repo: Path):
    assert run("image", "set", f"org/web=v2@{SHA}", "--env", "staging").exit == 0
    result = run("image", "promote", "org/web", "--from", "staging", "--to", "production")
    assert result.exit == 0
    assert (repo / PRODUCTION).read_text().endswith(f"    newTag: v2  # never by hand\n    digest: {SHA}\n")
    again = run("image", "promote", "shop/web", "--from", "staging", "--to", "production")
    assert again.out.endswith("nothing to change\n")
    assert run("image", "promote", "org/web", "--from", "staging", "--to", "staging").exit == ExitStatus.INPUT


def commit(repo: Path, tag: str, message: str) -> str:
    (repo / STAGING).write_text(overlay(tag))
    git(repo, "commit", "--quiet", "--all", "-m", message)
    return git(repo, "rev-parse", "HEAD")


def test_history_and_rollback_follow_the_commits_that_changed_the_image(run: Run, repo: Path):
    second = commit(repo, "v2", "Second")
    (repo / STAGING).write_text("# a comment\n" + overlay("v2"))
    git(repo, "commit", "--quiet", "--all", "-m", "Comment")
    commit(repo, "v3", "Third")
    result = run("image", "history", "org/web", "--env", "staging", "-o", "json")
    steps = json.loads(result.out)["steps"]
    assert [(step["step"], step["reference"]["tag"], step["subject"]) for step in steps] == [
        (0, "v3", "Third"),
        (1, "v2", "Second"),
        (2, "v1", "First"),
    ]
    table = run("image", "history", "org/web", "--env", "staging", "--limit", "2").out.splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["0", "org/web:v3"], ["1", "org/web:v2"]]
    for to, tag in (("1", "v2"), ("2", "v1"), ("v2", "v2"), (second[:8], "v2"), ("org/web:v1", "v1")):
        assert run("image", "rollback", "org/web", "--env", "staging", "--to", to).exit == 0
        assert f"newTag: {tag} " in (repo / STAGING).read_text(), to
    assert run("image", "rollback", "org/web", "--env", "staging", "--to", "v7").exit == ExitStatus.INPUT


def test_a_rollback_quotes_the_value_as_it_was(run: Run, repo: Path):
    first = overlay("'v1'")
    (repo / STAGING).write_text(first)
    git(repo, "commit", "--quiet", "--all", "-m", "Quoted")
    commit(repo, "v2", "Plain")
    assert run("image", "rollback", "org/web", "--env", "staging", "--to", "v1").exit == 0
    assert (repo / STAGING).read_text() == first
    (repo / STAGING).write_text(overlay("v1"))
    git(repo, "commit", "--quiet", "--all", "-m", "Plain")
    commit(repo, '"1.10"', "Quoted by need")
    assert run("image", "rollback", "org/web", "--env", "staging", "--to", "1").exit == 0
    assert (repo / STAGING).read_text() == overlay("v1")


def test_a_list_without_a_commit_has_no_history(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = write(tmp_path / "new", FILES)
    git(root, "init", "--quiet")
    monkeypatch.chdir(root)
    listed = run("image", "list", "-o", "json")
    assert listed.exit == 0, listed.err
    assert {item["set"] for item in json.loads(listed.out)} == {None}
    assert "org/web:v1" in run("image", "list").out
    assert run("image", "history", "org/web", "--env", "staging").exit == ExitStatus.INPUT


def test_json_manifests_that_a_kustomization_names_are_searched(run: Run, repo: Path):
    manifest = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": {"containers": [{"name": "api", "image": "org/api:v1"}]},
        },
        indent="\t",
    )
    write(
        repo / "apps/json",
        {
            "kustomization.yaml": "resources: [pod.json]\n",
            "pod.json": manifest,
            "other.json": manifest,
            "package.json": '{"image": "org/api:v1"}',
        },
    )
    listed = json.loads(run("image", "list", "--app", "json", "-o", "json").out)
    assert [(item["file"], item["text"]) for item in listed] == [("apps/json/pod.json", "org/api:v1")]
    assert run("image", "set", "org/api=:1.10").exit == 0
    assert (repo / "apps/json/pod.json").read_text() == manifest.replace("org/api:v1", "org/api:1.10")
    assert run("image", "set", "org/api=:v3", "apps/json/other.json").exit == 0
    assert (repo / "apps/json/other.json").read_text() == manifest.replace("org/api:v1", "org/api:v3")


def test_a_list_says_what_is_where_and_who_set_it(run: Run, repo: Path):
    commit(repo, "v2", "Second")
    (repo / PRODUCTION).write_text(overlay("v9"))
    (repo / "broken.yaml").write_text("a: [\n")
    result = run("image", "list", "-o", "json")
    listed = {item["file"]: item for item in json.loads(result.out)}
    assert listed[STAGING]["text"] == "org/web:v2"
    assert (listed[STAGING]["app"], listed[STAGING]["environment"]) == ("shop", "staging")
    assert (listed[STAGING]["set"]["subject"], listed[STAGING]["set"]["author"]) == ("Second", "Someone")
    assert listed["apps/shop/base/pod.yaml"]["set"]["subject"] == "First"
    assert listed[PRODUCTION]["set"] is None
    assert "left out 1 file that cannot be read" in result.err
    table = run("image", "list", "--env", "staging").out.splitlines()
    assert table[0].split() == ["APP", "ENVIRONMENT", "IMAGE", "WHERE", "SET", "BY"]
    assert table[1].startswith("shop  staging      org/web:v2")


def test_only_newer_and_built_at_leave_what_is_newer(run: Run, repo: Path):
    commit(repo, "v2", "Second")
    older = run("image", "set", "org/web=:v1.9", "--env", "staging", "--only-newer")
    assert older.exit == 0
    assert "stays org/web:v2: v2 is set, which is newer" in older.out
    assert changed(repo) == []
    commit(repo, "v1", "Back, by a person")
    again = run("image", "set", "org/web=:v2", "--env", "staging", "--only-newer")
    assert "rolled back since" in again.out
    built = ["image", "set", "org/web=:v3", "--env", "staging", "--built-at"]
    assert "Someone set v1 later" in run(*built, "2020-01-01T00:00:00Z").out
    assert changed(repo) == []
    assert run(*built, str(int(time.time()) + 60)).exit == 0
    assert changed(repo) == ["-    newTag: v1  # never by hand", "+    newTag: v3  # never by hand"]


def test_commits_of_the_application_tell_which_is_newer(run: Run, repo: Path, tmp_path: Path):
    source = write(tmp_path / "source", {"a": ""})
    git(source, "init", "--quiet")
    for number in range(2):
        git(source, "commit", "--quiet", "--allow-empty", "-m", str(number))
    new, old = (git(source, "rev-parse", "--short=8", name) for name in ("HEAD", "HEAD^"))
    (repo / STAGING).write_text(overlay(f'"sha-{old}"'))
    command = ["image", "set", "--env", "staging", "--only-newer", "--source", str(source)]
    git(repo, "commit", "--quiet", "--all", "-m", "sha")
    assert run(*command, f"org/web=:sha-{new}").exit == 0
    assert f'newTag: "sha-{new}"' in (repo / STAGING).read_text()
    kept = run(*command, f"org/web=:sha-{old}")
    assert "which is newer" in kept.out
    assert run(*command, "org/web=:sha-0123abc").exit == ExitStatus.INPUT


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["org/web=:v2"], "places match"),
        (["org/wep=:v2", "--env", "staging"], "did you mean org/web"),
        (["org/web=:v2", "--env", "stagin"], "did you mean staging"),
        (["org/web=:v 2", "--env", "staging"], "column 3 of ':v 2'"),
        (["org/web=v2", "--env", "staging"], "could be a tag or a repository"),
        (["org/web=:v2", "nope"], "nope does not exist"),
        (["org/web=:v2", "org/web=:v3", "--env", "staging"], "org/web appears twice"),
        (["org/web=:v2", "shop/web=:v3", "--env", "staging"], "both mean org/web"),
        (["org/web=:v2", "--env", "staging", "--message", "x"], "add --push"),
        (["org/web=:v2", "--branch", "main"], "--branch has no effect"),
        (["org/web=:v2", "--repo", "https://git.example.com/a/b.git"], "add --push"),
        (["org/web=:v2", "--env", "staging", "--built-at", "noon"], "is not a time"),
        (["../repo"], "not NAME=REFERENCE"),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_written(run: Run, repo: Path, arguments, found):
    result = run("image", "set", *arguments)
    assert result.exit == ExitStatus.INPUT
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 3
    assert found in result.err
    assert changed(repo) == []


def test_in_a_bare_repository_the_url_to_give_is_told(run: Run, repo: Path, tmp_path: Path, monkeypatch):
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "bare.git")
    for place in (tmp_path / "bare.git", tmp_path / "bare.git/refs"):
        monkeypatch.chdir(place)
        for arguments in (["list"], ["history", "org/web"], ["set", "org/web=:v2", "--push"]):
            result = run("image", *arguments)
            assert result.exit == ExitStatus.INPUT
            assert f"give --repo file://{tmp_path}/bare.git" in result.err
    assert run("image", "list", "--repo", f"file://{tmp_path}/bare.git").exit == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_locale_does_not_have_is_escaped(repo: Path, encoding: str):
    git(
        repo,
        "commit",
        "--quiet",
        "--allow-empty",
        "--amend",
        "-m",
        "First",
        "--author",
        "Zoë Škoda <z@e.org>",
    )
    command = [sys.executable, "-m", "bootstrap", "image", "history", "org/web", "--env", "staging"]
    environ = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    ended = subprocess.run(command, capture_output=True, env=environ, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "\\u0160koda" in ended.stdout.decode(encoding)


def test_bad_files_are_one_clear_error(run: Run, repo: Path, tmp_path: Path):
    (repo / "bomb").mkdir()
    names = "abcdefghij"
    bomb = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise(names))
    kustomization = repo / "bomb" / "kustomization.yaml"
    kustomization.write_text(bomb + "images: [{name: org/bomb, newTag: v1}]\n")
    assert run("image", "set", "org/bomb=:v2", "bomb").exit == 0
    assert kustomization.read_text() == bomb + "images: [{name: org/bomb, newTag: v2}]\n"
    for text, found in (
        (b"images: [\n", "bomb/kustomization.yaml:2:1"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"images:\n- {name: org/bomb, newTag: &t v1}\n- {name: b, newTag: *t}\n", "alias *t"),
        ("images: [{name: org/bomb, newTag: v1}]\n".encode("utf-16"), "UTF-16"),
        ("images: [{name: org/bomb, newTag: v1}]\n".encode("utf-16-be"), "UTF-16"),
        (b"a: 1\nimages: [org/bomb]\n", "bomb/kustomization.yaml:2: 'org/bomb' is not an entry"),
        (b"#" * 50_000_000, "the file has 50 MB"),
        (b"{a: " * 300 + b"org/bomb" + b"}" * 300, "nested more than"),
    ):
        kustomization.write_bytes(text)
        result = run("image", "set", "org/bomb=:v3", "bomb")
        assert result.exit == ExitStatus.INPUT
        assert found in result.err
        assert kustomization.read_bytes() == text
    secret = write(tmp_path / "outside", {"kustomization.yaml": overlay("v1")})
    kustomization.unlink()
    kustomization.symlink_to(secret / "kustomization.yaml")
    result = run("image", "set", "org/web=:v2", "bomb/kustomization.yaml")
    assert "is a symbolic link" in result.err
    assert run("image", "set", "org/web=:v2", "bomb").exit == ExitStatus.INPUT
    assert (secret / "kustomization.yaml").read_text() == overlay("v1")
