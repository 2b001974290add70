"""The catalog, and repositories as others lay them out, validate without a false alarm."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.layout import catalog
from tests.conftest import Run
from tests.repositories import SHOP, write

URL = "https://git.example.org/team/platform.git"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bootstrap.core.invocation import Invocation
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(tmp_path / "cache"))


def test_catalog_has_no_finding(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "catalog"
    for path, content in catalog.load().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    result = run("validate", str(root), "--fail-on", "info")
    assert (result.exit, result.out) == (0, "")


WEB = SHOP.replace("image: registry.example.com/web", "image: registry.example.com/web:1.4.2")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {MODE: fast}\n"

APPLICATION_SETS: Mapping[str, str] = {
    "README.md": "# platform",
    ".github/workflows/ci.yaml": "on: push\njobs: {a: {runs-on: x, steps: []}}\n",
    "argocd/root.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: bootstrap, namespace: argocd}}
spec:
  project: platform
  source: {{repoURL: {URL}, targetRevision: HEAD, path: argocd, directory: {{exclude: root.yaml}}}}
  destination: {{server: https://kubernetes.default.svc, namespace: argocd}}
""",
    "argocd/project.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{name: platform, namespace: argocd}}
spec:
  sourceRepos: [{URL}, https://charts.example.org]
  destinations:
    - {{name: in-cluster, namespace: '*'}}
    - {{server: https://kubernetes.default.svc, namespace: '*'}}
  clusterResourceWhitelist: [{{group: '*', kind: '*'}}]
""",
    "argocd/apps.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: apps, namespace: argocd}}
spec:
  goTemplate: true
  goTemplateOptions: ["missingkey=error"]
  generators:
    - matrix:
        generators:
          - git:
              repoURL: {URL}
              revision: HEAD
              directories: [{{path: 'apps/*'}}]
          - list:
              elements: [{{environment: staging}}, {{environment: production}}]
  template:
    metadata:
      name: '{{{{ .path.basename }}}}-{{{{ .environment }}}}'
    spec:
      project: platform
      source:
        repoURL: {URL}
        targetRevision: HEAD
        path: '{{{{ .path.path }}}}/envs/{{{{ .environment }}}}'
      destination:
        name: in-cluster
        namespace: '{{{{ .path.basename }}}}-{{{{ .environment }}}}'
      syncPolicy: {{syncOptions: [CreateNamespace=true]}}
""",
    "argocd/ingress.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: ingress, namespace: argocd}
spec:
  project: platform
  source: {repoURL: 'https://charts.example.org', chart: traefik, targetRevision: 41.3.0}
  destination: {name: in-cluster, namespace: ingress}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
""",
    "apps/web/base/kustomization.yaml": "resources: [web.yaml, config.yaml, ingress.yaml]\n",
    "apps/web/base/web.yaml": WEB,
    "apps/web/base/config.yaml": CONFIG,
    "apps/web/base/ingress.yaml": """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: traefik
  tls: [{hosts: [web.example.org], secretName: wildcard}]
  rules:
    - host: web.example.org
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
""",
    "apps/web/base/unused.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: unused}\n",
    "apps/web/envs/staging/kustomization.yaml": """\
resources: [../../base, ../../base/tls]
patches:
  - target: {kind: Ingress, name: web}
    patch: '[{"op": "replace", "path": "/spec/rules/0/host", "value": "web.staging.example.org"}]'
""",
    "apps/web/base/tls/kustomization.yaml": "resources: [certificate.yaml]\n",
    "apps/web/base/tls/certificate.yaml": """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: wildcard}
spec: {secretName: wildcard, issuerRef: {kind: ClusterIssuer, name: letsencrypt}}
""",
    "apps/web/envs/production/kustomization.yaml": """\
resources: [../../base, ../../base/tls]
replicas: [{name: web, count: 3}]
patches:
  - target: {kind: Deployment, name: web}
    patch: |
      - op: add
        path: /spec/template/metadata/annotations
        value: {reviewed: "true"}
""",
}

PLAIN_FOLDERS: Mapping[str, str] = {
    "clusters/home/flux-system/kustomization.yaml": "resources: [sync.yaml]\n",
    "clusters/home/flux-system/sync.yaml": """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: 'https://git.example.org/home.git', ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
""",
    "apps/kustomization.yaml": "resources: [web, jobs]\n",
    "apps/web/kustomization.yaml": """\
namespace: web
resources: [namespace.yaml, web.yaml, release.yaml]
configMapGenerator: [{name: web, envs: [settings.env]}]
secretGenerator: []
""",
    "apps/web/settings.env": "MODE=fast\n",
    "apps/web/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
    "apps/web/web.yaml": WEB,
    "apps/web/release.yaml": """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis}
spec:
  interval: 1h
  chart: {spec: {chart: redis, version: 1.2.3, sourceRef: {kind: HelmRepository, name: x}}}
""",
    "apps/jobs/kustomization.yaml": "namespace: jobs\nresources: [cron.yaml]\n",
    "apps/jobs/cron.yaml": """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: clean}
