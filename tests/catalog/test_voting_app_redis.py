"""The voting app's redis, for real: what vote and worker may do, what no one may, what survives a crash."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.voting_app_redis import PATIENCE, Redis, running

VOTE = '{"voter_id": "a1", "vote": "a"}'
# What StackExchange.Redis 2.2.4, in worker, says when it connects. redis-py, in vote, may say CLIENT SETINFO,
# and takes a refusal.
GREETINGS = (
    ("CLIENT", "SETNAME", "worker"),
    ("SELECT", "0"),
    ("CONFIG", "GET", "timeout"),
    ("INFO", "replication"),
    ("ECHO", "x"),
    ("PING",),
    ("GET", "__Booksleeve_TieBreak"),
)
REFUSED = (
    ("FLUSHALL",),
    ("DEL", "votes"),
    ("LRANGE", "votes", "0", "-1"),
    ("LPUSH", "votes", VOTE),
    ("RPUSH", "other", VOTE),
    ("SET", "votes", "x"),
    ("SET", "__Booksleeve_TieBreak", "x"),
    ("KEYS", "*"),
    ("CONFIG", "SET", "dir", "/data"),
    ("SAVE",),
    ("SHUTDOWN", "NOSAVE"),
    ("SLAVEOF", "203.0.113.7", "6379"),
    ("EVAL", "return 1", "0"),
    ("MODULE", "LIST"),
    ("ACL", "WHOAMI"),
    ("MONITOR",),
    ("PUBLISH", "x", "y"),
    ("CLIENT", "KILL", "TYPE", "normal"),
)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


def test_vote_pushes_and_the_worker_pops_in_the_same_order(redis: Redis) -> None:
    assert [redis.ask("RPUSH", "votes", text) for text in ("first", "second")] == ["1", "2"]
    assert [redis.ask("LPOP", "votes") for _ in range(3)] == ["first", "second", ""]


@pytest.mark.parametrize("command", GREETINGS, ids=" ".join)
def test_what_the_clients_say_when_they_connect_is_accepted(redis: Redis, command: tuple[str, ...]) -> None:
    assert "NOPERM" not in redis.ask(*command)


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_nothing_else_is(redis: Redis, command: tuple[str, ...]) -> None:
    assert "NOPERM" in redis.ask(*command)


def test_the_exporter_reads_the_length_of_the_queue(redis: Redis) -> None:
    redis.ask("RPUSH", "votes", VOTE)
    assert (redis.ask("TYPE", "votes"), redis.ask("LLEN", "votes")) == ("list", "1")
    assert redis.ask("LPOP", "votes") == VOTE
    assert "used_memory:" in redis.ask("INFO", "all")


def test_a_full_queue_refuses_new_votes_and_keeps_the_old_ones(redis: Redis) -> None:
    assert redis.ask("CONFIG", "GET", "maxmemory-policy").splitlines()[-1] == "noeviction"
    assert int(redis.ask("CONFIG", "GET", "maxmemory").splitlines()[-1]) < 256 * 1024**2


def test_without_persistence_a_crash_empties_the_queue(tmp_path: Path) -> None:
    with running(tmp_path) as before:
        before.ask("RPUSH", "votes", VOTE)
    with running(tmp_path) as after:
        assert after.ask("LLEN", "votes") == "0"


def test_with_persistence_what_reached_the_file_survives_a_crash(tmp_path: Path) -> None:
    with running(tmp_path, ("persistence",)) as before:
        before.ask("RPUSH", "votes", VOTE)
        deadline = time.monotonic() + PATIENCE
        while not any(VOTE in file.read_text() for file in tmp_path.rglob("*.incr.aof")):
            assert time.monotonic() < deadline, "the push never reached the append-only file"
            time.sleep(0.05)
    with running(tmp_path, ("persistence",)) as after:
        assert after.ask("LPOP", "votes") == VOTE
