"""One branch of a remote, read and written at a cost that does not grow with the repository.

The tip is fetched with its top two levels of trees and nothing else; a folder that is asked for is
fetched whole, by the id of its tree, in one more request. A commit is made from the files that change and
the ids of all others. A host without filters sends everything at once, which works but is slower.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bootstrap.core import next_run
from bootstrap.core.errors import AuthenticationFailed, GitUnreachable, InputError, StalePlan
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, urls
from bootstrap.git.auth import Credential
from bootstrap.git.branch import Branch, users_ssh
from bootstrap.git.command import Answer
from bootstrap.git.deepen import Remote, bare
from bootstrap.git.history import FIRST, Past
from bootstrap.git.objects import Entry
from bootstrap.git.run import Calls

_LEVELS = 2
_BACK = 500
_FILTERS = (f"tree:{_LEVELS}", "blob:none", None)
# Without "noop" git would announce what it has. The host would then leave out what belongs to that, though
# it was never fetched; and to find that out, it would walk the whole tree (1.1 s against 0.3 s).
_QUIETLY = ("--quiet", "--no-tags", "--no-write-fetch-head")
_FETCH = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", *_QUIETLY)
_CLONE = ("clone", "--quiet", "--bare", "--single-branch", "--no-tags", "--template=")


class ThinBranch(Branch):
    """`folder` is private, exists and is removed by its owner; `branch` None is the host's default.

    The host is not contacted before `refresh`. `timeout` is in seconds, for each git command.
    `asks_past`: the history before the tip will be needed, so some of it is fetched with the tip.
    """

    def __init__(
        self,
        url: str,
        branch: str | None,
        credential: Credential,
        invocation: Invocation,
        folder: Path,
        timeout: float = 120,
        detail: Callable[[str], None] = lambda _: None,
        asks_past: bool = False,
    ) -> None:
        urls.check_url(url)
        auth.check_credential(url, credential)
        invocation.keep_secret(credential.token)
        shown = urls.without_userinfo(url)
        plain = Calls(folder / "thin.git", auth.plain_environment(invocation.environ), shown)
        ssh = users_ssh(plain, invocation) if urls.is_ssh(url) else None
        environ = auth.environment(url, credential, invocation.environ, ssh)
        secrets = [credential.token] if credential.token else []
        super().__init__(Calls(plain.directory, environ, shown, secrets, timeout), "origin", branch or "")
        self.url = url
        self._detail = detail
        self._filter: str | None = None
        self._whole = False
        self._lists_all = False
        self._depth = FIRST if asks_past else 1
        self._past: Past | None = None
        self._for_reading: Calls | None = None
        self._history: Calls | None = None
        self._separate: Calls | None = None
        self._complete: set[str] = set()
        """Trees that are here with everything below them."""
        self._lists: set[str] = set()
        """Trees that are here."""
        self._files: set[str] = set()
        """Files that are here."""

    def refresh(self) -> str:
        """Read the branch's tip; the first time, InputError when the branch does not exist."""
        if not self.tip:
            self._clone()
        else:
            ref = f"refs/heads/{self.branch}"
            filters = (f"--filter={self._filter}",) if self._filter else ()
            options = (*_FETCH, f"--depth={self._depth}", *filters)
            answer = self.calls.run(*options, "origin", f"+{ref}:{ref}")
            if answer.status:
                raise self.calls.error(answer, f"fetching branch {self.branch}")
        if not self.tip:
            self._check_branch()
        tip = self._found_tip(f"refs/heads/{self.branch}")
        if not self._lists_all:
            self._mark_tip()
        return tip

    def history(self) -> Calls:
        """git in a separate repository with all commits of the branch and their trees."""
        if self._history is None:
            folder = self.calls.directory.parent / "history.git"
            calls = self.calls.at(folder)
            filters = () if self._whole else ("--filter=blob:none",)
            answer = calls.run(*_CLONE, *filters, "--branch", self.branch, "--", self.url, str(folder))
            if answer.status:
                raise calls.error(answer, f"fetching the history of branch {self.branch}")
            self._history = calls
        return self._history

    def earlier(self) -> Calls:
        """git in the repository that has files of earlier commits: a host that sends nothing by id has sent
        them with the history, and only there."""
        return self.history() if self._whole else self.calls

    def past(self) -> Past:
        """The history before the tip, fetched as far as it is asked for."""
        if self._past is None:
            self._depth = FIRST
            folder, store = self.calls.directory.parent / "past.git", self.calls.directory / "objects"
            reading = self.for_reading()
            source = Remote(reading, self.branch, [self._filter])
            stores = [store, reading.directory / "objects"]
            self._past = Past(bare(folder, stores, self.tip, self.calls), source)
        return self._past

    def for_reading(self) -> Calls:
        """git in a second repository, which also has the objects of this one.

        A fetch by ids assumes that everything below an object that is here is here, too. So what is fetched
        partially, only to be read, never goes into this one. Each call updates where the history here ends.
        """
        directory = self.calls.directory
        if self._for_reading is None:
            folder = directory.parent / "reading.git"
            self._for_reading = bare(folder, [directory / "objects"], self.tip, self.calls)
            shutil.copy(directory / "config", folder / "config")
        cut, here = self._for_reading.directory / "shallow", directory / "shallow"
        if here.exists():  # what is before these commits is not here, though it may be there
            known = cut.read_text().split() if cut.exists() else []
            cut.write_text("".join(f"{sha}\n" for sha in dict.fromkeys([*known, *here.read_text().split()])))
        return self._for_reading

    def separate(self) -> Calls:
        """git in a repository that has nothing of this one.

        Pushing from this one what is not based on the tip would fetch every missing tree of the tip.
        """
        if self._separate is None:
            folder = self.calls.directory.parent / "separate.git"
            self._separate = bare(folder, [], self.tip, self.calls)
            self._separate.check_run("listing the waiting changes", "config", "remote.origin.url", self.url)
        return self._separate

    def close(self) -> None:
        for opened in (self._past, self._for_reading, self._history, self._separate):
            if opened is not None:
                opened.close()
        super().close()

    def fetch(self, shas: Sequence[str]) -> None:
        missing = [sha for sha in dict.fromkeys(shas) if not self._has_file(sha)]
        if missing:
            self._fetch_by_id(missing, "--no-filter")
            self._files.update(missing)

    # -- what is fetched when -------------------------------------------------------------------

    def _list(self, sha: str) -> dict[str, Entry]:
        """A folder's entries; fetched separately if they did not come with the tip."""
        if not self._has_list(sha):
            self._fetch_by_id([sha], "--filter=tree:0")
            self._lists.add(sha)
        return self._tree(sha)

    def _fetch_commit(self, sha: str) -> None:
        filters = ("--no-filter",) if self._whole else ("--filter=tree:0",)
        self.calls.check_run("reading a branch", *_FETCH, "--depth=1", *filters, "origin", sha)

    def commits_only(self, back: bool = False) -> tuple[str, ...]:
        filters = () if self._whole else ("--filter=tree:0",)
        return (*filters, f"--depth={_BACK}") if back else filters

    def fetch_folders(self, folders: Sequence[str]) -> None:
        """Fetch these folders with everything in them, in one request."""
        found = {sha for folder in folders if (sha := self._folder(folder)) and sha not in self._complete}
        wanted = {sha: list(self._missing(sha)) if self._has_list(sha) else [sha] for sha in found}
        if self._whole or not wanted:
            return
        if missing := list(dict.fromkeys(part for parts in wanted.values() for part in parts)):
            self._fetch_by_id(missing, "--no-filter")
        for sha in wanted:
            self._mark_complete(sha)

    def _folder(self, path: str) -> str | None:
        """The id of a folder, as far as the trees that are here tell."""
        sha = self._root
        for part in path.split("/"):
            entry = self._tree(sha).get(part) if self._has_list(sha) else None
            if entry is None or not entry.is_tree:
                return None
            sha = entry.sha
        return sha

    def _fetch_all(self, sha: str) -> None:
        if self._whole or sha in self._complete:
            return
        # What is already here is not asked for: git would assume that everything below it is here, too.
        missing = list(self._missing(sha)) if self._has_list(sha) else [sha]
        if missing:
            self._fetch_by_id(missing, "--no-filter")
        self._mark_complete(sha)

    def _fetch_around(self, sha: str, depth: int) -> None:
        if depth >= _LEVELS and not self._lists_all:
            self._fetch_all(sha)

    def _fetch_file(self, folder: str, sha: str) -> None:
        if folder not in self._complete and not self._has_file(sha):
            self._fetch_by_id([sha], "--no-filter")
            self._files.add(sha)

    def _has_list(self, sha: str) -> bool:
        return self._lists_all or sha in self._lists or sha in self._complete

    def _has_file(self, sha: str) -> bool:
        return self._whole or sha in self._files

    def _missing(self, sha: str) -> Iterator[str]:
        """The outermost files and folders below a folder that are not here."""
        for entry in self._tree(sha).values():
            if entry.is_tree and self._has_list(entry.sha):
                if entry.sha not in self._complete:
                    yield from self._missing(entry.sha)
            elif entry.is_tree or (entry.is_file and not self._has_file(entry.sha)):
                yield entry.sha

    def _mark_complete(self, sha: str) -> None:
        if not self._whole and sha not in self._complete:
            self._complete.add(sha)
            for entry in self._tree(sha).values():
                if entry.is_tree:
                    self._mark_complete(entry.sha)

    def _mark_tip(self) -> None:
        """Remember what comes with every tip: the first two levels of folders, and the top-level files."""
        self._lists.add(self._root)
        for entry in self._tree(self._root).values():
            (self._lists if entry.is_tree else self._files).add(entry.sha)

    # -- fetching -------------------------------------------------------------------------------

    def _clone(self) -> None:
        branch = ("--branch", self.branch) if self.branch else ()
        for filter in _FILTERS:
            filters = (f"--filter={filter}",) if filter else ()
            options = (f"--depth={self._depth}", *filters, *branch)
            answer = self.calls.run(*_CLONE, *options, "--", self.url, str(self.calls.directory))
            if answer.status == 0:
                break
            shutil.rmtree(self.calls.directory, ignore_errors=True)
            if filter is None or not re.search(r"\bfilter\b", answer.err):
                self._raise_missing_branch(answer)
                raise self.calls.error(answer, "reading the repository")
        self._filter = filter
        self._whole = filter is None or "filtering not recognized" in answer.err
        self._lists_all = self._whole or filter != _FILTERS[0]
        if self._whole:
            self._detail(f"{self.shown} does not filter: the whole tip was fetched")
        elif self._lists_all:
            self._detail(f"{self.shown} does not filter by depth: all trees were fetched")
        if not self.branch:
            head = (self.calls.directory / "HEAD").read_text(encoding="utf-8").strip()
            self.branch = head.removeprefix("ref: refs/heads/")

    def _check_branch(self) -> None:
        """After a clone: git accepts a tag as a branch, and a missing default branch as an empty host."""
        if self.calls.object(f"refs/heads/{self.branch}") is not None:
            return
        names = self._names()
        if self.calls.run("ls-remote", "--", self.url, f"refs/tags/{self.branch}").text:
            found = f"{self.branch} is a tag of {self.shown}, not a branch"
            raise InputError("reading --branch", found, _there_are(names), self.shown)
        if names:
            found = f"the host's default branch is {self.branch}, which does not exist"
            hint = f"name one with --branch, or change the default on the host; {_there_are(names)}"
            raise InputError("choosing a branch", found, hint, self.shown)

    def _names(self) -> list[str]:
        listed = self.calls.run("ls-remote", "--heads", "--", self.url).text.splitlines()
        return [line.partition("refs/heads/")[2] for line in listed]

    def _raise_missing_branch(self, answer: Answer) -> None:
        if not re.search(r"Remote branch .* not found", answer.err):
            return
        names = self._names()
        first = next_run.command("init", self.url)
        hint = _there_are(names) if names else f"push a first commit to it: {first}"
        raise InputError("reading --branch", f"{self.shown} has no branch {self.branch}", hint, self.shown)

    def _fetch_by_id(self, ids: Sequence[str], filter: str) -> None:
        """Fetch objects by their ids; if the host refuses, fetch its whole tip, once."""
        lines = "".join(f"{sha}\n" for sha in ids).encode()
        answer = self.calls.run(*_FETCH, filter, "--stdin", "origin", stdin=lines)
        if answer.status == 0:
            return
        error = self.calls.error(answer, "fetching files")
        if isinstance(error, GitUnreachable | AuthenticationFailed):
            raise error
        self._detail(f"{self.shown} does not serve objects by id ({error.found}): fetching the whole tip")
        self.close()
        shutil.rmtree(self.calls.directory)
        options = ("--depth=1", "--branch", self.branch)
        answer = self.calls.run(*_CLONE, *options, "--", self.url, str(self.calls.directory))
        if answer.status:
            raise self.calls.error(answer, "fetching the branch")
        self._whole, self._lists_all, self._filter = True, True, None
        found = self.calls.object(f"refs/heads/{self.branch}")
        if found is None or found[0] != self.tip:
            raise StalePlan("fetching the branch", "it moved meanwhile", "run again", self.shown)


def _there_are(names: Sequence[str]) -> str:
    return f"existing branches: {', '.join(names[:8])}"
