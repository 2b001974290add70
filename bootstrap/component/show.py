"""What `bootstrap component show` does: what a component declares on its Applications."""

from __future__ import annotations

from typing import Any

from bootstrap.component.switch import reading, state
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Where
from bootstrap.layout import components


def show_component(name: str, where: Where, output: Output) -> None:
    """Print a component's declarations; InputError for a name that the cluster does not offer."""
    with reading(where, output) as cluster:
        (item,) = components.choose(dict(cluster.offers), [name], "the component's name")
        traits = cluster.traits[item.name]
    data = {
        "name": item.name,
        "state": state(cluster, item),
        "about": item.about,
        "folder": item.entry.removeprefix("../../"),
        "charts": dict(traits.charts or {}),
        "waves": list(traits.waves),
        "provides": list(traits.provides),
        "requires": list(traits.requires),
        "conflicts": list(traits.conflicts),
        "expects": list(traits.expects),
        "warnings": list(traits.warnings),
    }
    lines = [f"{key:10}{_text(value)}" for key, value in data.items() if value]
    output.result(data, "\n".join(lines))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
