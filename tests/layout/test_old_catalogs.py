"""Real catalogs, oldest to newest, over whatever people do in between: nothing lost, nothing dropped."""

from __future__ import annotations

import hashlib
import posixpath
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bootstrap.core.names import RECORD
from bootstrap.git.remote import merge_text
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source, first_layout, next_layout
from bootstrap.layout import components, files, merge_entries
from bootstrap.layout.lines import alike
from bootstrap.layout.settings import parse_record
from tests.layout import old_catalogs
from tests.layout.test_merge_properties import Person, by_hand, is_open, lines_of, push
from tests.layouts import MANIFEST, settings
from tests.properties import QUICKLY

SETTINGS = settings(argocd_sha256=hashlib.sha256(MANIFEST).hexdigest(), domain="example.org")
KUSTOMIZATION = "clusters/default/kustomization.yaml"
CATALOGS = old_catalogs.every()
LAID = [files.edited(files.shipped(one, MANIFEST, [SETTINGS]), [SETTINGS]) for _, one in CATALOGS]
CHANGED = sorted(
    path
    for path in LAID[0]
    if len({one.get(path) for one in LAID}) > 1 and path.endswith(".yaml") and path != KUSTOMIZATION
)
"""What the catalogs themselves change: there edits and changes meet."""
OTHERS = sorted(path for path in LAID[0] if path.endswith("values.yaml") and path not in CHANGED)

Op = tuple[str, str, int, int]
OPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "edit",
                "edit",
                "insert",
                "insert",
                "delete-line",
                "delete",
                "rename",
                "crlf",
                "own",
                "switch",
                "reorder",
            ]
        ),
        st.sampled_from([*CHANGED, *OTHERS]),
        st.integers(0, 120),
        st.integers(0, 9),
    ),
    max_size=8,
)


def moved(path: str) -> str:
    folder, name = posixpath.split(path)
    return f"{folder}/renamed/{name}"


def edit(tip: dict[str, bytes], ops: list[Op], person: Person) -> None:
    for number, (kind, path, at, salt) in enumerate(ops):
        mark = b"# by hand %d %d\n" % (number, salt)
        if kind == "own":
            name = ["infrastructure/mine/values.yaml", "infrastructure/elastic/own.yaml", "apps/mine/a.yaml"][
                salt % 3
            ]
            if name not in LAID[-1]:
                tip[name] = person.own[name] = mark
        elif kind == "switch":
            switch(tip, person, at, salt)
        elif kind == "reorder":
            reorder(tip, at)
        elif kind == "rename" and path in tip and moved(path) not in tip:
            tip[moved(path)] = tip.pop(path)
        elif path in tip and lines_of(tip[path]):
            by_hand(tip, kind, path, at, mark, person)


def switch(tip: dict[str, bytes], person: Person, at: int, salt: int) -> None:
    offers = [one for one in components.offered(tip[KUSTOMIZATION]).values() if one.name != "argocd"]
    if not offers:
        return
    chosen = offers[(at + salt) % len(offers)]
    line = next(
        one
        for one in lines_of(tip[KUSTOMIZATION])
        if merge_entries.key_of(one.decode()) == chosen.entry.rstrip("/")
    )
    text = line.decode()
    new = text.replace("- ", "# - ", 1) if chosen.on else text.replace("# - ", "- ", 1)
    tip[KUSTOMIZATION] = tip[KUSTOMIZATION].replace(line, new.encode(), 1)
    person.on[chosen.name] = not chosen.on


def reorder(tip: dict[str, bytes], at: int) -> None:
    """Two neighbouring components change places."""
    lines = lines_of(tip[KUSTOMIZATION])
    pairs = [
        number
        for number in range(len(lines) - 1)
        if all(merge_entries.key_of(one.decode()) for one in lines[number : number + 2])
    ]
    if pairs:
        one = pairs[at % len(pairs)]
        lines[one], lines[one + 1] = lines[one + 1], lines[one]
        tip[KUSTOMIZATION] = b"".join(lines)


def said(text: bytes) -> set[bytes]:
    """Its lines, without their formatting."""
    return {b" ".join(line.split()) for line in lines_of(text)}


