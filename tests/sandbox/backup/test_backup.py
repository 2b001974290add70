"""`bootstrap backup` on a real API server: a whole backup that only its key opens, or none."""

from __future__ import annotations

import json
from pathlib import Path

from bootstrap import kube
from bootstrap.manifests.objects import ClusterObject
from tests.conftest import Run
from tests.sandbox.backup.kept import backup, filled, key
from tests.sandbox.world import World

__all__ = ["key"]


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
    kube.delete(lived.cluster, [ClusterObject("v1", "Secret", "sealed-secrets", "sealing", b"")])
    refused = backup(lived, run, key)
    assert refused.exit == 3
    assert "Secret sealed-secrets/sealing" in refused.out + refused.err
    smaller = backup(lived, run, key, "--shrunken")
    assert smaller.exit == 0, smaller.err
    assert json.loads(smaller.out)["file"] != first
    assert Path(first).read_bytes() == content


def test_a_passphrase_opens_what_it_closed(lived: World, run: Run, tmp_path: Path) -> None:
    filled(lived)
    env = {**lived.environ, "BOOTSTRAP_BACKUP_PASSPHRASE": "correct horse"}
    done = run("backup", "--to", str(tmp_path / "b"), "-o", "json", env=env)
    assert done.exit == 0, done.err
    there = run("restore", json.loads(done.out)["file"], env=env)
    assert (there.exit, "nothing to do" in there.out) == (0, True)
