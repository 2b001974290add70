"""The namespaces that files put something into, even if they cannot be read as YAML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from bootstrap.repository import kustomize
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping

_NAMESPACE = re.compile(rb"\bnamespace[\"']?:[ \t]*[\"']?([a-z0-9][a-z0-9-]*)")


def namespaces(files: Files, closure: Sequence[str]) -> list[str]:
    """The namespaces that some files put something into; for invalid YAML, all that it names.

    An invalid kustomization may include anything below it.
    """
    found: set[str] = set()
    for path in closure:
        if is_yaml(path) and not files.parsed(path).faults:
            for document in files.parsed(path).documents:
                value = mapping(document.value)
                found |= {str(one.get("namespace") or "") for one in (value, mapping(value.get("metadata")))}
            continue
        below = files.below(posixpath.dirname(path)) if posixpath.basename(path) in kustomize.NAMES else ()
        for name in (path, *filter(is_yaml, below)):
            found |= {match.decode() for match in _NAMESPACE.findall(files.read(name))}
    return sorted(found - {""})


def is_yaml(name: str) -> bool:
    """Whether a file has a YAML file's name."""
    return name.endswith((".yaml", ".yml")) or posixpath.basename(name) in kustomize.NAMES
