"""The repository's `bootstrap.yaml`: which one counts, and what is wrong with it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from bootstrap.checks import record
from bootstrap.checks.catalog import RULES
from bootstrap.checks.files import BY_CODE
from bootstrap.checks.rule import Finding
from bootstrap.index_places import Places
from bootstrap.manifests.reader import line_of
from bootstrap.repository.files import Files
from bootstrap.repository.locate import RECORD
from bootstrap.repository.model import Repository


def records(files: Files) -> Iterator[str]:
    """Every bootstrap.yaml that lies at the top of a layout, or of the repository, and is no manifest."""
    for path in files.named(RECORD):
        folder = posixpath.dirname(path)
        beside = files.is_folder(posixpath.join(folder, "clusters"))
        if (beside or not folder) and not any(one.is_object for one in files.parsed(path).documents):
            yield path


def record_of(repository: Repository) -> str | None:
    """The bootstrap.yaml that counts for the folder that was named: above it, else the only one below."""
    found = list(records(repository.files))
    here = f"{repository.within}/"
    above = [
        path
        for path in found
        if here.startswith(posixpath.join(posixpath.dirname(path), "")) or path == RECORD
    ]
    return max(above, key=len, default=found[0] if len(found) == 1 else None)


def record_findings(repository: Repository, places: Places) -> Iterator[Finding]:
    """What is wrong with every one of them."""
    for path in records(repository.files):
        parsed, content = repository.files.parsed(path), repository.files.read(path)
        for fault in parsed.faults:
            rule = BY_CODE[fault.code]
            yield Finding(rule.id, rule.severity, fault.message, fault.mend, path, fault.line)
        for document in parsed.documents[:1]:
            for field, message in record.faults(document.value, RULES):
                line = line_of(content, document.number, field)
                if not places.comments(path).covers(record.RECORD.id, line, line):
                    yield Finding(
                        record.RECORD.id, record.RECORD.severity, message, record.RECORD.mend, path, line
                    )
