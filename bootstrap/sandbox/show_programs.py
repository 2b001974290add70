"""What `bootstrap sandbox programs` shows: each program, why it is trusted, and what building it took."""

from __future__ import annotations

from bootstrap.core import table
from bootstrap.core.output import Output
from bootstrap.programs import find
from bootstrap.programs.build_progress import Spent

_FIELDS = ("name", "version", "origin", "path", "sha256", "data", "verified")


def show(output: Output, get: bool) -> None:
    """List the programs; with `get`, fetch or build first what is missing."""
    spent: list[Spent] = []
    if get:
        with output.progress("programs") as progress:
            rows = list(find.ensure(find.NAMES, output.invocation, progress.update, spent.append).values())
    else:
        rows = find.list_programs(output.invocation)
    output.table(
        ("PROGRAM", "VERSION", "ORIGIN", "PATH", "SHA256", "VERIFIED"),
        [(row.name, row.version, row.origin, str(row.path), row.sha256, row.verified) for row in rows],
    )
    output.result([{field: getattr(row, field) for field in _FIELDS} for row in rows])
    for built in spent:
        for line in where_the_time_went(built):
            output.info(line)


def where_the_time_went(spent: Spent) -> list[str]:
    """Lines with the time of each build by stage, and of all of them together."""
    rows = [
        (", ".join(unit.names), *(duration(part) for part in (unit.fetch, unit.compile, unit.link)))
        for unit in spent.units
    ]
    return [
        *table.lines(("BUILT", "FETCH", "COMPILE", "LINK"), rows),
        f"built in {duration(spent.total)}, with {duration(spent.processor)} of processor time",
    ]


def duration(seconds: float) -> str:
    """`8 s`, `12 min 5 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
