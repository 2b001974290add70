"""Ended at any step, `backup --volumes` leaves no snapshot that neither a backup nor the next run names."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.backup import leftovers
from bootstrap.backup.volumes import API, MARK
from bootstrap.kube.removal import merge_patch
from bootstrap.manifests.objects import ClusterObject
from tests.conftest import Run
from tests.sandbox.backup.kept import backup, key, recipient
from tests.sandbox.backup.test_killed import Try
from tests.sandbox.backup.test_volumes import Driver, bound, claim, shop
from tests.sandbox.living import command
from tests.sandbox.world import World

__all__ = ["key", "shop"]

CLAIMS = ("data-db-0", "data-db-1")
CHANGES = 2 * len(["snapshot", "Retain", "its mark", "its content's mark"]) + len(["index", "backup"])
"""That one run makes."""


class Volumes(Try):
    """A backup with its claims, in a folder of its own."""

    def arguments(self) -> list[str]:
        return [*super().arguments(), "--volumes"]

    def named(self) -> list[str]:
        """The snapshots that its whole backups name."""
        names = [name for path in self.to.glob("*.age") for name in self.opens(path)]
        return sorted(name.replace("/restored-", "/") for name in names if name.startswith("VolumeSnapshot "))


@pytest.fixture
def driver(shop: World) -> Iterator[Driver]:
    """With a volume for each claim."""
    one = Driver(shop)
    with one.running():
        for name in CLAIMS:
            one.volume(claim(shop, name), name.encode())
            bound(shop, name)
        yield one


def snapshots(world: World) -> list[str]:
    found = kube.list_objects(world.cluster, API, "VolumeSnapshot")
    return sorted(f"VolumeSnapshot shop/{one['metadata']['name']}" for one in found)


def settled(world: World, driver: Driver, number: int) -> bool:
    """Whether the driver, given time, keeps the data of that many snapshots."""
    for _ in range(600):
        contents = kube.list_objects(world.cluster, API, "VolumeSnapshotContent")
        if len(driver.kept) == len(contents) == number:
            return True
        time.sleep(0.1)
    return False


def by_hand(world: World, said: str) -> None:
    """What the commands in the text ask for, as kubectl does it."""
    for name, patch in re.findall(r"kubectl patch volumesnapshotcontent (\S+) --type merge -p '(.+?)'", said):
        assert merge_patch(world.cluster, API, "VolumeSnapshotContent", None, name, json.loads(patch))
    for name in re.findall(r"kubectl delete volumesnapshot -n shop (\S+)", said):
        kube.delete(world.cluster, [ClusterObject(API, "VolumeSnapshot", "shop", name, b"")])


def in_a_second_of_its_own(
    world: World, *arguments: str, module: str = "bootstrap"
) -> subprocess.CompletedProcess[str]:
    """A run that is not refused because the last backup has the name of this second."""
    while True:
        done = command(world, *arguments, module=module)
        if done.returncode != 3 or "it exists already" not in done.stdout + done.stderr:
            return done


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda one: one.name)
def test_ended_before_every_change_the_next_run_finds_what_it_has_left(
    shop: World, driver: Driver, key: Path, tmp_path: Path, how: signal.Signals
) -> None:
    expected: list[str] = []
    by_name = 0
    for number in count():
        one = Volumes(shop, key, tmp_path / str(number))
        files = f"{one.to}/{shop.cluster.context}"  # its index and the backup, once they are whole
        options = (str(number), how.name, files, *one.arguments())
        ended = in_a_second_of_its_own(one.world, *options, module="tests.sandbox.backup.killed_files")
        if ended.returncode == 0 and number >= CHANGES:
            break
        assert ended.returncode in (-how, 128 + how), ended.stderr
        assert "Traceback" not in ended.stderr
        one.check(how, ended.returncode)
        if how == signal.SIGKILL or one.named():
            again = in_a_second_of_its_own(one.world, *one.arguments())
            assert again.returncode == 0, again.stderr
            if "left without its backup" in again.stderr:
                by_name += 1
                by_hand(shop, again.stderr)
        expected = sorted(expected + one.named())
        assert snapshots(shop) == expected, (number, ended.stderr)
        assert settled(shop, driver, len(expected)), number
        assert leftovers.find(shop.cluster) == [], number
    # Between the index and the backup, nobody knows whether the backup was moved.
    assert by_name == (how == signal.SIGKILL)


def test_what_another_hosts_run_has_left_is_named_and_not_touched(
    shop: World, driver: Driver, run: Run, key: Path
) -> None:
    assert backup(shop, run, key, "--volumes").exit == 0
    (first, *_) = snapshots(shop)
    name = first.partition("/")[2]
    marked = {"metadata": {"annotations": {MARK: "elsewhere:1:/backups/one.age"}}}
    assert merge_patch(shop.cluster, API, "VolumeSnapshot", "shop", name, marked)
    given = ("--to", str(key.parent / "backups"), "--recipient", recipient(key), "--volumes", "--dry-run")
    looked = run("backup", *given, env=shop.environ)
    assert f"left by a backup that has not ended: {first}" in looked.out
    done = backup(shop, run, key, "--volumes")
    assert done.exit == 0, done.err
    assert f"{first}; where elsewhere:1:/backups/one.age is not there, delete it: kubectl patch" in done.err
    assert first in snapshots(shop)
    by_hand(shop, done.err)
    assert first not in snapshots(shop)
    assert settled(shop, driver, 3)
    assert leftovers.find(shop.cluster) == []


def test_a_content_that_outlives_its_snapshot_is_removed_with_its_data(
    shop: World, driver: Driver, run: Run, key: Path
) -> None:
    """As its namespace's deletion leaves it: only the content still has the mark."""
    assert backup(shop, run, key, "--volumes").exit == 0
    (content, _) = kube.list_objects(shop.cluster, API, "VolumeSnapshotContent")
    mark = f"{socket.gethostname()}:1:{(key.parent / 'backups').resolve()}/interrupted.age"
    marked = {"metadata": {"annotations": {MARK: mark}}}
    assert merge_patch(shop.cluster, API, "VolumeSnapshotContent", None, content["metadata"]["name"], marked)
    snapshot = content["spec"]["volumeSnapshotRef"]["name"]
    kube.delete(shop.cluster, [ClusterObject(API, "VolumeSnapshot", "shop", snapshot, b"")])
    done = backup(shop, run, key, "--volumes")
    assert done.exit == 0, done.err
    assert (
        f"removed what an interrupted backup had left: VolumeSnapshotContent {content['metadata']['name']}"
        in (done.err)
    )
    assert settled(shop, driver, 3)
