"""Ended at random moments, SIGTERM too, and run again, a command ends in the state of an undisturbed run."""

from __future__ import annotations

import json
from pathlib import Path

import bcrypt
import pytest

from bootstrap.plan.handlers import ARGOCD_SECRET
from bootstrap.providers import webhooks
from tests.conftest import Run
from tests.git_repositories import git
from tests.sandbox.backup.kept import backup, filled, kept, key
from tests.sandbox.cluster import test_move as move
from tests.sandbox.cluster import test_rename as rename
from tests.sandbox.cluster import test_rotate as rotate
from tests.sandbox.living import settle
from tests.sandbox.moments import GROUPS, ended, undisturbed
from tests.sandbox.upgrade import test_killed as upgrade
from tests.sandbox.upgrade.test_upgrade import HEAD, OLD, THEIRS, VALUES, edited, open_requests
from tests.sandbox.world import World, empty
from tests.upgrade.test_catalogs import wheel

__all__ = ["edited", "key"]

each = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    return tmp_path / "temporary"


@each
def test_cluster_move(lived: World, temporary: Path, group: int) -> None:
    """There undisturbed, and back."""
    lived.up("--argocd-url", "http://127.0.0.1:1")
    move.mirrored(lived)
    lived.environ.update(move.environ(lived))
    there = move.arguments(lived, "--yes")
    seconds = undisturbed(lived, there, temporary)
    assert move.state(lived) == move.expected(lived)
    old = lived.url.replace("://", f"://{lived.sandbox.git_username}:{lived.token}@")
    git(move.moved_bare(lived), "push", "--quiet", old, "main")
    back = [*there[:2], there[3], there[2], *there[4:]]
    told = ended(lived, group, back, temporary, seconds)
    expected = {
        "root": lived.url,
        "projects": [lived.url],
        "secrets": [lived.url],
        "hooks": {lived.name: ["http://127.0.0.1:1/api/webhook"], f"{lived.name}-moved": []},
    }
    assert move.state(lived) == expected, told


@each
def test_cluster_rename(lived: World, temporary: Path, group: int) -> None:
    lived.environ |= move.environ(lived)
    lived.up()
    tip = git(lived.bare(), "rev-parse", "main")
    arguments = rename.arguments(lived, "edge", "--domain", "example.net")
    seconds = undisturbed(lived, arguments, temporary)
    settle(lived)
    expected = rename.state(lived)
    git(lived.bare(), "update-ref", "refs/heads/main", tip)
    assert lived.init("--force-conflicts").exit == 0
    assert rename.root(lived) == "clusters/default"
    told = ended(lived, group, arguments, temporary, seconds)
    settle(lived)
    assert rename.state(lived) == expected, told


@each
def test_cluster_rotate(lived: World, run: Run, temporary: Path, group: int) -> None:
    """Its state is what nobody can foretell: both sides know the same secrets, and none is an old one."""
    lived.up("--argocd-url", "http://127.0.0.1:1")
    rotate.asking(lived)
    what = ("cluster", "rotate", "webhook", "admin-password", "secrets", "--repo", lived.url, "--yes")
    seconds = undisturbed(lived, what, temporary)

    def secrets() -> dict[str, str]:
        return {**rotate.values(lived, "shop", "db"), **rotate.values(lived, "argocd", ARGOCD_SECRET)}

    before, started = secrets(), rotate.restarted(lived, "web")
    told = ended(lived, group, what, temporary, seconds)
    now = secrets()
    assert now.keys() == before.keys(), told
    changed = {name for name in now if now[name] != before[name]} - {"admin.passwordMtime"}
    assert changed == {"password", "webhook.gogs.secret", "admin.password"}, told
    (hook,) = lived.webhooks()
    assert hook["config"]["url"] == webhooks.marked(rotate.HOOK, now["webhook.gogs.secret"]), told
    assert rotate.restarted(lived, "web") != started, told
    assert not rotate.restarted(lived, "other"), told
    printed = run("argocd", "password", env=lived.environ).out.strip()
    assert bcrypt.checkpw(printed.encode(), now["admin.password"].encode()), told


@each
def test_restore(lived: World, run: Run, key: Path, temporary: Path, group: int) -> None:
    filled(lived)
    saved = json.loads(backup(lived, run, key).out)
    expected = kept(lived, saved["objects"])
    arguments = ["restore", saved["file"], "--identity-file", str(key), "--yes", lived.cluster.context]
    empty(lived.cluster)
    seconds = undisturbed(lived, arguments, temporary)
    assert kept(lived, saved["objects"]) == expected
    empty(lived.cluster)
    told = ended(lived, group, arguments, temporary, seconds)
    assert kept(lived, saved["objects"]) == expected, told


@each
def test_upgrade_by_a_request(edited: World, tmp_path: Path, temporary: Path, group: int) -> None:
    to = wheel(tmp_path, {**OLD, VALUES: THEIRS})
    arguments = upgrade.given(edited, "--to", str(to), "--downgrade", "--pr")
    seconds = undisturbed(edited, arguments, temporary, exits=1)
    expected = upgrade.proposed(edited)
    for one in open_requests(edited):
        edited.api("PATCH", f"/repos/{edited.name}/pulls/{one['number']}", {"state": "closed"})
    for branch in (HEAD, f"{HEAD}-conflicts"):
        git(edited.bare(), "update-ref", "-d", f"refs/heads/{branch}")
    assert not open_requests(edited)
    told = ended(edited, group, arguments, temporary, seconds, exits=1)
    assert upgrade.proposed(edited) == expected, told
