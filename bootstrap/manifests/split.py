"""Multi-document YAML or JSON → objects that keep their source text.

The headers (apiVersion, kind, name, namespace) are found by scanning the lines of block-style YAML;
whatever does not look simple is parsed (parse.py). Splitting at column 0 is exact: YAML allows
`---` there only between documents, block scalars and quoted strings included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.core.errors import InputError
from bootstrap.manifests import parse
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.parse import Header

BOM = b"\xef\xbb\xbf"

# Line starts are found by the line break before them: a literal that the search skips to, where
# `^` would be tried at every byte of a document of megabytes.
_MARKER = re.compile(rb"\n(?:---|\.\.\.)(?=[ \t\r\n]|\Z)([^\r\n]*)")
_CONTENT = re.compile(rb"^[ \t]*[^\s#]", re.MULTILINE)
_AT_COLUMN_0 = re.compile(rb"\n([^\s#][^\r\n]*)")
_LONE_CARRIAGE_RETURN = re.compile(rb"\r(?!\n)")
_KEY = re.compile(rb"([A-Za-z][A-Za-z0-9_.-]*)[ \t]*:(?:[ \t]+|\Z)(.*)", re.DOTALL)
_ITEM = re.compile(rb"-(?:[ \t]|\Z)")
_LINE = re.compile(rb"^([ ]*)([^\s#][^\r\n]*)", re.MULTILINE)
_SCALAR = re.compile(
    rb"""(?:"([A-Za-z0-9_./:-]+)"|'([A-Za-z0-9_./:-]+)'|([A-Za-z0-9_./:-]+))[ \t]*(?:[ \t]#.*)?"""
)
_PLAIN_STRING = re.compile(rb"[A-Za-z][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*")
_NOT_STRINGS = frozenset(b"y n yes no on off true false null".split())
_TOP = (b"apiVersion", b"kind", b"metadata")


def split(text: bytes, where: str) -> list[ClusterObject]:
    """The objects of a stream of documents, in order; the items of a List as objects of their own.

    Empty documents are omitted. `namespace` is "" where the document names none. InputError with
    file and line for text that is not YAML, or not a Kubernetes object.
    """
    text = _LONE_CARRIAGE_RETURN.sub(b"\n", text.removeprefix(BOM))
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"reading {where}", "the file is not UTF-8", "save it as UTF-8", f"{where}:{line}"
        ) from error
    found: list[ClusterObject] = []
    for line, document in _documents(text):
        header = None if document.lstrip().startswith(b"{") else _header(document)
        if header is None or header.kind.endswith("List"):
            found.extend(parse.objects(document, (where, line)))
        else:
            found.append(
                ClusterObject(header.api_version, header.kind, header.namespace, header.name, document)
            )
    return found


def _documents(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Line and text of each document that holds more than comments, without its markers."""
    text = b"\n" + text
    start, line = 1, 1
    for marker in [*_MARKER.finditer(text), None]:
        document = text[start : marker.start() + 1 if marker else len(text)]
        if _CONTENT.search(document) and not _only_directives(document):
            yield line, document
        if marker is None:
            return
        rest = marker[1].strip()
        # `--- {kind: …}` has its content on the marker's line; `--- # comment` has none.
        next_start = marker.end() if not rest or rest.startswith(b"#") else marker.start(1)
        line += text.count(b"\n", start, next_start)
        start = next_start


def _only_directives(document: bytes) -> bool:
    """Directives such as `%YAML 1.2` are in the chunk before the marker."""
    return document.lstrip().startswith(b"%") and all(
        line.startswith((b"%", b"#")) or not line.strip() for line in document.splitlines()
    )


def _header(document: bytes) -> Header | None:
    """The header of a block-style document; None when anything about it is not simple."""
    document = b"\n" + document
    top = _top_level(document)
    if top is None:
        return None
    api_version, kind = (_string(document, top[key]) for key in (b"apiVersion", b"kind"))
    if not api_version or not kind:
        return None
    metadata = _metadata(document, top[b"metadata"])
    if metadata is None or b"name" not in metadata:
        return None
    return Header(api_version, kind, metadata.get(b"namespace", ""), metadata[b"name"])


Span = tuple[int, bytes, int]
"""Where a key's value begins, the rest of its line, and where the next key (or the end) is."""


def _top_level(document: bytes) -> dict[bytes, Span] | None:
    """The three header keys; None unless each appears once and every line at column 0 is simple."""
    found: dict[bytes, Span] = {}
    open_key: tuple[bytes, int, bytes] | None = None
    for line in _AT_COLUMN_0.finditer(document):
        if _ITEM.match(line[1]):
            continue  # an item of the list of the key above
        key = _KEY.fullmatch(line[1])
        if key is None:
            return None
        if open_key and open_key[0] in _TOP:
            found[open_key[0]] = (open_key[1], open_key[2], line.start())
        if key[1] in found or (open_key and open_key[0] == key[1]):
            return None
        open_key = (key[1], line.start(1) + key.start(2), key[2])
    if open_key and open_key[0] in _TOP:
        found[open_key[0]] = (open_key[1], open_key[2], len(document))
    return found if len(found) == len(_TOP) else None


def _string(document: bytes, span: Span) -> str | None:
    """A scalar on the key's own line that is certainly a string."""
    start, value, end = span
    if _CONTENT.search(document, start + len(value), end):
        return None  # it continues on the next line
    return _scalar(value)


def _scalar(value: bytes) -> str | None:
    match = _SCALAR.fullmatch(value.rstrip())
    if match is None:
        return None
    double, single, plain = match.groups()
    if plain and (not _PLAIN_STRING.fullmatch(plain) or plain.lower() in _NOT_STRINGS):
        return None
    return (double or single or plain).decode()


def _metadata(document: bytes, span: Span) -> dict[bytes, str] | None:
    """name and namespace of a block mapping; None when unsure."""
    start, value, end = span
    if value.strip() and not value.lstrip().startswith(b"#"):
        return None
    found: dict[bytes, str] = {}
    indent = None
    previous: bytes | None = None
    for line in _LINE.finditer(document, start + len(value), end):
        depth = len(line[1])
        if indent is None:
            indent = depth
        if depth > indent:
            if previous in (b"name", b"namespace"):
                return None  # the scalar continues on this line
            continue
        if _ITEM.match(line[2]):
            continue
        key = _KEY.fullmatch(line[2])
        if depth < indent or key is None or key[1] in found:
            return None
        previous = key[1]
        if previous in (b"name", b"namespace"):
            scalar = _scalar(key[2])
            if scalar is None:
                return None
            found[previous] = scalar
    return found if indent else None
