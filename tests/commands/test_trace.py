"""`bootstrap trace` and `bootstrap graph` on a repository, in every format."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    from bootstrap.core.invocation import Invocation
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))
    overlay = OURS["apps/shop/overlays/production/kustomization.yaml"]
    production = overlay.replace("  - ../../base\n", "  - ../../base\n  - ingress.yaml\n")
    files = {
        "apps/shop/overlays/production/kustomization.yaml": production,
        "apps/shop/overlays/production/ingress.yaml": INGRESS,
    }
    return str(write(tmp_path / "repo", OURS, files))


def test_host_of_what_is_switched_off_is_found_and_said_to_be(run: Run, repository: str) -> None:
    result = run("trace", "shop.example.com", "--repo", repository)
    assert result.exit == 0, result.err
    assert "switched on in no cluster" in result.out
    assert "Ingress shop-production/web" in result.out
    assert "apps/shop/base/shop.yaml:1" in result.out


def test_host_of_another_cluster_of_the_same_argo_cd_is_found(run: Run, repository: str) -> None:
    path = Path(repository) / "apps/shop/applications/dev/application.yaml"
    path.write_text(path.read_text().replace("server: https://kubernetes.default.svc", "name: edge"))
    project = Path(repository) / "clusters/one/project.yaml"
    project.write_text(
        project.read_text().replace('namespace: "*"}', 'namespace: "*"}\n    - {name: edge, namespace: "*"}')
    )
    result = run("trace", "web.shop-dev", "--repo", repository)
    assert result.exit == 0, result.err + result.out
    assert "on the cluster edge" in result.out


def test_folders_that_no_cluster_leads_to_are_taken_together(
    run: Run, tmp_path: Path, repository: str
) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, labels: {app: a}}\n"
    pod += "spec: {containers: [{name: a, image: a:1, envFrom: [{configMapRef: {name: b}}]}]}\n---\n"
    pod += "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: x}\n"
    pod += "spec: {selector: {app: a}, ports: [{port: 80}]}\n"
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: x}\n"
    root = write(tmp_path / "loose", {"one/pod.yaml": pod, "two/settings.yaml": settings})
    assert run("trace", "a.x", "--repo", str(root)).exit == 0
    (root / "two/settings.yaml").write_text(settings.replace("name: b", "name: c"))
    assert run("trace", "a.x", "--repo", str(root)).exit == 1


def test_environment_chooses_its_applications(run: Run, repository: str) -> None:
    assert run("trace", "web.shop-dev", "--repo", repository, "--env", "dev").exit == 0
    assert run("trace", "web.shop-dev", "--repo", repository, "--env", "production").exit == 2


def test_environment_that_does_not_exist_is_reported_with_those_that_do(run: Run, repository: str) -> None:
    result = run("trace", "web.shop-dev", "--repo", repository, "--env", "nope")
    assert result.exit == 2
    assert "no Application belongs to an environment nope" in result.err
    assert "choose from: dev" in result.err


def test_what_was_not_checked_of_a_chain_is_reported(run: Run, repository: str) -> None:
    ingress = Path(repository) / "apps/shop/overlays/production/ingress.yaml"
    ingress.write_text(INGRESS.replace("spec:\n", "spec:\n  ingressClassName: inside\n"))
    cluster = Path(repository) / "clusters/one/kustomization.yaml"
    chart = application("chart", "x", "shop-dev").replace(
        f"repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n",
        "repoURL: https://charts.example.com\n    targetRevision: 1.2.3\n    chart: x\n",
    )
    assert "not checked" not in run("trace", "shop.example.com", "--repo", repository).err
    (cluster.parent / "chart.yaml").write_text(chart)
    cluster.write_text(cluster.read_text().replace("project.yaml", "project.yaml\n  - chart.yaml"))
    result = run("trace", "shop.example.com", "--repo", repository)
    assert "not checked: names of ingress classes (except" in result.err
    assert "chart x was not rendered" in result.err
    told = json.loads(run("trace", "shop.example.com", "--repo", repository, "-o", "json").out)["notChecked"]
    assert told["rules"] == ["GB306"]
    assert "not checked" not in run("trace", "web.shop-dev", "--repo", repository).err


def test_broken_chain_exits_1(run: Run, repository: str) -> None:
    shop = Path(repository) / "apps/shop/base/shop.yaml"
    shop.write_text(shop.read_text().replace("app: web\n  ports", "app: wbe\n  ports"))
    result = run("trace", "shop.example.com", "--repo", repository, "-o", "json")
    assert result.exit == 1
    assert json.loads(result.out)["state"] == "broken"


def test_unknown_host_is_an_input_error(run: Run, repository: str) -> None:
    result = run("trace", "nowhere.example.com", "--repo", repository)
    assert result.exit == 2
    assert "serves this host" in result.err


@pytest.mark.parametrize(
    ("format", "start"),
    [("svg", "<svg "), ("html", "<!doctype html>"), ("mermaid", "flowchart LR"), ("dot", "digraph ")],
)
def test_every_format_is_written_by_both_commands(run: Run, repository: str, format: str, start: str) -> None:
    assert run("trace", "shop.example.com", "--repo", repository, "-o", format).out.startswith(start)
    for view in ("--apps", "--resources", "--network"):
        result = run("graph", repository, view, "-o", format)
        assert (result.exit, result.out[: len(start)]) == (0, start)


def test_graph_of_one_application_has_its_objects_alone(run: Run, repository: str) -> None:
    result = run("graph", repository, "--resources", "--app", "shop-dev", "-o", "json")
    assert {node["group"] for node in json.loads(result.out)["nodes"]} == {"argocd/shop-dev"}
    assert run("graph", repository, "--resources", "--app", "shop").exit == 2


ONE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: one, namespace: argocd}
spec:
  project: default
  syncPolicy: {syncOptions: [CreateNamespace=true]}
  destination: {server: https://kubernetes.default.svc, namespace: one}
  source: {repoURL: https://git.example.com/a/b.git, path: apps/one, targetRevision: main}
"""


