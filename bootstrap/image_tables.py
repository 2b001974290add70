"""What `image list` and `image history` print, as columns or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.core.output import Output
from bootstrap.git.log import LogEntry
from bootstrap.image_past import built_time
from bootstrap.image_show import reference_data
from bootstrap.images_history import Step
from bootstrap.images_layout import home_of
from bootstrap.images_newer import day
from bootstrap.images_places import ImagePlace


def listed(
    places: Sequence[ImagePlace], setters: Mapping[ImagePlace, LogEntry | None], output: Output
) -> None:
    """Print a list of images and who set them."""
    data, rows = [], []
    for place in places:
        home, entry = home_of(place.file), setters.get(place)
        who = f"{entry.author}, {day(entry.when)}" if entry else "not committed" if place in setters else ""
        rows.append((home.app or "-", home.environment or "-", place.text, place.at, who))
        data.append(
            {
                "app": home.app,
                "environment": home.environment,
                "name": place.name,
                "kind": place.kind,
                "file": place.file,
                "line": place.line,
                "text": place.text,
                "image": reference_data(place.reference),
                "set": entry and _commit(entry),
            }
        )
    output.table(("APP", "ENVIRONMENT", "IMAGE", "WHERE", "SET BY"), rows)
    output.result(data)


def _commit(entry: LogEntry) -> dict[str, Any]:
    fields = {key: value for key, value in entry._asdict().items() if key != "files"}
    return {**fields, "built_at": built_time(entry.built_at)}


def history(place: ImagePlace, steps: Sequence[Step], output: Output) -> None:
    """Print what an image was, numbered as `rollback --to` counts."""
    data = [
        {"step": number, **vars(step), "reference": reference_data(step.reference)}
        for number, step in enumerate(steps)
    ]
    output.table(
        ("STEP", "IMAGE", "WHEN", "WHO", "COMMIT", "SUBJECT"),
        [
            (str(n), str(step.reference), day(step.when), step.author, step.commit[:12], step.subject)
            for n, step in enumerate(steps)
        ],
    )
    output.result({"file": place.file, "line": place.line, "name": place.name, "steps": data})
