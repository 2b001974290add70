"""A namespace, and an app of apps, in which nothing is wrong; each rule's case breaks one line of it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from bootstrap.manifests.reader import parse
from bootstrap.repository.model import promised
from bootstrap.resources.applications import destination, sources
from bootstrap.resources.claims import claims
from bootstrap.resources.index import APPLICATION, Index, Resource, is_cluster_scoped, qualified
from bootstrap.validate import builtin_kinds, custom_kinds
from bootstrap.validate.rule import AppliedObject, Apps, ClusterContext, HostClaim, Problem
from bootstrap.validate.ruleset import APPS_CHECKS, CHECKS

CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}} # namespace
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: traefik}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: important}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: letsencrypt}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: edge}
spec:
  gatewayClassName: traefik
  listeners:
    - {name: web, port: 80, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main, namespace: edge}
spec:
  serviceMonitorSelector: {} # prometheus
  serviceMonitorNamespaceSelector: {}
  ruleSelector: {}
  ruleNamespaceSelector: {}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: shop, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service}]
"""

SHOP = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: traefik # class
  tls:
    - secretName: web-tls # tls
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: / # path
            pathType: Prefix
            backend: {service: {name: web, port: {name: http}}} # backend
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: other, namespace: shop}
spec:
  ingressClassName: traefik
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /other # second path
            pathType: Prefix
            backend: {service: {name: web, port: {number: 80}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: shop}
spec:
  secretName: web-tls
  issuerRef: {kind: ClusterIssuer, name: letsencrypt} # issuer
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: edge}] # parent
  hostnames: [shop.example.com] # route host
  rules:
    - backendRefs:
        - {name: web, port: 80}
        - {name: far, namespace: other, port: 80} # far
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: own, namespace: shop}
spec:
  gatewayClassName: traefik # gateway class
  listeners:
    - {name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: web-tls}]}} # listener
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  selector: {app: web} # service selector
  ports: [{name: http, port: 80, targetPort: http}] # service ports
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{name: sql, port: 5432, targetPort: sql}]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: {gitops-bootstrap.io/talks-to: "db:5432"} # talks
spec: # no replicas
  selector: {matchLabels: {app: web}} # deployment selector
  template:
    metadata: {labels: {app: web, version: v1}}
    spec:
      serviceAccountName: web # account
      priorityClassName: important # priority
      containers:
        - name: web
          image: registry.example.com/web:1.2.3 # image
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}} # probe
          env:
            - {name: MODE, valueFrom: {configMapKeyRef: {name: web, key: mode}}} # config key
            - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}} # secret key
            - {name: LEVEL, value: info} # variable
          envFrom: [{configMapRef: {name: web}}] # config
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}} # resources
          securityContext: {allowPrivilegeEscalation: false} # security
          volumeMounts: [{name: data, mountPath: /data}] # mount
      volumes:
        - {name: data, emptyDir: {}} # volume
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: files, namespace: shop}
spec:
  replicas: 1 # files replicas
  strategy: {type: Recreate} # strategy
  selector: {matchLabels: {app: files}}
  template:
    metadata: {labels: {app: files}}
    spec:
      containers:
        - name: files
          image: registry.example.com/files:1.0.0
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
      volumes:
        - {name: files, persistentVolumeClaim: {claimName: files}} # claim
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: files
  namespace: shop
  annotations: {argocd.argoproj.io/sync-options: "Prune=confirm"} # claim annotations
