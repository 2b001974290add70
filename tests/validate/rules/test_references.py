"""What objects name beyond pods: with the hint that leads to the fix, and silence where Git does not say."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.resources.references import FIELDS, named
from bootstrap.validate.rule import Apps, ClusterContext
from bootstrap.validate.rules import configuration, gateways, hooks, mesh, projects, references, sealed
from tests.validate.rules.asking import ask
from tests.validate.rules.world import TREE, resources

SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
"""


def one(api: str, kind: str, spec: str, name: str = "own", more: str = "") -> str:
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec: {spec}\n"


TRAEFIK = "traefik.io/v1alpha1"
FIELDS_OF_OTHERS = [
    (TRAEFIK, "IngressRouteTCP", "{routes: [{services: [{name: gone, port: 80}]}]}", "GB301"),
    (TRAEFIK, "IngressRouteUDP", "{routes: [{services: [{name: gone, port: 80}]}]}", "GB301"),
    ("traefik.containo.us/v1alpha1", "IngressRoute", "{routes: [{services: [{name: gone}]}]}", "GB301"),
    (TRAEFIK, "TraefikService", "{weighted: {services: [{name: gone}]}}", "GB301"),
    (TRAEFIK, "TraefikService", "{mirroring: {name: web, mirrors: [{name: gone}]}}", "GB301"),
    (TRAEFIK, "IngressRoute", "{routes: [{services: [{name: gone, kind: TraefikService}]}]}", "GB370"),
    (TRAEFIK, "IngressRoute", "{tls: {options: {name: gone}}}", "GB370"),
    (TRAEFIK, "Middleware", "{chain: {middlewares: [{name: gone}]}}", "GB370"),
    (TRAEFIK, "Middleware", "{basicAuth: {secret: gone}}", "GB371"),
    (TRAEFIK, "Middleware", "{errors: {service: {name: gone}}}", "GB301"),
    (TRAEFIK, "TLSStore", "{defaultCertificate: {secretName: gone}}", "GB307"),
    (TRAEFIK, "TLSOption", "{clientAuth: {secretNames: [gone]}}", "GB371"),
    (TRAEFIK, "ServersTransport", "{rootCAsSecrets: [gone]}", "GB371"),
    ("route.openshift.io/v1", "Route", "{to: {kind: Service, name: gone}}", "GB301"),
    ("route.openshift.io/v1", "Route", "{to: {name: web}, alternateBackends: [{name: gone}]}", "GB301"),
    ("route.openshift.io/v1", "Route", "{to: {name: web}, port: {targetPort: htpt}}", "GB302"),
    (
        "route.openshift.io/v1",
        "Route",
        "{to: {name: web}, tls: {externalCertificate: {name: gone}}}",
        "GB307",
    ),
    ("external-secrets.io/v1", "ExternalSecret", "{secretStoreRef: {name: gone}}", "GB370"),
    ("external-secrets.io/v1", "ExternalSecret", "{data: [{sourceRef: {storeRef: {name: gone}}}]}", "GB370"),
    ("external-secrets.io/v1", "PushSecret", "{secretStoreRefs: [{name: gone}]}", "GB370"),
    (
        "external-secrets.io/v1",
        "SecretStore",
        "{provider: {vault: {auth: {tokenSecretRef: {name: gone, key: token}}}}}",
        "GB371",
    ),
    ("cert-manager.io/v1", "Issuer", "{ca: {secretName: gone}}", "GB371"),
    ("monitoring.coreos.com/v1", "Prometheus", "{additionalScrapeConfigs: {name: gone, key: a}}", "GB371"),
    ("monitoring.coreos.com/v1", "Alertmanager", "{configSecret: gone}", "GB371"),
    (
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "{rules: [{filters: [{requestMirror: {backendRef: {name: gone, port: 80}}}]}]}",
        "GB301",
    ),
    (
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "{rules: [{filters: [{extensionRef: {kind: Middleware, name: gone}}]}]}",
        "GB370",
    ),
    (
        "gateway.networking.k8s.io/v1",
        "BackendTLSPolicy",
        "{validation: {caCertificateRefs: [{kind: ConfigMap, name: gone}]}}",
        "GB370",
    ),
    ("projectcontour.io/v1", "HTTPProxy", "{routes: [{services: [{name: gone, port: 80}]}]}", "GB301"),
    ("projectcontour.io/v1", "HTTPProxy", "{includes: [{name: gone}]}", "GB370"),
    ("k8s.nginx.org/v1", "VirtualServer", "{upstreams: [{name: a, service: gone, port: 80}]}", "GB301"),
    ("flagger.app/v1beta1", "Canary", "{targetRef: {kind: Deployment, name: gone}}", "GB370"),
    (
        "argoproj.io/v1alpha1",
        "CronWorkflow",
        "{workflowSpec: {workflowTemplateRef: {name: gone}}}",
        "GB370",
    ),
    ("postgresql.cnpg.io/v1", "ScheduledBackup", "{cluster: {name: gone}}", "GB370"),
    ("volsync.backube/v1alpha1", "ReplicationSource", "{sourcePVC: gone}", "GB370"),
    ("grafana.integreatly.org/v1beta1", "GrafanaDashboard", "{configMapRef: {name: gone}}", "GB370"),
    (
        "cert-manager.io/v1",
        "Issuer",
        "{acme: {solvers: [{dns01: {cloudflare: {apiTokenSecretRef: {name: gone, key: a}}}}]}}",
        "GB371",
    ),
    ("keda.sh/v1alpha1", "ScaledObject", "{triggers: [{authenticationRef: {name: gone}}]}", "GB370"),
    ("keda.sh/v1alpha1", "TriggerAuthentication", "{secretTargetRef: [{name: gone, key: a}]}", "GB371"),
    ("argoproj.io/v1alpha1", "Rollout", "{strategy: {blueGreen: {activeService: gone}}}", "GB301"),
    (
        "argoproj.io/v1alpha1",
        "Rollout",
        "{strategy: {canary: {steps: [{analysis: {templates: [{templateName: gone}]}}]}}}",
        "GB370",
    ),
    (
        "argoproj.io/v1alpha1",
        "Rollout",
        "{strategy: {canary: {trafficRouting: {istio: {virtualService: {name: gone}}}}}}",
        "GB370",
    ),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "{source: {persistentVolumeClaimName: gone}}", "GB370"),
    ("metallb.io/v1beta1", "L2Advertisement", "{ipAddressPools: [gone]}", "GB370"),
    (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        "{endpoints: [{basicAuth: {password: {name: gone, key: a}}}]}",
        "GB371",
    ),
]


