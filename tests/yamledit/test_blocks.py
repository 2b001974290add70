"""Keys of any data, texts of lists and renamed values are spliced in; nothing else of a file changes."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.yamledit import edit

FILE = b"""\
# top
spec:
  ports: # which
    - name: http
      port: 8080 # ours
  labels: {a: b}
  sources:
  - one # first
  - two
end: here
"""


def test_a_key_is_replaced_where_it_is_and_its_comment_stays() -> None:
    result = edit.put(FILE, (0, "spec", "ports", 0, "port"), 80, "a.yaml")
    assert result == FILE.replace(b"port: 8080 # ours", b"port: 80 # ours")


def test_a_new_key_comes_behind_the_one_that_is_named_or_at_the_end() -> None:
    data = [{"secretRef": {"name": "on"}}]
    result = edit.put(FILE, (0, "spec", "envFrom"), data, "a.yaml", behind="ports")
    block = b'  envFrom:\n    - secretRef:\n        name: "on"\n'
    assert result == FILE.replace(b"  labels:", block + b"  labels:")
    assert edit.put(FILE, (0, "more"), {"n": 1}, "a.yaml") == FILE + b"more:\n  n: 1\n"


def test_a_key_in_braces_or_of_nothing_is_refused() -> None:
    for place in ((0, "spec", "labels", "c"), (0, "nowhere", "c")):
        with pytest.raises(InputError, match="not a separate block mapping"):
            edit.put(FILE, place, 1, "a.yaml")


def test_lines_end_as_the_files_do() -> None:
    crlf = FILE.replace(b"\n", b"\r\n")
    result = edit.put(crlf, (0, "more"), {"n": 1}, "a.yaml")
    assert result == crlf + b"more:\r\n  n: 1\r\n"


def test_a_text_is_added_once_in_the_lists_own_style() -> None:
    place = (0, "spec", "sources")
    added = edit.add_text(FILE, place, "https://x.test/#a", "a.yaml")
    assert added == FILE.replace(b"  - two\n", b"  - two\n  - https://x.test/#a\n")
    assert edit.add_text(added, place, "https://x.test/#a", "a.yaml") == added
    assert edit.add_text(b"s: [a]\n", (0, "s"), "b", "a.yaml") == b"s: [a, b]\n"
    assert edit.drop_text(added, place, "https://x.test/#a", "a.yaml") == FILE
    assert edit.drop_text(FILE, place, "three", "a.yaml") == FILE
    with pytest.raises(InputError):
        edit.add_text(b"s: []\n", (0, "s"), "b", "a.yaml")


def test_a_comment_comes_once_to_the_end_of_the_line() -> None:
    once = edit.comment(FILE, (0, "spec", "sources", 1), "second", "a.yaml")
    assert once == FILE.replace(b"- two\n", b"- two # second\n")
    assert edit.comment(once, (0, "spec", "sources", 1), "second", "a.yaml") == once


def test_values_are_renamed_in_every_style_and_keys_and_comments_are_not() -> None:
    before = (
        b"# dev\ndev: &a dev\nsame: *a\nquoted: 'dev'\nflow: [dev, {dev: dev}]\n"
        b"block: |-\n  - op: add\n  - to: dev\nfolded: >-\n  [dev,\n   dev]\n---\nlast: dev # dev\n"
    )
    after = (
        b"# dev\ndev: &a qa\nsame: *a\nquoted: 'qa'\nflow: [qa, {dev: qa}]\n"
        b"block: |-\n  - op: add\n  - to: qa\nfolded: >-\n  [qa,\n   qa]\n---\nlast: qa # dev\n"
    )
    assert edit.rename(before, lambda text: text.replace("dev", "qa"), "a.yaml") == after
    assert edit.rename(b"a: dev\n", lambda _: "on", "a.yaml") == b'a: "on"\n'


def test_an_entry_is_dropped_whether_it_is_on_or_a_comment() -> None:
    rest = b"resources:\n  - a.yaml\n  # - ../x/dev-2  # another\n"
    for line in (b"  - ../x/dev  # about\n", b"  # - ../x/dev\n", b"  - '../x/dev'\n"):
        text = rest.replace(b"  - a.yaml\n", b"  - a.yaml\n" + line)
        assert edit.drop_listed(text, "../x/dev") == rest
    assert edit.drop_listed(rest, "../x/dev") == rest


ITEM = {"name": "b", "newTag": "v1"}
ADDED = "images:\n  - name: b\n    newTag: v1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\nnotes: |+\n  text\n\n", f"a: 1\nnotes: |+\n  text\n\n{ADDED}"),
        ("a: 1\nnotes: |+\n  text\n\n# end\n", f"a: 1\nnotes: |+\n  text\n\n# end\n{ADDED}"),
        ("a: 1\n# n\nnotes: |+\n  text", f"a: 1\n{ADDED}# n\nnotes: |+\n  text"),
        ("# n\nnotes: >\n  text", f"# n\n{ADDED}notes: >\n  text"),
        ("a: 1\nnotes: |-\n  text", f"a: 1\nnotes: |-\n  text\n{ADDED}".rstrip("\n")),
        ("a: 1", f"a: 1\n{ADDED}".rstrip("\n")),
    ],
)
def test_a_block_of_text_keeps_its_line_breaks_when_a_list_is_added(before: str, after: str) -> None:
    assert edit.add_item(before.encode(), (0, "images"), ITEM, "a.yaml").decode() == after


def test_blank_lines_that_a_block_keeps_stay_its_own() -> None:
    before = b"x:\n  - a: |+2\n      t\n\n    b: 1\ny:\n- |+\n  t\n\nz: 1\n"
    set_ = edit.set_keys(before, (0, "x", 0), {"c": "d"}, ("a", "c", "b"), "a.yaml")
    assert set_ == before.replace(b"    b: 1", b"    c: d\n    b: 1")
    assert edit.add_text(before, (0, "y"), "u", "a.yaml") == before.replace(b"z:", b"- u\nz:")


def test_a_block_that_ends_the_file_without_a_line_break_is_reported() -> None:
    with pytest.raises(InputError, match="of a ends the file without a line break") as caught:
        edit.set_keys(b"x:\n  a: |\n    t", (0, "x"), {"c": "d"}, ("a", "c"), "a.yaml")
    assert caught.value.where == "a.yaml:2"
