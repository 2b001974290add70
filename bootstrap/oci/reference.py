"""Pure: image references by the grammar of the OCI distribution, and what a person asks them to become.

A reference is `[registry/]repository[:tag][@digest]`. Whatever does not fit is refused with the column
of its first fault. Docker Hub's short forms (`nginx`) are kept as written and compared in full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
        """Tag and digest alone, as a person names them: `v1`, `v1@sha256:…`, `@sha256:…`."""
        return f"{self.tag or ''}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True)
class Wanted:
    """`NAME=REFERENCE`: the parts that are given.

    Without a tag and a digest both stay; when one is given, the other one goes. `word` is what stands
    before `@` without `/` and `:`; whether it is a tag or a repository shows when the image is found.
    """

    name: str
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    word: str | None = None
    text: str = ""

    def applied_to(self, current: Reference) -> Reference:
        """What the image shall be. A repository that is the same by another spelling stays as written."""
        repository, tag = self.repository, self.tag
        if self.word is not None:
            if self.word in (self.name, familiar(current.repository), last_component(current.repository)):
                repository = current.repository
            else:
                tag = self.word
        if repository is None or canonical(repository) == canonical(current.repository):
            repository = current.repository
        if tag is None and self.digest is None and self.word is None:
            return Reference(repository, current.tag, current.digest)
        return Reference(repository, tag, self.digest)


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
    """A reference as it stands in a file, or None for what is none (a placeholder, a template)."""
    try:
        return parse(text)
    except InputError:
        return None


def parse_wanted(argument: str) -> Wanted:
    """`NAME=REFERENCE` from the command line; InputError with the column, counted in REFERENCE.

    REFERENCE is a full reference, `:tag`, `@digest`, `:tag@digest` or `tag@digest`.
    """
    name, equals, text = argument.partition("=")
    tried = f"reading {argument}"
    if not name or not equals or re.search(r"\s", name):
        hint = "write NAME=REFERENCE, such as web=:v1.2.0"
        raise InputError(tried, "it is not NAME=REFERENCE", hint)
    if not text:
        _fault(tried, text, 0, "nothing stands after the =")
    if text[0] in ":@":
        tag, at, digest = text.removeprefix(":").partition("@") if text[0] == ":" else ("", "@", text[1:])
        if text[0] == ":":
            _check_tag(text, tag, 1, tried)
        if at:
            _check_digest(text, digest, len(text) - len(digest), tried)
        return Wanted(name, None, tag or None, digest or None, text=text)
    word, at, digest = text.partition("@")
    if not re.search(r"[/:]", word):
        if not at:
            found = f"column 1 of {text!r}: it could be a tag or a repository"
            hint = f"write {name}=:{text} for the tag, or name a registry: {name}=REGISTRY/{text}:TAG"
            raise InputError(tried, found, hint)
        _check_tag(text, word, 0, tried)
        _check_digest(text, digest, len(word) + 1, tried)
        return Wanted(name, None, None, digest, word, text=text)
    found_reference = parse(text, tried)
    return Wanted(name, found_reference.repository, found_reference.tag, found_reference.digest, text=text)


def parse_expected(text: str) -> Wanted:
    """What an image is expected to be: a tag, `:tag`, `@digest`, `tag@digest` or a full reference."""
    tried = "reading --expect"
    if re.search(r"[/:@]", text):
        found = parse_wanted(f"expected={text}")
        return replace(found, tag=found.tag or found.word, word=None)
    _check_tag(text, text, 0, tried)
    return Wanted("expected", tag=text, text=text)


def is_same(one: Reference, other: Reference | None) -> bool:
    """Whether two references mean the same image, however their repositories are spelled."""
    if other is None or canonical(one.repository) != canonical(other.repository):
        return False
    return (one.tag, one.digest) == (other.tag, other.digest)


def is_as(reference: Reference, expected: Wanted) -> bool:
    """Whether the image is as expected, in the parts that are named."""
    if expected.repository and canonical(expected.repository) != canonical(reference.repository):
        return False
    return expected.tag in (None, reference.tag) and expected.digest in (None, reference.digest)


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
        _fault(tried, text, text.index("://"), "a reference has no scheme in front")
    if not name:
        _fault(tried, text, 0, "the repository is missing")
    domain, path = split_domain(name)
    if domain and not _DOMAIN.fullmatch(domain):
        bad = re.search(r"[^a-zA-Z0-9.:\[\]-]|\.\.|-\.|\.-", domain)
        _fault(tried, text, bad.start() if bad else 0, f"the registry {domain!r} is no host name")
    column = len(domain) + 1 if domain else 0
    for component in path.split("/"):
        found = _COMPONENT.match(component)
        end = found.end() if found else 0
        if not component:
            _fault(tried, text, column, "a part of the path is empty")
        if end < len(component):
            why = f"{component[end]!r} cannot stand there: a repository has a-z, 0-9 and single . _ -"
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
        why = f"{tag[end]!r} cannot stand there: a tag has letters, digits, _ . -, and . - not in front"
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
            _fault(tried, text, column + place, f"{letter!r} is no lower-case hexadecimal digit")
        if place == digits:
            _fault(tried, text, column + place, length)
    if len(value) < digits:
        _fault(tried, text, column + len(value), length)


def _fault(tried: str, text: str, column: int, why: str) -> NoReturn:
    hint = "write [registry/]repository[:tag][@digest], :tag, @digest or tag@digest"
    raise InputError(tried, f"column {column + 1} of {text!r}: {why}", hint)
