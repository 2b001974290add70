"""Every rule finds its broken line, there alone, and leaves the world in which nothing is wrong alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bootstrap.resources.index import Index
from bootstrap.validate.admission import definitions, policies
from bootstrap.validate.own import faults as own_faults
from bootstrap.validate.rule import Apps, ClusterContext, rules_of
from bootstrap.validate.rules import scaling, waves
from bootstrap.validate.rules.api.schema import LIST_KEY
from bootstrap.validate.rules.files import BY_CODE, PATCH, UNREACHABLE
from bootstrap.validate.rules.projects import REFUSED
from bootstrap.validate.rules.record import RECORD
from bootstrap.validate.ruleset import FAMILIES, RULES
from tests.validate.rules.cases_more import MORE
from tests.validate.rules.world import SHOP, TREE, find, resources


@dataclass(frozen=True)
class Case:
    """A rule, the lines that break the world for it, and a word that the message must have."""

    rule: str
    says: str
    edits: dict[str, str] = field(default_factory=dict)
    more: str = ""
    also: tuple[str, ...] = ()


def edit(rule: str, mark: str, line: str, says: str, *also: str) -> Case:
    return Case(rule, says, {mark: line}, also=also)


OUTSIDE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: other, namespace: PLACE, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: apps
  source: {repoURL: https://git.example.com/platform/gitops.git, targetRevision: main, path: apps/shop}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
"""

CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec:
  schedule: SCHEDULE
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: night
              image: registry.example.com/night:1.0.0
              resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
