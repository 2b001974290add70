"""`bootstrap upgrade --pr` on a real Git host: the merge, and the conflict, as pull requests."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests as http

from bootstrap import kube
from bootstrap.kube.connection import request as kube_request
from bootstrap.layout import catalog
from bootstrap.layout.settings import parse_record
from tests import argocd_manifest
from tests.applications import application
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
    heads = set()
    for _ in range(2):
        asked = upgrade(edited, "--pr")
        assert asked.exit == 1, asked.err
        heads.add(git(edited.bare(), "rev-parse", HEAD, f"{HEAD}-conflicts"))
        (request,) = open_requests(edited)
        assert (request["head"]["ref"], request["base"]["ref"]) == (HEAD, "main")
        assert f"git merge origin/{HEAD}-conflicts" in request["body"]
        assert VALUES in request["body"]
    assert len(heads) == 1, "a run that changes nothing pushes nothing"
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


NEW = "v3.6.1"
MARK = b"    example.com/new: 'true'\n"


@contextmanager
def controller(world: World) -> Iterator[None]:
    """Syncs as Argo CD's would: asked to look, the root Application is at the branch's tip and Healthy."""
    ended = threading.Event()
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/root"

    def sync() -> None:
        while not ended.wait(0.2):
            root = kube.get(world.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
            asked = "argocd.argoproj.io/refresh" in (
                (root or {}).get("metadata", {}).get("annotations") or {}
            )
            if not asked:
                continue
            tip = git(world.bare(), "rev-parse", "main")
            status = {**application("root")["status"], "sync": {"status": "Synced", "revisions": [tip]}}
            body = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": None}}, "status": status}
            kube_request(
                world.cluster,
                "PATCH",
                path,
                "as the controller",
                body=json.dumps(body).encode(),
                content_type="application/merge-patch+json",
            )

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sync)
        try:
            yield
        finally:
            ended.set()
            running.result()


def test_argo_cd_moves_with_its_crds_first_and_is_waited_for(world: World, tmp_path: Path) -> None:
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_bytes(argocd_manifest.manifest("v3.5.7"))
    new.write_bytes(
        argocd_manifest.manifest(NEW).replace(b"metadata:\n", b"metadata:\n  annotations:\n" + MARK)
    )
    assert world.init("--argocd-manifest", str(old)).exit == 0
    options = ("--push", "--argocd", NEW, "--argocd-manifest", str(new))
    with controller(world):
        done = upgrade(world, *options, "--timeout", "60")
    assert done.exit == 0, done.err
    steps = [line.partition("] ")[2] for line in done.err.splitlines() if line.startswith("upgrade: [")]
    assert [step.split()[0] for step in steps] == ["wait", "apply", "push", "wait"]
    record = parse_record(world.files()["bootstrap.yaml"])
    assert (record.argocd_version, record.argocd_sha256) == (
        NEW,
        hashlib.sha256(new.read_bytes()).hexdigest(),
    )
    crd = kube.get(
        world.cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "applications.argoproj.io"
    )
    assert crd is not None
    assert crd["metadata"]["annotations"]["example.com/new"] == "true"
    assert "is older" in upgrade(world, "--push", "--argocd", "v3.5.7").err

    Bare.at(world.bare()).commit({"README.md": b"later\n"})
    behind = upgrade(world, *options, "--timeout", "1")
    assert behind.exit == 7, behind.err
    assert "waiting until root and its children are Synced and Healthy" in behind.err
    with controller(world):
        assert "nothing to do" in upgrade(world, *options).out


def test_argo_cd_of_a_cluster_that_follows_something_else_is_not_touched(
    world: World, tmp_path: Path
) -> None:
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_bytes(argocd_manifest.manifest("v3.5.7"))
    new.write_bytes(argocd_manifest.manifest(NEW))
    assert world.init("--argocd-manifest", str(old), "--repo-only").exit == 0
    tip, objects = git(world.bare(), "rev-parse", "main"), world.objects()
    refused = upgrade(world, "--push", "--argocd", NEW, "--argocd-manifest", str(new))
    assert refused.exit == 3, refused.err
    assert "has no Application argocd/root" in refused.err
    assert (git(world.bare(), "rev-parse", "main"), world.objects()) == (tip, objects)
