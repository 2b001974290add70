"""`init --deploy-key` on a real Gitea: Argo CD reads one repository by a key that may do nothing else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.argocd.credential import DEPLOY_KEY, secret_name
from bootstrap.core.errors import ExitStatus
from bootstrap.git import ssh_keys
from tests.conftest import Result
from tests.packages import NEEDS_SSH
from tests.sandbox.world import World

pytestmark = NEEDS_SSH


@pytest.fixture
def over_ssh(world: World, tmp_path: Path) -> World:
    """The same repository by its SSH address, with a key of the user's that pushes."""
    key = tmp_path / "pushes"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    world.api("POST", "/user/keys", {"title": world.name, "key": key.with_suffix(".pub").read_text()})
    world.ssh_key = key
    return world


def init(world: World, *options: str, env: dict[str, str] | None = None) -> Result:
    """`init` over SSH; the API is where Gitea's HTTP is."""
    sandbox = world.sandbox
    url = f"{sandbox.git_ssh_url}/{world.name}.git"
    assert world.ssh_key is not None
    access = ("--ssh-key", str(world.ssh_key), "--known-hosts", str(sandbox.known_hosts))
    return world.init(*access, "--api-url", sandbox.git_url, *options, env=env, url=url)


def keys(world: World) -> list[dict[str, Any]]:
    return world.api("GET", f"/repos/{world.name}/keys") or []


def secret(world: World) -> dict[str, Any]:
    name = secret_name(f"{world.sandbox.git_ssh_url}/{world.name}.git")
    found = kube.get(world.cluster, "v1", "Secret", "argocd", name)
    assert found is not None
    return found


def private_key(world: World) -> str:
    return base64.b64decode(secret(world)["data"]["sshPrivateKey"]).decode()


def ls_remote(world: World, private: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What Argo CD does with the key, by git itself."""
    path = folder / "as-argocd"
    path.touch(mode=0o600)
    path.write_text(private)
    ssh = f"ssh -i {path} -o IdentitiesOnly=yes -o UserKnownHostsFile={world.sandbox.known_hosts} -F none"
    return _git(world, ssh, "ls-remote", f"{world.sandbox.git_ssh_url}/{world.name}.git")


def _git(world: World, ssh: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "GIT_SSH_COMMAND": ssh}
    return subprocess.run(
        ["git", *arguments], env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_argocd_gets_a_key_that_reads_and_the_next_run_keeps_it(over_ssh: World, tmp_path: Path) -> None:
    first = init(over_ssh, "--deploy-key")
    assert first.exit == 0, first.err
    (key,) = keys(over_ssh)
    private = private_key(over_ssh)
    assert key["read_only"]
    assert key["key"].split()[:2] == ssh_keys.public_of(private).split()
    assert over_ssh.ssh_key is not None
    assert private != over_ssh.ssh_key.read_text()
    assert secret(over_ssh)["metadata"]["labels"][DEPLOY_KEY] == "true"
    assert "refs/heads/main" in ls_remote(over_ssh, private, tmp_path).stdout
    # Nowhere but in the cluster.
    body = private.splitlines()[1]
    assert body not in first.out + first.err
    assert all(body.encode() not in content for content in over_ssh.files().values())

    for options in (("--deploy-key",), ()):
        again = init(over_ssh, *options)
        assert "nothing to do" in again.out, (options, again.err)
    assert private_key(over_ssh) == private
    assert len(keys(over_ssh)) == 1

    over_ssh.api("DELETE", f"/repos/{over_ssh.name}/keys/{key['id']}")
    lost = init(over_ssh, "--deploy-key", "-o", "json")
    assert [step["step"] for step in json.loads(lost.out)["steps"]] == ["EnsureDeployKey"]
    assert private_key(over_ssh) == private
    assert len(keys(over_ssh)) == 1


def test_a_key_that_is_given_is_registered(over_ssh: World, tmp_path: Path) -> None:
    path = tmp_path / "given"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(path)], check=True)
    done = init(over_ssh, "--deploy-key", "--argocd-ssh-key", str(path))
    assert done.exit == 0, done.err
    (key,) = keys(over_ssh)
    assert key["key"].split()[:2] == path.with_suffix(".pub").read_text().split()[:2]
    assert private_key(over_ssh) == path.read_text()


def test_a_key_that_may_write_is_not_taken(over_ssh: World, tmp_path: Path) -> None:
    assert init(over_ssh, "--repo-only").exit == 0
    path = tmp_path / "writes"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    body = {"title": "writes", "key": path.with_suffix(".pub").read_text(), "read_only": False}
    over_ssh.api("POST", f"/repos/{over_ssh.name}/keys", body)
    refused = init(over_ssh, "--deploy-key", "--argocd-ssh-key", str(path))
    assert refused.exit == ExitStatus.GIT
    assert "has write access" in refused.err


def test_a_dry_run_adds_no_key(over_ssh: World) -> None:
    shown = init(over_ssh, "--deploy-key", "--dry-run")
    assert shown.exit == ExitStatus.NO, shown.err
    assert "with a deploy key" in shown.out
    assert "PRIVATE KEY" not in shown.out + shown.err
    assert keys(over_ssh) == []


def test_what_cannot_work_is_reported_before_anything_is_done(over_ssh: World) -> None:
    https = over_ssh.init("--deploy-key")
    assert https.exit == ExitStatus.INPUT
    assert "SSH address" in https.err
    no_token = init(over_ssh, "--deploy-key", env={"GIT_TOKEN": ""})
    assert no_token.exit == ExitStatus.INPUT
    assert "needs a token" in no_token.err
