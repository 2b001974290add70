"""Pure: what an Application asks of helm, as Argo CD's repo-server reads it.

After `reposerver/repository/repository.go: helmTemplate` and `util/helm/cmd.go: template` of Argo CD 3.6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.repository.overrides.variables import filled, variables
from bootstrap.repository.source import Unit
from bootstrap.resources.applications import Source, is_here, sources
from bootstrap.resources.index import Resource, mapping, mappings, sequence


@dataclass(frozen=True)
class Target:
    """What helm is told about the cluster: its release, and API versions beyond those that helm knows."""

    kubernetes: str
    apis: tuple[str, ...] = ()


def unit(source: Source, application: Resource, namespace: str, urls: Iterable[str], target: Target) -> Unit:
    """A chart of a chart repository."""
    options = _options(source, application, namespace, urls, target)
    options["chart"] = {"repo": source.repo_url, "name": source.chart, "version": source.revision}
    return Unit("chart", "", json.dumps(options, sort_keys=True))


def local_unit(
    unit: Unit, source: Source, application: Resource, namespace: str, urls: Iterable[str], target: Target
) -> Unit:
    """A chart that is in this repository."""
    options = _options(source, application, namespace, urls, target)
    return Unit("helm", unit.path, json.dumps(options, sort_keys=True))


def with_apis(unit: Unit, apis: Iterable[str]) -> Unit:
    """The unit for a cluster that has these API versions, too, unless the Application names its own."""
    options = json.loads(unit.options)
    if options["own_apis"]:
        return unit
    options["apis"] = sorted({*options["apis"], *apis})
    return Unit(unit.tool, unit.path, json.dumps(options, sort_keys=True))


def _options(
    source: Source, application: Resource, namespace: str, urls: Iterable[str], target: Target
) -> dict[str, Any]:
    helm = mapping(source.body.get("helm"))
    urls = list(urls)
    refs = {item.ref: is_here(item, urls) for item in sources(application.body) if item.ref}
    filling = variables(source, application, namespace)
    own_apis = [str(item) for item in sequence(helm.get("apiVersions"))]
    parameters = mappings(helm.get("parameters"))
    return {
        "release": str(helm.get("releaseName") or application.name),
        "namespace": str(helm.get("namespace") or namespace),
        "file": application.file,
        "line": application.line,
        "values": _values(helm),
        "files": [_place(str(item), refs, filling) for item in sequence(helm.get("valueFiles"))],
        "ignore_missing": bool(helm.get("ignoreMissingValueFiles")),
        "set": _set(parameters, False, filling),
        "set_string": _set(parameters, True, filling),
        "set_file": [
            [str(item.get("name")), _place(str(item.get("path")), refs, filling)]
            for item in mappings(helm.get("fileParameters"))
        ],
        "skip": [name for name in ("Crds", "SchemaValidation", "Tests") if helm.get(f"skip{name}")],
        "kubernetes": str(helm.get("kubeVersion") or _release(target.kubernetes)),
        "apis": sorted(set(own_apis)) or sorted(target.apis),
        "own_apis": bool(own_apis),
    }


def _values(helm: Mapping[str, Any]) -> str:
    """The values in the Application itself: `valuesObject` overrides `values`."""
    if helm.get("valuesObject") is not None:
        return json.dumps(helm["valuesObject"], sort_keys=True, default=str)
    return str(helm.get("values") or "")


def _release(text: str) -> str:
    """A cluster's release, which has three numbers: 1.36 is 1.36.0."""
    return _RELEASE.sub(lambda found: f"{found[1]}.{found[2] or 0}.{found[3] or 0}", text, count=1)


_RELEASE = re.compile(r"^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def _set(parameters: Iterable[Mapping[str, Any]], string: bool, filling: Mapping[str, str]) -> list[str]:
    """`name=value` as helm is given it: the last one of a name counts, and commas are not separators."""
    found = {
        str(item.get("name")): filled(_text(item.get("value")), filling)
        for item in parameters
        if bool(item.get("forceString")) is string
    }
    return [f"{name}={_without_commas(value)}" for name, value in sorted(found.items())]


def _text(value: Any) -> str:
    """A parameter's value as text; YAML may have read it as something else."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _without_commas(value: str) -> str:
    """With commas that helm does not treat as separators; `{a,b}` is a list."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return re.sub(r"(?<!\\),", r"\\,", value)


def _place(text: str, refs: Mapping[str, bool], filling: Mapping[str, str]) -> list[str]:
    """Where a file of values is: ("top", path from this repository's top), ("elsewhere", as it is written),
    ("url", …), or ("chart", path in the chart; from the top of its repository with a leading slash)."""
    ref, _, path = text[1:].partition("/")
    if text.startswith("$") and ref in refs:
        return ["top" if refs[ref] else "elsewhere", filled(path, filling) if refs[ref] else text]
    text = filled(text, filling)
    return ["url" if re.match(r"[a-z][a-z0-9+.-]*://", text) else "chart", text]
