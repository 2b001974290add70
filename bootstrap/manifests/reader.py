"""Pure: a YAML file as documents with the line of everything, and what is wrong with the file.

The parser only composes nodes; values are built here, so that one pass also finds duplicate keys,
keeps an alias bomb from exploding, and reads scalars as Kubernetes does (no dates, no base 60).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.manifests.loader import _loader, _names_twice, lenient_loader, nodes_of
from bootstrap.manifests.scalars import scalar
from bootstrap.manifests.slips import conflict, second_object

MAX_BYTES = 8_000_000
"""Larger files are not read: the API server accepts no object above 3 MiB."""
MAX_NODES = 1_000_000
"""Nodes of a document with its aliases written out; go-yaml also refuses what explodes."""
MAX_DEPTH = 200

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """A fault of a file: `code` is syntax, duplicate, encoding, locked or size; lines count from 1."""

    code: str
    line: int
    message: str
    fix: str


@dataclass(frozen=True)
class Document:
    """One document: its value, the line where it begins (from 1), and its number in the file (from 0)."""

    value: Any
    line: int
    number: int

    @property
    def is_object(self) -> bool:
        """Whether it could be a Kubernetes object."""
        return isinstance(self.value, dict) and "kind" in self.value and "apiVersion" in self.value


@dataclass
class Parsed:
    """The documents of a file, as far as they can be read, and its faults."""

    documents: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def parse(content: bytes, size: int | None = None) -> Parsed:
    """Read a file. Nothing is raised: errors are among the faults.

    `size` is that of the whole file, in bytes, where `content` is only the start of one that is too large.
    """
    found = Parsed()
    if len(content) > MAX_BYTES:
        size = max(size or 0, len(content))
        message = f"the file has {size / 1e6:.1f} MB; more than {MAX_BYTES / 1e6:.0f} MB are not read"
        found.faults.append(Fault("size", 1, message, "split it; no object may be that large"))
        return found
    if content.startswith(GIT_CRYPT):
        found.faults.append(
            Fault("locked", 1, "git-crypt has encrypted it", "unlock the clone: git-crypt unlock")
        )
        return found
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.faults.append(Fault("encoding", line, f"byte {error.start} is not UTF-8", "save it as UTF-8"))
        return found
    try:
        for number, node in enumerate(nodes_of(text)):
            line = node.start_mark.line + 1
            value = _Builder(found.faults).document(node)
            if value is not None:
                found.documents.append(Document(value, line, number))
    except _TooLarge:
        message = "its aliases expand to too much, or it is nested too deeply"
        found.faults.append(Fault("size", 1, message, "write the values out"))
        found.documents.clear()
    except Exception as error:
        fault = _syntax_fault(error, text)
        if fault is None:
            raise
        found.faults.append(fault)
    return found


def load_all(text: str) -> list[Any]:
    """The documents of a text that a program wrote (kustomize, helm); raises yaml.YAMLError."""
    import yaml

    try:
        found = list(yaml.load_all(text, Loader=_loader()))
    except yaml.composer.ComposerError as error:
        if not _names_twice(error):
            raise
        found = list(yaml.load_all(text, Loader=lenient_loader()))
    return [value for value in found if value is not None]


def line_of(content: bytes, document: int, path: Sequence[str | int]) -> int:
    """The line of a field of a document (by its number), or of the nearest enclosing one."""
    return line_in(compose(content), document, path)


@lru_cache(maxsize=2)
def compose(content: bytes) -> list[Any]:
    """The nodes of a file's documents, for `line_in`; none when it is not valid YAML."""
    try:
        return list(nodes_of(content.decode("utf-8-sig")))
    except Exception:
        return []


def line_in(nodes: list[Any], document: int, path: Sequence[str | int]) -> int:
    """The line of a field of a document (by its number), or of the nearest enclosing one."""
    if document >= len(nodes):
        return 1
    node = nodes[document]
    line: int = node.start_mark.line + 1
    for part in path:
        step = _step(node, part)
        if step is None:
            break
        line, node = step
    return line


