"""Every pinned chart accepts our values: rendered by helm, as it is and with each switch on.

Charts come from their repositories; one that cannot be reached is skipped by name. CATALOG_CHARTS may
name a folder with unpacked charts instead (<folder>/<chart>), to render on a machine without network access.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import load_all
from bootstrap.sandbox import profile
from tests.catalog import infrastructure
from tests.catalog.infrastructure import INFRASTRUCTURE, ROOT, Application
from tests.catalog.test_otel_collector import verdict
from tests.conftest import USER_ENVIRONMENT
from tests.tools import tool

LOCAL = USER_ENVIRONMENT.get("CATALOG_CHARTS")
SETTINGS = {"DOMAIN": "edge.test", "STORAGE_CLASS": "fast", "CLUSTER": "edge"}
KUBERNETES = "1.36.0"
API_VERSIONS = (
    "apps/v1", "policy/v1", "policy/v1/PodDisruptionBudget", "autoscaling/v2",
    "autoscaling/v2/HorizontalPodAutoscaler", "networking.k8s.io/v1", "networking.k8s.io/v1/Ingress",
    "monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1", "cert-manager.io/v1",
)  # fmt: skip
"""What Argo CD tells helm about a cluster with the catalog's definitions."""


@dataclass(frozen=True)
class Case:
    """A chart of an Application, with some of the value files that it can be switched to."""

    application: Application
    source: dict[str, Any]
    switched: tuple[str, ...]

    def __str__(self) -> str:
        names = [Path(name).stem for name in self.switched]
        return "+".join([self.application.name, *names])


def cases() -> Iterator[Case]:
    """As it is, each switch alone, all at once."""
    for item in infrastructure.applications():
        off = infrastructure.comments(INFRASTRUCTURE / item.component / "application.yaml")
        for source in item.elsewhere:
            if "chart" not in source and "helm" not in source:
                continue
            on = (source.get("helm") or {}).get("valueFiles", [])
            # A component's file is of the chart whose file it is named after.
            mine = [name for name in off if on and Path(name).stem.startswith(Path(on[0]).stem)]
            choices = [(), *[(name,) for name in mine], *([tuple(mine)] if len(mine) > 1 else [])]
            yield from (Case(item, source, choice) for choice in choices)


@cache
def helm() -> str:
    return str(tool("helm"))


@cache
def out_of_reach(url: str) -> str | None:
    return profile.reason_out_of_reach(url, Invocation(environ=USER_ENVIRONMENT))


def chart(source: dict[str, Any]) -> list[str]:
    """helm's arguments that name the chart; skips if it cannot be fetched."""
    name = source.get("chart") or Path(source["path"]).name
    if LOCAL:
        folder = Path(LOCAL) / name
        if not folder.is_dir():
            pytest.skip(f"{name} is not in CATALOG_CHARTS")
        return [str(folder)]
    url = source["repoURL"]
    if "chart" not in source:
        pytest.skip(f"{name} is a folder of {url}, which helm does not fetch")
    question = (
        f"{url.rstrip('/')}/index.yaml" if url.startswith("https://") else f"https://{url.split('/')[0]}/v2/"
    )
    if reason := out_of_reach(question):
        pytest.skip(f"chart {name} cannot be fetched from {url}: {reason}")
    place = [name, "--repo", url] if url.startswith("https://") else [f"oci://{url}/{name}"]
    return [*place, "--version", str(source["targetRevision"])]


def render(case: Case, folder: Path) -> str:
    """What Argo CD would have helm print."""
    settings = case.source.get("helm") or {}
    files = [ROOT / name.removeprefix("$repo/") for name in (*settings.get("valueFiles", ()), *case.switched)]
    if "valuesObject" in settings:
        values = folder / "values-of-the-application.yaml"
        with values.open("w") as stream:
            YAML(typ="safe", pure=True).dump(settings["valuesObject"], stream)
        text = values.read_text()
        for placeholder, value in SETTINGS.items():
            text = re.sub(rf"\b{placeholder}\b", value, text)
        values.write_text(text)
        files.append(values)
    name = settings.get("releaseName", case.application.name)
    namespace = case.application.body["spec"]["destination"]["namespace"]
    command = [helm(), "template", name, *chart(case.source), "--namespace", namespace]
    command += ["--kube-version", KUBERNETES, "--include-crds"]
    command += [part for file in files for part in ("--values", str(file))]
    command += [part for version in API_VERSIONS for part in ("--api-versions", version)]
    environ = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_chart_takes_our_values(case: Case, tmp_path: Path) -> None:
    objects = [item for item in load_all(render(case, tmp_path)) if item]
    assert objects
    for item in objects:
        where = f"{item['kind']} {item['metadata']['name']}"
        assert item["metadata"].get("namespace") != "default", where
        for image in _images(item):
            assert ":" in image.rsplit("/", 1)[-1], f"{where}: {image} has no tag"
            if not LOCAL:  # a chart's source may say latest where its release has a version
                assert not re.search(r":latest(-|@|$)", image), f"{where}: {image}"


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.application.name == "otel-collector"], ids=str
)
def test_the_collector_takes_what_its_chart_makes_of_our_values(case: Case, tmp_path: Path) -> None:
    objects = [item for item in load_all(render(case, tmp_path)) if item]
    (config,) = [item for item in objects if item["kind"] == "ConfigMap"]
    (relay,) = load_all(config["data"]["relay"])
    assert verdict(relay, tmp_path) == ""


WITHOUT_LOAD_BALANCER = [
    case for case in cases() if [Path(name).stem for name in case.switched] == ["values-nodeport"]
]


@pytest.mark.parametrize("case", WITHOUT_LOAD_BALANCER, ids=str)
def test_without_a_load_balancer_every_node_has_the_two_ports(case: Case, tmp_path: Path) -> None:
    values = infrastructure.yaml(ROOT / case.switched[0].removeprefix("$repo/"))
    wanted = {number for number in _numbers(values) if number >= 30000}
    assert len(wanted) == 2
    services = [
        item["spec"] for item in load_all(render(case, tmp_path)) if item and item["kind"] == "Service"
    ]
    assert "LoadBalancer" not in {spec.get("type") for spec in services}
    (open_,) = [spec for spec in services if spec.get("type") == "NodePort"]
    assert {port["nodePort"] for port in open_["ports"] if "nodePort" in port} == wanted
    assert open_.get("externalTrafficPolicy", "Cluster") == "Cluster"


def _numbers(item: Any) -> Iterator[int]:
    if isinstance(item, dict):
        yield from (number for value in item.values() for number in _numbers(value))
    elif isinstance(item, list):
        yield from (number for value in item for number in _numbers(value))
    elif isinstance(item, int) and not isinstance(item, bool):
        yield item


def _images(item: Any) -> Iterator[str]:
    """The images of every container of a workload."""
    if isinstance(item, dict):
        for key, value in item.items():
            if key in ("containers", "initContainers") and isinstance(value, list):
                # Istio's injector fills in `auto`.
                yield from (one["image"] for one in value if one.get("image", "auto") != "auto")
            yield from _images(value)
    elif isinstance(item, list):
        for value in item:
            yield from _images(value)
