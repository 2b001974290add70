"""What `bootstrap component list` does: a row for each component that a cluster offers."""

from __future__ import annotations

from bootstrap.component.switch import reading, state
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Where

COLUMNS = ("name", "state", "provides", "about")


def list_components(where: Where, output: Output) -> None:
    """Print the components of a cluster's kustomization, on or off."""
    with reading(where, output) as cluster:
        rows = [
            (item.name, state(cluster, item), ", ".join(cluster.traits[item.name].provides), item.about)
            for item in cluster.offers.values()
        ]
    output.result([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    output.table([column.upper() for column in COLUMNS], rows)
