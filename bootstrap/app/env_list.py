"""What `bootstrap env list` shows: the environments, the apps that have them, and which of those are on."""

from __future__ import annotations

from typing import Any

from bootstrap.app import list as app_list
from bootstrap.core.errors import ExitStatus
from bootstrap.core.output import Output
from bootstrap.edit.carry_out import Where


def list_environments(where: Where, output: Output) -> int:
    """Print the environments of a layout; returns the exit status."""
    found: dict[str, dict[str, Any]] = {}
    for one in app_list.read(where, output):
        entry = found.setdefault(
            one.environment, {"name": one.environment, "apps": [], "on": [], "hosts": []}
        )
        entry["apps"].append(one.app)
        entry["on"] += [one.app] if one.on else []
        entry["hosts"] += one.hosts
    rows = [
        (name, ", ".join(entry["apps"]), ", ".join(entry["on"]) or "-", ", ".join(entry["hosts"]))
        for name, entry in sorted(found.items())
    ]
    output.result([found[name] for name in sorted(found)])
    output.table(("ENVIRONMENT", "APPS", "ON", "HOSTS"), rows)
    return ExitStatus.OK
