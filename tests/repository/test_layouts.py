"""Repositories as other tools lay them out are read whole, or what is not is named, and nothing is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.repository.model import Options
from bootstrap.repository.read import read
from bootstrap.repository.store import Store
from tests.conftest import Run
from tests.repositories import SHOP, URL, application, write

WEB = SHOP.replace("image: registry.example.com/web", "image: registry.example.com/web:1.4.2")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {MODE: fast}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: argocd}\n"
HERE = "https://kubernetes.default.svc"


def one_of(name: str, path: str, project: str = "default") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: {project}
  source: {{repoURL: {URL}, path: {path}}}
  destination: {{server: '{HERE}', namespace: argocd}}
  syncPolicy: {{automated: {{selfHeal: true, prune: true}}, syncOptions: [allowEmpty=true]}}
"""


def files_set(name: str, files: tuple[str, ...], template: str) -> str:
    """An ApplicationSet of files in Git, with the empty templates that a program writes out."""
    generators = "".join(
        f"""\
    - git:
        repoURL: {URL}
        revision: ""
        requeueAfterSeconds: 20
        files: [{{path: '{path}'}}]
        template: {{metadata: {{}}, spec: {{destination: {{}}, project: ""}}}}
"""
        for path in files
    )
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: {name}, namespace: argocd, creationTimestamp: null}}
spec:
  generators:
{generators}{template}
status: {{}}
"""


AUTOPILOT: Mapping[str, str] = {
    "bootstrap/root.yaml": one_of("root", "projects"),
    "bootstrap/argo-cd.yaml": one_of("argo-cd", "bootstrap/argo-cd"),
    "bootstrap/argo-cd/kustomization.yaml": "namespace: argocd\nresources: [settings.yaml]\n",
    "bootstrap/argo-cd/settings.yaml": CONFIG.replace("name: web", "name: argocd-cm"),
    "bootstrap/cluster-resources.yaml": files_set(
        "cluster-resources",
        ("bootstrap/cluster-resources/*.json",),
        f"""\
  syncPolicy: {{preserveResourcesOnDeletion: true}}
  template:
    metadata: {{name: 'cluster-resources-{{{{name}}}}', namespace: argocd}}
    spec:
      project: default
      source: {{repoURL: {URL}, path: 'bootstrap/cluster-resources/{{{{name}}}}'}}
      destination: {{server: '{{{{server}}}}'}}
""",
    ),
    "bootstrap/cluster-resources/in-cluster.json": json.dumps({"name": "in-cluster", "server": HERE}),
    "bootstrap/cluster-resources/in-cluster/README.md": "# cluster-wide",
    "bootstrap/cluster-resources/in-cluster/ns.yaml": NAMESPACE,
    "projects/README.md": "# projects",
    "projects/testing.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{name: testing, namespace: argocd, creationTimestamp: null}}
spec:
  clusterResourceWhitelist: [{{group: '*', kind: '*'}}]
  destinations: [{{namespace: '*', server: '*'}}]
  sourceRepos: ['{URL}']
status: {{}}
---
"""
    + files_set(
        "testing",
        ("apps/**/testing/config.json", "apps/**/testing/config_dir.json"),
        """\
  syncPolicy: {}
  template:
    metadata:
      name: 'testing-{{ userGivenName }}'
      namespace: argocd
      labels: {app.kubernetes.io/name: '{{ appName }}'}
    spec:
      project: testing
      source: {repoURL: '{{ srcRepoURL }}', targetRevision: '{{ srcTargetRevision }}', path: '{{ srcPath }}'}
      destination: {server: '{{ destServer }}', namespace: '{{ destNamespace }}'}
      syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: [CreateNamespace=true]}
""",
    ),
    "apps/README.md": "# apps",
    "apps/web/base/kustomization.yaml": "resources: [web.yaml, config.yaml]\n",
    "apps/web/base/web.yaml": WEB,
    "apps/web/base/config.yaml": CONFIG,
    "apps/web/overlays/testing/kustomization.yaml": "resources: [../../base]\n",
    "apps/web/overlays/testing/config.json": json.dumps(
        {
            "appName": "web",
            "userGivenName": "web",
            "destNamespace": "web",
            "destServer": HERE,
            "srcPath": "apps/web/overlays/testing",
            "srcRepoURL": URL,
            "srcTargetRevision": "",
            "labels": None,
            "annotations": None,
        }
    ),
}

CLUSTERS: Mapping[str, str] = {
    f"clusters/{cluster}/{name}.yaml": text
    for cluster in ("paris", "oslo")
    for name, text in (
        ("root", one_of("root", f"clusters/{cluster}")),
        (
            "web",
            application("web", f"apps/web/{cluster}", "web").replace("project: apps", "project: default"),
        ),
    )
} | {
    f"apps/web/{cluster}/{name}.yaml": text
    for cluster in ("paris", "oslo")
    for name, text in (
        ("kustomization", f"resources: [../base]\nreplicas: [{{name: web, count: {len(cluster)}}}]\n"),
    )
}
CLUSTERS = {
    **CLUSTERS,
    "apps/web/base/kustomization.yaml": "resources: [web.yaml, config.yaml]\n",
    "apps/web/base/web.yaml": WEB,
    "apps/web/base/config.yaml": CONFIG,
}

