"""Patterns of a repository mean what they meant, and none keeps a run busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bootstrap.core import globs

PIECES = some.lists(some.sampled_from(["**/", "**", "*", "?", "/", "a", "b", "ab", ".", "+"]), max_size=6)
PATHS = some.text("ab/.+", max_size=8)


@given(PIECES, PATHS, some.booleans())
def test_glob_means_what_its_expression_means(pieces: list[str], path: str, crosses: bool) -> None:
    text = "".join(pieces)
    inside = "." if crosses else "[^/]"
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": f"{inside}*", "?": inside}
    split = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    expected = re.compile("".join(meaning.get(piece) or re.escape(piece) for piece in split))
    assert globs.glob(text, crosses)(path) == bool(expected.fullmatch(path))


@given(PIECES, PATHS)
def test_slow_and_quick_way_agree(pieces: list[str], path: str) -> None:
    tokens = globs._tokens("".join(pieces), False, False)
    pattern = "".join(f"(?:{one})*" if repeats else one for one, repeats in tokens)
    assert globs._walk(tokens, path) == bool(re.fullmatch(pattern, path))


@pytest.mark.parametrize("text", ["*a" * 50 + "b", "**/" * 50 + "x", "**/a" * 30, "[ab]*" * 40 + "c"])
def test_glob_of_many_stars_ends(text: str) -> None:
    assert not globs.glob(text, False, True)("a" * 250)
    assert not globs.glob(text, True, True)("a/" * 200)


@pytest.mark.parametrize("text", ["[z-a]", "[", "[]", "[[:x", "a[", "{", "(", "\\"])
def test_glob_that_is_malformed_matches_itself(text: str) -> None:
    assert globs.glob(text, True, True)(text)
    assert globs.glob(text, True, False)(text)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a*)*", "a*a*a*a*b", "a?" * 30 + "a" * 30, "(a|a)" * 30 + "b", "(?=a+)+", "(a",
     "(a{1,9}){1,9}", "a{1,999}{1,999}", "(?P<x>a)", "[a-", "*", "a" * 2000, "(" * 500, "(?:a+)+b"],
)  # fmt: skip
def test_nothing_is_claimed_of_an_expression_that_could_take_long(pattern: str) -> None:
    assert globs.fits(pattern, "a" * 250, True) is None


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("web", "web", True),
        ("web", "web-2", False),
        ("web.*", "web-2", True),
        (".*-ingress-.*", "a-ingress-b", True),
        ("(web|api)", "api", True),
        ("web|api", "api", True),
        ("(web|api)-.*", "web-1", True),
        ("[a-z]+-web", "x-web", True),
        (r"web\.example", "web.example", True),
        ("we[*+]b", "we+b", True),
        ("web", "w" * 2000, None),
    ],
)
def test_usual_expressions_are_understood(pattern: str, value: str, fits: bool | None) -> None:
    assert globs.fits(pattern, value, True) is fits
