"""What a user requests: NAME=REFERENCE, and what is expected to be there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.oci.reference import (
    Reference,
    _check_digest,
    _check_tag,
    _fault,
    canonical,
    familiar,
    last_component,
    parse,
)


@dataclass(frozen=True)
class Wanted:
    """`NAME=REFERENCE`: the parts that are given.

    Without a tag and a digest both stay; when one is given, the other one is removed. `word` is the text
    before `@` if it has no `/` or `:`; whether it is a tag or a repository shows when the image is found.
    `source` is the repository for a place that has none so far.
    `exact`: what is not given is removed as well. `gone`: there is to be no entry for it.
    """

    name: str
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    word: str | None = None
    text: str = ""
    source: str | None = None
    exact: bool = False
    gone: bool = False

    def applied_to(self, current: Reference) -> Reference:
        """The new image. A repository that is the same in another spelling stays as written.

        If the current repository is unknown (there is only a tag), it stays so.
        """
        repository, tag = self.repository, self.tag
        if self.word is not None:
            if self.word in (self.name, familiar(current.repository), last_component(current.repository)):
                repository = current.repository
            else:
                tag = self.word
        if (
            repository is None
            or not current.repository
            or canonical(repository) == canonical(current.repository)
        ):
            repository = current.repository
        if tag is None and self.digest is None and self.word is None and not self.exact:
            return Reference(repository, current.tag, current.digest)
        return Reference(repository, tag, self.digest)


def parse_wanted(argument: str) -> Wanted:
    """`NAME=REFERENCE` from the command line; InputError with the column in REFERENCE.

    REFERENCE is a full reference, `:tag`, `@digest`, `:tag@digest` or `tag@digest`.
    """
    name, equals, text = argument.partition("=")
    tried = f"reading {argument}"
    if not name or not equals or re.search(r"\s", name):
        hint = "write NAME=REFERENCE, such as web=:v1.2.0"
        raise InputError(tried, "it is not NAME=REFERENCE", hint)
    if not text:
        _fault(tried, text, 0, "nothing follows the =")
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


def matches(reference: Reference, expected: Wanted) -> bool:
    """Whether the image is as expected, in the parts that are given."""
    if expected.repository and canonical(expected.repository) != canonical(reference.repository):
        return False
    return expected.tag in (None, reference.tag) and expected.digest in (None, reference.digest)
