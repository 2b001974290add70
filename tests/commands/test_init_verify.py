"""`bootstrap init --verify`: signatures of Argo CD's images, in a real registry, by the real cosign."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.init.signatures import SIGNERS
from tests import registries
from tests.argocd_manifest import VERSION
from tests.commands.test_init_images import IMAGE, bare, init, registry
from tests.conftest import Result
from tests.git_repositories import Bare
from tests.registries import Registry
from tests.signing import Cosign
from tests.tools import tool

__all__ = ["bare", "init", "registry"]
Init = Callable[..., Result]
IDENTITY = SIGNERS[IMAGE].identity.format(tag=VERSION)
ISSUER = SIGNERS[IMAGE].issuer


@pytest.fixture
def cosign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cosign:
    monkeypatch.setenv("PATH", f"{tool('cosign').parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "cosign"
    folder.mkdir()
    return Cosign(folder)


@pytest.fixture
def digest(registry: Registry) -> str:
    return registry.push(IMAGE, VERSION)


def test_image_that_the_key_signed_is_verified(
    init: Init, registry: Registry, digest: str, cosign: Cosign
) -> None:
    key = cosign.key("mine")
    cosign.sign(registry, IMAGE, digest, key)
    result = init(registry.host, VERSION, "--verify", "--verify-key", str(key), "--dry-run")
    assert f"verified: {registry.host}/{IMAGE}:{VERSION}@{digest}: signed by the key {key}" in result.out


@pytest.mark.parametrize("signed", [True, False], ids=["by another key", "by nobody"])
def test_image_that_the_key_did_not_sign_is_refused_and_nothing_is_pushed(
    init: Init, registry: Registry, digest: str, cosign: Cosign, bare: Bare, signed: bool
) -> None:
    if signed:
        cosign.sign(registry, IMAGE, digest, cosign.key("others"))
    result = init(registry.host, VERSION, "--verify", "--verify-key", str(cosign.key("mine")))
    assert result.exit == 3, result.out
    assert f"@{digest} is not signed by the key" in result.err
    assert bare.tip() is None


@pytest.mark.parametrize("bundle", [True, False], ids=["as a bundle", "as a tag"])
def test_image_that_its_releasers_identity_signed_is_verified(
    init: Init, registry: Registry, digest: str, cosign: Cosign, bundle: bool
) -> None:
    root = cosign.sign_as(registry, IMAGE, digest, IDENTITY, ISSUER, bundle=bundle)
    result = init(registry.host, VERSION, "--verify", "--verify-root", str(root), "--dry-run")
    assert f"verified: {registry.host}/{IMAGE}:{VERSION}@{digest}: signed by {IDENTITY}" in result.out


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        (IDENTITY.replace("argoproj/argo-cd", "somebody/argo-cd"), ISSUER),
        (IDENTITY.replace(VERSION, "v3.6.0"), ISSUER),
        (IDENTITY, "https://accounts.example.com"),
    ],
    ids=["another repository", "another release", "another issuer"],
)
def test_image_that_another_identity_signed_is_refused(
    init: Init, registry: Registry, digest: str, cosign: Cosign, bare: Bare, identity: str, issuer: str
) -> None:
    root = cosign.sign_as(registry, IMAGE, digest, identity, issuer)
    result = init(registry.host, VERSION, "--verify", "--verify-root", str(root))
    assert result.exit == 3, result.out
    assert f"is not signed by {IDENTITY}" in result.err
    assert bare.tip() is None


def test_image_that_an_identity_of_another_authority_signed_is_refused(
    init: Init, registry: Registry, digest: str, cosign: Cosign
) -> None:
    cosign.sign_as(registry, IMAGE, digest, IDENTITY, ISSUER, "other")
    root = cosign.sign_as(registry, "unrelated", registry.push("unrelated", "1"), IDENTITY, ISSUER)
    result = init(registry.host, VERSION, "--verify", "--verify-root", str(root))
    assert result.exit == 3, result.out
    assert f"is not signed by {IDENTITY}" in result.err


def test_registry_that_cannot_be_reached_is_told_and_nothing_is_called_verified(
    init: Init, cosign: Cosign
) -> None:
    result = init("registry.invalid", VERSION, "--verify", "--dry-run")
    said = f"not verified: registry.invalid/{IMAGE}:{VERSION}: it is named by tag, which can be moved"
    assert said in result.out
    assert ": verified: " not in result.out


def test_registry_that_is_gone_since_the_digest_was_read_is_told(
    init: Init, cosign: Cosign, tmp_path: Path
) -> None:
    with registries.running(tmp_path / "registry") as registry:
        registry.push(IMAGE, VERSION)
        assert init(registry.host).exit == 0
    result = init(registry.host, VERSION, "--verify", "--verify-key", str(cosign.key("mine")), "--dry-run")
    assert f"not verified: {registry.host}/{IMAGE}:{VERSION}@sha256:" in result.out
    assert "its registry was not asked" in result.out


def test_sigstore_that_cannot_be_reached_is_told(
    init: Init, registry: Registry, digest: str, cosign: Cosign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its services are asked for what the public root is; a proxy that leads nowhere keeps them away."""
    cosign.sign_as(registry, IMAGE, digest, IDENTITY, ISSUER)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    result = init(registry.host, VERSION, "--verify", "--dry-run")
    assert f"not verified: {registry.host}/{IMAGE}:{VERSION}@{digest}: cosign could not reach" in result.out


def test_image_that_nobody_is_known_to_sign_is_told(init: Init, registry: Registry, cosign: Cosign) -> None:
    registry.push(f"{IMAGE}-of-mine", VERSION)
    result = init(registry.host, VERSION, "--verify", "--dry-run", image=f"{IMAGE}-of-mine")
    assert f"{IMAGE}-of-mine:{VERSION}@sha256:" in result.out
    assert "its signer is not known" in result.out


def test_key_without_verify_is_refused(init: Init, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text("x")
    result = init("registry.invalid", VERSION, "--verify-key", str(key))
    assert result.exit == 2
    assert "--verify" in result.err
