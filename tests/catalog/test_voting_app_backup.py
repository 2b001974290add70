"""The voting app's backup, for real: a dump is made, checked, kept for its time, and gives the votes back."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.catalog.voting_app import APP, ROOT
from tests.catalog.voting_app_database import PASSWORDS, Database, running

DAY = 86400


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="votes-"))
    try:
        with running(folder) as started:
            done = started.apply_roles()
            assert done.returncode == 0, done.stderr
            yield started
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database(server: Database) -> Database:
    """The server with two votes and no others."""
    votes = "TRUNCATE votes; INSERT INTO votes VALUES ('a', 'x'), ('b', 'y')"
    done = server.psql("admin", PASSWORDS["superuser-password"], votes, socket=True)
    assert done.ok, done.error
    return server


@pytest.fixture
def backups(database: Database) -> Path:
    """An empty folder of the server's user, where the volume would be mounted."""
    folder = database.folder / "data/backups"
    shutil.rmtree(folder, ignore_errors=True)
    assert database.run(["mkdir", str(folder)]).returncode == 0
    return folder


def back_up(
    database: Database, folder: Path, login: str = "backup", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    script = database.folder / "postgres/backup.sh"
    shutil.copy(APP / "components/backup/backup.sh", script)
    return database.run(
        [str(script)],
        PGHOST="127.0.0.1",
        BACKUP_FOLDER=str(folder),
        PASSWORD_FILE=str(database.folder / f"secrets/db/{login}-password"),
        **environment,
    )


@contextmanager
def late(port: int, refused: int) -> Iterator[tuple[int, list[str]]]:
    """A way to the server that drops the first connections, as a policy does before it knows a pod."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def carry(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def forward(client: socket.socket) -> None:
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=carry, args=(server, client))
                back.start()
                carry(client, server)
                back.join()

        def serve() -> None:
            forwards = []
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    seen.append("connection")
                    if len(seen) <= refused:
                        client.close()
                        continue
                    forwards.append(threading.Thread(target=forward, args=(client,)))
                    forwards[-1].start()
            for one in forwards:
                one.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], seen
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_backup_waits_for_a_database_that_is_not_reached_at_once(database: Database, backups: Path) -> None:
    with late(database.port, refused=2) as (port, seen):
        done = back_up(database, backups, PGPORT=str(port))
    assert done.returncode == 0, done.stderr
    assert len(seen) > 3  # two that were dropped, the one that was answered, and the dump's own
    assert [path.suffix for path in backups.iterdir()] == [".dump"]


def test_a_backup_without_a_database_ends_with_the_reason(database: Database, backups: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = back_up(database, backups, PGPORT=str(closed.getsockname()[1]), WAIT_SECONDS="1")
    assert done.returncode == 1
    assert b"the database at 127.0.0.1 has not answered for 1 s" in done.stderr
    assert list(backups.iterdir()) == []


def test_a_dump_gives_the_votes_back_as_the_documentation_says(database: Database, backups: Path) -> None:
    done = back_up(database, backups)
    assert done.returncode == 0, done.stderr
    (dump,) = backups.iterdir()
    assert database.psql("postgres", "postgres", "UPDATE votes SET vote = 'lost'").ok
    assert database.psql("postgres", "postgres", "INSERT INTO votes VALUES ('c', 'later')").ok
    restored = restore(database, dump.read_bytes())
    assert restored.returncode == 0, restored.stderr
    assert database.psql("postgres", "postgres", "SELECT * FROM votes ORDER BY id").rows == "a|x\nb|y"


def test_a_dump_that_is_not_whole_changes_nothing(database: Database, backups: Path) -> None:
    assert back_up(database, backups).returncode == 0
    (dump,) = backups.iterdir()
    half = dump.read_bytes()[: dump.stat().st_size // 2]
    assert restore(database, half).returncode != 0
    assert database.psql("postgres", "postgres", "SELECT count(*) FROM votes").rows == "2"


def test_old_dumps_go_and_the_last_one_never_does(database: Database, backups: Path) -> None:
    ages = {"votes-20260101T000000Z.dump": 20, "votes-20260110T000000Z.dump": 5, "other.txt": 50}
    for name, days in ages.items():
        (backups / name).touch()
        os.utime(backups / name, (time.time() - days * DAY,) * 2)
    assert back_up(database, backups).returncode == 0
    left = {path.name for path in backups.iterdir()}
    assert {"votes-20260110T000000Z.dump", "other.txt"} < left
    assert "votes-20260101T000000Z.dump" not in left
    assert len(left) == 3


def test_a_dump_that_fails_leaves_nothing_that_looks_like_one(database: Database, backups: Path) -> None:
    done = back_up(database, backups, login="monitor")
    assert done.returncode != 0
    assert b"authentication failed" in done.stderr
    assert not [path for path in backups.iterdir() if path.suffix == ".dump"]
    assert back_up(database, backups).returncode == 0
    assert [path.suffix for path in backups.iterdir()] == [".dump"]


def test_no_password_is_in_what_it_prints(database: Database, backups: Path) -> None:
    done = back_up(database, backups)
    assert not [value for value in PASSWORDS.values() if value.encode() in done.stdout + done.stderr]


def restore(database: Database, dump: bytes) -> subprocess.CompletedProcess[bytes]:
    """What the documentation says, with this server's places for the pod's."""
    command = documented_restore().replace("/run/secrets", str(database.folder / "secrets"))
    return database.run(
        ["sh", "-ec", command],
        stdin=dump,
        PGHOST=str(database.folder / "run"),
        PGDATA=str(database.folder / "data"),
    )


def documented_restore() -> str:
    """The command that apps/voting-app/runbook.md hands to the pod's shell."""
    text = (ROOT / "apps/voting-app/runbook.md").read_text()
    match = re.search(r"sh -ec '\n(.+?)'\s*<", text, re.S)
    assert match, "apps/voting-app/runbook.md shows no restore command"
    return match[1]