def _step(node: Any, part: str | int) -> tuple[int, Any] | None:
    """The line of a key (or item) and the node below it."""
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    elif node.id == "sequence" and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


GIT_CRYPT = b"\0GITCRYPT\0"
"""How a file begins that git-crypt has encrypted."""


class _TooLarge(Exception):
    """The document would explode."""


class _Builder:
    """Builds the value of one document; counts nodes as if aliases were written out."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._built: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()
        self._repeated: list[tuple[str, int]] = []

    def document(self, node: Any) -> Any:
        value = self._value(node, 0)[0]
        if (line := second_object(self._repeated)) is not None:
            message = f"a line `---` is missing before line {line}: two objects became one"
            self._faults.append(Fault("duplicate", line, message, "write `---` between the objects"))
        else:
            for key, line in self._repeated:
                self._twice(key, line)
        return value

    def _twice(self, key: str, line: int) -> None:
        message = f"the key {key!r} appears twice in one mapping: only one of them counts"
        self._faults.append(Fault("duplicate", line, message, "remove one of the two"))

    def _value(self, node: Any, depth: int) -> tuple[Any, int]:
        """The value and its number of nodes."""
        if node.id == "scalar":
            return scalar(node), 1
        key = id(node)
        if key in self._built:
            return self._built[key]
        if key in self._open or depth > MAX_DEPTH:
            raise _TooLarge
        self._open.add(key)
        built = self._mapping(node, depth) if node.id == "mapping" else self._sequence(node, depth)
        self._open.discard(key)
        if built[1] > MAX_NODES:
            raise _TooLarge
        self._built[key] = built
        return built

    def _sequence(self, node: Any, depth: int) -> tuple[Any, int]:
        count, items = 1, []
        for item in node.value:
            value, size = self._value(item, depth + 1)
            items.append(value)
            count += size
        return items, count

    def _mapping(self, node: Any, depth: int) -> tuple[Any, int]:
        count = 1
        result: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            value, size = self._value(value_node, depth + 1)
            count += size
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged += value if isinstance(value, list) else [value]
                continue
            name = key_node.value if key_node.id == "scalar" else str(self._value(key_node, depth + 1)[0])
            if name in result:
                line = key_node.start_mark.line + 1
                if depth:
                    self._twice(name, line)
                else:
                    self._repeated.append((name, line))
            result[name] = value
        for other in merged:
            if isinstance(other, dict):
                result = {**other, **result}
        return result, count


def _syntax_fault(error: Exception, text: str) -> Fault | None:
    import yaml

    if not isinstance(error, yaml.YAMLError | RecursionError | ValueError):
        return None
    if (line := conflict(text)) is not None:
        message = f"an unresolved merge conflict at line {line}"
        return Fault("syntax", line, message, "take one side, or both, and delete the <<<<<<< lines")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
    lines = text.split("\n")
    around = lines[line - 1] if line <= len(lines) else ""
    if "\t" in around[: len(around) - len(around.lstrip())]:
        return Fault("syntax", line, "a tab indents the line", "indent with spaces")
    problem = str(getattr(error, "problem", None) or getattr(error, "context", None) or error).splitlines()[0]
    return Fault("syntax", line, f"not valid YAML: {problem}", "fix the YAML")


def documents(text: bytes, where: str) -> list[Any]:
    """Parse a multi-document YAML file; InputError with file, line and column."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return [item for item in YAML(typ="safe", pure=True).load_all(StringIO(text.decode())) if item]
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise InputError(f"reading {where}", str(error.problem), "fix the YAML and push it", place) from error
    except (YAMLError, UnicodeDecodeError) as error:
        found = str(error).splitlines()[0]
        raise InputError(f"reading {where}", found, "fix the YAML and push it", where) from error


def is_application(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == "Application"
