"""The commands that a run tells the user to run next: they carry what the run itself was given.

A cluster, a context, a repository or a token file that is on this command line is needed by the next one,
too. One record for the process, as in `core.verbose`: errors are raised far down the stack and on threads.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

PROGRAM = "bootstrap"
DEFAULT_BRANCH, DEFAULT_CLUSTER = "main", "default"
"""What commands take without --branch and --cluster."""
CARRIED = ("--name", "--context", "--cluster", "--path", "--in", "--repo")
"""Which sandbox, cluster, folder and repository; in the order of the line."""
WRITES = ("--push", "--pr")
OF_THE_HOST = (
    "--branch",
    "--username",
    "--token-file",
    "--ssh-key",
    "--known-hosts",
    "--ca-file",
    "--api-url",
    "--author",
    "--sign",
)
"""How to log in to the Git host and commit there: without effect in a command that does neither."""
_FOLDER = {"--path": "--in", "--in": "--path"}
"""The folder of the layout in the repository has two names: `app add` has a chart's --path."""
_OTHERWISE = frozenset(
    {("app", "--path"), ("image", "--path"), ("trace", "--repo"), ("status", "--repo")}
    | {("wait", "--token-file"), ("wait", "--ca-file")}
    | {("ci", option) for option in (*CARRIED, *WRITES, *OF_THE_HOST)}
)
"""Options of a command that mean something else there than in others."""

Given = Mapping[str, Sequence[str]]
"""Option → its words on the command line: none for a flag."""


@dataclass(frozen=True)
class _Run:
    command: str
    given: Given
    takes: Callable[[str], Collection[str]]


_runs: list[_Run] = []


@contextmanager
def carrying(command: str, given: Given, takes: Callable[[str], Collection[str]]) -> Iterator[None]:
    """Remember what `command` was given while the block runs.

    `takes` returns the options of a command, and REPO_URL where it has that argument.
    """
    run = _Run(command, given, takes)
    _runs.append(run)
    try:
        yield
    finally:
        _runs.remove(run)


def command(words: str, *more: str) -> str:
    """`bootstrap WORDS MORE`, with the options of this run that the command has and `more` does not give."""
    line = [PROGRAM, *words.split(), *map(_quoted, more)]
    if _runs:
        line += _carried(_runs[-1], words, more)
    return " ".join(line)


def of_cluster(folder: str) -> list[str]:
    """The options that name a cluster by its folder in the repository, as far as they are needed."""
    above, there, cluster = folder.rpartition("clusters/")
    if not there:
        return []
    named = [] if cluster == DEFAULT_CLUSTER else ["--cluster", cluster]
    return [*named, *(["--path", above.strip("/")] if above.strip("/") else [])]


def kubectl(text: str) -> str:
    """`kubectl TEXT`, on the cluster of --context where the run was given one."""
    context = _runs[-1].given.get("--context", ()) if _runs else ()
    return " ".join(("kubectl", *(f"--context={_quoted(one)}" for one in context), text))


def _carried(run: _Run, words: str, more: Sequence[str]) -> Iterator[str]:
    taken = run.takes(words)
    there = {word.partition("=")[0] for word in more}
    other = words.partition(" ")[0]
    same = {name for name in taken if (other, name) not in _OTHERWISE}
    names = {name: name if name in same else _FOLDER.get(name, name) for name in run.given}
    wanted = [*CARRIED, *WRITES]
    if "REPO_URL" in taken and "--repo" not in run.given and "REPO_URL" not in run.takes(run.command):
        wanted = [name for name in wanted if name not in _FOLDER]  # there, a folder of this machine
    if words == "uninstall" and "--cluster-gone" not in there:
        wanted.remove("--cluster")  # of its own, the cluster that answers
    chosen = [name for name in wanted if _fits(run, words, name, names, taken)]
    if "REPO_URL" in taken or {"--repo", *WRITES} & (there | {names[name] for name in chosen}):
        chosen += [name for name in OF_THE_HOST if _fits(run, words, name, names, taken)]
    for name in chosen:
        if names[name] in there:
            continue
        if not run.given[name]:
            yield names[name]
        for value in run.given[name]:
            yield f"{names[name]}{'=' if value.startswith('-') else ' '}{_quoted(value)}"


def _fits(run: _Run, words: str, name: str, names: Mapping[str, str], taken: Collection[str]) -> bool:
    """Whether the option was given, and means the same in the other command."""
    first, other = run.command.partition(" ")[0], words.partition(" ")[0]
    if name == "--name" and not first == other == "sandbox":
        return False
    return (
        name in run.given
        and names[name] in taken
        and (first, name) not in _OTHERWISE
        and (other, names[name]) not in _OTHERWISE
    )


def _quoted(word: str) -> str:
    """For a shell; a word in capitals, for which the user is to give a value, and … stay as they are."""
    return word if word == "…" else shlex.quote(word)
