"""Reads `checks/*.yaml` next to the bootstrap.yaml that applies, or at the repository's top."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core.names import RECORD
from bootstrap.core.numbers import whole
from bootstrap.core.text import names_near
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping
from bootstrap.validate.own.model import Match, OwnRule
from bootstrap.validate.rule import SEVERITIES, Path, Rule

FOLDER = "checks"
MOST, LONGEST = 200, 10_000
"""Rules of a repository, and characters of an expression."""

_ID = re.compile(r"(?!GB)[A-Z][A-Z0-9_-]{1,39}")
_TEXTS = ("id", "name", "severity", "about", "fix", "expression", "message", "messageExpression", "field")
_KEYS = (*_TEXTS, "match")
_MATCH = ("kinds", "namespaces", "labels")
_RULES = re.compile(rb"^(?:rules|[- ] *expression) *:", re.MULTILINE)
_FIX = "change the object, or the rule"


@dataclass(frozen=True)
class Wrong:
    """A problem in a rule file: where, and what."""

    file: str
    document: int
    place: Path
    message: str
    line: int = 0
    """Where there is no place to look for it: the file cannot be read. 0: at `place`."""


@dataclass
class Own:
    """The rules of a repository, and the problems of their files."""

    rules: dict[str, OwnRule] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read(files: Files, record: str | None) -> Own:
    """Every rule; `record` is the bootstrap.yaml that applies. Kubernetes objects are not rules."""
    found = Own()
    top = posixpath.dirname(record or "")
    for path in sorted(files.children(posixpath.join(top, FOLDER))):
        if not path.endswith((".yaml", ".yml")):
            continue
        parsed = files.parsed(path)
        if parsed.faults and (files.has(posixpath.join(top, RECORD)) or _RULES.search(files.read(path))):
            found.wrong += [Wrong(path, 0, (), one.message, one.line) for one in parsed.faults]
        for document in parsed.documents:
            if document.value is None or document.is_object:
                continue
            if not isinstance(document.value, dict) or "rules" not in document.value:
                if files.has(posixpath.join(top, RECORD)) or _is_like_rules(document.value):
                    found.wrong.append(Wrong(path, document.number, (), "it has no list of rules (`rules:`)"))
                continue
            found.files.append(path)
            _document(found, path, document.number, document.value)
    return found


def _is_like_rules(value: Any) -> bool:
    """Whether a document without `rules:` is a rule, or a list of rules."""
    return any(
        isinstance(one, dict) and "expression" in one
        for one in (value if isinstance(value, list) else [value])
    )


def _document(found: Own, file: str, number: int, value: Mapping[str, Any]) -> None:
    def wrong(message: str, *place: str | int) -> None:
        found.wrong.append(Wrong(file, number, place, message))

    for key in value:
        if key != "rules":
            wrong(f"unknown key {key}{names_near(str(key), ['rules'])}", key)
    rules = value["rules"]
    if not isinstance(rules, list):
        wrong("rules is not a list", "rules")
        return
    for at, item in enumerate(rules):
        faults = list(_faults(item))
        if faults:
            wrong("; ".join(message for _, message in faults), "rules", at, *faults[0][0])
            continue
        made = _made(item, file, number, ("rules", at))
        if made.rule.id in found.rules:
            before = found.rules[made.rule.id]
            wrong(f"{made.rule.id} is the id of another rule, in {before.file}", "rules", at, "id")
        elif len(found.rules) >= MOST:
            wrong(f"there are more than {MOST} rules: this one and those after it are not used", "rules", at)
            return
        else:
            found.rules[made.rule.id] = made


def _faults(item: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(item, dict):
        yield (), "the rule is not a mapping"
        return
    for key in item:
        if key not in _KEYS:
            yield (str(key),), f"unknown key {key}{names_near(str(key), _KEYS)}"
    for key in _TEXTS:
        if key in item and not (isinstance(item[key], str) and item[key].strip()):
            yield (key,), f"{key} is not text"
        elif len(str(item.get(key) or "")) > LONGEST:
            yield (key,), f"{key} has more than {LONGEST:,} characters"
    for key in ("id", "expression"):
        if item.get(key) is None:
            yield (), f"the rule has no {key}"
    if isinstance(item.get("id"), str) and not _ID.fullmatch(item["id"]):
        yield (
            ("id",),
            f"{item['id']!r} is not an id such as SHOP-1 (capitals, digits and dashes; GB is reserved)",
        )
    if "severity" in item and item["severity"] not in SEVERITIES:
        yield ("severity",), f"severity is {item['severity']!r}, not {', '.join(SEVERITIES)}"
    yield from _match_faults(item.get("match", {}))


def _match_faults(match: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(match, dict):
        yield ("match",), "match is not a mapping of kinds, namespaces and labels"
        return
    for key in match:
        if key not in _MATCH:
            yield ("match", str(key)), f"unknown key match.{key}{names_near(str(key), _MATCH)}"
    for key in ("kinds", "namespaces"):
        if key in match and not _is_texts(match[key]):
            yield ("match", key), f"match.{key} is not a list of names"
    labels = match.get("labels", {})
    if not isinstance(labels, dict) or not _is_texts(list(labels.values())):
        yield ("match", "labels"), "match.labels is not a mapping of labels to text"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _made(item: Mapping[str, Any], file: str, document: int, place: Path) -> OwnRule:
    match = mapping(item.get("match"))
    message = str(item.get("message") or item.get("about") or "")
    about = str(item.get("about") or message or item["expression"])
    rule = Rule(
        item["id"],
        str(item.get("name") or item["id"].lower()),
        item.get("severity", "warning"),
        " ".join(about.split()),
        " ".join(str(item.get("fix") or _FIX).split()),
    )
    path = tuple(
        _part(one) for one in re.findall(r"[^.\[\]]+|(?<=\[)\d+(?=\])", str(item.get("field") or ""))
    )
    chosen = Match(
        tuple(match.get("kinds", ())), tuple(match.get("namespaces", ())), mapping(match.get("labels"))
    )
    expression = item["expression"]
    said = str(item.get("messageExpression") or "")
    return OwnRule(rule, expression, chosen, message, said, path, file, document, place)


def _part(text: str) -> str | int:
    number = whole(text)
    return text if number is None else number
