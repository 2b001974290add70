"""An upgrade of Argo CD brings its images' digests, and pushes no unsigned commit where that counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.layout.argocd_edits import KUSTOMIZATION
from bootstrap.layout.settings import parse_record
from tests.argocd_manifest import VERSION, manifest
from tests.commands.test_init_images import IMAGE, NEWER, init, registry
from tests.conftest import Result, Run
from tests.git_repositories import Bare
from tests.registries import Registry
from tests.upgrade.conftest import AUTHOR, Clone

__all__ = ["init", "registry"]
Init = Callable[..., Result]


def upgrade(run: Run, clone: Clone, registry: Registry, folder: Path) -> Result:
    path = folder / "newer.yaml"
    path.write_bytes(manifest(NEWER).replace(b"quay.io", registry.host.encode()))
    given = ("--argocd", NEWER, "--argocd-manifest", str(path))
    return run("upgrade", "--path", str(clone.folder), "--author", AUTHOR, "--yes", *given)


@pytest.mark.parametrize("reachable", [True, False])
def test_upgrade_of_argo_cd_takes_the_digests_of_its_images_with_it(
    init: Init, run: Run, bare: Bare, registry: Registry, tmp_path: Path, reachable: bool
) -> None:
    old = registry.push(IMAGE, VERSION)
    assert init(registry.host).exit == 0
    clone = Clone(tmp_path / "work", bare)
    new = registry.push(IMAGE, NEWER, ("arm64",)) if reachable else ""
    result = upgrade(run, clone, registry, tmp_path)
    assert result.exit == 0, result.out + result.err
    text = clone.read(KUSTOMIZATION).decode()
    assert old not in text
    images = parse_record(clone.read("bootstrap.yaml")).argocd_images
    if reachable:
        assert f"newTag: {NEWER}\n    digest: {new}\n" in text
        assert images == ((f"{registry.host}/{IMAGE}:{NEWER}", new),)
    else:
        assert "newTag" not in text
        assert images is None
        assert "by tag, not by digest" in result.out + result.err


def test_upgrade_without_a_signature_is_refused_where_argo_cd_asks_for_one(
    init: Init, run: Run, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    assert init(registry.host).exit == 0
    record = bare.files()["bootstrap.yaml"].decode()
    bare.commit(
        {"bootstrap.yaml": record.replace("argocd:\n", "argocd:\n  signedBy: [0123456789ABCDEF]\n").encode()}
    )
    clone = Clone(tmp_path / "work", bare)
    before = clone.state()
    result = upgrade(run, clone, registry, tmp_path)
    assert result.exit == 3, result.out
    assert "would push unsigned ones" in result.err
    assert clone.state() == before
