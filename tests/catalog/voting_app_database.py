"""A PostgreSQL of this machine, started with exactly the settings and roles that the voting app's db has."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

BASE = Path(__file__).parents[2] / "apps/voting-app/base"
PASSWORDS = {
    "superuser-password": "super-secret-1",
    "monitor-password": "monitor-secret-2",
    "backup-password": "backup-secret-3",
}
PATIENCE = 120  # seconds that a start may take on a busy machine


@dataclass(frozen=True)
class Answer:
    """What psql ended with: `ok`, its rows and its error text."""

    ok: bool
    rows: str
    error: str


@dataclass(frozen=True)
class Database:
    """A running server: `folder` holds its data, socket and secrets."""

    folder: Path
    port: int
    programs: Path

    def psql(self, user: str, password: str, sql: str, *, socket: bool = False) -> Answer:
        """Run `sql` as that login, over TCP as the app does, or over the pod's own socket."""
        environ = {**_environ(), "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "30"}
        host = str(self.folder / "run") if socket else "127.0.0.1"
        command = [str(self.programs / "psql"), "-XqAt", "-h", host, "-p", str(self.port)]
        command += ["-v", "ON_ERROR_STOP=1", "-U", user, "-d", "postgres", "-c", sql]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE)
        return Answer(done.returncode == 0, done.stdout.strip(), done.stderr.strip())

    def apply_roles(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the init script as the image does, as the user that the server runs as."""
        environ = {**_environ(), "SECRETS_FOLDER": str(self.folder / "secrets"), "POSTGRES_USER": "admin"}
        environ |= {"PGHOST": str(self.folder / "run"), "PGPORT": str(self.port), **environment}
        environ["PATH"] = f"{self.programs}:{environ['PATH']}"
        return _run([str(self.folder / "postgres/roles.sh")], self.folder, environ)

    def run(
        self, command: list[str], *, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """A program that finds this server by libpq's variables, as the server's user."""
        environ = {**_environ(), "PGPORT": str(self.port), **environment}
        environ["PATH"] = f"{self.programs}:{environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            **_user(),
        )

    def set_login(self, password: str) -> None:
        """What the component `database-credentials` mounts: the app's password as a file."""
        folder = self.folder / "secrets/db-login"
        folder.mkdir(exist_ok=True)
        (folder / "password").write_text(password)
        _give_away(self.folder)


def programs() -> Path:
    """The folder of PostgreSQL's programs; skips, saying what to install, if it is missing."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        candidates.insert(0, Path(found).resolve().parent)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "psql").exists():
            return folder
    pytest.skip("PostgreSQL is not on this machine: sudo apt-get install postgresql")


@contextmanager
def running(folder: Path) -> Iterator[Database]:
    """A fresh server in `folder`, initialised as the image would, roles not yet made."""
    database = Database(folder, _free_port(), programs())
    shutil.copytree(BASE / "postgres", folder / "postgres")
    for name, password in PASSWORDS.items():
        path = folder / "secrets/db" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(password)
    (folder / "run").mkdir()
    _give_away(folder)
    _initialise(database)
    command = [str(database.programs / "postgres"), "-D", str(folder / "data"), *_arguments(folder)]
    command += ["-c", f"port={database.port}", "-c", f"unix_socket_directories={folder / 'run'}"]
    command += ["-c", f"hba_file={folder / 'postgres/pg_hba.conf'}", "-c", "listen_addresses=127.0.0.1"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=_environ(), cwd=folder, **_user())
        try:
            _wait_until_ready(database, server)
            yield database
        finally:
            server.terminate()  # a smart shutdown would wait for clients; there are none left
            server.wait(PATIENCE)


def environment() -> dict[str, str]:
    """The environment of the container, as the manifest has it."""
    container = _container()
    return {item["name"]: item["value"] for item in container["env"]}


def _container() -> Mapping[str, Any]:
    documents = YAML(typ="safe", pure=True).load_all((BASE / "db.yaml").read_text())
    workload = next(item for item in documents if item["kind"] == "Deployment")
    container: Mapping[str, Any] = workload["spec"]["template"]["spec"]["containers"][0]
    return container


def _arguments(folder: Path) -> list[str]:
    mounted = str(folder / "postgres")
    return [text.replace("/etc/postgresql", mounted) for text in _container()["args"]]


def _initialise(database: Database) -> None:
    values = environment()
    password = (
        database.folder / "secrets" / Path(values["POSTGRES_PASSWORD_FILE"]).relative_to("/run/secrets")
    )
    command = [str(database.programs / "initdb"), "-D", str(database.folder / "data"), "--no-sync"]
    command += [f"--username={values['POSTGRES_USER']}", f"--pwfile={password}"]
    command += ["--locale=C", "--encoding=UTF8", *values["POSTGRES_INITDB_ARGS"].split()]
    done = _run(command, database.folder, _environ())
    assert done.returncode == 0, done.stderr


def _wait_until_ready(database: Database, server: subprocess.Popen[bytes]) -> None:
    """The manifest's own probe, until it says yes."""
    probe = list(_container()["readinessProbe"]["exec"]["command"])
    probe = [str(database.programs / probe[0]), *probe[1:], f"--port={database.port}"]
    deadline = time.monotonic() + PATIENCE
    while subprocess.run(probe, env=_environ(), capture_output=True, timeout=PATIENCE).returncode != 0:
        log = (database.folder / "log").read_text()
        assert server.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.05)


def _run(command: list[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, **_user()
    )


def _environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; its package brings a user."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
