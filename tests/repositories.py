"""Repositories for tests, written from a mapping of paths to texts, and one that is laid out like ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

URL = "https://git.example.com/platform/gitops.git"

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web
          ports:
            - {name: http, containerPort: 8080}
          readinessProbe:
            httpGet: {path: /, port: http}
          envFrom:
            - configMapRef: {name: web}
          resources:
            requests: {cpu: 10m, memory: 32Mi}
            limits: {memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
    - {name: http, port: 80, targetPort: http}
"""


def application(name: str, path: str, namespace: str, wave: int = 0) -> str:
    """An Application of this repository."""
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  namespace: argocd
  annotations:
    argocd.argoproj.io/sync-wave: "{wave}"
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: apps
  source:
    repoURL: {URL}
    targetRevision: HEAD
    path: {path}
  destination:
    server: https://kubernetes.default.svc
    namespace: {namespace}
  syncPolicy:
    syncOptions: [CreateNamespace=true]
"""


OURS: Mapping[str, str] = {
    "clusters/one/kustomization.yaml": """\
resources:
  - project.yaml
  - ../../apps/shop/applications/dev
  # - ../../apps/shop/applications/production  # the shop, environment production
""",
    "clusters/one/project.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: apps
  namespace: argocd
spec:
  sourceRepos: [{URL}]
  destinations:
    - {{server: https://kubernetes.default.svc, namespace: "*"}}
  clusterResourceWhitelist:
    - {{group: "", kind: Namespace}}
""",
    "clusters/one/root.yaml": application("root", "clusters/one", "argocd"),
    "apps/shop/base/kustomization.yaml": """\
resources:
  - shop.yaml
configMapGenerator:
  - name: web
    literals:
      - MODE=fast
""",
    "apps/shop/base/shop.yaml": SHOP,
    **{
        path: text
        for environment in ("dev", "production")
        for path, text in {
            f"apps/shop/overlays/{environment}/kustomization.yaml": f"""\
namespace: shop-{environment}
resources:
  - ../../base
images:
  - name: registry.example.com/web
    newTag: 1.2.3
""",
            f"apps/shop/applications/{environment}/kustomization.yaml": "resources:\n  - application.yaml\n",
            f"apps/shop/applications/{environment}/application.yaml": application(
                f"shop-{environment}", f"apps/shop/overlays/{environment}", f"shop-{environment}", 20
            ),
        }.items()
    },
}


def write(root: Path, *parts: Mapping[str, str | bytes | None]) -> Path:
    """Write files below a folder; later parts win, None leaves a file out."""
    files: dict[str, str | bytes | None] = {}
    for part in parts:
        files.update(part)
    for path, text in files.items():
        if text is None:
            continue
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root
