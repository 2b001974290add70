"""Three trees into one: what a person changed always survives."""

from __future__ import annotations

import pytest

from bootstrap.git.remote import merge_text
from bootstrap.layout.merge import Reason, three_way

BASE = b"one\ntwo\nthree\nfour\nfive\n"
OURS = b"ONE\ntwo\nthree\nfour\nfive\n"
THEIRS = b"one\ntwo\nthree\nfour\nFIVE\n"


def never(*_: bytes) -> tuple[bytes, bool]:
    raise AssertionError("nothing here needs a merge of text")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "files", "note"),
    [
        ({"a": BASE}, {"a": BASE}, {"a": BASE}, {"a": BASE}, {}),
        ({"a": BASE}, {"a": OURS}, {"a": BASE}, {"a": OURS}, {"kept": ("a",)}),
        ({"a": BASE}, {"a": BASE}, {"a": THEIRS}, {"a": THEIRS}, {}),
        ({"a": BASE}, {"a": THEIRS}, {"a": THEIRS}, {"a": THEIRS}, {}),
        ({"a": BASE}, {}, {"a": BASE}, {}, {"still_removed": ("a",)}),
        ({"a": BASE}, {}, {"a": THEIRS}, {}, {"still_removed": ("a",)}),
        ({"a": BASE}, {"a": BASE}, {}, {}, {"removed": ("a",)}),
        ({"a": BASE}, {}, {}, {}, {}),
        ({}, {}, {"a": THEIRS}, {"a": THEIRS}, {}),
        ({}, {"a": OURS}, {}, {"a": OURS}, {}),
    ],
)
def test_one_sided_changes_need_no_merge_of_text(base, ours, theirs, files, note):
    merged = three_way(base, ours, theirs, never)
    assert merged.files == files
    said = {name: getattr(merged, name) for name in ("kept", "still_removed", "combined", "removed")}
    assert {name: paths for name, paths in said.items() if paths} == note
    assert merged.conflicts == ()


def test_changes_in_other_lines_are_combined():
    merged = three_way({"a": BASE}, {"a": OURS}, {"a": THEIRS}, merge_text)
    assert merged.files == {"a": b"ONE\ntwo\nthree\nfour\nFIVE\n"}
    assert merged.combined == ("a",)


def test_changes_in_the_same_line_keep_ours_and_show_both():
    merged = three_way({"a": BASE}, {"a": OURS}, {"a": BASE.replace(b"one", b"uno")}, merge_text)
    assert merged.files == {"a": OURS}
    (conflict,) = merged.conflicts
    assert (conflict.path, conflict.reason) == ("a", Reason.BOTH_CHANGED)
    for part in (b"<<<<<<< ours\nONE\n", b"||||||| base\none\n", b"=======\nuno\n>>>>>>> theirs\n"):
        assert part in conflict.text


def test_files_added_on_both_sides_with_another_content_keep_ours():
    merged = three_way({}, {"a": OURS}, {"a": THEIRS}, merge_text)
    assert merged.files == {"a": OURS}
    assert [conflict.reason for conflict in merged.conflicts] == [Reason.BOTH_ADDED]


def test_a_file_changed_here_and_gone_from_the_catalog_is_kept():
    merged = three_way({"a": BASE}, {"a": OURS}, {}, never)
    assert merged.files == {"a": OURS}
    assert [conflict.reason for conflict in merged.conflicts] == [Reason.CHANGED_AND_REMOVED]


def test_binary_files_changed_on_both_sides_keep_ours():
    merged = three_way({"a": b"\0base"}, {"a": b"\0ours"}, {"a": b"\0theirs"}, merge_text)
    assert merged.files == {"a": b"\0ours"}
    assert [conflict.reason for conflict in merged.conflicts] == [Reason.BOTH_CHANGED]


def test_line_ends_and_a_missing_final_one_survive_a_merge():
    base, ours, theirs = (b"a\r\n\r\nb\r\n\r\n" + last for last in (b"c", b"c", b"C"))
    merged = three_way({"f": base}, {"f": ours.replace(b"a", b"A")}, {"f": theirs}, merge_text)
    assert merged.files == {"f": b"A\r\n\r\nb\r\n\r\nC"}
