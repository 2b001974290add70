"""What the API server of Kubernetes 1.36 refuses in a strict dry run, each next to what it accepts."""

from __future__ import annotations

import pytest

from bootstrap.validate import builtin_kinds
from bootstrap.validate.rules.api import labels, refused, schema, validation
from bootstrap.validate.ruleset import CHECKS
from tests.validate.rules.asking import ask


def told(kind: str, spec: str, api: str = "v1", name: str = "web") -> list[str]:
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\n{spec}\n"
    return [one.message for one in ask(validation.check, text)]


def of_pod(more: str, spec: str = "", kind: str = "Pod") -> list[str]:
    pod = f"{{{spec}containers: [{{name: web, image: 'web:1'{more}}}]}}"
    if kind == "Pod":
        return told("Pod", f"spec: {pod}")
    api = "batch/v1" if kind == "Job" else "apps/v1"
    return told(kind, f"spec: {{template: {{spec: {pod}}}}}", api)


SERVICES = [
    ("ports: [{port: 80}, {port: 81, name: b}]", "needs a name"),
    ("ports: [{port: 80, name: a}, {port: 81, name: b}]", ""),
    ("type: ExternalName", "needs externalName"),
    ("type: ExternalName, externalName: a.example.com", ""),
    ("selector: {a: b}", "has no ports"),
    ("clusterIP: None", ""),
    ("clusterIP: None, type: LoadBalancer, ports: [{port: 80}]", "headless"),
    ("ports: [{port: 80, nodePort: 30000}]", "cannot have a nodePort"),
    ("type: NodePort, ports: [{port: 80, nodePort: 30000}]", ""),
    ("ports: [{port: 80, targetPort: much-too-long-name}]", "neither a number"),
    ("ports: [{port: 80, targetPort: '8080'}]", "neither a number"),
    ("ports: [{port: 80, targetPort: 70000}]", "not 1 to 65535"),
    ("ports: [{port: 80, targetPort: 0}]", ""),
    ("ports: [{port: 80, targetPort: ''}]", ""),
    ("ports: [{port: 80, name: Web}]", "not a port name"),
    ("ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.1]", "not an address range"),
    ("ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8]", ""),
    ("ports: [{port: 80}], externalIPs: [one]", "not an address"),
    ("ports: [{port: 80}], externalTrafficPolicy: Local", "cannot have externalTrafficPolicy"),
]


@pytest.mark.parametrize(("spec", "says"), SERVICES)
def test_services(spec: str, says: str) -> None:
    found = told("Service", f"spec: {{{spec}}}")
    assert any(says in one for one in found) if says else found == []


BACKEND = "backend: {service: {name: web, port: {number: 80}}}"
INGRESSES = [
    ("defaultBackend: {service: {name: web, port: {number: 80}}}", ""),
    ("tls: []", "neither rules"),
    (
        f"rules: [{{host: 'a.example.com:80', http: {{paths: [{{pathType: Prefix, path: /, {BACKEND}}}]}}}}]",
        "only a host",
    ),
    (
        f"rules: [{{host: 'https://a', http: {{paths: [{{pathType: Prefix, path: /, {BACKEND}}}]}}}}]",
        "only a host",
    ),
    (
        f"rules: [{{host: 10.0.0.1, http: {{paths: [{{pathType: Prefix, path: /, {BACKEND}}}]}}}}]",
        "an address",
    ),
    (
        f"rules: [{{host: A.example.com, http: {{paths: [{{pathType: Prefix, path: /, {BACKEND}}}]}}}}]",
        "lower-case",
    ),
    (f"rules: [{{host: '*.example.com', http: {{paths: [{{pathType: Prefix, path: /, {BACKEND}}}]}}}}]", ""),
    (f"rules: [{{http: {{paths: [{{pathType: Prefix, path: api, {BACKEND}}}]}}}}]", "does not begin with /"),
    (f"rules: [{{http: {{paths: [{{pathType: Exact, {BACKEND}}}]}}}}]", "needs a path"),
    (f"rules: [{{http: {{paths: [{{pathType: ImplementationSpecific, {BACKEND}}}]}}}}]", ""),
    (
        "rules: [{http: {paths: [{pathType: Prefix, path: /, backend: {service: {name: web}}}]}}]",
        "a name or a number",
    ),
]


@pytest.mark.parametrize(("spec", "says"), INGRESSES)
def test_ingresses(spec: str, says: str) -> None:
    found = told("Ingress", f"spec: {{{spec}}}", "networking.k8s.io/v1")
    assert any(says in one for one in found) if says else found == []


