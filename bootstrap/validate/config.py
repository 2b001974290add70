"""The repository's `bootstrap.yaml`: which one applies, and what is wrong with it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.manifests.reader import line_of
from bootstrap.repository.files import Files
from bootstrap.repository.model import Repository
from bootstrap.resources.index import mapping, sequence
from bootstrap.validate import builtin_kinds
from bootstrap.validate.places import Places
from bootstrap.validate.rule import SEVERITIES, Finding, Rule, Severity
from bootstrap.validate.rules import record
from bootstrap.validate.rules.files import BY_CODE
from bootstrap.validate.rules.record import release
from bootstrap.validate.ruleset import GROUPS, RULES, choose

KUBERNETES = (1, 36)
"""The default release."""


def records(files: Files) -> Iterator[str]:
    """Every bootstrap.yaml at the top of a layout or of the repository that is not a manifest."""
    for path in files.named(RECORD):
        folder = posixpath.dirname(path)
        beside = files.is_folder(posixpath.join(folder, "clusters"))
        if (beside or not folder) and not any(one.is_object for one in files.parsed(path).documents):
            yield path


def record_of(repository: Repository) -> str | None:
    """The bootstrap.yaml that applies to the named folder: above it, else the only one below."""
    found = list(records(repository.files))
    here = f"{repository.within}/"
    above = [
        path
        for path in found
        if here.startswith(posixpath.join(posixpath.dirname(path), "")) or path == RECORD
    ]
    return max(above, key=len, default=found[0] if len(found) == 1 else None)


def record_findings(
    repository: Repository, places: Places, own: Mapping[str, Rule] | None = None
) -> Iterator[Finding]:
    """The findings about every bootstrap.yaml; `own` are the repository's own rules."""
    for path in records(repository.files):
        parsed, content = repository.files.parsed(path), repository.files.read(path)
        for fault in parsed.faults:
            rule = BY_CODE[fault.code]
            yield Finding(rule.id, rule.severity, fault.message, fault.fix, path, fault.line)
        for document in parsed.documents[:1]:
            for place, message in record.faults(document.value, {**RULES, **(own or {})}):
                line = line_of(content, document.number, place)
                if not places.comments(path).covers(record.RECORD.id, line, line):
                    yield Finding(
                        record.RECORD.id, record.RECORD.severity, message, record.RECORD.fix, path, line
                    )


@dataclass(frozen=True)
class Settings:
    """Which rules apply, how severe they are, and the Kubernetes release.

    `own` are the repository's own rules, `groups` the requested groups of rules that are off by default.
    `kinds` is the release whose kinds and fields apply: the newest one known, unless one was named.
    """

    rules: frozenset[str]
    severities: Mapping[str, Severity]
    kubernetes: tuple[int, int] = KUBERNETES
    kinds: tuple[int, int] = KUBERNETES
    own: Mapping[str, Rule] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()


def settings(
    rules: str | None,
    kubernetes: str | None,
    configured: Mapping[str, Any],
    own: Mapping[str, Rule] | None = None,
    groups: Iterable[str] = (),
) -> Settings:
    """The rules to use: `checks:` of bootstrap.yaml, then the options. InputError for an invalid option.

    What is wrong in the file is a finding (rules/record.py), and is ignored here.
    """
    off = [item for item in sequence(configured.get("off")) if isinstance(item, str) and item]
    severities: dict[str, Severity] = {
        rule: level
        for rule, level in mapping(configured.get("severity")).items()
        if (rule in RULES or rule in (own or {})) and level in SEVERITIES
    }
    wanted = release(configured.get("kubernetes"))
    if kubernetes is not None:
        wanted = release(kubernetes)
        if wanted is None:
            raise InputError("reading --kubernetes", f"{kubernetes!r} is not a release", "write it as 1.36")
        if wanted > KUBERNETES and wanted > (newest := builtin_kinds.newest()):
            hint = "the newest known release is {}.{}".format(*max(newest, KUBERNETES))
            raise InputError("reading --kubernetes", f"Kubernetes {kubernetes} is unknown", hint)
    asked = {one for one in (*groups, *sequence(configured.get("groups"))) if one in GROUPS}
    return Settings(
        choose(rules, off, own or {}, asked),
        severities,
        wanted or KUBERNETES,
        wanted or builtin_kinds.newest(),
        own or {},
        frozenset(asked),
    )


def configured(repository: Repository) -> Mapping[str, Any]:
    """`checks:` of the nearest bootstrap.yaml; empty without one."""
    path = record_of(repository)
    documents = repository.files.parsed(path).documents if path is not None else ()
    return mapping(mapping(documents[0].value).get("checks")) if documents else {}
