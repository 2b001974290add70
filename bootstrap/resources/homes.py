"""Pure: which namespaces charts are applied to, and the labels of the pods of Istio's gateway chart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.resources.applications import Source, destination, sources
from bootstrap.resources.index import Resource, dig, mapping

Homes = Mapping[str, frozenset[str]]

_IMAGES = {"cert-manager-controller": "cert-manager", "keda": "keda", "pilot": "istiod"}
"""The last part of an image name → the chart whose controller it is."""


def homes(
    applications: Iterable[Resource], built: Iterable[tuple[str, Iterable[str]]], cluster: str
) -> Homes:
    """A chart → the namespaces that it is applied to; without a chart, by its controller's image.

    `built` has (namespace, images) of each rendered part.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for application in applications:
        where, namespace = destination(application.body)
        for source in sources(application.body):
            if where == cluster and namespace and source.chart:
                found[source.chart.rpartition("/")[2]].add(namespace)
    for namespace, images in built:
        for image in images:
            if chart := _IMAGES.get(image.rpartition("/")[2]):
                found[chart].add(namespace)
    return {chart: frozenset(namespaces) for chart, namespaces in found.items()}


def gateway_labels(applications: Iterable[Resource], cluster: str) -> list[Mapping[str, str]] | None:
    """The labels of the pods of each chart `gateway` (Istio's); None when values decide them.

    The chart labels its pods `app: RELEASE` and `istio: RELEASE`, without the prefix `istio-`.
    """
    found = []
    for application in applications:
        for source in sources(application.body):
            if source.chart is None or destination(application.body)[0] != cluster:
                continue
            name = source.chart.rpartition("/")[2]
            if name in ("istio-ingress", "istio-ingressgateway", "istio-operator"):
                return None
            if name == "gateway":
                if (labels := _labels(application, source)) is None:
                    return None
                found.append(labels)
    return found


def _labels(application: Resource, source: Source) -> Mapping[str, str] | None:
    helm = mapping(source.body.get("helm"))
    if (
        helm.get("valueFiles")
        or helm.get("parameters")
        or re.search(r"\blabels\b|^name\b", str(helm.get("values")))
    ):
        return None
    values: Mapping[str, Any] = mapping(helm.get("valuesObject"))
    release = str(values.get("name") or helm.get("releaseName") or application.name)
    given = {str(key): str(value) for key, value in mapping(dig(values, "labels")).items() if value}
    return {"app": release, "istio": release.removeprefix("istio-"), **given}