PODS = [
    (", ports: [{containerPort: 80, name: HTTP}]", "not a port name"),
    (", ports: [{containerPort: 80, name: '80'}]", "not a port name"),
    (", ports: [{containerPort: 80, name: a--b}]", "not a port name"),
    (", ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]", "two ports called a"),
    (", ports: [{containerPort: 80}, {containerPort: 80}]", "port 80 (TCP) twice"),
    (", ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]", ""),
    (", env: [{name: A, value: b}, {name: A, value: c}]", "the variable A twice"),
    (", env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: a}}}]", "a value and a valueFrom"),
    (", env: [{name: 'A=B', value: c}]", "not a variable name"),
    (", volumeMounts: [{name: a, mountPath: /a, subPath: ../b}]", "must stay within the volume"),
    (", volumeMounts: [{name: a, mountPath: '/a:b'}]", "has a colon"),
    (", livenessProbe: {periodSeconds: 5}", "no handler"),
    (", livenessProbe: {tcpSocket: {port: 80}, exec: {command: [a]}}", "tcpSocket and exec"),
    (", livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}", "must be 1"),
    (", readinessProbe: {tcpSocket: {port: 80}, successThreshold: 2}", ""),
    (", readinessProbe: {tcpSocket: {port: 80}, periodSeconds: -1}", "not 1 or more"),
    (", readinessProbe: {tcpSocket: {port: 0}}", "not 1 to 65535"),
    (", resources: {limits: {memory: 128m}}", "did you mean 128Mi?"),
    (", resources: {limits: {memory: 128Mi, cpu: 100m}}", ""),
    (", resources: {requests: {cpu: -1}}", "is -1"),
    (", securityContext: {privileged: true, allowPrivilegeEscalation: false}", "is privileged"),
]


@pytest.mark.parametrize(("more", "says"), PODS)
def test_containers(more: str, says: str) -> None:
    found = of_pod(more)
    assert any(says in one for one in found) if says else found == []


SPECS = [
    ("Deployment", "restartPolicy: Never, ", "only Always is allowed"),
    ("DaemonSet", "restartPolicy: Always, ", ""),
    ("Job", "", "OnFailure or Never"),
    ("Job", "restartPolicy: Never, ", ""),
    ("Pod", "dnsPolicy: None, ", "nameservers"),
    ("Pod", "volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}], ", "two volumes are called a"),
    ("Pod", "volumes: [{name: a, emptyDir: {}, secret: {secretName: b}}], ", "several types"),
    ("Pod", "tolerations: [{operator: Exists, value: a, key: b}], ", "cannot have a value"),
    ("Pod", "tolerations: [{value: a}], ", "needs the operator Exists"),
    ("Pod", "tolerations: [{operator: Exists}], ", ""),
    ("Pod", "initContainers: [{name: web, image: a}], ", "two containers are called web"),
    (
        "Pod",
        "initContainers: [{name: i, image: a, livenessProbe: {exec: {command: [a]}}}], ",
        "ends, but has a",
    ),
    (
        "Pod",
        "initContainers: [{name: i, image: a, restartPolicy: Always, livenessProbe: {grpc: {port: 80}}}], ",
        "",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "says"), SPECS)
def test_pods(kind: str, spec: str, says: str) -> None:
    found = of_pod("", spec, kind)
    assert any(says in one for one in found) if says else found == []


