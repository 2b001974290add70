"""Tags as they are met in the wild are ordered as their makers mean them, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.errors import InputError
from bootstrap.image.newer import compare, not_newer
from bootstrap.image.versions import order
from bootstrap.oci.reference import Reference
from tests.properties import QUICKLY

OPPOSITE = {"newer": "older", "older": "newer", "same": "same", None: None}


@pytest.mark.parametrize(
    ("new", "old"),
    [
        # git describe: commits after a release
        ("v1.2.3-5-gabc1234", "v1.2.3"),
        ("v1.2.3-10-gabc1234", "v1.2.3-9-gdef5678"),
        ("v1.2.4", "v1.2.3-5-gabc1234"),
        ("v1.2.3-rc1-5-gabc1234", "v1.2.3-rc1"),
        ("v1.2.3", "v1.2.3-rc1-5-gabc1234"),
        # numbers that are glued to a word
        ("1.2.3-rc10", "1.2.3-rc9"),
        ("1.2.3-rc.10", "1.2.3-rc.9"),
        ("v2.0.0-beta11", "v2.0.0-beta2"),
        ("1.2.3rc10", "1.2.3rc9"),
        ("1.2.3", "1.2.3rc1"),
        ("1.2.3-rc1", "1.2.3-beta9"),
        ("1.2.3", "1.2.3-SNAPSHOT"),
        # revisions of a package
        ("1.2.3-r10", "1.2.3-r9"),
        ("1.2.3-debian-12-r10", "1.2.3-debian-12-r9"),
        ("1.2.4-debian-12-r0", "1.2.3-debian-12-r9"),
        ("3.19.1-alpine3.20", "3.19.0-alpine3.20"),
        ("1.2.3-10", "1.2.3-9"),
        # dates
        ("20260131", "20251231"),
        ("2026-01-31", "2025-12-31"),
        ("20260131.2", "20260131.1"),
        ("20260131-10", "20260131-9"),
        ("20260131120001", "20260131120000"),
        ("2026-01-31T12-00-00Z", "2026-01-31T11-59-59Z"),
        ("RELEASE.2024-02-01T12-00-00Z", "RELEASE.2024-01-31T23-59-59Z"),
        ("nightly-20260201", "nightly-20260131"),
        ("20260201-abc1234", "20260131-fed4321"),
        ("2024.10.1", "2024.9.30"),
        ("2024.10.1", "2024.09.30"),
        ("main-20240201120001-abc1234", "main-20240201120000-fed4321"),
        ("1700000001", "1700000000"),
        # build numbers
        ("build-124", "build-99"),
        ("124", "99"),
        ("main-124", "main-99"),
        ("b.100", "b.99"),
        ("124-abc1234", "99-fed4321"),
        ("main-abc1234-1700000001", "main-fed4321-1700000000"),
        ("main-abc1234-124", "main-fed4321-99"),
        ("release-1.10.0", "release-1.9.0"),
        ("web-v1.10.0", "web-v1.9.0"),
        ("1.2.3.4", "1.2.3.3"),
    ],
)
def test_the_newer_of_two_tags_is_known_from_both_sides(new, old):
    assert order(new, old) == "newer"
    assert order(old, new) == "older"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2.3-alpine", "1.2.3"),
        ("1.2.3-alpine", "1.2.3-slim"),
        ("1.2.3-r1", "1.2.3"),
        ("1.2.3-1", "1.2.3"),
        ("1.2.3_5", "1.2.3_4"),
        ("1.2.3-abc1234", "1.2.3-fed4321"),
        ("1.2.3-5-gabc1234", "1.2.3-5-gfed4321"),
        ("124-abc1234", "124-fed4321"),
        ("build-124", "release-124"),
        ("124", "1.2.3"),
        ("20260131", "124"),
        ("20260131", "1.2.3"),
        ("2026-01-31", "1.2.3"),
        ("20260131", "20260131120000"),
        ("20260131-abc1234", "20260131-fed4321"),
        ("1234567", "v1.0.0"),
        ("7654321", "1234567"),
        ("latest", "v1.0.0"),
        ("main", "dev"),
        ("RELEASE.2024-02-01T12-00-00Z", "2024-02-01T12-00-00Z"),
    ],
)
def test_tags_that_could_mean_either_are_not_ordered(one, other):
    assert order(one, other) is None
    assert order(other, one) is None


def test_commits_decide_where_versions_do_not():
    commits = ["abc1234", "fed4321"]

    def is_ancestor(older: str, newer: str) -> bool | None:
        return commits.index(older) <= commits.index(newer)

    for tag in ("1.2.3-{}", "124-{}", "20260131-{}", "main-{}"):
        new, old = (Reference("a", tag.format(commit)) for commit in reversed(commits))
        assert compare(new, old, is_ancestor) == "newer"
        assert compare(old, new, is_ancestor) == "older"


def test_what_is_not_ordered_is_reported_and_nothing_is_dropped():
    with pytest.raises(
        InputError, match=r"the tags of a:1\.2\.3 and a:1\.2\.3-alpine do not show which one is newer"
    ):
        not_newer("web", Reference("a", "1.2.3-alpine"), Reference("a", "1.2.3"), [], lambda *_: None)


PARTS = st.sampled_from(["1", "9", "10", "v2", "rc", "rc1", "r9", "alpine", "20260131", "abc1234", "g", "a"])


@QUICKLY
@given(
    st.lists(PARTS, min_size=1, max_size=4), st.lists(PARTS, min_size=1, max_size=4), st.sampled_from(".-_")
)
def test_the_order_of_two_tags_is_the_same_from_both_sides(one, other, separator):
    new, old = separator.join(one), separator.join(other)
    assert order(new, old) == OPPOSITE[order(old, new)]


@QUICKLY
@given(
    st.tuples(*[st.integers(0, 30)] * 3),
    st.tuples(*[st.integers(0, 30)] * 3),
    st.sampled_from(["", "v", "x-"]),
)
def test_releases_are_ordered_by_their_numbers(one, other, prefix):
    new, old = (f"{prefix}{'.'.join(map(str, numbers))}" for numbers in (one, other))
    assert order(new, old) == ("newer" if one > other else "older" if one < other else "same")
