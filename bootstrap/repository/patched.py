"""Pure: the line of the patch that set a field, if the object's own file has another value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bootstrap.repository.files import Files

Candidates = Callable[[str], Iterable[str]]
"""An Application (`namespace/name`) → the files that it is made of, including its own."""


def value_at(body: Any, path: Sequence[str | int]) -> str | None:
    """The text of the value at a path; None if there is none, or it is not a scalar."""
    for part in path:
        in_list = isinstance(body, list) and isinstance(part, int) and part < len(body)
        if in_list or (isinstance(body, Mapping) and part in body):
            body = body[part]
        else:
            return None
    return str(body) if isinstance(body, str | int) and not isinstance(body, bool) else None


def scalar_at(body: Any, path: Sequence[str | int]) -> tuple[tuple[str | int, ...], str | None]:
    """The path and text of the value at a path, or of the `value` or `name` of the item there."""
    for below in ((), ("value",), ("name",)):
        if (value := value_at(body, (*path, *below))) is not None:
            return (*path, *below), value
    return tuple(path), None


def written(nodes: Sequence[Any], document: int, path: Sequence[str | int]) -> str | None:
    """The text at a path of a document as written; None if it does not exist."""
    node = nodes[document] if document < len(nodes) else None
    for part in path:
        below = None
        if node is not None and node.id == "mapping":
            below = next((value for key, value in node.value if key.value == part), None)
        elif node is not None and node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            below = node.value[part]
        node = below
    return str(node.value) if node is not None and node.id == "scalar" else None


def patch_line(files: Files, names: Iterable[str], key: str | int, value: str) -> tuple[str, int] | None:
    """(file, line) of a value under its key, or in a JSON patch; None unless there is exactly one."""
    label = rf"(?:value|{re.escape(str(key))})" if isinstance(key, str) else "value"
    pattern = re.compile(
        rf"(?:^|[\s{{,-]|\")[\"']?{label}[\"']?:\s*[\"']?{re.escape(value)}[\"']?\s*(?:[,}}#].*)?$".encode()
    )
    found: list[tuple[str, int]] = []
    for name in dict.fromkeys(names):
        if not files.has(name) or not name.endswith((".yaml", ".yml", ".json", "Kustomization")):
            continue
        for number, line in enumerate(files.read(name).splitlines(), 1):
            if pattern.search(line):
                found.append((name, number))
    return found[0] if len(found) == 1 else None
