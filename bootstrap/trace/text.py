"""Pure: a trace as text, one line per hop; below it what is wrong, with the fix."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import counted
from bootstrap.trace.hops import Hop, broken, worst

MARKS = {"ok": "ok", "warning": "WARNING", "broken": "BROKEN", "unknown": "?"}


def lines(root: Hop, details: bool = True) -> Iterator[str]:
    """The tree, then a summary."""
    yield f"{root.title}"
    for detail in root.details:
        yield f"   · {detail}"
    yield from _below(root, "", details)
    faults = [hop for hop in broken(root) if hop.state in ("broken", "warning")]
    yield ""
    count = sum(1 for _ in root.walk()) - 1
    if not faults:
        yield (
            f"{counted(count, 'hop')}, no problems"
            if worst(root) == "ok"
            else f"{counted(count, 'hop')}, none broken; ? is unknown from Git"
        )
        return
    numbers = {state: sum(hop.state == state for hop in faults) for state in ("broken", "warning")}
    yield f"{counted(count, 'hop')}: {numbers['broken']} broken, {numbers['warning']} with a warning"


def _below(hop: Hop, indent: str, details: bool) -> Iterator[str]:
    for number, child in enumerate(hop.hops):
        last = number == len(hop.hops) - 1
        stem, deeper = ("└─ ", "   ") if last else ("├─ ", "│  ")
        how = f"{child.how}: " if child.how else ""
        mark = "" if child.state == "ok" else f"  [{MARKS[child.state]}]"
        above = "  (see above)" if child.shown_above else ""
        yield f"{indent}{stem}{how}{child.title}{mark}{above}"
        inner = indent + deeper
        bar = "│  " if child.hops else "   "
        if details and child.where and not child.shown_above:
            owner = f" · Application {child.application}" if child.application else ""
            yield f"{inner}{bar}{child.where}{owner}"
        for remark in child.remarks:
            rule = f"{remark.rule} " if remark.rule else ""
            place = f" ({remark.where})" if remark.where else ""
            yield f"{inner}{bar}! {rule}{remark.message}{place}"
            yield f"{inner}{bar}  to do: {remark.fix}"
        if details and not child.shown_above:
            for detail in child.details:
                yield f"{inner}{bar}· {detail}"
        yield from _below(child, inner, details)
