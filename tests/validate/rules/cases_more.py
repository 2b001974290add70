"""Cases of rules for test_rules.py: objects that are added to the world in which nothing is wrong."""

from __future__ import annotations

from typing import NamedTuple


class Added(NamedTuple):
    """A rule, a word of its message, what is added, and lines that are changed, by their mark."""

    rule: str
    says: str
    text: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()


def config(name: str, more: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\n{more}"


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: once, namespace: shop ANNOTATIONS}
spec:
  restartPolicy: Never
  SPEC
  containers:
    - name: once
      image: registry.example.com/once:1.0.0
      resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
      MORE
"""


def pod(more: str = "tty: false", spec: str = "nodeName: ''", annotations: str = "") -> str:
    return POD.replace("MORE", more).replace("SPEC", spec).replace(" ANNOTATIONS", annotations)


REPOS = "sourceRepos: [https://git.example.com/platform/gitops.git, https://charts.example.com]"
"""The line `repos` of the world as it is."""


def signed(rule: str, says: str, policies: str, keys: str = "") -> Added:
    """The project with policies for signatures, as JSON, and the older keys."""
    text = f"{REPOS}\n  sourceIntegrity: {{git: {{policies: [{policies}]}}}}" if policies else REPOS
    return Added(rule, says, edits=(("repos", text + (f"\n  signatureKeys: [{keys}]" if keys else "")),))


def policy(url: str, mode: str = "head", keys: str = "D56C4FCA57A46444", more: str = "") -> str:
    """A policy of a repository; `more` are other URLs, as JSON."""
    return f"{{repos: [{{url: '{url}'}}{more}], gpg: {{mode: {mode}, keys: [{keys}]}}}}"


MORE = [
    signed("GB233", "the mode heads, which Argo CD does not know", policy("*", "heads")),
    signed("GB233", "policy 1 of sourceIntegrity has no key", policy("*", keys="")),
    signed("GB233", "has 'release@example.com', which", policy("*", "strict", "release@example.com")),
    signed("GB233", "signatureKeys has 'D56C' and 1 more", "", "{keyID: D56C}, {keyID: x}"),
    signed("GB233", "policies 1 and 2", f"{policy('https://git.example.com/*')}, {policy('*')}"),
    signed("GB234", "signatureKeys and sourceIntegrity.git", policy("*"), "{keyID: D56C4FCA57A46444}"),
    Added(
        "GB128",
        "has 64 characters",
        config("a", "data: {}").replace("shop}", f"shop, labels: {{a: {'x' * 64}}}}}"),
    ),
    Added("GB128", "no host name", config("a", "data: {}").replace("shop}", "shop, annotations: {_x/y: z}}")),
    Added("GB129", "of at most 262144", config("large", f"data: {{a: {'x' * 270_000}}}\n")),
    Added("GB129", "accepts 1048576", config("huge", f"data: {{a: {'x' * 1_100_000}}}\n")),
    Added(
        "GB129",
        "bytes of annotations",
        config("noted", "data: {}\n").replace("shop}", f"shop, annotations: {{a: {'x' * 262_144}}}}}"),
    ),
    Added(
        "GB360",
        "has an invalid prefix",
        pod(annotations=", annotations: {argocd.argoproj.io/hook: Sync}").replace(
            "name: once", "generateName: On_", 1
        ),
    ),
    Added("GB360", "neither name nor", config("x", "data: {}\n").replace("name: x, ", "")),
    Added(
        "GB360",
        "'Shop_1' is not the name",
        edits=(("destination", "destination: {server: https://kubernetes.default.svc, namespace: Shop_1}"),),
        also=("GB313",),
    ),
    Added(
        "GB232",
        "in the same Application",
        "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\n"
        "metadata: {name: a, namespace: shop}\n"
        "spec: {crd: {spec: {names: {kind: Repos}}}}\n---\napiVersion: constraints.gatekeeper.sh/v1beta1\n"
        "kind: Repos\nmetadata: {name: a, namespace: shop}\n",
        also=("GB217",),
    ),
    Added(
        "GB383",
        "of requests.cpu",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all, namespace: shop}\n"
        "spec: {hard: {requests.cpu: 1m}}\n",
    ),
    Added(
        "GB384",
        "has no selector",
        "apiVersion: v1\nkind: Service\nmetadata: {name: outside, namespace: shop}\n"
        "spec: {ports: [{port: 80}]}\n"
        "---\napiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: outside, namespace: shop}\n"
        "spec: {to: {kind: Service, name: outside}}\n",
        also=("GB217",),
    ),
    Added("GB130", "is not a key", config("keys", "data: {a/b: c}\n")),
    Added(
        "GB130",
        "mounts two volumes at /a",
        pod(
            "volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /a}]",
            "volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}]",
        ),
    ),
    Added("GB131", "the variable A twice", pod("env: [{name: A, value: b}, {name: A, value: c}]")),
    Added(
        "GB230",
        "needs ConfigMap shop/web",
        pod(
            "envFrom: [{configMapRef: {name: web}}]",
            annotations=", annotations: {argocd.argoproj.io/hook: PreSync}",
        ),
    ),
    Added(
        "GB231",
        "is applied by argocd/shop twice",
        config("same", "data: {}\n---\n") + config("same", "data: {a: b}\n"),
    ),
    Added(
        "GB370",
        "there is a ClusterSecretStore",
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: e, namespace: shop}\n"
        "spec: {secretStoreRef: {name: vault}}\n---\napiVersion: external-secrets.io/v1\n"
        "kind: ClusterSecretStore\nmetadata: {name: vault}\nspec: {}\n",
        also=("GB217",),
    ),
    Added(
        "GB382",
        "requires limits.cpu of every container",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all, namespace: shop}\n"
        "spec: {hard: {limits.cpu: 10}}\n",
    ),
    Added(
        "GB371",
        "needs Secret rabbit",
        "apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: r, namespace: shop}\n"
        "spec: {secretTargetRef: [{parameter: host, name: rabbit, key: host}]}\n",
        also=("GB217",),
    ),
    Added(
        "GB372",
        "is privileged",
        pod("securityContext: {privileged: true}"),
        (("namespace", "metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}"),),
        ("GB405",),
    ),
    Added(
        "GB373",
        "edge forwards",
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: all, namespace: shop}\n"
        "spec: {mtls: {mode: STRICT}}\n",
        (("namespace", "metadata: {name: shop, labels: {istio-injection: enabled}}"),),
    ),
    Added(
        "GB374",
        "listens for *.example.com",
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\n"
        "spec: {selector: {istio: x}, servers: [{hosts: ['*.example.com']}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: out, namespace: shop}\n"
        "spec: {hosts: [a.example.org], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}\n",
        also=("GB375", "GB345"),
    ),
    Added(
        "GB375",
        "istio=gone",
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\n"
        "spec: {selector: {istio: gone}, servers: [{hosts: ['*.example.com']}]}\n",
    ),
    Added(
        "GB376",
        "selects release=main",
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n"
        "metadata: {name: lost, namespace: shop}\n"
        "spec: {selector: {matchLabels: {app: web}}, endpoints: [{port: http}]}\n",
        (("prometheus", "serviceMonitorSelector: {matchLabels: {release: main}}"),),
    ),
    Added(
        "GB377",
        "nothing announces",
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, namespace: shop}\n"
        "spec: {addresses: [192.0.2.1-192.0.2.9]}\n",
        also=("GB217",),
    ),
    Added(
        "GB385",
        "the pool lam, which does not exist; did you mean lan?",
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, namespace: shop}\n"
        "spec: {addresses: [192.0.2.1-192.0.2.9]}\n---\n"
        "apiVersion: v1\nkind: Service\n"
        "metadata: {name: entry, namespace: shop, annotations: {metallb.io/address-pool: lam}}\n"
        "spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n",
        also=("GB217", "GB377"),
    ),
    Added(
        "GB378",
        "has class",
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: kept}\n"
        "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: other, "
        "claimRef: {namespace: shop, name: files}}\n",
    ),
    Added(
        "GB379",
        "sealed for shop/db2",
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: dev-db2, namespace: shop}\n"
        "spec: {encryptedData: {}, template: {metadata: {name: db2}}}\n",
        also=("GB217",),
    ),
    Added(
        "GB380",
        "has no activeService",
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r, namespace: shop}\n"
        "spec: {strategy: {blueGreen: {previewService: web}}, workloadRef: "
        "{apiVersion: apps/v1, kind: Deployment, name: web}}\n",
    ),
    Added(
        "GB381",
        "leads nowhere",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: bare, namespace: shop}\n"
        "spec: {ingressClassName: traefik, rules: [{host: bare.example.com}]}\n",
    ),
]
