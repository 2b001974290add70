"""`bootstrap sandbox image load`: images from archives into the registry of a sandbox's real node."""

from __future__ import annotations

from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.output import Output
from bootstrap.sandbox import process, state
from bootstrap.sandbox.node import archive, layout, registry


def load(path: Path, name: str, output: Output) -> list[str]:
    """Put every image of the archive or folder there; returns their names.

    InputError: no such archive, an image without a name, or a sandbox whose real node does not run.
    """
    port = port_of(name, output)
    loaded: list[str] = []
    with output.progress("loading images") as progress:
        for place in archive.found_in(path):
            with archive.opened(place) as images:
                for image in images:
                    if not image.names:
                        raise InputError(
                            "reading images",
                            f"the image {image.documents[-1].digest} has no name",
                            "save it by its name: docker save NAME:TAG",
                            str(place),
                        )
                    progress.update(", ".join(image.names))
                    loaded += registry.push(port, image)
    output.result({"name": name, "images": loaded}, "\n".join(f"loaded {each}" for each in loaded))
    return loaded


def port_of(name: str, output: Output) -> int:
    """The registry's port on this machine."""
    folder = state.folder_of(name, output.invocation)
    settings = state.load(folder)
    if settings is None:
        raise state.unknown(name)
    if settings.nodes != "real":
        raise InputError(
            "reading --name",
            f"the sandbox {name} has simulated nodes, which run no image",
            "start another one: bootstrap sandbox up --name pods --nodes real",
        )
    if process.running(folder, layout.PROCESS) is None:
        raise InputError(
            "reading --name",
            f"the node of sandbox {name} is not running",
            f"bootstrap sandbox up --name {name}",
        )
    return settings.ports[layout.PORT]
