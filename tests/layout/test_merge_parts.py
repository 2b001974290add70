"""The parts of a merge: what counts as a change, what moved, which lines name a component."""

from __future__ import annotations

import pytest

from bootstrap.git.remote import merge_text
from bootstrap.layout import lines, merge_entries, moved_files, units
from tests.layouts import CATALOG

KUSTOMIZATION = CATALOG["clusters/default/kustomization.yaml"]
TEXT = b"".join(b"key%d: 1\n" % number for number in range(10))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (b"a: 1\n", b"a: 1\r\n", True),
        (b"a: 1\n", b"a: 1   \n\n", True),
        (b"a: [1, 2]\n", b"a:\n  - 1\n  - 2\n", True),
        (b'a: "x"\n', b"a: 'x'\n", True),
        (b"a: 1  # mine\n", b"a: 1\n", False),
        (b"a: 1\n", b'a: "1"\n', False),
        (b"a: 1\nb: 2\n", b"a: 1\nb: 3\n", False),
        (b"a\0b", b"a\0b\n", False),
    ],
)
def test_line_ends_blanks_and_formatting_are_not_a_change(one: bytes, other: bytes, alike: bool) -> None:
    assert lines.alike(one, other, "values.yaml") is alike


def test_only_the_hunk_in_conflict_is_left_and_the_base_for_next_time_finds_it_again() -> None:
    ours = TEXT.replace(b"key1: 1", b"key1: mine")
    theirs = TEXT.replace(b"key1: 1", b"key1: theirs").replace(b"key8: 1", b"key8: 2")
    found = lines.by_hunk(TEXT, ours, theirs, "values.yaml", merge_text)
    assert found.content == ours.replace(b"key8: 1", b"key8: 2")
    again = lines.by_hunk(found.base, found.content, theirs, "values.yaml", merge_text)
    assert (again.content, again.base) == (found.content, found.base)
    assert "key1: mine" in lines.sections(found.text)
    assert "key8: 2" not in lines.sections(found.text)


def test_a_merge_that_is_not_yaml_any_more_is_a_conflict() -> None:
    base = b"a:\n  b: 1\n" + TEXT
    ours = base + b"new: 1\n"
    theirs = b"new: 2\n" + base
    found = lines.by_hunk(base, ours, theirs, "values.yaml", merge_text)
    assert found.text is not None
    assert found.content == ours


def test_both_sides_edit_comments_and_components_of_a_kustomization() -> None:
    ours = KUSTOMIZATION.replace(b"kind: Kustomization", b"# mine\nkind: Kustomization")
    ours = ours.replace(b"  # - ../../infrastructure/loki", b"  - ../../infrastructure/loki")
    theirs = b"# theirs\n" + KUSTOMIZATION + b"  # - ../../infrastructure/new\n"
    found = merge_entries.merge(KUSTOMIZATION, ours, theirs, "k.yaml", merge_text)
    assert found.text is None
    for text in (
        b"# mine\n",
        b"# theirs\n",
        b"  - ../../infrastructure/loki",
        b"# - ../../infrastructure/new",
    ):
        assert text in found.content


def test_where_the_base_is_lost_a_new_component_comes_switched_off() -> None:
    theirs = KUSTOMIZATION + b"  - ../../infrastructure/new\n"
    found = merge_entries.merge(None, KUSTOMIZATION, theirs, "k.yaml", merge_text)
    assert b"  # - ../../infrastructure/new\n" in found.content


def test_a_copy_of_a_file_that_is_still_there_is_no_rename() -> None:
    start = "apps/shop/overlays/"
    dev, staging, own = (f"{start}{name}/settings.yaml" for name in ("dev", "staging", "own"))
    base = {dev: TEXT, staging: TEXT.replace(b"key1: 1", b"key1: 2")}
    assert moved_files.followed(base, {dev: TEXT, own: TEXT}, base) == {}
    assert moved_files.followed(base, {dev: TEXT, own: base[staging]}, base) == {staging: own}
    assert moved_files.followed(base, {dev: TEXT, own.replace("shop", "other"): base[staging]}, base) == {}


def test_a_whole_app_that_was_renamed_is_found() -> None:
    base = {"apps/shop/a.yaml": TEXT, "apps/shop/b.yaml": b"b: 1\n"}
    ours = {"apps/store/a.yaml": TEXT, "apps/store/b.yaml": b"b: 2\n"}
    assert moved_files.followed(base, ours, base) == {
        "apps/shop/a.yaml": "apps/store/a.yaml",
        "apps/shop/b.yaml": "apps/store/b.yaml",
    }


def test_versions_of_charts_are_read_by_application() -> None:
    path = "infrastructure/traefik/application.yaml"
    assert units.charts(CATALOG, [path]) == {("traefik", "traefik"): "41.3.0"}
    assert units.charts({path: b"kind: Application\nspec: [\n"}, [path]) is None
    assert units.unit_of("platform/infrastructure/traefik/values.yaml", "platform/") == (
        "platform/infrastructure/traefik"
    )
    assert units.unit_of("clusters/default/root.yaml") is None


def test_an_overlay_that_was_renamed_within_an_app_that_was_renamed_is_found() -> None:
    base = {f"apps/shop/{name}": b"a: 1\nb: 2\nc: %d\n" % at for at, name in enumerate(("x", "y", "dev/z"))}
    ours = {path.replace("shop", "store").replace("dev", "test"): text for path, text in base.items()}
    moved = moved_files.followed(base, ours, base)
    assert moved["apps/shop/dev/z"] == "apps/store/test/z"
