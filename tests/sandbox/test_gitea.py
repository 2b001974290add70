"""The Git host: a private organisation, a token with just the rights it needs, HTTP and SSH."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bootstrap.sandbox.addresses import Sandbox
from tests.packages import NEEDS_SSH


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
    token = sandbox.git_token_file.read_text().strip()
    headers = {"Authorization": f"token {token}", **options}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, f"{sandbox.git_url}/api/v1{path}", json=body, headers=headers, timeout=60
        )


@pytest.fixture
def repository(sandbox: Sandbox) -> Iterator[str]:
    name = f"repo-{secrets.token_hex(4)}"
    path = f"/orgs/{sandbox.git_organisation}/repos"
    made = ask(sandbox, "POST", path, {"name": name, "private": True, "auto_init": True})
    assert made.status_code == 201, made.text
    yield name
    assert ask(sandbox, "DELETE", f"/repos/{sandbox.git_organisation}/{name}").status_code == 204


def git(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    safe = {"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_TERMINAL_PROMPT": "0", "HOME": "/nonexistent", **env}
    return subprocess.run(["git", *arguments], env=safe, capture_output=True, text=True, check=False)


def test_token_is_the_users_and_the_organisation_is_private(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/user").json()["login"] == sandbox.git_username
    organisation = ask(sandbox, "GET", f"/orgs/{sandbox.git_organisation}").json()
    assert organisation["visibility"] == "private"


def test_token_has_no_right_to_administer_the_host(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/admin/users").status_code == 403


def test_password_in_the_folder_is_the_users(sandbox: Sandbox) -> None:
    password = (sandbox.folder / "git" / "password").read_text().strip()
    answer = requests.get(f"{sandbox.git_url}/api/v1/user", auth=(sandbox.git_username, password), timeout=60)
    assert answer.status_code == 200
    assert answer.json()["login"] == sandbox.git_username


def test_no_one_reads_or_registers_without_a_credential(sandbox: Sandbox, repository: str) -> None:
    path = f"{sandbox.git_organisation}/{repository}"
    without = git("ls-remote", f"{sandbox.git_url}/{path}.git", env={})
    assert without.returncode != 0
    api = requests.get(f"{sandbox.git_url}/api/v1/repos/{path}", timeout=60)
    assert api.status_code in (401, 403, 404)
    page = requests.get(f"{sandbox.git_url}/user/sign_up", timeout=60)
    assert "Registration is disabled" in page.text


@NEEDS_SSH
def test_git_pushes_over_ssh_to_the_host_that_known_hosts_names(
    sandbox: Sandbox, repository: str, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    (tmp_path / "key").write_bytes(private)
    (tmp_path / "key").chmod(0o600)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    title = f"key-{secrets.token_hex(4)}"
    added = ask(sandbox, "POST", "/user/keys", {"title": title, "key": public.decode()})
    assert added.status_code == 201, added.text
    try:
        strict = "-o StrictHostKeyChecking=yes -o BatchMode=yes -o IdentitiesOnly=yes"
        ssh = f"ssh -F none -i {tmp_path / 'key'} -o UserKnownHostsFile={sandbox.known_hosts} {strict}"
        url = f"{sandbox.git_ssh_url}/{sandbox.git_organisation}/{repository}.git"
        cloned = git("clone", "-q", url, str(tmp_path / "work"), env={"GIT_SSH_COMMAND": ssh})
        assert cloned.returncode == 0, cloned.stderr
        work = ("-C", str(tmp_path / "work"), "-c", "user.name=t", "-c", "user.email=t@example.invalid")
        assert git(*work, "commit", "-q", "--allow-empty", "-m", "over SSH", env={}).returncode == 0
        pushed = git(*work, "push", "-q", env={"GIT_SSH_COMMAND": ssh})
        assert pushed.returncode == 0, pushed.stderr
        unknown = ssh.replace(str(sandbox.known_hosts), "/dev/null")
        refused = git("ls-remote", url, env={"GIT_SSH_COMMAND": unknown})
        assert "Host key verification failed" in refused.stderr
    finally:
        ask(sandbox, "DELETE", f"/user/keys/{added.json()['id']}")
