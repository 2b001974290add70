"""Who may talk to whom in the voting app: the one declared graph, and who the callers are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

APP = "voting-app-dev"
COMPONENT = "app.kubernetes.io/component"
GATEWAY = "gateway.networking.k8s.io/gateway-name"
SIDECAR = {"security.istio.io/tlsMode": "istio"}
"""What the mesh's injector puts on a pod."""
TUNNEL = 15008


@dataclass(frozen=True)
class Peer:
    """Somebody who calls or is called: a pod (namespace, labels, account) or an address outside."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    address: str = ""

    def with_labels(self, labels: Mapping[str, str]) -> Peer:
        """The same pod with more labels."""
        return Peer(self.namespace, {**self.labels, **labels}, self.account, self.address)


def _own(component: str, account: str = "") -> Peer:
    return Peer(APP, {COMPONENT: component}, account or component)


PODS = {name: _own(name) for name in ("vote", "result", "worker", "redis", "db")}
PODS["backup"] = _own("backup", "db-backup")
PROXIES = {
    "gateway": Peer(APP, {GATEWAY: "voting-app"}, "voting-app-istio"),
    "waypoint": Peer(APP, {GATEWAY: "waypoint"}, "waypoint"),
}
OTHERS = {
    "traefik": Peer("traefik", {}, "traefik"),
    "ingress-nginx": Peer("ingress-nginx", {}, "ingress-nginx"),
    "istio-ingress": Peer("istio-ingress", {}, "istio-ingress"),
    "prometheus": Peer("monitoring", {}, "prometheus"),
    "dns": Peer("kube-system", {"k8s-app": "kube-dns"}, "coredns"),
    "istiod": Peer("istio-system", {"app": "istiod"}, "istiod"),
    "traces": Peer("tracing", {}, "collector"),
    "outside": Peer(address="203.0.113.7"),
    "kubelet": Peer(address="169.254.7.127"),
    "stranger": Peer(APP, {}, "default"),
    "impostor": Peer("elsewhere", {COMPONENT: "worker"}, "worker"),
}
PEERS = {**PODS, **PROXIES, **OTHERS}

WAYS_IN = ("traefik", "ingress-nginx", "istio-ingress", "gateway")
Edge = tuple[str, str, int]

APP_EDGES: frozenset[Edge] = frozenset(
    {(way, page, 80) for way in WAYS_IN for page in ("vote", "result")}
    | {
        ("vote", "redis", 6379),
        ("worker", "redis", 6379),
        ("worker", "db", 5432),
        ("result", "db", 5432),
        ("backup", "db", 5432),
    }
)
"""What the app is for."""
SCRAPES: frozenset[Edge] = frozenset({("prometheus", "redis", 9121), ("prometheus", "db", 9187)})
LOOKUPS: frozenset[Edge] = frozenset((name, "dns", 53) for name in ("vote", "result", "worker", "backup"))
PROBES: frozenset[Edge] = frozenset({("kubelet", "vote", 80), ("kubelet", "result", 80)})
"""As the ambient mesh passes them on; elsewhere a node's own kubelet needs no policy."""
GRAPH = APP_EDGES | SCRAPES | LOOKUPS | PROBES
"""All of it, without a mesh and with nothing but a way in."""

PORTS = (22, 53, 80, 443, 4317, 5432, 6379, 8080, 9121, 9187, 15012, 15020, 15021, TUNNEL)


def of_mesh(names: tuple[str, ...]) -> frozenset[Edge]:
    """What a pod with a proxy of the mesh needs besides the app's own edges."""
    return frozenset(
        edge
        for name in names
        for edge in (
            (name, "istiod", 15012),
            (name, "traces", 4317),
            (name, "dns", 53),
            ("prometheus", name, 15020),
        )
    )
