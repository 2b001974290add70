"""Files of many keys: how much is read of them, and how much of that is kept."""

from __future__ import annotations

import weakref

import pytest

from bootstrap.core.errors import InputError
from bootstrap.yamledit.events import MAX_EVENTS
from bootstrap.yamledit.walk import LARGE, walk


def lines(number: int) -> str:
    return "".join(f"k{one}: v\n" for one in range(number))


def test_file_of_more_keys_than_any_configuration_has_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        walk(lines(MAX_EVENTS // 2), "wide.yaml")
    assert refused.value.found == f"it has more than {MAX_EVENTS:,} keys and values"
    assert refused.value.where == "wide.yaml"


def test_only_the_last_of_large_files_is_kept_and_small_ones_are_for_longer() -> None:
    small = walk(lines(2), "small.yaml")
    text = lines(LARGE // 5)
    assert walk(text, "first.yaml") is walk(text, "first.yaml")
    first = weakref.ref(walk(text, "first.yaml"))
    walk(text, "second.yaml")
    assert first() is None
    assert walk(lines(2), "small.yaml") is small
