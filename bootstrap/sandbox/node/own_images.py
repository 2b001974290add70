"""The node's own images, each of one program that needs nothing else: built here, not pulled."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from bootstrap.programs.release import architecture
from bootstrap.sandbox.node import archive, layout
from bootstrap.sandbox.node.archive import Blob, Image
from bootstrap.sandbox.state import Settings


def all_of(settings: Settings) -> list[Image]:
    """What every real node needs before it can start a pod."""
    return [
        of_program(layout.PAUSE_IMAGE, Path(settings.programs["pause"]), user="65535:65535"),
        of_program(layout.DNS_IMAGE, Path(settings.programs["coredns"])),
    ]


def of_program(name: str, program: Path, user: str = "0:0") -> Image:
    """An image that has only the program, and runs it; the same bytes for the same program."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        entry = tarfile.TarInfo(program.name)
        entry.size, entry.mode = program.stat().st_size, 0o755
        with program.open("rb") as stream:
            layer.addfile(entry, stream)
    content = packed.getvalue()
    blob = _blob(content)
    configuration = {
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": user, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [blob.digest]},
    }
    config = _blob(json.dumps(configuration, sort_keys=True).encode())
    top = archive.document(archive.MANIFEST, archive.manifest(config, [blob]))
    return Image((name,), (top,), (config, blob))


def _blob(content: bytes) -> Blob:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Blob(digest, len(content), lambda: io.BytesIO(content))