spec:
  storageClassName: standard # storage class
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db # service name
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: db
          image: registry.example.com/db:15
          ports: [{name: sql, containerPort: 5432}]
          readinessProbe: {tcpSocket: {port: sql}}
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop} # config map
data:
  mode: fast # data
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web} # scale target
  minReplicas: 2 # bounds
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec:
  minAvailable: 1 # budget
  selector: {matchLabels: {app: web}} # budget selector
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db, namespace: shop}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: db}} # second budget
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}} # policy selector
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}] # policy peer
      ports: [{port: sql}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}] # way in
  egress:
    - to: [{podSelector: {matchLabels: {app: db}}}]
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}] # dns
      ports: [{port: 53, protocol: UDP}, {port: 53}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  rules:
    - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}] # principal
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  gateways: [mesh] # mesh gateway
  http:
    - route:
        - {destination: {host: web, subset: v1}, weight: 90} # route
        - {destination: {host: web.shop.svc.cluster.local, subset: v1}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web # rule host
  subsets: [{name: v1, labels: {version: v1}}] # subset
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}} # monitor selector
  endpoints: [{port: http}] # monitor port
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web, namespace: shop}
spec:
  groups: [{name: web, rules: [{alert: Down, expr: up == 0}]}] # alert
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view} # role
subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
"""

ROOT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: apps, namespace: argocd}
spec:
  sourceRepos: [https://git.example.com/platform/gitops.git, https://charts.example.com] # repos
  destinations: [{server: https://kubernetes.default.svc, namespace: "*"}] # destinations
  clusterResourceWhitelist: [{group: "*", kind: "*"}] # kinds
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data:
  resource.customizations.health.argoproj.io_Application: 'sync.status == "Synced"' # health
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec:
  project: apps
  source: {repoURL: https://git.example.com/platform/gitops.git, targetRevision: main, path: clusters/one}
  destination: {server: https://kubernetes.default.svc, namespace: argocd}
"""

