"""What decides about pods from outside of them: Pod Security levels, the mesh's mTLS, who scrapes, pools."""

from __future__ import annotations

import pytest

from bootstrap.validate.rules import load_balancing, mesh_entry, mesh_strict, rollouts, scraping, volumes
from bootstrap.validate.rules.api import ingress_rules, pod_security
from tests.validate.rules.asking import ask

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {metadata: {labels: {app: web}}, spec: {SPEC containers: [{name: web, image: web MORE}]}}}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {LABELS}}\n"
SAFE = (
    ", securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, "
)
SAFE += "seccompProfile: {type: RuntimeDefault}}"
LEVELS = [
    ("baseline", "", "", ""),
    ("baseline", "hostNetwork: true,", "", "hostNetwork"),
    ("baseline", "volumes: [{name: a, hostPath: {path: /}}],", "", "is a hostPath"),
    (
        "baseline",
        "securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]},",
        "",
        "sysctl kernel.msgmax",
    ),
    ("baseline", "securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: '1'}]},", "", ""),
    ("baseline", "securityContext: {seccompProfile: {type: Unconfined}},", "", "Unconfined"),
    ("baseline", "", ", securityContext: {privileged: true}", "is privileged"),
    ("baseline", "", ", securityContext: {capabilities: {add: [SYS_ADMIN]}}", "adds SYS_ADMIN"),
    ("baseline", "", ", securityContext: {capabilities: {add: [CHOWN]}}", ""),
    ("baseline", "", ", securityContext: {procMount: Unmasked}", "procMount"),
    ("baseline", "", ", ports: [{containerPort: 1, hostPort: 1}]", "node's port 1"),
    ("restricted", "", SAFE, ""),
    (
        "restricted",
        "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},",
        ", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}",
        "",
    ),
    ("restricted", "", "", "does not set runAsNonRoot: true"),
    ("restricted", "volumes: [{name: a, nfs: {server: a, path: /}}],", SAFE, "of the kind nfs"),
    ("restricted", "", SAFE.replace("drop: [ALL]", "drop: [ALL], add: [CHOWN]"), "adds CHOWN"),
    ("restricted", "", SAFE.replace("drop: [ALL]", "drop: [ALL], add: [NET_BIND_SERVICE]"), ""),
    (
        "restricted",
        "",
        SAFE.replace("runAsNonRoot: true", "runAsNonRoot: true, runAsUser: 0"),
        "runs as user 0",
    ),
    ("privileged", "hostNetwork: true,", "", ""),
]


@pytest.mark.parametrize(("level", "spec", "more", "says"), LEVELS)
def test_pods_are_of_the_level_of_their_namespace(level: str, spec: str, more: str, says: str) -> None:
    """argocd-operator#1492; the levels as Kubernetes documents them."""
    text = POD.replace("SPEC", spec).replace("MORE", more)
    labels = f"pod-security.kubernetes.io/enforce: {level}"
    found = [one.message for one in ask(pod_security.check, text, NAMESPACE.replace("LABELS", labels))]
    assert any(says in one for one in found) if says else found == []
    assert ask(pod_security.check, text, NAMESPACE.replace("LABELS", labels.replace("enforce", "warn"))) == []


def test_level_may_come_with_the_application_that_makes_the_namespace() -> None:
    application = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\n"
        "spec: {destination: {namespace: shop}, syncPolicy: {managedNamespaceMetadata: "
        "{labels: {pod-security.kubernetes.io/enforce: restricted}}}}\n"
    )
    assert len(ask(pod_security.check, POD.replace("SPEC", "").replace("MORE", ""), application)) == 1


ROUTED = (
    POD.replace("SPEC", "").replace("MORE", ", ports: [{containerPort: 80}]")
    + """\
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {TYPE selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all}
spec: MTLS
"""
)
STRICT = "{mtls: {mode: STRICT}}"
INJECTED = "istio-injection: enabled"
OUTSIDE = {"entrances": {"ingress-nginx": {"nginx": {}}}}


