"""`bootstrap backup` and `bootstrap restore` on a real API server: what is kept comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyrage
import pytest

from bootstrap import kube
from tests.conftest import Result, Run
from tests.sandbox.kubernetes import made
from tests.sandbox.living import killed_after_each_step
from tests.sandbox.world import World, empty, stable

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


def test_what_git_does_not_have_comes_back_before_init(lived: World, run: Run, key: Path) -> None:
    filled(lived)
    done = backup(lived, run, key)
    assert done.exit == 0, done.err
    told = json.loads(done.out)
    names = told["objects"]
    assert {"Secret argocd/argocd-secret", "Secret sealed-secrets/sealing", "Secret argocd/spoke"} <= set(
        names
    )
    assert "ConfigMap argocd/argocd-ssh-known-hosts-cm" in names
    assert "Secret made-again/owned" not in names
    before, all_before = kept(lived, names), lived.objects()
    content = Path(told["file"]).read_bytes()
    assert b"s3cret-value" not in content
    assert content.startswith(b"age-encryption.org/v1")
    assert Path(told["file"]).stat().st_mode & 0o077 == 0

    empty(lived.cluster)
    looked = restore(lived, run, told["file"], key, "--dry-run")
    assert looked.exit == 1
    back = restore(lived, run, told["file"], key)
    assert back.exit == 0, back.err
    assert "s3cret-value" not in back.out + back.err
    up = lived.init("--cluster-only")
    assert up.exit == 0, up.err
    assert kept(lived, names) == before
    left_out = ("made-again", "Namespace /")
    after = lived.objects()
    assert {name for name in all_before if not any(one in name for one in left_out)} <= after.keys()
    again = restore(lived, run, told["file"], key)
    assert (again.exit, "nothing to do" in again.out) == (0, True)


def test_an_object_that_is_there_with_another_content_is_never_overwritten(
    lived: World, run: Run, key: Path
) -> None:
    filled(lived)
    file = json.loads(backup(lived, run, key).out)["file"]
    empty(lived.cluster)
    kube.ensure_secret(
        lived.cluster, "sealed-secrets", "sealing", data={"key": b"new"}, generate=(), labels={}
    )
    refused = restore(lived, run, file, key)
    assert refused.exit == 3
    assert "Secret sealed-secrets/sealing" in refused.err
    assert kube.get(lived.cluster, "v1", "Namespace", None, "argocd") is None


def test_an_empty_cluster_gives_no_backup(lived: World, run: Run, key: Path) -> None:
    refused = backup(lived, run, key)
    assert refused.exit == 3
    assert not (key.parent / "backups").exists()


def test_a_backup_with_less_than_the_last_one_is_refused_and_never_overwrites(
    lived: World, run: Run, key: Path
) -> None:
    filled(lived)
    first = json.loads(backup(lived, run, key).out)["file"]
    content = Path(first).read_bytes()
    from bootstrap.manifests.objects import ClusterObject

    kube.delete(lived.cluster, [ClusterObject("v1", "Secret", "sealed-secrets", "sealing", b"")])
    refused = backup(lived, run, key)
    assert refused.exit == 3
    assert "Secret sealed-secrets/sealing" in refused.out + refused.err
    assert backup(lived, run, key, "--shrunken").exit in (0, 3)
    assert Path(first).read_bytes() == content


def test_another_key_or_none_opens_nothing(lived: World, run: Run, key: Path, tmp_path: Path) -> None:
    filled(lived)
    file = json.loads(backup(lived, run, key).out)["file"]
    other = tmp_path / "other"
    other.touch(mode=0o600)
    other.write_text(str(pyrage.x25519.Identity.generate()))
    wrong = restore(lived, run, file, other)
    assert wrong.exit == 2
    none = run("restore", file, "--yes", lived.cluster.context, env=lived.environ)
    assert (none.exit, "no key is given" in none.err) == (2, True)
    unclosed = run("backup", "--to", str(tmp_path / "b"), env=lived.environ)
    assert unclosed.exit == 2


def test_a_passphrase_opens_what_it_closed(lived: World, run: Run, tmp_path: Path) -> None:
    filled(lived)
    env = {**lived.environ, "BOOTSTRAP_BACKUP_PASSPHRASE": "correct horse"}
    done = run("backup", "--to", str(tmp_path / "b"), "-o", "json", env=env)
    assert done.exit == 0, done.err
    there = run("restore", json.loads(done.out)["file"], env=env)
    assert (there.exit, "nothing to do" in there.out) == (0, True)


def test_another_clusters_name_restores_nothing(lived: World, run: Run, key: Path) -> None:
    filled(lived)
    file = json.loads(backup(lived, run, key).out)["file"]
    empty(lived.cluster)
    refused = restore(lived, run, file, key, "--yes", "production")
    assert refused.exit == 3
    assert kube.get(lived.cluster, "v1", "Namespace", None, "argocd") is None


def test_killed_after_every_object_it_goes_on(lived: World, run: Run, key: Path, tmp_path: Path) -> None:
    filled(lived)
    told = json.loads(backup(lived, run, key).out)
    before = kept(lived, told["objects"])
    empty(lived.cluster)
    given = ("restore", told["file"], "--identity-file", str(key), "--yes", lived.cluster.context)
    killed = killed_after_each_step(lived, "bootstrap.restore.run", tmp_path / "steps", *given)
    assert killed == ["Create"] * len(told["objects"])
    assert kept(lived, told["objects"]) == before