CLUSTER_SECRET = f"""\
apiVersion: v1
kind: Secret
metadata:
  name: in-cluster
  namespace: argocd
  labels: {{argocd.argoproj.io/secret-type: cluster, enable_web: "true", environment: staging}}
  annotations: {{addons_repo_url: {URL}, addons_repo_basepath: addons/}}
stringData: {{name: in-cluster, server: '{HERE}', config: '{{}}'}}
"""

BRIDGE: Mapping[str, str] = {
    "bootstrap/root.yaml": one_of("bootstrap", "bootstrap"),
    "bootstrap/web.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: addons-web, namespace: argocd}
spec:
  syncPolicy: {preserveResourcesOnDeletion: true}
  generators:
    - merge:
        mergeKeys: [server]
        generators:
          - clusters:
              values: {addon: web, replicas: "1"}
              selector: {matchExpressions: [{key: enable_web, operator: In, values: ['true']}]}
          - clusters: {selector: {matchLabels: {environment: staging}}, values: {replicas: "2"}}
  template:
    metadata: {name: 'addon-{{name}}-{{values.addon}}'}
    spec:
      project: default
      source:
        repoURL: '{{metadata.annotations.addons_repo_url}}'
        targetRevision: HEAD
        path: '{{metadata.annotations.addons_repo_basepath}}{{values.addon}}'
        kustomize: {replicas: [{name: web, count: '{{values.replicas}}'}]}
      destination: {namespace: '{{values.addon}}', name: '{{name}}'}
      syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true]}
""",
    "addons/web/kustomization.yaml": "resources: [web.yaml, config.yaml]\n",
    "addons/web/web.yaml": WEB,
    "addons/web/config.yaml": CONFIG,
}

FLUX: Mapping[str, str] = {
    "kubernetes/flux/cluster/ks.yaml": """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: cluster-apps, namespace: flux-system}
spec:
  interval: 1h
  path: ./kubernetes/apps
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
""",
    "kubernetes/apps/default/kustomization.yaml": "namespace: default\nresources: [./echo/ks.yaml]\n",
    "kubernetes/apps/default/echo/ks.yaml": """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: echo}
spec:
  interval: 1h
  path: ./kubernetes/apps/default/echo/app
  prune: true
  postBuild: {substituteFrom: [{name: cluster-secrets, kind: Secret}]}
  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
  targetNamespace: default
""",
    "kubernetes/apps/default/echo/app/kustomization.yaml": "resources: [./helmrelease.yaml]\n",
    "kubernetes/apps/default/echo/app/helmrelease.yaml": """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: echo}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: echo}
  values: {route: {app: {hostnames: ["{{ .Release.Name }}.${SECRET_DOMAIN}"]}}}
""",
}


def checked(run: Run, root: Path) -> tuple[dict[str, Any], list[str]]:
    """The coverage that `validate` tells, and its errors."""
    result = run("validate", str(root), "-o", "json")
    told = json.loads(result.out)
    errors = [f"{one['rule']} {one['message']}" for one in told["findings"] if one["severity"] == "error"]
    return told["coverage"], errors


@pytest.mark.parametrize(
    ("files", "applications", "objects"),
    [
        (AUTOPILOT, 4, {"Deployment web/web", "Namespace argocd", "ConfigMap argocd/argocd-cm"}),
        ({**BRIDGE, "bootstrap/in-cluster.yaml": CLUSTER_SECRET}, 2, {"Deployment web/web"}),
        (CLUSTERS, 4, {"Deployment web/web"}),
    ],
    ids=["argocd-autopilot", "gitops-bridge, its cluster in Git", "several clusters"],
)
def test_layout_is_read_whole(
    run: Run,
    tmp_path: Path,
    invocation: Invocation,
    files: Mapping[str, str],
    applications: int,
    objects: set[str],
) -> None:
    root = write(tmp_path / "repo", files)
    coverage, errors = checked(run, root)
    assert errors == []
    assert coverage["unread"] == []
    assert coverage["applications"] == applications
    repository = read(root, invocation, Store(None), Options())
    assert objects <= {str(one) for scope in repository.scopes for one in repository.objects(scope)}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (BRIDGE, "addons-web"),
        (FLUX, "Kustomization"),
    ],
    ids=["gitops-bridge, its clusters made by Terraform", "cluster-template, by Flux alone"],
)
def test_what_a_layout_does_not_tell_is_named(
    run: Run, tmp_path: Path, files: Mapping[str, str], named: str
) -> None:
    coverage, errors = checked(run, write(tmp_path / "repo", files))
    assert errors == []
    assert [one for one in coverage["unread"] if named in one["what"]]


def test_charts_that_a_program_installs_are_no_clean_bill(run: Run, tmp_path: Path) -> None:
    """As kubara lays out: charts by `helm install`, their Applications in values that no file applies."""
    files = {
        "platform-components/helm/argo-cd/Chart.yaml": "apiVersion: v2\nname: argo-cd\nversion: 1.0.0\n",
        "platform-components/helm/argo-cd/templates/sets.yaml": "{{ if .Values.on }}\nkind: X\n{{ end }}",
        "platform-configs/hub/helm/argo-cd/values.generated.yaml": "sets: {web: {path: web}}\n",
    }
    result = run("validate", str(write(tmp_path / "repo", files)))
    assert result.exit == 2
    assert "no Application names its chart (platform-components/helm/argo-cd)" in result.err
