"""Images are proposed on a real Gitea: one request that is brought up to date, and commits by the API."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
import requests as http

from bootstrap.core.errors import ExitStatus
from bootstrap.providers import gitea
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git
from tests.sandbox.upgrade.test_upgrade import merge
from tests.sandbox.world import World

OVERLAY = "apps/shop/overlays/staging/kustomization.yaml"
HEAD = "image-bump/shop-staging-org-web"
AUTHOR = ("--author", "Ci <ci@example.org>")


def content(tag: str, other: str = "v0") -> bytes:
    return f"images:\n  - name: org/web\n    newTag: {tag}\n  - name: org/api\n    newTag: {other}\n".encode()


@pytest.fixture
def repository(world: World) -> World:
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    bare = Bare(Path(world.environ["HOME"]) / "first.git")
    bare.commit({OVERLAY: content("v0")})
    address = world.url.replace("://", f"://{world.sandbox.git_username}:{world.token}@")
    git(bare.folder, "push", "--quiet", address, "main")
    return world


def image_set(run: Run, repository: World, tag: str, *options: str) -> Result:
    token = (
        "--username",
        repository.sandbox.git_username,
        "--token-file",
        str(repository.sandbox.git_token_file),
    )
    where = ("--app", "shop", "--env", "staging", "--repo", repository.url)
    return run("image", "set", f"org/web=:{tag}", *where, *token, *options, env=repository.environ)


def requests(repository: World, state: str = "open") -> list[dict[str, Any]]:
    return repository.api("GET", f"/repos/{repository.name}/pulls?state={state}") or []


def tip(repository: World, branch: str = "main") -> str:
    return git(repository.bare(), "rev-parse", f"refs/heads/{branch}")


def new_token(repository: World, *scopes: str, deleted: bool = False) -> str:
    """A token of the user that may only do this; or one that could, and is revoked."""
    sandbox = repository.sandbox
    url, name = f"{sandbox.git_url}/api/v1/users/{sandbox.git_username}/tokens", secrets.token_hex(8)
    login = (sandbox.git_username, (sandbox.folder / "git" / "password").read_text().strip())
    answer = http.post(url, json={"name": name, "scopes": list(scopes)}, auth=login, timeout=60)
    assert answer.status_code == 201, answer.text
    if deleted:
        assert http.delete(f"{url}/{name}", auth=login, timeout=60).status_code == 204
    return str(answer.json()["sha1"])


def test_one_request_is_opened_and_brought_up_to_date(run: Run, repository: World, tmp_path: Path) -> None:
    before = tip(repository)
    file = tmp_path / "token"  # labels belong to issues, which the sandbox's token may not touch
    file.touch(mode=0o600)
    file.write_text(new_token(repository, "write:repository", "write:issue"))
    token = ("--token-file", str(file))
    labels = ("--label", "image", "--label", "staging")
    first = image_set(run, repository, "v1", "--pr", *labels, *token, *AUTHOR, "-o", "json")
    assert (first.exit, first.err) == (0, "")
    (request,) = requests(repository)
    data = json.loads(first.out)
    assert (data["pull_request"], data["created"], data["branch"]) == (request["html_url"], True, HEAD)
    assert request["title"] == "Set org/web to v1 (shop, staging)"
    assert {label["name"] for label in request["labels"]} == {"image", "staging"}
    assert repository.files(HEAD)[OVERLAY] == content("v1")
    assert tip(repository) == before
    again = image_set(run, repository, "v1", "--pr", *AUTHOR, "-o", "json")
    assert json.loads(again.out)["commit"] is None
    assert tip(repository, HEAD) == data["commit"]

    bare = repository.bare()
    moved = Bare.at(bare).commit({OVERLAY: content("v0", "v9")})
    newer = image_set(run, repository, "v2", "--pr", "--label", "urgent", *token, *AUTHOR)
    assert newer.exit == 0, newer.err
    assert newer.out.splitlines()[-1] == f"updated {request['html_url']}"
    (updated,) = requests(repository)
    assert (updated["number"], updated["title"]) == (request["number"], "Set org/web to v2 (shop, staging)")
    assert {label["name"] for label in updated["labels"]} == {"image", "staging", "urgent"}
    assert repository.files(HEAD)[OVERLAY] == content("v2", "v9")
    assert git(bare, "rev-parse", f"{HEAD}^") == moved


def test_a_branch_that_a_person_has_committed_to_is_left_alone(run: Run, repository: World) -> None:
    assert image_set(run, repository, "v1", "--pr", *AUTHOR).exit == 0
    theirs = Bare.at(repository.bare()).commit({"notes.md": b"mine\n"}, branch=HEAD)
    result = image_set(run, repository, "v2", "--pr", *AUTHOR)
    assert result.exit == ExitStatus.REFUSED
    assert "someone has committed" in result.err
    assert tip(repository, HEAD) == theirs


def test_labels_that_the_token_may_not_set_are_warned_of(run: Run, repository: World) -> None:
    result = image_set(run, repository, "v1", "--pr", "--label", "image", *AUTHOR)
    assert result.exit == 0
    assert "the pull request has no labels: 403" in result.err
    assert len(requests(repository)) == 1


def test_nothing_to_change_proposes_nothing(run: Run, repository: World) -> None:
    result = image_set(run, repository, "v0", "--pr", *AUTHOR)
    assert (result.exit, result.out.splitlines()[-1]) == (0, "nothing to change")
    assert requests(repository) == []


def test_a_request_is_merged_by_the_host_where_that_is_asked_for(run: Run, repository: World) -> None:
    merged = image_set(run, repository, "v1", "--pr", "--auto-merge", *AUTHOR)
    assert (merged.exit, merged.err) == (0, "")
    deadline = time.monotonic() + 120
    while requests(repository):
        assert time.monotonic() < deadline, "the request was not merged"
        time.sleep(0.1)
    (request,) = requests(repository, "closed")
    assert request["merged"]
    assert repository.files()[OVERLAY] == content("v1")


def test_a_protected_branch_is_reached_by_a_request(run: Run, repository: World) -> None:
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    repository.api("POST", f"/repos/{repository.name}/branch_protections", rule)
    refused = image_set(run, repository, "v1", "--push", *AUTHOR)
    assert refused.exit == ExitStatus.GIT
    assert "--pr" in refused.err
    assert image_set(run, repository, "v1", "--pr", *AUTHOR).exit == 0
    assert len(requests(repository)) == 1


def test_the_host_makes_the_commit(run: Run, repository: World) -> None:
    before = tip(repository)
    result = image_set(
        run, repository, "v1", "--push", "--via", "api", "--message", "By the API", "-o", "json"
    )
    assert result.exit == 0, result.err
    assert json.loads(result.out)["commit"] == tip(repository)
    assert git(repository.bare(), "rev-parse", "main^") == before
    assert git(repository.bare(), "log", "-1", "--format=%s %an", "main") == (
        f"By the API {repository.sandbox.git_username}"
    )
    assert repository.files()[OVERLAY] == content("v1")
    refused = image_set(run, repository, "v2", "--push", "--via", "api", *AUTHOR)
    assert refused.exit == ExitStatus.INPUT


def test_overtaken_the_host_refuses_and_the_meaning_is_applied_again(
    run: Run, repository: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = gitea.Gitea.commit
    theirs = iter([content("v0", "v8"), content("v0", "v9")])

    def slower(self: gitea.Gitea, *arguments: Any) -> str:
        change = next(theirs, None)
        if change is not None:
            Bare.at(repository.bare()).commit({OVERLAY: change})
        return commit(self, *arguments)

    monkeypatch.setattr(gitea.Gitea, "commit", slower)
    result = image_set(run, repository, "v1", "--push", "--via", "api", "-o", "json")
    assert result.exit == 0, result.err
    assert json.loads(result.out)["attempts"] == 3
    assert repository.files()[OVERLAY] == content("v1", "v9")


@pytest.mark.parametrize("way", [("--push",), ("--push", "--via", "api"), ("--pr",)])
def test_what_is_in_the_way_is_one_clear_error_and_nothing_changes(
    run: Run, repository: World, tmp_path: Path, way: tuple[str, ...]
) -> None:
    """A revoked token, one that may not write, a branch and a host that do not exist."""
    before, file = tip(repository), tmp_path / "token"
    author = AUTHOR if "api" not in way else ()

    def refused(*options: str, status: ExitStatus = ExitStatus.GIT) -> str:
        result = image_set(run, repository, "v1", *way, *author, *options, "--timeout", "20")
        assert result.exit == status, result.err
        assert result.err.count("\n  found: ") == 1
        assert "Traceback" not in result.err
        return result.err

    file.touch(mode=0o600)
    file.write_text(new_token(repository, "write:repository", deleted=True))
    assert "--token-file" in refused("--token-file", str(file))
    token = new_token(repository, "read:repository")
    file.write_text(token)
    said = refused("--token-file", str(file))
    assert "may" in said
    assert token not in said
    assert "no-such-branch" in refused("--branch", "no-such-branch", status=ExitStatus.INPUT)
    down = refused("--repo", "http://127.0.0.1:1/acme/gitops.git", status=ExitStatus.HOST)
    assert "127.0.0.1:1" in down
    assert tip(repository) == before
    assert requests(repository) == []


def test_a_protected_branch_is_reported_for_the_api_too_and_review_is_offered(
    run: Run, repository: World
) -> None:
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    repository.api("POST", f"/repos/{repository.name}/branch_protections", rule)
    before = tip(repository)
    refused = image_set(run, repository, "v1", "--push", "--via", "api")
    assert refused.exit == ExitStatus.GIT
    assert "--pr" in refused.err
    assert tip(repository) == before


def test_after_a_request_is_closed_or_merged_the_next_change_opens_another(
    run: Run, repository: World
) -> None:
    for tag, end in (("v1", "close"), ("v2", "merge"), ("v3", "")):
        asked = image_set(run, repository, tag, "--pr", *AUTHOR, "-o", "json")
        assert asked.exit == 0, asked.err
        (request,) = requests(repository)
        assert json.loads(asked.out)["created"]
        assert json.loads(asked.out)["pull_request"] == request["html_url"]
        if end == "close":
            number = request["number"]
            repository.api("PATCH", f"/repos/{repository.name}/pulls/{number}", {"state": "closed"})
        elif end:
            merge(repository, request["number"])
    assert len(requests(repository, "closed")) == 2
