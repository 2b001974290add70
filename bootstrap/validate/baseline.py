"""A baseline: a record of findings that are accepted and no longer reported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from bootstrap.core.errors import InputError
from bootstrap.validate.rule import Finding


def fingerprint(finding: Finding) -> str:
    """What identifies a finding when lines move."""
    text = f"{finding.rule}\0{finding.file}\0{finding.object}\0{finding.message}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def write_baseline(findings: Sequence[Finding]) -> str:
    """A baseline of the current findings, as the text of a file."""
    entries = sorted(
        ({"id": fingerprint(f), "rule": f.rule, "file": f.file, "message": f.message} for f in findings),
        key=lambda entry: (entry["file"], entry["rule"], entry["id"]),
    )
    return json.dumps({"version": 1, "findings": entries}, indent=2) + "\n"


def without_baseline(findings: Iterable[Finding], baseline: str, where: str) -> list[Finding]:
    """The findings that are not in the baseline; InputError when it is not valid."""
    try:
        known = {entry["id"] for entry in json.loads(baseline)["findings"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        hint = "write it again with --write-baseline"
        raise InputError("reading the baseline", f"not a baseline: {error}", hint, where) from error
    return [finding for finding in findings if fingerprint(finding) not in known]
