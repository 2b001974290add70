"""What well-known software adds to a cluster: its charts, kinds, metrics and entrances, in one table.

A chart may be unread (fetching charts is an option), and a class or a metric in Git is only a name: this
table says what it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One row; empty fields are what it does not have.

    `charts` install it, `definitions` are charts with only its CustomResourceDefinitions, `groups` are the
    API groups of these. `serves` is its role in the platform: dns, logs, traces or metrics.
    `metrics` are the prefixes of its metrics; an image, chart or name of their exporter has one of
    the words in `exposed_by` (by default, its name).
    Requests enter through its pods: `images` are theirs, `classes` the usual names of its classes (of
    Ingresses and Gateways), `inner` of those whose Gateways are between workloads; a class names one of
    `controllers`.
    `known`: its charts define no other kinds, and create ClusterIssuers only by their values.
    """

    name: str
    charts: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    serves: str = ""
    metrics: str = ""
    exposed_by: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ()
    known: bool = True

    @property
    def part(self) -> str:
        """Its name as a part of the platform."""
        return self.serves or self.name


def _row(name: str, charts: str = "", *, known: bool = True, **columns: str) -> Product:
    """A Product from columns whose words are separated by spaces, to keep a row short."""
    words = {
        key: text if key in ("serves", "metrics") else tuple(text.split()) for key, text in columns.items()
    }
    return Product(name, tuple(charts.split()), known=known, **words)  # type: ignore[arg-type]


PRODUCTS = (
    # Entrances.
    _row(
        "traefik",
        "traefik",
        definitions="traefik-crds",
        groups="traefik.io",
        metrics="traefik_",
        images="traefik",
        classes="traefik",
        controllers="traefik.io/",
    ),
    _row(
        "ingress-nginx",
        "ingress-nginx",
        metrics="nginx_ingress_controller_",
        images="ingress-nginx/controller",
        classes="nginx",
        controllers="k8s.io/ingress-nginx",
    ),
    _row(
        "nginx-ingress",
        "nginx-ingress",
        images="nginx/nginx-ingress",
        classes="nginx",
        controllers="nginx.org/",
        known=False,
    ),
    _row(
        "haproxy",
        "haproxy-ingress kubernetes-ingress",
        metrics="haproxy_",
        images="haproxytech/kubernetes-ingress jcmoraisjr/haproxy-ingress",
        classes="haproxy",
        controllers="haproxy.org/ haproxy-ingress.github.io/",
        known=False,
    ),
    _row(
        "contour",
        "contour",
        images="projectcontour/contour",
        classes="contour",
        controllers="projectcontour.io/",
        known=False,
    ),
    _row(
        "istio",
        "gateway istio-ingress istio-gateway istio-ingressgateway",
        metrics="istio_",
        classes="istio",
        inner="istio-waypoint",
        controllers="istio.io/",
    ),
    # The rest of the mesh and the network.
    _row("istiod", "istiod", serves="istio"),
    _row("istio-base", "base", groups="networking.istio.io security.istio.io telemetry.istio.io"),
    _row("istio-nodes", "cni ztunnel"),
    _row("cilium", "cilium"),
    _row("metallb", "metallb", groups="metallb.io"),
    _row("external-dns", "external-dns", serves="dns"),
    # Certificates and Secrets.
    _row(
        "cert-manager", "cert-manager", groups="cert-manager.io acme.cert-manager.io", metrics="certmanager_"
    ),
    _row("sealed-secrets", "sealed-secrets", groups="bitnami.com"),
    _row("external-secrets", "external-secrets", groups="external-secrets.io"),
    # Delivery and scaling.
    _row("argocd", "argo-cd", metrics="argocd_"),
    _row("argo-rollouts", "argo-rollouts", metrics="rollout_"),
    _row("keda", "keda", groups="keda.sh", metrics="keda_"),
    _row("metrics-server", "metrics-server"),
    _row("velero", metrics="velero_"),
    # Metrics.
    _row(
        "kube-prometheus-stack",
        "kube-prometheus-stack",
        definitions="prometheus-operator-crds",
        groups="monitoring.coreos.com",
        serves="metrics",
        metrics="kube_",
        exposed_by="kube-state-metrics kube-prometheus-stack",
    ),
    _row(
        "node-exporter",
        metrics="node_",
        exposed_by="node-exporter node_exporter kube-prometheus-stack",
    ),
    _row("prometheus", "prometheus", serves="metrics", known=False),
    _row("blackbox", metrics="probe_"),
    # Logs.
    _row("alloy", "alloy k8s-monitoring", serves="logs"),
    _row("promtail", "promtail", serves="logs"),
    _row("fluent-bit", "fluent-bit fluent-bit-collector", serves="logs"),
    _row("fluentd", "fluentd", serves="logs", known=False),
    _row("eck-stack", "eck-stack", serves="logs"),
    _row("eck-operator", "eck-operator"),
    _row(
        "elasticsearch",
        metrics="elasticsearch_",
        exposed_by="elasticsearch-exporter elasticsearch_exporter",
    ),
    _row("loki", "loki", metrics="loki_"),
    # Traces.
    _row("tempo", "tempo", serves="traces"),
    _row("tempo-distributed", "tempo-distributed", serves="traces", known=False),
    _row("jaeger", "jaeger", serves="traces"),
    _row("zipkin", "zipkin", serves="traces"),
    _row("opentelemetry-collector", "opentelemetry-collector", serves="traces"),
    _row("opentelemetry-operator", "opentelemetry-operator", groups="opentelemetry.io"),
    # Stores.
    _row("cloudnative-pg", "cloudnative-pg", groups="postgresql.cnpg.io", metrics="cnpg_"),
    _row(
        "postgres",
        metrics="pg_",
        exposed_by="postgres-exporter postgres_exporter cloudnative-pg bitnami",
    ),
    _row("redis", metrics="redis_", exposed_by="redis_exporter redis-exporter valkey bitnami"),
    _row("mysql", metrics="mysql_", exposed_by="mysqld-exporter mysqld_exporter"),
    _row("memcached", metrics="memcached_", exposed_by="memcached-exporter memcached_exporter"),
    _row("mongodb", metrics="mongodb_"),
    _row("rabbitmq", metrics="rabbitmq_"),
    _row("kafka", metrics="kafka_"),
    _row("nats", metrics="nats_"),
)

BY_NAME: Mapping[str, Product] = {product.name: product for product in PRODUCTS}

ENTRANCES: Mapping[str, Product] = {product.name: product for product in PRODUCTS if product.controllers}
"""Those through whose pods requests enter a cluster."""

DEFINED_BY: Mapping[str, tuple[str, ...]] = {
    group: product.charts + product.definitions for product in PRODUCTS for group in product.groups
}
"""API group → charts with its definitions, for charts that are not rendered."""

EXPOSED_BY: Mapping[str, tuple[str, ...]] = {
    product.metrics: product.exposed_by or (product.name,) for product in PRODUCTS if product.metrics
}
"""The prefix of a metric's name → words, one of which is in an image, chart or name of its exporter."""

GROUPS_OF: Mapping[str, tuple[str, ...]] = {
    chart: product.groups
    for product in PRODUCTS
    for chart in (product.definitions or product.charts)
    if product.groups
}
"""Chart → API groups of the CRDs that it brings."""

KNOWN_CHARTS = frozenset(
    chart for product in PRODUCTS if product.known for chart in product.charts + product.definitions
)
"""Charts that define only the kinds of this table, and create ClusterIssuers only by their values."""
