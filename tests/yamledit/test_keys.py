"""Keys are set, added, renamed and removed in one mapping; every other byte stays."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.yamledit.edit import add_item, set_keys

ORDER = ("name", "newName", "newTag", "digest")
ENTRY = (0, "images", 0)
FOLDED = "- name: a\n  newName: >-\n    b"


def images(text: str) -> bytes:
    return f"# top\nimages:\n{text}\n# end\n".encode()


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("- name: a\n  newTag: v1  # c", {"newTag": "v2"}, "- name: a\n  newTag: v2  # c"),
        ("- name: a\n  newTag: 1.9", {"newTag": "1.10"}, '- name: a\n  newTag: "1.10"'),
        ("- name: a\n  newTag: v1", {"newTag": "v1"}, "- name: a\n  newTag: v1"),
        ("- name: a", {"newTag": "v2"}, "- name: a\n  newTag: v2"),
        ("- name: a  # c", {"newTag": "v2"}, "- name: a  # c\n  newTag: v2"),
        ("    -   name: a", {"newTag": "v2"}, "    -   name: a\n        newTag: v2"),
        (
            "- name: a\n\n  # why\n  newTag: v1\n\n- name: b",
            {"newName": "c", "newTag": "v2"},
            "- name: a\n  newName: c\n\n  # why\n  newTag: v2\n\n- name: b",
        ),
        ("- name: a\n  digest: x # c", {"newTag": "v2", "digest": None}, "- name: a\n  newTag: v2 # c"),
        ("- digest: 'x'\n  name: a", {"newTag": "v2", "digest": None}, "- newTag: 'v2'\n  name: a"),
        ("- name: a\n  newTag: v1\n  digest: x # c", {"digest": None}, "- name: a\n  newTag: v1"),
        ("- name: a\n  digest: x # c\n  newTag: v1", {"digest": None}, "- name: a\n  newTag: v1"),
        ("- digest: x # c\n  name: a", {"digest": None}, "- name: a"),
        ("- digest: x # c\n  # kept\n  name: a", {"digest": None}, "-\n  # kept\n  name: a"),
        ("- {name: a, newTag: v1}", {"newTag": "v2"}, "- {name: a, newTag: v2}"),
        ("- {name: a}", {"newTag": "1.10"}, '- {name: a, newTag: "1.10"}'),
        ("- {newTag: v1, digest: x, name: a}", {"digest": None}, "- {newTag: v1, name: a}"),
        ("- {digest: x, name: a}", {"digest": None}, "- {name: a}"),
        ("- {name: a, digest: x,}", {"digest": None}, "- {name: a,}"),
        (
            '- {"name": "a", "newTag": "v1"}',
            {"digest": "x"},
            '- {"name": "a", "newTag": "v1", "digest": "x"}',
        ),
        (
            '- {\n    "name": "a"\n  }',
            {"newTag": "v2", "digest": "x"},
            '- {\n    "name": "a",\n    "newTag": "v2",\n    "digest": "x"\n  }',
        ),
        ("- name: a\n  newTag:", {"newTag": "v2"}, "- name: a\n  newTag: v2"),
        ("- name: a\n  newTag: ''", {"newTag": "v2"}, "- name: a\n  newTag: 'v2'"),
        (
            "- name: a\n  newName: >-\n    b\n  newTag: v1",
            {"newTag": "v2"},
            "- name: a\n  newName: >-\n    b\n  newTag: v2",
        ),
        (
            "- name: a\n  newName: >-\n    b",
            {"newTag": "v2"},
            "- name: a\n  newName: >-\n    b\n  newTag: v2",
        ),
    ],
)
def test_keys_of_one_mapping_are_set(before, wanted, after):
    assert set_keys(images(before), ENTRY, wanted, ORDER, "f.yaml") == images(after)


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (b"a:\r\n  b: x\r\n", {"c": "w"}, b"a:\r\n  b: x\r\n  c: w\r\n"),
        (b"a:\r\n  b: x", {"c": "w"}, b"a:\r\n  b: x\r\n  c: w"),
        (b"a:\n  b: x", {"c": "w"}, b"a:\n  b: x\n  c: w"),
        (b"\xef\xbb\xbfa:\n  b: x\n", {"c": "w"}, b"\xef\xbb\xbfa:\n  b: x\n  c: w\n"),
        (b"a:\n  b: x\n  c: w", {"c": None}, b"a:\n  b: x"),
        (b"a:\r\n  b: x\r\n  c: w", {"c": None}, b"a:\r\n  b: x"),
        ("a:\n  b: é🎉\nz: 🎉\n".encode(), {"c": "w"}, "a:\n  b: é🎉\n  c: w\nz: 🎉\n".encode()),
    ],
)
def test_line_breaks_and_the_files_end_stay_as_they_are(before, wanted, after):
    assert set_keys(before, (0, "a"), wanted, ("b", "c"), "f.yaml") == after


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("- name: a\n  newTag: v1\n  newTag: v2", {"newTag": "v3"}, "twice"),
        ("- name: a\n  newTag: [v1]", {"newTag": "v3"}, "not a string"),
        ("- name: a\n  newTag: |\n    v1", {"newTag": "v3"}, "block scalar"),
        ("- name: &n v1\n  newTag: *n", {"newTag": "v3"}, "alias"),
        ("- name: a\n  newTag: &t v1\n- name: *t", {"newTag": "v3"}, "alias"),
        ("- &e {name: a}\n- *e", {"newTag": "v3"}, "alias"),
        ("- newTag: v1", {"newTag": None}, "only key"),
        ("- text", {"newTag": "v3"}, "not a mapping"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text, wanted, found):
    with pytest.raises(InputError, match=found):
        set_keys(images(text), ENTRY, wanted, ORDER, "f.yaml")


ITEM = {"name": "new", "newTag": "1.10"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("images:\n- name: a\n", 'images:\n- name: a\n- name: new\n  newTag: "1.10"\n'),
        (
            "images:\n  - name: a # c\n\nz: 1\n",
            'images:\n  - name: a # c\n  - name: new\n    newTag: "1.10"\n\nz: 1\n',
        ),
        ("images:\n  -   name: a", 'images:\n  -   name: a\n  -   name: new\n      newTag: "1.10"'),
        ("images:\n-\n  name: a\n", 'images:\n-\n  name: a\n- name: new\n  newTag: "1.10"\n'),
        ("images: [{name: a}] # c\n", 'images: [{name: a}, {name: new, newTag: "1.10"}] # c\n'),
        ("images: [] # c\nz: 1\n", 'images: # c\n  - name: new\n    newTag: "1.10"\nz: 1\n'),
        ("z:\n- 1\nimages: []\n", 'z:\n- 1\nimages:\n- name: new\n  newTag: "1.10"\n'),
        ("images: # c\nz: 1\n", 'images: # c\n  - name: new\n    newTag: "1.10"\nz: 1\n'),
        ("images: ~\n", 'images:\n  - name: new\n    newTag: "1.10"\n'),
        ("z:\n    - 1\n", 'z:\n    - 1\nimages:\n    - name: new\n      newTag: "1.10"\n'),
        ("z: 1\n# end\n\n", 'z: 1\n# end\nimages:\n  - name: new\n    newTag: "1.10"\n\n'),
        ("z: 1", 'z: 1\nimages:\n  - name: new\n    newTag: "1.10"'),
        ("z: 1\r\n", 'z: 1\r\nimages:\r\n  - name: new\r\n    newTag: "1.10"\r\n'),
        ("z: 1\n---\ny: 1\n", 'z: 1\nimages:\n  - name: new\n    newTag: "1.10"\n---\ny: 1\n'),
        ("z: 1\n...\n", 'z: 1\nimages:\n  - name: new\n    newTag: "1.10"\n...\n'),
        ('{"z": 1}\n', '{"z": 1, "images": [{"name": "new", "newTag": "1.10"}]}\n'),
        ('{\n  "z": 1\n}', '{\n  "z": 1,\n  "images": [{"name": "new", "newTag": "1.10"}]\n}'),
        ('{"images": []}', '{"images": [{"name": "new", "newTag": "1.10"}]}'),
        (
            '{"images": [\n  {"name": "a"}\n]}',
            '{"images": [\n  {"name": "a"},\n  {"name": "new", "newTag": "1.10"}\n]}',
        ),
        ("z: |\n  a: 1\n  ---x\n", 'z: |\n  a: 1\n  ---x\nimages:\n  - name: new\n    newTag: "1.10"\n'),
    ],
)
def test_an_item_is_added_at_the_end_of_a_list(before, after):
    assert add_item(before.encode(), (0, "images"), ITEM, "kustomization.yaml").decode() == after


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a\n", "not a mapping"),
        ("", "not a mapping"),
        ("images: {a: b}\n", "not a list"),
        ("images: text\n", "not a list"),
        ("images: []\nimages: []\n", "twice"),
        ("images: &i [{name: a}]\nz: *i\n", "alias"),
    ],
)
def test_what_is_not_a_list_of_its_own_gets_no_item(text, found):
    with pytest.raises(InputError, match=found):
        add_item(text.encode(), (0, "images"), ITEM, "kustomization.yaml")
