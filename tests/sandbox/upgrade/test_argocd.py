"""`bootstrap upgrade --argocd` with Argo CD's own manifests: three minors, and back by `git revert`."""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bootstrap import argocd, kube
from bootstrap.core.errors import DownloadError
from bootstrap.core.invocation import Invocation
from bootstrap.init import argocd_objects
from bootstrap.kube.connection import request
from bootstrap.layout.settings import Settings, parse_record, recorded_settings
from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.manifests.reader import documents
from tests.applications import application
from tests.conftest import USER_ENVIRONMENT, cache_key, programs_cache
from tests.git_repositories import git
from tests.sandbox.kubernetes import meanwhile
from tests.sandbox.upgrade.test_upgrade import upgrade
from tests.sandbox.world import World

VERSIONS = ("v3.4.13", "v3.5.7", "v3.6.1")
CRD = "CustomResourceDefinition"
ROOT = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/root"
MANIFEST = "infrastructure/argocd/manifests/install.yaml"


@pytest.fixture(scope="module")
def manifests() -> dict[str, bytes]:
    """Version → the verified manifest, from the release or a Go module proxy; kept between runs."""
    cache = {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    invocation = Invocation(environ={**USER_ENVIRONMENT, **cache})
    try:
        return {one: argocd.manifest(invocation, one, "install").content for one in VERSIONS}
    except DownloadError as error:
        pytest.skip(f"no network: {error}")


def crds(manifest: bytes) -> list[ClusterObject]:
    return [one for one in split.split(manifest, "manifest") if one.kind == CRD]


def live(world: World, name: str) -> dict[str, Any]:
    found = kube.get(world.cluster, "apiextensions.k8s.io/v1", CRD, None, name)
    assert found is not None, name
    return found


def fields(schema: Any, at: str = "") -> set[str]:
    """The path of every field of a schema."""
    found: set[str] = set()
    for key, value in (schema.get("properties") or {}).items():
        found |= {f"{at}.{key}"} | fields(value, f"{at}.{key}")
    items = schema.get("items")
    return found | (fields(items, f"{at}[]") if isinstance(items, dict) else set())


def fields_of(crd: dict[str, Any]) -> set[str]:
    return fields(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def has_crds_of(world: World, manifest: bytes) -> bool:
    """Whether the cluster's CRDs have exactly the fields of this manifest's."""
    return all(
        fields_of(live(world, one.name)) == fields_of(documents(one.text, one.name)[0])
        for one in crds(manifest)
    )


class Syncing:
    """Argo CD's part: asked to look, it applies what the branch has, and says so.

    `early`: the versions whose manifest it saw before the cluster had their CRDs.
    """

    def __init__(self, world: World) -> None:
        self.world, self.seen, self.early = world, [""], list[str]()

    def sync(self) -> None:
        root = kube.get(self.world.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
        if "argocd.argoproj.io/refresh" not in ((root or {}).get("metadata", {}).get("annotations") or {}):
            return
        tip = git(self.world.bare(), "rev-parse", "main")
        if tip != self.seen[-1]:
            self.apply(tip)
        status = {**application("root")["status"], "sync": {"status": "Synced", "revisions": [tip]}}
        body = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": None}}, "status": status}
        request(
            self.world.cluster,
            "PATCH",
            ROOT,
            "as the controller",
            body=json.dumps(body).encode(),
            content_type="application/merge-patch+json",
        )

    def apply(self, tip: str) -> None:
        files = self.world.files(tip)
        record = parse_record(files["bootstrap.yaml"])
        if len(self.seen) > 1 and not has_crds_of(self.world, files[MANIFEST]):
            self.early.append(record.argocd_version)
        settings = recorded_settings(record, Settings(self.world.url, "main"))
        assert settings is not None
        objects = argocd_objects.render(files, settings).objects
        kube.apply(self.world.cluster, objects, force=True, namespace="argocd")
        self.seen.append(tip)

    def running(self) -> AbstractContextManager[None]:
        return meanwhile(self.sync)


def test_every_minor_is_gone_through_with_its_crds_first_and_a_revert_goes_back(
    world: World, manifests: dict[str, bytes], tmp_path: Path
) -> None:
    world.environ |= {"BOOTSTRAP_CACHE_DIR": str(programs_cache()), "BOOTSTRAP_CACHE_KEY": str(cache_key())}
    oldest = tmp_path / "oldest.yaml"
    oldest.write_bytes(manifests["v3.4.13"])
    world.up("--argocd-manifest", str(oldest))
    assert has_crds_of(world, manifests["v3.4.13"])
    assert not has_crds_of(world, manifests["v3.6.1"])
    syncing = Syncing(world)
    with syncing.running():
        done = upgrade(world, "--push", "--argocd", "v3.6.1", "--timeout", "120")
    assert done.exit == 0, done.err
    assert syncing.early == []
    assert len(syncing.seen) == 4  # what was there, and both minors
    steps = [line.partition("] ")[2] for line in done.err.splitlines() if line.startswith("upgrade: [")]
    assert [step.split()[0] for step in steps] == ["wait", *["apply", "push", "wait"] * 2]
    files = world.files()
    assert files[MANIFEST] == manifests["v3.6.1"]
    assert parse_record(files["bootstrap.yaml"]).argocd_sha256 == hashlib.sha256(files[MANIFEST]).hexdigest()
    assert has_crds_of(world, manifests["v3.6.1"])

    last = git(world.bare(), "rev-parse", "main")
    assert "git revert -m 1" in done.out
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(world.bare()), str(clone)], check=True)
    git(clone, "revert", "--no-edit", *(["-m", "1"] if merges(clone, last) else []), last)
    address = world.url.replace("://", f"://{world.sandbox.git_username}:{world.token}@")
    git(clone, "push", "-q", address, "HEAD:main")
    files = world.files()
    assert files[MANIFEST] == manifests["v3.5.7"]
    assert parse_record(files["bootstrap.yaml"]).argocd_version == "v3.5.7"
    Syncing(world).apply("main")  # what Argo CD does with that commit
    assert has_crds_of(world, manifests["v3.5.7"])
    with syncing.running():
        again = upgrade(world, "--push", "--argocd", "v3.6.1", "--timeout", "120")
    assert again.exit == 0, again.err
    assert has_crds_of(world, manifests["v3.6.1"])


def merges(clone: Path, commit: str) -> bool:
    return len(git(clone, "rev-list", "--parents", "-n", "1", commit).split()) > 2
