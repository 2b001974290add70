"""Pure: a YAML file as documents with the line of everything, and what is wrong with the file.

The parser only composes nodes; values are built here, so that one pass also finds duplicate keys,
keeps an alias bomb from exploding, and reads scalars as Kubernetes does (no dates, no base 60).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import StringIO
from itertools import islice
from typing import Any

from bootstrap.core.errors import InputError

MAX_BYTES = 8_000_000
"""Larger files are not read: the API server accepts no object above 3 MiB."""
MAX_NODES = 1_000_000
"""Nodes of a document with its aliases written out; go-yaml also refuses what explodes."""
MAX_DEPTH = 200

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """A fault of a file: `code` is syntax, duplicate, encoding or size; lines count from 1."""

    code: str
    line: int
    message: str
    mend: str


@dataclass(frozen=True)
class Document:
    """One document: its value, where it begins, and (for mappings) the header that identifies an object."""

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
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.faults.append(Fault("encoding", line, f"byte {error.start} is not UTF-8", "save it as UTF-8"))
        return found
    try:
        for number, node in enumerate(_nodes(text)):
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
        found = list(yaml.load_all(text, Loader=_lenient_loader()))
    return [value for value in found if value is not None]


def line_of(content: bytes, document: int, path: Sequence[str | int]) -> int:
    """The line of a field of a document (by its number), or of the nearest enclosing one."""
    return line_in(compose(content), document, path)


def compose(content: bytes) -> list[Any]:
    """The nodes of a file's documents, for `line_in`; none when it is not valid YAML."""
    try:
        return list(_nodes(content.decode("utf-8-sig")))
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
            return _scalar(node), 1
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


_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+|[0-9][0-9_]*)$")


def _scalar(node: Any) -> Any:
    tag = node.tag.rpartition(":")[2]
    text = node.value
    if tag == "bool":
        return _BOOLEANS.get(text, text)  # yes, no, on and off are words, as kustomize reads them
    if tag == "null":
        return None
    if tag == "int":
        return _integer(text)
    if tag == "float":
        return _float(text)
    return text


def _integer(text: str) -> Any:
    if not _INT.match(text):  # base 60 is read by YAML 1.1 alone
        return text
    plain = text.replace("_", "")
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    try:
        if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbBoO":
            return sign * int(digits, 8)
        return sign * int(digits, 0)
    except ValueError:
        return text


def _float(text: str) -> Any:
    try:
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").lower())
    except ValueError:
        return text


def _nodes(text: str) -> Iterator[Any]:
    import yaml

    done = 0
    try:
        for node in yaml.compose_all(text, Loader=_loader()):
            done += 1
            if node is not None:
                yield node
    except yaml.composer.ComposerError as error:
        if not _names_twice(error):
            raise
        again = yaml.compose_all(text, Loader=_lenient_loader())
        yield from (node for node in islice(again, done, None) if node is not None)


def _names_twice(error: Any) -> bool:
    """Whether the fault is only an anchor that appears twice: YAML allows it, PyYAML does not."""
    return "duplicate anchor" in f"{error.context} {error.problem}"


@cache
def _lenient_loader() -> Any:
    """The loader with PyYAML's composer in Python, slower: an anchor is valid until its name is reused."""
    import yaml

    base = _loader()
    composer: Any = yaml.composer.Composer

    def start(self: Any, stream: Any) -> None:
        base.__init__(self, stream)
        composer.__init__(self)

    def compose_node(self: Any, parent: Any, index: Any) -> Any:
        if not self.check_event(yaml.AliasEvent):
            self.anchors.pop(self.peek_event().anchor, None)
        return composer.compose_node(self, parent, index)

    bases = (base,) if issubclass(base, composer) else (composer, base)
    return type("Lenient", bases, {"__init__": start, "compose_node": compose_node})


_loaders: list[Any] = []


def _loader() -> Any:
    """PyYAML's loader, in C where available, without dates and without the bare `=`."""
    if not _loaders:
        import yaml

        base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        loader: Any = type("Loader", (base,), {"resolve": _resolve})
        unwanted = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
        loader.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag not in unwanted]
            for first, resolvers in base.yaml_implicit_resolvers.items()
        }
        loader.add_constructor(
            "tag:yaml.org,2002:bool", lambda _, node: _BOOLEANS.get(node.value, node.value)
        )
        loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _integer(node.value))
        _loaders.append(loader)
    return _loaders[0]


def _resolve(self: Any, kind: Any, value: Any, implicit: Any) -> str:
    """PyYAML's resolver without its paths, which nothing here uses, and with a cache of plain scalars."""
    if kind is _scalar_node():
        return _plain_tag(value) if implicit[0] else "tag:yaml.org,2002:str"
    return "tag:yaml.org,2002:seq" if "Sequence" in kind.__name__ else "tag:yaml.org,2002:map"


@cache
def _scalar_node() -> Any:
    import yaml

    return yaml.ScalarNode


@lru_cache(maxsize=8192)
def _plain_tag(value: str) -> str:
    resolvers = _loader().yaml_implicit_resolvers
    for tag, pattern in [*resolvers.get(value[:1], ()), *resolvers.get(None, ())]:
        if pattern.match(value):
            return str(tag)
    return "tag:yaml.org,2002:str"


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


_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_HEADER = {"apiVersion", "kind", "metadata"}

Repeated = Sequence[tuple[str, int]]
"""Duplicate keys of a document, with their lines."""


def conflict(text: str) -> int | None:
    """The line of an unresolved merge conflict in a file that is not valid YAML."""
    found = _CONFLICT.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def second_object(repeated: Repeated) -> int | None:
    """The line where a second object begins without a `---`: the identity of an object appears again."""
    again = {key for key, _ in repeated} & _HEADER
    return min(line for _, line in repeated) if len(again) > 1 else None
