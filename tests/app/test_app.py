"""`bootstrap app`: what is laid out is whole and correct, and what a person did is left alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.core.names import GENERATE_PATHS
from bootstrap.repository import generate_paths
from bootstrap.repository.files import scan
from tests.catalog import voting_app
from tests.clones import KUSTOMIZATION, PROJECTS, changed, clone, files_below, status
from tests.conftest import Run
from tests.git_repositories import git

IMAGE = ("--image", "ghcr.io/acme/web:1.0", "--port", "8080")
AUTHOR = ("--author", "Ann <ann@example.org>")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a laid-out repository, as the current folder, and kustomize on PATH."""
    found = clone(tmp_path)
    monkeypatch.chdir(found)
    monkeypatch.setenv("PATH", f"{Path(voting_app.kustomize()).parent}{os.pathsep}{os.environ['PATH']}")
    return found


def files_of(tree: Path) -> list[str]:
    return git(tree, "ls-files", "--cached", "--others", "--exclude-standard").split("\n")


def build(tree: Path, app: str, environment: str = "dev") -> dict[tuple[str, str], Mapping[str, Any]]:
    """What kustomize makes of an environment, by kind and name."""
    items = voting_app.objects(voting_app.run(tree / "apps" / app / "overlays" / environment))
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


VARIANTS: Mapping[str, tuple[str, ...]] = {
    "plain": IMAGE,
    "shop": (
        *("--image", "ghcr.io/acme/web@sha256:" + "0" * 64, "--port", "80", "--host", "shop.example.com"),
        *(
            "--replicas",
            "3",
            "--health",
            "/healthz",
            "--user",
            "65532",
            "--env",
            "dev",
            "--env",
            "production",
        ),
        *(
            "--env-from",
            "secret/shop:API_KEY,TOKEN",
            "--env-from",
            "secret/mail",
            "--env-from",
            "configmap/shop",
        ),
    ),
    "gated": (*IMAGE, "--host", "gated.example.com", "--gateway"),
    "nginx": ("--image", "nginx:1.29.3", "--port", "8080"),
    "on": IMAGE,  # a name that YAML would take for true
}


def test_whatever_is_laid_out_validates_without_a_finding_and_builds(run: Run, tree: Path) -> None:
    for name, options in VARIANTS.items():
        result = run("app", "add", name, *options)
        assert result.exit == 0, result.err
    for chart in ("https://charts.example.com/stable/redis", "oci://ghcr.io/acme/charts/queue"):
        name = chart.rsplit("/", 1)[-1]
        assert run("app", "add", name, "--chart", chart, "--version", "19.0.1").exit == 0
    source = ("--git", "https://git.example.com/web/site.git", "--path", "deploy", "--revision", "v2")
    assert run("app", "add", "site", *source).exit == 0
    found = run("validate", ".", "--fail-on", "info")
    assert (found.exit, found.out) == (0, ""), found.out
    for name in VARIANTS:
        assert ("Deployment", name) in build(tree, name)
    assert ("Deployment", "shop") in build(tree, "shop", "production")
    assert not list(tree.rglob("*starter*"))
    assert b"starter" not in b"".join(
        path.read_bytes() for path in (tree / "apps").rglob("*") if path.is_file()
    )


