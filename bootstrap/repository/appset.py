"""Pure: the Applications that an ApplicationSet makes, as far as Git alone tells.

List, git, matrix, merge and (for the cluster it runs on) cluster generators; both template languages,
of Go's what is used in practice. What is beyond that is said, never guessed.
"""

from __future__ import annotations

import copy
import itertools
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bootstrap.git.urls import same_repository
from bootstrap.repository.kustomize import Tree
from bootstrap.resources.index import IN_CLUSTER, dig, mapping, mappings, sequence

Values = dict[str, Any]


class CannotExpand(Exception):
    """The set needs something that Git does not tell; the text says what."""


def expand(
    body: Mapping[str, Any], tree: Tree, repositories: Iterable[str]
) -> list[tuple[Mapping[str, Any], Values]]:
    """The Applications of a set, each with the values it was made from; raises CannotExpand."""
    spec = mapping(body.get("spec"))
    go = bool(spec.get("goTemplate"))
    template = mapping(spec.get("template"))
    made: list[tuple[Mapping[str, Any], Values]] = []
    for generator in mappings(spec.get("generators")):
        for values in _generate(generator, tree, list(repositories), go):
            application = _fill(copy.deepcopy(dict(template)), values, go)
            if patch := spec.get("templatePatch"):
                raise CannotExpand(
                    f"templatePatch ({str(patch).splitlines()[0]} …) is applied by Argo CD alone"
                )
            metadata = {
                "namespace": dig(body, "metadata", "namespace"),
                **mapping(application.get("metadata")),
            }
            api = {"apiVersion": body.get("apiVersion"), "kind": "Application"}
            made.append(({**api, **application, "metadata": metadata}, values))
    return made


def _generate(generator: Mapping[str, Any], tree: Tree, repositories: list[str], go: bool) -> list[Values]:
    if "list" in generator:
        elements = [dict(item) for item in mappings(dig(generator, "list", "elements"))]
        found = elements
    elif "git" in generator:
        found = _git(mapping(generator["git"]), tree, repositories, go)
    elif "clusters" in generator:
        if mapping(mapping(generator["clusters"]).get("selector")):
            raise CannotExpand("clusters are chosen by labels of Secrets, which are not in Git")
        found = [{"name": "in-cluster", "server": IN_CLUSTER, "nameNormalized": "in-cluster"}]
    elif "matrix" in generator:
        parts = [
            _generate(item, tree, repositories, go)
            for item in mappings(dig(generator, "matrix", "generators"))
        ]
        found = [_joined(combination) for combination in itertools.product(*parts)]
    elif "merge" in generator:
        found = _merge(mapping(generator["merge"]), tree, repositories, go)
    else:
        names = ", ".join(key for key in generator if key not in ("selector", "template")) or "none"
        raise CannotExpand(f"its generator ({names}) asks a service outside of Git")
    extra = mapping(dig(generator, next(iter(generator)), "values"))
    return [{**values, **({"values": dict(extra)} if extra else {})} for values in found]


def _joined(parts: Iterable[Values]) -> Values:
    result: Values = {}
    for part in parts:
        result.update(part)
    return result


def _merge(generator: Mapping[str, Any], tree: Tree, repositories: list[str], go: bool) -> list[Values]:
    keys = [str(key) for key in sequence(generator.get("mergeKeys"))]
    parts = [_generate(item, tree, repositories, go) for item in mappings(generator.get("generators"))]
    base = [dict(values) for values in (parts[0] if parts else [])]
    for other in itertools.chain.from_iterable(parts[1:]):
        for values in base:
            if all(values.get(key) == other.get(key) for key in keys):
                values.update(other)
    return base


