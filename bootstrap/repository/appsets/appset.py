"""Pure: the Applications that an ApplicationSet generates, as Argo CD does, as far as Git alone shows.

List, git, matrix and merge generators, and clusters as far as their Secrets are in Git. Anything else
is reported, never guessed.
"""

from __future__ import annotations

import copy
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core.git_refs import is_elsewhere
from bootstrap.git.urls import same_repository
from bootstrap.repository.appsets.appset_git import Readable, directories, files
from bootstrap.repository.appsets.appset_template import (
    Language,
    Refused,
    Values,
    application,
    check_depth,
    elements,
    interpolated,
    own_values,
)
from bootstrap.repository.appsets.gotemplate_run import printed
from bootstrap.repository.appsets.sprig import normalised
from bootstrap.repository.appsets.sprig_data import floats
from bootstrap.repository.appsets.sprig_values import merged
from bootstrap.resources.index import IN_CLUSTER, dig, label_selects, mapping, mappings, sequence

__all__ = ["CannotExpand", "Expansion", "Inputs", "Refused", "expand"]


MOST = 10_000
"""The most Applications of a set; of all sets together, twice as many are read."""
_ENTRIES = 1_000_000
"""The most values that the Applications of a set are generated from, in total."""
_TEXT = 50_000_000
"""The most characters in the Applications of a set, in total."""


class CannotExpand(Exception):
    """A generator needs something that is not in Git; the text says what."""


@dataclass(frozen=True)
class Inputs:
    """What generators read; `elsewhere` are branches and tags that are not checked out."""

    tree: Readable
    repositories: Sequence[str]
    clusters: Sequence[Mapping[str, Any]] = ()
    elsewhere: frozenset[str] = frozenset()


