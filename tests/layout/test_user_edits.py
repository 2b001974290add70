"""Whatever users do, over three catalogs: their bytes stay, and what the catalog brings is here or open.

What must hold is worked out from the trees before and after a merge, without the merge's own code.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD
from bootstrap.git.remote import merge_text
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source, first_layout, next_layout
from bootstrap.layout import components, files, merge_entries
from bootstrap.layout.lines import alike
from bootstrap.layout.settings import parse_record
from bootstrap.manifests.reader import documents
from tests.layout import catalog_edits, old_catalogs, user_edits
from tests.layout.catalog_edits import CHANGES, Change
from tests.layout.test_merge_properties import is_open, push
from tests.layout.user_edits import KUSTOMIZATION, Done, Edit, Tree
from tests.layouts import MANIFEST, settings
from tests.properties import QUICKLY

EXAMPLES = int(os.environ.get("BOOTSTRAP_EXAMPLES", "12"))
SETTINGS = settings(argocd_sha256=hashlib.sha256(MANIFEST).hexdigest(), domain="example.org")
UNITS = ("argocd", "traefik", "loki", "cert-manager", "metrics-server", "sealed-secrets", "voting-app")


def _few(catalog: Tree) -> Tree:
    """The catalog with some of its components: a merge of all takes a second."""
    gone = {
        "/".join(path.split("/")[:2])
        for path in catalog
        if not path.startswith("clusters/") and path.split("/")[1] not in UNITS
    }
    tree = {path: text for path, text in catalog.items() if "/".join(path.split("/")[:2]) not in gone}
    tree[KUSTOMIZATION] = merge_entries.without_units(tree[KUSTOMIZATION], "clusters/default", sorted(gone))
    return tree


OLD = [_few(one) for _, one in old_catalogs.every()]
CHANGED = sorted(
    path
    for path in OLD[0]
    if len({one.get(path) for one in OLD}) > 1 and path.endswith(".yaml") and "argocd/" not in path
)
PATHS = sorted(
    path
    for path in OLD[2]
    if "argocd/" not in path and not path.startswith("clusters/") and path.endswith((".yaml", "README.md"))
)
PATH = st.one_of(st.sampled_from([path for path in CHANGED if path != KUSTOMIZATION]), st.sampled_from(PATHS))
EDITS = st.lists(
    st.builds(Edit, st.sampled_from(user_edits.KINDS), PATH, st.integers(0, 90), st.integers(0, 9)),
    max_size=7,
)
MORE = st.lists(
    st.builds(Change, st.sampled_from(sorted(CHANGES)), PATH, st.integers(0, 90), st.integers(0, 9)),
    max_size=7,
)


def laid(catalog: Tree) -> Tree:
    return files.edited(files.shipped(catalog, MANIFEST, [SETTINGS]), [SETTINGS])


def said(text: bytes) -> Counter[bytes]:
    """Its lines, without their formatting; a byte order mark says nothing."""
    lines = text.removeprefix(b"\xef\xbb\xbf").splitlines()
    return Counter(b" ".join(line.split()) for line in lines if line.strip())


def bare(text: bytes) -> Counter[bytes]:
    """Its lines, with their indentation."""
    return Counter(line.rstrip() for line in text.splitlines() if line.strip())


class World:
    """A repository through its catalogs; `pending` has the base of what is open since an earlier one."""

    def __init__(self, first: Tree) -> None:
        done = first_layout(Source(first, "1.0.0", MANIFEST), SETTINGS, {}, merge_text, False)
        self.tip, self.shipped = dict(done.tree), push(done, {})
        self.laid = [laid(first)]
        self.done = Done()
        self.pending: dict[str, bytes | None] = {}
        self.taken: dict[str, set[bytes]] = {}

    def upgrade(self, catalog: Tree, edits: list[Edit]) -> None:
        turn = len(self.laid)
        user_edits.apply(self.tip, edits, self.done, turn)
        ours, theirs = dict(self.tip), laid(catalog)
        shipped = {} if self.done.squashed else self.shipped
        source = Source(catalog, f"1.{turn}.0", None)
        record = parse_record(self.tip[RECORD])
        previous = PreviousLayout(record, None if self.done.squashed else shipped)
        result = next_layout(source, SETTINGS, previous, ours, merge_text)
        base: Tree = {} if self.done.squashed else self.laid[-1]
        for path in {*theirs} - {*self.laid[-1], *result.tree}:
            if (place := self.done.in_unit(path)) in result.tree and place not in ours:
                self.done.places[path] = place
        self.check_ours(ours, base, theirs, result)
        self.check_theirs(ours, base, theirs, result)
        if self.done.squashed:  # what moved and was edited too much to be known again was laid out anew
            self.done.places = {
                path: place for path, place in self.done.places.items() if path not in result.tree
            }
        self.done.squashed = False
        self.tip, self.shipped = dict(result.tree), push(result, shipped)
        self.laid.append(theirs)
        record = parse_record(self.tip[RECORD])
        assert set(record.conflicts) == {one.path for one in result.conflicts}
        again = next_layout(source, SETTINGS, PreviousLayout(record, self.shipped), self.tip, merge_text)
        assert not again.commits, again.commits
        assert again.conflicts == result.conflicts

    def base_of(self, path: str, base: Tree) -> bytes | None:
        return self.pending.get(path, base.get(path))

    def check_ours(self, ours: Tree, base: Tree, theirs: Tree, result: Desired) -> None:
        origin = {place: path for path, place in self.done.places.items()}
        for path, text in self.done.own.items():
            if path in ours:
                assert result.tree.get(path) == ours[path] == text or path in self.laid[-1], path
        for place, text in ours.items():
            path = origin.get(place, place)
            before = self.base_of(path, base)
            if place == RECORD or text == before:
                continue
            if before is not None and alike(text, before, path):
                there = result.tree.get(place)
                if there is None or is_open(path, result) or (there == text and theirs.get(path) == before):
                    continue  # whole, as it was written here, where the catalog brings nothing
                assert meaning(there) == meaning(theirs[path]), path
                continue
            assert place in result.tree, f"{place} was changed here, and is gone"
            known: Counter[bytes] = Counter()
            for one in self.laid:
                known |= bare(one.get(path, b""))
            wrote = bare(text) - known
            if place == KUSTOMIZATION:  # what a line says of a component may change, whether it is on may not
                offered = merge_entries.parse(theirs[KUSTOMIZATION]).entries
                wrote = Counter(
                    {
                        line: n
                        for line, n in wrote.items()
                        if merge_entries.key_of(line.decode()) not in offered
                    }
                )
            assert not wrote - bare(result.tree[place]), (place, wrote - bare(result.tree[place]))
            if before is not None and path in theirs:
                dropped = (said(before) & said(theirs[path])) - said(text)
                back = said(result.tree[place]) - said(text)
                stay = dropped - (said(theirs[path]) - said(before))
                moved = {line for line in stay & back if said(theirs[path])[line] == said(before)[line]}
                assert not moved, (place, moved)
        for path in base:
            if self.done.place(path) not in ours and theirs.get(path) == self.base_of(path, base) is not None:
                assert self.done.place(path) not in result.tree, f"{path} was removed here, and is back"
        self.check_switches(ours, result)

    def check_switches(self, ours: Tree, result: Desired) -> None:
        before, after = (merge_entries.parse(one[KUSTOMIZATION]).entries for one in (ours, result.tree))
        for key, entry in before.items():
            if entry.on:
                assert after[key].on, key
            elif key in after:
                assert not after[key].on, key

    def check_theirs(self, ours: Tree, base: Tree, theirs: Tree, result: Desired) -> None:
        retired = parse_record(result.tree[RECORD]).retired
        pending: dict[str, bytes | None] = {}
        for path in {*theirs, *base, *self.pending}:
            before, new, place = self.base_of(path, base), theirs.get(path), self.done.place(path)
            there = result.tree.get(path if self.done.squashed and path in result.tree else place)
            if is_open(path, result):
                pending[path] = before
                self.taken.setdefault(path, set()).update(said(there or b""))
                continue
            taken = self.taken.pop(path, set())
            if path == KUSTOMIZATION or before == new:
                continue
            if before is not None and new is not None and alike(before, new, path):
                continue  # the catalog has only written it in another form
            if new is None:
                kept = any(path.startswith(f"{one}/") for one in retired)
                assert kept or there is None or before is None, f"{path} left the catalog, and is here"
            elif there is None:
                folder = posixpath.dirname(place)
                assert not any(posixpath.dirname(one) == folder for one in result.tree), path
            elif before is None or not alike(before, new, path):
                wanted = set(said(new)) - set(said(before or b"")) - taken - set(said(there))
                assert not wanted or means(before, new, there), (path, wanted)
                if before is not None:
                    gone = said(before) - said(new)
                    gone = Counter({line: n for line, n in gone.items() if not said(new)[line]})
                    left = gone & said(there) & said(ours[place])
                    more = said(ours[place]) - said(before)
                    assert not left - more or means(before, new, there), (path, left)
        self.pending = pending
        self.check_offers(ours, theirs, result)

    def check_offers(self, ours: Tree, theirs: Tree, result: Desired) -> None:
        if is_open(KUSTOMIZATION, result):
            return
        offers = components.offered(result.tree[KUSTOMIZATION])
        for name, one in components.offered(theirs[KUSTOMIZATION]).items():
            folder = one.folder("clusters/default")
            here = any(path.startswith(f"{folder}/") for path in result.tree)
            assert name in offers or not here or is_open(folder, result), name


def meaning(text: bytes) -> Any:
    try:
        return documents(text, "text")
    except InputError:
        return said(text)


def leaves(text: bytes) -> dict[tuple[Any, ...], Any]:
    found: dict[tuple[Any, ...], Any] = {}

    def walk(value: Any, at: tuple[Any, ...]) -> None:
        children = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, child in children:
            walk(child, (*at, key))
        if not isinstance(value, dict | list) or not value:
            found[at] = value

    walk(documents(text, "text"), ())
    return found


def means(before: bytes | None, new: bytes, there: bytes) -> bool:
    """Whether what changed from `before` to `new` is so in `there`, in whatever form it is written."""
    try:
        was, wanted, here = leaves(before or b""), leaves(new), leaves(there)
    except InputError:
        return False
    if any(here.get(at) != value for at, value in wanted.items() if was.get(at) != value):
        return False
    comments = {line for line in said(new) - said(before or b"") if line.startswith(b"#")}
    return comments <= set(said(there)) and not any(at in here for at in was.keys() - wanted.keys())


@pytest.mark.parametrize("path", ["cert-manager/application.yaml", "loki/README.md", "traefik/values.yaml"])
def test_what_moved_in_a_history_that_was_rewritten_stays_where_it_is_with_its_conflict(path: str) -> None:
    world = World(OLD[0])
    world.upgrade(OLD[1], [])
    edits = [Edit(kind, f"infrastructure/{path}", 0, 3) for kind in ("squash", "rename")]
    world.upgrade(OLD[2], edits)
    assert f"infrastructure/{path}" not in world.tip
    assert f"infrastructure/{path}" in parse_record(world.tip[RECORD]).conflicts


def test_in_an_app_of_another_name_what_is_new_comes_and_what_left_the_catalog_goes() -> None:
    world = World(OLD[0])
    here, there = "apps/voting-app", "apps/voting-app-6"
    world.upgrade(OLD[1], [Edit("rename-folder", f"{here}/base/db.yaml", 0, 6)])
    assert not [path for path in world.tip if path.startswith(f"{here}/")]
    assert f"{there}/README.md" in world.tip
    assert f"{there}/base/postgres/roles.sql" not in world.tip
    world.upgrade(OLD[2], [])
    assert not [path for path in world.tip if path.startswith(f"{here}/")]


def test_a_file_that_ends_without_a_newline_inside_a_string_stays_as_it_is_where_nothing_new_comes() -> None:
    path = "infrastructure/loki/manifests/data-source.yaml"
    assert OLD[2][path].endswith(b"Show the trace\n")
    world = World(OLD[2])
    world.upgrade(OLD[2] | {"apps/voting-app/README.md": b"# Changed\n"}, [Edit("no-end", path, 0, 0)])
    assert world.tip[path] == OLD[2][path].rstrip()


@given(st.integers(0, 2), MORE, st.tuples(EDITS, EDITS, EDITS))
@hypothesis_settings(QUICKLY, max_examples=EXAMPLES)
def test_whatever_users_do_their_bytes_stay_and_every_change_of_three_catalogs_is_here_or_open(
    start: int, more: list[Change], scripts: tuple[list[Edit], ...]
) -> None:
    later = catalog_edits.changed(OLD[2], more, 3)
    catalogs = [*OLD, later, catalog_edits.changed(later, more[::-1], 4)][start : start + 3]
    world = World(catalogs[0])
    for catalog, edits in zip(catalogs[1:], scripts, strict=False):
        world.upgrade(catalog, edits)
