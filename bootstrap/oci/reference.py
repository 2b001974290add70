"""Pure: image references by the grammar of the OCI distribution, and the changes that a person asks for.

A reference is `[registry/]repository[:tag][@digest]`. Anything else is refused with the column
of the first fault. Docker Hub's short forms (`nginx`) are kept as written and compared in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from bootstrap.core.errors import InputError

MAX_NAME = 255
MAX_TAG = 128
_HUB = "docker.io"
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_DOMAIN = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Reference:
    """An image as it is written: `repository` with its registry, if one is named."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"

    @property
    def version(self) -> str:
        """Tag and digest alone, as a person writes them: `v1`, `v1@sha256:…`, `@sha256:…`."""
        return f"{self.tag or ''}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str, tried: str = "reading an image reference") -> Reference:
    """A full reference; InputError with the column of the first fault."""
    name, tag, digest = _split(text)
    _check_name(text, name, tried)
    if tag is not None:
        _check_tag(text, tag, len(name) + 1, tried)
    if digest is not None:
        _check_digest(text, digest, len(text) - len(digest), tried)
    return Reference(name, tag, digest)


def read(text: str) -> Reference | None:
    """A reference as written in a file, or None for anything else (a placeholder, a template)."""
    try:
        return parse(text)
    except InputError:
        return None


def is_same(one: Reference, other: Reference | None) -> bool:
    """Whether two references mean the same image, however their repositories are spelled."""
    if other is None or canonical(one.repository) != canonical(other.repository):
        return False
    return (one.tag, one.digest) == (other.tag, other.digest)


def canonical(repository: str) -> str:
    """The repository in full, to compare: `nginx` is `docker.io/library/nginx`."""
    domain, path = split_domain(repository)
    domain = domain.lower() or _HUB
    if domain == "index.docker.io":
        domain = _HUB
    if domain == _HUB and "/" not in path:
        path = f"library/{path}"
    return f"{domain}/{path}"


def familiar(repository: str) -> str:
    """The shortest form that a person would write."""
    return canonical(repository).removeprefix(f"{_HUB}/library/").removeprefix(f"{_HUB}/")


def last_component(repository: str) -> str:
    return repository.rsplit("/", 1)[-1]


def split_domain(repository: str) -> tuple[str, str]:
    """Registry ("" when none is named) and path: the first part is a registry when it looks like a host."""
    head, slash, rest = repository.partition("/")
    if slash and (re.search(r"[.:]", head) or head == "localhost" or head != head.lower()):
        return head, rest
    return "", repository


def _split(text: str) -> tuple[str, str | None, str | None]:
    name, at, digest = text.partition("@")
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = name[colon + 1 :] if colon >= 0 else None
    return (name[:colon] if colon >= 0 else name), tag, (digest if at else None)


def _check_name(text: str, name: str, tried: str) -> None:
    if "://" in text:
        _fault(tried, text, text.index("://"), "an image reference has no scheme")
    if not name:
        _fault(tried, text, 0, "the repository is missing")
    domain, path = split_domain(name)
    if domain and not _DOMAIN.fullmatch(domain):
        bad = re.search(r"[^a-zA-Z0-9.:\[\]-]|\.\.|-\.|\.-", domain)
        _fault(tried, text, bad.start() if bad else 0, f"the registry {domain!r} is not a host name")
    column = len(domain) + 1 if domain else 0
    for component in path.split("/"):
        found = _COMPONENT.match(component)
        end = found.end() if found else 0
        if not component:
            _fault(tried, text, column, "a part of the path is empty")
        if end < len(component):
            why = f"{component[end]!r} is not allowed there: a repository has a-z, 0-9 and single . _ -"
            _fault(tried, text, column + end, why)
        column += len(component) + 1
    if len(name) > MAX_NAME:
        _fault(tried, text, MAX_NAME, f"the repository is longer than {MAX_NAME} characters")
    if re.fullmatch(r"[a-f0-9]{64}", name):
        _fault(tried, text, 0, "64 hexadecimal digits are an image's id, not a repository")


def _check_tag(text: str, tag: str, column: int, tried: str) -> None:
    found = _TAG.match(tag)
    end = found.end() if found else 0
    if not tag:
        _fault(tried, text, column, "the tag is empty")
    if end < len(tag):
        why = f"{tag[end]!r} is not allowed there: a tag has letters, digits, _ . -, . and - not first"
        _fault(tried, text, column + end, why)
    if len(tag) > MAX_TAG:
        _fault(tried, text, column + MAX_TAG, f"the tag is longer than {MAX_TAG} characters")


def _check_digest(text: str, digest: str, column: int, tried: str) -> None:
    algorithm, _, value = digest.partition(":")
    digits = _HEX_DIGITS.get(algorithm)
    if digits is None:
        _fault(tried, text, column, f"a digest begins with {', '.join(_HEX_DIGITS)} and a colon")
    column += len(algorithm) + 1
    length = f"a {algorithm} digest has {digits} digits, this one {len(value)}"
    for place, letter in enumerate(value):
        if letter not in "0123456789abcdef":
            _fault(tried, text, column + place, f"{letter!r} is not a lower-case hexadecimal digit")
        if place == digits:
            _fault(tried, text, column + place, length)
    if len(value) < digits:
        _fault(tried, text, column + len(value), length)


def _fault(tried: str, text: str, column: int, why: str) -> NoReturn:
    hint = "write [registry/]repository[:tag][@digest], :tag, @digest or tag@digest"
    raise InputError(tried, f"column {column + 1} of {text!r}: {why}", hint)
