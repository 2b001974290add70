"""Comments of a manifest that switch off rules."""

from __future__ import annotations

import re

_COMMENT = re.compile(
    r"#\s*bootstrap:\s*ignore(?P<file>-file)?=(?P<rules>[A-Z][A-Z0-9_-]+(?:\s*,\s*[A-Z][A-Z0-9_-]+)*)\s+(?P<reason>\S.*)"
)


class Comments:
    """The ignore comments of one file. A comment without a reason does not count."""

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
        """Whether the comment on a kustomization's entry switches off the rule for everything in the file."""
        entry = re.compile(rf"^\s*-\s+[\"']?(?:\./)?{re.escape(name)}[\"']?\s+#")
        return any(
            rule in rules and entry.match(self._lines[number - 1]) for number, rules in self._by_line.items()
        )

    def covers(self, rule: str, line: int, document: int) -> bool:
        """Whether a finding at `line`, in the document that begins at line `document`, is switched off."""
        if (
            rule in self._file
            or rule in self._by_line.get(line, ())
            or rule in self._by_line.get(document, ())
        ):
            return True
        return self._above(rule, line) or self._above(rule, document)

    def _above(self, rule: str, line: int) -> bool:
        """The comment lines directly above a line."""
        number = line - 1
        while 1 <= number <= len(self._lines) and self._lines[number - 1].lstrip().startswith("#"):
            if rule in self._by_line.get(number, ()):
                return True
            number -= 1
        return False
