"""Writes bootstrap/validate/kubernetes-kinds.json: the kinds and fields of the known releases of Kubernetes.

    python scripts/generate_kubernetes_kinds.py v1.36.3 v1.37.2

Takes each release's OpenAPI from its Go module (`go` must be on PATH) and keeps the parts that are needed:
the fields of what can be created, their types, and which are required. The newest release is kept whole, the
others as their difference from the next one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "bootstrap" / "validate" / "kubernetes-kinds.json"
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_REFERENCE = "#/definitions/"
_KNOWN = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int|str",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "date",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "date",
}


def swagger(release: str) -> dict[str, Any]:
    """A release's OpenAPI, from its Go module."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "GOMODCACHE": folder, "GOFLAGS": "-modcacherw"}
        command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{release}"]
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=environ, cwd=folder)
        path = Path(json.loads(told.stdout)["Dir"]) / "api" / "openapi-spec" / "swagger.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def names(definitions: Iterator[str]) -> dict[str, str]:
    """Definition → a short name such as `V1Pod`, prefixed with the group if several groups have that name."""
    short = {}
    for definition in definitions:
        *_, version, kind = definition.split(".")
        short[definition] = f"{version[0].upper()}{version[1:]}{kind}"
    many = Counter(short.values())
    for definition, name in short.items():
        if many[name] > 1:
            group = definition.split(".")[-3]
            short[definition] = f"{group[0].upper()}{group[1:]}{name}"
    return short


def kinds(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(`apiVersion/Kind`, definition) of everything that can be created."""
    by_kind = {}
    for definition, body in document["definitions"].items():
        for one in body.get("x-kubernetes-group-version-kind", ()):
            if definition.rpartition(".")[2] == one["kind"]:
                by_kind[(one["group"], one["version"], one["kind"])] = definition
    for place, path in document["paths"].items():
        if "{name}" in place:
            continue  # a subresource, such as an eviction
        one = path.get("post", {}).get("x-kubernetes-group-version-kind")
        if one and (definition := by_kind.get((one["group"], one["version"], one["kind"]))):
            version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
            yield f"{version}/{one['kind']}", definition


def kept(document: Mapping[str, Any], short: Mapping[str, str]) -> dict[str, Any]:
    """A release's models and kinds."""
    definitions = document["definitions"]

    def type_of(schema: Mapping[str, Any]) -> Any:
        if reference := schema.get("$ref"):
            definition = reference.removeprefix(_REFERENCE)
            if definition in _KNOWN:
                return _KNOWN[definition]
            body = definitions[definition]
            return f"#{short[definition]}" if body.get("properties") else type_of(body)
        if schema.get("type") == "array":
            return ["list", type_of(schema["items"])]
        if schema.get("type") == "object":
            inner = schema.get("additionalProperties")
            return ["dict", type_of(inner)] if isinstance(inner, dict) else "any"
        return "date" if schema.get("format") == "date-time" else _PLAIN.get(str(schema.get("type")), "any")

    models: dict[str, Any] = {}
    found = dict(kinds(document))
    todo = list(found.values())
    while todo:
        definition = todo.pop()
        body = definitions[definition]
        if short[definition] in models or not body.get("properties"):
            continue
        properties = body["properties"]
        models[short[definition]] = {
            "fields": {name: type_of(one) for name, one in sorted(properties.items())},
            "required": sorted(body.get("required", ())),
        }
        todo += references(properties)
    return {"models": models, "kinds": {kind: short[one] for kind, one in found.items()}}


def references(value: Any) -> Iterator[str]:
    """The definitions that a schema names."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_REFERENCE)
        for item in value.values():
            yield from references(item)


def difference(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """How an older release differs from the next one; `gone-…` lists what only the newer one has."""
    found: dict[str, Any] = {}
    for part in ("models", "kinds"):
        found[part] = {key: one for key, one in older[part].items() if newer[part].get(key) != one}
        found[f"gone-{part}"] = sorted(newer[part].keys() - older[part].keys())
    return found


def main(releases: list[str]) -> None:
    """Write the file."""
    documents = {release: swagger(release) for release in releases}
    short = names(iter({name: None for document in documents.values() for name in document["definitions"]}))
    all_of = {release: kept(document, short) for release, document in documents.items()}
    ordered = sorted(releases, key=lambda release: [int(part) for part in release[1:].split(".")])
    told: dict[str, Any] = {}
    for older, newer in zip(ordered, [*ordered[1:], ""], strict=True):
        told[older] = difference(all_of[older], all_of[newer]) if newer else all_of[older]
    TARGET.write_text(json.dumps(told, sort_keys=True, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
