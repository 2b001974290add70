"""Whatever `validate` calls an error on a chain, `bootstrap trace` shows on a hop of it, and exits 1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, write

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
AROUND = "apps/shop/overlays/dev/around.yaml"
APPLICATION = "apps/shop/applications/dev/application.yaml"
PROJECT = "clusters/one/project.yaml"
BASE = "apps/shop/base/shop.yaml"
TEXT = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 4
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: web}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: traefik}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: web
  subsets: [{name: all, labels: {app: web}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [web]
  http:
    - route:
        - {destination: {host: web, subset: all}, weight: 90}
        - {destination: {host: web, subset: all}, weight: 10}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from bootstrap.core.invocation import Invocation
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    overlay = OURS[OVERLAY].replace("  - ../../base\n", "  - ../../base\n  - around.yaml\n")
    mesh = "checks: {off: [GB217]}\n"  # nothing here brings the mesh's definitions
    return write(tmp_path / "repo", OURS, {OVERLAY: overlay, AROUND: TEXT, "bootstrap.yaml": mesh})


def edit(repository: Path, file: str, old: str, new: str) -> None:
    text = (repository / file).read_text()
    assert old in text
    (repository / file).write_text(text.replace(old, new, 1))


def test_chain_without_a_fault_is_well(run: Run, repository: Path) -> None:
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert result.exit == 0, result.out
    assert "no problems" in result.out


@pytest.mark.parametrize(
    ("file", "old", "new", "rule", "hop"),
    [
        (APPLICATION, "project: apps", "project: app", "GB216", "Ingress"),
        (APPLICATION, "targetRevision", "targetRevison", "GB121", "Ingress"),
        (PROJECT, 'namespace: "*"', "namespace: other", "GB203", "Ingress"),
        ("clusters/one/root.yaml", "project: apps", "project: app", "GB216", "Ingress"),
        (BASE, "readinessProbe", "readinesProbe", "GB121", "Deployment"),
        (BASE, "memory: 32Mi", "memory: 32 Mi", "GB127", "Deployment"),
        (BASE, "configMapRef: {name: web}", "configMapRef: {name: wbe}", "GB311", "Deployment"),
        (AROUND, "kind: Deployment, name: web", "kind: Deployment, name: wbe", "GB319", "Deployment"),
        (AROUND, "minReplicas: 2", "minReplicas: 5", "GB336", "HorizontalPodAutoscaler"),
        (AROUND, "maxUnavailable: 1", "maxUnavailable: 0", "GB322", "PodDisruptionBudget"),
        (AROUND, "policyTypes: [Ingress]", "policyTypes: [Ingres]", "GB127", "Deployment"),
        (AROUND, "name: traefik", "name: shop-dev", "GB349", "Service"),
        (AROUND, "host: web\n", "host: wbe\n", "GB326", "Service"),
        (AROUND, "{name: all, labels", "{name: al, labels", "GB327", "Service"),
        (AROUND, "weight: 10", "weight: 20", "GB344", "Service"),
    ],
)
def test_every_error_of_the_chain_is_reported_at_its_hop(
    run: Run, repository: Path, file: str, old: str, new: str, rule: str, hop: str
) -> None:
    edit(repository, file, old, new)
    validated = run("validate", str(repository)).out
    assert f"error {rule}" in validated
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert result.exit == 1
    assert f"! {rule} " in result.out
    line = next(line for line in validated.splitlines() if f"error {rule}" in line)
    assert f"({line.partition(': ')[0]})" in result.out
    above = result.out[: result.out.index(f"! {rule} ")].splitlines()
    marked = next(line for line in reversed(above) if "[BROKEN]" in line)
    assert f": {hop} " in marked, result.out


def test_comment_and_setting_that_leave_a_finding_out_hold_for_the_trace_too(
    run: Run, repository: Path
) -> None:
    edit(repository, AROUND, "maxUnavailable: 1", "maxUnavailable: 0 # bootstrap: ignore=GB322 by hand")
    assert run("trace", "shop.example.com", "--repo", str(repository)).exit == 0
    edit(repository, AROUND, " # bootstrap: ignore=GB322 by hand", "")
    assert run("trace", "shop.example.com", "--repo", str(repository)).exit == 1
    (repository / "bootstrap.yaml").write_text("checks: {off: [GB217, GB322]}\n")
    assert run("trace", "shop.example.com", "--repo", str(repository)).exit == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (OVERLAY, "../../base", "../../bas", "GB106 it cannot be rendered: resources names ../../bas"),
        (OVERLAY, "namespace:", "namespace: a\nnamespace:", "GB102 it cannot be rendered"),
        (AROUND, "metadata:", "metadata: [", "GB101 it cannot be rendered"),
    ],
)
def test_host_may_be_in_the_folder_that_cannot_be_read(
    run: Run, repository: Path, file: str, old: str, new: str, says: str
) -> None:
    edit(repository, file, old, new)
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert result.exit == 1, result.err
    folder = "folder apps/shop/overlays/dev of Application argocd/shop-dev"
    assert f"may have the host: {folder}  [BROKEN]" in result.out
    assert f"! {says}" in result.out


@pytest.mark.parametrize("more", ["", "commonAnnotations: {a: b}\n"])
def test_cluster_that_cannot_be_built_breaks_every_chain(run: Run, repository: Path, more: str) -> None:
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("project.yaml", "projct.yaml") + more)
    how = "may apply it" if more else "applies it"
    for target in ("shop.example.com", "web.shop-dev"):
        result = run("trace", target, "--repo", str(repository))
        assert result.exit == 1, result.out
        assert f"{how}: folder clusters/one of Application argocd/root  [BROKEN]" in result.out
        message = "resources names projct.yaml, which does not exist"
        assert f"! GB106 it cannot be rendered: {message} (clusters/one/kustomization.yaml:2)" in result.out
        assert "switched on in no cluster" not in result.out
    cluster.write_text(OURS["clusters/one/kustomization.yaml"])
    assert run("trace", "shop.example.com", "--repo", str(repository)).exit == 0


def test_controller_may_be_in_a_cluster_that_cannot_be_read(run: Run, repository: Path) -> None:
    edit(repository, AROUND, "  rules:\n", "  ingressClassName: traefik\n  rules:\n")
    absent = "served by class traefik, whose controller is not in Git"
    assert absent in run("trace", "shop.example.com", "--repo", str(repository)).out
    edit(repository, "clusters/one/kustomization.yaml", "project.yaml", "projct.yaml")
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert absent not in result.out
    assert "served by class traefik" in result.out


@pytest.mark.parametrize("meant", [True, False])
def test_folder_that_a_comment_excuses_breaks_no_search(run: Run, repository: Path, meant: bool) -> None:
    comment = "  # bootstrap: ignore=GB106 made by hand" if meant else ""
    edit(repository, OVERLAY, "  - around.yaml", f"  - arond.yaml{comment}")
    result = run("trace", "nowhere.example.com", "--repo", str(repository))
    assert result.exit == (2 if meant else 1), result.out


def test_case_of_a_host_says_nothing(run: Run, repository: Path) -> None:
    result = run("trace", "Shop.EXAMPLE.com", "--repo", str(repository))
    assert result.exit == 0, result.err
    assert result.out == run("trace", "shop.example.com", "--repo", str(repository)).out


def test_folder_that_an_application_nearly_matches_is_reported(run: Run, repository: Path) -> None:
    edit(repository, APPLICATION, "overlays/dev", "overlays/dve")
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert result.exit == 1
    assert (
        "! GB201 nothing applies apps/shop/overlays/dev: Application argocd/shop-dev points to" in result.out
    )
    result = run("trace", "web.nowhere", "--repo", str(repository))
    assert result.exit == 1
    assert "may have the host: Application argocd/shop-dev  [BROKEN]" in result.out


@pytest.mark.parametrize("path", ["./apps/shop/overlays/dev", "/apps/shop/overlays/dev/"])
def test_folder_in_another_spelling_is_there(run: Run, repository: Path, path: str) -> None:
    edit(repository, APPLICATION, "path: apps/shop/overlays/dev", f"path: {path}")
    assert run("trace", "shop.example.com", "--repo", str(repository)).exit == 0
    result = run("trace", "nowhere.example.com", "--repo", str(repository))
    assert (result.exit, "does not exist" in result.err) == (2, False)


def test_folder_that_nothing_applies_breaks_no_chain_as_validate_only_warns(
    run: Run, repository: Path
) -> None:
    write(repository, {"examples/shop/kustomization.yaml": "resources: [gone.yaml]\n"})
    checked = run("validate", str(repository)).out
    assert "examples/shop/kustomization.yaml:1: warning GB106" in checked
    result = run("trace", "nowhere.example.com", "--repo", str(repository))
    assert (result.exit, result.out) == (2, "")
    edit(
        repository,
        "clusters/one/kustomization.yaml",
        "  - project.yaml",
        "  - project.yaml\n  - ../../examples/shop",
    )
    assert run("trace", "nowhere.example.com", "--repo", str(repository)).exit == 1


def test_folder_of_another_revision_is_unknown(run: Run, repository: Path) -> None:
    edit(repository, APPLICATION, "path: apps/shop/overlays/dev", "path: apps/shop/overlays/dve")
    edit(repository, APPLICATION, "targetRevision: HEAD", "targetRevision: next")
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "All of it")
    git(repository, "branch", "next")
    result = run("trace", "nowhere.example.com", "--repo", str(repository))
    assert (result.exit, "what was not rendered: Application argocd/shop-dev" in result.err) == (2, True)


def test_root_that_nearly_matches_its_cluster_is_reported(run: Run, repository: Path) -> None:
    edit(repository, "clusters/one/root.yaml", "path: clusters/one", "path: clusters/oen")
    result = run("trace", "shop.example.com", "--repo", str(repository))
    assert result.exit == 1
    assert (
        "! GB201 nothing applies clusters/one: Application argocd/root points to clusters/oen" in result.out
    )


def test_charts_that_are_not_rendered_are_named_to_who_asks_for_an_unknown_host(
    run: Run, repository: Path
) -> None:
    chart = "chart: shop\n    helm: {}"
    edit(repository, APPLICATION, "path: apps/shop/overlays/dev", chart)
    result = run("trace", "nowhere.example.com", "--repo", str(repository))
    assert result.exit == 2
    assert "what was not rendered: Application argocd/shop-dev (--fetch-charts)" in result.err
