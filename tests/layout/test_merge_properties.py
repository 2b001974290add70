"""Whatever a person did and whatever the catalog brings: no byte of theirs is lost, no change is dropped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.names import RECORD
from bootstrap.git.remote import merge_text
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source, first_layout, next_layout
from bootstrap.layout import components
from bootstrap.layout.settings import parse_record
from tests.layouts import CATALOG, MANIFEST, settings
from tests.properties import QUICKLY

SETTINGS = settings(argocd_sha256=hashlib.sha256(MANIFEST).hexdigest())
KUSTOMIZATION = "clusters/default/kustomization.yaml"
TREE: dict[str, bytes] = {
    **CATALOG,
    "infrastructure/loki/application.yaml": CATALOG["infrastructure/traefik/application.yaml"].replace(
        b"traefik", b"loki"
    ),
    "infrastructure/loki/values.yaml": b"".join(b"key%d: %d\n" % (n, n) for n in range(12)),
    "infrastructure/tempo/values.yaml": b"".join(b"# about %d\nkey%d: 1\n" % (n, n) for n in range(8)),
}
EDITABLE = [path for path in TREE if path.startswith("infrastructure/") and path.endswith("values.yaml")]


@dataclass
class Person:
    """What was done by hand: `lines` must be somewhere afterwards, `own` as they are, `on` switched so."""

    lines: set[bytes]
    own: dict[str, bytes]
    on: dict[str, bool]
    gone: set[str]


def lines_of(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


Op = tuple[str, str, int, int]
PERSON = st.lists(
    st.tuples(
        st.sampled_from(
            ["edit", "insert", "delete-line", "delete", "rename", "crlf", "own", "switch", "reorder"]
        ),
        st.sampled_from(EDITABLE),
        st.integers(0, 30),
        st.integers(0, 9),
    ),
    max_size=6,
)
CATALOGS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["edit", "insert", "new", "new", "chart", "retire", "name"]),
            st.sampled_from(EDITABLE),
            st.integers(0, 30),
            st.integers(0, 9),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=3,
)


def edit_by_hand(tip: dict[str, bytes], ops: list[Op], person: Person) -> None:
    for number, (kind, path, at, salt) in enumerate(ops):
        mark = b"# by hand %d %d\n" % (number, salt)
        if kind == "own":
            own = (
                f"infrastructure/new{salt % 3}/mine{number}.yaml" if salt < 6 else f"apps/mine/{number}.yaml"
            )
            tip[own] = person.own[own] = mark
        elif kind == "switch":
            name = ["loki", "tempo", "traefik"][salt % 3]
            switch(tip, name, on=at % 2 == 0)
            person.on[name] = at % 2 == 0
        elif kind == "reorder":
            lines = lines_of(tip[KUSTOMIZATION])
            tip[KUSTOMIZATION] = b"".join([*lines[:4], *reversed(lines[4:])])
        elif path in tip:
            by_hand(tip, kind, path, at, mark, person)


def by_hand(tip: dict[str, bytes], kind: str, path: str, at: int, mark: bytes, person: Person) -> None:
    lines = lines_of(tip[path])
    end = b"\r\n" if lines[0].endswith(b"\r\n") else b"\n"
    if kind in ("edit", "insert"):
        place = at % len(lines)
        gone = lines[place] if kind == "edit" else b""
        person.lines.discard(gone.strip())
        lines[place : place + (kind == "edit")] = [mark.rstrip() + end]
        person.lines.add(mark.strip())
        tip[path] = b"".join(lines)
    elif kind == "delete-line" and len(lines) > 2:
        person.lines.discard(lines.pop(at % len(lines)).strip())
        tip[path] = b"".join(lines)
    elif kind == "delete":
        person.lines -= {line.strip() for line in lines}
        del tip[path]
        person.gone.add(path)
    elif kind == "rename":
        tip[path.replace("values", "renamed/values")] = tip.pop(path)
    elif kind == "crlf":
        tip[path] = tip[path].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def switch(tree: dict[str, bytes], name: str, on: bool) -> None:
    offers = components.offered(tree[KUSTOMIZATION])
    if name in offers and offers[name].on != on:
        entry = offers[name].entry.encode()
        old, new = (b"# - ", b"- ") if on else (b"- ", b"# - ")
        tree[KUSTOMIZATION] = tree[KUSTOMIZATION].replace(old + entry, new + entry)


def next_catalog(
    before: dict[str, bytes], ops: list[Op], number: int
) -> tuple[dict[str, bytes], dict[str, set[bytes]]]:
    """The next catalog, and the lines that it brings, by path."""
    after = dict(before)
    for turn, (kind, path, at, salt) in enumerate(ops):
        mark = b"# of catalog %d %d\n" % (number, turn)
        folder = path.rpartition("/")[0]
        if kind in ("edit", "insert") and path in after:
            lines = lines_of(after[path])
            place = at % len(lines)
            lines[place : place + (kind == "edit")] = [mark]
            after[path] = b"".join(lines)
        elif kind == "new":
            after[f"infrastructure/new{salt % 3}/values.yaml"] = mark
            entry = b"../../infrastructure/new%d" % (salt % 3)
            if entry not in after[KUSTOMIZATION]:
                after[KUSTOMIZATION] += b"  # - " + entry + b"  # new\n"
        elif kind == "chart" and f"{folder}/application.yaml" in after:
            path = f"{folder}/application.yaml"
            after[path] = after[path].replace(b"targetRevision: 41", b"targetRevision: %d41" % (number + 1))
        elif kind == "retire" and not folder.endswith("traefik"):
            after = {one: text for one, text in after.items() if not one.startswith(f"{folder}/")}
            entry = folder.encode() + b" "
            after[KUSTOMIZATION] = b"".join(one for one in lines_of(after[KUSTOMIZATION]) if entry not in one)
        elif kind == "name":
            after[KUSTOMIZATION] = after[KUSTOMIZATION].replace(b"# logs", b"# logs, %d" % number)
    brought = {
        path: {line.strip() for line in lines_of(text)}
        - {line.strip() for line in lines_of(before.get(path, b""))}
        for path, text in after.items()
        if before.get(path) != text
    }
    return after, brought


def push(done: Desired, shipped: dict[str, bytes]) -> dict[str, bytes]:
    """What the catalog's commit holds after a push."""
    result = dict(shipped)
    for commit in done.commits:
        if "Bootstrap-Catalog:" in commit.message:
            for change in commit.changes:
                if change.content is None:
                    result.pop(change.path, None)
                else:
                    result[change.path] = change.content
    return result


