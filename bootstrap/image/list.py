"""What `bootstrap image list` does: every image in a repository, and who set it when."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.core.errors import ExitStatus, GitError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.edit.access import Access, open_branch, open_tree
from bootstrap.edit.files import Files
from bootstrap.edit.worktree import WorkTree
from bootstrap.git import log, shallow
from bootstrap.git.branch import Branch
from bootstrap.git.log import LogEntry
from bootstrap.git.run import Calls
from bootstrap.image import elsewhere, show
from bootstrap.image.history import Step, reader_of, steps
from bootstrap.image.places import ImagePlace
from bootstrap.image.read_history import has_history, local_calls, opened, versions
from bootstrap.image.search import Scope, Search

_FEW = 200
"""Up to this many files are named to git; for more it is faster to read the whole log."""


def list_images(
    access: Access, app: str | None, environment: str | None, with_history: bool, output: Output
) -> int:
    """Print every image; warn about files that cannot be read."""
    if access.repo is not None:
        with open_branch(access, output) as (branch, under):
            branch.refresh()
            places = _places(Scope(under, app, environment), branch, output)
            setters: dict[ImagePlace, LogEntry | None] = {}
            if with_history and places:
                setters = _setters(places, branch.history(), branch.tip, branch)
    else:
        tree, under = open_tree(access, output.invocation)
        places = _places(Scope(under, app, environment), tree, output)
        setters = {}
        if with_history and places and has_history(tree.root, output.invocation):
            with local_calls(tree.root, output.invocation) as calls:
                whole = shallow.is_whole(calls)
                setters = _setters(places, calls, "HEAD", None) if whole else _asked(places, tree, output)
    show.listed(places, setters, output)
    return ExitStatus.OK


def _places(scope: Scope, files: Files, output: Output) -> list[ImagePlace]:
    places, faults = Search(scope, files, "listing images").everything()
    known = {(place.file, place.line, place.name) for place in places}
    more = elsewhere.everything(scope, files)
    places += [place for place in more if (place.file, place.line, place.name) not in known]
    for fault in faults:
        output.detail(f"left out {fault.where or ''}: {fault.found}")
    if faults and not output.verbose:
        output.warn(f"left out {counted(len(faults), 'file')} that cannot be read; --verbose shows why")
    return places


def _asked(places: Sequence[ImagePlace], tree: WorkTree, output: Output) -> dict[ImagePlace, LogEntry | None]:
    """`_setters` for a shallow or partial clone, from its remote; without a remote, places are left out."""
    found: dict[ImagePlace, LogEntry | None] = {}
    hint = "git fetch --unshallow (in a partial clone: git fetch --refetch --no-filter), or give --repo URL"
    if len({place.file for place in places}) > _FEW:
        output.warn(f"who set the images is unknown, as this clone has only part of the history: {hint}")
        return found
    try:
        with opened(tree, output.invocation) as (store, tip):
            for place in places:
                step = next(steps(versions(store, tip, place.file), reader_of(place)), None)
                found[place] = _entry(step) if step and step.reference == place.reference else None
    except GitError as error:
        output.warn(f"who set the images is unknown: {error.found}; {hint}")
    return found


def _entry(step: Step) -> LogEntry:
    built_at = None if step.built_at is None else f"{step.built_at:.0f}"
    return LogEntry(step.commit, step.author, step.email, step.when, step.subject, built_at, ())


def _setters(
    places: Sequence[ImagePlace], calls: Calls, tip: str, branch: Branch | None
) -> dict[ImagePlace, LogEntry | None]:
    """The commit that gave each place its image; None: not committed yet.

    `calls` has the history; the files of earlier commits are fetched by `branch`, if there is one.
    """
    stored = calls if branch is None else branch.earlier()
    files = dict.fromkeys(place.file for place in places)
    versions: dict[str, list[tuple[LogEntry, str]]] = {path: [] for path in files}
    for entry in log.log(calls, tip, list(files) if len(files) <= _FEW else ()):
        for path, sha in entry.files:
            if path in versions and sha is not None:
                versions[path].append((entry, sha))
    found: dict[ImagePlace, LogEntry | None] = dict.fromkeys(places)
    open_places = list(places)
    for depth in range(max(map(len, versions.values()), default=0)):
        open_places = [place for place in open_places if depth < len(versions[place.file])]
        if branch is not None:
            branch.fetch([versions[place.file][depth][1] for place in open_places])
        still_open = []
        for place in open_places:
            entry, sha = versions[place.file][depth]
            if reader_of(place)(stored.content(sha, "blob")) == place.reference:
                found[place] = entry
                still_open.append(place)
        open_places = still_open
    return found
