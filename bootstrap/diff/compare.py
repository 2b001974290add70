"""Pure: what differs between two sets of objects, by Application; Secrets show no value."""

from __future__ import annotations

import difflib
import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bootstrap.core.text import counted
from bootstrap.diff.anew import PLAIN, Syncing
from bootstrap.diff.immutable import refusal
from bootstrap.diff.readable import readable
from bootstrap.repository.coverage_line import Coverage
from bootstrap.resources.index import Resource, mapping

Key = tuple[str, str, str, str]
"""(cluster, kind, namespace, name)."""

LIMIT = 60_000
"""Characters of objects in Markdown; a comment on GitHub has at most 65,536."""
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Change:
    """One object that is added, removed or changed; `lines` are a unified diff without its header.

    `refused` says why the API server refuses the change, "" when it accepts it.
    """

    kind: Literal["add", "remove", "change"]
    object: str
    application: str
    where: str
    lines: tuple[str, ...]
    refused: str = ""


def compare(
    before: Mapping[Key, Resource],
    after: Mapping[Key, Resource],
    syncing: Callable[[Key, Resource], Syncing] = lambda key, one: PLAIN,
) -> list[Change]:
    """The changes from one set to the other, by Application and name.

    `syncing` tells how an object's Application applies it.

    A ConfigMap or Secret whose name has a hash of its content counts as one change, and so does an object
    that its Application applies to another cluster: what was applied before stays.
    """
    before, after = dict(before), dict(after)
    elsewhere = moved(before, after)
    renamed = {**renamed_hashes(before, after), **elsewhere}
    changes = []
    for key in sorted({*before, *after}):
        if key in renamed.values():
            continue
        old, new = before.get(key), after.get(renamed.get(key, key))
        if old is not None and new is not None and key not in renamed and is_same(old.body, new.body):
            continue
        places = (cluster_of(key), cluster_of(elsewhere[key])) if key in elsewhere else None
        applied = syncing(renamed.get(key, key), new) if new is not None else PLAIN
        changes.append(_change(old, new, places, applied))
    return sorted(changes, key=lambda change: (change.application, change.object))


def _change(
    old: Resource | None, new: Resource | None, clusters: tuple[str, str] | None, syncing: Syncing
) -> Change:
    shown = new or old
    assert shown is not None  # noqa: S101 - the key comes from one of the two
    kind: Literal["add", "remove", "change"] = "change" if old and new else "add" if new else "remove"
    one = _text(old.body, new.body if new else None, "old") if old else []
    other = _text(new.body, old.body if old else None, "new") if new else []
    lines = list(difflib.unified_diff(one, other, n=2, lineterm=""))[2:]
    if clusters is not None:
        lines = [f"-cluster: {clusters[0]}", f"+cluster: {clusters[1]}", *lines]
    where = where_of(shown)
    refused = refusal(old, new, syncing) if old and new and clusters is None else ""
    return Change(kind, str(shown), shown.application, where, tuple(lines), refused)


def where_of(resource: Resource) -> str:
    """File and line, "" if unknown."""
    return resource.place


def cluster_of(key: Key) -> str:
    """The cluster in a key, after the name of what leads to it."""
    return key[0].rpartition(" ")[2]


