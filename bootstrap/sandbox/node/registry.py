"""The node's registry, seen from the machine: ask what it has, and put images there.

A node asks it for every image, whatever registry the image's name begins with: the name's path alone counts.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.core import next_run
from bootstrap.core.errors import SandboxError
from bootstrap.oci import reference
from bootstrap.sandbox.node.archive import CHUNK, Blob, Image
from bootstrap.sandbox.state import HOST

SECONDS = 60.0
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    text: str


def has(port: int, image: str) -> bool:
    """Whether the node could pull the image; SandboxError when the registry does not answer."""
    name, version = _place(image)
    return _ask(port, "HEAD", f"/v2/{name}/manifests/{version}", {"Accept": _KINDS}).status == 200


def push(port: int, image: Image, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Put the image there under `names`, or its own names; returns them. SandboxError if it is refused.

    What the registry already has is not sent again.
    """
    wanted = names or image.names
    for full in wanted:
        name, version = _place(full)
        for blob in image.blobs:
            _send(port, name, blob)
        *parts, top = image.documents
        for document, place in (*((part, part.digest) for part in parts), (top, version)):
            _expect(
                _ask(
                    port,
                    "PUT",
                    f"/v2/{name}/manifests/{place}",
                    {"Content-Type": document.media_type},
                    document.content,
                ),
                201,
                full,
            )
    return wanted


def _send(port: int, name: str, blob: Blob) -> None:
    if _ask(port, "HEAD", f"/v2/{name}/blobs/{blob.digest}").status == 200:
        return
    begun = _expect(_ask(port, "POST", f"/v2/{name}/blobs/uploads/"), 202, name)
    place = urlsplit(begun.headers["location"])
    target = f"{place.path}?{place.query}&digest={blob.digest}"
    headers = {"Content-Length": str(blob.size), "Content-Type": "application/octet-stream"}
    _expect(_ask(port, "PUT", target, headers, blob), 201, name)


def _place(image: str) -> tuple[str, str]:
    """The path and the tag or digest that a node asks for."""
    parsed = reference.parse(image)
    _, _, path = reference.canonical(parsed.repository).partition("/")
    return path, parsed.digest or parsed.tag or "latest"


def _expect(answer: _Answer, status: int, image: str) -> _Answer:
    if answer.status != status:
        raise SandboxError(
            "putting an image into the node's registry",
            f"it answered {answer.status}: {answer.text[:300]}",
            next_run.command("sandbox logs", "registry"),
            image,
        )
    return answer


def _ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | Blob | None = None,
) -> _Answer:
    connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS, blocksize=CHUNK)
    try:
        if isinstance(body, Blob):
            with body.open() as stream:
                connection.request(method, path, stream, dict(headers or {}))
        else:
            connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        return _Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, text)
    except (OSError, http.client.HTTPException) as error:
        hint = next_run.command("sandbox up", "--nodes", "real")
        raise SandboxError("asking the node's registry", str(error), hint, f"{HOST}:{port}") from error
    finally:
        connection.close()
