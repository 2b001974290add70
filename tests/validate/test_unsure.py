"""What Git cannot show is no error: other repositories, what is in the cluster already, names of folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import URL, application, write
from tests.validate.test_unapplied import levels

pytestmark = pytest.mark.usefixtures("cache")

ROUTE = """\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: web}
spec: {routes: [{match: "Host(`web.example.com`)", kind: Rule}]}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: extras}\n"
CHART = "    chart: traefik\n    repoURL: https://charts.example.com\n    targetRevision: 1.0.0\n"


HEALTH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data: {resource.customizations.health.argoproj.io_Application: 'hs = {}; hs.status = obj.status.sync.status'}
"""


def in_waves(provider: str) -> dict[str, str]:
    return {
        "clusters/one/web.yaml": application("web", "apps/web", "web", 1),
        "clusters/one/traefik.yaml": provider,
        "apps/web/route.yaml": ROUTE,
        "apps/traefik/namespace.yaml": NAMESPACE,
    }


def rules(run: Run, root: Path, severity: str = "error") -> list[str]:
    return [rule for rule, level, _ in levels(run, root) if level == severity]


def test_folder_with_the_name_of_a_chart_has_no_definitions_when_it_was_read(
    run: Run, tmp_path: Path
) -> None:
    provider = application("traefik", "apps/traefik", "extras", 2)
    assert "GB209" not in rules(run, write(tmp_path, in_waves(provider)))


def test_chart_of_a_later_wave_has_the_definitions(run: Run, tmp_path: Path) -> None:
    provider = application("traefik", "apps/traefik", "extras", 2)
    source = next(line for line in provider.splitlines() if line.strip().startswith("path:"))
    lines = [line for line in provider.splitlines() if "repoURL" not in line and "targetRevision" not in line]
    chart = "\n".join(CHART.rstrip("\n") if line == source else line for line in lines) + "\n"
    files = in_waves(chart)
    assert "GB209" in rules(run, write(tmp_path / "a", files), "warning")
    assert "GB209" in rules(run, write(tmp_path / "b", files, {"clusters/one/settings.yaml": HEALTH}))


@pytest.mark.parametrize(("folders", "is_error"), [(("web",), False), (("web", "api", "shop"), True)])
def test_url_that_is_not_the_remote_means_this_repository_if_most_of_its_folders_are_here(
    run: Run, tmp_path: Path, folders: tuple[str, ...], is_error: bool
) -> None:
    files = {f"clusters/one/{name}.yaml": application(name, f"apps/{name}", name) for name in folders}
    files |= {f"apps/{name}/namespace.yaml": NAMESPACE.replace("extras", name) for name in folders}
    files["clusters/one/gone.yaml"] = application("gone", "apps/gone", "gone")
    git(write(tmp_path, files), "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://git.example.com/someone/else.git")
    assert ("GB201" in rules(run, tmp_path)) is is_error
    git(tmp_path, "remote", "set-url", "origin", URL)
    assert "GB201" in rules(run, tmp_path)


def test_namespace_that_nothing_creates_may_exist_already(run: Run, tmp_path: Path) -> None:
    files = {
        "clusters/one/kustomization.yaml": "resources: [web.yaml]\n",
        "clusters/one/web.yaml": application("web", "apps/web", "web").split("  syncPolicy")[0],
        "apps/web/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n",
    }
    root = write(tmp_path, files)
    assert rules(run, root) == []
    assert "GB214" in rules(run, root, "warning")


def test_folder_that_flux_makes_when_it_is_installed_is_not_missing(run: Run, tmp_path: Path) -> None:
    files = {"clusters/dev/kustomization.yaml": "resources: [./flux-system, namespace.yaml]\n"}
    files["clusters/dev/namespace.yaml"] = NAMESPACE
    root = write(tmp_path, files)
    assert rules(run, root) == []
    assert "GB106" in rules(run, root, "info")


def test_charts_that_nothing_names_are_told_where_there_is_nothing_else(run: Run, tmp_path: Path) -> None:
    files = {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/values.yaml": f"token: ghp_{'aB3dE6gH9j' * 4}\n",
    }
    told = run("validate", str(write(tmp_path, files)))
    assert "GB402" in told.out
    assert "not read: chart charts/web (no Application names it)" in told.err


def test_namespace_of_argo_cd_is_there_before_any_wave(run: Run, tmp_path: Path) -> None:
    files = {
        "clusters/one/kustomization.yaml": "resources: [web.yaml, namespace.yaml]\n",
        "clusters/one/root.yaml": application("root", "clusters/one", "argocd"),
        "clusters/one/web.yaml": application("web", "apps/web", "web", -2),
        "clusters/one/namespace.yaml": NAMESPACE.replace("extras", "argocd"),
        "apps/web/namespace.yaml": NAMESPACE.replace("extras", "web"),
    }
    assert "GB222" not in rules(run, write(tmp_path, files))


def test_service_that_may_come_with_whatever_applies_the_route_is_unknown_to_a_trace(
    run: Run, tmp_path: Path
) -> None:
    route = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: web}
spec:
  rules:
    - host: web.example.com
      http:
        paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]
"""
    files = {"apps/web/kustomization.yaml": "resources: [route.yaml]\n", "apps/web/route.yaml": route}
    alone = run("trace", "--repo", str(write(tmp_path / "alone", files)), "web.example.com")
    assert "[BROKEN]" in alone.out
    more = run("trace", "--repo", str(write(tmp_path / "more", files, {"main.tf": ""})), "web.example.com")
    assert "[BROKEN]" not in more.out


def test_place_for_a_key_is_no_key(run: Run, tmp_path: Path) -> None:
    for name, body, expected in (
        ("empty", "# yours goes here", []),
        ("key", "b3BlbnNzaC1rZXktdjE", ["GB401"]),
    ):
        secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: repo}\nstringData:\n  sshPrivateKey: |\n"
        for line in ("-----BEGIN OPENSSH PRIVATE KEY-----", body, "-----END OPENSSH PRIVATE KEY-----"):
            secret += f"    {line}\n"
        assert rules(run, write(tmp_path / name, {"apps/repo.yaml": secret})) == expected


SET = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: parts, namespace: argocd}}
spec:
  generators: [{{clusters: {{}}}}]
  template:
    metadata: {{name: 'web-{{{{name}}}}'}}
    spec:
      project: default
      source: {{repoURL: {URL}, targetRevision: HEAD, path: 'parts/{{{{name}}}}'}}
      destination: {{server: '{{{{server}}}}', namespace: web}}
"""


@pytest.mark.parametrize(("folder", "expected"), [("edge", ["warning"]), ("in-cluster", [])])
def test_argocds_own_cluster_may_have_another_name_than_the_one_that_git_cannot_show(
    run: Run, tmp_path: Path, folder: str, expected: list[str]
) -> None:
    root = write(tmp_path, {"clusters/one/set.yaml": SET, f"parts/{folder}/namespace.yaml": NAMESPACE})
    assert [level for rule, level, _ in levels(run, root) if rule == "GB201"] == expected
