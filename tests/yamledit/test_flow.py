"""Within [] and {}, a comment stays with the entry that it is about."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.yamledit.edit import add_item, add_text, set_keys, set_listed

ITEM = {"name": "b", "newTag": "v1"}
ORDER = ("name", "newName", "newTag", "digest")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "images: [\n  {name: a}, # about a\n]\n",
            "images: [\n  {name: a}, # about a\n  {name: b, newTag: v1},\n]\n",
        ),
        (
            "images: [\n  {name: a} # about a\n]\n",
            "images: [\n  {name: a}, # about a\n  {name: b, newTag: v1}\n]\n",
        ),
        (
            "images: [{name: a} # about a\n  ]\n",
            "images: [{name: a}, # about a\n         {name: b, newTag: v1}\n  ]\n",
        ),
        ("images: [{name: a}] # about all\n", "images: [{name: a}, {name: b, newTag: v1}] # about all\n"),
        (
            "images: [\r\n  {name: a} # about a\r\n]\r\n",
            "images: [\r\n  {name: a}, # about a\r\n  {name: b, newTag: v1}\r\n]\r\n",
        ),
        (
            "{resources: [x] # what\n}\n",
            "{resources: [x], # what\n images: [{name: b, newTag: v1}]\n}\n",
        ),
    ],
)
def test_an_item_is_added_behind_the_comment_of_the_one_before(before: str, after: str) -> None:
    assert add_item(before.encode(), (0, "images"), ITEM, "kustomization.yaml").decode() == after


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (
            "{\n  name: a, # n\n  newTag: v1 # t\n}",
            {"digest": "d"},
            "{\n  name: a, # n\n  newTag: v1, # t\n  digest: d\n}",
        ),
        (
            "{\n  name: a, # n\n  digest: d, # d\n}",
            {"newTag": "v1"},
            "{\n  name: a, # n\n  newTag: v1,\n  digest: d, # d\n}",
        ),
        (
            "{\n  name: a, # n\n  newTag: v1, # t\n  digest: d # d\n}",
            {"digest": None},
            "{\n  name: a, # n\n  newTag: v1, # t\n}",
        ),
        (
            "{\n  name: a, # n\n  newTag: v1, # t\n  digest: d # d\n}",
            {"newTag": None},
            "{\n  name: a, # n\n  digest: d # d\n}",
        ),
        (
            "{newTag: v1, # t\n  # n\n  name: a}",
            {"newTag": None},
            "{\n  # n\n  name: a}",
        ),
        ("{\n  name: a,\n  newTag: v1 # t\n}", {"newTag": None}, "{\n  name: a\n}"),
        ("{name: a, # n\n  newTag: v1}", {"newTag": None}, "{name: a, # n\n  }"),
        ("{name: a, newName: b, newTag: v1}", {"newName": None, "newTag": None}, "{name: a}"),
        ("{newName: b, digest: d, name: a}", {"newName": None, "digest": None}, "{name: a}"),
        (
            "{\n  name: a, # n\n  newName: b, # b\n  newTag: v1 # t\n}",
            {"newName": None, "newTag": None},
            "{\n  name: a, # n\n}",
        ),
        ("{name: a, newTag: v1} # all", {"newTag": None}, "{name: a} # all"),
    ],
)
def test_a_key_comes_and_goes_with_its_own_comment_alone(
    before: str, wanted: dict[str, str | None], after: str
) -> None:
    result = set_keys(f"x: {before}\n".encode(), (0, "x"), wanted, ORDER, "a.yaml")
    assert result.decode() == f"x: {after}\n"


def test_texts_of_lists_are_added_behind_comments_too() -> None:
    before = b"resources: [\n  a, # about a\n  b # about b\n]\n"
    after = b"resources: [\n  a, # about a\n  b, # about b\n  c\n]\n"
    assert add_text(before, (0, "resources"), "c", "a.yaml") == after
    assert set_listed(before, "c", True) == after
    assert set_listed(b"resources: []\n", "c", True) == b"resources: [c]\n"
    assert set_listed(b"resources: [a,]\n", "c", True) == b"resources: [a, c,]\n"


@pytest.mark.parametrize(
    "text", ["images: [web]\n", "images:\n- name: a\n- web\n", "images:\n- name: a\n-\n"]
)
def test_a_list_with_items_that_are_not_mappings_is_reported_with_its_line(text: str) -> None:
    with pytest.raises(InputError, match="not a mapping") as caught:
        add_item(text.encode(), (0, "images"), ITEM, "kustomization.yaml")
    assert caught.value.where == f"kustomization.yaml:{text.count(chr(10), 0, -1) + 1}"
