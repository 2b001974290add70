"""Where charts are applied to, and which labels Istio's gateways get from theirs."""

from __future__ import annotations

import pytest

from bootstrap.resources.homes import gateway_labels, homes
from bootstrap.resources.index import IN_CLUSTER
from tests.validate.rules.world import resources

TEXT = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: istio-edge, namespace: argocd}
spec:
  source: {repoURL: https://charts.example.com, chart: gateway, targetRevision: 1.0.0 HELM}
  destination: {namespace: edge, server: https://kubernetes.default.svc}
"""


def test_charts_and_images_of_controllers_have_their_namespaces() -> None:
    applications = resources(TEXT.replace(" HELM", ""), "a.yaml", "")
    built = [("certificates", ["quay.io/jetstack/cert-manager-controller"]), ("web", ["nginx"])]
    assert homes(applications, built, IN_CLUSTER) == {
        "gateway": frozenset({"edge"}),
        "cert-manager": frozenset({"certificates"}),
    }
    assert homes(applications, [], "https://other.example.com") == {}


@pytest.mark.parametrize(
    ("helm", "labels"),
    [
        ("", {"app": "istio-edge", "istio": "edge"}),
        (", helm: {releaseName: public}", {"app": "public", "istio": "public"}),
        (", helm: {valuesObject: {name: own}}", {"app": "own", "istio": "own"}),
        (", helm: {valuesObject: {labels: {istio: ingress}}}", {"app": "istio-edge", "istio": "ingress"}),
        (", helm: {valueFiles: [values.yaml]}", None),
        (", helm: {values: 'labels: {}'}", None),
    ],
)
def test_gateway_is_called_after_its_release(helm: str, labels: dict[str, str] | None) -> None:
    found = gateway_labels(resources(TEXT.replace(" HELM", helm), "a.yaml", ""), IN_CLUSTER)
    assert found == ([labels] if labels is not None else None)