@pytest.mark.parametrize(("api", "kind", "spec", "rule"), FIELDS_OF_OTHERS)
def test_what_is_named_has_to_be_there(api: str, kind: str, spec: str, rule: str) -> None:
    text = one(api, kind, spec) + SERVICE
    assert [problem.rule.id for problem in ask(references.check, text)] == [rule]
    brought = ask(references.check, text, opaque=("shop",))  # a chart may bring it
    assert [problem.rule.id for problem in brought if rule != "GB302"] == []
    there = text.replace("gone", "web").replace("htpt", "http")
    names = ("Secret", "ServersTransport", "Middleware", "TLSOption", "TraefikService", "SecretStore")
    groups = {"Secret": "v1", "SecretStore": "external-secrets.io/v1"}
    for name in names:
        there += f"---\n{one(groups.get(name, TRAEFIK), name, '{}', 'web')}"
    for api_, name in (
        ("keda.sh/v1alpha1", "TriggerAuthentication"),
        ("argoproj.io/v1alpha1", "AnalysisTemplate"),
        ("networking.istio.io/v1", "VirtualService"),
        ("v1", "PersistentVolumeClaim"),
        ("metallb.io/v1beta1", "IPAddressPool"),
        ("v1", "ConfigMap"),
        ("projectcontour.io/v1", "HTTPProxy"),
        ("apps/v1", "Deployment"),
        ("argoproj.io/v1alpha1", "WorkflowTemplate"),
        ("postgresql.cnpg.io/v1", "Cluster"),
    ):
        there += f"---\n{one(api_, name, '{}', 'web')}"
    assert [problem.message for problem in ask(references.check, there) if "own" in problem.message] == []


def test_name_of_another_provider_and_a_template_are_left_alone() -> None:
    for name in ("auth@file", "'{{ .Values.name }}'"):
        text = one(TRAEFIK, "IngressRoute", f"{{routes: [{{middlewares: [{{name: {name}}}]}}]}}")
        assert ask(references.check, text) == []


