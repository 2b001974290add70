"""Pure: the images that an object names, wherever it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bootstrap.oci.reference import read
from bootstrap.resources import pods
from bootstrap.resources.index import Resource, dig, mappings

_VARIABLE = re.compile(r"(?:^|_)IMAGE(?:$|_)", re.IGNORECASE)
"""How operators name the variables that have the images of what they create (RELATED_IMAGE_PROXY)."""
_FIELDS = ("image", "imageName")
"""Fields of a custom object's spec, such as of Prometheus and of CloudNativePG's Cluster."""


def images(resource: Resource) -> Mapping[str, str]:
    """Where → image: of containers by their name, of volumes, of variables, and of custom objects."""
    return dict(_in_pods(resource) if resource.kind in pods.WORKLOADS else _in_spec(resource))


def _in_pods(resource: Resource) -> Iterator[tuple[str, str]]:
    for container in pods.containers(resource):
        yield container.name, str(container.body.get("image") or "")
        for variable in mappings(container.body.get("env")):
            name, value = str(variable.get("name")), variable.get("value")
            if _VARIABLE.search(name) and _is_image(value):
                yield f"variable {name} of {container.name}", str(value)
    for volume in mappings(pods.pod_spec(resource).get("volumes")):
        if reference := dig(volume, "image", "reference"):
            yield f"volume {volume.get('name')}", str(reference)


def _in_spec(resource: Resource) -> Iterator[tuple[str, str]]:
    if "." not in resource.kind:
        return
    for field in _FIELDS:
        if _is_image(value := resource.spec.get(field)):
            yield f"spec.{field}", str(value)


def _is_image(value: object) -> bool:
    """Whether a text is an image with a tag or a digest."""
    reference = read(value) if isinstance(value, str) else None
    return reference is not None and bool(reference.version)