@dataclass
class Expansion:
    """The Applications of a set; `unknown` says what Git does not show, one line each.

    `partial`: there may be more Applications than these.
    """

    applications: list[Mapping[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    partial: bool = False


_ORDER = (
    "list",
    "clusters",
    "git",
    "scmProvider",
    "clusterDecisionResource",
    "pullRequest",
    "matrix",
    "merge",
)
_GENERATORS = (*_ORDER, "plugin")
_SERVICES = {
    "scmProvider": "asks a Git host for its repositories",
    "clusterDecisionResource": "asks an object in the cluster",
    "pullRequest": "asks a Git host for its pull requests",
    "plugin": "asks a service",
}


def expand(body: Mapping[str, Any], inputs: Inputs) -> Expansion:
    """What a set generates; raises Refused when Argo CD generates nothing from it."""
    spec = mapping(body.get("spec"))
    check_depth(spec, ())
    language = Language.from_spec(spec)
    found = Expansion(unknown=language.unknown)
    for generator in mappings(spec.get("generators")):
        for kind in _relevant(generator):
            template = merged(
                copy.deepcopy(dict(mapping(dig(generator, kind, "template")))),
                mapping(spec.get("template")),
            )
            try:
                many = list(_transform(generator, kind, inputs, language))
                _check_size(template, len(found.applications), many)
            except CannotExpand as error:
                found.unknown.append(str(error))
                found.partial = True
                continue
            found.applications += [application(body, template, values, language) for values in many]
    return found


def _check_size(template: Mapping[str, Any], made: int, many: Sequence[Values]) -> None:
    """Raise CannotExpand for what would take too long or too much memory."""
    if made + len(many) > MOST:
        raise _too_many(made + len(many))
    text = json.dumps(template, default=str)
    longest = max((len(str(one)) for values in many for one in values.values()), default=0)
    if len(many) * (len(text) + text.count("{{") * longest) > _TEXT:
        raise CannotExpand(f"it generates {len(many):,} Applications, which are too large to read")


def _too_many(count: int) -> CannotExpand:
    return CannotExpand(f"it generates {count:,} Applications, and only {MOST:,} are read")


def _relevant(generator: Mapping[str, Any]) -> list[str]:
    kinds = [kind for kind in _GENERATORS if generator.get(kind) is not None]
    if not kinds:
        names = ", ".join(key for key in generator if key not in ("selector", "template"))
        if not names:
            return []  # Argo CD generates nothing from it, and does not complain
        raise Refused(f"it has a generator that Argo CD does not know ({names})")
    return kinds


def _transform(
    generator: Mapping[str, Any], kind: str, inputs: Inputs, language: Language
) -> Iterator[Values]:
    """The parameters of one generator that its selector lets through."""
    selector = mapping(generator.get("selector"))
    for values in _generate(kind, mapping(generator[kind]), inputs, language):
        if not selector or label_selects(selector, dict(flat(values))):
            yield values


def _nested(generator: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    """The parameters of a generator inside a matrix or merge: each has only one kind."""
    kinds = _relevant(generator)
    if len(kinds) != 1:
        count = "more than one" if kinds else "no"
        raise Refused(f"it has {count} generator in an item of a matrix or merge")
    return list(_transform(generator, kinds[0], inputs, language))


def _generate(kind: str, body: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    if kind == "list":
        return _list(body, language)
    if kind == "git":
        return _git(body, inputs, language)
    if kind == "clusters":
        return _clusters(body, inputs, language)
    if kind == "matrix":
        return _matrix(body, inputs, language)
    if kind == "merge":
        return _merge(body, inputs, language)
    raise CannotExpand(f"its generator {kind} {_SERVICES[kind]}")


def _list(body: Mapping[str, Any], language: Language) -> list[Values]:
    found = []
    for element in map(floats, sequence(body.get("elements"))):
        if not isinstance(element, dict):
            raise Refused("an element of its list is not a mapping")
        if language.go:
            found.append(element)
            continue
        values: Values = {}
        for key, item in element.items():
            if key == "values":
                if not isinstance(item, dict):
                    raise Refused("an element of its list has values that are not a mapping")
                values |= {f"values.{name}": _text(one, name) for name, one in item.items()}
            else:
                values[key] = _text(item, key)
        found.append(values)
    if isinstance(more := body.get("elementsYaml"), str) and more:
        if language.go and "{{" in more:
            raise CannotExpand("its elementsYaml is not known from Git alone")
        found += elements(more)
    return found


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{key} of a list's element is not a string, which a set without goTemplate needs")
    return value


def _git(body: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    url = str(body.get("repoURL"))
    if not sequence(body.get("directories")) and not sequence(body.get("files")):
        raise Refused("its git generator names neither directories nor files")
    if "{{" in url:
        raise CannotExpand(f"it lists the folders of a repository that Git does not show, {url}")
    if not any(same_repository(url, known) for known in inputs.repositories):
        raise CannotExpand(f"it lists the folders of another repository, {url}")
    revision = str(body.get("revision") or "HEAD")
    if is_elsewhere(revision, inputs.elsewhere):
        raise CannotExpand(f"it lists the folders of {revision}, which is not checked out")
    prefix = str(body.get("pathParamPrefix") or "")
    found = []
    if sequence(body.get("directories")):
        for folder in directories(inputs.tree, mappings(body["directories"])):
            found.append(_placed({}, folder, None, prefix, language))
    else:
        for path, content in files(inputs.tree, mappings(body["files"])):
            values = floats(content) if language.go else dict(flat(floats(content)))
            found.append(_placed(values, posixpath.dirname(path) or ".", path, prefix, language))
    return [own_values(body, values, language) for values in found]


def _placed(values: Values, folder: str, path: str | None, prefix: str, language: Language) -> Values:
    """Parameters with those of a folder, and of the file in it."""
    name = posixpath.basename(folder)
    parts: Values = {"basename": name, "basenameNormalized": normalised(name)}
    if path is not None:
        parts |= {"filename": posixpath.basename(path)}
        parts |= {"filenameNormalized": normalised(posixpath.basename(path))}
    segments = folder.split("/")
    if language.go:
        parts |= {"path": folder, "segments": segments}
        return {**values, **({prefix: {"path": parts}} if prefix else {"path": parts})}
    start = f"{prefix}.path" if prefix else "path"
    result = {**values, start: folder, **{f"{start}.{key}": item for key, item in parts.items()}}
    return result | {f"{start}[{number}]": part for number, part in enumerate(segments) if part}


def flat(value: Any, start: str = "") -> Iterator[tuple[str, str]]:
    """Nested parameters as `a.b.0` → their text."""
    pairs: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        name = f"{start}{key}"
        if isinstance(item, dict | list):
            yield from flat(item, f"{name}.")
        else:
            yield name, printed(item)


def _clusters(body: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    """The clusters whose Secrets are in Git, and unless there is a selector, the one that Argo CD runs on."""
    selector = mapping(body.get("selector"))
    chooses = bool(selector.get("matchLabels") or selector.get("matchExpressions"))
    found = []
    for cluster in inputs.clusters:
        if not label_selects(selector, mapping(cluster.get("labels"))):
            continue
        found.append(own_values(body, _cluster(cluster, language), language))
    if chooses and not found:
        raise CannotExpand("it selects clusters by labels of Secrets, which are not in Git")
    if not chooses and not any(one.get("server") == IN_CLUSTER for one in inputs.clusters):
        values = {"name": "in-cluster", "nameNormalized": "in-cluster", "server": IN_CLUSTER, "project": ""}
        found.append(own_values(body, values, language))
    return [{"clusters": found}] if body.get("flatList") is True else found


def _cluster(cluster: Mapping[str, Any], language: Language) -> Values:
    name = str(cluster.get("name") or "")
    values: Values = {"name": name, "nameNormalized": normalised(name)}
    values |= {"server": str(cluster.get("server") or ""), "project": str(cluster.get("project") or "")}
    given = {key: dict(mapping(cluster.get(key))) for key in ("annotations", "labels") if cluster.get(key)}
    if language.go:
        return {**values, "metadata": given}
    return values | {
        f"metadata.{field_}.{key}": str(item) for field_, many in given.items() for key, item in many.items()
    }


def _matrix(body: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    generators = mappings(body.get("generators"))
    if len(generators) != 2:
        raise Refused(f"its matrix has {len(generators)} generators, but Argo CD requires two")
    found: list[Values] = []
    entries = 0
    for one in _nested(generators[0], inputs, language):
        second = _nested(interpolated(generators[1], one, language), inputs, language)
        entries += sum(len(one) + len(other) for other in second)
        if len(found) + len(second) > MOST:
            raise _too_many(len(found) + len(second))
        if entries > _ENTRIES:
            raise CannotExpand(f"it generates {len(found):,} Applications from more values than are read")
        for other in second:
            if language.go:
                both = _over(copy.deepcopy(other), one)
            else:
                clash = sorted(key for key in one if key in other and one[key] != other[key])
                if clash:
                    raise Refused(f"both generators of its matrix set {clash[0]}, to different values")
                both = {**one, **other}
            found.append(both)
    return found


def _merge(body: Mapping[str, Any], inputs: Inputs, language: Language) -> list[Values]:
    generators = mappings(body.get("generators"))
    keys = [str(key) for key in sequence(body.get("mergeKeys"))]
    if len(generators) < 2:
        raise Refused("its merge has fewer than two generators")
    if not keys:
        raise Refused("its merge has no mergeKeys")
    base, *others = [_by_keys(_nested(one, inputs, language), keys) for one in generators]
    for other in others:
        for key, values in base.items():
            if key in other and language.go:
                _over(values, other[key])
            elif key in other:
                values.update(other[key])
    return list(base.values())


def _over(values: Values, others: Mapping[str, Any]) -> Values:
    """The values with others over them, as Argo CD does it in Go templates: empty ones and zeros, too."""
    for key, value in others.items():
        own = values.get(key)
        if isinstance(own, dict) and isinstance(value, dict):
            _over(own, value)
        else:
            values[key] = copy.deepcopy(value)
    return values


def _by_keys(many: list[Values], keys: list[str]) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for values in many:
        key = json.dumps({name: values.get(name) for name in keys}, sort_keys=True, default=str)
        if key in found:
            raise Refused(f"a generator of its merge gives {key} twice")
        found[key] = copy.deepcopy(values)
    return found