def is_open(path: str, done: Desired) -> bool:
    return any(path == one.path or path.startswith(f"{one.path}/") for one in done.conflicts)


def check_nothing_lost(tip: dict[str, bytes], person: Person) -> None:
    all_lines = {line.strip() for text in tip.values() for line in lines_of(text)}
    assert person.lines <= all_lines
    assert {path: tip.get(path) for path in person.own} == person.own
    offers = components.offered(tip[KUSTOMIZATION])
    assert {name: offers[name].on for name in person.on if name in offers and person.on[name]} == {
        name: True for name in person.on if name in offers and person.on[name]
    }


def check_everything_offered(
    tip: dict[str, bytes],
    catalog: dict[str, bytes],
    brought: dict[str, set[bytes]],
    person: Person,
    done: Desired,
) -> None:
    offers = components.offered(tip[KUSTOMIZATION])
    for path in brought:
        name = path.split("/")[1]
        if name.startswith("new") and path in catalog:
            assert name in offers or is_open(path, done) or is_open(KUSTOMIZATION, done), name
    for path, wanted in brought.items():
        if path == KUSTOMIZATION or path not in catalog:
            continue
        wanted = wanted & {line.strip() for line in lines_of(catalog[path])}
        place = path if path in tip else path.replace("values", "renamed/values")
        if place not in tip:
            deliberate = path in person.gone and not any(
                one.rpartition("/")[0] == path.rpartition("/")[0] for one in tip
            )
            assert deliberate or is_open(path, done), path
            continue
        there = {line.strip() for line in lines_of(tip[place])}
        assert wanted <= there or is_open(path, done), (path, wanted - there)


@given(PERSON, CATALOGS, st.data())
@QUICKLY
def test_no_edit_is_lost_and_every_change_of_the_catalog_is_taken_or_open(
    first: list[Op], catalogs: list[list[Op]], data: Any
) -> None:
    done = first_layout(Source(TREE, "1.0.0", MANIFEST), SETTINGS, {}, merge_text, False)
    tip, shipped, catalog = dict(done.tree), push(done, {}), dict(TREE)
    person = Person(set(), {}, {}, set())
    waiting: dict[
        str, set[bytes]
    ] = {}  # what the catalog brought and is open; what is taken, a person may edit
    edits = first
    for number, ops in enumerate(catalogs):
        edit_by_hand(tip, [(kind, path, at + number, salt) for kind, path, at, salt in edits], person)
        catalog, brought = next_catalog(catalog, ops, number)
        for path, lines in brought.items():
            waiting[path] = waiting.get(path, set()) | lines
        for again in (False, True):
            previous = PreviousLayout(parse_record(tip[RECORD]), shipped)
            source = Source(catalog, f"1.{number + 1}.0", None)
            done = next_layout(source, SETTINGS, previous, tip, merge_text)
            assert not (again and done.commits), done.commits
            tip, shipped = dict(done.tree), push(done, shipped)
            assert set(parse_record(tip[RECORD]).conflicts) == {one.path for one in done.conflicts}
            check_nothing_lost(tip, person)
            check_everything_offered(tip, catalog, waiting, person, done)
            waiting = {path: lines for path, lines in waiting.items() if is_open(path, done)}
        edits = data.draw(PERSON)
