"""Argo CD's manifest is the requested one, or refused with what it is instead."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import argocd
from bootstrap.argocd import install_manifest
from bootstrap.core.errors import ChecksumDiffers, DownloadUnavailable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.http import download
from tests import argocd_manifest as small
from tests import mirror
from tests.argocd_manifest import VERSION
from tests.mirror import Mirror

CONTENT = small.manifest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REDIS_HA = b"---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: argocd-redis-ha-server}\n"
CORE = CONTENT[: CONTENT.rindex(b"---\n")]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """An invocation with an empty cache, and no way to the releases."""
    monkeypatch.setattr(install_manifest, "RELEASES", "https://127.0.0.1:1")
    cache = str(tmp_path / "cache")
    return Invocation(environ={"HOME": str(tmp_path), "BOOTSTRAP_CACHE_DIR": cache, "GOPROXY": "off"})


@pytest.fixture
def releases(tmp_path: Path, own: Invocation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    with mirror.running(tmp_path / "pki") as running:
        own.environ = {**own.environ, "BOOTSTRAP_CA_FILE": str(running.ca_file)}
        monkeypatch.setattr(install_manifest, "RELEASES", f"{running.url}/argo-cd")
        monkeypatch.setattr(install_manifest, "PINNED", {(VERSION, "install"): SHA256})
        yield running


def saved(folder: Path, content: bytes = CONTENT) -> str:
    path = folder / "manifest.yaml"
    path.write_bytes(content)
    return str(path)


def test_default_is_the_pinned_release_verified_and_cached(own: Invocation, releases: Mirror) -> None:
    releases.serve(f"/argo-cd/{VERSION}/manifests/install.yaml", CONTENT)
    found = argocd.manifest(own, None, "install")
    assert (found.version, found.variant, found.sha256, found.content) == (
        VERSION,
        "install",
        SHA256,
        CONTENT,
    )
    assert argocd.manifest(own, VERSION.removeprefix("v"), "install") == found
    assert len(releases.asked) == 1


def test_release_that_is_another_file_is_refused(own: Invocation, releases: Mirror) -> None:
    releases.serve(f"/argo-cd/{VERSION}/manifests/install.yaml", CONTENT + b"# changed\n")
    with pytest.raises(ChecksumDiffers, match=SHA256):
        argocd.manifest(own, None, "install")


def test_version_that_is_not_pinned_needs_a_checksum(own: Invocation, releases: Mirror) -> None:
    newer = small.manifest("v3.7.0")
    releases.serve("/argo-cd/v3.7.0/manifests/install.yaml", newer)
    with pytest.raises(InputError, match=r"v3\.7\.0 \(install\) is not known") as raised:
        argocd.manifest(own, "v3.7.0", "install")
    assert "--sha256" in raised.value.hint
    assert f"{releases.url}/argo-cd/v3.7.0/manifests/install.yaml" in raised.value.hint
    assert releases.asked == []
    found = argocd.manifest(own, "v3.7.0", "install", sha256=hashlib.sha256(newer).hexdigest())
    assert found.version == "v3.7.0"


def test_without_a_way_to_the_release_a_file_is_suggested(own: Invocation) -> None:
    with pytest.raises(DownloadUnavailable) as raised:
        argocd.manifest(own, None, "install")
    assert "--argocd-manifest FILE" in raised.value.hint


def module_of(content: bytes, name: str = "install.yaml") -> bytes:
    """The module's zip as a proxy serves it, with one manifest in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"github.com/argoproj/argo-cd/v3@{VERSION}/go.mod", "module m\n")
        archive.writestr(f"github.com/argoproj/argo-cd/v3@{VERSION}/manifests/{name}", content)
    return packed.getvalue()


def test_without_a_way_to_the_release_the_go_module_has_it(own: Invocation, releases: Mirror) -> None:
    releases.serve(f"/proxy/github.com/argoproj/argo-cd/v3/@v/{VERSION}.zip", module_of(CONTENT))
    own.environ = {**own.environ, "GOPROXY": f"{releases.url}/other,{releases.url}/proxy,direct"}
    assert argocd.manifest(own, None, "install").content == CONTENT
    asked = len(releases.asked)
    assert argocd.manifest(own, None, "install").content == CONTENT  # kept
    assert len(releases.asked) == asked
    assert [path.name for path in (own.cache_dir / "downloads").iterdir()] == [SHA256]


