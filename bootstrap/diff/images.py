"""Whether the registries have the images that a change introduces."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bootstrap.core.errors import BootstrapError
from bootstrap.core.output import Output
from bootstrap.diff.matters import Matter
from bootstrap.oci.client import Registries
from bootstrap.oci.reference import parse

_AT_ONCE = 8


def missing(images: Sequence[str], output: Output) -> list[Matter]:
    """Those that their registry does not have; a registry that does not answer is only a warning."""
    registries = Registries(output.invocation)

    def look(image: str) -> Matter | None:
        try:
            if registries.digest(parse(image)) is None:
                return Matter("fails", f"{image}: the registry has no such image")
        except BootstrapError as error:
            output.warn(f"whether {image} exists is unknown: {error.found}")
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [found for found in pool.map(look, images) if found is not None]
