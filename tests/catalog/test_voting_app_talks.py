"""The app's Deployments say whom they talk to: `validate` and `trace` find what cuts such a path."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.catalog import voting_app
from tests.catalog.voting_app import ENVIRONMENTS, ROOT
from tests.catalog.voting_app_graph import APP_EDGES
from tests.conftest import Run

TALKS_TO = "gitops-bootstrap.io/talks-to"
LINKS = "GB323,GB324,GB325,GB339,GB349"
HOSTS = {"staging": "vote.staging.example.com", "production": "vote.example.com"}
MESHES = ("mesh-sidecar", "mesh-ambient")
NETWORK = "components/network-policies/redis.yaml"
NAME = "kind: Service\nmetadata:\n  name: redis"
MESH = "components/mesh-shared/authorization-policies.yaml"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalog with every environment on."""
    monkeypatch.setenv("PATH", f"{Path(voting_app.kustomize()).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "tree"
    for name in ("apps", "clusters", "infrastructure"):
        shutil.copytree(ROOT / name, folder / name)
    switch(folder / "clusters/default/kustomization.yaml", [f"applications/{name}" for name in ENVIRONMENTS])
    return folder


def switch(file: Path, names: Iterable[str]) -> None:
    """Switch lines of a kustomization on; they may be on already."""
    text = file.read_text()
    for name in names:
        text, count = re.subn(rf"^(\s*)(?:# )?(- \S*/{name})\b(?!-)", r"\1\2", text, flags=re.MULTILINE)
        assert count == 1, f"{name} is no line of {file}"
    file.write_text(text)


def with_components(tree: Path, names: Iterable[str]) -> None:
    """Everywhere; but the ports of nodes are a whole cluster's, and dev has them as it is shipped."""
    for name in ENVIRONMENTS:
        chosen = [one for one in names if one != "nodeport" or name == "dev"]
        switch(tree / f"apps/voting-app/overlays/{name}/kustomization.yaml", chosen)


def edit(tree: Path, file: str, old: str, new: str) -> None:
    path = tree / "apps/voting-app" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


WAYS_IN = [
    ("nodeport", "loadbalancer", "ingress", "network-policies"),
    ("gateway", "network-policies"),
    *((way, "network-policies", mesh) for way in ("ingress", "gateway") for mesh in MESHES),
]


@pytest.mark.parametrize("components", [(), *WAYS_IN, *((mesh, "canary", "backup") for mesh in MESHES)])
def test_nothing_cuts_a_path_of_the_app_as_it_is_shipped(
    run: Run, tree: Path, components: tuple[str, ...]
) -> None:
    with_components(tree, components)
    result = run("validate", "--rules", LINKS, str(tree))
    assert (result.exit, result.out) == (0, ""), result.err
    for host in HOSTS.values():
        assert run("trace", "--repo", str(tree), host).exit == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        (NETWORK, "[vote, worker]", "[worker]", "GB323"),
        (NETWORK, "port: 6379", "port: 6380", "GB323"),
        (NETWORK, "component: redis}", "component: rediss}", "GB323"),
        ("base/redis.yaml", NAME, f"{NAME}-0", "GB339"),
        ("base/redis.yaml", "port: 6379", "port: 6380", "GB339"),
    ],
    ids=["peer", "port", "pods", "service-name", "service-port"],
)
def test_a_cut_path_is_found_and_traced(
    run: Run, tree: Path, file: str, old: str, new: str, rule: str
) -> None:
    edit(tree, file, old, new)
    result = run("validate", "--rules", LINKS, str(tree))
    assert result.exit == 1
    assert f"error {rule}: Deployment voting-app-dev/vote talks to redis" in result.out
    traced = run("trace", "--repo", str(tree), HOSTS["production"])
    assert traced.exit == 1, traced.err
    assert f"! {rule} " in traced.out


@pytest.mark.parametrize("controller", ["traefik", "ingress-nginx", "istio-gateway"])
@pytest.mark.parametrize("way", ["ingress", "gateway"])
def test_controller_that_the_policies_no_longer_admit_is_found(
    run: Run, tree: Path, way: str, controller: str
) -> None:
    switch(tree / "clusters/default/kustomization.yaml", [f"infrastructure/{controller}"])
    with_components(tree, ["network-policies", way])
    assert run("validate", "--rules", LINKS, str(tree)).exit == 0
    admitted = "values: [traefik, ingress-nginx, istio-ingress]"
    edit(tree, "components/network-policies/vote.yaml", admitted, "values: [voting-app-production]")
    own = "matchLabels: {gateway.networking.k8s.io/gateway-name: voting-app}"
    edit(tree, "components/network-policies/vote.yaml", own, own.replace("voting-app", "other"))
    result = run("validate", "--rules", LINKS, str(tree))
    assert result.exit == 1
    assert "components/network-policies/vote.yaml:9: error GB349" in result.out
    traced = run("trace", "--repo", str(tree), HOSTS["production"])
    assert traced.exit == 1, traced.err
    assert "! GB349 " in traced.out


@pytest.mark.parametrize("mesh", MESHES)
def test_a_caller_whom_the_mesh_no_longer_admits_is_found_in_its_environment(
    run: Run, tree: Path, mesh: str
) -> None:
    switch(tree / "apps/voting-app/overlays/staging/kustomization.yaml", [mesh])
    edit(tree, MESH, "[worker, result, db-backup]", "[result, db-backup]")
    result = run("validate", "--rules", LINKS, str(tree))
    assert result.exit == 1
    refused = "AuthorizationPolicy voting-app-staging/db refuses it at StatefulSet voting-app-staging/db"
    assert f"{MESH}:72: error GB325: Deployment voting-app-staging/worker talks to db" in result.out
    assert refused in result.out
    traced = run("trace", "--repo", str(tree), HOSTS["staging"])
    assert traced.exit == 1
    assert "! GB325 Deployment voting-app-staging/worker talks to db" in traced.out


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_deployments_declare_what_the_app_is_for(environment: str) -> None:
    declared = set()
    for item in voting_app.environment(environment):
        for part in str((item["metadata"].get("annotations") or {}).get(TALKS_TO) or "").split(","):
            host, _, port = part.strip().partition(":")
            if host:
                declared.add((item["metadata"]["name"], host, int(port)))
    assert declared == {edge for edge in APP_EDGES if edge[0] in ("vote", "result", "worker")}
