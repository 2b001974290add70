"""Findings as text, JSON, SARIF (code scanning), GitHub annotations, or JUnit.

Markdown is report_markdown.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bootstrap import __version__
from bootstrap.core import output, runner_orders
from bootstrap.repository.coverage_line import Coverage, Part
from bootstrap.validate.baseline import fingerprint
from bootstrap.validate.rule import SEVERITIES, Finding, Rule
from bootstrap.validate.ruleset import RULES

FORMATS = ("text", "json", "sarif", "github", "junit", "markdown")


@dataclass(frozen=True)
class Unchecked:
    """Rules that could not check everything because of unread parts; `text` says so in one line."""

    rules: tuple[str, ...]
    text: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Scope:
    """What was checked: how many objects, of which repository, and which parts were left out.

    `within` is the named folder below `root`, "" for all of it; `left_out` are Git repositories
    inside it; `own` the repository's own rules.
    """

    objects: int
    root: str = ""
    within: str = ""
    left_out: tuple[str, ...] = ()
    unchecked: Unchecked | None = None
    coverage: Coverage | None = None
    own: Mapping[str, Rule] = field(default_factory=dict)


def notes(scope: Scope) -> list[str]:
    """What every format says besides the findings: what was read, and what was not checked."""
    found = [str(scope.coverage)] if scope.coverage is not None else []
    return found + ([f"not checked: {scope.unchecked}"] if scope.unchecked is not None else [])


def summary(findings: Sequence[Finding], scope: Scope) -> str:
    """One line: how many of each severity."""
    below = f" in {scope.within}" if scope.within else ""
    return f"{scope.objects:,} objects checked{below}: {counted(findings)}"


def counted(findings: Sequence[Finding]) -> str:
    """How many findings there are of each severity."""
    counts = Counter(finding.severity for finding in findings)
    numbers = ", ".join(
        f"{counts[severity]} {severity}{_plural(severity, counts[severity])}"
        for severity in SEVERITIES
        if counts[severity]
    )
    return numbers or "no findings"


def _plural(severity: str, count: int) -> str:
    return "s" if count != 1 and severity != "info" else ""


_MANY = 3
"""Findings of one cause that are listed one by one; of more, the first names the other places."""
_NAMED = 5


def text(findings: Sequence[Finding]) -> Iterator[str]:
    """Three lines each: place and problem, the object, the fix; what many places share is reported once."""
    for finding, others in by_cause(findings):
        more = f"; and {len(others)} more" if others else ""
        yield _one_line(f"{finding.where}: {finding.severity} {finding.rule}: {finding.message}{more}")
        if finding.application:
            yield _one_line(f"    of Application {finding.application}")
        if others:
            yield _one_line(f"    also: {places(others)}")
        yield _one_line(f"    to do: {finding.fix}")


def by_cause(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Sequence[Finding]]]:
    """Each finding, in order; one that many repeat for other objects and places, with those others."""
    causes: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        causes.setdefault(_cause(one), []).append(one)
    for one in findings:
        same = causes[_cause(one)]
        if len(same) <= _MANY:
            yield one, ()
        elif same[0] is one:
            yield one, same[1:]


_SET = re.compile(r"(?<=^the ApplicationSet )\S+")


def _cause(finding: Finding) -> tuple[str, ...]:
    said = finding.message.replace(finding.object, "") if finding.object else finding.message
    said = _SET.sub("", said)  # a fault of a file, which has no object
    return (finding.rule, finding.severity, said, finding.fix)


def places(others: Sequence[Finding]) -> str:
    """Where the same is wrong, for a reader: the first few."""
    rest = f" and {len(others) - _NAMED} more (-o json lists all)" if len(others) > _NAMED else ""
    return ", ".join(one.where for one in others[:_NAMED]) + rest


def _one_line(text: str) -> str:
    """A line of a report, with the line breaks of names and values escaped."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def as_json(findings: Sequence[Finding], scope: Scope) -> dict[str, Any]:
    """The findings as data (docs/json.md)."""
    counts = Counter(finding.severity for finding in findings)
    return {
        "findings": [asdict(finding) for finding in findings],
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "objects": scope.objects,
        "root": scope.root,
        "within": scope.within,
        "leftOut": list(scope.left_out),
        "notChecked": asdict(scope.unchecked) if scope.unchecked is not None else None,
        "coverage": scope.coverage.data() if scope.coverage is not None else None,
    }


_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(findings: Sequence[Finding], scope: Scope) -> str:
    """SARIF 2.1.0 for code scanning."""
    used = sorted({finding.rule for finding in findings})
    known = {**RULES, **scope.own}
    rules = [
        {
            "id": rule.id,
            "name": rule.name,
            "shortDescription": {"text": rule.about},
            "help": {"text": rule.fix},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        }
        for rule in (known[name] for name in used)
    ]
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": used.index(finding.rule),
            "level": _LEVELS[finding.severity],
            "message": {"text": f"{finding.message}. To do: {finding.fix}."},
            "partialFingerprints": {"bootstrap/v1": fingerprint(finding)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.file or ".", "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": max(finding.line, 1)},
                    }
                }
            ],
        }
        for finding in findings
    ]
    driver = {"name": "bootstrap", "version": __version__, "rules": rules}
    log: dict[str, Any] = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    if remarks := [{"level": "note", "message": {"text": one}} for one in notes(scope)]:
        log["runs"][0]["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": remarks}]
    return output.as_json(log)


def github(findings: Sequence[Finding], scope: Scope) -> Iterator[str]:
    """Workflow commands, which GitHub shows next to the lines."""
    levels = {"error": "error", "warning": "warning", "info": "notice"}
    for finding in findings:
        place = f"file={_escaped(finding.file, True)},line={max(finding.line, 1)},title={finding.rule}"
        message = _escaped(f"{finding.message}. To do: {finding.fix}", False)
        yield f"::{levels[finding.severity]} {place}::{message}"
    for note in notes(scope):
        title, _, rest = note.partition(": ")
        yield f"::notice title={title}::{_escaped(rest, False)}"


def _escaped(value: str, is_property: bool) -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return value.replace(":", "%3A").replace(",", "%2C") if is_property else value


def junit(findings: Sequence[Finding], scope: Scope) -> str:
    """JUnit XML: one test case per finding, or a passed one if there are none."""
    from xml.etree import ElementTree as xml

    failures = sum(finding.severity != "info" for finding in findings)
    suite = xml.Element(
        "testsuite",
        name="bootstrap validate",
        tests=str(max(len(findings), 1)),
        failures=str(failures),
        errors="0",
    )
    for finding in findings:
        case = xml.SubElement(
            suite,
            "testcase",
            classname=finding.rule,
            name=finding.message,
            file=finding.file,
            line=str(finding.line),
        )
        if finding.severity != "info":
            failure = xml.SubElement(case, "failure", message=finding.message, type=finding.severity)
            failure.text = f"{finding.where}\nto do: {finding.fix}"
    if not findings:
        xml.SubElement(suite, "testcase", classname="bootstrap", name=f"{scope.objects} objects checked")
    if remarks := notes(scope):
        xml.SubElement(suite, "system-out").text = "\n".join(remarks)
    return runner_orders.in_xml(xml.tostring(suite, encoding="unicode", xml_declaration=True))
