"""Charts of chart repositories: fetched by helm, in parallel, and kept by their checksum.

A version that was fetched before is not asked for again: the next run needs no network. A range (`1.x`) is
asked for in each run; if its repository cannot be reached, what was fetched last time is used, and reported.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bootstrap.core import cache_trust, scratch
from bootstrap.core.invocation import Invocation
from bootstrap.core.text import counted
from bootstrap.programs import run
from bootstrap.repository.charts import archive
from bootstrap.repository.store import KEEP, Store

AT_ONCE = 8
"""How many charts are fetched at the same time."""
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_./-]*[A-Za-z0-9_])?")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")
_ONE_VERSION = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?")


class Wanted(NamedTuple):
    """A chart of a repository (https://…, or oci://… with or without its scheme) and a version or range."""

    repo: str
    name: str
    version: str


@dataclass(frozen=True)
class Fetched:
    """A chart: its archive's checksum, whether it looks at API versions, and its content if not on disk."""

    digest: str
    asks: bool
    content: bytes | None = None


class Fetcher:
    """Charts by what was requested; for one that cannot be fetched, a text that says why."""

    def __init__(
        self, invocation: Invocation, store: Store, budget: run.Budget, report: Callable[[str], None]
    ) -> None:
        self._invocation, self._store, self._budget, self._report = invocation, store, budget, report
        self._found: dict[Wanted, Fetched | str] = {}
        self._folder = invocation.cache_dir / "charts"

    def fetch(self, wanted: Iterable[Wanted], helm: Callable[[], str | None]) -> None:
        """Get each chart, from the cache or with helm, whose path is looked up only if it is needed."""
        fresh = [one for one in dict.fromkeys(wanted) if one not in self._found]
        missing = []
        for one in fresh:
            known = self._known(one) if is_one_version(one.version) else None
            if known is not None:
                self._found[one] = known
            else:
                missing.append(one)
        if not missing:
            return
        program = helm()
        if program is None:
            self._found |= {one: self._known(one) or NO_HELM for one in missing}
            return
        self._report(f"fetching {counted(len(missing), 'chart')}")
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(AT_ONCE, len(missing))) as pool:
            answers = list(pool.map(lambda one: self._pull(one, program), missing))
        for one, answer in zip(missing, answers, strict=True):
            self._found[one] = self._kept(one, answer)
        self._sweep()

    def get(self, wanted: Wanted) -> Fetched | str:
        """A chart that was asked for before."""
        return self._found[wanted]

    def content(self, chart: Fetched) -> bytes:
        """A chart's archive. Raises Unreadable when it is gone, or is not what was fetched."""
        try:
            content = chart.content or self._place(chart.digest).read_bytes()
            if chart.content is None:
                os.utime(self._place(chart.digest))  # the time of its last use
        except OSError as error:
            raise archive.Unreadable(f"the chart's archive is gone: {error}") from error
        if hashlib.sha256(content).hexdigest() != chart.digest:
            raise archive.Unreadable("the chart's archive in the cache is not what was fetched")
        return content

    def _place(self, digest: str) -> Path:
        return self._folder / f"{digest}.tgz"

    def _sweep(self) -> None:
        """Delete the archives that no run has used for a long time."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.*"):
                if path.stat().st_mtime < time.time() - KEEP:
                    path.unlink(missing_ok=True)

    def _known(self, one: Wanted) -> Fetched | None:
        """What was fetched last time, if its archive is still in the cache, unchanged."""
        kept = self._store.get(_key(one))
        if kept is None:
            return None
        found = Fetched(*kept)
        try:
            self.content(found)
        except archive.Unreadable:
            return None
        return found

    def _kept(self, one: Wanted, answer: bytes | str) -> Fetched | str:
        if isinstance(answer, str):
            known = self._known(one)
            if known is None:
                return answer
            self._report(
                f"chart {one.name} {one.version}: the one that was fetched last time is used: {answer}"
            )
            return known
        digest = hashlib.sha256(answer).hexdigest()
        found = Fetched(digest, archive.asks_for_apis(answer), answer)
        if not self._store.lasts:
            return found
        try:
            cache_trust.make(self._folder, self._invocation)
            fresh = self._folder / f"{digest}.{os.getpid()}.part"
            fresh.write_bytes(answer)
            fresh.replace(self._place(digest))
        except OSError:
            return found  # the next run fetches it again
        self._store.put(_key(one), [digest, found.asks])
        return Fetched(digest, found.asks)

    def _pull(self, one: Wanted, program: str) -> bytes | str:
        """The archive, or helm's message."""
        named = _arguments(one)
        if isinstance(named, str):
            return named
        with scratch.folder("chart") as folder:
            pulled = folder / "pulled"
            pulled.mkdir()
            command = (program, "pull", f"--destination={pulled}", *named[:-1], "--", named[-1])
            ended = run.run(command, folder, os.environ, (folder,), True, self._budget)
            if ended.complaint is not None:
                return " ".join(ended.complaint.removeprefix("Error: ").split())[:600]
            archives = list(pulled.glob("*.tgz"))
            if len(archives) != 1:
                return "helm fetched no chart"
            return archives[0].read_bytes()


NO_HELM = "helm is not on PATH"


def is_one_version(version: str) -> bool:
    """Whether it is one version and not a range: then what it means does not change."""
    return _ONE_VERSION.fullmatch(version) is not None


def _key(one: Wanted) -> str:
    return "chart:" + "\0".join(one)


def _arguments(one: Wanted) -> list[str] | str:
    """helm's arguments that name the chart, or why they are not passed: they come from a repository."""
    scheme, _, host = one.repo.rpartition("://")
    if not _NAME.fullmatch(one.name) or ".." in one.name.split("/"):
        return f"{one.name!r} is not a valid chart name"
    if scheme not in ("", "oci", "https", "http") or not _HOST.fullmatch(host):
        return f"{one.repo!r} is not a chart repository: it must begin with https://, http:// or oci://"
    version = [f"--version={one.version}"] if one.version not in ("", "HEAD") else []
    if scheme in ("", "oci"):
        return [*version, f"oci://{host.rstrip('/')}/{one.name}"]
    return [f"--repo={one.repo}", *version, one.name]