@pytest.mark.parametrize(
    ("mtls", "labels", "entrances", "count"),
    [
        (STRICT, INJECTED, {"ingress-nginx": {"nginx": {}}}, 1),
        (STRICT, INJECTED, {"ingress-nginx": {"nginx": {"istio-injection": "enabled"}}}, 0),
        (STRICT, INJECTED, {"ingress-nginx": {"nginx": {"sidecar.istio.io/inject": ""}}}, 0),  # by its values
        (STRICT, INJECTED, {}, 0),  # who brings the requests is not known
        (STRICT, "a: b", {"ingress-nginx": {"nginx": {}}}, 0),
        (STRICT, "istio.io/dataplane-mode: ambient", {"ingress-nginx": {"nginx": {}}}, 1),
        ("{mtls: {mode: PERMISSIVE}}", INJECTED, {"ingress-nginx": {"nginx": {}}}, 0),
        (
            "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}",
            INJECTED,
            {"ingress-nginx": {"nginx": {}}},
            1,
        ),
        (
            "{selector: {matchLabels: {app: db}}, mtls: {mode: STRICT}}",
            INJECTED,
            {"ingress-nginx": {"nginx": {}}},
            0,
        ),
        (
            "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, "
            "portLevelMtls: {80: {mode: DISABLE}}}",
            INJECTED,
            {"ingress-nginx": {"nginx": {}}},
            0,
        ),
    ],
)
def test_plain_callers_of_strict_pods(mtls: str, labels: str, entrances: object, count: int) -> None:
    """istio#43056, #18176, #51482"""
    text = ROUTED.replace("MTLS", mtls).replace("TYPE ", "")
    found = ask(mesh_strict.check, text, NAMESPACE.replace("LABELS", labels), entrances=entrances)
    assert [one.rule.id for one in found] == ["GB373"] * count


def test_strict_for_the_whole_mesh_and_the_exception_of_a_namespace() -> None:
    mesh = "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
    mesh += "metadata: {name: all, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}\n"
    public = NAMESPACE.replace("LABELS", INJECTED) + mesh
    for mtls, count in (("{mtls: {mode: UNSET}}", 1), ("{mtls: {mode: PERMISSIVE}}", 0)):
        text = ROUTED.replace("MTLS", mtls).replace("TYPE ", "")
        assert len(ask(mesh_strict.check, text, public, **OUTSIDE)) == count


def test_service_that_is_open_to_outside_and_a_workload_outside_of_the_mesh_are_callers_too() -> None:
    public = NAMESPACE.replace("LABELS", INJECTED)
    text = ROUTED.replace("MTLS", STRICT)
    (problem,) = ask(mesh_strict.check, text.replace("TYPE", "type: LoadBalancer,"), public)
    assert "callers from outside" in problem.message
    caller = (
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: job, labels: {sidecar.istio.io/inject: 'false'}}\n"
        "spec: {containers: [{name: a, image: a, env: [{name: URL, value: 'http://web:80'}]}]}\n"
    )
    (problem,) = ask(mesh_strict.check, text.replace("TYPE ", "") + caller, public)
    assert "Pod shop/job talks to web" in problem.message


PROMETHEUS = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main, namespace: PLACE}
spec: SPEC
"""
MONITOR = "apiVersion: monitoring.coreos.com/v1\nkind: KIND\nmetadata: {name: web, labels: {team: a}}\n"


@pytest.mark.parametrize(
    ("place", "spec", "count"),
    [
        ("shop", "{serviceMonitorSelector: {}}", 0),
        ("shop", "{serviceMonitorSelector: {matchLabels: {team: a}}}", 0),
        ("shop", "{serviceMonitorSelector: {matchLabels: {team: b}}}", 1),
        ("shop", "{serviceMonitorSelector: {matchExpressions: [{key: team, operator: In, values: [b]}]}}", 1),
        ("shop", "{}", 1),
        ("other", "{serviceMonitorSelector: {}}", 1),
        ("other", "{serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {}}", 0),
        ("other", "{serviceMonitorSelector: {}, serviceMonitorNamespaceSelector: {matchLabels: {a: b}}}", 0),
    ],
)
def test_monitors_are_taken_by_some_prometheus(place: str, spec: str, count: int) -> None:
    """prometheus-operator#5917; a namespace that is not in Git may have any label."""
    public = PROMETHEUS.replace("PLACE", place).replace("SPEC", spec)
    monitor = MONITOR.replace("KIND", "ServiceMonitor")
    assert len(ask(scraping.check, monitor, public)) == count
    assert ask(scraping.check, monitor, public, homes={"kube-prometheus-stack": frozenset({"a"})}) == []
    assert ask(scraping.check, monitor) == []  # no Prometheus in Git at all


