"""`images:` of a kustomization merged by entry; what one entry says twice stays a conflict."""

from __future__ import annotations

from bootstrap.git.remote import merge_text
from bootstrap.layout.merge import Merged, three_way

PATH = "apps/voting-app/overlays/staging/kustomization.yaml"
BASE = b"""\
resources:
  - ../../base
images:
  - name: vote
    newTag: v1.0.0
  # the one that counts
  - name: result
    newTag: v1.0.0
  - name: worker
    newTag: v1.0.0
patches:
  - path: a.yaml
"""


def merged(ours: bytes, theirs: bytes) -> tuple[bytes, Merged]:
    done = three_way({PATH: BASE}, {PATH: ours}, {PATH: theirs}, merge_text)
    return done.files[PATH], done


def tag(text: bytes, name: bytes, new: bytes) -> bytes:
    return text.replace(b"name: %s\n    newTag: v1.0.0" % name, b"name: %s\n    newTag: %s" % (name, new))


def test_bumps_of_neighbours_are_both_taken() -> None:
    text, done = merged(tag(BASE, b"vote", b"v2"), tag(BASE, b"result", b"v3"))
    assert text == tag(tag(BASE, b"vote", b"v2"), b"result", b"v3")
    assert not done.conflicts


def test_the_same_entry_on_both_sides_is_a_conflict_and_its_neighbour_is_taken() -> None:
    ours, theirs = tag(BASE, b"vote", b"v2"), tag(tag(BASE, b"vote", b"v3"), b"worker", b"v4")
    text, done = merged(ours, theirs)
    assert text == tag(ours, b"worker", b"v4")
    (conflict,) = done.conflicts
    assert b"v2" in (conflict.text or b"")
    assert b"v3" in (conflict.text or b"")
    again = three_way({PATH: done.open[PATH] or b""}, {PATH: text}, {PATH: theirs}, merge_text)
    assert again.files[PATH] == text
    assert [one.path for one in again.conflicts] == [PATH]


def test_a_bump_stays_through_a_conflict_elsewhere_in_the_file() -> None:
    ours = tag(BASE, b"vote", b"v2").replace(b"a.yaml", b"mine.yaml")
    theirs = tag(BASE, b"result", b"v3").replace(b"a.yaml", b"theirs.yaml")
    text, done = merged(ours, theirs)
    assert text == tag(ours, b"result", b"v3")
    again = three_way({PATH: done.open[PATH] or b""}, {PATH: text}, {PATH: theirs}, merge_text)
    assert again.files[PATH] == text
    assert [one.path for one in again.conflicts] == [PATH]


def test_an_entry_comes_and_another_goes_whatever_their_order() -> None:
    worker = b"  - name: worker\n    newTag: v1.0.0\n"
    ours = BASE.replace(worker, b"").replace(b"images:\n", b"images:\n" + worker)
    theirs = BASE.replace(worker, worker + b"  - name: seed\n    newTag: v1\n").replace(
        b"  - name: vote\n    newTag: v1.0.0\n", b""
    )
    text, done = merged(ours, theirs)
    assert not done.conflicts
    assert text == ours.replace(b"  - name: vote\n    newTag: v1.0.0\n", b"").replace(
        b"patches:", b"  - name: seed\n    newTag: v1\npatches:"
    )


def test_an_entry_removed_here_and_bumped_there_is_a_conflict() -> None:
    ours = BASE.replace(b"  - name: worker\n    newTag: v1.0.0\n", b"")
    _, done = merged(ours, tag(BASE, b"worker", b"v2"))
    assert [one.path for one in done.conflicts] == [PATH]


def test_line_ends_stay() -> None:
    ours = tag(BASE, b"vote", b"v2").replace(b"\n", b"\r\n")
    text, done = merged(ours, tag(BASE, b"result", b"v3"))
    assert text == tag(ours.replace(b"\r\n", b"\n"), b"result", b"v3").replace(b"\n", b"\r\n")
    assert not done.conflicts


def test_what_is_not_a_list_of_images_is_merged_by_lines() -> None:
    ours = BASE.replace(b"name: worker", b"name: vote")
    text, _ = merged(ours, BASE + b"# end\n")
    assert text == ours + b"# end\n"
