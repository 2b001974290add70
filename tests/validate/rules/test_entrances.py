"""The ingress controller, or gateway, has to reach the pods behind a route."""

from __future__ import annotations

import pytest

from bootstrap.resources.entrances import known
from bootstrap.resources.index import APPLICATION, Index
from bootstrap.validate.rule import ClusterContext, Problem
from bootstrap.validate.rules import entrances
from tests.validate.rules.world import resources

IN_CLUSTER = "https://kubernetes.default.svc"

PLATFORM = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: edge, namespace: argocd}
spec:
  source: {repoURL: https://traefik.github.io/charts, chart: traefik, targetRevision: 1.0.0}
  destination: {server: https://kubernetes.default.svc, namespace: edge}
  syncPolicy: {managedNamespaceMetadata: {labels: {way: in}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shared, namespace: edge}
spec: {gatewayClassName: traefik, listeners: []}
"""
SHOP = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1, ports: [{containerPort: 8080}]}]}
"""
INGRESS = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: CLASS
  rules: [{http: {paths: [{path: /, backend: {service: {name: web, port: {name: http}}}}]}}]
"""
GATEWAY = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: own}
spec: {gatewayClassName: istio, listeners: []}
"""
ROUTE = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [PARENT], rules: [{backendRefs: [{name: web, port: 80}]}]}
"""
INGRESS_ROUTE = """\
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web}
spec: {routes: [{match: Host(`a.example.com`), services: [{name: web, port: 80}]}]}
"""
VIRTUAL = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [a.example.com]
  gateways: [istio-ingress/public]
  http: [{route: [{destination: {host: web, port: {number: 80}}}]}]
"""
NODE_PORT = """\
---
apiVersion: v1
kind: Service
metadata: {name: open}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
TRAEFIK = INGRESS.replace("CLASS", "traefik")
UNKNOWN = INGRESS.replace("CLASS", "alb")
SHARED = ROUTE.replace("PARENT", "{name: shared, namespace: edge}")
OWN = GATEWAY + ROUTE.replace("PARENT", "{name: own}")
OF_OWN = "podSelector: {matchLabels: {gateway.networking.k8s.io/gateway-name: own}}"


def policy(*rules: str) -> str:
    return (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\n"
        f"spec: {{podSelector: {{}}, policyTypes: [Ingress], ingress: [{', '.join(rules)}]}}\n"
    )


def mesh(source: str) -> str:
    return (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: web}\n"
        f"spec: {{rules: [{{from: [{{source: {source}}}]}}]}}\n"
    )


def admits(*peers: str, port: int = 8080) -> str:
    return policy(f"{{from: [{', '.join('{' + peer + '}' for peer in peers)}], ports: [{{port: {port}}}]}}")


def of_namespace(name: str) -> str:
    return f"namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}"


def find(text: str, more: str = "", opaque: tuple[str, ...] = ()) -> list[Problem]:
    """What is found in a shop with this route and these policies."""
    platform = resources(PLATFORM + more, "platform.yaml", "argocd/root")
    public = Index([item for item in platform if item.kind != APPLICATION])
    ways = known([item for item in platform if item.kind == APPLICATION], [], IN_CLUSTER)
    index = Index(resources(SHOP + text, "shop.yaml", "argocd/shop", "shop"), opaque, beyond=public)
    return list(entrances.check(index, ClusterContext(public, True, entrances=ways)))


CLOSED, INSIDE = policy(), admits("podSelector: {}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TRAEFIK + CLOSED, "controller in namespace edge"),
        (TRAEFIK + INSIDE, "admits none of them at port 8080"),
        (TRAEFIK + admits(of_namespace("ingress-nginx")), "Ingress shop/web"),
        (TRAEFIK + admits(of_namespace("edge"), port=80), "port 8080"),
        (UNKNOWN + INSIDE, "a controller outside the namespace"),
        (UNKNOWN + admits(of_namespace("shop")), "outside"),
        (UNKNOWN + admits("ipBlock: {cidr: 169.254.7.127/32}"), "outside"),
        (SHARED + INSIDE, "HTTPRoute shop/web"),
        (INGRESS_ROUTE + INSIDE, "IngressRoute shop/web"),
        (VIRTUAL + INSIDE, "VirtualService shop/web"),
        (NODE_PORT + INSIDE, "Service shop/open is open to callers from outside"),
        (OWN + admits(of_namespace("edge")), "gateway own-istio"),
        (OWN + admits("podSelector: {matchLabels: {app: api}}"), "gateway own-istio"),
        (TRAEFIK + mesh("{namespaces: [shop]}"), "refuses them at port 8080"),
        (OWN + mesh("{principals: [cluster.local/ns/shop/sa/default]}"), "refuses them"),
    ],
)
def test_policy_that_cuts_the_way_in_is_found(text: str, says: str) -> None:
    (found,) = find(text)
    assert found.rule is entrances.CUT
    assert says in found.message
    assert found.resource.short_kind.endswith("Policy")


@pytest.mark.parametrize(
    "text",
    [
        TRAEFIK,
        TRAEFIK + admits(of_namespace("edge")),
        TRAEFIK + admits("namespaceSelector: {}"),
        TRAEFIK + admits("namespaceSelector: {matchLabels: {way: in}}"),
        TRAEFIK + admits("namespaceSelector: {matchLabels: {set-by: hand}}"),
        TRAEFIK + admits(of_namespace("edge") + ", podSelector: {matchLabels: {of: chart}}"),
        TRAEFIK + admits(of_namespace("edge"), port=15008),
        TRAEFIK + admits("ipBlock: {cidr: 10.42.0.0/16}"),
        TRAEFIK + policy("{}"),
        UNKNOWN + admits(of_namespace("somewhere")),
        UNKNOWN + admits("namespaceSelector: {}"),
        SHARED + admits(of_namespace("edge")),
        OWN + INSIDE,
        OWN + admits(OF_OWN),
        INGRESS_ROUTE + admits(of_namespace("edge")),
        VIRTUAL + admits(of_namespace("istio-ingress")),
        NODE_PORT + policy("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}"),
        TRAEFIK + mesh("{namespaces: [edge]}"),
        TRAEFIK + mesh("{principals: [cluster.local/ns/edge/sa/anyone]}"),
        OWN + mesh("{principals: [cluster.local/ns/shop/sa/own-istio]}"),
        UNKNOWN + mesh("{namespaces: [somewhere]}"),
        INSIDE,  # nothing leads in from outside
        TRAEFIK + CLOSED + "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a}\n",
        TRAEFIK.replace("name: web, port", "name: gone, port") + CLOSED,
    ],
)
def test_policy_that_lets_the_way_in_pass_is_left_alone(text: str) -> None:
    assert [one.message for one in find(text)] == []


def test_namespace_that_is_not_all_in_git_is_left_alone() -> None:
    assert find(TRAEFIK + CLOSED, opaque=("shop",)) == []


def test_waypoint_is_between_the_way_in_and_the_pods() -> None:
    waypoint = GATEWAY.replace("own", "waypoint").replace("istio,", "istio-waypoint,")
    through = admits("podSelector: {matchLabels: {gateway.networking.k8s.io/gateway-name: waypoint}}")
    assert find(TRAEFIK + waypoint + through) == []
    assert find(TRAEFIK + through) != []


def test_class_is_known_by_what_it_calls_its_controller() -> None:
    text = INGRESS.replace("CLASS", "outer") + admits(of_namespace("elsewhere"))
    assert find(text) == []
    named = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: outer}\nspec: "
    assert find(text, f"{named}{{controller: traefik.io/ingress-controller}}\n") != []
    assert find(text, f"{named}{{controller: example.com/other}}\n") == []


def test_controllers_are_known_by_chart_folder_and_image() -> None:
    found = known(
        resources(PLATFORM, "platform.yaml", "argocd/root"),
        [("nginx", ["registry.k8s.io/ingress-nginx/controller"]), ("shop", ["library/nginx"])],
        IN_CLUSTER,
    )
    assert {name: sorted(places) for name, places in found.items()} == {
        "traefik": ["edge"],
        "ingress-nginx": ["nginx"],
    }
    assert known(resources(PLATFORM, "platform.yaml", ""), [], "https://other.example.com") == {}


def test_class_that_nearly_matches_that_of_a_controller_is_reported() -> None:
    context = ClusterContext(Index([], ("",)), True, entrances={"traefik": {"edge": {}}})
    assert context.lacks("IngressClass.networking.k8s.io", "treafik") == "warning"
    assert context.lacks("GatewayClass.gateway.networking.k8s.io", "treafik") == "warning"
    assert context.lacks("IngressClass.networking.k8s.io", "nginx") is None
    assert context.lacks("StorageClass.storage.k8s.io", "treafik") is None
