"""An Argo CD of somebody else, in another namespace than `argocd`: every command follows it there."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.manifests.reader import documents
from tests.sandbox.cluster import test_move as move
from tests.sandbox.cluster import test_rename as rename
from tests.sandbox.init.test_init import install_by_hand
from tests.sandbox.living import settle
from tests.sandbox.world import World
from tests.tools import tool

HOME = "gitops"


@pytest.fixture
def adopted(lived: World) -> World:
    install_by_hand(lived, "helm", HOME)
    lived.up("--adopt", "--argocd-url", "http://127.0.0.1:1")
    return lived


def secret(world: World) -> dict[str, str]:
    (found,) = kube.list_objects(
        world.cluster, "v1", "Secret", None, "argocd.argoproj.io/secret-type=repository"
    )
    assert found["metadata"]["namespace"] == HOME
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def test_init_says_where_it_is_and_adopts_it_there(lived: World) -> None:
    world = lived
    install_by_hand(world, "helm", HOME)
    settle(world)
    before = world.objects()
    refused = world.init()
    assert refused.exit == 3
    assert "is in gitops, installed by helm" in refused.err
    assert "use it with --adopt" in refused.err
    assert world.objects() == before
    elsewhere = world.init("--adopt", "--argocd-namespace", "cd")
    assert elsewhere.exit == 3
    assert "--argocd-namespace gitops" in elsewhere.err
    world.up("--adopt")
    after = world.objects()
    assert "Application gitops/root" in after
    assert {name for name in after if name.startswith("AppProject")} == {
        "AppProject gitops/apps",
        "AppProject gitops/infrastructure",
    }
    assert kube.get(world.cluster, "v1", "Namespace", None, "argocd") is None
    assert before.items() <= after.items()
    assert secret(world)["url"] == world.url
    again = world.init()
    assert again.exit == 0, again.err
    assert "nothing to do" in again.out
    only = world.init("--cluster-only")
    assert only.exit == 0, only.err


def test_git_puts_every_application_there(adopted: World, tmp_path: Path) -> None:
    for path, text in adopted.files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text)
    program = tool("kustomize")
    built = subprocess.run(
        [program, "build", str(tmp_path / "clusters/default")],
        capture_output=True,
        check=True,
        env=os.environ,
    ).stdout
    found = [one for one in documents(built, "built") if str(one["apiVersion"]).startswith("argoproj.io/")]
    assert len(found) > 3
    assert {one["metadata"]["namespace"] for one in found} == {HOME}


def test_what_looks_at_it_finds_it_there(adopted: World) -> None:
    status = adopted.run("status", "-o", "json")
    assert status.exit == 1, status.err
    assert [one["name"] for one in json.loads(status.out)["applications"]] == ["root"]
    waited = adopted.run("wait", "--timeout", "1")
    assert waited.exit == 7
    assert "root" in waited.err
    report = json.loads(adopted.run("doctor", "-o", "json").out)["findings"]
    assert any(one["area"] == "argocd" and "in gitops, installed by helm" in one["found"] for one in report)
    assert any(one["area"] == "argocd-server" for one in report)


def test_a_rotation_changes_what_it_reads(adopted: World, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(adopted.reading_token())
    options = ("--repo", adopted.url, "--username", adopted.sandbox.git_username, "--yes")
    what = ("credential", "webhook", "--argocd-token-file", str(token))
    done = adopted.run("cluster", "rotate", *what, *options)
    assert done.exit == 0, done.err
    assert secret(adopted)["password"] == token.read_text()


def test_a_move_has_it_follow_the_new_repository(adopted: World) -> None:
    move.mirrored(adopted)
    adopted.environ.update(move.environ(adopted))
    done = adopted.run(*move.arguments(adopted, "--yes"))
    assert done.exit == 0, done.err
    assert move.state(adopted, HOME) == move.expected(adopted)
    assert kube.get(adopted.cluster, "v1", "Namespace", None, "argocd") is None
    again = adopted.run(*move.arguments(adopted, "--yes"))
    assert again.exit == 0, again.err
    assert move.state(adopted, HOME) == move.expected(adopted)


def test_a_rename_leaves_it_where_it_is(adopted: World) -> None:
    adopted.environ.update(move.environ(adopted))
    settle(adopted)
    before = adopted.objects()
    done = adopted.run(*rename.arguments(adopted, "edge", "--domain", "example.net"))
    assert done.exit == 0, done.err
    root = kube.get(adopted.cluster, "argoproj.io/v1alpha1", "Application", HOME, "root")
    assert root is not None
    assert root["spec"]["sources"][0]["path"] == "clusters/edge"
    assert adopted.objects().keys() == before.keys(), "nothing was deleted, and nothing is new"
    found = documents(adopted.files()["clusters/edge/root.yaml"], "root.yaml")[0]
    assert found["metadata"]["namespace"] == HOME
    as_init = adopted.init("--cluster", "edge")
    assert (as_init.exit, "nothing to do" in as_init.out) == (0, True), as_init.err


def test_a_backup_has_what_is_there(adopted: World, tmp_path: Path) -> None:
    made = adopted.run("backup", "--to", str(tmp_path), "--dry-run", "-o", "json")
    assert made.exit == 1, made.err
    names = json.loads(made.out)["objects"]
    assert f"Secret {HOME}/argocd-secret" in names
    assert json.loads(made.out)["repository"] == adopted.url


def test_a_removal_takes_the_tree_and_leaves_it_running(adopted: World) -> None:
    done = adopted.run("uninstall", "--yes", adopted.cluster.context)
    assert done.exit == 0, done.err
    left = adopted.objects()
    assert f"Deployment {HOME}/argocd-server" in left
    assert not [name for name in left if name.startswith(("Application ", "ConfigMap gitops/bootstrap"))]
    assert not kube.list_objects(
        adopted.cluster, "v1", "Secret", HOME, "argocd.argoproj.io/secret-type=repository"
    )
    adopted.up("--adopt")
    assert "Application gitops/root" in adopted.objects()
