"""Comments and a baseline that leave findings out, always with a reason or a record."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from bootstrap.checks.rule import Finding
from bootstrap.core.errors import InputError

_COMMENT = re.compile(
    r"#\s*bootstrap:\s*ignore(?P<file>-file)?=(?P<rules>GB\d+(?:\s*,\s*GB\d+)*)\s+(?P<reason>\S.*)"
)


class Comments:
    """The ignore comments of one file. One without a reason does not count."""

    def __init__(self, content: bytes) -> None:
        self._lines = content.decode("utf-8", "replace").split("\n") if b"bootstrap:" in content else []
        self._by_line: dict[int, set[str]] = {}
        self._file: set[str] = set()
        for number, line in enumerate(self._lines, 1):
            if match := _COMMENT.search(line):
                rules = {rule.strip() for rule in match["rules"].split(",")}
                if match["file"]:
                    self._file |= rules
                else:
                    self._by_line.setdefault(number, set()).update(rules)

    def covers_entry(self, rule: str, name: str) -> bool:
        """Whether the comment on a kustomization's entry leaves the rule out, for all that the file holds."""
        entry = re.compile(rf"^\s*-\s+[\"']?(?:\./)?{re.escape(name)}[\"']?\s+#")
        return any(
            rule in rules and entry.match(self._lines[number - 1]) for number, rules in self._by_line.items()
        )

    def covers(self, rule: str, line: int, document: int) -> bool:
        """Whether a finding at `line`, in the document that begins at line `document`, is left out."""
        if (
            rule in self._file
            or rule in self._by_line.get(line, ())
            or rule in self._by_line.get(document, ())
        ):
            return True
        return self._above(rule, line) or self._above(rule, document)

    def _above(self, rule: str, line: int) -> bool:
        """The comment lines that stand directly above a line."""
        number = line - 1
        while 1 <= number <= len(self._lines) and self._lines[number - 1].lstrip().startswith("#"):
            if rule in self._by_line.get(number, ()):
                return True
            number -= 1
        return False


def fingerprint(finding: Finding) -> str:
    """What stays the same when lines move."""
    text = f"{finding.rule}\0{finding.file}\0{finding.object}\0{finding.message}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def write_baseline(findings: Sequence[Finding]) -> str:
    """A baseline of what is found now, as text for a file."""
    entries = sorted(
        ({"id": fingerprint(f), "rule": f.rule, "file": f.file, "message": f.message} for f in findings),
        key=lambda entry: (entry["file"], entry["rule"], entry["id"]),
    )
    return json.dumps({"version": 1, "findings": entries}, indent=2) + "\n"


def without_baseline(findings: Iterable[Finding], baseline: str, where: str) -> list[Finding]:
    """The findings that the baseline does not know; InputError when it is none."""
    try:
        known = {entry["id"] for entry in json.loads(baseline)["findings"]}
    except (ValueError, KeyError, TypeError) as error:
        hint = "write it again with --write-baseline"
        raise InputError("reading the baseline", f"it is none: {error}", hint, where) from error
    return [finding for finding in findings if fingerprint(finding) not in known]
