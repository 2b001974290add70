"""`image history` and `rollback`: what ran on the branch, through first sets, renames and merges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.histories import DAY, HOUR, MINUTE, commit, time_of

WEB = "apps/web/overlays/dev/kustomization.yaml"
PROD = "apps/web/overlays/prod/kustomization.yaml"
AUTHOR = ("--author", "Ci <ci@example.org>")
BASE = {
    "apps/web/base/kustomization.yaml": "resources: [pod.yaml]\n",
    "apps/web/base/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
    "spec:\n  containers:\n    - name: web\n      image: web:v1\n",
}
PLAIN = "resources: [../../base]\n# the end\n"


def overlay(tag: str, more: str = "") -> str:
    return f"resources: [../../base]\nimages:\n  - name: web\n    newTag: {tag}\n{more}"


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host.git")


@pytest.fixture(params=["by URL", "in a work tree", "in one commit"])
def image(run: Run, bare: Bare, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch):
    """`image COMMAND` on the branch, without a checkout of it and with one."""
    clone = tmp_path / "clone"

    def call(*arguments: str, push: bool = False):
        more: tuple[str, ...] = ("--push", *AUTHOR) if push else ()
        if request.param == "by URL":
            more += ("--repo", bare.url)
        else:
            if not clone.exists():
                depth = ("--depth=1",) if request.param == "in one commit" else ()
                git(tmp_path, "clone", "--quiet", *depth, bare.url, str(clone))
            git(clone, "pull", "--quiet", "--rebase")
            monkeypatch.chdir(clone)
        return run("image", *arguments, *more)

    return call


def tags(image, environment: str = "dev") -> list[str | None]:
    result = image("history", "web", "--app", "web", "--env", environment, "-o", "json")
    assert result.exit == 0, result.err
    return [(step["reference"] or {"tag": None})["tag"] for step in json.loads(result.out)["steps"]]


def test_the_first_set_of_an_overlay_is_rolled_back_to_no_entry(bare: Bare, image):
    commit(bare, {**BASE, WEB: PLAIN}, DAY)
    assert image("set", "web=ghcr.io/acme/web:v5", "--env", "dev", push=True).exit == 0
    assert tags(image) == ["v5", None]
    result = image("rollback", "web", "--env", "dev", push=True)
    assert result.exit == 0, result.err
    assert "ghcr.io/acme/web:v5 -> no entry" in result.out
    assert bare.files()[WEB].decode() == PLAIN
    assert git(bare.folder, "log", "-1", "--format=%s", "main") == "Roll back web to no entry (web, dev)"
    assert tags(image) == [None, "v5", None]
    again = image("rollback", "web", "--env", "dev", push=True)
    assert again.exit == 0, again.err
    assert "newName: ghcr.io/acme/web\n    newTag: v5\n" in bare.files()[WEB].decode()


def test_of_several_entries_only_its_own_goes(bare: Bare, image):
    other = "images:\n  - name: other  # stays\n    newTag: v7\n"
    commit(bare, {**BASE, WEB: PLAIN + other}, DAY)
    assert image("set", "web=:v5", "--app", "web", "--env", "dev", push=True).exit == 0
    assert image("rollback", "web", "--app", "web", "--env", "dev", push=True).exit == 0
    assert bare.files()[WEB].decode() == PLAIN + other


def test_an_entry_that_was_rolled_back_is_not_brought_back_by_an_older_build(bare: Bare, image):
    commit(bare, {**BASE, WEB: PLAIN}, DAY)
    commit(bare, {WEB: overlay("v5")}, HOUR, message=f"Set\n\nImage-Built-At: {time_of(2 * HOUR)}")
    commit(bare, {WEB: PLAIN}, 10 * MINUTE, who="Bob", message="Roll back")
    late = image("set", "web=:v6", "--env", "dev", "--built-at", time_of(20 * MINUTE), push=True)
    assert late.exit == 0, late.err
    assert "Bob removed its entry later" in late.out
    versions = image("set", "web=:v4", "--env", "dev", "--only-newer", push=True)
    assert "v5 was set on" in versions.out
    assert bare.files()[WEB].decode() == PLAIN
    assert image("set", "web=:v6", "--env", "dev", "--built-at", time_of(0), push=True).exit == 0
    assert "newTag: v6" in bare.files()[WEB].decode()


def test_an_overlay_that_is_newer_than_the_build_gets_its_first_entry(bare: Bare, image):
    commit(bare, {**BASE}, DAY)
    commit(bare, {WEB: PLAIN}, 10 * MINUTE, who="Bob")
    assert image("set", "web=:v6", "--env", "dev", "--built-at", time_of(HOUR), push=True).exit == 0
    assert "newTag: v6" in bare.files()[WEB].decode()


def test_a_first_tag_of_an_entry_is_rolled_back_to_none(bare: Bare, image):
    without = "resources: [../../base]\nimages:\n  - name: web\n    newName: ghcr.io/acme/web\n"
    commit(bare, {**BASE, WEB: without}, DAY)
    assert image("set", "web=:v5", "--env", "dev", push=True).exit == 0
    assert image("rollback", "web", "--env", "dev", push=True).exit == 0
    assert bare.files()[WEB].decode() == without


def test_an_entry_that_had_another_name_continues(bare: Bare, image):
    full = "resources: [../../base]\nimages:\n  - name: ghcr.io/acme/web\n    newTag: v2\n"
    short = full.replace("name: ghcr.io/acme/web", "name: web\n    newName: ghcr.io/acme/web")
    commit(bare, {**BASE, WEB: full.replace("v2", "v1")}, 3 * DAY)
    commit(bare, {WEB: full}, 2 * DAY)
    commit(bare, {WEB: short}, DAY)
    assert tags(image) == ["v2", "v1"]
    assert image("rollback", "web", "--app", "web", "--env", "dev", push=True).exit == 0
    assert bare.files()[WEB].decode() == short.replace("v2", "v1")


def test_an_image_without_an_entry_ever_has_no_history(bare: Bare, image):
    commit(bare, {**BASE, WEB: PLAIN}, DAY)
    result = image("history", "web", "--env", "dev")
    assert result.exit == ExitStatus.INPUT
    assert "never had one" in result.err


def moved(text: str, old: str = "apps/web", new: str = "apps/site") -> dict[str, str | None]:
    """The overlay and its base under another name of their folder."""
    files: dict[str, str | None] = dict.fromkeys((*BASE, WEB))
    files |= {path.replace(old, new): content for path, content in BASE.items()}
    return {**files, WEB.replace(old, new): text}


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ("apps/site", overlay("v3")),
        ("teams/red/apps/site", overlay("v3")),
        ("apps/site", overlay("v4", more="namePrefix: a-\n")),
    ],
    ids=["renamed", "moved deeper", "renamed and set at once"],
)
def test_history_continues_behind_a_renamed_folder(bare: Bare, image, new: str, text: str):
    commit(bare, {**BASE, WEB: overlay("v1"), PROD: overlay("v1")}, 9 * DAY)
    commit(bare, {WEB: overlay("v2")}, 8 * DAY)
    commit(bare, {WEB: overlay("v3")}, 7 * DAY)
    commit(bare, {**moved(text, new=new), PROD: None}, 6 * DAY, message="Rename")
    commit(bare, {"docs/a": "a\n"}, 5 * DAY)
    arguments = ["--app", "site", "--env", "dev"]
    if new.startswith("teams"):
        arguments = ["teams/red/apps/site", *arguments]
    result = image("history", "web", *arguments, "-o", "json")
    assert result.exit == 0, result.err
    found = [step["reference"]["tag"] for step in json.loads(result.out)["steps"]]
    assert found == (["v4", "v3", "v2", "v1"] if "v4" in text else ["v3", "v2", "v1"])
    assert image("rollback", "web", *arguments, "--to", "v2", push=True).exit == 0
    assert "newTag: v2" in bare.files()[WEB.replace("apps/web", new)].decode()


def test_a_copied_overlay_does_not_have_the_history_of_the_other(bare: Bare, image):
    commit(bare, {**BASE, WEB: overlay("v1")}, 9 * DAY)
    commit(bare, {WEB: overlay("v2")}, 8 * DAY)
    commit(bare, {PROD: overlay("v2")}, 7 * DAY)
    assert tags(image, "prod") == ["v2"]


def test_a_file_of_the_same_name_elsewhere_is_not_mistaken_for_it(bare: Bare, image):
    old = "apps/old/overlays/dev/kustomization.yaml"
    unlike = "".join(f"# line {number}\n" for number in range(20)) + "images: [{name: web, newTag: v0}]\n"
    commit(bare, {**BASE, old: unlike}, 9 * DAY)
    commit(bare, {old: None, WEB: overlay("v2")}, 8 * DAY)
    assert tags(image) == ["v2"]


def test_a_merged_change_is_its_authors_and_only_what_ran_is_a_step(bare: Bare, image):
    commit(bare, {**BASE, WEB: overlay("v1")}, 9 * DAY)
    git(bare.folder, "branch", "side", "main")
    commit(bare, {WEB: overlay("tried")}, 8 * DAY, who="Bob", message="Try", branch="side")
    commit(bare, {WEB: overlay("v2")}, 7 * DAY, who="Bob", message="Set", branch="side")
    commit(bare, {"docs/a": "a\n"}, 6 * DAY)
    commit(bare, {WEB: overlay("v2")}, 5 * DAY, who="Forge", message="Merge", merged=["side"])
    result = image("history", "web", "--app", "web", "--env", "dev", "-o", "json")
    steps = json.loads(result.out)["steps"]
    assert [(step["reference"]["tag"], step["author"], step["subject"]) for step in steps] == [
        ("v2", "Bob", "Set"),
        ("v1", "Eve", "Change"),
    ]
    assert image("rollback", "web", "--app", "web", "--env", "dev", push=True).exit == 0
    assert bare.files()[WEB].decode() == overlay("v1")


def test_a_conflict_that_was_resolved_otherwise_is_of_who_merged(bare: Bare, image):
    commit(bare, {**BASE, WEB: overlay("v1")}, 9 * DAY)
    git(bare.folder, "branch", "side", "main")
    commit(bare, {WEB: overlay("v2")}, 8 * DAY, who="Bob", branch="side")
    commit(bare, {WEB: overlay("v3")}, 7 * DAY)
    commit(bare, {WEB: overlay("v4")}, 6 * DAY, who="Forge", message="Merge", merged=["side"])
    result = image("history", "web", "--app", "web", "--env", "dev", "-o", "json")
    steps = json.loads(result.out)["steps"]
    assert [(step["reference"]["tag"], step["author"]) for step in steps] == [
        ("v4", "Forge"),
        ("v3", "Eve"),
        ("v1", "Eve"),
    ]


def test_only_as_much_of_the_past_is_fetched_as_is_asked_for(run: Run, bare: Bare):
    commit(bare, {**BASE, WEB: overlay("v1")}, 9 * DAY)
    for number in range(2, 200):
        commit(bare, {WEB: overlay(f"v{number}")}, 8 * DAY)
    arguments = ["--env", "dev", "--repo", bare.url, "--dry-run", "--verbose"]
    result = run("image", "rollback", "web", *arguments)
    assert result.exit == ExitStatus.NO
    assert "+    newTag: v198" in result.out
    assert "--depth=128 " in result.err
    assert "--depth=2048" not in result.err


def test_no_steps_back_is_no_rollback(bare: Bare, image):
    commit(bare, {**BASE, WEB: overlay("v1")}, DAY)
    refused = image("rollback", "web", "--env", "dev", "--to", "0", push=True)
    assert refused.exit == ExitStatus.INPUT
    assert "0 steps back is the image as it is" in refused.err


def test_an_image_in_a_file_that_is_no_yaml_is_rolled_back(bare: Bare, image):
    declared = "images:\n- {name: web, file: conf.toml, after: 'ref = \"'}\n"
    toml = '[image]\nref = "org/web:{}" # c\n'
    commit(bare, {"bootstrap.yaml": declared, "conf.toml": toml.replace("{}", "v1")}, DAY)
    assert image("set", "web=:v2", push=True).exit == 0
    result = image("rollback", "web", push=True)
    assert result.exit == 0, result.err
    assert bare.files()["conf.toml"].decode() == toml.replace("{}", "v1")
