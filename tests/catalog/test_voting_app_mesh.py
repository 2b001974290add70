"""Istio's own analysis finds nothing in the rendered mesh, with a proxy in every pod and without.

All analyzers of `istioctl analyze`, on a cluster as it is when the app runs: the rendered objects, their
pods, and the namespaces that they name.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import infrastructure, voting_app
from tests.catalog.infrastructure import INFRASTRUCTURE
from tests.catalog.voting_app_graph import OTHERS
from tests.tools import tool

PLAIN = ("persistence", "backup", "autoscaling", "network-policies")
MESHES = ("mesh-sidecar", "mesh-ambient")
PROXY = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.30.3-distroless"}
MISTAKES = [
    ("VirtualService", "host: vote-canary", "host: vote-kanary", "IST0101"),
    ("VirtualService", "timeout: 10s", "timeout: 0.1ms", "IST0106"),
    ("AuthorizationPolicy", "/component: redis", "/component: radis", "IST0127"),
    ("AuthorizationPolicy", "- traefik", "- treafik", "IST0101"),
]
"""(kind, what is right, what is made of it, the finding's code): no such Service, time, pod, namespace."""
REMARK = "Info"
"""The level of what is neither error nor warning."""


@dataclass(frozen=True)
class Analysis:
    """What Istio says: (level, code, object, message) of each finding, and the names of its analyzers."""

    findings: tuple[tuple[str, str, str, str], ...]
    executed: frozenset[str]

    def errors_and_warnings(self) -> list[tuple[str, str, str, str]]:
        return [finding for finding in self.findings if finding[0] != REMARK]


def rendered(components: tuple[str, ...]) -> str:
    return voting_app.chosen_text(components, "production")


def surroundings(items: tuple[voting_app.Object, ...], mesh: str) -> Iterator[dict[str, Any]]:
    """What exists besides the rendered objects: the namespaces of the callers, and the pods."""
    for name in sorted({peer.namespace for peer in OTHERS.values()} - {""}):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    # How a pod shows that it is in the mesh: by its proxy, or by what the node's agent writes on it.
    proxies = [PROXY] if mesh == "mesh-sidecar" else []
    written = {"ambient.istio.io/redirection": "enabled"} if mesh == "mesh-ambient" else {}
    for workload, template in voting_app.pod_templates(items):
        if workload["kind"] in voting_app.WORKLOADS:
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"{workload['metadata']['name']}-0",
                    "namespace": workload["metadata"]["namespace"],
                    "labels": dict(template["metadata"]["labels"]),
                    "annotations": {**template["metadata"].get("annotations", {}), **written},
                },
                "spec": {**template["spec"], "containers": [*template["spec"]["containers"], *proxies]},
                "status": {"phase": "Running"},
            }


def analyze(text: str, folder: Path, mesh: str) -> Analysis:
    """Istio's analysis of these objects, under the mesh configuration that the catalog gives istiod."""
    around = [json.dumps(item) for item in surroundings(voting_app.objects(text), mesh)]
    values = infrastructure.yaml(INFRASTRUCTURE / "istio/values-istiod.yaml")
    objects, settings = folder / "objects.yaml", folder / "mesh.yaml"
    objects.write_text("\n---\n".join([text, *around]))
    settings.write_text(json.dumps(values["meshConfig"]))  # JSON is YAML
    command = [str(tool("istio-analyze")), "-mesh-config", str(settings), str(objects)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Istio's library logs to the same stream; the report is the last line.
    report = json.loads(done.stdout.splitlines()[-1])
    found = [
        (message["level"], message["code"], message.get("origin", ""), message["message"])
        for message in report["messages"] or ()
    ]
    return Analysis(tuple(found), frozenset(report["executed"]) - frozenset(report["skipped"] or ()))


@pytest.mark.parametrize("canary", [(), ("canary",)], ids=["plain", "canary"])
@pytest.mark.parametrize("mesh", MESHES)
def test_the_mesh_has_no_error_and_no_warning(mesh: str, canary: tuple[str, ...], tmp_path: Path) -> None:
    result = analyze(rendered(("gateway", *PLAIN, mesh, *canary)), tmp_path, mesh)
    assert result.errors_and_warnings() == []
    # Those that look for what a route or a policy names: left out, they would find nothing either.
    assert result.executed >= {
        "virtualservice.DestinationHostAnalyzer",
        "auth.AuthorizationPoliciesAnalyzer",
        "telemetry.ProviderAnalyzer",
        "schema.ValidationAnalyzer.VirtualService",
    }


@pytest.mark.parametrize("mesh", MESHES)
def test_mistakes_are_found(mesh: str, tmp_path: Path) -> None:
    documents = rendered(("gateway", *PLAIN, mesh, "canary")).split("\n---\n")
    for kind, right, wrong, _ in MISTAKES:
        spoiled = [
            text.replace(right, wrong) if f"\nkind: {kind}\n" in f"\n{text}" else text for text in documents
        ]
        assert spoiled != documents, wrong
        documents = spoiled
    result = analyze("\n---\n".join(documents), tmp_path, mesh)
    found = {(code, origin.partition(" ")[0]) for _, code, origin, _ in result.errors_and_warnings()}
    assert found == {(code, kind) for kind, _, _, code in MISTAKES}
