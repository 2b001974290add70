"""The Git host: Gitea on loopback, with a user, a token and an organisation, credentials in 0600 files."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.errors import SandboxError
from bootstrap.invocation import Invocation
from bootstrap.sandbox.environment import user_name
from bootstrap.sandbox.files import private_folder, write_if_changed, write_private
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import GIT_USERNAME, HOST, ORGANISATION, Settings

_CONFIG = """\
; Written by `bootstrap sandbox up`; changes are lost.
APP_NAME = bootstrap sandbox
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {data}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = {root}

[server]
PROTOCOL = http
HTTP_ADDR = {host}
HTTP_PORT = {port}
DOMAIN = {host}
ROOT_URL = http://{host}:{port}/
LOCAL_ROOT_URL = http://{host}:{port}/
STATIC_ROOT_PATH = {static}
OFFLINE_MODE = true
LFS_START_SERVER = false
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_USER = git
SSH_DOMAIN = {host}
SSH_PORT = {ssh_port}
SSH_LISTEN_HOST = {host}
SSH_LISTEN_PORT = {ssh_port}
SSH_SERVER_HOST_KEYS = {host_key}

[database]
DB_TYPE = sqlite3
PATH = {data}/gitea.db
LOG_SQL = false

[security]
INSTALL_LOCK = true
SECRET_KEY = {secret_key}
INTERNAL_TOKEN_URI = file:{internal_token}
PASSWORD_HASH_ALGO = pbkdf2_v2

[oauth2]
ENABLED = false

[service]
DISABLE_REGISTRATION = true
REQUIRE_SIGNIN_VIEW = true

[repository]
ROOT = {data}/repositories
DEFAULT_BRANCH = main
DEFAULT_PRIVATE = private

[webhook]
ALLOWED_HOST_LIST = loopback
DELIVER_TIMEOUT = 10

[log]
MODE = console
LEVEL = Warn

[cron.update_checker]
ENABLED = false

[mailer]
ENABLED = false

[actions]
ENABLED = false

[packages]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db
"""


def write_config(folder: Path, settings: Settings, static: Path) -> Path:
    """`git/app.ini` and the files it names; returns it. `static`: Gitea's templates and locales."""
    git = private_folder(folder / "git")
    private_folder(git / "data")
    host_key = _host_key(git, settings.ports["gitea-ssh"])
    text = _CONFIG.format(
        user=user_name(),
        root=str(user_name() == "root").lower(),
        data=git / "data",
        host=HOST,
        port=settings.ports["gitea"],
        ssh_port=settings.ports["gitea-ssh"],
        static=static,
        host_key=host_key,
        secret_key=_kept(git / "secret_key"),
        internal_token=_internal_token(git),
    )
    write_if_changed(git / "app.ini", text)
    return git / "app.ini"


def spec(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """Serves the API, git over HTTP and SSH, and sends webhooks; its pages come without style when built."""
    config = folder / "git" / "app.ini"
    return Spec("gitea", (settings.programs["gitea"], "web", f"--config={config}"), environ, (config,))


def provision(folder: Path, settings: Settings, invocation: Invocation, environ: Mapping[str, str]) -> None:
    """The user, its password and token, and the organisation; does only what is missing.

    Gitea must be answering. SandboxError when it refuses.
    """
    git = folder / "git"
    password = _kept(git / "password")
    if not (git / "token").is_file():
        token = _new_token(folder, settings, environ)
        body = {
            "login_name": GIT_USERNAME,
            "source_id": 0,
            "password": password,
            "must_change_password": False,
        }
        call(settings, token, "PATCH", f"/admin/users/{GIT_USERNAME}", body)
        write_private(git / "token", token + "\n")
    token = (git / "token").read_text().strip()
    invocation.keep_secret(token, password)
    call(settings, token, "POST", "/orgs", {"username": ORGANISATION, "visibility": "private"}, fine=(422,))


def call(
    settings: Settings,
    token: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    fine: tuple[int, ...] = (),
) -> Any:
    """One call of Gitea's API; the parsed answer. SandboxError unless accepted or its code is `fine`."""
    import requests

    url = f"http://{HOST}:{settings.ports['gitea']}/api/v1{path}"
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(
                method, url, json=body, headers={"Authorization": f"token {token}"}, timeout=30
            )
        except requests.RequestException as error:
            raise SandboxError(
                f"calling Gitea: {method} {path}", str(error), "bootstrap sandbox logs gitea"
            ) from error
    if answer.status_code >= 400 and answer.status_code not in fine:
        raise SandboxError(
            f"calling Gitea: {method} {path}",
            f"HTTP {answer.status_code}: {answer.text[:300]}",
            "bootstrap sandbox logs gitea",
        )
    return answer.json() if answer.content else None


def _new_token(folder: Path, settings: Settings, environ: Mapping[str, str]) -> str:
    """A token by Gitea's own command line, which prints it: no credential stands in an argv."""
    create = ("user", "create", f"--username={GIT_USERNAME}", f"--email={GIT_USERNAME}@sandbox.invalid")
    made = _admin(
        folder, settings, environ, *create, "--admin", "--random-password", "--must-change-password=false"
    )
    if made.returncode and "already exists" not in made.stdout + made.stderr:
        raise _refused("creating Gitea's user", made)
    name = f"bootstrap-{int(time.time())}-{secrets.token_hex(3)}"
    ask = ("user", "generate-access-token", f"--username={GIT_USERNAME}", f"--token-name={name}")
    answer = _admin(folder, settings, environ, *ask, "--scopes=all", "--raw")
    if answer.returncode:
        raise _refused("making Gitea's token", answer)
    return answer.stdout.split()[-1]


def _admin(
    folder: Path, settings: Settings, environ: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    config = folder / "git" / "app.ini"
    argv = [settings.programs["gitea"], "admin", *arguments, f"--config={config}"]
    return subprocess.run(
        argv, env=dict(environ), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def _refused(tried: str, ended: subprocess.CompletedProcess[str]) -> SandboxError:
    said = (ended.stderr or ended.stdout).strip().splitlines()
    return SandboxError(
        tried, said[-1] if said else f"exit {ended.returncode}", "bootstrap sandbox logs gitea"
    )


def _kept(path: Path) -> str:
    """A random secret of 256 bits, made once."""
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def _internal_token(git: Path) -> Path:
    """Gitea signs calls to itself with it; any random text of its length will do."""
    path = git / "internal_token"
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(64))
    return path


def _host_key(git: Path, port: int) -> Path:
    """The SSH server's key, and the known_hosts file that clients verify it by."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_ssh_private_key,
    )

    path = git / "ssh_host_ed25519_key"
    if not path.is_file():
        made = Ed25519PrivateKey.generate()
        write_private(path, made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = load_ssh_private_key(path.read_bytes(), None).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    write_if_changed(git / "known_hosts", f"[{HOST}]:{port} {line}\n")
    return path
