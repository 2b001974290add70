"""A GitLab CI file with its inputs filled in, as GitLab does before it reads the file (docs: ci/inputs)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_INPUT = re.compile(r"\$\[\[\s*inputs\.([a-z-]+)\s*\]\]")


def load(path: Path) -> tuple[dict[str, Any], Any]:
    """The declared inputs (none without a header), and the body as it is."""
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    if len(documents) == 1:
        return {}, documents[0]
    header, body = documents
    return header["spec"]["inputs"], body


def filled(path: Path, given: Mapping[str, Any]) -> Any:
    """The body with every input replaced; a value keeps its type if it is alone."""
    declared, body = load(path)
    assert set(given) <= set(declared), f"{path.name} does not declare {set(given) - set(declared)}"
    values = {name: (about or {}).get("default") for name, about in declared.items()} | dict(given)
    missing = [name for name, value in values.items() if value is None]
    assert not missing, f"{path.name} needs {missing}"
    return _filled(body, values)


def _filled(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {_text(key, values): _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, values) for item in node]
    if isinstance(node, str):
        alone = _INPUT.fullmatch(node)
        return values[alone[1]] if alone else _text(node, values)
    return node


def _text(text: str, values: Mapping[str, Any]) -> str:
    return _INPUT.sub(lambda found: str(values[found[1]]), text)


def pipeline(root: Path) -> dict[str, Any]:
    """Every file of a repository's pipeline, by its path (with the service, for what is included often)."""
    found: dict[str, Any] = {}

    def include(path: Path, given: Mapping[str, Any], name: str) -> None:
        body = filled(path, given)
        found[name] = body
        for item in body.get("include", ()):
            inputs = item.get("inputs", {})
            files = sorted(root.glob(item["local"]))
            assert files, f"{item['local']} includes nothing"
            for file in files:
                label = f"{file.relative_to(root)} {given.get('service', inputs.get('service', ''))}".strip()
                include(file, inputs, label)

    include(root / ".gitlab-ci.yml", {}, ".gitlab-ci.yml")
    return found
