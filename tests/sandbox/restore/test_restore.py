"""`bootstrap restore` on a real API server: what was kept comes back as it was, and overwrites nothing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyrage

from bootstrap import kube
from tests.conftest import Run
from tests.sandbox.backup.kept import backup, filled, kept, key, restore
from tests.sandbox.living import killed_after_each_step, settle
from tests.sandbox.world import World, empty

__all__ = ["key"]


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
    assert f"next: bootstrap init {lived.url} --cluster-only" in back.out
    up = lived.init("--cluster-only")
    assert up.exit == 0, up.err
    assert kept(lived, names) == before
    left_out = ("made-again", "Namespace /")
    settle(lived)
    after = lived.objects()
    assert {name for name in all_before if not any(one in name for one in left_out)} <= after.keys()
    again = restore(lived, run, told["file"], key)
    assert (again.exit, "nothing to do" in again.out) == (0, True)


def test_the_command_that_comes_next_is_complete(lived: World, run: Run, key: Path) -> None:
    """Where the cluster follows another folder and branch than the defaults, and --context was given."""
    lived.up("--cluster", "edge", "--branch", "next", "--path", "platform")
    file = json.loads(backup(lived, run, key).out)["file"]
    empty(lived.cluster)
    back = restore(lived, run, file, key, "--context", lived.cluster.context)
    assert back.exit == 0, back.err
    line = back.out.partition("; next: ")[2].splitlines()[0]
    options = f"--branch next --cluster edge --path platform --context {lived.cluster.context}"
    assert line == f"bootstrap init {lived.url} --cluster-only {options}"
    done = lived.run(*shlex.split(line)[1:], "--username", lived.sandbox.git_username, "--no-wait", "--yes")
    assert done.exit == 0, done.err


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


def test_another_key_or_none_opens_nothing(lived: World, run: Run, key: Path, tmp_path: Path) -> None:
    filled(lived)
    file = json.loads(backup(lived, run, key).out)["file"]
    other = tmp_path / "other"
    other.touch(mode=0o600)
    other.write_text(str(pyrage.x25519.Identity.generate()))
    wrong = restore(lived, run, file, other)
    assert (wrong.exit, "the key that it was encrypted for" in wrong.err) == (2, True)
    content = Path(file).read_bytes()
    for number, damaged in enumerate((content[:150], content[:-40], content[:-3] + b"abc")):
        cut = tmp_path / f"{number}.age"
        cut.write_bytes(damaged)
        unread = restore(lived, run, str(cut), key)
        assert (unread.exit, "damaged or cut off" in unread.err) == (2, True)
    none = run("restore", file, "--yes", lived.cluster.context, env=lived.environ)
    assert (none.exit, "no key is given" in none.err) == (2, True)
    unclosed = run("backup", "--to", str(tmp_path / "b"), env=lived.environ)
    assert unclosed.exit == 2


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