RBAC = "rbac.authorization.k8s.io/v1"
OTHERS = [
    ("Deployment", "apps/v1", "spec: {minReadySeconds: 600}", "must be more than"),
    ("Deployment", "apps/v1", "spec: {minReadySeconds: 60, progressDeadlineSeconds: 61}", ""),
    (
        "Rollout",
        "argoproj.io/v1alpha1",
        "spec: {minReadySeconds: 60, progressDeadlineSeconds: 60}",
        "must be more",
    ),
    (
        "Deployment",
        "apps/v1",
        "spec: {strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}}",
        "cannot have rollingUpdate",
    ),
    (
        "Deployment",
        "apps/v1",
        "spec: {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}}",
        "both 0",
    ),
    ("Deployment", "apps/v1", "spec: {strategy: {rollingUpdate: {maxSurge: 0}}}", ""),
    (
        "StatefulSet",
        "apps/v1",
        "spec: {volumeClaimTemplates: [{spec: {accessModes: [ReadWriteOnce]}}]}",
        "storage",
    ),
    ("Job", "batch/v1", "spec: {completionMode: Indexed}", "needs completions"),
    ("CronJob", "batch/v1", "spec: {timeZone: Mars/Base}", "no time zone"),
    ("CronJob", "batch/v1", "spec: {timeZone: Europe/Berlin}", ""),
    ("CronJob", "batch/v1", "spec: {timeZone: Local}", "no time zone"),
    ("ConfigMap", "v1", "data: {a b: c}", "is not a key"),
    ("ConfigMap", "v1", "data: {a.b-c_d: c}", ""),
    ("ConfigMap", "v1", "data: {a: b}\nbinaryData: {a: YQ==}", "in data and in binaryData"),
    ("ConfigMap", "v1", "binaryData: {a: '*'}", "not base64"),
    ("Secret", "v1", "data: {a: plain text}", "not base64"),
    ("Secret", "v1", "data: {a: YQ==}", ""),
    ("Secret", "v1", "type: kubernetes.io/tls\ndata: {tls.crt: YQ==}", "needs the key tls.key"),
    ("Secret", "v1", "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{}'}", ""),
    (
        "ClusterRoleBinding",
        RBAC,
        "roleRef: {kind: ClusterRole, name: a}\nsubjects: [{kind: ServiceAccount, name: a}]",
        "a namespace",
    ),
    (
        "RoleBinding",
        RBAC,
        "roleRef: {kind: Role, name: a}\nsubjects: [{kind: ServiceAccount, name: a}]",
        "",
    ),
    ("ClusterRoleBinding", RBAC, "roleRef: {kind: Role, name: a}", "not ClusterRole"),
    ("RoleBinding", RBAC, "roleRef: {kind: ClusterRole, name: a}\nsubjects: [{kind: Group, name: a}]", ""),
    ("RoleBinding", RBAC, "roleRef: {kind: Role, name: a}\nsubjects: [{kind: Team, name: a}]", "not Team"),
    ("Role", RBAC, "rules: [{apiGroups: [''], resources: [pods]}]", "needs verbs"),
    ("Role", RBAC, "rules: [{resources: [pods], verbs: [get]}]", "needs apiGroups"),
    ("Role", RBAC, "rules: [{nonResourceURLs: [/healthz], verbs: [get]}]", "cannot have nonResourceURLs"),
    ("ClusterRole", RBAC, "rules: [{nonResourceURLs: [/healthz], verbs: [get]}]", ""),
    ("PodDisruptionBudget", "policy/v1", "spec: {minAvailable: 1, maxUnavailable: 1}", "cannot be combined"),
    ("PersistentVolumeClaim", "v1", "spec: {resources: {requests: {storage: 1Gi}}}", "needs accessModes"),
    (
        "PersistentVolumeClaim",
        "v1",
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 0}}}",
        "not possible",
    ),
    (
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}",
        "not an address range",
    ),
    (
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "spec: {egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}",
        "not within",
    ),
    (
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
        "cannot be combined",
    ),
    (
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "spec: {ingress: [{ports: [{port: 90, endPort: 80}]}]}",
        "endPort",
    ),
    ("NetworkPolicy", "networking.k8s.io/v1", "spec: {ingress: [{ports: [{port: 80, endPort: 90}]}]}", ""),
    (
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "spec: {group: a.example.com, names: {plural: bs}, versions: [{name: v1, storage: true}]}",
        "must be bs.a.example.com",
    ),
]


@pytest.mark.parametrize(("kind", "api", "spec", "says"), OTHERS)
def test_other_kinds(kind: str, api: str, spec: str, says: str) -> None:
    found = told(kind, spec, api)
    assert any(says in one for one in found) if says else found == []


LABELS = [
    ("v1.2.3", ""),
    ("", ""),
    ("v1@sha256:ab", "not allowed there"),
    ("-a", "begin and end"),
    ("a" * 64, "64 characters"),
    ("${VERSION}", ""),
]


@pytest.mark.parametrize(("value", "says"), LABELS)
def test_values_of_labels_also_in_templates_and_selectors(value: str, says: str) -> None:
    """argo-helm#417"""
    for text in (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, labels: {{a: {value!r}}}}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
        f"spec: {{template: {{metadata: {{labels: {{a: {value!r}}}}}}}}}\n",
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{selector: {{a: {value!r}}}}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
        f"spec: {{selector: {{matchExpressions: [{{key: a, operator: In, values: [{value!r}]}}]}}}}\n",
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{nodeSelector: {{a: {value!r}}}}}\n",
    ):
        found = [one.message for one in ask(labels.check, text)]
        assert any(says in one for one in found) if says else found == [], text