spec:
  schedule: '0 3 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: clean
              image: registry.example.org/clean:2.0
              env: [{name: API_TOKEN_FILE, value: /run/token}]
          volumes: [{name: token, secret: {secretName: made-by-hand}}]
""",
    "charts/own/Chart.yaml": "apiVersion: v2\nname: own\nversion: 1.0.0\n",
    "charts/own/templates/deployment.yaml": "apiVersion: apps/v1\nkind: {{ .Values.kind }}\n",
    "docs/example.yaml": "- just: a list\n",
}


SELF_MANAGED: Mapping[str, str] = {
    "argocd/kustomization.yaml": "resources: [base/root.yaml, base/web.yaml]\n",
    **{
        f"argocd/base/{name}.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: default
  source: {{repoURL: {URL}, targetRevision: HEAD, path: {path}}}
  destination: {{server: https://kubernetes.default.svc, namespace: {namespace}}}
  syncPolicy: {{syncOptions: [CreateNamespace=true]}}
"""
        for name, path, namespace in (("root", "argocd", "argocd"), ("web", "web", "web"))
    },
    "web/kustomization.yaml": """\
resources: [web.yaml, config.yaml]
helmGlobals: {chartHome: ../charts}
helmCharts: [{name: own, releaseName: own}]
""",
    "web/web.yaml": WEB,
    "web/config.yaml": CONFIG,
    "sealed/kustomization.yaml": "resources: [web.yaml, config.yaml]\ngenerators: [secrets.yaml]\n",
    "sealed/web.yaml": WEB,
    "sealed/config.yaml": CONFIG,
    "sealed/secrets.yaml": """\
apiVersion: viaduct.ai/v1
kind: ksops
metadata: {name: secrets}
files: [secrets/db.enc.yaml]
""",
    "sealed/secrets/db.enc.yaml": """\
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: 'ENC[AES256_GCM,data:Zm9v,iv:YmFy,tag:YmF6,type:str]'}
data: {key: 'ENC[AES256_GCM,data:Zm9v,iv:YmFy,tag:YmF6,type:str]'}
sops: {version: 3.8.1, mac: 'ENC[AES256_GCM,data:Zm9v]'}
""",
    "hack/templates/kustomization.yaml": "resources:\n  - {{ name }}.yaml\nnamespace: {% name %}\n",
    "hack/patches/spare.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n",
    "charts/own/Chart.yaml": "apiVersion: v2\nname: own\nversion: 1.0.0\n",
    "charts/own/templates/deployment.yaml": "{{- if .Values.on }}\nkind: {{ .Values.kind }}\n{{- end }}\n",
}


@pytest.mark.parametrize(
    "files",
    [APPLICATION_SETS, PLAIN_FOLDERS, SELF_MANAGED],
    ids=["application-sets", "plain-folders", "self-managed"],
)
def test_repository_of_another_layout_has_no_false_alarm(
    run: Run, tmp_path: Path, files: Mapping[str, str]
) -> None:
    result = run("validate", str(write(tmp_path / "repo", files)))
    told = [line for line in result.out.splitlines() if not line.startswith(" ") and ": info " not in line]
    assert (result.exit, told) == (0, []), result.out
    assert not result.err.startswith("0 objects")


def test_host_of_another_layout_can_be_traced(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "repo", APPLICATION_SETS)
    for host, environment in (("web.staging.example.org", "staging"), ("web.example.org", "production")):
        result = run("trace", host, "--repo", str(root))
        assert result.exit == 0, result.out
        assert f"Application argocd/web-{environment}" in result.out


def test_host_that_two_environments_of_one_cluster_share_is_reported(run: Run, tmp_path: Path) -> None:
    path = "apps/web/envs/staging/kustomization.yaml"
    root = write(tmp_path / "repo", APPLICATION_SETS, {path: "resources: [../../base, ../../base/tls]\n"})
    assert "apps/web/base/ingress.yaml:9: error GB330" in run("validate", str(root)).out
    result = run("trace", "web.example.org", "--repo", str(root))
    assert result.exit == 1
    assert "! GB330 " in result.out


def test_folders_that_no_cluster_leads_to_may_need_each_other(run: Run, tmp_path: Path, cache: Path) -> None:
    ingress = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
"""
    files = {"ingress/web.yaml": ingress, "services/web.yaml": SHOP}
    chosen = ("--rules", "GB301", "-o", "json")
    assert json.loads(run("validate", str(write(tmp_path, files)), *chosen).out)["findings"] == []
    files["ingress/web.yaml"] = ingress.replace("name: web, port", "name: wbe, port")
    [found] = json.loads(run("validate", str(write(tmp_path, files)), *chosen).out)["findings"]
    assert (found["file"], found["line"]) == ("ingress/web.yaml", 4)
