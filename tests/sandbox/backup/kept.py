"""A cluster with what Git does not have, a key, and `backup` and `restore` of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyrage
import pytest

from bootstrap import kube
from tests.conftest import Result, Run
from tests.sandbox.kubernetes import made
from tests.sandbox.world import World, stable

SEALING = "sealedsecrets.bitnami.com/sealed-secrets-key"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """An age identity in a private file."""
    path = tmp_path / "identity"
    path.touch(mode=0o600)
    path.write_text(f"# a key\n{pyrage.x25519.Identity.generate()}\n")
    return path


def recipient(key: Path) -> str:
    return str(pyrage.x25519.Identity.from_str(key.read_text().splitlines()[1]).to_public())


def backup(world: World, run: Run, key: Path, *options: str) -> Result:
    to = ("--to", str(key.parent / "backups"), "--recipient", recipient(key))
    while True:
        done = run("backup", *to, "-o", "json", *options, env=world.environ)
        if done.exit != 3 or "it exists already" not in done.out:  # a second one in the same second
            return done


def restore(world: World, run: Run, file: str, key: Path, *options: str) -> Result:
    name = () if {"--yes", "--dry-run"} & set(options) else ("--yes", world.cluster.context)
    return run("restore", file, "--identity-file", str(key), *options, *name, env=world.environ)


def secret(name: str, namespace: str, labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, **more}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": "s3cret-value"}}


def filled(world: World) -> None:
    """`init`, a sealing key, a cluster of Argo CD, and a Secret that its owner makes again."""
    world.up()
    for namespace in ("sealed-secrets", "made-again"):
        kube.ensure_namespace(world.cluster, namespace)
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": "made-again"}
    live = kube.get(world.cluster, "v1", "Namespace", None, "made-again")
    assert live is not None
    owner["uid"] = live["metadata"]["uid"]
    objects = [
        secret("sealing", "sealed-secrets", {SEALING: "active"}),
        secret("spoke", "argocd", {"argocd.argoproj.io/secret-type": "cluster"}),
        secret("owned", "made-again", ownerReferences=[owner]),
    ]
    kube.apply(world.cluster, [made(one) for one in objects], namespace="default")


def kept(world: World, names: list[str]) -> dict[str, Any]:
    """The objects of a backup, without what is the server's own."""
    found = {}
    for name in names:
        kind, _, place = name.partition(" ")
        item = kube.get(world.cluster, "v1", kind, *place.split("/"))
        assert item is not None, name
        plain = stable(item)
        plain["metadata"].pop("managedFields")
        plain["data"] = item.get("data")  # the values themselves, not their length
        found[name] = plain
    return found
