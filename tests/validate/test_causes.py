"""For what cannot be read, the cause is reported and nothing that follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, SHOP, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")

BAD = "a:\n\t- b\n"
CLUSTER = "clusters/one/kustomization.yaml"
APPLICATION = "apps/shop/applications/dev/application.yaml"
BASE = "apps/shop/base/kustomization.yaml"
PATCHED = (
    OURS[BASE]
    + "patches:\n  - target: {kind: Deployment}\n    patch: '[{op: remove, path: /spec/nothing}]'\n"
)
RULES = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web, namespace: shop-dev}
spec: {groups: [{name: web, rules: [{alert: Down, expr: redis_up == 0}]}]}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: prometheusrules.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: PrometheusRule, plural: prometheusrules}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
PROJECT = OURS["clusters/one/project.yaml"].replace('{group: "", kind: Namespace}', "{group: '*', kind: '*'}")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {MODE: fast}\n"
PLAIN = SHOP.replace("metadata:\n  name: web\n", "metadata:\n  name: web\n  namespace: shop\n").replace(
    "image: registry.example.com/web", "image: registry.example.com/web:1"
)
NO_NAMESPACE = OURS[APPLICATION].replace("[CreateNamespace=true]", "[]")


def found(run: Run, root: Path) -> set[tuple[str, str]]:
    result = run("validate", str(root), "--fail-on", "info", "-o", "json")
    return {(one["rule"], one["file"]) for one in json.loads(result.out)["findings"]}


CASES: Mapping[str, tuple[Mapping[str, str | None], Mapping[str, str], set[tuple[str, str]]]] = {
    "the namespace's file": (
        {
            CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - ../../spaces"),
            "spaces/kustomization.yaml": "resources: [shop.yaml]\n",
            "spaces/shop.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop-dev}\n",
            APPLICATION: NO_NAMESPACE,
        },
        {"spaces/shop.yaml": BAD},
        {("GB101", "spaces/shop.yaml")},
    ),
    "the namespace's Application": (
        {
            CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - spaces.yaml"),
            "clusters/one/spaces.yaml": application("spaces", "spaces", "argocd", -10),
            "spaces/shop.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop-dev}\n",
            APPLICATION: NO_NAMESPACE,
        },
        {"spaces/shop.yaml": "apiVersion: v1\nkind: Namespace\nkind: Namespace\nmetadata: [\n"},
        {("GB101", "spaces/shop.yaml")},
    ),
    "the cluster's kustomization": ({}, {CLUSTER: OURS[CLUSTER] + "\t- x\n"}, {("GB101", CLUSTER)}),
    "a file of the base": ({}, {"apps/shop/base/shop.yaml": BAD}, {("GB101", "apps/shop/base/shop.yaml")}),
    "a key that is there twice": ({}, {BASE: OURS[BASE] + "resources: []\n"}, {("GB102", BASE)}),
    "a kustomization": ({}, {BASE: OURS[BASE] + "\t- x\n"}, {("GB101", BASE)}),
    "a base that cannot be built": ({}, {BASE: PATCHED}, {("GB105", BASE)}),
    "what exports a metric": (
        {
            CLUSTER: OURS[CLUSTER].replace(
                "project.yaml", "project.yaml\n  - rules.yaml\n  - crd.yaml\n  - exporter.yaml"
            ),
            "clusters/one/rules.yaml": RULES,
            "clusters/one/crd.yaml": DEFINITION,
            "clusters/one/project.yaml": PROJECT,
            "clusters/one/exporter.yaml": application("redis-exporter", "exporter", "shop-dev"),
            "exporter/redis.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: redis-exporter}\n"
            "spec: {type: ExternalName, externalName: x.example.com}\n",
        },
        {"exporter/redis.yaml": BAD},
        {("GB101", "exporter/redis.yaml")},
    ),
    "configuration in a plain folder": (
        {"plain/web.yaml": PLAIN, "plain/config.yaml": CONFIG},
        {"plain/config.yaml": CONFIG + "\t- x\n"},
        {("GB101", "plain/config.yaml")},
    ),
    "configuration in the folder beside": (
        {"plain/web.yaml": PLAIN, "config/config.yaml": CONFIG},
        {"config/config.yaml": CONFIG + "\t- x\n"},
        {("GB101", "config/config.yaml")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_only_the_cause_is_reported(run: Run, tmp_path: Path, case: str) -> None:
    whole, broken, told = CASES[case]
    root = write(tmp_path, OURS, whole)
    assert found(run, root) == set()
    assert found(run, write(root, broken)) == told


OTHER = "apps/other"


def with_another_app(service: str) -> dict[str, str]:
    """A second app on the cluster, of a Service whose pods a chart brings."""
    source = f"repoURL: {URL}\n    targetRevision: HEAD\n    path: {OTHER}\n"
    chart = "repoURL: https://charts.example.com\n    targetRevision: 1.2.3\n    chart: other\n"
    return {
        CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - ../../apps/other/applications"),
        "apps/other/applications/kustomization.yaml": "resources: [chart.yaml, service.yaml]\n",
        "apps/other/applications/chart.yaml": application("other", OTHER, "other").replace(source, chart),
        "apps/other/applications/service.yaml": application("service", OTHER, "other"),
        "apps/other/service.yaml": service,
        "clusters/one/project.yaml": PROJECT.replace("[http", "[https://charts.example.com, http"),
    }


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: chart}, ports: [{port: 80}]}
"""


