"""A catalog small enough to be read at a glance, in the form of the real one; for pure tests."""

from __future__ import annotations

from bootstrap.layout.settings import Settings

URL = "https://git.example.org/platform/gitops.git"
SHA = "0" * 64

_CATALOG = {
    "clusters/default/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - projects.yaml
  - ../../infrastructure/argocd
  - ../../infrastructure/traefik  # Ingress and Gateway
  # - ../../infrastructure/loki  # logs
  # - ../../infrastructure/tempo  # traces
  - ../../apps/voting-app/applications/dev
""",
    "clusters/default/settings.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    config.kubernetes.io/local-config: "true"
data:
  repoURL: https://git.example.com/platform/gitops.git
  revision: main
  cluster: default
  domain: example.com  # of the cluster's hosts
  storageClass: standard
""",
    "clusters/default/root.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: root
  namespace: argocd
spec:
  project: infrastructure
  sources:
    - ref: repo
      repoURL: https://git.example.com/platform/gitops.git
      targetRevision: main
      path: clusters/default
  destination:
    server: https://kubernetes.default.svc
    namespace: argocd
""",
    "clusters/default/projects.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: infrastructure
  namespace: argocd
spec:
  sourceRepos:
    - https://git.example.com/platform/gitops.git
    - https://traefik.github.io/charts
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: apps
  namespace: argocd
spec:
  sourceRepos: [https://git.example.com/platform/gitops.git]
""",
    "infrastructure/argocd/application.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: argocd
  annotations:
    argocd.argoproj.io/manifest-generate-paths: /infrastructure/argocd
spec:
  sources:
    - ref: repo
      repoURL: https://git.example.com/platform/gitops.git
      targetRevision: main
      path: infrastructure/argocd/manifests
""",
    "infrastructure/argocd/manifests/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: argocd
resources:
  - install.yaml
patches:
  - path: argocd-cm.yaml
""",
    "infrastructure/argocd/manifests/argocd-cm.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  labels:
    app.kubernetes.io/managed-by: gitops-bootstrap
data:
  application.resourceTrackingMethod: annotation
""",
    "infrastructure/traefik/application.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: traefik
  annotations:
    argocd.argoproj.io/manifest-generate-paths: /infrastructure/traefik;/infrastructure/shared
spec:
  sources:
    - chart: traefik
      repoURL: https://traefik.github.io/charts
      targetRevision: 41.3.0
      helm:
        valueFiles:
          - $repo/infrastructure/traefik/values.yaml
    - ref: repo
      repoURL: https://git.example.com/platform/gitops.git
      targetRevision: main
""",
    "infrastructure/traefik/values.yaml": "replicas: 1\nservice: {}\n",
    "apps/voting-app/applications/dev/application.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: voting-app-dev
  annotations:
    gitops-bootstrap.io/secrets: >-
      [{"namespace": "voting", "name": "db", "generate": ["password"], "literals": {"username": "postgres"}}]
spec:
  sources:
    - ref: repo
      repoURL: https://git.example.com/platform/gitops.git
      targetRevision: main
      path: apps/voting-app/overlays/dev
  destination:
    namespace: voting
""",
    "apps/voting-app/overlays/dev/settings.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: hosts
data:
  vote: vote.example.com
  result: result.example.com
  other: notexample.com
""",
}
CATALOG = {path: text.encode() for path, text in _CATALOG.items()}
MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n"


def settings(**changes: object) -> Settings:
    values = {"repo_url": URL, "branch": "main", "argocd_version": "v3.6.1", "argocd_sha256": SHA}
    return Settings(**{**values, **changes})  # type: ignore[arg-type]