def moved(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> dict[Key, Key]:
    """Old → new key of objects that the same Application applies to another cluster."""

    def identity(key: Key, one: Resource) -> tuple[str, ...]:
        return (key[0].rpartition(" ")[0], one.application, *key[1:])

    come = {identity(key, one): key for key, one in after.items() if key not in before}
    gone = {key: identity(key, one) for key, one in before.items() if key not in after}
    return {key: come[which] for key, which in gone.items() if which in come}


def renamed_hashes(before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> dict[Key, Key]:
    """Old → new name of objects whose name has a hash that kustomize appends."""
    gone: dict[Key, list[Key]] = defaultdict(list)
    come: dict[Key, list[Key]] = defaultdict(list)
    for keys, others, found in ((before, after, gone), (after, before, come)):
        for key in keys:
            if key not in others and key[1] in ("ConfigMap", "Secret") and "-" in key[3]:
                found[(*key[:3], key[3].rpartition("-")[0])].append(key)
    return {
        old[0]: come[stem][0] for stem, old in gone.items() if len(old) == 1 and len(come.get(stem, ())) == 1
    }


def is_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two bodies differ only in what the API server and its controllers add."""
    return old == new or clean(old) == clean(new)


def clean(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the API server and its controllers add; it shares its fields with `body`."""
    result = {key: value for key, value in body.items() if key != "status"}
    if isinstance(metadata := result.get("metadata"), dict):
        metadata = {key: value for key, value in metadata.items() if key not in _SERVER_FIELDS}
        if isinstance(annotations := metadata.get("annotations"), dict):
            metadata["annotations"] = {
                key: value for key, value in annotations.items() if key != _LAST_APPLIED
            }
            if not metadata["annotations"]:
                del metadata["annotations"]
        result["metadata"] = metadata
    return result


def masked(body: Mapping[str, Any], other: Mapping[str, Any] | None, word: str) -> Mapping[str, Any]:
    """A Secret without its values: for each, only whether `other` has the same."""
    if body.get("kind") != "Secret":
        return body
    result = dict(body)
    for field in ("data", "stringData"):
        if field in body:
            values = mapping((other or {}).get(field))
            result[field] = {
                key: "[hidden]" if key in values and values[key] == value else f"[hidden, {word}]"
                for key, value in mapping(body[field]).items()
            }
    return result


def _text(body: Mapping[str, Any], other: Mapping[str, Any] | None = None, word: str = "") -> list[str]:
    return list(readable(masked(clean(body), other, word)))


SIGNS = {"add": "+", "remove": "-", "change": "~"}


def text(changes: Iterable[Change]) -> Iterator[str]:
    """For a terminal: an Application, its objects, their lines."""
    for application, part in _grouped(changes):
        yield f"{application or 'applied by hand'}:"
        for change in part:
            yield f"  {SIGNS[change.kind]} {change.object}" + (f"  ({change.where})" if change.where else "")
            if change.refused:
                yield f"    ! {change.refused}"
            yield from (f"      {line}" for line in change.lines)


def plain(name: str) -> str:
    """A name from the repository, escaped for Markdown and HTML: no link, no mention."""
    text = html.escape(" ".join(name.split()), quote=False)
    return re.sub(r"[\\`*_\[\]()#!|~@]", lambda found: f"&#{ord(found[0])};", text)


def _fence(lines: Iterable[str]) -> str:
    """A fence longer than any in the lines: one of these would end the block, even if it is indented."""
    longest = max((len(run) for line in lines for run in re.findall("~+", line)), default=0)
    return "~" * max(4, longest + 1)


def markdown(
    changes: Iterable[Change],
    limit: int = LIMIT,
    unread: Iterable[tuple[str, str]] = (),
    read: Coverage | None = None,
) -> str:
    """For a pull request: one foldable block per object, cut at the limit of Git hosts' comments.

    `unread` are changed files whose objects were not read, with the reason; `read` is reported
    below.
    """
    changes = list(changes)
    coverage = f"\n{plain(str(read)[0].upper() + str(read)[1:])}.\n" if read is not None else ""
    beside = [
        f"- <code>{plain(path)}</code> changed, but its objects were not read ({plain(why)})"
        for path, why in unread
    ]
    if not changes and beside:
        return (
            "\n".join(["None of the objects that were read changes in the cluster.", "", *beside])
            + f"\n{coverage}"
        )
    if not changes:
        return f"Nothing changes in the cluster.\n{coverage}"
    counts = {kind: sum(change.kind == kind for change in changes) for kind in ("add", "change", "remove")}
    places = {change.application for change in changes if change.application}
    where = f", in {counted(len(places), 'Application')}" if len(places) > 1 else ""
    lines = [f"**{counts['add']} added, {counts['change']} changed, {counts['remove']} removed{where}**"]
    lines += ["", "### Not read", *beside] if beside else []
    gone = {one.object.partition(" ")[2] for one in changes if one.kind == "remove" and _is_application(one)}
    shown: dict[object, str] = {}
    size = 0
    for application, part in _grouped(changes):
        lines += ["", f"### {plain(application) or 'applied by hand'}"]
        if application in gone and all(change.kind == "remove" for change in part):
            lines += _removed(part)
            continue
        for change in part:
            same = shown.setdefault(_sameness(change), change.object)
            if same != change.object:
                lines.append(f"- {_named(change)}: the same lines as <code>{plain(same)}</code>")
                continue
            block = _block(change)
            size += sum(len(line) + 1 for line in block)
            lines += block if size < limit else [f"- {_named(change)} (too long to show)"]
    return "\n".join(lines) + f"\n{coverage}"


def _named(change: Change) -> str:
    return f"{change.kind} <code>{plain(change.object)}</code>"


def _is_application(change: Change) -> bool:
    return change.object.startswith("Application ")


def _sameness(change: Change) -> object:
    """What changes that are shown once have in common: the kind and name of the object, and the lines."""
    kind, _, name = change.object.partition(" ")
    lines = tuple(line for line in change.lines if line[:1] in "+-" and "namespace:" not in line)
    return change.kind, kind, name.rpartition("/")[2], change.refused, lines


def _block(change: Change) -> list[str]:
    fence = _fence(change.lines)
    return [
        f"<details><summary>{_named(change)}</summary>",
        "",
        *([f"**{plain(change.refused)}**", ""] if change.refused else []),
        f"{fence}diff",
        *change.lines,
        fence,
        "</details>",
    ]


def _removed(part: Sequence[Change]) -> list[str]:
    """All objects of an Application that is gone, by name."""
    names = [f"- <code>{plain(change.object)}</code>" for change in part]
    return [f"<details><summary>remove {counted(len(part), 'object')}</summary>", "", *names, "</details>"]


def data(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """As JSON data (docs/json.md)."""
    return [
        {
            "change": change.kind,
            "object": change.object,
            "application": change.application or None,
            "where": change.where or None,
            "refused": change.refused or None,
            "diff": list(change.lines),
        }
        for change in changes
    ]


def _grouped(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[change.application].append(change)
    return iter(groups.items())
