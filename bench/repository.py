"""Writes a repository with any number of apps, each with a base, an overlay and an Application."""

from __future__ import annotations

from pathlib import Path

URL = "https://git.example.com/platform/gitops.git"

FILES = {
    "base/kustomization.yaml": """\
resources:
  - deployment.yaml
  - service.yaml
  - ingress.yaml
  - pdb.yaml
configMapGenerator:
  - name: web
    literals:
      - MODE=fast
""",
    "base/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: registry.example.com/web
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef:
                name: web
          readinessProbe:
            httpGet:
              path: /
              port: http
          resources:
            requests:
              cpu: 10m
              memory: 32Mi
            limits:
              memory: 64Mi
""",
    "base/service.yaml": """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
    - name: http
      port: 80
      targetPort: http
""",
    "base/ingress.yaml": """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
    - host: NAME.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: web
                port:
                  name: http
""",
    "base/pdb.yaml": """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app: web
""",
    "overlay/kustomization.yaml": """\
namespace: NAME
resources:
  - ../base
images:
  - name: registry.example.com/web
    newTag: 1.2.3
""",
    "application/kustomization.yaml": "resources:\n  - application.yaml\n",
    "application/application.yaml": f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: NAME
  namespace: argocd
  annotations:
    argocd.argoproj.io/sync-wave: "20"
    argocd.argoproj.io/manifest-generate-paths: /apps/NAME
  finalizers:
    - resources-finalizer.argocd.argoproj.io
spec:
  project: apps
  source:
    repoURL: {URL}
    targetRevision: HEAD
    path: apps/NAME/overlay
  destination:
    server: https://kubernetes.default.svc
    namespace: NAME
  syncPolicy:
    automated:
      prune: true
    syncOptions:
      - CreateNamespace=true
""",
}

PROJECT = f"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: apps
  namespace: argocd
spec:
  sourceRepos: [{URL}]
  destinations:
    - server: https://kubernetes.default.svc
      namespace: "*"
"""


def write(root: Path, count: int) -> list[Path]:
    """Write `count` apps below `root`; returns their overlays' folders."""
    overlays = []
    names = [f"app-{number:05d}" for number in range(count)]
    for name in names:
        for path, text in FILES.items():
            target = root / "apps" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace("NAME", name), encoding="utf-8")
        overlays.append(root / "apps" / name / "overlay")
    cluster = root / "clusters" / "one"
    cluster.mkdir(parents=True)
    (cluster / "project.yaml").write_text(PROJECT, encoding="utf-8")
    lines = ["resources:", "  - project.yaml", *(f"  - ../../apps/{name}/application" for name in names)]
    (cluster / "kustomization.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return overlays