def test_its_pods_are_kept_to_what_they_need_and_updated_without_loss(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *VARIANTS["shop"]).exit == 0
    found = build(tree, "shop")
    deployment = found["Deployment", "shop"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert deployment["spec"]["replicas"] == 3
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] < pod["terminationGracePeriodSeconds"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 65532)
    assert pod["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    ]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]) == {"requests", "limits"}
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"}  # a slow page restarts nothing
    assert "httpGet" not in container["livenessProbe"]
    assert container["image"] == "ghcr.io/acme/web@sha256:" + "0" * 64
    assert [spread["topologyKey"] for spread in pod["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert found["PodDisruptionBudget", "shop"]["spec"]["maxUnavailable"] == 1
    namespace = found["Namespace", "shop-dev"]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/instance"] == "shop-dev"
    assert labels["app.kubernetes.io/part-of"] == labels["app.kubernetes.io/name"] == "shop"


def test_without_replicas_git_leaves_their_number_alone_so_that_an_autoscaler_may_own_it(
    run: Run, tree: Path
) -> None:
    assert run("app", "add", "plain", *IMAGE).exit == 0
    assert "replicas" not in build(tree, "plain")["Deployment", "plain"]["spec"]
    overlay = tree / "apps/plain/overlays/dev/kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("# - ../../components/", "- ../../components/"))
    with_all = build(tree, "plain")
    assert with_all["HorizontalPodAutoscaler", "plain"]["spec"]["scaleTargetRef"]["name"] == "plain"
    assert {kind for kind, _ in with_all} >= {"Ingress", "Gateway", "HTTPRoute"}
    found = run("validate", ".", "--fail-on", "info")
    assert (found.exit, found.out) == (0, ""), found.out


def test_nothing_reaches_it_but_the_ways_in_and_its_neighbours(run: Run, tree: Path) -> None:
    assert run("app", "add", "plain", *IMAGE).exit == 0
    policies = {
        name: item["spec"] for (kind, name), item in build(tree, "plain").items() if kind == "NetworkPolicy"
    }
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert "egress" not in policies["plain"]
    assert {port["port"] for rule in policies["plain"]["ingress"] for port in rule["ports"]} == {8080}
    assert policies["gateway"]["egress"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_its_application_is_like_the_voting_apps_and_read_anew_when_it_must_be(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *VARIANTS["shop"]).exit == 0
    ours, theirs = (
        voting_app.objects((tree / f"apps/{app}/applications/dev/application.yaml").read_text())[0]
        for app in ("shop", "voting-app")
    )
    assert ours["spec"]["syncPolicy"] == theirs["spec"]["syncPolicy"]
    assert ours["metadata"]["finalizers"] == theirs["metadata"]["finalizers"]
    annotations = ours["metadata"]["annotations"]
    assert annotations["gitops-bootstrap.io/requires"] == "cert-manager, traefik"
    (secret,) = json.loads(annotations["gitops-bootstrap.io/secrets"])
    assert secret == {"namespace": "shop-dev", "name": "shop", "generate": ["API_KEY", "TOKEN"]}
    paths = [path.removeprefix("/") for path in annotations[GENERATE_PATHS].split(";")]
    read = generate_paths.files_read(ours, scan(tree))
    assert read
    assert all(any(file.startswith(f"{path}/") for path in paths) for file in read)


def test_one_line_switches_it_on_and_nothing_else_of_the_cluster_changes(run: Run, tree: Path) -> None:
    assert run("app", "add", "plain", *IMAGE).exit == 0
    assert changed(tree, ".") == ["+  - ../../apps/plain/applications/dev  # plain, environment dev"]
    again = run("app", "add", "plain", *IMAGE)
    assert (again.exit, again.out) == (0, "nothing to do\n")
    taken = run("app", "add", "plain", "--image", "nginx:1.29.3", "--port", "80")
    assert taken.exit == ExitStatus.REFUSED
    assert "env add ENV --from dev --app plain" in taken.err


def test_what_it_requires_comes_along_and_is_reported(run: Run, tree: Path) -> None:
    assert run("component", "disable", "traefik", "cert-manager").exit == 0
    added = run("app", "add", "shop", *IMAGE, "--host", "shop.example.com")
    assert added.exit == 0
    assert "enabled traefik (required by shop-dev)" in added.out
    assert run("component", "disable", "traefik", "voting-app-dev", "shop-dev").exit == 0
    assert run("component", "enable", "ingress-nginx").exit == 0
    assert run("app", "add", "blog", *IMAGE, "--host", "blog.example.com", "--env", "dev").exit == 0
    assert build(tree, "blog")["Ingress", "blog"]["spec"]["ingressClassName"] == "nginx"


def test_image_set_and_trace_find_it(run: Run, tree: Path) -> None:
    environments = ("--host", "shop.example.com", "--env", "dev", "--env", "production")
    assert run("app", "add", "shop", *IMAGE, *environments).exit == 0
    assert run("image", "set", "shop=:2.0", "--env", "dev").exit == 0
    (container,) = build(tree, "shop")["Deployment", "shop"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "ghcr.io/acme/web:2.0"
    traced = run("trace", "shop.dev.example.com")
    assert traced.exit == 0, traced.out
    assert "Deployment shop-dev/shop" in traced.out
    assert run("trace", "shop.example.com").exit == 0


def test_a_chart_and_another_repository_are_permitted_by_one_line_each(run: Run, tree: Path) -> None:
    values = tree.parent / "values.yaml"
    values.write_text("replicas: 2 # two\n")
    chart = ("--chart", "oci://ghcr.io/acme/charts/queue", "--version", "1.2.3", "--values", str(values))
    assert run("app", "add", "queue", *chart).exit == 0
    source = ("--git", "https://git.example.com/web/site.git", "--path", "deploy", "--revision", "v2")
    assert run("app", "add", "site", *source).exit == 0
    assert changed(tree, PROJECTS) == [
        "+    - ghcr.io/acme/charts",
        "+    - https://git.example.com/web/site.git",
    ]
    assert (tree / "apps/queue/base/values.yaml").read_text() == values.read_text()
    (application,) = voting_app.objects((tree / "apps/queue/applications/dev/application.yaml").read_text())
    first, second = application["spec"]["sources"]
    assert (first["repoURL"], first["chart"], first["targetRevision"]) == (
        "ghcr.io/acme/charts",
        "queue",
        "1.2.3",
    )
    assert second["ref"] == "repo"
    for file in first["helm"]["valueFiles"]:
        assert (tree / file.removeprefix("$repo/")).is_file()
    assert run("app", "remove", "site").exit == 0
    assert changed(tree, PROJECTS) == ["+    - ghcr.io/acme/charts"]


BAD: Mapping[str, tuple[tuple[str, ...], str]] = {
    "name": (("Web_Shop", *IMAGE), "not a DNS label"),
    "kube": (("kube-shop", *IMAGE), "the cluster's own"),
    "long": (("a" * 61, *IMAGE), "at most 63"),
    "nothing": (("shop",), "give one of --image, --chart and --git"),
    "two": (("shop", *IMAGE, "--chart", "oci://a.b/c", "--version", "1.0.0"), "cannot be combined"),
    "no tag": (("shop", "--image", "acme/web", "--port", "80"), "acme/web:1.4.2"),
    "latest": (("shop", "--image", "acme/web:latest", "--port", "80"), "latest changes by itself"),
    "unparsable": (("shop", "--image", "acme//web:1", "--port", "80"), "column 6"),
    "no port": (("shop", "--image", "acme/web:1"), "--image requires --port"),
    "bad port": (("shop", "--image", "acme/web:1", "--port", "70000"), "70000 is not a port"),
    "host": (("shop", *IMAGE, "--host", "http://shop"), "is not a host name"),
    "environment": (("shop", *IMAGE, "--env", "prodction"), "did you mean production"),
    "cluster": (("shop", *IMAGE, "--cluster", "edge"), "give --cluster, one of default"),
    "replicas": (("shop", *IMAGE, "--replicas", "0"), "give 1 or more"),
    "variables": (("shop", *IMAGE, "--env-from", "settings"), "secret/NAME"),
    "settings": (("shop", *IMAGE, "--env-from", "configmap/settings"), "give it another name"),
    "companion": (("shop", *IMAGE, "--version", "1.0.0"), "--version requires --chart"),
    "range": (("shop", "--chart", "oci://a.b/c", "--version", "1.x"), "not an exact version"),
    "chart": (("shop", "--chart", "stable/redis", "--version", "1.0.0"), "https://HOST/REPOSITORY/CHART"),
    "credential": (
        ("shop", "--git", "https://me:pw@git.example.com/a.git", "--path", "a", "--revision", "b"),
        "contains a credential",
    ),
    "folder": (
        ("shop", "--git", "https://git.example.com/a.git", "--path", "../a", "--revision", "b"),
        "--path",
    ),
    "itself": (
        ("shop", "--git", "https://git.example.com/platform/gitops.git", "--path", "a", "--revision", "b"),
        "this repository itself",
    ),
    "user": (("shop", *IMAGE, "--user", "0"), "0 is not the ID of a user other than root"),
    "health": (("shop", *IMAGE, "--health", "healthz"), "is not a path"),
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that no test changes."""
    return clone(tmp_path_factory.mktemp("untouched"))


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_meant_is_one_clear_error_and_writes_nothing(
    run: Run, untouched: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(untouched)
    arguments, said = BAD[case]
    result = run("app", "add", *arguments)
    assert result.exit == ExitStatus.INPUT
    assert said in result.err
    assert len(result.err.strip().splitlines()) == 3
    assert "pw@" not in result.err
    assert status(untouched) == []


def test_a_folder_that_is_not_a_layout_is_reported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("app", "add", "shop", *IMAGE)
    assert result.exit == ExitStatus.INPUT
    assert "run in a repository that `bootstrap init` laid out" in result.err


@pytest.mark.parametrize("written", [1, 7, -1])
def test_what_an_ended_run_has_left_is_completed(run: Run, tree: Path, written: int) -> None:
    """The record and the cluster's line are written last."""
    assert run("app", "add", "shop", *IMAGE).exit == 0
    whole = {path: (tree / path).read_bytes() for path in files_of(tree)}
    git(tree, "checkout", "--quiet", ".")
    (tree / "apps/shop/.laid-out").unlink()
    for path in sorted(path for path in whole if path.startswith("apps/shop/") and ".laid" not in path)[
        written:
    ]:
        (tree / path).unlink()
    assert run("app", "add", "shop", *IMAGE).exit == 0
    assert {path: (tree / path).read_bytes() for path in files_of(tree)} == whole


def test_what_a_person_has_changed_is_not_completed(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE).exit == 0
    (tree / "apps/shop/.laid-out").unlink()
    base = tree / "apps/shop/base/kustomization.yaml"
    base.write_text(base.read_text() + "# mine\n")
    refused = run("app", "add", "shop", *IMAGE)
    assert "apps/shop exists already" in refused.err


def test_a_dry_run_answers_no_and_writes_nothing(run: Run, tree: Path) -> None:
    result = run("app", "add", "shop", *IMAGE, "--dry-run", "-o", "json")
    assert result.exit == ExitStatus.NO
    assert KUSTOMIZATION in json.loads(result.out)["changed"]
    assert status(tree) == []


@pytest.mark.parametrize("remote", [True, False], ids=["by URL", "from the work tree"])
def test_push_makes_one_commit_of_it_and_another_of_its_removal(run: Run, tree: Path, remote: bool) -> None:
    url = git(tree, "remote", "get-url", "origin")
    there = ("--repo", url) if remote else ()
    before = git(tree, "rev-parse", "HEAD^{tree}")
    added = run("app", "add", "shop", *IMAGE, "--push", *AUTHOR, *there)
    assert added.exit == 0, added.err
    git(tree, "pull", "--quiet")
    assert git(tree, "log", "-1", "--format=%an %s") == "Ann Add shop (dev) on cluster default"
    listed = {one["app"]: one for one in json.loads(run("app", "list", "-o", "json", *there).out)}
    assert listed["shop"]["runs"] == ["ghcr.io/acme/web:1.0"]
    removed = run("app", "remove", "shop", "--push", *AUTHOR, *there)
    assert removed.exit == 0, removed.err
    git(tree, "pull", "--quiet")
    assert git(tree, "rev-parse", "HEAD^{tree}") == before


def test_it_is_below_the_layouts_own_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = clone(tmp_path, "platform/")
    monkeypatch.chdir(tree)
    assert run("app", "add", "shop", *IMAGE, "--in", "platform").exit == 0
    text = (tree / "platform/apps/shop/applications/dev/application.yaml").read_text()
    assert "path: platform/apps/shop/overlays/dev" in text
    assert "/platform/apps/shop/base;/platform/apps/shop/components" in text
    assert not (tree / "apps").exists()


def test_list_names_what_each_environment_runs_and_whether_it_is_on(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE, "--host", "shop.example.com").exit == 0
    found = {
        (one["app"], one["environment"]): one for one in json.loads(run("app", "list", "-o", "json").out)
    }
    assert found["shop", "dev"] == {
        "app": "shop",
        "environment": "dev",
        "on": True,
        "kind": "image",
        "runs": ["ghcr.io/acme/web:1.0"],
        "hosts": ["shop.example.com"],
        "namespace": "shop-dev",
    }
    assert found["voting-app", "production"]["on"] is False
    assert "shop.example.com" in run("app", "list").out


def test_removing_leaves_no_trace_and_says_what_argo_cd_deletes(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *VARIANTS["shop"]).exit == 0
    assert run("image", "set", "shop=:2.0", "--env", "dev").exit == 0  # no edit of a person's
    result = run("app", "remove", "shop", "-o", "json")
    assert result.exit == 0, result.err
    assert status(tree) == []
    assert not (tree / "apps/shop").exists()
    pruned = {one["application"]: one for one in json.loads(result.out)["pruned"]}
    assert set(pruned) == {"shop-dev", "shop-production"}
    assert {"Deployment shop", "Ingress shop", "NetworkPolicy default-deny"} <= set(
        pruned["shop-dev"]["deleted"]
    )
    assert pruned["shop-dev"]["kept"] == ["Namespace shop-dev"]


def test_one_environment_goes_and_the_others_stay_as_they_are(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *VARIANTS["shop"]).exit == 0
    assert run("app", "remove", "shop", "--env", "dev").exit == 0
    left = files_below(tree, "apps/shop")
    assert "overlays/production/kustomization.yaml" in left
    assert not [path for path in left if "/dev/" in path]
    assert run("validate", ".", "--fail-on", "info").exit == 0
    assert run("app", "remove", "shop").exit == 0
    assert status(tree) == []


@pytest.mark.parametrize("edit", ["base/shop.yaml", "components/ingress/ingress.yaml", "README.md"])
def test_what_a_person_edited_or_added_is_not_removed_unless_forced(run: Run, tree: Path, edit: str) -> None:
    assert run("app", "add", "shop", *IMAGE).exit == 0
    with (tree / "apps/shop" / edit).open("a") as file:
        file.write("# mine\n")
    refused = run("app", "remove", "shop")
    assert refused.exit == ExitStatus.REFUSED
    assert f"apps/shop/{edit}" in refused.err
    assert (tree / "apps/shop" / edit).is_file()
    assert run("app", "remove", "shop", "--force").exit == 0
    assert status(tree) == []


def test_the_voting_app_goes_with_all_of_its_lines_when_that_is_forced(run: Run, tree: Path) -> None:
    assert run("app", "remove", "voting-app").exit == ExitStatus.REFUSED
    assert run("app", "remove", "voting-app", "--force").exit == 0
    assert len(changed(tree, KUSTOMIZATION)) == 4
    assert "voting-app" not in (tree / KUSTOMIZATION).read_text()
    assert run("validate", ".", "--fail-on", "info").exit == 0
    assert run("app", "remove", "votng").exit == ExitStatus.INPUT


def test_a_host_that_another_app_has_is_refused(run: Run, tree: Path) -> None:
    assert run("app", "add", "shop", *IMAGE, "--host", "shop.example.com").exit == 0
    again = run("app", "add", "market", *IMAGE, "--host", "shop.example.com")
    assert again.exit == ExitStatus.REFUSED
    assert "shop.example.com is taken" in again.err
    assert not (tree / "apps/market").exists()
    assert run("app", "add", "shop", *IMAGE, "--host", "shop.example.com").exit == 0  # the same one again


def test_removing_an_app_names_what_it_leaves_on(run: Run, tree: Path) -> None:
    for name in ("shop", "till"):
        options = ("--image", "ghcr.io/acme/shop:1.4.2", "--port", "8080", "--host", f"{name}.example.com")
        assert run("app", "add", name, *options).exit == 0
    first = run("app", "remove", "shop", "-o", "json")
    assert json.loads(first.out)["left"] == []
    last = run("app", "remove", "till", "-o", "json")
    assert {"cert-manager", "traefik"} <= set(json.loads(last.out)["left"])
    assert "still on, and required by nothing else: cert-manager" in last.err
