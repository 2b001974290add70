"""What commands show of a repository's own rules."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.core.names import RECORD
from bootstrap.repository.files import scan
from bootstrap.repository.locate import locate
from bootstrap.validate.own.read import Own, read
from bootstrap.validate.rule import Rule


def found_in(path: Path, invocation: Invocation) -> list[Rule]:
    """The rules of the repository that a folder is in; nothing is rendered for it."""
    files = scan(locate(path, invocation).top)
    return [one.rule for one in read(files, RECORD if files.has(RECORD) else None).rules.values()]


def concerned_by_rules(own: Own, changed: Collection[str]) -> frozenset[str]:
    """The rules in a changed file: what they find is new, wherever it is."""
    return frozenset(name for name, one in own.rules.items() if one.file in changed)
