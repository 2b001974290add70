"""Helm charts of Applications: rendered by helm if that was requested, else only named."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.core import on_path, scratch
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.reader import MAX_BYTES
from bootstrap.programs import run
from bootstrap.repository import tools
from bootstrap.repository.files import Files
from bootstrap.repository.source import Unit, values_path
from bootstrap.resources.applications import Source, sources
from bootstrap.resources.index import Resource, dig, mapping, mappings, sequence
from bootstrap.resources.products import KNOWN_CHARTS

NO_HELM = "helm is not on PATH"
_FOLDERS = ("crd", "crds", "local-path-provisioner")


def unit(source: Source, application: Resource, namespace: str, fetch: bool) -> Unit | None:
    """A chart of a chart repository, if charts may be fetched; else None."""
    if not fetch:
        return None
    options = _options(source.body, application, namespace)
    options["chart"] = {"repo": source.repo_url, "name": source.chart, "version": source.revision}
    return Unit("chart", "", json.dumps(options, sort_keys=True))


def local_unit(unit: Unit, application: Resource, namespace: str) -> Unit:
    """A chart that is in this repository."""
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


def build(files: Files, unit: Unit, invocation: Invocation, budget: run.Budget) -> tools.Built:
    """Render a chart; the error is helm's message, or that helm is missing.

    helm gets copies: of a chart's files, only those in the repository.
    """
    program = on_path.find("helm", invocation.environ)
    if program is None:
        return tools.Built(error=NO_HELM)
    options = json.loads(unit.options)
    with scratch.folder("chart") as folder:
        chart = _chart(files, unit, options, folder)
        if isinstance(chart, str):
            return tools.Built(error=chart)
        values: list[Path] = []
        for item in options["files"]:
            inner = values_path(unit, item, options["refs"])
            if inner is None or not files.has(inner):
                return tools.Built(error=f"the values file {item} is not in this repository")
            values.append(_written(folder, f"values-{len(values)}.yaml", files.read(inner)))
        for text in (options["values"], json.dumps(options["object"])):
            if text and text != "{}":
                values.append(_written(folder, f"values-{len(values)}.yaml", text.encode()))
        return tools.helm_template(
            program,
            chart,
            options["release"],
            options["namespace"],
            values,
            options["set"],
            folder,
            unit.tool == "chart",
            budget,
        )


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_./-]*[A-Za-z0-9_])?")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")


def _chart(files: Files, unit: Unit, options: Mapping[str, Any], folder: Path) -> list[str] | str:
    """helm's arguments that name the chart, which is copied to `folder` if it is here; else why not."""
    chart = options.get("chart")
    if chart is None:
        start = f"{unit.path}/" if unit.path else ""
        for path in files.below(unit.path):
            if files.stats[path][0] > MAX_BYTES:
                return f"{path} has more than {MAX_BYTES / 1e6:.0f} MB"
            _written(folder, f"chart/{path.removeprefix(start)}", files.read(path))
        return [str(folder / "chart")]
    name, repo = str(chart["name"]), str(chart["repo"])
    scheme, _, host = repo.rpartition("://")
    if not _NAME.fullmatch(name) or ".." in name.split("/"):
        return f"{name!r} is not a valid chart name"
    if scheme not in ("", "oci", "https", "http") or not _HOST.fullmatch(host):
        return f"{repo!r} is not a chart repository: it must begin with https://, http:// or oci://"
    version = f"--version={chart['version']}"
    if scheme in ("", "oci"):
        return [version, f"oci://{host.rstrip('/')}/{name}"]
    return [f"--repo={repo}", version, name]


def brings_no_issuers(what: str, application: Resource | None, files: Files) -> bool:
    """Whether an unrendered part of an Application (`chart NAME`, or a folder) has no ClusterIssuer.

    Many charts accept whole objects among their values: those are searched.
    """
    kind, _, name = what.partition(" ")
    if kind != "chart":
        return posixpath.basename(what.rstrip("/")) in _FOLDERS
    if application is None or name.rpartition("/")[2] not in KNOWN_CHARTS:
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
    """The requested version of the chart."""
    return str(dig(source.body, "targetRevision") or "")