def brought(number: int) -> dict[str, set[bytes]]:
    """What catalog `number` brings: path → lines; what is only written in another form is nothing."""
    before, after = LAID[number - 1], LAID[number]
    return {
        path: said(text) - said(before.get(path, b""))
        for path, text in after.items()
        if before.get(path) != text and not (path in before and alike(before[path], text, path))
    }


def check_nothing_lost(tip: dict[str, bytes], person: Person) -> None:
    there = {line.strip() for text in tip.values() for line in lines_of(text)}
    assert person.lines <= there, person.lines - there
    assert {path: tip.get(path) for path in person.own} == person.own
    offers = components.offered(tip[KUSTOMIZATION])
    for name, on in person.on.items():
        if on:
            assert offers[name].on, name
        else:
            assert name not in offers or not offers[name].on, name


def check_everything_offered(
    tip: dict[str, bytes], number: int, waiting: dict[str, set[bytes]], person: Person, done: Desired
) -> None:
    for path, wanted in waiting.items():
        if path not in LAID[number] or path == KUSTOMIZATION or is_open(path, done):
            continue
        wanted = wanted & said(LAID[number][path])
        place = path if path in tip else moved(path)
        if place not in tip:
            alone = any(posixpath.dirname(one) == posixpath.dirname(path) for one in tip)
            assert path in person.gone, path
            assert not alone, path
            continue
        assert wanted <= said(tip[place]), (path, wanted - said(tip[place]))
    if not is_open(KUSTOMIZATION, done):
        names = set(components.offered(LAID[number][KUSTOMIZATION]))
        assert names <= set(components.offered(tip[KUSTOMIZATION]))


def run_through(scripts: list[list[Op]]) -> None:
    """Laid out with the oldest; before each of the others, and after the last, people do their part."""
    version, first = CATALOGS[0]
    done = first_layout(Source(first, version, MANIFEST), SETTINGS, {}, merge_text, False)
    tip, shipped = dict(done.tree), push(done, {})
    person = Person(set(), {}, {}, set())
    waiting: dict[str, set[bytes]] = {}
    for number, (version, one) in enumerate(CATALOGS[1:], 1):
        edit(tip, scripts[number - 1], person)
        for path, lines in brought(number).items():
            waiting[path] = waiting.get(path, set()) | lines
        for again in (False, True):
            last = PreviousLayout(parse_record(tip[RECORD]), shipped)
            done = next_layout(Source(one, version, None), SETTINGS, last, tip, merge_text)
            assert not (again and done.commits), done.commits
            tip, shipped = dict(done.tree), push(done, shipped)
            assert set(parse_record(tip[RECORD]).conflicts) == {item.path for item in done.conflicts}
            check_nothing_lost(tip, person)
            check_everything_offered(tip, number, waiting, person, done)
        waiting = {path: lines for path, lines in waiting.items() if is_open(path, done)}


@given(st.tuples(OPS, OPS))
@hypothesis_settings(QUICKLY, max_examples=20)
def test_three_catalogs_over_any_edits_lose_nothing_and_drop_nothing(scripts: Any) -> None:
    run_through(list(scripts))


def test_a_line_of_which_the_catalog_changed_the_formatting_alone_is_no_conflict_once_it_is_deleted() -> None:
    one = "infrastructure/metrics-server/values-insecure-kubelet.yaml"
    other = "apps/voting-app/components/canary/vote-canary.yaml"
    run_through([[("edit", one, 80, 1)], [("delete-line", other, 46, 1)]])


def test_without_an_edit_each_catalog_is_taken_as_it_is() -> None:
    version, first = CATALOGS[0]
    done = first_layout(Source(first, version, MANIFEST), SETTINGS, {}, merge_text, False)
    tip, shipped = dict(done.tree), push(done, {})
    for (version, one), laid in zip(CATALOGS[1:], LAID[1:], strict=True):
        last = PreviousLayout(parse_record(tip[RECORD]), shipped)
        done = next_layout(Source(one, version, None), SETTINGS, last, tip, merge_text)
        assert not done.conflicts
        tip, shipped = dict(done.tree), push(done, shipped)
        assert {path: text for path, text in tip.items() if path != RECORD} == laid