def test_rules_and_pod_monitors_have_selectors_of_their_own() -> None:
    public = PROMETHEUS.replace("PLACE", "shop").replace(
        "SPEC", "{serviceMonitorSelector: {}, ruleSelector: {}}"
    )
    assert ask(scraping.check, MONITOR.replace("KIND", "PrometheusRule"), public) == []
    assert len(ask(scraping.check, MONITOR.replace("KIND", "PodMonitor"), public)) == 1


POOL = (
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, labels: {a: b}}\nspec: {}\n"
)


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("{}", 0),
        ("{ipAddressPools: [lan]}", 0),
        ("{ipAddressPools: [wan]}", 1),
        ("{ipAddressPoolSelectors: [{matchLabels: {a: b}}]}", 0),
        ("{ipAddressPoolSelectors: [{matchLabels: {a: c}}]}", 1),
    ],
)
def test_pools_are_announced(spec: str, count: int) -> None:
    """metallb#1561"""
    for kind in ("L2Advertisement", "BGPAdvertisement"):
        text = (
            f"{POOL}---\napiVersion: metallb.io/v1beta1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
        )
        assert len(ask(load_balancing.check, text)) == count
    own = {"metallb": frozenset({"shop"})}
    assert len(ask(load_balancing.check, POOL, opaque=("shop",), homes=own)) == 1  # its chart makes none
    assert ask(load_balancing.check, POOL, opaque=("shop",), homes={**own, "x": frozenset({"shop"})}) == []


CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {SPEC}\n"
VOLUME = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {SPEC}\n"
DEFAULT = "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast, annotations: "
DEFAULT += "{storageclass.kubernetes.io/is-default-class: 'true'}}\n"
SIZE = "resources: {requests: {storage: 2Gi}}"


@pytest.mark.parametrize(
    ("claim", "volume", "says"),
    [
        ("volumeName: v", "storageClassName: ''", "the default class, fast"),
        ("volumeName: v, storageClassName: ''", "storageClassName: ''", ""),
        ("volumeName: v, storageClassName: ''", "capacity: {storage: 1Gi}", ""),
        ("volumeName: v, storageClassName: slow", "storageClassName: fast", "has class fast"),
        ("volumeName: v", "storageClassName: fast", ""),
        ("storageClassName: x", "storageClassName: y, claimRef: {namespace: shop, name: a}", "has class y"),
        (
            "volumeName: v, storageClassName: ''",
            "claimRef: {namespace: other, name: a}",
            "reserved for other/a",
        ),
        (
            "volumeName: v, storageClassName: '', accessModes: [ReadWriteMany]",
            "accessModes: [ReadWriteOnce]",
            "offer",
        ),
        (f"volumeName: v, storageClassName: '', {SIZE}", "capacity: {storage: 1Gi}", "more than"),
        (f"volumeName: v, storageClassName: '', {SIZE}", "capacity: {storage: 2048Mi}", ""),
        ("volumeName: gone, storageClassName: ''", "storageClassName: ''", "which does not exist"),
    ],
)
def test_claim_fits_the_volume_that_is_kept_for_it(claim: str, volume: str, says: str) -> None:
    """mountpoint-s3-csi-driver#182"""
    public = VOLUME.replace("SPEC", volume) + DEFAULT
    found = [one.message for one in ask(volumes.check, CLAIM.replace("SPEC", claim), public)]
    assert any(says in one for one in found) if says else found == []


def test_default_class_that_git_does_not_tell_proves_nothing() -> None:
    assert (
        ask(volumes.check, CLAIM.replace("SPEC", "volumeName: v"), VOLUME.replace("SPEC", "capacity: {}"))
        == []
    )


