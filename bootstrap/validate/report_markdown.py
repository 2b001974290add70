"""Findings as Markdown, for the comment of a pull request: a table for each Application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bootstrap.validate.report import Scope, by_cause, counted, notes, places
from bootstrap.validate.rule import SEVERITIES, Finding

LIMIT = 60_000
"""Characters after which findings are only counted: comments on Git hosts have at most 65,536."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#])")


def markdown(findings: Sequence[Finding], scope: Scope) -> str:
    """Their number, then a table for each Application (or file, for what none applies)."""
    within = f" in {_code(scope.within)}" if scope.within else ""
    parts = [f"**bootstrap validate**: {counted(findings)}, {scope.objects:,} objects checked{within}\n"]
    size, listed = 0, 0
    for title, group in _grouped(findings):
        table = [f"\n### {title}\n", "| | where | what is wrong | what to do |", "| --- | --- | --- | --- |"]
        size += sum(map(len, table))
        for finding, others in by_cause(group):
            row = _row(finding, others)
            size += len(row) + 1
            if size > LIMIT:
                break
            table.append(row)
            listed += 1 + len(others)
        if len(table) > 3:
            parts.append("\n".join(table) + "\n")
        if size > LIMIT:
            parts.append(
                f"\n… and {len(findings) - listed:,} more: `bootstrap validate` lists all of them.\n"
            )
            break
    parts += (f"\n{_text(note[0].upper() + note[1:])}.\n" for note in notes(scope))
    return "".join(parts)


def _grouped(findings: Sequence[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Sorted by Application, what none applies last; within a group the most severe first."""
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: (not one.application, one.application)):
        title = f"Application {_code(finding.application)}" if finding.application else "Files"
        groups.setdefault(title, []).append(finding)
    for title, group in groups.items():
        yield title, sorted(group, key=lambda one: (SEVERITIES.index(one.severity), one.file, one.line))


def _row(finding: Finding, others: Sequence[Finding]) -> str:
    what = f"{finding.severity} {finding.rule}"
    said = f"{finding.message}; and {len(others)} more: {places(others)}" if others else finding.message
    return f"| {what} | {_code(finding.where)} | {_text(said)} | {_text(finding.fix)} |"


def _text(value: str) -> str:
    """Text for a cell, escaped: no markup, no mention of a person, no line break."""
    return _SPECIAL.sub(r"\\\1", " ".join(value.split())).replace("@", "@\u200b")


def _code(value: str) -> str:
    """A path or name as code; a pipe would end the cell, a backtick the code."""
    return "`" + " ".join(value.split()).replace("`", "'").replace("|", "\\|") + "`"