def test_every_field_of_the_table_can_be_read() -> None:
    assert all(field.path and field.kinds for fields in FIELDS.values() for field in fields)
    (binding,) = resources(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a}\n"
        "roleRef: {kind: Role, name: b}\n"
        "subjects: [{kind: Group, name: c}, {kind: ServiceAccount, name: d}]\n",
        "a.yaml",
        "argocd/shop",
        "shop",
    )
    assert [(use.kind, use.namespace, use.name) for use in named(binding)] == [
        ("ServiceAccount", "shop", "d")
    ]


def test_webhook_and_api_service_name_services_of_other_namespaces() -> None:
    text = (
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"
        "metadata: {name: a}\n"
        "webhooks: [{clientConfig: {service: {name: gone, namespace: other}}}]\n"
    )
    assert [problem.rule.id for problem in ask(references.check, text)] == ["GB301"]
    assert ask(references.check, text, opaque=("other",)) == []


def test_annotations_of_ingresses_name_secrets_and_middlewares() -> None:
    for note in (
        "nginx.ingress.kubernetes.io/auth-secret: gone",
        "nginx.ingress.kubernetes.io/auth-secret: shop/gone",
        "nginx.ingress.kubernetes.io/auth-tls-secret: other/gone",
        "traefik.ingress.kubernetes.io/router.middlewares: shop-gone@kubernetescrd",
    ):
        text = one("networking.k8s.io/v1", "Ingress", "{}", more=f", annotations: {{{note}}}")
        assert [problem.path for problem in ask(references.check, text)] == [
            ("metadata", "annotations", note.partition(":")[0])
        ]
    fine = ", annotations: {traefik.ingress.kubernetes.io/router.middlewares: auth@file}"
    assert ask(references.check, one("networking.k8s.io/v1", "Ingress", "{}", more=fine)) == []


TOKEN = "{acme: {solvers: [{dns01: {cloudflare: {apiTokenSecretRef: {name: token, key: a}}}}]}}"


def test_cluster_issuer_looks_for_its_secret_where_cert_manager_runs() -> None:
    """cert-manager#263, #2399"""
    issuer = one("cert-manager.io/v1", "ClusterIssuer", TOKEN)
    homes = {"cert-manager": frozenset({"certificates"})}
    (problem,) = ask(references.check, issuer, homes=homes)
    assert (problem.rule.id, problem.unless) == ("GB371", ("Secret", "certificates", "token"))
    assert problem.given is None
    (unsure,) = ask(references.check, issuer, homes=homes, opaque=("certificates",))
    assert unsure.given == ("Secret", "*", "token")  # wrong only when another namespace gets it
    assert ask(references.check, issuer) == []


@pytest.mark.parametrize(
    ("name", "service", "says"),
    [
        ("dev-own", "dev-web", "kustomize renamed it to dev-web"),
        ("own-dev", "web-dev", "kustomize renamed it to web-dev"),
        ("own", "dev-web", "did you mean dev-web?"),
        ("dev-own", "wep", "did you mean wep?"),
    ],
)
def test_prefix_that_did_not_reach_a_custom_kind_is_reported_as_that(
    name: str, service: str, says: str
) -> None:
    """kustomize#2673, #5156"""
    route = one(TRAEFIK, "IngressRoute", "{routes: [{services: [{name: web, port: 80}]}]}", name)
    (problem,) = ask(references.check, route + SERVICE.replace("web", service))
    assert says in problem.message
    assert ("nameReference" in problem.fix) == ("kustomize renamed" in says)
    if "nameReference" in problem.fix:
        assert "fieldSpecs kind IngressRoute, path spec/routes/services/name" in problem.fix


@pytest.mark.parametrize(
    ("api", "kind", "fix"),
    [
        ("argoproj.io/v1alpha1", "Rollout", "nameReference: kind ConfigMap"),
        ("apps/v1", "Deployment", "build both from one kustomization"),
    ],
)
def test_hash_that_did_not_reach_a_user_is_not_a_near_name(api: str, kind: str, fix: str) -> None:
    """argo-rollouts#111"""
    spec = (
        "{template: {spec: {containers: [{name: a, image: a, envFrom: [{configMapRef: {name: settings}}]}]}}}"
    )
    made = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings-hf678c7m2b}\n"
    (problem,) = ask(configuration.check, one(api, kind, spec) + made)
    assert "did you mean" not in problem.message
    assert "did not get its hash" in problem.message
    assert fix in problem.fix
    assert "disableNameSuffixHash" in problem.fix


