"""The voting app's db, for real: what the images' login may do, and what it is refused."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog import voting_app
from tests.catalog.voting_app_database import PASSWORDS, Database, running

# What worker/Program.cs and result/server.js of dockersamples/example-voting-app send, in their order.
WORKER_START = (
    "CREATE TABLE IF NOT EXISTS votes (id VARCHAR(255) NOT NULL UNIQUE, vote VARCHAR(255) NOT NULL)"
)
WORKER_KEEPALIVE = "SELECT 1"
WORKER_INSERT = "INSERT INTO votes (id, vote) VALUES ('{id}', '{vote}')"
WORKER_UPDATE = "UPDATE votes SET vote = '{vote}' WHERE id = '{id}'"
RESULT_QUERY = "SELECT vote, COUNT(id) AS count FROM votes GROUP BY vote"

REFUSED = {
    "drop its table": "DROP TABLE votes",
    "empty its table": "TRUNCATE votes",
    "delete votes": "DELETE FROM votes",
    "alter its table": "ALTER TABLE votes ADD COLUMN more text",
    "make a table": "CREATE TABLE mine (a int)",
    "make a temporary table": "CREATE TEMP TABLE mine (a int)",
    "make a function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "make a schema": "CREATE SCHEMA mine",
    "make a database": "CREATE DATABASE mine",
    "make a role": "CREATE ROLE mine",
    "become superuser": "ALTER ROLE postgres SUPERUSER",
    "become the superuser": "SET ROLE admin",
    "become a reader of all": "SET ROLE backup",
    "change the superuser's password": "ALTER ROLE admin PASSWORD 'known'",
    "run a program": "COPY votes FROM PROGRAM 'id'",
    "write a file": "COPY votes TO '/tmp/votes'",
    "read a file": "SELECT pg_read_file('postgresql.conf')",
    "store large objects": "SELECT lo_from_bytea(0, 'x')",
    "read passwords": "SELECT rolpassword FROM pg_authid",
    "change settings": "ALTER SYSTEM SET work_mem = '1GB'",
    "lift its limit on temporary files": "SET temp_file_limit = -1",
    "disarm the guard": "DROP EVENT TRIGGER refuse_ddl",
    "rewrite the guard": "CREATE OR REPLACE FUNCTION guard.refuse_ddl() RETURNS event_trigger"
    " LANGUAGE plpgsql AS 'BEGIN END'",
    "load a library": "LOAD '/tmp/library.so'",
    "add an extension": "CREATE EXTENSION pg_trgm",
    "use another database": "\\connect template1",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short, for the socket's path, and open to the user that the server runs as."""
    path = Path(tempfile.mkdtemp(prefix="votes-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[Database]:
    with running(folder) as server:
        done = server.apply_roles()
        assert done.returncode == 0, done.stderr
        yield server


def test_of_the_mounted_folder_the_image_runs_the_script_alone() -> None:
    """docker-entrypoint.sh runs *.sh that are executable, sources those that are not, feeds *.sql to psql."""
    items = voting_app.chosen(())
    volumes = voting_app.named(items, "Deployment", "db")["spec"]["template"]["spec"]["volumes"]
    (volume,) = [entry["configMap"] for entry in volumes if entry["name"] == "roles"]
    files = voting_app.named(items, "ConfigMap", volume["name"])["data"]
    run = (".sh", ".sql", ".gz", ".xz", ".zst")
    assert [name for name in files if name.endswith(run)] == ["roles.sh"]
    assert volume["defaultMode"] & 0o111


def test_what_worker_and_result_send_is_accepted(database: Database) -> None:
    for statement in (
        WORKER_START,
        WORKER_KEEPALIVE,
        WORKER_INSERT.format(id="alice", vote="a"),
        WORKER_INSERT.format(id="bob", vote="b"),
        WORKER_UPDATE.format(id="bob", vote="a"),
    ):
        answer = database.psql("postgres", "postgres", statement)
        assert answer.ok, answer.error
    assert database.psql("postgres", "postgres", RESULT_QUERY).rows == "a|2"


def test_a_second_vote_of_one_voter_is_refused_as_the_worker_expects(database: Database) -> None:
    first = database.psql("postgres", "postgres", WORKER_INSERT.format(id="carol", vote="a"))
    second = database.psql("postgres", "postgres", WORKER_INSERT.format(id="carol", vote="b"))
    assert first.ok, first.error
    assert "duplicate key" in second.error


@pytest.mark.parametrize("attempt", REFUSED)
def test_the_login_that_everybody_knows_cannot(database: Database, attempt: str) -> None:
    answer = database.psql("postgres", "postgres", REFUSED[attempt])
    assert not answer.ok, answer.rows
    words = ("permission denied", "must be", "refused", "not allowed", "no pg_hba.conf entry")
    assert any(word in answer.error for word in words), answer.error


def test_the_superuser_is_refused_over_the_network_and_let_in_by_the_pods_socket(database: Database) -> None:
    password = PASSWORDS["superuser-password"]
    assert "no pg_hba.conf entry" in database.psql("admin", password, "SELECT 1").error
    assert database.psql("admin", password, "SELECT 1", socket=True).ok
    assert "authentication failed" in database.psql("admin", "postgres", "SELECT 1", socket=True).error


def test_a_wrong_password_is_refused_on_every_way_in(database: Database) -> None:
    assert "authentication failed" in database.psql("postgres", "guess", "SELECT 1").error
    assert not database.psql("postgres", "postgres", "SELECT 1", socket=True).ok


def test_the_exporter_reads_statistics_and_no_votes(database: Database) -> None:
    password = PASSWORDS["monitor-password"]
    read = database.psql("monitor", password, "SELECT relname FROM pg_stat_user_tables")
    assert "votes" in read.rows, read.error
    assert database.psql("monitor", password, "SELECT pg_database_size('postgres')").ok
    assert "permission denied" in database.psql("monitor", password, "SELECT * FROM public.votes").error


def test_the_backup_reads_all_and_writes_nothing(database: Database) -> None:
    password = PASSWORDS["backup-password"]
    assert database.psql("backup", password, "SELECT count(*) FROM votes").ok
    refused = database.psql("backup", password, WORKER_INSERT.format(id="mallory", vote="a"))
    assert "permission denied" in refused.error


def test_no_password_reaches_the_log_of_a_server_that_logs_every_statement(database: Database) -> None:
    done = database.apply_roles(PGOPTIONS="-c log_statement=all -c log_min_duration_statement=0")
    assert done.returncode == 0, done.stderr
    log = (database.folder / "log").read_text()
    assert "log_statement" in log  # it did log what came before
    assert not [password for password in PASSWORDS.values() if password in log]


def test_running_the_script_again_takes_back_what_was_granted_by_hand(database: Database) -> None:
    admin = PASSWORDS["superuser-password"]
    by_hand = "GRANT DELETE ON votes TO postgres; ALTER ROLE postgres CREATEROLE"
    assert database.psql("admin", admin, by_hand, socket=True).ok
    done = database.apply_roles()
    assert done.returncode == 0, done.stderr
    assert "permission denied" in database.psql("postgres", "postgres", "DELETE FROM votes").error
    assert "permission denied" in database.psql("postgres", "postgres", "CREATE ROLE mine").error


def test_with_persistence_every_start_brings_the_rights_up_to_date(database: Database) -> None:
    """The image runs its init scripts on an empty volume alone; the pod's postStart runs this one again."""
    workload = voting_app.named(voting_app.chosen(("persistence",)), "StatefulSet", "db")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    shell, option, script = container["lifecycle"]["postStart"]["exec"]["command"]
    here = script.replace("/docker-entrypoint-initdb.d", str(database.folder / "postgres"))
    admin = PASSWORDS["superuser-password"]
    assert database.psql("admin", admin, "GRANT DELETE ON votes TO postgres", socket=True).ok
    folder = database.folder
    done = database.run(
        [shell, option, here],
        POSTGRES_USER="admin",
        PGHOST=str(folder / "run"),
        SECRETS_FOLDER=str(folder / "secrets"),
    )
    assert done.returncode == 0, done.stderr
    assert "permission denied" in database.psql("postgres", "postgres", "DELETE FROM votes").error


def test_with_a_password_in_the_secret_the_known_one_no_longer_works(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    with running(own) as server:
        server.set_login("random-of-the-cluster")
        done = server.apply_roles()
        assert done.returncode == 0, done.stderr
        assert "authentication failed" in server.psql("postgres", "postgres", "SELECT 1").error
        assert server.psql("postgres", "random-of-the-cluster", WORKER_START).ok
