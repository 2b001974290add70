"""Comments of a manifest that switch off rules."""

from __future__ import annotations

import re

_COMMENT = re.compile(
    r"#\s*bootstrap:\s*ignore(?P<file>-file)?=(?P<rules>[A-Z][A-Z0-9_-]+(?:\s*,\s*[A-Z][A-Z0-9_-]+)*)\s+(?P<reason>\S.*)"
)


_QUOTED = re.compile(r"""(["'])(.*?)\1$""")
_LATER = re.compile(r"\s#")


class Comments:
    """The ignore comments of one file. A comment without a reason does not count."""

    def __init__(self, content: bytes) -> None:
        self._by_line: dict[int, set[str]] = {}
        self._file: set[str] = set()
        self._by_entry: dict[str, set[str]] = {}
        self._by_block: dict[int, dict[str, int]] = {}
        lines = content.decode("utf-8", "replace").split("\n") if b"bootstrap:" in content else []
        for number, line in enumerate(lines, 1):
            if match := _COMMENT.search(line):
                rules = {rule.strip() for rule in match["rules"].split(",")}
                if match["file"]:
                    self._file |= rules
                else:
                    self._by_line.setdefault(number, set()).update(rules)
                    if name := _entry_of(line[: match.start()]):
                        self._by_entry.setdefault(name, set()).update(rules)
        self._find_blocks(lines)

    def _find_blocks(self, lines: list[str]) -> None:
        """For each line below a comment line: the rules of the comment lines above it, each with its line."""
        block: dict[str, int] = {}
        for number, line in enumerate(lines, 1):
            if not line.lstrip().startswith("#"):
                block = {}
                continue
            for rule in self._by_line.get(number, ()):
                block.setdefault(rule, number)
            self._by_block[number + 1] = block

    def covers_entry(self, rule: str, name: str) -> bool:
        """Whether the comment on a kustomization's entry switches off the rule for everything in the file."""
        return rule in self._by_entry.get(name.removeprefix("./"), ())

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
        return self._by_block.get(line, {}).get(rule, line) < line


def _entry_of(text: str) -> str | None:
    """The entry of a list that is before a comment, without `./`; None where there is none."""
    text = text.strip()
    if not text.startswith(("- ", "-\t")):
        return None
    name = text[1:].strip()
    quoted = _QUOTED.match(name)
    return (quoted[2] if quoted else _LATER.split(name, 1)[0].rstrip()).removeprefix("./")