def test_sealed_secret_keeps_to_its_scope() -> None:
    """sealed-secrets#297, #378"""
    text = one("bitnami.com/v1alpha1", "SealedSecret", "{template: {metadata: {name: db}}}", "dev-db")
    assert [problem.rule.id for problem in ask(sealed.check, text)] == ["GB379"]
    for scope, rules in (("cluster-wide", []), ("namespace-wide", [])):
        note = f', annotations: {{sealedsecrets.bitnami.com/{scope}: "true"}}'
        wide = text.replace("dev-db", f"dev-db{note}", 1)
        assert [problem.rule.id for problem in ask(sealed.check, wide)] == rules
    moved = text.replace("{name: db}", "{name: dev-db, namespace: other}")
    assert [problem.rule.id for problem in ask(sealed.check, moved)] == ["GB379"]


HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: once, annotations: {HOOK}}
spec: {template: {spec: {serviceAccountName: once, restartPolicy: Never, containers: [{name: a, image: a}]}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: once, annotations: {OTHER}}
"""
PRE, WAVE = "argocd.argoproj.io/hook: PreSync", 'argocd.argoproj.io/sync-wave: "-1"'


@pytest.mark.parametrize(
    ("hook", "other", "rules"),
    [
        (PRE, "", ["GB230"]),
        ("helm.sh/hook: 'pre-install,pre-upgrade'", "", ["GB230"]),
        (PRE, f"{PRE}, {WAVE}", []),
        (PRE, PRE, []),
        (PRE, PRE + ', argocd.argoproj.io/sync-wave: "1"', ["GB230"]),
        (PRE, "argocd.argoproj.io/hook: PostSync", ["GB230"]),
        ("argocd.argoproj.io/hook: PostSync", "", []),
        ("argocd.argoproj.io/hook: Sync", "", []),
        ("argocd.argoproj.io/hook: SyncFail", "", []),
        ("helm.sh/hook: test", "", []),
        ("a: b", "", []),
    ],
)
def test_hook_needs_what_an_earlier_phase_brings(hook: str, other: str, rules: list[str]) -> None:
    """argo-cd#13178"""
    found = ask(hooks.check, HOOK.replace("{HOOK}", f"{{{hook}}}").replace("{OTHER}", f"{{{other}}}"))
    assert [problem.rule.id for problem in found] == rules


def _destination(rules: str, target: str) -> list[str]:
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team, namespace: argocd}\n"
        f"spec: {{sourceRepos: ['*'], destinations: {rules}}}\n---\n"
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\n"
        f"spec: {{project: team, source: {{repoURL: https://a.example.com/b/c}}, destination: {target}}}\n"
    )
    found = resources(text, "a.yaml", "argocd/root")
    index = Index(found)
    apps = Apps([one for one in found if one.short_kind == "Application"], index, [], {}, TREE, [], True)
    return [problem.rule.id for problem in projects.check(apps) if problem.rule.id in ("GB202", "GB203")]


HERE = "https://kubernetes.default.svc"
ALL = "{server: '*', name: '*', namespace: '*'}"


@pytest.mark.parametrize(
    ("rules", "target", "refused"),
    [
        (
            f"[{{server: {HERE}, name: in-cluster, namespace: '!team-*'}}, {ALL}]",
            "{name: far, namespace: team-a}",
            True,
        ),
        (f"[{{server: {HERE}, namespace: '!team-*'}}, {ALL}]", "{name: far, namespace: other}", False),
        (f"[{{server: {HERE}, namespace: '!kube-system'}}]", f"{{server: {HERE}, namespace: web}}", False),
        (
            f"[{{server: {HERE}, namespace: '!kube-system'}}]",
            f"{{server: {HERE}, namespace: kube-system}}",
            True,
        ),
        (f"[{{server: '!{HERE}', namespace: '*'}}]", f"{{server: {HERE}, namespace: web}}", True),
        (
            f"[{{server: '!{HERE}', namespace: '*'}}]",
            "{server: https://other.example.com, namespace: web}",
            False,
        ),
        ("[{name: far, namespace: web}]", "{name: far, namespace: web}", False),
        ("[{name: far, namespace: web}]", "{name: near, namespace: web}", True),
    ],
)
def test_refusals_of_a_project_are_read_as_argo_cd_reads_them(rules: str, target: str, refused: bool) -> None:
    """argo-cd#21538, #19804"""
    assert _destination(rules, target) == (["GB203"] if refused else [])


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("https://a.example.com/b/*", True),
        ("https://a.example.com/*", False),
        ("https://a.example.com/**", True),
        ("!https://a.example.com/x/*", True),
        ("!https://a.example.com/b/*", False),
        ("*", True),
    ],
)
def test_star_in_a_source_stops_at_a_slash(pattern: str, allowed: bool) -> None:
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team, namespace: argocd}\n"
        f"spec: {{sourceRepos: ['{pattern}'], destinations: [{{server: '*', namespace: '*'}}]}}\n---\n"
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\n"
        f"spec: {{project: team, source: {{repoURL: https://a.example.com/b/c.git}}, "
        f"destination: {{server: {HERE}}}}}\n"
    )
    found = resources(text, "a.yaml", "argocd/root")
    apps = Apps([found[1]], Index(found), [], {}, TREE, [], True)
    assert ("GB202" not in {problem.rule.id for problem in projects.check(apps)}) == allowed


GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {listeners: [LISTENERS]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: KIND
metadata: {name: web, namespace: shop}
spec: {parentRefs: [PARENTS], hostnames: [HOSTS]}
"""
EXACT = "{name: exact, protocol: HTTPS, hostname: dev.example.com}"
WILD = "{name: wild, protocol: HTTPS, hostname: '*.dev.example.com'}"
BOTH = "{name: edge, sectionName: exact}, {name: edge, sectionName: wild}"


@pytest.mark.parametrize(
    ("listeners", "parents", "hosts", "kind", "levels"),
    [
        (f"{EXACT}, {WILD}", BOTH, "shop.dev.example.com", "HTTPRoute", ["info"]),
        (f"{EXACT}, {WILD}", BOTH, "shop.dev.example.org", "HTTPRoute", ["error"]),
        (f"{EXACT}, {WILD}", "{name: edge}", "shop.dev.example.com", "HTTPRoute", []),
        ("{name: a, protocol: HTTP, hostname: '*.example.com'}", "{name: edge}", "'*.com'", "HTTPRoute", []),
        ("{name: a, protocol: HTTP, hostname: '*.com'}", "{name: edge}", "'*.example.com'", "HTTPRoute", []),
        (
            "{name: a, protocol: HTTP, hostname: '*.org'}",
            "{name: edge}",
            "'*.example.com'",
            "HTTPRoute",
            ["error"],
        ),
        ("{name: a, protocol: TCP}", "{name: edge}", "", "HTTPRoute", ["error"]),
        ("{name: a, protocol: UDP}", "{name: edge}", "", "UDPRoute", []),
        ("{name: a, protocol: TCP}", "{name: edge}", "", "UDPRoute", ["error"]),
        ("{name: a, protocol: example.com/own}", "{name: edge}", "", "HTTPRoute", []),
    ],
)
def test_listeners_take_routes(
    listeners: str, parents: str, hosts: str, kind: str, levels: list[str]
) -> None:
    """aws-load-balancer-controller#4499, contour#4507, and the conformance tests of Gateway API."""
    text = GATEWAY.replace("LISTENERS", listeners).replace("PARENTS", parents)
    found = ask(gateways.check, text.replace("HOSTS", hosts).replace("KIND", kind))
    assert [problem.severity for problem in found] == levels, [problem.message for problem in found]


def test_reason_is_that_of_the_listener_that_is_asked_for() -> None:
    text = GATEWAY.replace("LISTENERS", f"{EXACT}, {WILD}").replace(
        "PARENTS", "{name: edge, sectionName: wild}"
    )
    (problem,) = ask(gateways.check, text.replace("HOSTS", "a.example.org").replace("KIND", "HTTPRoute"))
    assert "the listener wild is for *.dev.example.com, the route for a.example.org" in problem.message


GRANT = """\
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: shop, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: FROM, namespace: shop}]
  to: [{group: GROUP, kind: TO}]
"""


def test_grants_are_for_a_group_and_for_certificates_too() -> None:
    """nginx-gateway-fabric#2333"""
    route = one(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "{rules: [{backendRefs: [{name: web, namespace: other, port: 80}]}]}",
    )
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: other}\n"
    grant = GRANT.replace("FROM", "HTTPRoute").replace("TO", "Service")
    for group, rules in (('""', []), ("apps", ["GB310"])):
        found = ask(gateways.check, route, (service + grant).removeprefix("---\n").replace("GROUP", group))
        assert [problem.rule.id for problem in found] == rules
    gateway = one(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "{listeners: [{name: a, tls: {certificateRefs: [{name: c, namespace: other}]}}]}",
    )
    grant = GRANT.replace("FROM", "Gateway").replace("TO", "Secret").replace("GROUP", '""')
    assert [problem.rule.id for problem in ask(gateways.check, gateway)] == ["GB310"]
    secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: other}\n"
    assert ask(gateways.check, gateway, (grant + secret).removeprefix("---\n")) == []
    assert [problem.rule.id for problem in ask(gateways.check, gateway, grant.removeprefix("---\n"))] == [
        "GB340"
    ]


