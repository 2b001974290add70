"""`bootstrap uninstall` on a real API server with Kubernetes' controllers: what goes, stays, forbids it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.argocd import removal
from bootstrap.argocd.removal import Removal
from bootstrap.manifests.objects import ClusterObject
from bootstrap.uninstall import losses
from tests.conftest import Result, Run, cache_key, programs_cache
from tests.sandbox.kubernetes import config_map, made
from tests.sandbox.living import APPLICATION, FINALIZER, application, lived_in, settle
from tests.sandbox.world import World

CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


def uninstall(world: World, run: Run, *options: str) -> Result:
    """With the right name, unless another one is given."""
    given = [] if {"--yes", "--dry-run"} & set(options) else ["--yes", world.cluster.context]
    return run("uninstall", *options, *given, env=world.environ)


def argocds(world: World) -> dict[str, Any]:
    """What is left of Argo CD, and of what `init` made for it."""
    return {
        name: item
        for name, item in world.objects().items()
        if " argocd/" in name or "argocd" in name or "argoproj" in name
    }


@pytest.fixture
def shop(lived: World) -> World:
    lived_in(lived)
    return lived


def test_argocd_goes_and_the_workloads_stay(shop: World, run: Run) -> None:
    web = kube.get(shop.cluster, "apps/v1", "Deployment", "shop", "web")
    done = uninstall(shop, run)
    assert done.exit == 0, done.err
    assert argocds(shop) == {}
    assert kube.get(shop.cluster, "v1", "Namespace", None, "argocd") is None
    after = kube.get(shop.cluster, "apps/v1", "Deployment", "shop", "web")
    assert web is not None
    assert after is not None
    assert web["metadata"]["uid"] == after["metadata"]["uid"]
    again = uninstall(shop, run)
    assert (again.exit, "nothing to do" in again.out) == (0, True)


def test_init_installs_again_what_uninstall_took(shop: World, run: Run) -> None:
    before = {name for name in shop.objects() if "Application argocd/" not in name}
    assert uninstall(shop, run).exit == 0
    shop.cluster.kinds.clear()
    done = shop.init()
    assert done.exit == 0, done.err
    settle(shop)
    assert {name for name in shop.objects() if "Application argocd/" not in name} == before


def test_crds_stay_when_that_is_asked_for(shop: World, run: Run) -> None:
    done = uninstall(shop, run, "--keep-crds")
    assert done.exit == 0, done.err
    left = {item["metadata"]["name"] for item in kube.list_objects(shop.cluster, *CRD)}
    assert {"applications.argoproj.io", "appprojects.argoproj.io"} <= left
    assert kube.list_objects(shop.cluster, APPLICATION, "Application") == []


def test_another_name_than_the_clusters_changes_nothing(shop: World, run: Run) -> None:
    before = shop.objects()
    refused = uninstall(shop, run, "--yes", "production")
    assert refused.exit == 3
    assert f"the cluster is {shop.cluster.context}" in refused.err
    silent = run("uninstall", env=shop.environ)
    assert (silent.exit, "no terminal" in silent.err) == (3, True)
    looked = uninstall(shop, run, "--dry-run")
    assert looked.exit == 1
    assert shop.objects() == before


def test_what_goes_stays_and_is_lost_is_told_before(shop: World, run: Run) -> None:
    told = json.loads(uninstall(shop, run, "--dry-run", "-o", "json").out)
    assert told["repository"]["folder"] == "clusters/default"
    assert any("3 Applications, without their objects: db, root, shop" in line for line in told["goes"])
    assert "Namespace argocd" in told["goes"]
    assert "the workloads of 2 Applications: db, shop" in told["stays"]
    assert told["lost"] == []


def test_what_others_have_put_into_argocds_namespace_stays_with_it(shop: World, run: Run) -> None:
    theirs = config_map("theirs", a="b")
    kube.apply(shop.cluster, [theirs], namespace="argocd")
    from bootstrap.kube.removal import merge_patch

    merge_patch(shop.cluster, "v1", "ConfigMap", "argocd", "theirs", {"metadata": {"managedFields": [{}]}})
    done = uninstall(shop, run)
    assert done.exit == 0, done.err
    assert "Namespace argocd, for what others have in it: ConfigMap argocd/theirs" in done.err
    left = {name.partition(" ")[2] for name in argocds(shop)} - {"argocd/kube-root-ca.crt", "argocd/default"}
    assert left == {"argocd/theirs", "/argocd"}
    assert shop.init().exit == 0


def test_an_application_of_somebody_else_forbids_it_and_can_be_left_alone(shop: World, run: Run) -> None:
    other = application("other", 0, parent="somebody")
    kube.apply(shop.cluster, [made(other)], namespace="argocd")
    before = shop.objects()
    refused = uninstall(shop, run)
    assert refused.exit == 3
    assert "Application argocd/other" in refused.err
    assert shop.objects() == before
    done = uninstall(shop, run, "--keep-argocd")
    assert done.exit == 0, done.err
    left = {item["metadata"]["name"] for item in kube.list_objects(shop.cluster, APPLICATION, "Application")}
    assert left == {"other"}
    assert kube.get(shop.cluster, "apps/v1", "StatefulSet", "argocd", "argocd-application-controller")
    assert removal.pending(shop.cluster) is None


def test_prune_is_refused_where_nobody_would_delete_the_objects(shop: World, run: Run) -> None:
    refused = uninstall(shop, run, "--prune")
    assert refused.exit == 3
    assert "application controller is not running" in refused.err
    assert "--keep-workloads" in refused.err


def test_a_finalizer_of_somebody_else_is_named_when_the_time_is_over(shop: World, run: Run) -> None:
    from bootstrap.kube.removal import merge_patch

    held = {"metadata": {"finalizers": [FINALIZER, "backup.example.com/keep"]}}
    merge_patch(shop.cluster, APPLICATION, "Application", "argocd", "db", held)
    late = uninstall(shop, run, "--timeout", "2")
    assert late.exit == 7
    assert "Application argocd/db has been terminating since" in late.err
    assert "backup.example.com/keep (a controller of backup.example.com)" in late.err
    assert "kubectl -n argocd patch application db" in late.err
    assert FINALIZER not in late.err
    told = json.loads(uninstall(shop, run, "--dry-run", "-o", "json").out)
    assert "the workloads of 1 Application: db" in told["stays"]
    assert "the objects of shop: an earlier run has deleted it without them" in told["stays"]

    pending = shop.init()
    assert pending.exit == 3
    assert "a removal has begun in this cluster" in pending.err

    merge_patch(shop.cluster, APPLICATION, "Application", "argocd", "db", {"metadata": {"finalizers": None}})
    done = uninstall(shop, run)
    assert done.exit == 0, done.err
    assert "a removal has begun here" in done.err
    assert argocds(shop) == {}


def test_the_cluster_is_taken_out_of_git_and_its_webhook_out_of_the_host(lived: World, run: Run) -> None:
    lived.up("--argocd-url", "http://127.0.0.1:1")
    theirs = {
        "type": "gitea",
        "active": True,
        "events": ["push"],
        "config": {"url": "http://a.example/api/webhook"},
    }
    theirs["config"] |= {"content_type": "json"}  # type: ignore[operator]
    lived.api("POST", f"/repos/{lived.name}/hooks", theirs)
    assert len(lived.webhooks()) == 2
    silent = uninstall(lived, run, "--repository")
    assert silent.exit == 2
    assert f"bootstrap uninstall {lived.url} --repository" in silent.err
    author = ("--author", "Ada <ada@example.org>", "--username", lived.sandbox.git_username)
    done = uninstall(lived, run, lived.url, "--repository", *author)
    assert done.exit == 0, done.err
    files = lived.files()
    assert [path for path in files if path.startswith("clusters/")] == []
    assert b"clusters: {}" in files["bootstrap.yaml"]
    assert "apps/voting-app/base/kustomization.yaml" in files
    assert [hook["config"]["url"] for hook in lived.webhooks()] == ["http://a.example/api/webhook"]
    assert argocds(lived) == {}
    lived.cluster.kinds.clear()
    programs = {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    again = lived.init(env=programs)  # the merge is built with kustomize
    assert again.exit == 0, again.err
    assert "clusters/default/root.yaml" in lived.files()


def test_another_repository_than_the_clusters_is_refused(shop: World, run: Run) -> None:
    refused = uninstall(shop, run, "https://git.example.com/other.git", "--repository")
    assert refused.exit == 3
    assert f"the cluster follows {shop.url}" in refused.err


def test_a_cluster_that_is_gone_is_taken_out_of_git_alone(lived: World, run: Run) -> None:
    lived.up("--repo-only", "--argocd-manifest", str(lived.manifest))
    nowhere = {**lived.environ, "KUBECONFIG": "/nonexistent"}
    author = ("--author", "Ada <ada@example.org>", "--username", lived.sandbox.git_username)
    done = run("uninstall", lived.url, "--cluster-gone", "--yes", "default", *author, env=nowhere)
    assert done.exit == 0, done.err
    assert f"remove clusters/default from the default branch of {lived.url}" in done.err
    assert [path for path in lived.files() if path.startswith("clusters/")] == []
    again = run("uninstall", lived.url, "--cluster-gone", "--yes", "default", *author, env=nowhere)
    assert (again.exit, "nothing to do" in again.out) == (0, True)


def test_an_empty_cluster_has_nothing_to_take_away(lived: World, run: Run) -> None:
    done = uninstall(lived, run)
    assert (done.exit, "nothing to do" in done.out) == (0, True)


def test_what_outlives_its_application_is_known_as_long_as_it_is_there(shop: World) -> None:
    keep = {"helm.sh/resource-policy": "keep"}
    option = "argocd.argoproj.io/sync-options"
    kube.ensure_namespace(shop.cluster, "created")
    for name, marks in (("policy", keep), ("option", {option: "Delete=false"}), ("gone", {})):
        item = json.loads(config_map(name, a="b").text)
        item["metadata"] |= {"namespace": "shop", "annotations": marks}
        kube.apply(shop.cluster, [made(item)], namespace="shop")
    for name, marks in (("overruled", {option: "Delete=true"}), ("follows", {})):
        item = json.loads(config_map(name, a="b").text)
        item["metadata"] |= {"namespace": "created", "annotations": marks}
        kube.apply(shop.cluster, [made(item)], namespace="created")
    first, second = application("first", 1), application("second", 2)
    first["status"] = {"resources": [of("ConfigMap", "shop", name) for name in ("policy", "option", "gone")]}
    second["spec"]["destination"]["namespace"] = "created"
    second["spec"]["syncPolicy"]["syncOptions"] = ["CreateNamespace=true", "Delete=false"]
    second["status"] = {
        "resources": [of("ConfigMap", "created", "overruled"), of("ConfigMap", "created", "follows")]
    }
    expected = {
        ("v1", "ConfigMap", "shop", "policy", "helm.sh/resource-policy: keep"),
        ("v1", "ConfigMap", "shop", "option", "Delete=false"),
        ("v1", "ConfigMap", "created", "follows", "Delete=false"),
        ("v1", "Namespace", "", "created", "CreateNamespace=true"),
    }
    found = losses.costs(shop.cluster, [first, second])
    assert set(found.kept) == expected
    kube.delete(shop.cluster, [ClusterObject("v1", "ConfigMap", "shop", "policy", b"")])
    later = losses.costs(shop.cluster, [], found.kept)
    assert set(later.kept) == {one for one in expected if one[3] != "policy"}
    written = Removal(True, False, ("argocd/first",), left=("argocd/second",), kept=later.kept)
    assert removal.parse(json.loads(removal.note(written).text)) == written


def of(kind: str, namespace: str, name: str) -> dict[str, str]:
    """An entry of an Application's status.resources."""
    return {"version": "v1", "kind": kind, "namespace": namespace, "name": name}
