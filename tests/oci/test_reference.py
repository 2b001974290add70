"""References follow the grammar of the OCI distribution; what does not fit is refused with its column."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.errors import InputError
from bootstrap.image.wanted import matches, parse_expected, parse_wanted
from bootstrap.oci.reference import Reference, canonical, familiar, parse, read
from tests.properties import QUICKLY

SHA = "sha256:" + "0a" * 32
SHA512 = "sha512:" + "0a" * 64

ALPHANUMERIC = "abcxyz0189"
WORD = st.text(ALPHANUMERIC, min_size=1, max_size=6)
COMPONENT = st.lists(WORD, min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from([".", "_", "__", "-", "---"]).map(lambda separator: separator.join(words))
)
HOST = st.sampled_from(["localhost", "ghcr.io", "registry.example.com", "a-b.c0", "127.0.0.1", "[::1]", "UP"])
PORT = st.none() | st.integers(1, 65535)
DOMAIN = st.tuples(HOST, PORT).map(lambda pair: pair[0] if pair[1] is None else f"{pair[0]}:{pair[1]}")
TAG = st.tuples(st.sampled_from("aZ0_"), st.text("aZ0_.-", max_size=30)).map("".join)
DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:".__add__)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    """Any reference that the grammar allows (of a moderate length)."""
    path = "/".join(draw(st.lists(COMPONENT, min_size=1, max_size=3)))
    domain = draw(st.none() | DOMAIN)
    repository = f"{domain}/{path}" if domain else path
    return Reference(repository, draw(st.none() | TAG), draw(st.none() | DIGEST))


@QUICKLY
@given(references())
def test_every_reference_of_the_grammar_is_read_as_it_was_written(reference):
    if re.fullmatch(r"[a-f0-9]{64}", reference.repository):
        return
    assert parse(str(reference)) == reference


@QUICKLY
@given(st.text(max_size=60) | st.text("aZ0.:/@_- ", max_size=20))
def test_a_text_is_a_reference_or_an_input_error_with_a_column_inside_it(text):
    try:
        assert str(parse(text)) == text
    except InputError as error:
        found = re.match(r"column (\d+) of ", error.found)
        assert found is not None
        assert 1 <= int(found[1]) <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("nginx", "nginx", None, None),
        ("nginx:1.27", "nginx", "1.27", None),
        ("localhost:5000/nginx", "localhost:5000/nginx", None, None),
        ("localhost:5000/nginx:5000", "localhost:5000/nginx", "5000", None),
        ("registry.example.com:443/a/b/c:v1_2.3-x", "registry.example.com:443/a/b/c", "v1_2.3-x", None),
        (f"ghcr.io/org/web@{SHA}", "ghcr.io/org/web", None, SHA),
        (f"ghcr.io/org/web:v1@{SHA}", "ghcr.io/org/web", "v1", SHA),
        (f"ghcr.io/org/web@{SHA512}", "ghcr.io/org/web", None, SHA512),
        ("[2001:db8::1]:5000/web:v1", "[2001:db8::1]:5000/web", "v1", None),
        ("Registry.Example.COM/web:v1", "Registry.Example.COM/web", "v1", None),
        ("a__b/c-d/e---f:" + "x" * 128, "a__b/c-d/e---f", "x" * 128, None),
    ],
)
def test_parts_of_a_reference(text, repository, tag, digest):
    assert parse(text) == Reference(repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        ("", 1, "missing"),
        ("Nginx", 1, "'N' is not allowed there"),
        ("ghcr.io/Org/web", 9, "'O' is not allowed there"),
        ("ghcr.io/org/web:", 17, "the tag is empty"),
        ("ghcr.io/org/web:v1 ", 19, "' ' is not allowed there"),
        ("ghcr.io/org/web:.v1", 17, "'.' is not allowed there"),
        ("web:v1+build", 7, "'+' is not allowed there"),
        ("web:" + "x" * 129, 133, "longer than 128"),
        ("ghcr.io//web", 9, "empty"),
        ("ghcr.io/org/", 13, "empty"),
        ("a..b", 2, "'.' is not allowed there"),
        ("a___b", 2, "'_' is not allowed there"),
        ("web-", 4, "'-' is not allowed there"),
        ("-web", 1, "'-' is not allowed there"),
        ("https://ghcr.io/web", 6, "no scheme"),
        ("exa_mple.com/web", 4, "is not a host name"),
        (":v1", 1, "missing"),
        ("web@", 5, "begins with sha256"),
        ("web@md5:" + "0" * 32, 5, "begins with sha256"),
        ("web@sha256:" + "0" * 63, 75, "64 digits, this one 63"),
        ("web@sha256:" + "0" * 65, 76, "64 digits, this one 65"),
        ("web@sha256:" + "A" * 64, 12, "lower-case hexadecimal"),
        ("web@sha256:" + "0" * 10 + "g" + "0" * 53, 22, "'g' is not a lower-case hexadecimal"),
        ("a" * 256, 256, "longer than 255"),
        ("0a" * 32, 1, "an image's id"),
        ("wéb", 2, "'é' is not allowed there"),
    ],
)
def test_the_first_fault_is_reported_with_its_column(text, column, why):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.found.startswith(f"column {column} of {text!r}")
    assert why in caught.value.found
    assert read(text) is None


@pytest.mark.parametrize(
    ("repository", "full", "short"),
    [
        ("nginx", "docker.io/library/nginx", "nginx"),
        ("org/web", "docker.io/org/web", "org/web"),
        ("docker.io/nginx", "docker.io/library/nginx", "nginx"),
        ("docker.io/library/nginx", "docker.io/library/nginx", "nginx"),
        ("index.docker.io/org/web", "docker.io/org/web", "org/web"),
        ("GHCR.io/org/web", "ghcr.io/org/web", "ghcr.io/org/web"),
        ("localhost/web", "localhost/web", "localhost/web"),
        ("registry:5000/web", "registry:5000/web", "registry:5000/web"),
    ],
)
def test_docker_hubs_short_forms_are_compared_in_full(repository, full, short):
    assert canonical(repository) == full
    assert familiar(repository) == short


CURRENT = Reference("ghcr.io/org/web", "v1", SHA)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (":v2", Reference("ghcr.io/org/web", "v2")),
        (f"@{SHA}", Reference("ghcr.io/org/web", None, SHA)),
        (f":v2@{SHA}", Reference("ghcr.io/org/web", "v2", SHA)),
        (f"v2@{SHA}", Reference("ghcr.io/org/web", "v2", SHA)),
        (f"web@{SHA}", Reference("ghcr.io/org/web", None, SHA)),
        ("ghcr.io/other/web", Reference("ghcr.io/other/web", "v1", SHA)),
        ("ghcr.io/other/web:v2", Reference("ghcr.io/other/web", "v2")),
        ("GHCR.IO/org/web:v2", Reference("ghcr.io/org/web", "v2")),
        ("localhost:5000/web", Reference("localhost:5000/web", "v1", SHA)),
    ],
)
def test_what_is_wanted_replaces_the_parts_that_it_names(text, result):
    wanted = parse_wanted(f"web={text}")
    assert wanted.name == "web"
    assert wanted.applied_to(CURRENT) == result


def test_the_same_repository_by_another_spelling_stays_as_it_is_written():
    assert parse_wanted("x=docker.io/library/nginx:2").applied_to(Reference("nginx", "1")) == Reference(
        "nginx", "2"
    )
    assert (
        parse_wanted("x=nginx:2")
        .applied_to(Reference("docker.io/library/nginx"))
        .repository.startswith("docker")
    )


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("web", "not NAME=REFERENCE"),
        ("=v1", "not NAME=REFERENCE"),
        ("we b=:v1", "not NAME=REFERENCE"),
        ("web=", "column 1 of ''"),
        ("web=v1", "could be a tag or a repository"),
        ("web=:", "column 2 of ':': the tag is empty"),
        ("web=:v 1", "column 3 of ':v 1'"),
        ("web=@sha256:12", "column 11 of '@sha256:12'"),
        (f"web=:v1@{SHA}0", "column 76"),
        ("web=.v1@sha256:" + "0" * 64, "column 1 of"),
        ("web=ghcr.io/Org/web:v1", "column 9 of 'ghcr.io/Org/web:v1'"),
        ("web=a/b=c:v1", "column 4 of 'a/b=c:v1'"),
    ],
)
def test_arguments_that_are_not_an_image_are_refused(argument, found):
    with pytest.raises(InputError) as caught:
        parse_wanted(argument)
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ("v1", True),
        (":v1", True),
        (f"@{SHA}", True),
        (f"v1@{SHA}", True),
        ("ghcr.io/org/web:v1", True),
        ("ghcr.io/org/web", True),
        ("v2", False),
        (f"@sha256:{'1' * 64}", False),
        ("ghcr.io/other/web:v1", False),
    ],
)
def test_an_expectation_is_about_the_parts_that_it_names(expected, fits):
    assert matches(CURRENT, parse_expected(expected)) is fits
