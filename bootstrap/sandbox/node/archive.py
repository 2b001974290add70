"""Read images from archives: those of `docker save`, and OCI layouts, packed or as a folder.

An image is its manifest and the blobs that the manifest names. Nothing is unpacked: a blob is read in place.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bootstrap.core.errors import InputError
from bootstrap.oci import reference

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""Annotations that have an image's name, the full one first."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class Blob:
    """Bytes of an image, by their digest. `size` in bytes; `open` gives them from the start."""

    digest: str
    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Document:
    """A manifest, or the index of several."""

    digest: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Image:
    """An image by its names, which refer to the last of `documents`; those before it are its parts."""

    names: tuple[str, ...]
    documents: tuple[Document, ...]
    blobs: tuple[Blob, ...]


@dataclass(frozen=True)
class _Files:
    """The files of an archive or a folder, by their path."""

    where: Path
    size: Callable[[str], int | None]
    open: Callable[[str], IO[bytes]]

    def read(self, name: str) -> bytes:
        with self.open(name) as stream:
            return stream.read()

    def fault(self, what: str) -> InputError:
        return InputError(
            "reading images",
            what,
            "give an archive of `docker save` or `skopeo copy … oci-archive:`, or a folder of them",
            str(self.where),
        )


@contextmanager
def opened(path: Path) -> Iterator[list[Image]]:
    """The images in the archive or OCI layout; InputError when it is neither, or incomplete."""
    if path.is_dir():
        yield _images(_of_folder(path))
        return
    try:
        archive = tarfile.open(path, "r:*")  # noqa: SIM115 - closed below
    except tarfile.TarError as error:
        raise InputError(
            "reading images", "it is not an archive", "give an archive of images", str(path)
        ) from error
    except OSError as error:
        found = error.strerror or str(error)
        raise InputError("reading images", found, "give an archive of images", str(path)) from error
    with archive:
        yield _images(_of_archive(path, archive))


def found_in(path: Path) -> list[Path]:
    """The archives and layouts that a person means by this path: itself, or what the folder has.

    InputError when there is none.
    """
    if not path.exists():
        raise InputError("reading images", "there is no such file or folder", "give another path", str(path))
    if path.is_file() or (path / "index.json").is_file() or (path / "manifest.json").is_file():
        return [path]
    inside = [each for each in sorted(path.iterdir()) if each.is_file() and _is_archive(each)]
    inside += [each for each in sorted(path.iterdir()) if (each / "index.json").is_file()]
    if not inside:
        raise InputError("reading images", "the folder has no archive of images", "give another", str(path))
    return inside


def _is_archive(path: Path) -> bool:
    return path.name.endswith((".tar", ".tar.gz", ".tgz", ".oci"))


def _of_folder(path: Path) -> _Files:
    def size(name: str) -> int | None:
        return (path / name).stat().st_size if (path / name).is_file() else None

    return _Files(path, size, lambda name: (path / name).open("rb"))


def _of_archive(path: Path, archive: tarfile.TarFile) -> _Files:
    members = {member.name.removeprefix("./"): member for member in archive.getmembers()}

    def member(name: str) -> tarfile.TarInfo | None:
        found = members.get(name)
        if found is not None and (found.issym() or found.islnk()):  # a layer that two images share
            target = found.linkname
            if found.issym():
                target = _joined(name, target)
            found = members.get(target.removeprefix("./"))
        return found if found is not None and found.isfile() else None

    def size(name: str) -> int | None:
        found = member(name)
        return found.size if found else None

    def open_(name: str) -> IO[bytes]:
        found = member(name)
        stream = archive.extractfile(found) if found else None
        if stream is None:
            raise InputError("reading images", f"{name} is missing", "make the archive again", str(path))
        return stream

    return _Files(path, size, open_)


def _joined(name: str, target: str) -> str:
    parts = name.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _images(files: _Files) -> list[Image]:
    try:
        if files.size("manifest.json") is not None:
            return [_saved(files, entry) for entry in json.loads(files.read("manifest.json"))]
        if files.size("index.json") is not None:
            entries = json.loads(files.read("index.json"))["manifests"]
            return [_laid_out(files, entry) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise files.fault(f"its list of images cannot be read: {error!r}") from error
    raise files.fault("it has neither manifest.json nor index.json")


def _saved(files: _Files, entry: Mapping[str, Any]) -> Image:
    """One entry of the manifest.json of `docker save`."""
    config, *layers = [_measured(files, name) for name in (entry["Config"], *entry["Layers"])]
    content = manifest(config, layers)
    names = tuple(_named(name) for name in entry.get("RepoTags") or ())
    return Image(names, (document(MANIFEST, content),), (config, *layers))


def manifest(config: Blob, layers: list[Blob]) -> bytes:
    """The OCI manifest of an image."""
    parts = [{"mediaType": _layer_type(each), "digest": each.digest, "size": each.size} for each in layers]
    data = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config.digest, "size": config.size},
        "layers": parts,
    }
    return json.dumps(data).encode()


def document(media_type: str, content: bytes) -> Document:
    return Document(f"sha256:{hashlib.sha256(content).hexdigest()}", media_type, content)


def _layer_type(layer: Blob) -> str:
    with layer.open() as stream:
        return f"{LAYER}+gzip" if stream.read(2) == b"\x1f\x8b" else LAYER


def _laid_out(files: _Files, entry: Mapping[str, Any]) -> Image:
    """One entry of an OCI layout's index.json."""
    annotations = entry.get("annotations") or {}
    name = next((annotations[key] for key in _NAMES if annotations.get(key)), "")
    documents: list[Document] = []
    blobs: dict[str, Blob] = {}
    _collect(files, entry, documents, blobs)
    return Image((_named(name),) if name else (), tuple(documents), tuple(blobs.values()))


def _collect(
    files: _Files, entry: Mapping[str, Any], documents: list[Document], blobs: dict[str, Blob]
) -> None:
    content = files.read(_path(entry["digest"]))
    data = json.loads(content)
    for part in data.get("manifests", ()):
        if files.size(_path(part["digest"])) is not None:  # other platforms are often left out
            _collect(files, part, documents, blobs)
    for part in (data.get("config"), *data.get("layers", ())):
        if part:
            blobs[part["digest"]] = _named_blob(files, part["digest"])
    documents.append(Document(entry["digest"], entry["mediaType"], content))


def _path(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _named_blob(files: _Files, digest: str) -> Blob:
    path = _path(digest)
    size = files.size(path)
    if size is None:
        raise files.fault(f"{path} is missing")
    return Blob(digest, size, lambda: files.open(path))


def _measured(files: _Files, name: str) -> Blob:
    """A blob whose name is not its digest."""
    size = files.size(name)
    if size is None:
        raise files.fault(f"{name} is missing")
    found = hashlib.sha256()
    with files.open(name) as stream:
        while part := stream.read(CHUNK):
            found.update(part)
    return Blob(f"sha256:{found.hexdigest()}", size, lambda: files.open(name))


def _named(text: str) -> str:
    """The name in full, with its registry and tag."""
    parsed = reference.parse(text, "reading the name of an image")
    return str(reference.Reference(reference.canonical(parsed.repository), parsed.tag or "latest"))