@pytest.mark.parametrize("roots", [1, 2])
def test_what_one_of_several_roots_applies_is_not_said_to_be_off(
    run: Run, tmp_path: Path, roots: int
) -> None:
    application = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  destination: {{server: https://kubernetes.default.svc, namespace: {name}}}
  source: {{repoURL: https://git.example.com/a/b.git, path: apps/{name}, targetRevision: main}}
"""
    files = {f"loose/{file}": text for file, text in _web("loose").items()}
    for name in ("one", "two")[:roots]:
        files[f"roots/{name}/app.yaml"] = application.format(name=name)
        files |= {f"apps/{name}/{file}": text for file, text in _web(name).items()}
    write(tmp_path / "repo", files)
    told = run("trace", "one.example.com", "--repo", str(tmp_path / "repo")).out
    assert "Application argocd/one" in told
    assert "applies" not in told
    assert "switched on" not in told
    off = run("trace", "loose.example.com", "--repo", str(tmp_path / "repo")).out
    why = "loose is switched on in no cluster" if roots == 1 else "no Application that was read applies loose"
    assert why in off


@pytest.mark.parametrize(("made", "state"), [("", "broken"), ("Cluster", "unknown")])
def test_service_that_an_operator_makes_is_not_broken(
    run: Run, tmp_path: Path, made: str, state: str
) -> None:
    operator = (
        "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: web}\nspec: {instances: 1}\n"
    )
    web = _web("one")["ingress.yaml"].replace("name: web, port", "name: web-rw, port")
    files = {"roots/app.yaml": ONE, "apps/one/ingress.yaml": web}
    write(tmp_path / "repo", files | ({"apps/one/made.yaml": operator} if made else {}))
    result = run("trace", "one.example.com", "--repo", str(tmp_path / "repo"), "-o", "json")
    assert json.loads(result.out)["state"] == state


def _web(name: str) -> dict[str, str]:
    return {
        "ingress.yaml": f"""\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web}}
spec:
  rules:
    - host: {name}.example.com
      http:
        paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]
""",
        "service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
    }
