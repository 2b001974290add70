"""Pure: whether `{{` in a manifest is what an object contains, and not what another program fills in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.manifests.reader import Parsed
from bootstrap.resources.index import mapping

_BRACES = re.compile(r"\{\{|\{%")
_OWN = re.compile(
    r"(?:PrometheusRule|VMRule|AlertmanagerConfig|VMAlertmanagerConfig)\."
    r"|(?:Cluster)?ExternalSecret\.external-secrets\.io$|PushSecret\.|\w*Policy\.(?:[\w.]+\.)?kyverno\.io$"
    r"|(?:\w*Workflow\w*|\w*AnalysisTemplate|AnalysisRun|Sensor|EventSource)\.argoproj\.io$"
)
"""Kinds whose fields are templates that the kind's own controller fills in."""
_IDENTITY = ("apiVersion", "kind", "name", "namespace", "labels")
_JUST_ONE = re.compile(r"\s*\{\{[^{}]*\}\}\s*")


def are_contents(parsed: Parsed, content: bytes) -> bool:
    """Whether a file with `{{` is whole: only contents have any, as a dashboard in JSON does."""
    bodies = [one.value for one in parsed.documents]
    if parsed.faults or not bodies or not all(isinstance(one, dict) for one in bodies):
        return False
    inside = sum(text.count("{{") + text.count("{%") for body in bodies for _, text in _texts(body, ()))
    if inside != content.count(b"{{") + content.count(b"{%"):
        return False  # in a comment, or not written as it is read
    return all(_is_content(body, place, text) for body in bodies for place, text in _texts(body, ()))


def _is_content(body: Any, place: tuple[str, ...], text: str) -> bool:
    """Whether a text with `{{` is for the object's own program: a file, or an expression of its kind."""
    if not _BRACES.search(text):
        return True
    if not place or place[0] in _IDENTITY or (place[0] == "metadata" and place[-1] in _IDENTITY):
        return False
    group = str(body.get("apiVersion")).rpartition("/")[0]
    if _OWN.match(f"{body.get('kind')}.{group}"):
        return True
    is_file = "\n" in text.strip() or text.lstrip().startswith(('{"', "["))
    return is_file and not _JUST_ONE.fullmatch(text) and place[0] in ("data", "spec", "items", "binaryData")


def _texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, text) of every string, keys among them; of the items of a list, as if each were the object."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, place)
    for key, item in mapping(value).items():
        yield (), str(key)
        yield from _texts(item, (*place, str(key)))
