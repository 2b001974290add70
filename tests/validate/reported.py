"""Texts for test_reported.py: a workload, and what the reported faults are in."""

from __future__ import annotations

from tests.repositories import URL, application

CHARTS = "https://charts.example.com"
LIMITS = "{requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}"
WEB = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.2.3
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /, port: http}}}}
          resources: {LIMITS}
---
apiVersion: v1
kind: Service
metadata: {{name: web, labels: {{app: web}}}}
spec:
  selector: {{app: web}}
  ports: [{{name: http, port: 80, targetPort: http}}]
"""
ROLLOUT = (
    WEB.replace("apps/v1", "argoproj.io/v1alpha1")
    .replace("Deployment", "Rollout")
    .replace("spec:\n  selector", "spec:\n  strategy: {canary: {steps: [{setWeight: 50}]}}\n  selector", 1)
    .replace(
        "          resources",
        "          envFrom:\n            - configMapRef:\n                name: web-settings\n"
        "          resources",
    )
)
HOOK = f"""\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: register
  annotations: {{argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: "-1"}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: register
  annotations: {{argocd.argoproj.io/hook: PreSync}}
spec:
  template:
    spec:
      serviceAccountName: register
      restartPolicy: Never
      containers: [{{name: register, image: registry.example.com/register:1.0.0, resources: {LIMITS}}}]
"""


def charted(name: str, chart: str, namespace: str, more: str = "") -> str:
    """An Application of a chart."""
    text = application(name, "x", namespace).replace(f"repoURL: {URL}", f"repoURL: {CHARTS}")
    return text.replace("path: x\n", f"chart: {chart}\n{more}").replace("HEAD", "1.0.0")


CHART = application("shop", "x", "shop").replace(
    f"  source:\n    repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n",
    f"""\
  sources:
    - repoURL: {CHARTS}
      chart: shop
      targetRevision: 1.0.0
      helm:
        valueFiles:
          - $values/content/shop/values.yaml
    - repoURL: {URL}
      targetRevision: HEAD
      path: content/shop
      ref: values
""",
)
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules:
    - host: web.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: web
                port: {name: http}
"""
MESH = """\
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {istio-injection: enabled}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec:
  mtls:
    mode: PERMISSIVE
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: envoy
  listeners:
    - name: exact
      hostname: dev.example.com
      port: 80
      protocol: HTTP
      allowedRoutes: {namespaces: {from: All}}
    - name: wild
      hostname: "*.dev.example.com"
      port: 80
      protocol: HTTP
      allowedRoutes: {namespaces: {from: All}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
"""
ROUTED = {
    "IngressRoute": """\
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web}
spec:
  routes:
    - kind: Rule
      match: Host(`web.example.com`)
      services: [{name: web, port: 80}]
""",
    "Route": """\
---
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web}
spec:
  host: web.example.com
  to: {kind: Service, name: web}
  port: {targetPort: http}
""",
    "HTTPRoute": """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs:
    - {name: edge, namespace: edge, sectionName: exact}
    - {name: edge, namespace: edge, sectionName: wild}
  hostnames: [shop.dev.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
""",
    "GRPCRoute": """\
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: greeter}
spec:
  parentRefs: [{name: edge, sectionName: wild}]
  hostnames: [grpc.dev.example.com]
  rules:
    - backendRefs:
        - {name: web, namespace: web, port: 80}
""",
    "VirtualService": """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - route:
        - destination:
            host: web
            subset: v1
""",
}
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 4
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 70}
"""
SCALED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers:
    - {type: rabbitmq, metadata: {queueName: jobs}, authenticationRef: {name: rabbit}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: rabbit}
spec:
  secretTargetRef:
    - {parameter: host, name: rabbit, key: host}
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: rabbit}
spec: {encryptedData: {host: AgBy3i4OJSWK}}
"""
PLAIN = {
    "NetworkPolicy": """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]
      ports: [{port: 8080}]
""",
    "IPAddressPool": """\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
spec: {addresses: [192.0.2.40-192.0.2.49]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all}
spec: {}
""",
    "Replacement": """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
replacements:
  - source: {kind: Deployment, name: web, fieldPath: metadata.name}
    targets:
      - select: {kind: Service}
        fieldPaths:
          - metadata.annotations.[example.com/role]
        options: {create: true}
""",
    "ClusterRoleBinding": """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: default, namespace: web}]
""",
    "ResourceQuota": """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: all}
spec: {hard: {pods: "20"}}
""",
    "Certificate": """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: web
  namespace: web
spec: {secretName: web-tls, dnsNames: [web.example.com], issuerRef: {kind: ClusterIssuer, name: own}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: own}
spec: {selfSigned: {}}
""",
    "PodDisruptionBudget": """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
""",
    "ReferenceGrant": """\
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: edge}
spec:
  from: [{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: edge}]
  to: [{group: "", kind: Service}]
""",
    "DestinationRule": """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web.web.svc.cluster.local
  subsets: [{name: v1, labels: {app: web}}]
""",
}
SET = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: all, namespace: argocd}}
spec:
  goTemplate: true
  generators:
    - GENERATOR
  template:
    metadata: {{name: "NAME", finalizers: [resources-finalizer.argocd.argoproj.io]}}
    spec:
      project: apps
      sources:
        - SOURCE
        - {{repoURL: {URL}, targetRevision: HEAD, ref: values}}
      destination: {{server: https://kubernetes.default.svc, namespace: SPACE}}
      syncPolicy: {{syncOptions: [CreateNamespace=true]}}
"""
MAKERS = {
    "Vault": "apiVersion: secrets.hashicorp.com/v1beta1\nkind: VaultStaticSecret\nmetadata: {name: db}\n"
    "spec: {mount: kv, type: kv-v2, path: db, destination: {name: db, create: true}}\n",
    "1Password": "apiVersion: onepassword.com/v1\nkind: OnePasswordItem\nmetadata: {name: db}\n"
    "spec: {itemPath: vaults/a/items/b}\n",
    "the CSI driver": "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n"
    "metadata: {name: web}\nspec:\n  provider: azure\n  secretObjects:\n"
    "    - {secretName: db, type: Opaque, data: [{objectName: a, key: password}]}\n",
    "the SOPS operator": "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata: {name: all}\n"
    "spec: {secretTemplates: [{name: db, stringData: {password: 'ENC[AES256_GCM,data:aaaa]'}}]}\n",
    "a ClusterExternalSecret": "apiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\n"
    "metadata: {name: db}\nspec:\n  externalSecretName: db\n  namespaces: [web]\n  externalSecretSpec:\n"
    "    secretStoreRef: {kind: ClusterSecretStore, name: own}\n"
    "    data: [{secretKey: password, remoteRef: {key: db}}]\n---\napiVersion: external-secrets.io/v1\n"
    "kind: ClusterSecretStore\nmetadata: {name: own}\nspec: {provider: {fake: {data: []}}}\n",
    "reflector": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n"
    "metadata: {name: db, namespace: other}\nspec:\n  encryptedData: {password: AgBy3i4OJSWK}\n  template:\n"
    "    metadata:\n      annotations:\n"
    '        reflector.v1.k8s.emberstack.com/reflection-allowed: "true"\n'
    '        reflector.v1.k8s.emberstack.com/reflection-auto-enabled: "true"\n',
}