def test_backend_of_an_unknown_kind_of_the_core_group_is_reported() -> None:
    for kind, rules in (("{kind: Pod, name: a}", ["GB301"]), ("{group: x.io, kind: Backend, name: a}", [])):
        route = one("gateway.networking.k8s.io/v1", "HTTPRoute", f"{{rules: [{{backendRefs: [{kind}]}}]}}")
        assert [problem.rule.id for problem in ask(gateways.check, route)] == rules


def test_destination_rule_of_the_mesh_s_namespace_holds_everywhere() -> None:
    """istio#15425"""
    virtual = one(
        "networking.istio.io/v1",
        "VirtualService",
        "{hosts: [a], http: [{route: [{destination: {host: a, subset: v2}}]}]}",
    )
    rule = one(
        "networking.istio.io/v1",
        "DestinationRule",
        "{host: HOST, subsets: [{name: v2}]}",
        more=", namespace: istio-system",
    )
    for host, rules in (("a.shop.svc.cluster.local", []), ("a", ["GB327"])):
        found = ask(mesh.check, virtual, rule.replace("HOST", host))
        assert [one.rule.id for one in found if one.rule.id == "GB327"] == rules
    assert ClusterContext(Index([]), False).gateways is None


def test_store_of_the_cluster_is_missed_only_next_to_others_of_git() -> None:
    """external-secrets#1007"""
    wants = "{secretStoreRef: {name: vault, kind: ClusterSecretStore}}"
    text = one("external-secrets.io/v1", "ExternalSecret", wants)
    assert ask(references.check, text) == []  # they may be made by other means
    beside = one("external-secrets.io/v1", "ClusterSecretStore", "{}", "vautl")
    (problem,) = ask(references.check, text, beside)
    assert "did you mean vautl?" in problem.message
    own = "---\n" + one("external-secrets.io/v1", "SecretStore", "{}", "vault")
    (problem,) = ask(references.check, text + own)
    assert problem.fix == "set kind: SecretStore"


@pytest.mark.parametrize(
    "text",
    [
        one("tekton.dev/v1", "Pipeline", "{tasks: [{name: a, taskRef: {name: gone}}]}"),
        one(
            "tekton.dev/v1beta1",
            "Pipeline",
            "{tasks: [{name: a, taskRef: {kind: ClusterTask, name: git-clone}}]}",
        ),
        one("tekton.dev/v1", "Pipeline", "{tasks: [{name: a, taskRef: {kind: Approval, name: gone}}]}"),
        one("velero.io/v1", "Schedule", "{template: {storageLocation: default}}"),
    ],
)
def test_object_that_an_installer_may_have_made_is_not_missing(text: str) -> None:
    here = Index(resources(text, "own.yaml", "argocd/own", "own"))
    assert [one.message for one in references.check(here, ClusterContext(here, True))] == []


NOTED = """\
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {traefik.ingress.kubernetes.io/service.serverstransport: own-NAME@kubernetescrd}
spec: {selector: {app: web}, ports: [{port: 443}]}
---
apiVersion: traefik.io/v1alpha1
kind: ServersTransport
metadata: {name: insecure}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {nginx.ingress.kubernetes.io/default-backend: BACKEND}}
"""


@pytest.mark.parametrize(
    ("name", "backend", "rules"),
    [("insecure", "web", []), ("insecrue", "web", ["GB370"]), ("insecure", "wbe", ["GB301"])],
)
def test_annotation_names_a_transport_and_a_backend(name: str, backend: str, rules: list[str]) -> None:
    text = NOTED.replace("NAME", name).replace("BACKEND", backend)
    here = Index(resources(text, "own.yaml", "argocd/own", "own"))
    assert [one.rule.id for one in references.check(here, ClusterContext(here, True))] == rules
