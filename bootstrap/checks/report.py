"""Findings as text, JSON, SARIF (code scanning), GitHub annotations, or JUnit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bootstrap import __version__
from bootstrap.checks.catalog import RULES
from bootstrap.checks.ignore import fingerprint
from bootstrap.checks.rule import SEVERITIES, Finding

FORMATS = ("text", "json", "sarif", "github", "junit")


def summary(findings: Sequence[Finding], objects: int) -> str:
    """One line: how many of each severity."""
    counts = Counter(finding.severity for finding in findings)
    said = ", ".join(
        f"{counts[severity]} {severity}{_plural(severity, counts[severity])}"
        for severity in SEVERITIES
        if counts[severity]
    )
    return f"{objects:,} objects checked: {said or 'nothing found'}"


def _plural(severity: str, count: int) -> str:
    return "s" if count != 1 and severity != "info" else ""


def text(findings: Sequence[Finding]) -> Iterator[str]:
    """Three lines each: where and what, the object, what to do."""
    for finding in findings:
        yield f"{finding.where}: {finding.severity} {finding.rule}: {finding.message}"
        if finding.application:
            yield f"    of Application {finding.application}"
        yield f"    to do: {finding.mend}"


def as_json(findings: Sequence[Finding], objects: int) -> dict[str, Any]:
    """The findings as data (docs/json.md)."""
    counts = Counter(finding.severity for finding in findings)
    return {
        "findings": [asdict(finding) for finding in findings],
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "objects": objects,
    }


_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0, as code scanning takes it."""
    used = sorted({finding.rule for finding in findings})
    rules = [
        {
            "id": RULES[rule].id,
            "name": RULES[rule].name,
            "shortDescription": {"text": RULES[rule].about},
            "help": {"text": RULES[rule].mend},
            "defaultConfiguration": {"level": _LEVELS[RULES[rule].severity]},
        }
        for rule in used
    ]
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": used.index(finding.rule),
            "level": _LEVELS[finding.severity],
            "message": {"text": f"{finding.message}. To do: {finding.mend}."},
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
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2)


def github(findings: Sequence[Finding]) -> Iterator[str]:
    """Workflow commands, which GitHub shows beside the lines."""
    levels = {"error": "error", "warning": "warning", "info": "notice"}
    for finding in findings:
        place = f"file={_escaped(finding.file, True)},line={max(finding.line, 1)},title={finding.rule}"
        message = _escaped(f"{finding.message}. To do: {finding.mend}", False)
        yield f"::{levels[finding.severity]} {place}::{message}"


def _escaped(value: str, is_property: bool) -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return value.replace(":", "%3A").replace(",", "%2C") if is_property else value


def junit(findings: Sequence[Finding], objects: int) -> str:
    """JUnit XML: a test case a finding, or one that passed when there is none."""
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
            failure.text = f"{finding.where}\nto do: {finding.mend}"
    if not findings:
        xml.SubElement(suite, "testcase", classname="bootstrap", name=f"{objects} objects checked")
    return xml.tostring(suite, encoding="unicode", xml_declaration=True)
