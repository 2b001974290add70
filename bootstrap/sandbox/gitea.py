"""How the Git host is started: Gitea on loopback, over HTTP and SSH. For its account see gitea_account.py."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.sandbox.environment import user_name
from bootstrap.sandbox.files import private_folder, write_if_changed, write_private
from bootstrap.sandbox.process import Spec
from bootstrap.sandbox.state import HOST, Settings

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
SQLITE_TIMEOUT = 20000

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
        secret_key=kept(git / "secret_key"),
        internal_token=_internal_token(git),
    )
    write_if_changed(git / "app.ini", text)
    return git / "app.ini"


def spec(folder: Path, settings: Settings, environ: Mapping[str, str]) -> Spec:
    """Serves the API, git over HTTP and SSH, and sends webhooks; a built one serves pages without styles."""
    config = folder / "git" / "app.ini"
    return Spec("gitea", (settings.programs["gitea"], "web", f"--config={config}"), environ, (config,))


def admin(
    folder: Path, settings: Settings, environ: Mapping[str, str], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run `gitea admin`, on the running Gitea's database."""
    config = folder / "git" / "app.ini"
    argv = [settings.programs["gitea"], "admin", *arguments, f"--config={config}"]
    return subprocess.run(
        argv, env=dict(environ), cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def kept(path: Path) -> str:
    """A random secret of 256 bits, created once."""
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def _internal_token(git: Path) -> Path:
    """Gitea signs calls to itself with it; any random text of this length will do."""
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
