"""A table fits its width and leaves every word whole."""

from __future__ import annotations

import pytest

from bootstrap.core import table

HEADERS = ("WAVE", "APPLICATION", "SYNC", "HEALTH", "REVISION", "BEHIND", "SINCE", "WAITING FOR")
ROWS = [
    (
        "0",
        "root",
        "OutOfSync",
        "Progressing",
        "aaaaaaaaa",
        "12",
        "21:50:03",
        "its sync: waiting for a hook",
    ),
    ("-10", "voting-app-production", "Synced", "Healthy", "1.2.3, 0123456789", "-", "", "-"),
]


def test_table_that_fits_has_a_line_a_row() -> None:
    assert table.lines(("A", "NAME"), [("1", "x"), ("22", "yy")], 80) == ["A   NAME", "1   x", "22  yy"]


def test_table_without_a_width_is_as_wide_as_it_needs_to_be() -> None:
    assert len(table.lines(HEADERS, ROWS)) == 3


def test_last_column_is_wrapped_at_blanks_below_itself() -> None:
    assert table.lines(("NAME", "WAITING FOR"), [("a", "one two three four five six seven eight")], 32) == [
        "NAME  WAITING FOR",
        "a     one two three four five",
        "      six seven eight",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
def test_no_name_is_broken_and_no_line_too_wide(width: int) -> None:
    found = table.lines(HEADERS, ROWS, width)
    words = " ".join(found).split()
    for row in ROWS:
        for cell in row:
            assert all(word in words for word in cell.split() if word != "-")
    longest = len("-10") + 2 + 1 + len("voting-app-production")
    assert max(map(len, found)) <= max(width, longest)


def test_what_does_not_fit_is_reported_below_its_row_by_name() -> None:
    found = table.lines(HEADERS, ROWS, 60)
    assert found[0].split() == ["WAVE", "APPLICATION", "SYNC", "HEALTH"]
    assert found[2].startswith("    REVISION aaaaaaaaa  BEHIND 12")
    assert found[-1].strip() == "REVISION 1.2.3, 0123456789"


def test_what_goes_below_a_row_is_broken_between_its_names() -> None:
    """A line has as many values as fit; only a value that is wider than the line is broken."""
    headers, row = ("APP", "IMAGE", "WHERE", "SET BY"), ("shop", "i" * 20, "w" * 20, "Ann, 2026-11-29")
    assert table.lines(headers, [row], 44) == [
        "APP   IMAGE",
        "shop  " + "i" * 20,
        "    WHERE " + "w" * 20,
        "    SET BY Ann, 2026-11-29",
    ]


def test_line_of_names_is_folded_at_blanks_alone() -> None:
    text = "  4. make Secret argocd/argocd-secret (webhook.github.secret, webhook.gogs.secret)"
    assert table.folded(text, None) == table.folded(text, 200) == [text]
    assert table.folded(text, 60) == [
        "  4. make Secret argocd/argocd-secret",
        "      (webhook.github.secret, webhook.gogs.secret)",
    ]
