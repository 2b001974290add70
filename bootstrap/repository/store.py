"""What was rendered and found before, by content: a cache that may be deleted at any time.

One SQLite file for all repositories. Without a writable folder, it is in memory. Values are written with
marshal, like Python's own byte code, in a fifth of the time of JSON; each Python version has its own file.
Each value is sealed under its key with the user's secret (cache_trust.py): a value that somebody else has
written, or that was moved from another key, counts as missing.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import marshal
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bootstrap.core import cache_trust
from bootstrap.core.invocation import Invocation

NAME = f"entries-3-{sys.implementation.cache_tag}.sqlite"
WAIT = 10.0
"""Seconds to wait for another run that is writing."""
KEEP = 14 * 86400
"""Seconds after which an unused entry is dropped."""

_AT_ONCE = 500
"""The most keys per query; SQLite's own limit is at least 999."""

_SEAL = 32
"""Bytes of a seal, which precedes the value."""

_MUCH = 32_000_000
"""The most bytes of new values that are held in memory."""

_SCHEMA = """
create table if not exists entries (key text primary key, value blob not null, used integer not null);
create index if not exists entries_used on entries (used);
"""


class Store:
    """Keys to values: None, numbers, strings, and lists, tuples and mappings of these.

    New values are written by `close`, or earlier if they get large, always in one short transaction: another
    run may want to write too. What cannot be written is computed again next time.
    """

    def __init__(self, path: Path | None, secret: bytes = b"") -> None:
        self.lasts = path is not None
        self._connection = _open(path)
        self._secret = secret
        self._now = int(time.time())
        self._used: set[str] = set()
        self._new: dict[str, bytes] = {}
        self._size = 0

    def get(self, key: str) -> Any | None:
        """The value, or None when it is missing."""
        return self.get_many((key,)).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of the keys that exist."""
        wanted, found = list(keys), {}
        for key, value in self._values(wanted):
            loaded = _loaded(value[_SEAL:])
            if loaded is not None:
                found[key] = loaded[0]
        return found

    def _values(self, keys: list[str]) -> Iterator[tuple[str, bytes]]:
        yield from ((key, self._new[key]) for key in keys if key in self._new)
        rest = [key for key in keys if key not in self._new]
        for start in range(0, len(rest), _AT_ONCE):
            some = rest[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            question = f"select key, value, used from entries where key in ({marks})"  # noqa: S608 - only marks
            try:
                rows = self._connection.execute(question, some).fetchall()
            except sqlite3.DatabaseError:
                continue  # damaged: it is only a cache
            for key, value, used in rows:
                if used < self._now - KEEP // 2:
                    self._used.add(key)
                if hmac.compare_digest(self._seal(key, value[_SEAL:]), value[:_SEAL]):
                    yield key, value

    def _seal(self, key: str, value: bytes) -> bytes:
        name = key.encode()
        whole = hashlib.blake2b(len(name).to_bytes(8, "big"), key=self._secret, digest_size=_SEAL)
        whole.update(name)
        whole.update(value)
        return whole.digest()

    def has(self, key: str) -> bool:
        return any(True for _ in self._values([key]))

    def keys(self, start: str) -> list[str]:
        """The keys with this prefix."""
        question = "select key from entries where substr(key, 1, ?) = ?"
        rows = self._connection.execute(question, (len(start), start)).fetchall()
        return sorted({*(str(row[0]) for row in rows), *(key for key in self._new if key.startswith(start))})

    def put(self, key: str, value: Any) -> None:
        written = marshal.dumps(value)
        self._new[key] = self._seal(key, written) + written
        self._size += len(self._new[key])
        if self._size > _MUCH:
            self._write()

    def _write(self) -> None:
        rows = [(key, value, self._now) for key, value in self._new.items()]
        marks = [(self._now, key) for key in self._used]
        try:
            with self._connection:
                self._connection.executemany("insert or replace into entries values (?, ?, ?)", rows)
                self._connection.executemany("update entries set used = ? where key = ?", marks)
                self._connection.execute("delete from entries where used < ?", (self._now - KEEP,))
        except sqlite3.DatabaseError:
            self._size = 0  # another run is writing, or the disk is full: try again when there is more
            return
        self._new, self._size, self._used = {}, 0, set()

    def close(self) -> None:
        """Write, and drop what has not been used for a long time."""
        if self._new or self._used:
            self._write()
        self._connection.close()


def _loaded(value: bytes) -> tuple[Any] | None:
    """The value, in a tuple; None when it is damaged. Reading it creates no garbage to collect."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return (marshal.loads(value),)  # noqa: S302 - our own file, in the user's private folder
    except (ValueError, EOFError, TypeError):
        return None
    finally:
        if collecting:
            gc.enable()


def open_store(invocation: Invocation, cached: bool = True) -> Store:
    """The user's store; in memory if it is not wanted, or if its folder is not writable or not theirs.

    That it is not theirs is reported at the end of the run (Invocation.remarks).
    """
    if not cached:
        return Store(None)
    folder = invocation.cache_dir / "index"
    try:
        cache_trust.make(folder, invocation)
        if why := cache_trust.fault(folder, invocation.cache_dir):
            mend = f"chmod -R go-w {invocation.cache_dir}, chown -R"
            invocation.remarks.append(
                f"the cache {folder} is not used: {why}; make it yours alone ({mend}), or choose another"
                " with BOOTSTRAP_CACHE_DIR"
            )
            return Store(None)
        secret = cache_trust.key(invocation)
        return Store(folder / NAME, secret) if secret else Store(None)
    except (OSError, sqlite3.Error):
        return Store(None)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        connection = sqlite3.connect(":memory:")
        connection.executescript(_SCHEMA)
        return connection
    try:
        return _on_disk(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, read-only or full: not ours to delete
            raise
        path.unlink()  # damaged: it is only a cache
        return _on_disk(path)


def _on_disk(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT)
    connection.execute("pragma page_size = 32768")  # a record has megabytes: larger pages mean fewer steps
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    connection.executescript(_SCHEMA)
    path.chmod(0o600)
    return connection
