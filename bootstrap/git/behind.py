"""How far a commit is behind its branch, from a clone's remote and history. No ref is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.git import command as git_command
from bootstrap.git.urls import same_repository

TIMEOUT = 20.0
"""Seconds for the remote to answer."""
FETCH_TIMEOUT = 60.0
"""Seconds for it to send the missing commits."""


@dataclass
class Clone:
    """A repository on this machine; answers are cached, so that many Applications cost one request."""

    root: Path
    environ: dict[str, str] = field(repr=False)
    remotes: dict[str, str]
    stale: bool = False
    """A remote did not answer: its tip is what was fetched last."""
    _tips: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int | None] = field(default_factory=dict)

    def behind(self, url: str, revision: str, commit: str) -> int | None:
        """How many commits of the branch or tag `revision` are missing from `commit`; None if unknown."""
        remote = next((name for name, own in self.remotes.items() if same_repository(own, url)), None)
        if remote is None or not commit:
            return None
        tip = self._tip(remote, revision)
        if tip is None or tip == commit:
            return None if tip is None else 0
        if (commit, tip) not in self._counts:
            answer = git_command.run(
                ("rev-list", "--count", f"{commit}..{tip}", "--"), self.root, self.environ
            )
            self._counts[commit, tip] = int(answer.text) if answer.text.isdigit() else None
        return self._counts[commit, tip]

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is in the history of `commit` (a full id), which is fetched if it is missing.

        False when no remote has it, or when that is unknown.
        """
        if not self._has(commit):
            for remote in self.remotes:
                options = ("--quiet", "--no-tags", "--no-write-fetch-head")
                command = ("fetch", *options, "--", remote, commit)
                git_command.run(command, self.root, self.environ, timeout=FETCH_TIMEOUT)
                if self._has(commit):
                    break
        related = ("merge-base", "--is-ancestor", ancestor, commit)
        return git_command.run(related, self.root, self.environ).status == 0

    def _has(self, commit: str) -> bool:
        present = ("cat-file", "-e", f"{commit}^{{commit}}")
        return git_command.run(present, self.root, self.environ).status == 0

    def ask_again(self) -> None:
        """Forget what the remotes answered, and what could not be counted."""
        self.stale = False
        self._tips.clear()
        self._counts = {pair: count for pair, count in self._counts.items() if count is not None}

    def _tip(self, remote: str, revision: str) -> str | None:
        if (remote, revision) not in self._tips:
            self._tips[remote, revision] = self._ask(remote, revision)
        return self._tips[remote, revision]

    def _ask(self, remote: str, revision: str) -> str | None:
        """The remote's own answer, else what was last fetched from it."""
        name = revision if revision == "HEAD" or revision.startswith("refs/") else f"refs/heads/{revision}"
        patterns = (
            [name] if name == revision else [name, f"refs/tags/{revision}", f"refs/tags/{revision}^{{}}"]
        )
        command = ("ls-remote", "--", remote, *patterns)
        answer = git_command.run(command, self.root, self.environ, timeout=TIMEOUT)
        if answer.status == 0:
            lines = [line.partition("\t") for line in answer.text.splitlines()]
            found = {ref: commit for commit, _, ref in lines if ref}
            return found.get(name) or found.get(patterns[-1]) or next(iter(found.values()), None)
        self.stale = True
        branch = f"refs/remotes/{remote}/{revision.removeprefix('refs/heads/')}"
        known = git_command.run(("rev-parse", "--verify", "--quiet", branch), self.root, self.environ)
        return known.text or None


def clone_at(root: Path, invocation: Invocation) -> Clone | None:
    """The clone that contains `root`; None when it is not in a repository."""
    # The clone's own credentials are used, as by `git fetch`; nobody can be asked.
    environ = {**invocation.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    environ.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    answer = git_command.run(("config", "--get-regexp", r"^remote\..*\.url$"), root, environ)
    remotes = {}
    for line in answer.text.splitlines():
        key, _, url = line.partition(" ")
        remotes[key.removeprefix("remote.").removesuffix(".url")] = url
    return Clone(root, environ, remotes) if remotes else None
