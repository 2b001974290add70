"""A newer catalog over a repository in which people have worked: what is taken and what stays open."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import RefusedError
from bootstrap.core.names import RECORD
from bootstrap.init.plan_layout import refuse_older
from bootstrap.layout import files
from bootstrap.layout.merge import Reason
from bootstrap.layout.settings import parse_record
from tests.init.test_plan_layout import KUSTOMIZATION, VALUES, Repository, asked
from tests.layouts import CATALOG

LONG = b"".join(b"key%d: 1\n" % number for number in range(20))
OLD = {**CATALOG, VALUES: LONG, "infrastructure/loki/values.yaml": LONG}
LOKI = "infrastructure/loki/values.yaml"


def line(number: int, value: bytes, text: bytes) -> bytes:
    return text.replace(b"key%d: 1\n" % number, b"key%d: %s\n" % (number, value))


def laid_out(edits: dict[str, bytes | None]) -> Repository:
    repository = Repository()
    repository.first(catalog=OLD)
    for path, text in edits.items():
        if text is None:
            del repository.files[path]
        else:
            repository.files[path] = text
    return repository


def reasons(repository: Repository, catalog: dict[str, bytes]) -> dict[str, Reason]:
    return {one.path: one.reason for one in repository.again(catalog=catalog).conflicts}


def test_what_does_not_conflict_is_taken_and_the_rest_stays_open_until_it_is_resolved() -> None:
    repository = laid_out({LOKI: line(3, b"mine", LONG)})
    new = {**OLD, LOKI: line(3, b"theirs", line(15, b"2", LONG))}
    assert reasons(repository, new) == {LOKI: Reason.BOTH_CHANGED}
    assert repository.files[LOKI] == line(3, b"mine", line(15, b"2", LONG))
    assert parse_record(repository.files[RECORD]).conflicts == {LOKI: Reason.BOTH_CHANGED.value}
    done = repository.again(catalog=new)
    assert not done.commits
    assert b"mine" in (done.conflicts[0].text or b"")
    assert b"theirs" in (done.conflicts[0].text or b"")
    newer = {**new, LOKI: line(15, b"3", new[LOKI].replace(b"key15: 2", b"key15: 1"))}
    assert reasons(repository, newer) == {LOKI: Reason.BOTH_CHANGED}
    assert b"key15: 3" in repository.files[LOKI]
    repository.files[LOKI] = newer[LOKI]
    assert reasons(repository, newer) == {}
    assert parse_record(repository.files[RECORD]).conflicts == {}


def test_a_conflict_whose_line_is_deleted_from_the_record_is_settled_as_it_is_here() -> None:
    repository = laid_out({LOKI: line(3, b"mine", LONG)})
    new = {**OLD, LOKI: line(3, b"theirs", LONG)}
    repository.again(catalog=new)
    record = repository.files[RECORD].decode().splitlines(keepends=True)
    repository.files[RECORD] = "".join(
        one for one in record if LOKI not in one and "conflicts" not in one
    ).encode()
    assert reasons(repository, new) == {}
    assert repository.files[LOKI] == line(3, b"mine", LONG)


def test_switched_components_stay_switched_and_new_ones_get_their_line() -> None:
    repository = laid_out({})
    text = repository.files[KUSTOMIZATION]
    text = text.replace(b"  # - ../../infrastructure/loki", b"  - ../../infrastructure/loki")
    repository.files[KUSTOMIZATION] = text + b"  - ../../infrastructure/mine\n"
    kustomization = CATALOG[KUSTOMIZATION].replace(b"# logs", b"# logs in Grafana")
    kustomization = kustomization.replace(b"  # - ../../infrastructure/tempo  # traces\n", b"")
    kustomization += b"  # - ../../infrastructure/new  # newcomer\n"
    assert reasons(repository, {**OLD, KUSTOMIZATION: kustomization}) == {}
    merged = repository.files[KUSTOMIZATION].decode()
    assert "  - ../../infrastructure/loki  # logs in Grafana\n" in merged
    assert "  - ../../infrastructure/mine\n" in merged
    assert "  # - ../../infrastructure/new  # newcomer\n" in merged
    assert "tempo" not in merged


def test_a_chart_and_its_values_are_taken_together_or_not_at_all() -> None:
    application = "infrastructure/traefik/application.yaml"
    mine = CATALOG[application].replace(b"41.3.0", b"41.3.9")
    repository = laid_out({application: mine})
    new = {
        **OLD,
        application: CATALOG[application].replace(b"41.3.0", b"42.0.0"),
        VALUES: line(1, b"2", LONG),
    }
    assert reasons(repository, new) == {application: Reason.BOTH_CHANGED, VALUES: Reason.HELD}
    assert repository.files[VALUES] == LONG
    repository.files[application] = repository.files[application].replace(b"41.3.9", b"42.0.0")
    assert reasons(repository, new) == {}
    assert repository.files[VALUES] == line(1, b"2", LONG)


def test_values_for_another_chart_than_the_pinned_one_are_held_back() -> None:
    application = "infrastructure/traefik/application.yaml"
    repository = laid_out({application: CATALOG[application].replace(b"41.3.0", b"40.0.0")})
    assert reasons(repository, {**OLD, VALUES: line(1, b"2", LONG)}) == {VALUES: Reason.HELD}
    assert repository.files[VALUES] == LONG


def test_line_ends_and_formatting_are_not_changes_and_line_ends_stay() -> None:
    windows = LONG.replace(b"\n", b"\r\n")
    repository = laid_out({LOKI: windows, VALUES: LONG.replace(b"\n", b"  \n")})
    new = {**OLD, LOKI: line(3, b"2", LONG), VALUES: line(3, b"2", LONG)}
    assert reasons(repository, new) == {}
    assert repository.files[LOKI] == line(3, b"2", LONG).replace(b"\n", b"\r\n")
    assert repository.files[VALUES] == line(3, b"2", LONG)


def test_a_component_that_is_on_and_retired_keeps_its_folder_until_it_is_switched_off() -> None:
    repository = laid_out({})
    new = {path: text for path, text in OLD.items() if not path.startswith("infrastructure/traefik/")}
    entry = b"  - ../../infrastructure/traefik  # Ingress and Gateway\n"
    new[KUSTOMIZATION] = CATALOG[KUSTOMIZATION].replace(entry, b"")
    for _ in range(2):
        done = repository.again(catalog=new)
        assert VALUES in repository.files
        assert files.offered(repository.files, asked())["traefik"].on
        assert any("bootstrap component disable traefik" in note for note in done.notes)
    assert parse_record(repository.files[RECORD]).retired == ("infrastructure/traefik",)
    repository.files[KUSTOMIZATION] = repository.files[KUSTOMIZATION].replace(
        entry, entry.replace(b"- ", b"# - ")
    )
    repository.again(catalog=new)
    assert VALUES not in repository.files
    assert b"traefik" not in repository.files[KUSTOMIZATION]
    assert parse_record(repository.files[RECORD]).retired == ()


def test_a_folder_of_ones_own_whose_name_the_catalog_takes_is_not_mixed() -> None:
    own = "infrastructure/vault/kustomization.yaml"
    repository = laid_out({own: b"resources: [mine.yaml]\n"})
    new = {**OLD, own: b"resources: [theirs.yaml]\n", "infrastructure/vault/theirs.yaml": b"a: 1\n"}
    new[KUSTOMIZATION] = CATALOG[KUSTOMIZATION] + b"  # - ../../infrastructure/vault\n"
    for _ in range(2):
        assert reasons(repository, new) == {"infrastructure/vault": Reason.FOREIGN}
        assert [path for path in repository.files if "vault" in path] == [own]
        assert b"vault" not in repository.files[KUSTOMIZATION]
    repository.files["infrastructure/our-vault/kustomization.yaml"] = repository.files.pop(own)
    assert reasons(repository, new) == {}
    assert "infrastructure/vault/theirs.yaml" in repository.files
    assert b"# - ../../infrastructure/vault" in repository.files[KUSTOMIZATION]


def test_a_change_of_the_catalog_follows_an_overlay_that_was_renamed() -> None:
    old = "apps/voting-app/overlays/dev/settings.yaml"
    new_place = "apps/voting-app/overlays/test/settings.yaml"
    repository = laid_out({old: None, new_place: OLD[old] + b"  mine: here\n"})
    new = {**OLD, old: OLD[old].replace(b"data:\n", b"data:\n  more: new\n")}
    done = repository.again(catalog=new)
    assert not done.conflicts
    assert old not in repository.files
    assert b"more: new" in repository.files[new_place]
    assert b"mine: here" in repository.files[new_place]
    assert any(f"{old} is at {new_place}" in note for note in done.notes)


def test_a_file_that_was_removed_alone_and_changed_in_the_catalog_is_a_conflict() -> None:
    repository = laid_out({VALUES: None, LOKI: None})
    new = {**OLD, VALUES: line(1, b"2", LONG), LOKI: line(1, b"2", LONG)}
    assert reasons(repository, new) == {VALUES: Reason.REMOVED_AND_CHANGED}
    assert VALUES not in repository.files


def test_an_older_program_does_not_go_back_behind_a_newer_layout() -> None:
    repository = laid_out({})
    record = parse_record(repository.files[RECORD].replace(b"1.0.0", b"1.10.0"))
    with pytest.raises(RefusedError) as caught:
        refuse_older("1.9.0", record)
    assert "--downgrade" in caught.value.hint
    refuse_older("1.10.0", record)
