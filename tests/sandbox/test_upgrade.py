"""`bootstrap upgrade --pr` on a real Git host: the merge, and the conflict, as pull requests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import requests as http

from bootstrap.layout import catalog
from bootstrap.layout.settings import parse_record
from tests.conftest import Result, cache_key, programs_cache
from tests.git_repositories import Bare, git
from tests.sandbox.world import AUTHOR, World

VALUES = "infrastructure/traefik/values.yaml"
OLD = catalog.load()
FIRST = OLD[VALUES].splitlines(keepends=True)[0]
MINE = OLD[VALUES].replace(FIRST, b"# mine\n", 1)
THEIRS = OLD[VALUES].replace(FIRST, b"# of the catalog\n", 1) + b"# and more\n"
HEAD = "bootstrap/upgrade"


@pytest.fixture
def edited(world: World) -> World:
    """Laid out, then edited by hand; the branch is protected from then on."""
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    done = world.init("--repo-only", "--argocd-manifest", str(world.manifest))
    assert done.exit == 0, done.err
    Bare.at(world.bare()).commit({VALUES: MINE})
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    world.api("POST", f"/repos/{world.name}/branch_protections", rule)
    return world


def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, the shipped catalog is a later one."""
    monkeypatch.setattr(catalog, "load", lambda: {**OLD, VALUES: THEIRS})
    monkeypatch.setattr(catalog, "VERSION", "99.0.0")


def upgrade(world: World, *arguments: str) -> Result:
    given = ["upgrade", "--repo", world.url, "--username", world.sandbox.git_username]
    return world.run(*given, "--author", AUTHOR, "--yes", *arguments)


def open_requests(world: World) -> list[dict[str, Any]]:
    return world.api("GET", f"/repos/{world.name}/pulls?state=open") or []


def merge(world: World, number: int) -> None:
    """As soon as the host has worked out that it can: it looks again after each push."""
    url = f"{world.sandbox.git_url}/api/v1/repos/{world.name}/pulls/{number}/merge"
    headers = {"Authorization": f"token {world.token}"}
    deadline = time.monotonic() + 60
    while (answer := http.post(url, json={"Do": "merge"}, headers=headers, timeout=60)).status_code == 405:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    assert answer.status_code == 200, answer.text


def test_an_upgrade_with_a_conflict_goes_through_requests_and_git_closes_it(
    edited: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer(monkeypatch)
    refused = upgrade(edited, "--push")
    assert refused.exit == 3, refused.out
    assert "--pr" in refused.err
    for _ in range(2):
        asked = upgrade(edited, "--pr")
        assert asked.exit == 1, asked.err
        (request,) = open_requests(edited)
        assert (request["head"]["ref"], request["base"]["ref"]) == (HEAD, "main")
        assert f"git merge origin/{HEAD}-conflicts" in request["body"]
        assert VALUES in request["body"]
    assert edited.files()[VALUES] == MINE

    merge(edited, request["number"])
    assert edited.files()[VALUES] == MINE + b"# and more\n"
    record = parse_record(edited.files()["bootstrap.yaml"])
    assert (set(record.conflicts), record.catalog_version) == ({VALUES}, "99.0.0")

    offered = upgrade(edited, "--pr", "--continue")
    assert offered.exit == 1, offered.err
    (request,) = open_requests(edited)
    assert (request["head"]["ref"], request["base"]["ref"]) == (f"{HEAD}-conflicts", "main")

    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(edited.bare()), str(work))
    git(work, "merge", f"origin/{HEAD}-conflicts", check=False)
    assert git(work, "status", "--porcelain") == f"M  bootstrap.yaml\nUU {VALUES}"
    assert git(work, "show", f":2:{VALUES}").startswith("# mine\n")
    assert git(work, "show", f":3:{VALUES}").startswith("# of the catalog\n")
    (work / VALUES).write_bytes(b"# both\n" + b"".join(MINE.splitlines(keepends=True)[1:]) + b"# and more\n")
    git(work, "commit", "--quiet", "--all", "--no-edit")
    git(edited.bare(), "fetch", "--quiet", str(work), "HEAD:main")

    settled = upgrade(edited, "--pr")
    assert settled.exit == 0, settled.err
    assert "nothing to do" in settled.out
    assert edited.files()[VALUES].startswith(b"# both\n")
    assert parse_record(edited.files()["bootstrap.yaml"]).conflicts == {}
