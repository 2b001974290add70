"""Pure: the Applications that an ApplicationSet makes, as far as Git alone tells.

List, git, matrix, merge and (for the cluster it runs on) cluster generators; both template languages,
of Go's what is used in practice. What is beyond that is said, never guessed.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bootstrap.core import globs
from bootstrap.git.urls import same_repository
from bootstrap.repository.kustomize import Tree
from bootstrap.resources.index import IN_CLUSTER, dig, mapping, mappings, sequence

Values = dict[str, Any]

MOST = 10_000
"""Applications that a set may make; of all sets together, twice as many are looked at."""
_ENTRIES = 1_000_000
"""Values that the Applications of a set may be made from, all together."""
_TEXT = 50_000_000
"""Characters that the Applications of a set may have, all together."""


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
        found = _generate(generator, tree, list(repositories), go)
        if len(made) + len(found) > MOST:
            raise _too_many(len(made) + len(found))
        if len(found) * _longest(template, found) > _TEXT:
            raise CannotExpand(f"it makes {len(found):,} Applications that are too long to be looked at")
        for values in found:
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
        if (count := math.prod(map(len, parts))) > MOST:
            raise _too_many(count)
        if count * sum(max(map(len, part), default=0) for part in parts) > _ENTRIES:
            raise CannotExpand(f"it makes {count:,} Applications from more values than are looked at")
        found = [_joined(combination) for combination in itertools.product(*parts)]
    elif "merge" in generator:
        found = _merge(mapping(generator["merge"]), tree, repositories, go)
    else:
        names = ", ".join(key for key in generator if key not in ("selector", "template")) or "none"
        raise CannotExpand(f"its generator ({names}) asks a service outside of Git")
    extra = mapping(dig(generator, next(iter(generator)), "values"))
    return [{**values, **({"values": dict(extra)} if extra else {})} for values in found]


def _longest(template: Mapping[str, Any], found: Sequence[Values]) -> int:
    """Characters of an Application at most."""
    text = json.dumps(template, default=str)
    value = max((len(str(one)) for values in found for one in values.values()), default=0)
    return len(text) + text.count("{{") * value


def _too_many(count: int) -> CannotExpand:
    return CannotExpand(f"it makes {count:,} Applications, and more than {MOST:,} are not looked at")


def _joined(parts: Iterable[Values]) -> Values:
    result: Values = {}
    for part in parts:
        result.update(part)
    return result


def _merge(generator: Mapping[str, Any], tree: Tree, repositories: list[str], go: bool) -> list[Values]:
    keys = [str(key) for key in sequence(generator.get("mergeKeys"))]
    parts = [_generate(item, tree, repositories, go) for item in mappings(generator.get("generators"))]
    base = [dict(values) for values in (parts[0] if parts else [])]
    others = list(itertools.chain.from_iterable(parts[1:]))
    if len(base) * len(others) > MOST * 100:
        raise CannotExpand(f"it merges {len(base):,} with {len(others):,}, which is more than is looked at")
    for other in others:
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
        (globs.glob(str(item.get("path")).strip("/"), False), bool(item.get("exclude")))
        for item in mappings(generator.get("directories"))
    ]
    folders = sorted({folder for path in tree.below("") for folder in _parents(path)})
    chosen = []
    for folder in folders:
        hits = [exclude for matches, exclude in rules if matches(folder)]
        if hits and not any(hits):
            chosen.append(_path_values(folder, go))
    return chosen


def _git_files(generator: Mapping[str, Any], tree: Tree, go: bool) -> list[Values]:
    patterns = [globs.glob(str(item.get("path")).strip("/"), False) for item in mappings(generator["files"])]
    chosen = []
    for path in tree.below(""):
        if any(matches(path) for matches in patterns):
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
