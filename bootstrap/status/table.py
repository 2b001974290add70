"""Pure: the table of `bootstrap status`, its columns, and the live view of `--watch`."""

from __future__ import annotations

import re
from typing import Any

from bootstrap.argocd.status import ApplicationStatus, Status

NAME = "APPLICATION"
HEADERS = ("WAVE", NAME, "SYNC", "HEALTH", "REVISION", "BEHIND", "SINCE", "WAITING FOR")


def cells(item: ApplicationStatus) -> tuple[str, ...]:
    """A row of the table."""
    revision = item.revision[:9] if re.fullmatch(r"[0-9a-f]{40,64}", item.revision) else item.revision[:16]
    behind = "-" if item.behind is None else str(item.behind)
    where = (revision or "-", behind, item.time)
    return str(item.wave), item.name, item.sync, item.health, *where, item.waiting_for or "-"


def live(found: Status, height: int, width: int) -> Any:
    """As many rows as the terminal has, those that are not ready first."""
    from rich.table import Table
    from rich.text import Text

    room = max(1, height - 4)
    rows = [*found.waiting, *(item for item in found.applications if item.ready)]
    table = Table(box=None, header_style="bold", pad_edge=False, caption_justify="left")
    for header in HEADERS:
        longest = max((len(item.name) + 2 for item in rows[:room]), default=0) if header == NAME else None
        widest = None if longest else max(12, width // 2)
        table.add_column(header, no_wrap=True, overflow="ellipsis", min_width=longest, max_width=widest)
    for item in rows[:room]:
        style = "" if item.ready else ("red" if item.final else "yellow")
        mark = "✓ " if item.ready else ("✗ " if item.final else "… ")
        wave, name, *rest = cells(item)
        table.add_row(*(Text(cell, style=style) for cell in (wave, mark + name, *rest)))
    more = f", {len(rows) - room} more below" if len(rows) > room else ""
    table.caption = f"{found.summary()}{more}; q quits"
    return table
