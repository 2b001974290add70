"""An item that is taken out of a list leaves every other byte as it is."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.errors import InputError
from bootstrap.yamledit import edit

WHERE = "kustomization.yaml"


@pytest.mark.parametrize(
    ("text", "number", "result"),
    [
        ("a: [x]\nimages:\n  - name: web\n    newTag: v5\n", 0, "a: [x]\n"),
        ("a: [x]\nimages:\n  - name: web\n    newTag: v5", 0, "a: [x]"),
        ("images:\n- name: web\n  newTag: v5\n", 0, "images: []\n"),
        (
            "images:\n- name: a\n  newTag: v1\n# about web\n- name: web # x\n  newTag: v5\n- name: c\n",
            1,
            "images:\n- name: a\n  newTag: v1\n# about web\n- name: c\n",
        ),
        ("images:\n- name: a\n- name: web\n  newTag: v5", 1, "images:\n- name: a"),
        ("images: [{name: a}, {name: web}]\nx: 1\n", 0, "images: [{name: web}]\nx: 1\n"),
        ("images: [{name: a}, {name: web}]\nx: 1\n", 1, "images: [{name: a}]\nx: 1\n"),
        ("images: [{name: a}]\nx: 1\n", 0, "x: 1\n"),
        ("images: [{name: a}]\n", 0, "images: []\n"),
        (
            "a:\r\n- b\r\nimages:\r\n-\r\n  name: a\r\n- name: c\r\nx: 1\r\n",
            0,
            "a:\r\n- b\r\nimages:\r\n- name: c\r\nx: 1\r\n",
        ),
    ],
)
def test_the_lines_of_the_item_go_and_no_others(text: str, number: int, result: str):
    assert edit.drop_item(text.encode(), (0, "images", number), WHERE).decode() == result


@pytest.mark.parametrize("text", ["images:\n- &a {name: a}\n- *a\n", "images: &l\n- name: a\nother: *l\n"])
def test_what_an_alias_repeats_is_not_taken_out(text: str):
    with pytest.raises(InputError, match="alias"):
        edit.drop_item(text.encode(), (0, "images", 0), WHERE)


NAMES = st.text("abc-/.0", max_size=8).map(lambda name: f"a{name}")
ENTRIES = st.lists(st.fixed_dictionaries({"name": NAMES, "newTag": NAMES}), min_size=1, max_size=4)
TEXTS = st.sampled_from(["", "# a comment\n", "resources:\n- ../base\n", "labels:\n  a: b\n"])


@given(ENTRIES, TEXTS, TEXTS, st.booleans(), st.data())
def test_dropping_is_the_way_back_from_adding(entries, before, after, flow, data):
    if after == before:
        after = ""
    images = f"images: {json.dumps(entries)}\n" if flow else yaml.safe_dump({"images": entries})
    head = before + images + after
    added = edit.add_item(head.encode(), (0, "images"), {"name": "new", "newTag": "v1"}, WHERE)
    back = edit.drop_item(added, (0, "images", len(entries)), WHERE)
    assert back.decode() == head
    number = data.draw(st.integers(0, len(entries) - 1))
    left = yaml.safe_load(edit.drop_item(head.encode(), (0, "images", number), WHERE))
    expected = {**yaml.safe_load(head), "images": entries[:number] + entries[number + 1 :]}
    if not expected["images"] and len(expected) > 1:
        del expected["images"]
    assert left == expected
