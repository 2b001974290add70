"""A protected branch: `init --pr` proposes the layout, and continues with the cluster after the merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import ExitStatus
from tests.git_repositories import Bare, git
from tests.sandbox.upgrade.test_upgrade import merge
from tests.sandbox.world import AUTHOR, World

HEAD = "bootstrap/default"


@pytest.fixture
def protected(world: World) -> World:
    """A repository with one commit, to whose branch no one may push."""
    owner, name = world.name.split("/")
    world.api("POST", f"/orgs/{owner}/repos", {"name": name})
    bare = Bare(Path(world.environ["HOME"]) / "first.git")
    bare.commit({"README.md": b"mine\n"})
    address = world.url.replace("://", f"://{world.sandbox.git_username}:{world.token}@")
    git(bare.folder, "push", "--quiet", address, "main")
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    world.api("POST", f"/repos/{world.name}/branch_protections", rule)
    return world


def open_requests(world: World) -> list[dict[str, Any]]:
    return world.api("GET", f"/repos/{world.name}/pulls?state=open") or []


def test_a_layout_reaches_a_protected_branch_by_a_request_and_the_cluster_follows(protected: World) -> None:
    refused = protected.init()
    assert refused.exit == ExitStatus.REFUSED
    assert "or --pr" in refused.err
    before = protected.objects()

    heads = set()
    for _ in range(2):
        asked = protected.init("--pr")
        assert asked.exit == 0, asked.err
        (request,) = open_requests(protected)
        assert request["html_url"] in asked.out
        assert (request["head"]["ref"], request["base"]["ref"]) == (HEAD, "main")
        heads.add(git(protected.bare(), "rev-parse", HEAD))
    assert len(heads) == 1, "a run that changes nothing pushes nothing"
    assert protected.objects() == before
    assert set(protected.files()) == {"README.md"}

    for options in (("--pr", "--continue"), ("--continue",)):
        early = protected.init(*options)
        assert early.exit == ExitStatus.REFUSED
        assert "does not have the layout yet" in early.err
    assert protected.objects() == before

    merge(protected, request["number"])
    assert protected.files()["README.md"] == b"mine\n"
    gone_on = protected.init("--pr", "--continue")
    assert gone_on.exit == 0, gone_on.err
    root = kube.get(protected.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
    assert root is not None
    (source,) = root["spec"]["sources"]
    assert source["targetRevision"] == "main"
    assert not open_requests(protected)


def test_a_branch_that_someone_has_committed_to_is_not_replaced(protected: World) -> None:
    options = ("--pr", "--repo-only", "--argocd-manifest", str(protected.manifest))
    assert protected.init(*options).exit == 0
    bare = Bare.at(protected.bare())
    theirs = bare.commit({"more.yaml": b"a: 1\n"}, HEAD)
    refused = protected.init(*options)
    assert refused.exit == ExitStatus.REFUSED
    assert f"someone has committed to {HEAD}" in refused.err
    assert bare.tip(HEAD) == theirs


def test_a_request_needs_a_branch_to_be_merged_into(world: World) -> None:
    refused = world.init("--pr")
    assert refused.exit == ExitStatus.INPUT
    assert "run once without --pr" in refused.err


def test_components_apps_and_environments_reach_a_protected_branch_by_requests(world: World) -> None:
    assert world.init("--repo-only", "--argocd-manifest", str(world.manifest)).exit == 0
    rule = {"branch_name": "main", "rule_name": "main", "enable_push": False}
    world.api("POST", f"/repos/{world.name}/branch_protections", rule)
    common = ("--repo", world.url, "--username", world.sandbox.git_username, "--author", AUTHOR, "--pr")
    before, tip = world.files(), git(world.bare(), "rev-parse", "main")
    edits = {
        "bootstrap/enable-loki-on-cluster-default": ("component", "enable", "loki"),
        "bootstrap/add-shop": ("app", "add", "shop", "--image", "ghcr.io/acme/shop:1.4.2", "--port", "8080"),
        "bootstrap/add-environment-qa": ("env", "add", "qa", "--from", "staging"),
    }
    for head, arguments in edits.items():
        for _ in range(2):
            asked = world.run(*arguments, *common)
            assert asked.exit == 0, asked.err
            (found,) = [one for one in open_requests(world) if one["head"]["ref"].startswith(head)]
            assert found["html_url"] in asked.out
            assert git(world.bare(), "rev-parse", f"{found['head']['ref']}^") == tip
    assert len(open_requests(world)) == len(edits)
    assert world.files() == before
    shown = git(
        world.bare(), "show", "bootstrap/enable-loki-on-cluster-default:clusters/default/kustomization.yaml"
    )
    assert "  - ../../infrastructure/loki" in shown
