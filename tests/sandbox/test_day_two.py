"""Years with a cluster, in minutes: every command of the second day, one after the other, on the real parts.

Laid out with an old catalog, edited, upgraded through requests with a conflict, Argo CD moved to another
version, rotated, moved to another host, renamed, backed up, destroyed, restored, taken down.
"""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import pyrage
import pytest

from bootstrap import kube
from bootstrap.argocd import VERSION
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.layout import catalog
from bootstrap.layout.settings import parse_record
from bootstrap.sandbox import embedded
from bootstrap.sandbox.addresses import Sandbox
from tests.conftest import Result, Run
from tests.documented import undocumented
from tests.git_repositories import Bare, git
from tests.layout import old_catalogs
from tests.sandbox.conftest import TIMEOUT
from tests.sandbox.upgrade.test_upgrade import merge
from tests.sandbox.world import World

AUTHOR = ("--author", "Ada Lovelace <ada@example.org>")
DB, WORKER = "apps/voting-app/base/db.yaml", "apps/voting-app/base/worker.yaml"
LONG = "900"
"""Seconds for all to be Synced and Healthy on a busy machine."""
CHARTS = ("gateway-api", "cert-manager", "traefik")
"""On by default; their charts are on hosts that a test does not reach."""
NAMESPACE = "voting-app-dev"


@dataclass
class Life:
    """One cluster over the years. `url` is the repository that it follows."""

    private: Invocation
    run: Run
    sandbox: Sandbox
    url: str
    env: dict[str, str] = field(default_factory=dict)
    undocumented: set[str] = field(default_factory=set)

    def do(self, *arguments: str, exit: int = 0) -> Result:
        done = self.run(*arguments, env=self.env)
        assert done.exit == exit, f"{arguments}: {done.err}"
        return done

    def told(self, section: str, *arguments: str, exit: int = 0) -> Any:
        """What a command answers as JSON; what of it is not documented is kept."""
        answer = json.loads(self.do(*arguments, "-o", "json", exit=exit).out)
        more = undocumented("`bootstrap diff`", answer)  # a rendered change is what `diff` has
        self.undocumented |= {f"{section}: {one}" for one in undocumented(section, answer) & more}
        return answer

    @property
    def cluster(self) -> kube.Cluster:
        return kube.connect(self.private, self.sandbox.context, self.sandbox.kubeconfig)

    @property
    def world(self) -> World:
        """The repository on the Git host."""
        url = self.url.replace("localhost", "127.0.0.1")
        return World(self.sandbox, self.cluster, url, self.env, Path())

    def synced(self) -> str:
        """Argo CD has what the branch says now, all of it; the commit."""
        tip = git(self.world.bare(), "rev-parse", "main")
        self.do("wait", "--commit", tip, "--timeout", LONG)
        return tip

    def password(self) -> bytes:
        found = kube.get(self.cluster, "v1", "Secret", NAMESPACE, "db")
        assert found is not None
        return str(found["data"]["password"]).encode()


