"""Images that change are told wherever an object names them."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Resource
from tests.diff.test_matters import mounting, one, pods, told


def variable(image: str, name: str = "RELATED_IMAGE_PROXY") -> Resource:
    return pods(container={"env": [{"name": name, "value": image}]})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            variable("example.com/proxy:1"),
            variable("example.com/proxy:2"),
            "example.com/proxy:1 → example.com/proxy:2",
        ),
        (variable("proxy:1"), variable("proxy:1", "SIDECAR_IMAGE"), ""),
        (variable("proxy:1", "MODE"), variable("proxy:2", "MODE"), ""),
        (variable("never", "IMAGE_PULL_POLICY"), variable("always", "IMAGE_PULL_POLICY"), ""),
        (
            mounting(image={"reference": "files:1"}),
            mounting(image={"reference": "files:2"}),
            "files:1 → files:2",
        ),
        (
            one("Cluster", version="postgresql.cnpg.io/v1", spec={"imageName": "pg:16"}),
            one("Cluster", version="postgresql.cnpg.io/v1", spec={"imageName": "pg:17"}),
            "pg:16 → pg:17",
        ),
    ],
)
def test_images_of_volumes_variables_and_custom_objects_are_told(
    before: Resource, after: Resource, said: str
) -> None:
    lines = [line.partition(": ")[2] for line in told([before], [after]) if line.startswith("images: ")]
    assert lines == ([f"{after}: {said}"] if said else [])
