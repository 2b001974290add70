"""Helm charts of Applications: rendered by helm when that was asked for, named when they are not."""

from __future__ import annotations

import json
import posixpath
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.core.invocation import Invocation
from bootstrap.repository import tools
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit, values_path
from bootstrap.resources.applications import Source, sources
from bootstrap.resources.index import Resource, dig, mapping, mappings, sequence

NO_HELM = "helm is not on PATH"
_NAMES = """
alloy argo-cd argo-rollouts base cert-manager cilium cni eck-operator eck-stack external-dns external-secrets
fluent-bit fluent-bit-collector gateway ingress-nginx istiod jaeger k8s-monitoring keda kube-prometheus-stack
loki metallb metrics-server opentelemetry-collector prometheus-operator-crds promtail sealed-secrets tempo
traefik traefik-crds zipkin ztunnel
"""
_FOLDERS = ("crd", "crds", "local-path-provisioner")
WITHOUT_ISSUERS = frozenset(_NAMES.split())
"""Charts that make no ClusterIssuer but by their values: cert-manager's, and what stands beside it."""


def unit(source: Source, application: Resource, namespace: str, fetch: bool) -> Unit | None:
    """A chart of a chart repository, when charts may be fetched; else None."""
    if not fetch:
        return None
    options = _options(source.body, application, namespace)
    options["chart"] = {"repo": source.repo_url, "name": source.chart, "version": source.revision}
    return Unit("chart", "", json.dumps(options, sort_keys=True))


def local_unit(unit: Unit, application: Resource, namespace: str) -> Unit:
    """A chart that lies in this repository."""
    options = _options({"helm": json.loads(unit.options)}, application, namespace)
    return Unit("helm", unit.path, json.dumps(options, sort_keys=True))


def _options(source: Mapping[str, Any], application: Resource, namespace: str) -> dict[str, Any]:
    helm = mapping(source.get("helm"))
    refs = {item.ref: item.path or "" for item in sources(application.body) if item.ref}
    return {
        "release": str(helm.get("releaseName") or application.name),
        "namespace": namespace,
        "file": application.file,
        "line": application.line,
        "values": str(helm.get("values") or ""),
        "object": dict(mapping(helm.get("valuesObject"))),
        "files": [str(item) for item in sequence(helm.get("valueFiles"))],
        "set": [f"{item.get('name')}={item.get('value')}" for item in mappings(helm.get("parameters"))],
        "refs": sorted(refs),
    }


def build(root: Path, unit: Unit, invocation: Invocation) -> tools.Built:
    """Render a chart; its error says what helm said, or that there is no helm."""
    program = shutil.which("helm", path=invocation.environ.get("PATH"))
    if program is None:
        return tools.Built(error=NO_HELM)
    options = json.loads(unit.options)
    with tempfile.TemporaryDirectory(prefix="bootstrap-chart-") as name:
        values = []
        for item in options["files"]:
            path = _values_file(root, unit, item, options["refs"])
            if path is None:
                return tools.Built(error=f"the values file {item} is not in this repository")
            values.append(path)
        for number, text in enumerate((options["values"], json.dumps(options["object"]))):
            if text and text != "{}":
                extra = Path(name) / f"values-{number}.yaml"
                extra.write_text(text, encoding="utf-8")
                values.append(extra)
        return tools.helm_template(
            program,
            _chart(root, unit, options),
            options["release"],
            options["namespace"],
            values,
            options["set"],
        )


def _chart(root: Path, unit: Unit, options: Mapping[str, Any]) -> list[str]:
    chart = options.get("chart")
    if chart is None:
        return [str(root / unit.path)]
    repo = str(chart["repo"])
    version = ["--version", str(chart["version"])]
    if "://" not in repo or repo.startswith("oci://"):
        return [f"oci://{repo.removeprefix('oci://').rstrip('/')}/{chart['name']}", *version]
    return [str(chart["name"]), "--repo", repo, *version]


def _values_file(root: Path, unit: Unit, name: str, refs: list[str]) -> Path | None:
    inner = values_path(unit, name, refs)
    if inner is None:
        return None
    path = (root / inner).resolve()
    return path if root in path.parents and path.is_file() else None


def brings_no_issuers(what: str, application: Resource | None, files: Files) -> bool:
    """Whether what nobody has rendered of an Application (`chart NAME`, or a folder) holds no ClusterIssuer.

    Many charts take whole objects among their values: those are looked through.
    """
    kind, _, name = what.partition(" ")
    if kind != "chart":
        return posixpath.basename(what.rstrip("/")) in _FOLDERS
    if application is None or name.rpartition("/")[2] not in WITHOUT_ISSUERS:
        return False
    texts = [json.dumps(application.body, default=str).encode()]
    for source in sources(application.body):
        for item in map(str, sequence(mapping(source.body.get("helm")).get("valueFiles"))):
            path = posixpath.normpath(item.partition("/")[2])
            if "://" in item or (item.startswith("$") and not files.has(path)):
                return False
            texts.append(files.read(path) if item.startswith("$") else b"")
    return not any(b"ClusterIssuer" in text for text in texts)


def version_of(source: Source) -> str:
    """The chart's version as asked for."""
    return str(dig(source.body, "targetRevision") or "")
