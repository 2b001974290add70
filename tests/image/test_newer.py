"""What is newer, by version, by commit and by time; and what a person moved back stays back."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image.history import Step, Version, chosen, reader_of, steps
from bootstrap.image.newer import compare, not_newer, parse_time, set_after
from bootstrap.image.places import find
from bootstrap.oci.reference import Reference

COMMITS = ["aaaaaaa1", "bbbbbbb2", "ccccccc3"]


def is_ancestor(older: str, newer: str) -> bool | None:
    known = {commit[:7]: number for number, commit in enumerate(COMMITS)}
    if older[:7] not in known or newer[:7] not in known:
        return None
    return known[older[:7]] <= known[newer[:7]]


@pytest.mark.parametrize(
    ("new", "old", "order"),
    [
        ("v1.2.0", "v1.1.9", "newer"),
        ("1.10", "1.9", "newer"),
        ("v2", "v1.9.9", "newer"),
        ("1.2.0", "v1.2", "same"),
        ("1.2.0-rc.2", "1.2.0-rc.10", "older"),
        ("1.2.0-rc.1", "1.2.0", "older"),
        ("1.2.0-alpha.1", "1.2.0-alpha", "newer"),
        ("1.2.0-1", "1.2.0-a", "older"),
        ("1.27.1-alpine", "1.27.0-alpine", "newer"),
        ("124", "99", "newer"),
        ("20260131", "20251231", "newer"),
        ("1234567", "v1.0.0", None),
        ("bbbbbbb2", "aaaaaaa1", "newer"),
        ("sha-aaaaaaa", "main-ccccccc3", "older"),
        ("sha-aaaaaaa", "aaaaaaa1", "same"),
        ("ddddddd4", "aaaaaaa1", None),
        ("latest", "v1.0.0", None),
        ("latest", "latest", "same"),
    ],
)
def test_which_of_two_tags_is_newer(new, old, order):
    assert compare(Reference("a", new), Reference("a", old), is_ancestor) == order


def step(tag: str, when: int, built_at: float | None = None, author: str = "Ann") -> Step:
    return Step(Reference("a", tag), "c" * 40, author, "a@b.c", when, "subject", built_at)


@pytest.mark.parametrize(
    ("new", "history", "reason"),
    [
        ("v1.3.0", [("v1.2.0", 2), ("v1.1.0", 1)], None),
        ("v1.2.0", [("v1.2.1", 2)], "v1.2.1 is set, which is newer"),
        (
            "v1.3.0",
            [("v1.2.0", 3), ("v1.3.0", 2), ("v1.2.0", 1)],
            "v1.3.0 was set on 1970-01-01 00:00 UTC and rolled back",
        ),
        ("v1.2.5", [("v1.2.0", 3), ("v1.3.0", 2)], "v1.3.0 was set"),
        ("v1.3.1", [("v1.2.0", 3), ("v1.3.0", 2)], None),
        ("v1.3.0", [("v1.2.0", 3), ("latest", 2)], None),
    ],
)
def test_only_newer_minds_what_was_there_before(new, history, reason):
    found = [step(tag, when) for tag, when in history]
    said = not_newer("web", Reference("a", new), found[0].reference, found, is_ancestor)
    assert (said is None) == (reason is None)
    assert reason is None or reason in str(said)


def test_tags_that_do_not_tell_which_is_newer_are_an_error():
    with pytest.raises(InputError, match="neither versions nor known commits"):
        not_newer("web", Reference("a", "latest"), Reference("a", "v1"), [], is_ancestor)


@pytest.mark.parametrize(
    ("built_at", "last", "reason"),
    [
        (100.0, step("v1", 99), None),
        (100.0, step("v1", 200), "Ann set v1 later"),
        (100.0, step("v1", 200, built_at=50), None),
        (100.0, step("v1", 90, built_at=150), "a build that began later"),
    ],
)
def test_a_build_gives_way_to_what_was_set_or_built_after_it_began(built_at, last, reason):
    said = set_after("web", built_at, [last], now=built_at + 100)
    assert (said is None) == (reason is None)
    assert reason is None or reason in str(said)
    assert set_after("web", built_at, [], now=built_at) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02T00:00:00Z", 86400),
        ("1970-01-02T01:00:00+01:00", 86400),
        ("1970-01-02", 86400),
        ("1700000000", 1700000000),
    ],
)
def test_times_are_read_in_utc_unless_they_say_otherwise(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "99"])
def test_what_is_not_a_time_is_refused(text):
    with pytest.raises(InputError, match="is not a time"):
        parse_time(text)


def version(number: int, tag: str | None, more: str = "") -> Version:
    text = None if tag is None else f"{more}images:\n- name: web\n  newTag: {tag}\n".encode()
    return Version(f"{number}" * 40, "Ann", "a@b.c", number, f"commit {number}", None, text)


def test_history_has_only_the_commits_that_changed_the_image():
    versions = [
        version(6, "v3"),
        version(5, "v2", "# a\n"),
        version(4, "v2"),
        version(3, None),
        version(2, "v1"),
        version(1, "v1"),
    ]
    (place,) = find("kustomization.yaml", versions[0].content or b"")
    found = list(steps(versions, reader_of(place)))
    assert [(item.reference.tag, item.when) for item in found] == [("v3", 6), ("v2", 4), ("v1", 1)]
    assert chosen(found, "1", "web").reference.tag == "v2"
    assert chosen(found, "v1", "web").when == 1
    assert chosen(found, "4" * 12, "web").reference.tag == "v2"
    with pytest.raises(InputError, match="history only goes 2 steps back"):
        chosen(found, "3", "web")
    with pytest.raises(InputError, match="no earlier image 'v9'"):
        chosen(found, "v9", "web")