GATEWAY = (
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {SELECTOR servers: "
)
GATEWAY += "[{hosts: [HOST]}]}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
GATEWAY += "metadata: {name: web}\nspec: {hosts: [NAME], gateways: [edge]}\n"


@pytest.mark.parametrize(
    ("host", "name", "count"),
    [
        ("'*'", "a.example.com", 0),
        ("'*.example.com'", "a.example.com", 0),
        ("'*.example.com'", "'*.b.example.com'", 0),
        ("a.example.com", "'*.example.com'", 0),
        ("'*.example.com'", "a.example.org", 1),
        ("'./*.example.com'", "a.example.com", 0),
        ("other/*.example.com", "a.example.com", 1),
        ("'*/*.example.com'", "a.example.com", 0),
        ("'*.example.com'", "web.shop.svc.cluster.local", 0),
    ],
)
def test_gateway_listens_for_the_hosts(host: str, name: str, count: int) -> None:
    """external-dns#1358"""
    text = GATEWAY.replace("HOST", host).replace("NAME", name).replace("SELECTOR ", "")
    assert [one.rule.id for one in ask(mesh_entry.check, text)] == ["GB374"] * count


@pytest.mark.parametrize(
    ("gateways", "images", "count"),
    [
        ([{"istio": "ingressgateway"}], (), 0),
        ([{"istio": "gateway"}], (), 1),
        (None, (), 0),
        ([], (), 0),
        ([{"istio": "gateway"}], ("docker.io/istio/proxyv2",), 0),
    ],
)
def test_gateway_has_pods(gateways: object, images: tuple[str, ...], count: int) -> None:
    """istio#7018"""
    text = (
        GATEWAY.replace("HOST", "'*'")
        .replace("NAME", "a.b")
        .replace("SELECTOR", "selector: {istio: ingressgateway},")
    )
    found = ask(mesh_entry.check, text, gateways=gateways, images=frozenset(images))
    assert [one.rule.id for one in found] == ["GB375"] * count


@pytest.mark.parametrize(
    ("images", "count"),
    [(["web:1"], 0), (["istio/proxyv2:1", "web:1"], 0), (["istio/proxyv2:1"], 1), (["auto"], 1)],
)
def test_gateways_pods_are_known_only_where_git_has_some(images: list[str], count: int) -> None:
    text = (
        GATEWAY.replace("HOST", "'*'").replace("NAME", "a.b").replace("SELECTOR", "selector: {istio: edge},")
    )
    listed = ", ".join(f"{{name: c{number}, image: '{one}'}}" for number, one in enumerate(images))
    text += "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    text += f"spec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{listed}]}}}}}}\n"
    found = ask(mesh_entry.check, text, gateways=[])
    assert [one.rule.id for one in found] == ["GB375"] * count


def test_pods_with_the_label_of_a_gateway_are_one_whatever_their_image() -> None:
    text = (
        GATEWAY.replace("HOST", "'*'").replace("NAME", "a.b").replace("SELECTOR", "selector: {istio: edge},")
    )
    text += "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gateway}\n"
    text += "spec: {template: {metadata: {labels: {istio: gate}}, spec: {containers: [{image: 'web:1'}]}}}\n"
    (found,) = ask(mesh_entry.check, text, gateways=[])
    assert found.message.endswith("the gateway's pods have istio=gate")


STEPS = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {strategy: {STRATEGY}}\n"
)


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("canary: {steps: [{setWeight: 20}]}", ""),
        ("canary: {steps: [{setWeight: 120}]}", "not 0 to 100"),
        ("canary: {steps: [{setCanaryScale: {replicas: 1}}]}", "nothing routes its traffic"),
        ("canary: {steps: [{setHeaderRoute: {name: a}}]}", "nothing routes its traffic"),
        ("canary: {trafficRouting: {istio: {}}, steps: [{setHeaderRoute: {name: a}}]}", "not a managed one"),
        ("canary: {canaryService: a, stableService: a}", "one Service, a"),
        ("canary: {trafficRouting: {nginx: {stableIngress: a}}}", "without canaryService and stableService"),
        ("blueGreen: {activeService: a}", ""),
        ("blueGreen: {activeService: a, previewService: a}", "for active and preview"),
        ("blueGreen: {}, canary: {}", "two strategies"),
    ],
)
def test_strategies_hold_together(strategy: str, says: str) -> None:
    """Kubernetes-Manifests#416"""
    found = [one.message for one in ask(rollouts.check, STEPS.replace("STRATEGY", strategy))]
    assert any(says in one for one in found) if says else found == []


def test_host_of_an_ingress_has_paths_or_a_default_backend() -> None:
    """microk8s#2331"""
    text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n"
    text += "spec: {SPEC rules: [{host: a}]}\n"
    assert len(ask(ingress_rules.check, text.replace("SPEC ", ""))) == 1
    assert ask(ingress_rules.check, text.replace("SPEC", "defaultBackend: {service: {name: a}},")) == []
