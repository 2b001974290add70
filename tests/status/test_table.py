"""The table of `bootstrap status`."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.argocd.status import ApplicationStatus, Status
from bootstrap.status import table

COMMIT = "0123456789abcdef0123456789abcdef01234567"
READY = ApplicationStatus("web", "argocd", 3, "Synced", "Healthy", COMMIT, since="2026-11-24T21:50:03Z")


def test_a_commit_is_shortened_and_a_branchs_name_is_not_taken_for_one() -> None:
    assert table.cells(READY) == ("3", "web", "Synced", "Healthy", "012345678", "-", "21:50:03", "-")
    assert table.cells(replace(READY, revision="release/2026-11", behind=2))[4:6] == ("release/2026-11", "2")
    assert table.cells(replace(READY, revision="", since="", waiting_for="its sync"))[4:] == (
        "-",
        "-",
        "",
        "its sync",
    )


def test_every_row_has_a_cell_for_each_header() -> None:
    assert len(table.cells(READY)) == len(table.HEADERS)


def test_what_is_not_ready_is_at_the_top_of_a_screen_that_is_too_low_for_all() -> None:
    others = tuple(replace(READY, name=f"app-{number}") for number in range(9))
    stuck = replace(READY, name="stuck", health="Degraded", waiting_for="its health", final=True)
    shown = table.live(Status("root", COMMIT, (*others, stuck)), height=7, width=120)
    names = [str(cell) for cell in shown.columns[table.HEADERS.index(table.NAME)].cells]
    assert names == ["✗ stuck", "✓ app-0", "✓ app-1"]
    assert "7 more below" in str(shown.caption)