def _git(generator: Mapping[str, Any], tree: Tree, repositories: list[str], go: bool) -> list[Values]:
    url = str(generator.get("repoURL"))
    if not any(same_repository(url, known) for known in repositories):
        raise CannotExpand(f"it lists the folders of another repository, {url}")
    if "files" in generator:
        return _git_files(generator, tree, go)
    rules = [
        (_glob(str(item.get("path")).strip("/")), bool(item.get("exclude")))
        for item in mappings(generator.get("directories"))
    ]
    folders = sorted({folder for path in tree.below("") for folder in _parents(path)})
    chosen = []
    for folder in folders:
        hits = [exclude for pattern, exclude in rules if pattern.fullmatch(folder)]
        if hits and not any(hits):
            chosen.append(_path_values(folder, go))
    return chosen


def _git_files(generator: Mapping[str, Any], tree: Tree, go: bool) -> list[Values]:
    patterns = [_glob(str(item.get("path")).strip("/")) for item in mappings(generator["files"])]
    chosen = []
    for path in tree.below(""):
        if any(pattern.fullmatch(path) for pattern in patterns):
            content = tree.mapping(path) or {}
            values = dict(content) if go else dict(_flat(content))
            chosen.append({**values, **_path_values(posixpath.dirname(path), go)})
    return chosen


def _flat(value: Mapping[str, Any], start: str = "") -> Iterable[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{start}{key}.")
        else:
            yield f"{start}{key}", item


def _parents(path: str) -> Iterable[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _path_values(folder: str, go: bool) -> Values:
    segments = folder.split("/")
    name = _normalised(segments[-1])
    if go:
        parts = {"path": folder, "basename": segments[-1], "basenameNormalized": name, "segments": segments}
        return {"path": parts}
    values: Values = {"path": folder, "path.basename": segments[-1], "path.basenameNormalized": name}
    values.update({f"path[{number}]": segment for number, segment in enumerate(segments)})
    return values


def _normalised(text: str) -> str:
    return re.sub(r"[^a-z0-9-.]", "-", text.lower())[:253].strip("-.")


def _glob(text: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(piece) or re.escape(piece) for piece in pieces))


def _fill(value: Any, values: Values, go: bool) -> Any:
    if isinstance(value, dict):
        return {_fill(key, values, go): _fill(item, values, go) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values, go) for item in value]
    if isinstance(value, str) and "{{" in value:
        return _ACTION.sub(lambda match: _text(_evaluate(match[1], values, go)), value)
    return value


_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "normalize": lambda value: _normalised(_text(value)),
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "quote": lambda value: json.dumps(_text(value)),
    "trim": lambda value: _text(value).strip(),
    "base": lambda value: posixpath.basename(_text(value)),
    "dir": lambda value: posixpath.dirname(_text(value)),
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _evaluate(action: str, values: Values, go: bool) -> Any:
    if not go:
        if action not in values and dig(values, *action.split(".")) is None:
            raise CannotExpand(f"no generator gives {{{{{action}}}}}")
        return values.get(action, dig(values, *action.split(".")))
    first, *filters = [part.strip() for part in action.split("|")]
    result = _operand(first, values)
    for name in filters:
        default = re.fullmatch(r'default\s+"([^"]*)"', name)
        if default:
            result = result or default[1]
        elif name in _FUNCTIONS:
            result = _FUNCTIONS[name](result)
        else:
            raise CannotExpand(f"its template uses {name!r}")
    return result


def _operand(text: str, values: Values) -> Any:
    if match := re.fullmatch(r"index\s+(\.[\w.]+)\s+(\d+)", text):
        items = sequence(_operand(match[1], values))
        number = int(match[2])
        if number >= len(items):
            raise CannotExpand(f"{match[1]} has no item {number}")
        return items[number]
    if match := re.fullmatch(r"(\w+)\s+(\.[\w.]+)", text):
        if match[1] not in _FUNCTIONS:
            raise CannotExpand(f"its template uses {match[1]!r}")
        return _FUNCTIONS[match[1]](_operand(match[2], values))
    if not re.fullmatch(r"\.[\w.]+", text):
        raise CannotExpand(f"its template uses {text!r}")
    found = dig(values, *text.strip(".").split("."))
    if found is None:
        raise CannotExpand(f"no generator gives {{{{{text}}}}}")
    return found
