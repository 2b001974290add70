"""`bootstrap init` names Argo CD's images by the digests that their registry gives; a real registry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.init import argocd_objects
from bootstrap.layout.argocd_edits import KUSTOMIZATION
from bootstrap.layout.settings import parse_record, recorded_settings
from bootstrap.manifests.reader import load_all
from bootstrap.repository import tools
from tests import registries
from tests.argocd_manifest import VERSION, manifest
from tests.conftest import Result, Run
from tests.git_repositories import Bare
from tests.registries import Registry
from tests.repositories import write

Init = Callable[..., Result]
NEWER = "v3.6.9"
IMAGE = "argoproj/argocd"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with registries.running(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host" / "gitops.git")


@pytest.fixture
def init(run: Run, bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """`init(registry's host, version, …)`: lay out with a manifest whose images are there."""
    monkeypatch.delenv("BOOTSTRAP_ARGOCD_IMAGES")

    def call(host: str, version: str = VERSION, *arguments: str, image: str = IMAGE) -> Result:
        path = tmp_path / "install.yaml"
        path.write_bytes(manifest(version).replace(f"quay.io/{IMAGE}".encode(), f"{host}/{image}".encode()))
        given = ("--argocd-manifest", str(path), "--author", "Ada <ada@example.org>", "--yes")
        return run("init", bare.url, "--repo-only", *given, *arguments)

    return call


def rendered(bare: Bare, tmp_path: Path) -> set[str]:
    """The images as kustomize renders them; and `init` applies the same."""
    files = bare.files()
    folder = write(tmp_path / "rendered", {path: text.decode() for path, text in files.items()})
    built = tools.build(folder / "infrastructure/argocd/manifests", Invocation(), folder)
    record = parse_record(files["bootstrap.yaml"])
    from tests.layouts import settings

    laid = recorded_settings(record, settings(repo_url=bare.url))
    assert laid
    applied = [load_all(item.text.decode())[0] for item in argocd_objects.render(files, laid).objects]
    found = [
        {
            container["image"]
            for body in objects
            if body["kind"] in ("Deployment", "StatefulSet")
            for container in body["spec"]["template"]["spec"]["containers"]
        }
        for objects in (built, applied)
    ]
    assert found[0] == found[1]
    return found[0]


def test_images_are_named_by_the_digest_that_their_registry_gives(
    init: Init, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    digest = registry.push(IMAGE, VERSION, ("amd64", "arm64"))
    shown = init(registry.host, VERSION, "--dry-run")
    assert digest in shown.out
    assert bare.tip() is None
    result = init(registry.host)
    assert result.exit == 0, result.err
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{VERSION}@{digest}"}
    record = parse_record(bare.files()["bootstrap.yaml"])
    assert record.argocd_images == ((f"{registry.host}/{IMAGE}:{VERSION}", digest),)


def test_recorded_digest_stays_when_the_registry_is_gone_or_its_tag_was_moved(
    init: Init, bare: Bare, tmp_path: Path
) -> None:
    with registries.running(tmp_path / "registry") as registry:
        registry.push(IMAGE, VERSION)
        assert init(registry.host).exit == 0
        tip = bare.tip()
        registry.push(IMAGE, VERSION, ("arm64",))
        assert "nothing to do" in init(registry.host).out
    result = init(registry.host)
    assert "nothing to do" in result.out, result.out + result.err
    assert bare.tip() == tip


def test_registry_that_cannot_be_reached_is_reported_and_the_images_are_by_tag(
    init: Init, bare: Bare, tmp_path: Path
) -> None:
    shown = init("registry.invalid", VERSION, "--dry-run")
    assert f"Argo CD's images are by tag, not by digest: registry.invalid/{IMAGE}:{VERSION}" in shown.out
    assert init("registry.invalid").exit == 0
    assert rendered(bare, tmp_path) == {f"registry.invalid/{IMAGE}:{VERSION}"}
    assert parse_record(bare.files()["bootstrap.yaml"]).argocd_images is None


def test_what_was_by_tag_gets_its_digest_as_soon_as_the_registry_can_be_reached(
    init: Init, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    assert init(registry.host).exit == 0
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{VERSION}"}
    digest = registry.push(IMAGE, VERSION)
    assert init(registry.host).exit == 0
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{VERSION}@{digest}"}


def test_by_digest_as_asked_is_refused_where_there_is_none(
    init: Init, bare: Bare, registry: Registry
) -> None:
    result = init(registry.host, VERSION, "--argocd-images", "digest")
    assert result.exit == 3
    assert "it has no such image" in result.err
    assert bare.tip() is None


def test_by_tag_as_asked_is_remembered(init: Init, bare: Bare, registry: Registry, tmp_path: Path) -> None:
    registry.push(IMAGE, VERSION)
    assert init(registry.host, VERSION, "--argocd-images", "tag").exit == 0
    assert "nothing to do" in init(registry.host).out
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{VERSION}"}
    assert init(registry.host, VERSION, "--argocd-images", "digest").exit == 0
    assert "@sha256:" in "".join(rendered(bare, tmp_path))


def test_newer_argo_cd_gets_its_own_digests(
    init: Init, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    registry.push(IMAGE, VERSION)
    assert init(registry.host).exit == 0
    digest = registry.push(IMAGE, NEWER, ("arm64",))
    result = init(registry.host, NEWER)
    assert result.exit == 0, result.err
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{NEWER}@{digest}"}


def test_newer_argo_cd_is_by_tag_and_not_by_the_old_digest_where_no_registry_answers(
    init: Init, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    registry.push(IMAGE, VERSION)
    assert init(registry.host).exit == 0
    assert init(registry.host, NEWER).exit == 0
    assert rendered(bare, tmp_path) == {f"{registry.host}/{IMAGE}:{NEWER}"}


def test_mirror_that_a_person_named_stays_when_the_digest_follows(
    init: Init, bare: Bare, registry: Registry, tmp_path: Path
) -> None:
    registry.push(IMAGE, VERSION)
    assert init(registry.host).exit == 0
    text = bare.files()[KUSTOMIZATION].decode()
    name = f"- name: {registry.host}/{IMAGE}\n"
    assert name in text
    mirrored = text.replace(name, f"{name}    newName: mirror.example.com/argocd\n")
    bare.commit({KUSTOMIZATION: mirrored.encode()})
    digest = registry.push(IMAGE, NEWER, ("arm64",))
    assert init(registry.host, NEWER).exit == 0
    assert rendered(bare, tmp_path) == {f"mirror.example.com/argocd:{NEWER}@{digest}"}
    assert "# - components/gateway" in bare.files()[KUSTOMIZATION].decode()