"""

CASES = [
    edit("GB301", "backend", "backend: {service: {name: wbe, port: {name: http}}}", "did you mean web?"),
    edit(
        "GB346",
        "alert",
        "groups: [{name: w, rules: [{alert: C, expr: sum by (a) (kafka_lag) > 0}]}]",
        "kafka",
    ),
    edit("GB301", "far", "- {name: gone, namespace: other, port: 80}", "other/gone"),
    edit("GB302", "backend", "backend: {service: {name: web, port: {number: 8080}}}", "http (80)"),
    edit("GB303", "service selector", "selector: {app: wbe}", "app=wbe", "GB343"),
    edit("GB304", "service ports", "ports: [{name: http, port: 80, targetPort: htpt}]", "http (8080)"),
    edit("GB304", "service ports", "ports: [{name: http, port: 80, targetPort: 9090}]", "http (8080)"),
    edit("GB305", "probe", "tty: false", "serves web"),
    edit(
        "GB412",
        "resources",
        "resources: {requests: {cpu: 1, memory: 96Mi}, limits: {cpu: 1000m, memory: 64Mi}}",
        "memory 96Mi",
    ),
    edit("GB348", "probe", "readinessProbe: {httpGet: {path: /, port: htpt}}", "did you mean http?"),
    Case(
        "GB350",
        "replicas: 0",
        {"files replicas": "replicas: 0"},
        "apiVersion: v1\nkind: Service\nmetadata: {name: files, namespace: shop}\n"
        "spec: {selector: {app: files}, ports: [{port: 80}]}\n",
        ("GB305",),
    ),
    edit("GB353", "probe", "readinessProbe: {tcpSocket: {port: 9090}}", "it declares 8080"),
    edit("GB354", "image", "command: [sh]", "container web has no image"),
    edit("GB306", "class", "ingressClassName: nginx", "nginx"),
    edit("GB307", "tls", "- secretName: other-tls", "other-tls"),
    edit("GB308", "parent", "parentRefs: [{name: pubic, namespace: edge}]", "did you mean public?"),
    edit("GB309", "route host", "hostnames: [shop.example.org]", "*.example.com"),
    edit(
        "GB309", "parent", "parentRefs: [{name: public, namespace: edge, sectionName: tls}]", "listener tls"
    ),
    edit("GB310", "far", "- {name: far, namespace: elsewhere, port: 80}", "elsewhere", "GB301"),
    edit("GB311", "config", "envFrom: [{configMapRef: {name: wen}}]", "did you mean web?"),
    edit("GB312", "config key", "- {name: M, valueFrom: {configMapKeyRef: {name: web, key: mod}}}", "mode"),
    edit(
        "GB313",
        "secret key",
        "- {name: P, valueFrom: {secretKeyRef: {name: dd, key: password}}}",
        "Secret dd",
    ),
    edit("GB314", "secret key", "- {name: P, valueFrom: {secretKeyRef: {name: db, key: pass}}}", "password"),
    edit(
        "GB315", "claim", "- {name: files, persistentVolumeClaim: {claimName: file}}", "did you mean files?"
    ),
    edit("GB316", "storage class", "storageClassName: standart", "did you mean standard?"),
    edit("GB317", "files replicas", "replicas: 3", "3 replicas"),
    edit("GB318", "account", "serviceAccountName: wbe", "did you mean web?", "GB325"),
    edit(
        "GB319",
        "scale target",
        "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: wbe}",
        "wbe",
        "GB322",
    ),
    edit(
        "GB320", "resources", "resources: {requests: {memory: 32Mi}, limits: {memory: 64Mi}}", "cpu", "GB408"
    ),
    edit("GB215", "no replicas", "spec:\n  replicas: 2", "replicas: 2"),
    edit("GB336", "bounds", "minReplicas: 9", "minReplicas 9 and maxReplicas 4"),
    edit("GB336", "bounds", "minReplicas: 0", "minReplicas 0, but all"),
    edit("GB321", "budget selector", "selector: {matchLabels: {app: wbe}}", "no pods"),
    Case(
        "GB347",
        "requests_per_second",
        more="apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
        "metadata: {name: files, namespace: shop}\nspec:\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: elsewhere}\n"
        "  maxReplicas: 3\n  metrics:\n"
        "    - type: Pods\n      pods:\n        metric: {name: requests_per_second}\n"
        "        target: {type: AverageValue, averageValue: 5}\n",
        also=("GB319",),
    ),
    edit("GB322", "budget", "minAvailable: 2", "no pod can be evicted"),
    edit("GB322", "budget", "maxUnavailable: 0", "no pod can be evicted"),
    edit("GB337", "second budget", "selector: {matchLabels: {app: web}}", "both select"),
    edit("GB323", "policy peer", "- from: [{podSelector: {matchLabels: {app: api}}}]", "from web"),
    edit("GB324", "policy selector", "podSelector: {matchLabels: {app: dbb}}", "did you mean db?"),
    edit("GB325", "principal", "- from: [{source: {principals: [cluster.local/ns/shop/sa/api]}}]", "refuses"),
    edit("GB325", "principal", "- from: [{source: {serviceAccounts: [api, other/web]}}]", "refuses"),
    edit(
        "GB349",
        "way in",
        "- from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]",
        "controller in namespace edge",
    ),
    edit(
        "GB338",
        "dns",
        "- to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]",
        "DNS",
    ),
    edit("GB339", "talks", 'annotations: {gitops-bootstrap.io/talks-to: "bd:5432"}', "known: db, web"),
    edit("GB339", "talks", 'annotations: {gitops-bootstrap.io/talks-to: "web:81, db:9"}', "web has port 80"),
    edit("GB355", "variable", "- {name: DB_HOST, value: 'webb:80'}", "did you mean web?"),
    edit("GB326", "rule host", "host: wbe", "did you mean web?", "GB327"),
    edit("GB351", "route", "- {destination: {host: web, port: {number: 81}}, weight: 90}", "has port 80"),
    edit(
        "GB352",
        "rule host",
        "host: web\n  trafficPolicy: {portLevelSettings: [{port: {number: 8080}}]}",
        "has port 80",
    ),
    edit("GB327", "route", "- {destination: {host: web, subset: v2}, weight: 90}", "subset v2"),
    edit("GB343", "subset", "subsets: [{name: v1, labels: {version: v9}}]", "version=v9"),
    edit("GB344", "route", "- {destination: {host: web, subset: v1}, weight: 50}", "60"),
    edit("GB345", "mesh gateway", "gateways: [ingress]", "ingress"),
    edit("GB328", "monitor selector", "selector: {matchLabels: {app: wbe}}", "no Service"),
    edit("GB329", "monitor port", "endpoints: [{port: metrics}]", "metrics"),
    edit("GB346", "alert", "groups: [{name: w, rules: [{alert: Cold, expr: redis_up == 0}]}]", "redis_up"),
    edit("GB356", "alert", "groups: [{name: w, rules: [{alert: C, expr: 'sum(up'}]}]", "( is not closed"),
    edit("GB331", "deployment selector", "selector: {matchLabels: {app: wbe}}", "app=wbe"),
    edit("GB332", "service name", "serviceName: dbs", "did you mean db?"),
    edit("GB330", "second path", "- path: /", "claims, too"),
    edit("GB333", "priority", "priorityClassName: urgent", "urgent"),
    edit("GB334", "mount", "volumeMounts: [{name: date, mountPath: /data}]", "did you mean data?"),
    edit("GB335", "strategy", "strategy: {type: RollingUpdate}", "RollingUpdate"),
    edit(
        "GB220",
        "config map",
        "metadata: {name: web, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: early}}",
        "'early'",
    ),
    edit("GB221", "claim annotations", "annotations: {}", "prunes"),
    edit(
        "GB222",
        "config map",
        "metadata: {name: web, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: '5'}}",
        "wave 5",
    ),
    edit(
        "GB223",
        "claim annotations",
        "annotations: {argocd.argoproj.io/sync-wave: '-1', argocd.argoproj.io/sync-options: Prune=false}",
        "wave -1",
    ),
    edit(
        "GB340", "listener", "- {name: tls, port: 443, tls: {certificateRefs: [{name: own-tls}]}}", "own-tls"
    ),
    edit("GB341", "gateway class", "gatewayClassName: istio", "istio"),
    edit(
        "GB342", "issuer", "issuerRef: {kind: ClusterIssuer, name: letsencrpt}", "did you mean letsencrypt?"
    ),
    edit("GB404", "image", "image: registry.example.com/web", "no tag"),
    edit("GB404", "image", "image: registry.example.com:5000/web:latest", "latest"),
    edit("GB405", "security", "securityContext: {privileged: true}", "privileged"),
    edit("GB406", "volume", "- {name: data, hostPath: {path: /var/log}}", "/var/log"),
    edit("GB407", "priority", "hostNetwork: true", "hostNetwork"),
    edit("GB408", "resources", "resources: {requests: {cpu: 10m, memory: 32Mi}}", "limits.memory"),
    edit(
        "GB402",
        "variable",
        "- {name: API_TOKEN, value: ghp_0123456789abcdefghij0123456789abcdefghij}",
        "GitHub",
    ),
    edit(
        "GB402", "variable", "- {name: LEVEL, value: Zk3vQ9pL2mXw8RtY6uBn4cVd1sHf7gJk0aQe5rTy}", "random key"
    ),
    edit("GB402", "security", "args: [--db-password=correct-horse]", "args of web"),
    edit(
        "GB402",
        "values",
        "helm: {parameters: [{name: auth.password, value: correct-horse}]}",
        "auth.password",
    ),
    edit("GB402", "values", "helm: {valuesObject: {auth: {apiKey: 4f9a1c77d0}}}", "apiKey"),
    edit("GB402", "values", 'helm: {values: "auth: {token: 4f9a1c77d0}"}', "token in helm.values"),
    edit("GB402", "variable", "- {name: DB_URL, value: 'postgres://shop:hunter22@db/shop'}", "URL"),
    edit("GB402", "data", "smtp_password: correct-horse", "password", "GB312"),
    edit("GB403", "data", 'mode: "-----BEGIN PRIVATE KEY-----"', "private key"),
    edit(
        "GB410",
        "role",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}",
        "cluster-admin",
    ),
    Case(
        "GB401",
        "password",
        more="apiVersion: v1\nkind: Secret\nmetadata: {name: plain, namespace: shop}\n"
        "stringData: {password: hunter22}\n",
    ),
    Case(
        "GB124",
        "policy/v1",
        more="apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old, namespace: shop}\n"
        "spec: {selector: {matchLabels: {app: files}}, maxUnavailable: 1}\n",
    ),
    Case(
        "GB125",
        "deprecated",
        more="apiVersion: v1\nkind: Endpoints\nmetadata: {name: old, namespace: shop}\n",
    ),
    edit(
        "GB121",
        "probe",
        "readinesProbe: {httpGet: {path: /, port: http}}",
        "did you mean readinessProbe?",
        "GB305",
    ),
    edit("GB122", "variable", "- {name: LEVEL, value: 3}", "the number 3, not text"),
    edit("GB122", "config", "envFrom: {configMapRef: {name: web}}", "a mapping, not a list"),
    edit(
        "GB123", "scale target", "scaleTargetRef: {apiVersion: apps/v1, name: web}", "kind", "GB319", "GB322"
    ),
    edit("GB121", "options", "syncOption: [CreateNamespace=true]", "did you mean syncOptions?"),
    edit("GB121", "kinds", "clusterResourceWhiteList: []", "did you mean clusterResourceWhitelist?", "GB204"),
    edit("GB122", "revision", "targetRevision: 1.5", "the number 1.5, not text", "GB205"),
    edit("GB123", "destination", "# none", "spec.destination is missing", "GB203"),
    Case(
        "GB126",
        "did you mean Deployment?",
        more="apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: x, namespace: shop}\n",
    ),
    Case(
        "GB126",
        "Deployment is in apps/v1",
        more="apiVersion: batch/v1\nkind: Deployment\nmetadata: {name: x, namespace: shop}\n",
    ),
    Case(
        "GB126",
        "it has v1alpha1",
        more="apiVersion: argoproj.io/v1\nkind: AppProject\nmetadata: {name: x, namespace: shop}\n",
    ),
    Case(
        "GB126",
        "did you mean Application?",
        more="apiVersion: argoproj.io/v1alpha1\nkind: Aplication\nmetadata: {name: x, namespace: shop}\n",
    ),
    edit("GB127", "strategy", "strategy: {type: Recrate}", "did you mean Recreate?", "GB335"),
    edit(
        "GB127",
        "resources",
        "resources: {requests: {cpu: 10m, memory: 32 Mi}, limits: {memory: 64Mi}}",
        "not a quantity",
    ),
    edit("GB127", "service ports", "ports: [{name: http, port: 80, protocol: tcp, targetPort: http}]", "TCP"),
    edit("GB201", "source path", "path: apps/shob", "did you mean apps/shop?"),
    edit("GB202", "repos", "sourceRepos: [https://charts.example.com]", "does not allow"),
    edit(
        "GB203",
        "destinations",
        "destinations: [{server: https://kubernetes.default.svc, namespace: argo*}]",
        "shop",
    ),
    edit("GB204", "kinds", "clusterResourceWhitelist: [{group: '', kind: Namespace}]", "does not allow"),
    edit("GB205", "revision", "targetRevision: mian", "did you mean main?"),
    Case("GB206", "argocd/shop", more="apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
    Case(
        "GB208",
        "itself",
        more="""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec:
  project: apps
  source: {repoURL: https://git.example.com/platform/gitops.git, targetRevision: main, path: clusters/one}
  destination: {server: https://kubernetes.default.svc, namespace: argocd}
""",
        also=("GB206",),
    ),
    edit("GB209", "certificates wave", 'annotations: {argocd.argoproj.io/sync-wave: "50"}', "wave 50"),
    edit("GB210", "health", "other: x", "no health check"),
    edit(
        "GB211", "health", "resource.customizations.health.argoproj.io_Application: 'hs.status = x'", "sync"
    ),
    edit("GB212", "generate paths", "argocd.argoproj.io/manifest-generate-paths: /apps/other", "apps/shop"),
    edit("GB213", "finalizer", "labels: {}", "no finalizer"),
    Case(
        "GB214",
        "which comes with Application argocd/certificates (wave 50)",
        {
            "certificates wave": 'annotations: {argocd.argoproj.io/sync-wave: "50"}',
            "options": "syncOptions: []",
        },
        also=("GB209",),
    ),
    Case(
        "GB222",
        "of wave 5",
        more="apiVersion: cert-manager.io/v1\nkind: Issuer\n"
        "metadata: {name: own, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: '5'}}\n---\n"
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: own, namespace: shop}\n"
        "spec: {secretName: x, issuerRef: {kind: Issuer, name: own}}\n",
    ),
    Case(
        "GB214",
        "nothing creates",
        {
            "destination": "destination: {server: https://kubernetes.default.svc, namespace: new}",
            "options": "syncOptions: []",
        },
        also=("GB313",),  # init makes its Secret in the namespace that it goes to alone
    ),
    edit("GB224", "requires", "gitops-bootstrap.io/requires: certificates, traefik", "requires traefik"),
    edit(
        "GB209",
        "certificates wave",
        'annotations: {argocd.argoproj.io/sync-wave: "50", gitops-bootstrap.io/provides: certificates}',
        "requires certificates, which comes with Application argocd/certificates (wave 50)",
    ),
    edit("GB225", "options", "syncOptions: [CreateNamespace=true, ServerSideAply=true]", "ServerSideApply?"),
    edit("GB225", "options", "syncOptions: [CreateNamespace=true, Replace=True]", "Replace=true?"),
    edit(
        "GB225",
        "claim annotations",
        "annotations: {argocd.argoproj.io/sync-options: 'Prune=false, Repalce=true'}",
        "Replace?",
    ),
    edit(
        "GB235", "repository", "repoURL: https://git.example.com/platform/gitops.git\n    ref: own", "ref own"
    ),
    edit("GB236", "source path", "path: apps/shop\n    directory: {include: '*.yml'}", "include: *.yml"),
    Case(
        "GB226",
        "is in argo-cd, but Argo CD is in argocd",
        more=OUTSIDE.replace("PLACE", "argo-cd"),
    ),
    edit(
        "GB357",
        "service ports",
        "ports: [{name: http, port: 80, targetPort: http}, {name: http, port: 81, targetPort: http}]",
        "two ports called http",
    ),
    edit(
        "GB358",
        "service ports",
        "type: NodePort\n  ports: [{name: http, port: 80, targetPort: http, nodePort: 8080}]",
        "8080",
        "GB349",
    ),
    Case(
        "GB359",
        "claims 30080 (TCP), which Service",
        {
            "service ports": "type: NodePort\n"
            "  ports: [{name: http, port: 80, targetPort: http, nodePort: 30080}]"
        },
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: edge}\n"
        "spec: {ports: [{port: 80, nodePort: 30080}]}\n",
    ),
    Case(
        "GB360",
        "invalid name",
        more="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Web_Config, namespace: shop}\n",
    ),
    Case("GB361", "not a valid hour (from 0 to 23)", more=CRON.replace("SCHEDULE", "0 25 * * *")),
    Case(
        "GB362",
        "as HorizontalPodAutoscaler shop/web does",
        more="apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
        "metadata: {name: again, namespace: shop}\nspec:\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 3\n"
        "  metrics: [{type: Resource, resource: {name: cpu, "
        "target: {type: Utilization, averageUtilization: 80}}}]\n",
    ),
    edit("GB363", "tls", "- {secretName: web-tls, hosts: [other.example.com]}", "serves shop.example.com"),
    Case(
        "GB364",
        "every backend of rule 1 has weight 0",
        more="apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
        "metadata: {name: none, namespace: shop}\nspec:\n"
        "  parentRefs: [{name: public, namespace: edge}]\n  hostnames: [none.example.com]\n"
        "  rules: [{backendRefs: [{name: web, port: 80, weight: 0}]}]\n",
    ),
    Case(
        "GB365",
        "Role reader, which does not exist",
        more="apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        "metadata: {name: web, namespace: shop}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n",
    ),
    edit("GB216", "project", "project: app", "did you mean apps?"),
    edit("GB217", "chart", "chart: ingress-nginx", "cert-manager.io"),
    edit(
        "GB218", "values", "helm: {valueFiles: [$repo/infrastructure/certificates/value.yaml]}", "value.yaml"
    ),
    edit("GB219", "project", "project: default", "default"),
    edit("GB409", "repos", 'sourceRepos: ["*"]', "every repository"),
    edit("GB411", "chart version", 'targetRevision: "1.*"', "1.*"),
    edit("GB411", "chart version", "targetRevision: HEAD", "no version"),
]

CASES += [Case(one.rule, one.says, dict(one.edits), one.text, one.also) for one in MORE]


def test_world_without_a_fault_has_no_finding() -> None:
    assert [(one.rule.id, one.message) for one in find({})] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.says}")
def test_rule_finds_what_is_broken_and_nothing_else(case: Case) -> None:
    found = find(case.edits, case.more)
    own = [problem for problem in found if problem.rule.id == case.rule]
    assert own, [(one.rule.id, one.message) for one in found]
    assert any(case.says in problem.message for problem in own), [one.message for one in own]
    others = {problem.rule.id for problem in found} - {case.rule, *case.also}
    assert not others, [(one.rule.id, one.message) for one in found]
    assert all(problem.fix for problem in own)


def test_every_rule_has_a_case() -> None:
    of_files = {rule.id for rule in [*BY_CODE.values(), UNREACHABLE, RECORD, PATCH]}  # test_validate*.py
    of_files.add(REFUSED.id)  # test_asked.py
    for module in (
        definitions,
        own_faults,
        policies,
        *FAMILIES["Hardening"],
    ):  # tests/validate/admission, tests/validate/own
        of_files |= {rule.id for rule in rules_of(vars(module))}
    of_files.add(LIST_KEY.id)  # test_first_sync.py, with a definition
    assert set(RULES) - of_files == {case.rule for case in CASES}


def test_ids_are_unique_and_every_rule_says_what_to_do() -> None:
    rules = [rule for modules in FAMILIES.values() for module in modules for rule in rules_of(vars(module))]
    assert len({rule.id for rule in rules}) == len(rules)
    assert len({rule.name for rule in rules}) == len(rules)
    assert all(rule.about.endswith(".") and not rule.fix.endswith(".") for rule in rules)


def test_definitions_that_several_charts_bring_are_there_with_the_first() -> None:
    def bringing(name: str, chart: str, wave: int) -> str:
        return (
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
            f"metadata: {{name: {name}, namespace: argocd, "
            f"annotations: {{argocd.argoproj.io/sync-wave: '{wave}'}}}}\n"
            f"spec: {{source: {{repoURL: https://example.com, chart: {chart}, targetRevision: 1.0.0}}}}\n"
        )

    late = bringing("monitoring", "kube-prometheus-stack", 30)
    early = bringing("monitoring-crds", "prometheus-operator-crds", -30)
    applications = resources(f"{late}---\n{early}", "clusters/one/apps.yaml", "argocd/root")
    apps = Apps(applications, Index(applications, ()), [], {}, TREE, [], complete=True)
    assert waves.providers(apps)["monitoring.coreos.com"] == "argocd/monitoring-crds"


def test_budget_that_two_applications_bring_is_one_budget() -> None:
    copies = [*resources(SHOP, "shop.yaml", "argocd/a"), *resources(SHOP, "shop.yaml", "argocd/b")]
    index = Index(copies, ())
    assert len(index.of("PodDisruptionBudget.policy", namespace="shop")) == 4
    found = scaling.check(index, ClusterContext(index, True))
    assert [one.message for one in found if one.rule is scaling.BUDGETS_OVERLAP] == []