def test_pods_of_a_chart_are_not_missing_because_its_application_cannot_be_read(
    run: Run, tmp_path: Path
) -> None:
    root = write(tmp_path, OURS, with_another_app(SERVICE))
    assert found(run, root) == set()
    chart = with_another_app(SERVICE)["apps/other/applications/chart.yaml"]
    write(root, {"apps/other/applications/chart.yaml": chart + "\t- x\n"})
    assert found(run, root) == {("GB101", "apps/other/applications/chart.yaml")}


def test_one_app_that_cannot_be_read_hides_no_other(run: Run, tmp_path: Path) -> None:
    broken = {
        **with_another_app(SERVICE),
        "apps/other/applications/kustomization.yaml": BAD,
        "apps/shop/base/shop.yaml": SHOP.replace("    app: web\n  ports", "    app: wbe\n  ports"),
    }
    result = run("validate", str(write(tmp_path, OURS, broken)), "-o", "json")
    told = [(one["rule"], one["application"]) for one in json.loads(result.out)["findings"]]
    assert told == [("GB101", ""), ("GB303", "argocd/shop-dev")]


def test_lists_that_name_one_another_in_a_circle_end(run: Run, tmp_path: Path) -> None:
    circle = {
        CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - ../../a"),
        "a/kustomization.yaml": "resources: [../b]\n",
        "b/kustomization.yaml": "resources: [../a]\n",
    }
    assert found(run, write(tmp_path, OURS, circle)) == {("GB108", "b/kustomization.yaml")}


def test_what_is_wrong_in_what_can_be_read_is_reported_next_to_it(run: Run, tmp_path: Path) -> None:
    other = {
        "other/web.yaml": PLAIN.replace("namespace: shop", "namespace: other").replace(
            "    app: web\n  ports", "    app: wbe\n  ports"
        )
    }
    root = write(tmp_path, OURS, other, {"apps/shop/base/shop.yaml": BAD})
    assert ("GB303", "other/web.yaml") in found(run, root)


def test_manifests_that_no_application_applies_are_in_their_own_namespace(run: Run, tmp_path: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\n"
    service += "spec: {selector: {app: gone}, ports: [{port: 80}]}\n"
    files = {
        "plain.yaml": service.replace("NAME", "plain"),
        "placed.yaml": service.replace("NAME", "placed, namespace: edge"),
        "kustomized/kustomization.yaml": "resources: [service.yaml]\n",
        "kustomized/service.yaml": service.replace("NAME", "kustomized"),
        "with-applications/application.yaml": application("shop", "kustomized", "shop").replace(
            "  namespace: argocd\n", ""
        ),
        "with-applications/service.yaml": service.replace("NAME", "beside"),
    }
    result = run("validate", str(write(tmp_path, files)), "--rules", "GB303,GB301", "-o", "json")
    objects = {one["object"] for one in json.loads(result.out)["findings"]}
    assert objects == {
        "Service default/plain",
        "Service edge/placed",
        "Service shop/kustomized",
        "Service default/beside",
    }
