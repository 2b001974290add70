"""One table says what software brings; every part of the program that asks reads it there."""

from __future__ import annotations

from collections import Counter

import pytest

from bootstrap.resources.index import Index
from bootstrap.resources.products import BY_NAME, DEFINED_BY, ENTRANCES, EXPOSED_BY, KNOWN_CHARTS, PRODUCTS
from bootstrap.trace.platform import platform
from tests.catalog.infrastructure import applications
from tests.validate.rules.world import resources

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {ingressClassName: CLASS}
"""
CONTROLLER = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: edge, namespace: argocd}
spec:
  source: {repoURL: https://charts.example.com, chart: CHART, targetRevision: 1.0.0}
  destination: {server: https://kubernetes.default.svc, namespace: edge}
"""


def test_nothing_is_in_two_rows() -> None:
    for column in ("charts", "groups", "images", "controllers"):
        counted = Counter(word for product in PRODUCTS for word in getattr(product, column))
        assert {word for word, times in counted.items() if times > 1} == set(), column
    assert len(EXPOSED_BY) == len([product for product in PRODUCTS if product.metrics])
    assert len(BY_NAME) == len(PRODUCTS)


def test_every_chart_of_the_catalog_is_known() -> None:
    charts = {source["chart"] for item in applications() for source in item.elsewhere if "chart" in source}
    assert len(charts) > 15
    assert charts - KNOWN_CHARTS == set()


def test_definitions_come_from_charts_whose_kinds_are_known() -> None:
    assert {chart for charts in DEFINED_BY.values() for chart in charts} <= KNOWN_CHARTS


@pytest.mark.parametrize(
    ("chart", "class_name"),
    [(product.charts[0], name) for product in ENTRANCES.values() for name in product.classes],
)
def test_a_trace_names_the_controller_of_each_class(chart: str, class_name: str) -> None:
    edge = resources(CONTROLLER.replace("CHART", chart), "edge.yaml", "argocd/root")
    (route,) = resources(INGRESS.replace("CLASS", class_name), "web.yaml", "argocd/shop", "shop")
    served = platform(Index(edge, applications={"argocd/edge": edge[0]})).served_by(Index([route]), route)
    assert served == [f"served by class {class_name} (Application argocd/edge)"]


def test_a_trace_does_not_guess_the_controller_of_a_class() -> None:
    edge = resources(CONTROLLER.replace("CHART", "traefik"), "edge.yaml", "argocd/root")
    (route,) = resources(INGRESS.replace("CLASS", "haproxy"), "web.yaml", "argocd/shop", "shop")
    applied = Index(edge, applications={"argocd/edge": edge[0]})
    (served,) = platform(applied).served_by(Index([route]), route)
    assert served == "served by class haproxy, whose controller is not in Git"