@pytest.fixture
def life(private: Invocation, run: Run, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A cluster, laid out with an old catalog, that runs the voting app."""
    sandbox = embedded.up("life", private, Output(private, quiet=True), with_argocd=False, timeout=TIMEOUT)
    url = f"{sandbox.git_url}/{sandbox.git_organisation}/gitops.git"
    env = {
        **private.environ,
        "KUBECONFIG": str(sandbox.kubeconfig),
        "GIT_TOKEN_FILE": str(sandbox.git_token_file),
        "GIT_USERNAME": sandbox.git_username,
    }
    found = Life(private, run, sandbox, url, env)
    with monkeypatch.context() as old:
        old.setattr(catalog, "load", lambda: old_catalogs.load("0.0.2"))
        old.setattr(catalog, "VERSION", "0.0.2")
        without = [word for name in CHARTS for word in ("--without", name)]
        answer = found.told(
            "`bootstrap init`", "init", url, "--yes", "--argocd-url", sandbox.argocd_url, *AUTHOR, *without
        )
        assert answer["status"]["ready"]
    return found


def edited(life: Life) -> None:
    """As people do: a line that the catalog will change, too, one that it will not, and a file of theirs."""
    files = life.world.files()
    mine = {
        DB: b"# Ours.\n" + files[DB].partition(b"\n")[2],
        WORKER: files[WORKER] + b"# ours, at the end\n",
        "infrastructure/ours/README.md": b"ours\n",
    }
    Bare.at(life.world.bare()).commit(mine)


def upgraded(life: Life, folder: Path) -> None:
    """Through a request; the conflict is git's."""
    world = life.world
    options = ("upgrade", "--repo", life.url, "--yes", *AUTHOR)
    asked = life.told("`bootstrap upgrade`", *options, "--pr", exit=1)
    assert [one["path"] for one in asked["conflicts"]] == [DB]
    assert asked["catalog"] == {"before": "0.0.2", "after": catalog.VERSION}
    merge(world, asked["requests"][0]["number"])
    life.synced()
    git(folder, "clone", "--quiet", str(world.bare()), "work")
    work = folder / "work"
    git(work, "merge", f"origin/{asked['conflictsBranch']}", check=False)
    assert f"UU {DB}" in git(work, "status", "--porcelain")
    (work / DB).write_bytes(b"# Ours, and theirs.\n" + catalog.load()[DB].partition(b"\n")[2])
    git(work, "commit", "--quiet", "--all", "--no-edit")
    git(world.bare(), "fetch", "--quiet", str(work), "HEAD:main")
    settled = life.told("`bootstrap upgrade`", *options, "--pr")
    assert settled["conflicts"] == []
    files = world.files()
    assert files[WORKER].endswith(b"# ours, at the end\n")
    assert files["infrastructure/ours/README.md"] == b"ours\n"
    life.synced()


def argocd_moved(life: Life, folder: Path) -> None:
    """To another patch version, which is this one under another number: the sandbox runs only this one."""
    old = life.world.files()["infrastructure/argocd/manifests/install.yaml"]
    major, minor, patch = VERSION.removeprefix("v").split(".")
    version = f"v{major}.{minor}.{int(patch) + 1}"
    manifest = folder / "newer.yaml"
    manifest.write_bytes(old.replace(f"argocd:{VERSION}".encode(), f"argocd:{version}".encode()))
    told = life.told(
        "`bootstrap upgrade`",
        *("upgrade", "--repo", life.url, "--push", "--context", life.sandbox.context, "--yes", *AUTHOR),
        *("--argocd", version, "--argocd-manifest", str(manifest), "--timeout", LONG),
    )
    assert told["commit"]
    record = parse_record(life.world.files()["bootstrap.yaml"])
    assert record.argocd_version == version
    server: Any = kube.get(life.cluster, "apps/v1", "Deployment", "argocd", "argocd-server")
    assert server["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"argocd:{version}")
    life.synced()


def rotated(life: Life) -> None:
    before = life.password()
    answer = life.told(
        "`bootstrap cluster`",
        *("cluster", "rotate", "admin-password", "secrets", "webhook", "--repo", life.url, "--yes"),
    )
    assert answer["changed"]
    assert life.password() != before
    printed = life.told("`bootstrap argocd password`", "argocd", "password")["password"]
    found: Any = kube.get(life.cluster, "v1", "Secret", "argocd", "argocd-secret")
    hashed = base64.b64decode(found["data"]["admin.password"])
    assert bcrypt.checkpw(printed.encode(), hashed)
    life.synced()


def moved(life: Life) -> None:
    """To another name of the host and another owner: for git, and for Argo CD, another host."""
    old = life.url
    new = f"{life.sandbox.git_url.replace('127.0.0.1', 'localhost')}/elsewhere/gitops.git"
    world = life.world
    if world.api("GET", "/orgs/elsewhere") is None:
        world.api("POST", "/orgs", {"username": "elsewhere"})
        world.api("POST", "/orgs/elsewhere/repos", {"name": "gitops"})
    address = new.replace("://", f"://{life.sandbox.git_username}:{world.token}@")
    git(world.bare(), "push", "--quiet", address, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
    life.do("cluster", "move", old, new, "--yes", *AUTHOR, "--timeout", LONG)
    life.url = new
    hooks = world.api("GET", f"/repos/{world.name}/hooks")
    assert hooks == []
    life.synced()


def renamed(life: Life) -> None:
    """Argo CD goes on with what runs: no workload is made anew."""

    def uids() -> dict[str, str]:
        kinds = [
            kube.list_objects(life.cluster, "apps/v1", kind, NAMESPACE)
            for kind in ("Deployment", "StatefulSet")
        ]
        return {one["metadata"]["name"]: one["metadata"]["uid"] for kind in kinds for one in kind}

    before = uids()
    assert before
    given = ("cluster", "rename", life.url, "edge", "--domain", "example.net", "--yes", *AUTHOR)
    answer = life.told("`bootstrap init`", *given, "--timeout", LONG)
    assert answer["status"]["ready"]
    life.synced()
    assert uids() == before
    assert not [path for path in life.world.files() if path.startswith("clusters/default/")]


def restored(life: Life, folder: Path) -> None:
    """The cluster is destroyed, with all that its API server knew; the Git host is not."""
    identity = folder / "identity"
    identity.touch(mode=0o600)
    made = pyrage.x25519.Identity.generate()
    identity.write_text(f"{made}\n")
    backup = life.told(
        "`bootstrap backup`",
        *("backup", "--to", str(folder / "backups"), "--recipient", str(made.to_public())),
    )
    password = life.password()
    quiet = Output(life.private, quiet=True)
    embedded.down("life", life.private, quiet, False)
    shutil.rmtree(life.sandbox.folder / "etcd")
    life.sandbox = embedded.up("life", life.private, quiet, with_argocd=False, timeout=TIMEOUT)
    assert kube.get(life.cluster, "v1", "Namespace", None, "argocd") is None
    back = life.told(
        "`bootstrap backup`",
        *("restore", backup["file"], "--identity-file", str(identity), "--yes", life.sandbox.context),
    )
    assert sorted(back["created"]) == backup["objects"]
    life.do("init", life.url, "--cluster", "edge", "--cluster-only", "--yes", "--timeout", LONG)
    assert life.password() == password
    life.synced()


def taken_down(life: Life) -> None:
    context = life.sandbox.context
    answer = life.told(
        "`bootstrap uninstall`", "uninstall", life.url, "--repository", "--prune", "--yes", context, *AUTHOR
    )
    assert answer["changed"]
    assert kube.get(life.cluster, "v1", "Namespace", None, "argocd") is None
    assert kube.list_objects(life.cluster, "apps/v1", "Deployment", NAMESPACE) == []
    assert not [path for path in life.world.files() if path.startswith("clusters/edge/")]


def test_the_second_day_of_a_cluster(life: Life, tmp_path: Path) -> None:
    edited(life)
    upgraded(life, tmp_path)
    argocd_moved(life, tmp_path)
    rotated(life)
    moved(life)
    renamed(life)
    restored(life, tmp_path)
    taken_down(life)
    assert life.undocumented == set()
