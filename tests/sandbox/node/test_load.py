"""Images from archives and layouts into a real registry, as a real node's pods will pull them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.sandbox.node import archive, registry
from tests import registries

LAYER = b"the bytes of a layer"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with registries.running(tmp_path_factory.mktemp("registry")) as found:
        yield int(found.host.rpartition(":")[2])


def saved(folder: Path, *names: str, layer: bytes = LAYER, suffix: str = ".tar") -> Path:
    """What `docker save` writes."""
    diff = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}}
    listed = [{"Config": "c.json", "RepoTags": list(names), "Layers": ["l/layer.tar"]}]
    path = folder / f"image{suffix}"
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as packed:
        for name, content in (
            ("c.json", json.dumps(config).encode()),
            ("l/layer.tar", layer),
            ("manifest.json", json.dumps(listed).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return path


def push_all(port: int, path: Path) -> list[str]:
    names: list[str] = []
    for place in archive.found_in(path):
        with archive.opened(place) as images:
            for image in images:
                names += registry.push(port, image)
    return names


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_what_docker_saves_can_be_pulled_by_every_name_that_it_has(
    port: int, tmp_path: Path, suffix: str
) -> None:
    names = ("redis:8.2", "ghcr.io/org/copy:v1")
    assert not registry.has(port, f"example.org/library/redis:{suffix[1:]}")
    loaded = push_all(port, saved(tmp_path, *names, layer=suffix.encode(), suffix=suffix))
    assert loaded == ["docker.io/library/redis:8.2", "ghcr.io/org/copy:v1"]
    for name in names:
        assert registry.has(port, name)
    assert not registry.has(port, "redis:8.3")


def test_what_skopeo_copies_keeps_its_digest(port: int, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not on this machine: sudo apt-get install skopeo")
    push_all(port, saved(tmp_path, "org/app:v1"))
    source, target = f"docker://127.0.0.1:{port}/org/app:v1", tmp_path / "oci.tar"
    copied = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", "--insecure-policy"]
    subprocess.run([*copied, source, f"oci-archive:{target}:example.org/org/other:v2"], check=True)
    asked = ["skopeo", "inspect", "--format={{.Digest}}", f"oci-archive:{target}"]
    digest = subprocess.check_output(asked, text=True).strip()
    assert push_all(port, target) == ["example.org/org/other:v2"]
    assert registry.has(port, f"example.org/org/other@{digest}")


def test_a_folder_of_archives_and_layouts_is_loaded_whole(port: int, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    (folder / "layout").mkdir(parents=True)
    saved(folder, "folder/one:v1")
    packed = saved(tmp_path, "folder/two:v1", layer=b"another")
    with tarfile.open(packed) as unpacked:
        unpacked.extractall(folder / "layout", filter="data")
    (folder / "layout" / "index.json").write_text("{}")
    assert sorted(push_all(port, folder)) == ["docker.io/folder/one:v1", "docker.io/folder/two:v1"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"this is no archive", "it is not an archive"),
        (None, "neither manifest.json nor index.json"),
        ({"index.json": b"{}"}, "cannot be read"),
        (
            {"index.json": b'{"manifests": [{"digest": "sha256:00", "mediaType": "x"}]}'},
            "blobs/sha256/00 is missing",
        ),
        (
            {"manifest.json": b'[{"Config": "c.json", "RepoTags": ["a:1"], "Layers": []}]'},
            "c.json is missing",
        ),
    ],
)
def test_what_is_no_archive_of_images_is_refused_by_name(
    tmp_path: Path, content: bytes | dict[str, bytes] | None, says: str
) -> None:
    path = tmp_path / "wrong.tar"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with tarfile.open(path, "w") as packed:
            for name, text in (content or {}).items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                packed.addfile(entry, io.BytesIO(text))
    with pytest.raises(InputError) as refused, archive.opened(path):
        pass
    assert says in str(refused.value)
    assert refused.value.where == str(path)


def test_an_empty_folder_and_a_path_that_is_not_there_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputError, match=r"no archive|no such file"):
            archive.found_in(path)
