"""Scalars are replaced in their place: one value changes, and not one other byte."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from bootstrap.core.errors import InputError
from bootstrap.yamledit.edit import replace_scalar, replace_scalars, set_keys, set_listed, spans

TAG = (0, "images", ("name", "vote"), "newTag")


def kustomization(tag: str) -> str:
    return (
        f"# top\nimages:\n  - name: result\n    newTag: a # b\n  - name: vote\n    newTag: {tag}  # by CI\n\n"
    )


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("v1", "v2", "v2"),
        ("v1", "1.2.3", "1.2.3"),
        ("'v1'", "v2", "'v2'"),
        ('"v1"', "v2", '"v2"'),
        ("v1", "1.10", '"1.10"'),
        ("'v1'", "1.10", "'1.10'"),
        ("v1", "1e3", '"1e3"'),
        ("v1", "12e4567", '"12e4567"'),
        ("v1", "0123", '"0123"'),
        ("v1", "0128", '"0128"'),
        ("v1", "0x1F", '"0x1F"'),
        ("v1", "0o17", '"0o17"'),
        ("v1", "1_000", '"1_000"'),
        ("v1", "1234567", '"1234567"'),
        ("v1", "20:30", '"20:30"'),
        ("v1", "on", '"on"'),
        ("v1", "No", '"No"'),
        ("v1", "y", '"y"'),
        ("v1", "null", '"null"'),
        ("v1", "~", '"~"'),
        ("v1", "", '""'),
        ("v1", ".inf", '".inf"'),
        ("v1", "2024-01-15", '"2024-01-15"'),
        ("v1", "2024-1-5", '"2024-1-5"'),
        ("v1", "2024-01-15-abc", "2024-01-15-abc"),
        ("v1", "a: b", '"a: b"'),
        ("v1", "a #b", '"a #b"'),
        ("v1", "- a", '"- a"'),
        ("v1", "*a", '"*a"'),
        ("v1", "a'b", "a'b"),
        ("'v1'", "a'b", "'a''b'"),
        ('"v1"', 'a"b\\', '"a\\"b\\\\"'),
        ("v1", "two\nlines", '"two\\nlines"'),
        ("'v1'", "tab\there", '"tab\\there"'),
        ("v1", "\x85\u2028", '"\\u0085\\u2028"'),
        ("v1", "🎉é", "🎉é"),
        ("🎉 é", "v2", "v2"),
        ("1.10", "1.11", '"1.11"'),
        ("1.10", "1.10", '"1.10"'),
        ("~", "v2", "v2"),
        ("!!str 12", "13", '!!str "13"'),
        ("&free v1", "v2", "&free v2"),
    ],
)
def test_the_new_value_keeps_the_style_that_can_hold_it(old, value, new):
    before, after = kustomization(old).encode(), kustomization(new).encode()
    assert replace_scalar(before, TAG, value) == after
    assert YAML(typ="safe", pure=True).load(after)["images"][1]["newTag"] == value


def test_the_same_value_gives_the_same_bytes():
    text = kustomization("'v1'").encode()
    assert replace_scalar(text, TAG, "v1") is text


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        (b"a: 1\r\nb: x # y\r\nc: z\r\n", (0, "b"), "w", b"a: 1\r\nb: w # y\r\nc: z\r\n"),
        (b"\xef\xbb\xbfa: x\n", (0, "a"), "w", b"\xef\xbb\xbfa: w\n"),
        (b"\xef\xbb\xbf# c\r\na: x", (0, "a"), "w", b"\xef\xbb\xbf# c\r\na: w"),
        (b"{a: {b: x, c: [1, z]}}\n", (0, "a", "b"), "y, z", b'{a: {b: "y, z", c: [1, z]}}\n'),
        (b"a: [1, z,]\n", (0, "a", 1), "w", b"a: [1, w,]\n"),
        (b"a: {b: , c: 1}\n", (0, "a", "b"), "w", b"a: {b: w , c: 1}\n"),
        (
            b"# \xf0\x9f\x8e\x89\nk: '\xf0\x9f\x8e\x89' # \xc3\xa9\n",
            (0, "k"),
            "\u00fc",
            b"# \xf0\x9f\x8e\x89\nk: '\xc3\xbc' # \xc3\xa9\n",
        ),
        (
            b"a: 1\n---\n# none\n---\nb: x\n...\n---\nb: y\n",
            (2, "b"),
            "z",
            b"a: 1\n---\n# none\n---\nb: x\n...\n---\nb: z\n",
        ),
        (b"a: x\n---\na: x\n", (1, "a"), "w", b"a: x\n---\na: w\n"),
        (b"a:\nb: 1\n", (0, "a"), "x", b"a: x\nb: 1\n"),
        (b"a:   # why\nb: 1\n", (0, "a"), "x", b"a: x   # why\nb: 1\n"),
        (b"a: b\n  c\nd: e\n", (0, "a"), "x", b"a: x\nd: e\n"),
        (b"a: 'b\n\n  c'\nd: e\n", (0, "a"), "x", b"a: 'x'\nd: e\n"),
        (b"a:\n- b\n- c\n", (0, "a", 0), "x", b"a:\n- x\n- c\n"),
        (b"a: |\n  text: x\n\nb: y\n", (0, "b"), "z", b"a: |\n  text: x\n\nb: z\n"),
        (b"a: >- # c\n    x/y\n\nb: y\n", (0, "a"), "z: 1", b"a: >- # c\n    z: 1\n\nb: y\n"),
        (b"a: |-\r\n  x\r\n", (0, "a"), "1.10", b"a: |-\r\n  1.10\r\n"),
        (b'"a b": x\n? k\n: v\n', (0, "k"), "z", b'"a b": x\n? k\n: z\n'),
        (b"x: &a {b: 1}\ny: {c: *a}\nz: w\n", (0, "z"), "v", b"x: &a {b: 1}\ny: {c: *a}\nz: v\n"),
        (b"&unused a: !t &free\n  x\n", (0, "a"), "w", b"&unused a: !t &free\n  w\n"),
        (b"x", (0,), "w", b"w"),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else None,
)
def test_every_other_byte_stays(before, path, value, after):
    assert replace_scalar(before, path, value) == after


def test_many_scalars_change_in_one_go():
    before = b"a: x\nb: {c: y, d: z}\n"
    assert (
        replace_scalars(before, {(0, "b", "d"): "1", (0, "a"): "longer"}) == b'a: longer\nb: {c: y, d: "1"}\n'
    )


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        (b"a: &x v\nb: *x\n", (0, "a"), "alias"),
        (b"a: &x v\nb: *x\n", (0, "b"), "alias"),
        (b"a: &x {b: v}\nc: *x\n", (0, "a", "b"), "alias"),
        (b"a: &x {b: {d: v}}\nc:\n  <<: *x\n", (0, "a", "b", "d"), "alias"),
        (b"a: &x {b: v}\nc:\n  <<: *x\n", (0, "c", "b"), "no such value"),
        (b"a: x\na: y\n", (0, "a"), "twice"),
        (b"a: {b: 1}\n", (0, "a"), "no such value"),
        (b"a: x\n", (0, "b"), "no such value"),
        (b"a: x\n", (1, "a"), "no such value"),
        (b"a: |\n  x\n", (0, "a"), "block"),
        (b"a: >-\n  x\n  y\n", (0, "a"), "block"),
        (b"a:\n-\n- b\n", (0, "a", 0), "empty"),
        (b"images: [{name: vote}, {name: vote}]\n", TAG, "2 items have name vote"),
        (b"images: []\n", TAG, "no item has name vote"),
        (b"", (0, "a"), "no such value"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text, path, found):
    with pytest.raises(InputError, match=found):
        replace_scalar(text, path, "new")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"a: 1\nb: [\n", "f.yaml:3:1"),
        (b"a: 1\n\tb: 2\n", "f.yaml:2:1"),
        (b"a: *nobody\n  b", "f.yaml"),
        (b"a: 1\nb: \xff\n", "f.yaml:2"),
        (b"a: 'x\n", "f.yaml"),
        (b"a: \x01\n", "f.yaml"),
    ],
)
def test_what_is_not_yaml_is_reported_with_its_place(text, where):
    with pytest.raises(InputError) as caught:
        replace_scalar(text, (0, "a"), "x", "f.yaml")
    assert caught.value.where.startswith(where)


def test_aliases_that_explode_do_not():
    lines = ["a: &a [x, x]"] + [
        f"{new}: &{new} [*{old}, *{old}]" for old, new in zip("abcdefghij" * 3, "bcdefghijk" * 3, strict=True)
    ]
    text = "\n".join(lines[:11]) + "\nz: old\n"
    assert replace_scalar(text.encode(), (0, "z"), "new") == text.replace("old", "new").encode()


def test_spans_tell_where_values_stand():
    (first, second) = spans("é: x\nb:\n  - 'y'\n".encode())
    assert (first.path, first.value, first.line, first.column) == ((0, "é"), "x", 1, 4)
    assert (second.path, second.value, second.style, second.line, second.column) == (
        (0, "b", 0),
        "y",
        "'",
        3,
        5,
    )


LISTED = b"""# what runs here
resources:
  - ../../infrastructure/crds  # first
  # - ../../infrastructure/loki  # logs
  - ../../infrastructure/loki-extra

  # what follows is yours