SIZES = [
    ("", "syncOptions: []", ["GB129"]),
    ("", "syncOptions: [ServerSideApply=true]", []),
    (", annotations: {argocd.argoproj.io/sync-options: ServerSideApply=true}", "syncOptions: []", []),
    (", annotations: {argocd.argoproj.io/sync-options: 'Replace=true'}", "syncOptions: []", []),
    (
        ", annotations: {argocd.argoproj.io/sync-options: ServerSideApply=false}",
        "syncOptions: [ServerSideApply=true]",
        ["GB129"],
    ),
]


@pytest.mark.parametrize(("note", "options", "rules"), SIZES)
def test_client_side_apply_notes_all_of_it_in_an_annotation(
    note: str, options: str, rules: list[str]
) -> None:
    """argo-cd#820, #8128"""
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{note}}}\ndata: {{a: {'x' * 300_000}}}\n"
    application = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\n"
    )
    found = ask(labels.check, text, application + f"spec: {{syncPolicy: {{{options}}}}}\n")
    assert [one.rule.id for one in found] == rules


def test_schedule_with_a_misspelt_word_is_not_a_placeholder() -> None:
    text = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: SCHEDULE}\n"
    for schedule, rules in (
        ("'@dailyy'", ["GB361"]),
        ("'@daily'", []),
        ("'@every 5m'", []),
        ("'{{ .x }}'", []),
    ):
        assert [one.rule.id for one in ask(refused.check, text.replace("SCHEDULE", schedule))] == rules


def test_template_that_nothing_applies_is_left_alone() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: -b}}\ndata: {a b: c}\n"
    from bootstrap.resources.index import Index
    from bootstrap.validate.rule import ClusterContext
    from tests.validate.rules.world import resources

    index = Index(resources(text, "a.yaml", "", "shop"))
    context = ClusterContext(index, False)
    assert [*labels.check(index, context), *validation.check(index, context)] == []


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("{replicas: -1}", "spec.replicas is -1, not 0 or more"),
        ("{replicas: 0}", ""),
        ("{minReadySeconds: -1}", "not 0 or more"),
        ("{template: {spec: {terminationGracePeriodSeconds: -5}}}", ""),  # the API server takes 1 for it
        ("{template: {spec: {topologySpreadConstraints: [{maxSkew: 0}]}}}", "not 1 or more"),
        ("{template: {spec: {securityContext: {runAsUser: -1}}}}", "not 0 or more"),
        ("{template: {spec: {containers: [{securityContext: {procMount: Open}}]}}}", "allowed: Default"),
    ],
)
def test_numbers_are_in_their_range(spec: str, says: str) -> None:
    from bootstrap.validate.rules.api import schema as fields
    from tests.validate.rules.world import schema

    text = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {spec}\n"
    found = [one.message for one in ask(fields.check, text, schema=schema) if one.rule.id == "GB127"]
    assert any(says in one for one in found) if says else found == []


@pytest.mark.parametrize(
    ("selector", "containers", "says"),
    [
        ("{}", "[{name: a, image: 'a:1'}]", "its selector is empty"),
        ("{matchLabels: {}}", "[{name: a, image: 'a:1'}]", "its selector is empty"),
        ("{matchExpressions: [{key: a, operator: Exists}]}", "[{name: a, image: 'a:1'}]", ""),
        ("{matchLabels: {app: web}}", "[]", "its pods need a container"),
    ],
)
def test_workload_has_a_selector_and_a_container(selector: str, containers: str, says: str) -> None:
    template = f"{{metadata: {{labels: {{app: web}}}}, spec: {{containers: {containers}}}}}"
    for kind in ("Deployment", "DaemonSet"):
        found = told(kind, f"spec: {{selector: {selector}, template: {template}}}", "apps/v1")
        assert any(says in one for one in found) if says else found == []


def test_variable_without_a_name_ends_no_check() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
    pod += "spec: {containers: [{name: web, image: 'web:1', env: [{name: '', value: 'http://api:80'}]}]}\n"
    assert [one.rule.id for check in CHECKS for one in ask(check, pod) if one.rule.id.startswith("GB3")] == []


@pytest.mark.parametrize("field", ["type", "sessionAffinity"])
def test_empty_text_stands_for_the_default(field: str) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    service += f"spec: {{{field}: '', ports: [{{port: 80}}]}}\n"
    assert ask(schema.check, service, schema=builtin_kinds.load) == []
    assert ask(schema.check, service.replace("''", "No"), schema=builtin_kinds.load) != []
