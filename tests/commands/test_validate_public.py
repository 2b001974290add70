"""Faults from public repositories: `validate` and `trace` report them at their line, and not once fixed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.2.3
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}}
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
"""
PROJECT = OURS["clusters/one/project.yaml"].replace('{group: "", kind: Namespace}', '{group: "*", kind: "*"}')
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    nginx.ingress.kubernetes.io/auth-secret: basic
spec:
  ingressClassName: nginx
  rules:
    - host: web.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
---
apiVersion: v1
kind: Secret
metadata: {name: basic}
"""


def chart(name: str, namespace: str) -> str:
    text = application(name, "x", namespace).replace("path: x", f"chart: {name}")
    return text.replace(f"repoURL: {URL}", "repoURL: https://charts.example.com").replace("HEAD", "1.0.0")


@dataclass(frozen=True)
class Case:
    """The right files; the edit that breaks them; what is reported, where, and for which host."""

    id: str
    files: dict[str, str]
    edit: tuple[str, str, str]
    rule: str
    line: int
    says: str
    fix: str = ""
    host: str = "web.web"
    state: str = "broken"
    charts: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()


ROUTE = """\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web}
spec:
  entryPoints: [websecure]
  routes:
    - kind: Rule
      match: Host(`web.example.com`) && PathPrefix(`/api`)
      middlewares:
        - name: strip
      services:
        - name: web
          port: 80
  tls:
    secretName: web-tls
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: strip}
spec: {stripPrefix: {prefixes: [/api]}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {secretName: web-tls, dnsNames: [web.example.com], issuerRef: {kind: Issuer, name: own}}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: own}
spec: {selfSigned: {}}
"""
TRAEFIK = (("traefik", "traefik"), ("cert-manager", "cert-manager"))
ISTIO = (("base", "istio-system"), ("istiod", "istio-system"))
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
VIRTUAL = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: istio-system}
spec:
  selector:
    istio: gateway
  servers:
    - {hosts: ["*.example.com"], port: {name: http, number: 80, protocol: HTTP}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.example.com]
  gateways: [istio-system/edge]
  http: [{route: [{destination: {host: web}}]}]
"""
SECRET = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db}
spec:
  secretStoreRef:
    name: vault
    kind: ClusterSecretStore
  data: [{secretKey: password, remoteRef: {key: db}}]
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: vault}
spec: {provider: {fake: {data: []}}}
"""
WITH_SECRET = WEB.replace(
    "          resources:", "          envFrom: [{secretRef: {name: db}}]\n          resources:"
)
STATIC = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: models, annotations: {argocd.argoproj.io/sync-options: "Prune=confirm,Delete=confirm"}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  volumeName: models
  resources: {requests: {storage: 10Gi}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: models}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteMany]
  storageClassName: ""
  nfs: {server: nfs.example.com, path: /models}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
"""
WITH_CLAIM = WEB.replace(
    "      containers:",
    "      volumes: [{name: models, persistentVolumeClaim: {claimName: models}}]\n      containers:",
)
ROLLOUT = (
    WEB.replace("apps/v1", "argoproj.io/v1alpha1")
    .replace("Deployment", "Rollout")
    .replace(
        "  selector: {matchLabels",
        "  strategy:\n    canary:\n      canaryService: web\n  selector: {matchLabels",
        1,
    )
)
LIMITED = """\
apiVersion: v1
kind: Namespace
metadata:
  name: web
  labels:
    pod-security.kubernetes.io/enforce: privileged
"""
SCRAPED = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main}
spec: {serviceMonitorSelector: {matchLabels: {release: main}}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: web
  labels:
    release: main
spec: {endpoints: [{port: http}], selector: {matchLabels: {app: web}}}
"""
POOL = """\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: lan
spec: {addresses: [192.0.2.40-192.0.2.49]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan}
spec:
  ipAddressPools: [lan]
"""
SEALED = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db
spec:
  encryptedData: {password: AgBy3i4OJSWK}
  template: {metadata: {name: db}}
"""

CASES = [
    # fields of Traefik, as it documents them
    Case(
        "service",
        {"r.yaml": ROUTE},
        ("r.yaml", "- name: web\n", "- name: wep\n"),
        "GB301",
        12,
        "did you mean web?",
        host="web.example.com",
        charts=TRAEFIK,
    ),
    Case(
        "port",
        {"r.yaml": ROUTE},
        ("r.yaml", "port: 80\n", "port: 8081\n"),
        "GB302",
        13,
        "http (80)",
        host="web.example.com/api",
        charts=TRAEFIK,
    ),
    Case(
        "middleware",
        {"r.yaml": ROUTE},
        ("r.yaml", "- name: strip", "- name: stripp"),
        "GB370",
        10,
        "did you mean strip?",
        host="web.example.com",
        charts=TRAEFIK,
    ),
    Case(
        "tls",
        {"r.yaml": ROUTE},
        ("r.yaml", "    secretName: web-tls\n---", "    secretName: web-cert\n---"),
        "GB307",
        15,
        "web-cert",
        host="web.example.com",
        charts=TRAEFIK,
    ),
    # ingress-nginx's annotations
    Case(
        "nginx",
        {"i.yaml": INGRESS},
        ("i.yaml", "auth-secret: basic", "auth-secret: basci"),
        "GB371",
        6,
        "basci",
        host="web.example.com",
        charts=(("ingress-nginx", "ingress-nginx"),),
    ),
    # istio#43056, #18176, #51482
    Case(
        "strict",
        {"i.yaml": INGRESS, "m.yaml": MESH},
        ("m.yaml", "PERMISSIVE", "STRICT"),
        "GB373",
        10,
        "STRICT",
        "PERMISSIVE",
        "web.example.com",
        charts=(*ISTIO, ("ingress-nginx", "ingress-nginx")),
    ),
    # istio#7018, #11131
    Case(
        "namespace",
        {"v.yaml": VIRTUAL},
        ("v.yaml", "[istio-system/edge]", "[edge]"),
        "GB345",
        15,
        "did you mean istio-system/edge?",
        "write istio-system/edge",
        charts=(*ISTIO, ("gateway", "istio-system")),
    ),
    # external-dns#1358
    Case(
        "host",
        {"v.yaml": VIRTUAL},
        ("v.yaml", "hosts: [web.example.com]", "hosts: [web.example.org]"),
        "GB374",
        14,
        "*.example.com",
        host="web.example.org",
        charts=(*ISTIO, ("gateway", "istio-system")),
    ),
    Case(
        "selector",
        {"v.yaml": VIRTUAL},
        ("v.yaml", "istio: gateway", "istio: ingressgateway"),
        "GB375",
        5,
        "istio=gateway",
        host="web.example.com",
        charts=(*ISTIO, ("gateway", "istio-system")),
    ),
    # external-secrets#1007
    Case(
        "store",
        {"web.yaml": WITH_SECRET, "s.yaml": SECRET},
        ("s.yaml", "    kind: ClusterSecretStore\n", ""),
        "GB370",
        6,
        "there is a ClusterSecretStore with this name",
        "set kind: ClusterSecretStore",
        charts=(("external-secrets", "external-secrets"),),
    ),
    # mountpoint-s3-csi-driver#182
    Case(
        "volume",
        {"web.yaml": WITH_CLAIM, "p.yaml": STATIC},
        ("p.yaml", '  storageClassName: ""\n  volumeName', "  volumeName"),
        "GB378",
        6,
        "the default class, fast",
        'set storageClassName: ""',
    ),
    # openshift-docs#72104, argo-rollouts#3947
    Case(
        "canary",
        {"web.yaml": ROLLOUT},
        ("web.yaml", "canaryService: web", "canaryService: wep"),
        "GB301",
        7,
        "did you mean web?",
        charts=(("argo-rollouts", "argo-rollouts"),),
    ),
    # Kubernetes-Manifests#416
    Case(
        "steps",
        {"web.yaml": ROLLOUT},
        (
            "web.yaml",
            "      canaryService: web\n",
            "      canaryService: web\n      steps:\n        - setCanaryScale: {matchTrafficWeight: true}\n",
        ),
        "GB380",
        9,
        "nothing routes its traffic",
        "add trafficRouting",
        charts=(("argo-rollouts", "argo-rollouts"),),
    ),
    # argocd-operator#1492
    Case(
        "pod security",
        {"n.yaml": LIMITED},
        ("n.yaml", "enforce: privileged", "enforce: restricted"),
        "GB372",
        10,
        "runAsNonRoot: true",
        others=("web.yaml",),
    ),
    # prometheus-operator#5917
    Case(
        "monitor",
        {"p.yaml": SCRAPED},
        ("p.yaml", "    release: main\n", "    release: other\n"),
        "GB376",
        10,
        "selects release=main",
        state="warning",
        charts=(("prometheus-operator-crds", "monitoring"),),
    ),
    # sealed-secrets#297, #378
    Case(
        "sealed",
        {"web.yaml": WITH_SECRET, "s.yaml": SEALED},
        ("s.yaml", "  name: db\n", "  name: dev-db\n"),
        "GB379",
        4,
        "sealed for web/db",
        "seal it again",
        charts=(("sealed-secrets", "kube-system"),),
    ),
    # argo-helm#417
    Case(
        "label",
        {},
        ("web.yaml", "labels: {app: web}}\n    spec", 'labels: {app: web, v: "1@sha256:ab"}}\n    spec'),
        "GB128",
        7,
        "1@sha256:ab",
    ),
    Case(
        "deadline",
        {},
        (
            "web.yaml",
            "spec:\n  selector: {matchLabels",
            "spec:\n  minReadySeconds: 60\n  progressDeadlineSeconds: 30\n  selector: {matchLabels",
        ),
        "GB130",
        6,
        "must be more than minReadySeconds (60)",
    ),
    # microk8s#2331
    Case(
        "dash",
        {"i.yaml": INGRESS},
        ("i.yaml", "      http:\n", "    - http:\n"),
        "GB381",
        10,
        "leads nowhere",
        "remove the second dash",
        "web.example.com",
        "warning",
        charts=(("ingress-nginx", "ingress-nginx"),),
    ),
]


def repository(tmp_path: Path, case: Case, wrong: bool) -> str:
    files = {"web.yaml": WEB, **case.files}
    if wrong:
        name, old, new = case.edit
        assert files[name].count(old) == 1, files[name]
        files[name] = files[name].replace(old, new)
    apps = {
        "web": application("web", "apps/web", "web"),
        **{name: chart(name, place) for name, place in case.charts},
    }
    entries = "".join(f"  - {name}.yaml\n" for name in apps)
    whole = {
        "clusters/one/kustomization.yaml": f"resources:\n  - project.yaml\n{entries}",
        "clusters/one/project.yaml": PROJECT.replace(f"[{URL}]", f"[{URL}, https://charts.example.com]"),
        **{f"clusters/one/{name}.yaml": text for name, text in apps.items()},
        **{f"apps/web/{name}": text for name, text in files.items()},
    }
    return str(write(tmp_path / ("wrong" if wrong else "right"), whole))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_fault_is_reported_at_its_line_and_on_the_chain(
    case: Case, run: Run, tmp_path: Path, cache: Path
) -> None:
    right = repository(tmp_path, case, wrong=False)
    before = json.loads(run("validate", right, "-o", "json").out)["findings"]
    assert [one for one in before if one["severity"] == "error" or one["rule"] == case.rule] == []
    wrong = repository(tmp_path, case, wrong=True)
    found = json.loads(run("validate", wrong, "-o", "json").out)["findings"]
    own = [one for one in found if one["rule"] == case.rule]
    file = (case.others or (case.edit[0],))[0]
    assert [(one["file"], one["line"]) for one in own] == [(f"apps/web/{file}", case.line)], found
    assert case.says in own[0]["message"]
    assert case.fix in own[0]["fix"]
    traced = json.loads(run("trace", case.host, "--repo", wrong, "-o", "json").out)
    assert traced["state"] == case.state, traced
    assert case.rule in json.dumps(traced["trace"])


ISSUER = """\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: letsencrypt}
spec:
  acme:
    solvers:
      - dns01:
          cloudflare:
            apiTokenSecretRef:
              name: token
              key: token
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: token, namespace: PLACE}
spec: {encryptedData: {token: AgBy3i4OJSWK}}
"""


@pytest.mark.parametrize(("place", "lines"), [("istio-system", [10]), ("cert-manager", [])])
def test_secret_of_a_cluster_issuer_is_in_the_namespace_of_cert_manager(
    place: str, lines: list[int], run: Run, tmp_path: Path, cache: Path
) -> None:
    """cert-manager#263, #2399: the chart that runs there makes none, and another namespace gets it."""
    text = ISSUER.replace("{name: token, namespace: PLACE}", f"\n  name: token\n  namespace: {place}")
    charts = (("cert-manager", "cert-manager"), ("sealed-secrets", "kube-system"))
    case = Case("issuer", {"i.yaml": text}, ("", "", ""), "GB371", 10, "", charts=charts)
    findings = json.loads(run("validate", repository(tmp_path, case, False), "-o", "json").out)["findings"]
    assert [one["line"] for one in findings if one["rule"] == "GB371"] == lines