images: []
"""
LOKI = "../../infrastructure/loki"


def test_a_component_is_switched_on_and_off_again():
    on = set_listed(LISTED, LOKI, True)
    assert on == LISTED.replace(b"# - ../../infrastructure/loki  #", b"- ../../infrastructure/loki  #")
    assert set_listed(on, LOKI, True) is on
    assert set_listed(on, LOKI, False) == LISTED
    assert set_listed(LISTED, LOKI, False) is LISTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LISTED, LISTED.replace(b"loki-extra\n", b"loki-extra\n  - new\n")),
        (b"resources:\n- a\n# - b\nx: 1\n", b"resources:\n- a\n# - b\n- new\nx: 1\n"),
        (b"resources:\n- a", b"resources:\n- a\n- new"),
        (b"resources:\r\n    - a\r\nx: 1\r\n", b"resources:\r\n    - a\r\n    - new\r\nx: 1\r\n"),
        (b"resources:\r\n  - a", b"resources:\r\n  - a\r\n  - new"),
        (b"resources:\n  # - new  # why\n", b"resources:\n  - new  # why\n"),
        (b"resources:\n  # - 'new'\n  - a\n", b"resources:\n  - 'new'\n  - a\n"),
        (b"resources:\n#  - new\n  - a\n", b"resources:\n  - new\n  - a\n"),
        (b"resources:\n", b"resources:\n  - new\n"),
        (b"resources: []\n", b"resources: [new]\n"),
        (b"resources: [a, b]  # c\n", b"resources: [a, b, new]  # c\n"),
        (b"x: 1\n", b"x: 1\nresources:\n  - new\n"),
        (b"x: 1\n# - new\nresources:\n- a\n", b"x: 1\n# - new\nresources:\n- a\n- new\n"),
        (b"\xef\xbb\xbfresources:\n- a\n", b"\xef\xbb\xbfresources:\n- a\n- new\n"),
    ],
)
def test_an_entry_is_switched_on_or_added_at_the_end(before, after):
    assert set_listed(before, "new", True) == after
    assert set_listed(after, "new", True) is after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"resources:\n- a # x\n- b\n", b"resources:\n# - a # x\n- b\n"),
        (b"resources:\r\n  - 'a'\r\n", b"resources:\r\n  # - 'a'\r\n"),
        (b"resources:\n- a\n- b\n- a\n", b"resources:\n# - a\n- b\n# - a\n"),
    ],
)
def test_an_entry_that_is_off_stays_as_a_comment(before, after):
    assert set_listed(before, "a", False) == after


def test_a_list_in_brackets_is_not_switched_off():
    with pytest.raises(InputError, match="brackets"):
        set_listed(b"resources: [a]\n", "a", False)


KEYS_BY_ALIAS = b"a: &x v1\nmap:\n  *x : other\n  tag: v1\n"


def test_an_alias_as_a_key_repeats_its_anchor():
    """yaml-test-suite E76Z: `*a : b` is a pair whose key is what the anchor says."""
    with pytest.raises(InputError, match=r"other places share the value through the alias \*x"):
        replace_scalar(KEYS_BY_ALIAS, (0, "a"), "v2")
    assert [span.path for span in spans(KEYS_BY_ALIAS)] == [(0, "a"), (0, "map", "v1"), (0, "map", "tag")]
    assert replace_scalar(KEYS_BY_ALIAS, (0, "map", "v1"), "new") == KEYS_BY_ALIAS.replace(b"other", b"new")


@pytest.mark.parametrize("key", [b"*x : b", b"? [a, b]\n: b", b"? {a: b}\n: b", b"[a, b]: b"])
def test_a_file_with_a_key_that_is_not_text_can_be_edited(key):
    text = b"first: &x v1\nlast: v1\n" + key + b"\n"
    assert replace_scalar(text, (0, "last"), "v1000") == text.replace(b"last: v1", b"last: v1000")


def test_a_key_or_value_that_an_alias_repeats_is_not_removed_from_under_it():
    for text in (b"m: {a: &x v1, b: v}\nn: *x\n", b"m: {&x a: v1, b: v}\nn: *x\n"):
        with pytest.raises(InputError, match=r"through the alias \*x"):
            set_keys(text, (0, "m"), {"a": None}, ("a", "b"), "f.yaml")
    alias = b"n: &x v1\nm: {a: *x, b: v}\n"
    assert set_keys(alias, (0, "m"), {"a": None}, ("a", "b"), "f.yaml") == b"n: &x v1\nm: {b: v}\n"


@pytest.mark.parametrize("tag", ["!!int", "!!float", "!!binary", "!<tag:yaml.org,2002:int>"])
def test_a_value_that_its_tag_makes_no_text_is_refused(tag):
    text = f"tag: {tag} 12\n".encode()
    for value in ("v2", "12"):
        with pytest.raises(InputError, match=r"the value has the tag !!"):
            replace_scalar(text, (0, "tag"), value)
    assert replace_scalar(b"tag: !!str 12\n", (0, "tag"), "13") == b'tag: !!str "13"\n'
    assert replace_scalar(b"tag: !!str 12\n", (0, "tag"), "12") == b"tag: !!str 12\n"