CHILDREN = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: certificates
  namespace: argocd
  annotations: {argocd.argoproj.io/sync-wave: "-20"} # certificates wave
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: apps
  sources:
    - repoURL: https://charts.example.com
      chart: cert-manager # chart
      targetRevision: v1.21.1 # chart version
      helm: {valueFiles: [$repo/infrastructure/certificates/values.yaml]} # values
    - {repoURL: https://charts.example.com, chart: base, targetRevision: 1.31.1}
    - {repoURL: https://charts.example.com, chart: kube-prometheus-stack, targetRevision: 88.5.3}
    - {repoURL: https://git.example.com/platform/gitops.git, targetRevision: main, ref: repo}
  destination: {server: https://kubernetes.default.svc, namespace: cert-manager}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
  namespace: argocd
  annotations:
    argocd.argoproj.io/sync-wave: "20"
    argocd.argoproj.io/manifest-generate-paths: /apps/shop # generate paths
    gitops-bootstrap.io/requires: certificates # requires
    gitops-bootstrap.io/secrets: '[{"namespace": "shop", "name": "db", "generate": ["password"]}]'
  finalizers: [resources-finalizer.argocd.argoproj.io] # finalizer
spec:
  project: apps # project
  source:
    repoURL: https://git.example.com/platform/gitops.git # repository
    targetRevision: main # revision
    path: apps/shop # source path
  destination: {server: https://kubernetes.default.svc, namespace: shop} # destination
  syncPolicy:
    automated: {prune: true}
    syncOptions: [CreateNamespace=true] # options
"""

URL = "https://git.example.com/platform/gitops.git"


class Tree:
    """Files by path, as the rules see a repository."""

    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)
        self.folders = {""}
        for path in paths:
            while path := posixpath.dirname(path):
                self.folders.add(path)

    def has(self, path: str) -> bool:
        return path in self.paths

    def is_folder(self, path: str) -> bool:
        return path in self.folders

    def below(self, folder: str) -> list[str]:
        return sorted(path for path in self.paths if not folder or path.startswith(f"{folder}/"))

    def mapping(self, path: str) -> Mapping[str, Any] | None:
        return None


TREE = Tree(
    "clusters/one/kustomization.yaml",
    "infrastructure/certificates/values.yaml",
    "apps/shop/kustomization.yaml",
    "apps/shop/shop.yaml",
)


def resources(text: str, file: str, application: str, namespace: str = "") -> list[Resource]:
    """The objects of a text, as if they lay in a file."""
    parsed = parse(text.encode())
    assert not parsed.faults, parsed.faults
    found = []
    for document in parsed.documents:
        kind = qualified(document.value)
        own = document.value["metadata"].get("namespace") or namespace
        place = "" if is_cluster_scoped(kind) else own
        found.append(Resource(document.value, place, application, file, document.number, document.line))
    return found


def broken(text: str, edits: Mapping[str, str]) -> str:
    """The text with each line that ends in `# MARK` replaced; its indentation stays."""
    for mark, line in edits.items():
        lines = text.split("\n")
        hits = [number for number, one in enumerate(lines) if one.endswith(f"# {mark}")]
        if not hits:
            continue
        indent = lines[hits[0]][: len(lines[hits[0]]) - len(lines[hits[0]].lstrip())]
        lines[hits[0]] = indent + line
        text = "\n".join(lines)
    return text


@cache
def schema() -> Mapping[str, Any]:
    """The fields of built-in kinds, as the client knows them, and of Argo CD's."""
    built_in, argocd = builtin_kinds.load(), custom_kinds.argocd()
    return {part: {**built_in[part], **argocd[part]} for part in ("models", "kinds")}


def find(edits: Mapping[str, str], more: str = "", complete: bool = True) -> list[Problem]:
    """Everything that the rules find in the world with these edits, and these objects added to the shop."""
    shop = broken(SHOP, edits) + (f"---\n{more}" if more else "")
    root = resources(broken(ROOT, edits), "clusters/one/root.yaml", "")
    children = resources(broken(CHILDREN, edits), "clusters/one/apps.yaml", "argocd/root")
    objects = resources(shop, "apps/shop/shop.yaml", "argocd/shop", "shop")
    cluster = resources(broken(CLUSTER, edits), "infrastructure/cluster.yaml", "argocd/certificates")
    applications = [item for item in [*root, *children, *objects] if item.kind == APPLICATION]
    by_name = {f"{item.namespace}/{item.name}": item for item in applications}
    public = Index([*cluster, *root, *children, *(item for item in objects if not item.namespace)])
    context = ClusterContext(public, complete, schema=schema, entrances={"traefik": {"edge": {}}})
    context = replace(context, gateways=({"app": "gateway", "istio": "gateway"},))
    secrets = {key: keys for item in applications for key, keys in promised(item).items()}
    found: list[Problem] = []
    for objects_here in (
        [item for item in objects if item.namespace == "shop"],
        [item for item in objects if not item.namespace],
        [*root, *children],
    ):
        index = Index(objects_here, (), secrets, by_name, beyond=public)
        for check in CHECKS:
            found += check(index, context)
    identities = {(item.kind, item.namespace, item.name) for item in [*objects, *cluster]}
    identities.add(("Service", "other", "far"))
    owned = [
        AppliedObject(
            "", item.kind, item.namespace, item.name, item.application, item.file, item.document, item.line
        )
        for item in [*root, *children, *objects, *cluster]
    ]
    owned_bodies = zip(owned, [item.body for item in [*root, *children, *objects, *cluster]], strict=True)
    apps = Apps(
        applications,
        public,
        owned,
        {name: _closure(application) for name, application in by_name.items()},
        TREE,
        [URL],
        complete,
        True,
        frozenset({"main", "v1.0.0"}),
        claims=[HostClaim(item, *one) for item, body in owned_bodies for one in claims(body)],
    )
    for check_apps in APPS_CHECKS:
        found += check_apps(apps)
    return [problem for problem in found if problem.unless is None or problem.unless not in identities]


def _closure(application: Resource) -> frozenset[str]:
    assert destination(application.body)
    folders = [source.path for source in sources(application.body) if source.path]
    return frozenset(path for folder in folders for path in TREE.below(folder))