def test_go_module_with_another_file_is_refused(own: Invocation, releases: Mirror) -> None:
    releases.serve(
        f"/proxy/github.com/argoproj/argo-cd/v3/@v/{VERSION}.zip", module_of(CONTENT + b"# changed\n")
    )
    own.environ = {**own.environ, "GOPROXY": f"{releases.url}/proxy"}
    with pytest.raises(ChecksumDiffers, match=SHA256):
        argocd.manifest(own, None, "install")


@pytest.mark.parametrize("body", [b"no zip", module_of(CONTENT, "other.yaml")])
def test_go_module_without_the_manifest_is_reported_with_the_release(
    own: Invocation, releases: Mirror, body: bytes
) -> None:
    releases.serve(f"/proxy/github.com/argoproj/argo-cd/v3/@v/{VERSION}.zip", body)
    own.environ = {**own.environ, "GOPROXY": f"{releases.url}/proxy"}
    with pytest.raises(DownloadUnavailable, match="no Go module proxy has it either"):
        argocd.manifest(own, None, "install")


def test_kept_manifest_needs_no_way_to_the_release(
    own: Invocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_manifest, "PINNED", {(VERSION, "install"): SHA256})
    download.keep(Path(saved(tmp_path)), own)
    assert argocd.manifest(own, None, "install").content == CONTENT


def test_given_file_states_its_version(own: Invocation, tmp_path: Path) -> None:
    found = argocd.manifest(own, None, "install", saved(tmp_path, small.manifest("v3.9.2")))
    assert found.version == "v3.9.2"


def test_given_file_with_another_checksum_is_refused(own: Invocation, tmp_path: Path) -> None:
    with pytest.raises(ChecksumDiffers, match=SHA256):
        argocd.manifest(own, None, "install", saved(tmp_path), "0" * 64)
    assert argocd.manifest(own, None, "install", saved(tmp_path), SHA256.upper()).sha256 == SHA256


def test_given_file_of_another_version_than_asked_for_is_refused(own: Invocation, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{re.escape(VERSION)}, but v3\.5\.0"):
        argocd.manifest(own, "v3.5.0", "install", saved(tmp_path))


def test_file_that_cannot_be_read_is_an_input_error(own: Invocation, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        argocd.manifest(own, None, "install", str(tmp_path / "absent.yaml"))


def test_url_needs_a_checksum(own: Invocation, releases: Mirror) -> None:
    url = releases.serve("/mine.yaml", CONTENT)
    with pytest.raises(InputError, match="checksum") as raised:
        argocd.manifest(own, None, "install", url)
    assert "--sha256" in raised.value.hint
    assert argocd.manifest(own, None, "install", url, SHA256).content == CONTENT


@pytest.mark.parametrize(
    ("content", "variant", "found", "hint"),
    [
        (CONTENT, "ha", "no StatefulSet argocd-redis-ha-server", "neither --ha nor --core"),
        (CONTENT, "core", "more than that", "neither --ha nor --core"),
        (CONTENT + REDIS_HA, "install", "more than that", "--ha"),
        (CORE, "install", "no Deployment argocd-server", "--core"),
        (
            b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
            "install",
            "no CustomResource",
            "Argo CD's own",
        ),
    ],
)
def test_manifest_of_another_variant_is_named(
    own: Invocation, tmp_path: Path, content: bytes, variant: install_manifest.Variant, found: str, hint: str
) -> None:
    with pytest.raises(InputError) as raised:
        argocd.manifest(own, None, variant, saved(tmp_path, content))
    assert found in raised.value.found
    assert hint in raised.value.hint


def test_variants_are_distinguished(own: Invocation, tmp_path: Path) -> None:
    assert argocd.manifest(own, None, "ha", saved(tmp_path, CONTENT + REDIS_HA)).variant == "ha"
    assert argocd.manifest(own, None, "core", saved(tmp_path, CORE)).variant == "core"


def test_image_by_digest_needs_the_version_to_be_given(own: Invocation, tmp_path: Path) -> None:
    content = CONTENT.replace(f":{VERSION}".encode(), b"@sha256:" + b"0" * 64)
    with pytest.raises(InputError, match="not a version") as raised:
        argocd.manifest(own, None, "install", saved(tmp_path, content))
    assert "--argocd-version" in raised.value.hint
    assert argocd.manifest(own, VERSION, "install", saved(tmp_path, content)).version == VERSION


@pytest.mark.parametrize("version", ["latest", "v3", "v3.6.x", "../v3.6.1"])
def test_an_invalid_version_is_refused(own: Invocation, version: str) -> None:
    with pytest.raises(InputError, match="not a version"):
        argocd.manifest(own, version, "install")


def test_an_invalid_checksum_is_refused(own: Invocation, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a sha256"):
        argocd.manifest(own, None, "install", saved(tmp_path), "abc")
