"""Findings about files themselves: faults, patches without a target, credentials in chart values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bootstrap.manifests.reader import Fault, line_of
from bootstrap.programs.run import was_limited
from bootstrap.repository.faults import FileFault
from bootstrap.repository.model import Repository
from bootstrap.repository.unit import UnitResult
from bootstrap.repository.values import values_faults, values_files
from bootstrap.validate.places import Places
from bootstrap.validate.rule import Finding, Rule, Severity
from bootstrap.validate.rules.credentials import CREDENTIAL, PRIVATE_KEY
from bootstrap.validate.rules.files import BY_CODE, DUPLICATE, PATCH


def file_findings(repository: Repository, places: Places) -> Iterator[Finding]:
    """All findings that do not concern objects."""
    yield from placed(repository.faults, places)
    applied = {
        placement.unit.key
        for scope in repository.scopes
        for placement in scope.placements
        if scope.complete or placement.application
    }
    for key, unit in repository.units.items():
        yield from of_unit(unit, places, key in applied)
    for each in placed(values_faults(repository), places):
        yield replace(each, severity="warning") if each.rule == DUPLICATE.id else each  # helm takes the last
    yield from _patches(repository, places)
    yield from _credentials(repository, places)


def of_unit(unit: UnitResult, places: Places, applied: bool) -> Iterator[Finding]:
    """The faults of a folder or chart as findings."""
    for one in unit.faults:
        level = severity_of(one[1], applied)
        yield from (replace(each, severity=level or each.severity) for each in placed([one], places))


def severity_of(fault: Fault, applied: bool) -> Severity | None:
    """The severity of a fault that may not be one elsewhere; None for the rule's own."""
    if fault.code == "later" or (fault.code == "kept" and not applied):
        return "info"  # whoever applies it may have the file
    return "warning" if was_limited(fault.message) else None


def placed(faults: Iterable[FileFault], places: Places) -> Iterator[Finding]:
    """Faults as findings, except those that a comment suppresses."""
    for file, fault in faults:
        for one in _at(places, BY_CODE[fault.code], fault.message, fault.fix, file, fault.line):
            yield replace(one, severity="info") if fault.code == "locked" else one


def _at(places: Places, rule: Rule, message: str, fix: str, file: str, line: int) -> Iterator[Finding]:
    if not places.comments(file).covers(rule.id, line, line):
        yield Finding(rule.id, rule.severity, message, fix, file, line)


def _patches(repository: Repository, places: Places) -> Iterator[Finding]:
    """Patches that select nothing wherever their kustomization is built, if all builds are known."""
    messages: dict[tuple[str, str, int], str] = {}
    for unit in repository.units.values():
        for file, field, number, message in unit.patches:
            key = (file, field, number)
            messages[key] = message and messages.get(key, message)
    if not any(messages.values()):
        return
    unknown = {path for unit in repository.units.values() if unit.opaque for path in unit.closure}
    for (file, field, number), message in messages.items():
        if message and file not in unknown:
            line = line_of(repository.files.read(file), 0, (field, number, "target"))
            yield from _at(places, PATCH, message, PATCH.fix, file, line)


def _credentials(repository: Repository, places: Places) -> Iterator[Finding]:
    """Tokens and private keys in chart values: files with such names, or that an Application names."""
    if not repository.secrets:
        return
    from bootstrap.repository.values import is_values

    named = values_files(repository)
    for path, found in repository.secrets.items():
        if is_values(path) or path in named:
            for line, kind in found:
                rule = PRIVATE_KEY if kind == "a private key" else CREDENTIAL
                message = f"the values contain what looks like {kind}"
                yield from _at(places, rule, message, rule.fix, path, line)
