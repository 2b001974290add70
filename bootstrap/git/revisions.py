"""The history of a local repository: changed files, a revision's files, and where it was cloned from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, command, urls

MAX_BYTES = 2_000_000_000


def changed_files(root: Path, revision: str, invocation: Invocation) -> set[str]:
    """Files that differ between a revision and the work tree, including new ones; paths from `root`.

    Raises InputError when `root` is not in a repository or the revision does not exist.
    """
    environ = _alone(invocation)
    options = (
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--name-only",
        "--no-renames",
        "-z",
        "--relative",
        f"{_checked(revision)}^{{commit}}",
        "--",
    )
    differs = command.run(options, root, _without_filters(root, environ))
    if differs.status:
        raise _unknown(revision, differs.err)
    new = command.run(("ls-files", "--others", "--exclude-standard", "-z"), root, environ)
    names = (differs.out + new.out).split(b"\0")
    return {name.decode("utf-8", "surrogateescape") for name in names if name}


def ignored(root: Path, invocation: Invocation) -> frozenset[str]:
    """What git ignores in a work tree: paths from its root, folders as a whole; empty if that is unknown."""
    if not (root / ".git").exists():
        return frozenset()
    options = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    answer = command.ask(options, root, _alone(invocation))
    if answer.status:
        return frozenset()
    names = answer.out.decode("utf-8", "surrogateescape").split("\0")
    return frozenset(name.rstrip("/") for name in names if name)


def is_ignored(root: Path, path: Path, invocation: Invocation) -> bool:
    """Whether git ignores a path of its work tree `root`."""
    environ = _alone(invocation)
    return command.ask(("check-ignore", "--quiet", "--", str(path)), root, environ).status == 0


def has_tracked(root: Path, path: Path, invocation: Invocation) -> bool:
    """Whether git tracks a file below a path of its work tree `root`."""
    environ = _alone(invocation)
    return bool(command.ask(("ls-files", "-z", "--", str(path)), root, environ).out)


def extract(root: Path, revision: str, target: Path, invocation: Invocation) -> None:
    """Write the files of a revision that are below `root` into the folder `target`, as `git checkout` does.

    Its attributes apply (line ends, encodings, `ident`), but not those about exports. Raises InputError as
    `changed_files` does, or when they have more than 2 GB.
    """
    environ = _alone(invocation)
    asked = command.run(("rev-parse", "--show-prefix"), root, environ)
    prefix = asked.out.decode("utf-8", "surrogateescape").rstrip("\n")
    tree = command.run(("rev-parse", "--verify", f"{_checked(revision)}:{prefix}"), root, environ)
    if asked.status or tree.status:
        raise _unknown(revision, asked.err or tree.err)
    entries = _entries(root, revision, environ, "-r", tree.text, prefix=prefix)
    if absent := _absent(root, revision, entries, environ):
        _check_left_out(revision, [entry.path.removeprefix(prefix) for entry in absent])
        entries = [entry for entry in entries if entry not in absent]
    _check_size(root, revision, entries, environ)
    if above := [f"{folder}/.gitattributes" for folder in Path(prefix or ".").parents]:
        entries += _entries(
            root, revision, environ, revision, "--", *(path.removeprefix("./") for path in above)
        )
    with tempfile.TemporaryDirectory(prefix=".checkout-", dir=target.parent) as folder:
        written = _check_out(root, entries, Path(folder), environ)
        if written.status:
            raise _unknown(revision, written.err)
        if (made := Path(folder, "files", prefix)).is_dir():
            made.rename(target)


def sizes(root: Path, revision: str, invocation: Invocation) -> list[int]:
    """Bytes of each file of a revision below `root`; empty if that is unknown."""
    environ = _alone(invocation)
    prefix = command.run(("rev-parse", "--show-prefix"), root, environ).text.rstrip("\n")
    answer = command.ask(("ls-tree", "-r", "-l", "-z", f"{_checked(revision)}:{prefix}"), root, environ)
    if answer.status:
        return []
    found = (line.partition("\t")[0].split()[-1] for line in answer.out.decode().split("\0") if line)
    return [int(one) for one in found if one.isdigit()]


def _check_out(
    root: Path, entries: Sequence[_Entry], folder: Path, environ: Mapping[str, str]
) -> command.Answer:
    """Write entries into `folder`/files. What git has to store for that is in `folder`, too."""
    for name in ("files", "objects"):
        (folder / name).mkdir()
    objects = command.run(("rev-parse", "--git-path", "objects"), root, environ).text
    apart = {
        **_without_filters(root, environ),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((root / objects).resolve()),
        "GIT_WORK_TREE": str(folder / "files"),
    }
    lines = "".join(f"{entry.mode} {entry.id}\t{entry.path}\0" for entry in entries)
    given, index = lines.encode("utf-8", "surrogateescape"), {**apart, "GIT_INDEX_FILE": f"{folder}/index"}
    made = command.run(("update-index", "-z", "--index-info"), root, index, given)
    if "Ignoring path " in made.err:  # .git/config, for one: a checkout fails there
        return replace(made, status=1)
    if not made.status:
        made = command.run(("write-tree", "--missing-ok"), root, index)
    if not made.status:
        written = {**apart, "GIT_INDEX_FILE": f"{folder}/written"}
        made = command.run(("read-tree", "--reset", "-u", made.text), root, written)
    return made


@dataclass(frozen=True)
class _Entry:
    """A file, link or submodule of a tree; `path` from the top."""

    mode: str
    id: str
    path: str


def _entries(
    root: Path, revision: str, environ: Mapping[str, str], *asked: str, prefix: str = ""
) -> list[_Entry]:
    """The files, links and submodules of a tree."""
    answer = command.ask(("ls-tree", "-z", "--full-tree", *asked), root, environ)
    if answer.status:
        raise _unknown(revision, answer.err)
    lines = answer.out.decode("utf-8", "surrogateescape").split("\0")
    split = [line.partition("\t") for line in lines if line]
    found = [_Entry(about.split()[0], about.rpartition(" ")[2], prefix + path) for about, _, path in split]
    return [entry for entry in found if entry.mode.startswith("1")]


def _check_size(root: Path, revision: str, entries: Sequence[_Entry], environ: Mapping[str, str]) -> None:
    """InputError when they have more than 2 GB: before anything is unpacked."""
    asked = "".join(f"{entry.id}\n" for entry in entries if entry.mode != "160000").encode()
    sizes = command.run(("cat-file", "--batch-check=%(objectsize)"), root, environ, asked).text.split()
    if sum(int(size) for size in sizes if size.isdigit()) > MAX_BYTES:
        raise InputError("reading a revision", f"{revision} has more than 2 GB", "name the folder to compare")


_READ = frozenset({"", ".yaml", ".yml", ".json", ".tpl", ".tmpl", ".libsonnet", ".jsonnet", ".toml", ".env"})
"""Suffixes of the files that rendering depends on."""


def _absent(root: Path, revision: str, entries: Sequence[_Entry], environ: Mapping[str, str]) -> list[_Entry]:
    """Those whose content is not in the repository: a partial clone leaves out large ones."""
    walk = ("rev-list", "--objects", "--missing=print", "--no-walk", revision)  # fetches nothing
    missing = {line[1:] for line in command.ask(walk, root, environ).text.splitlines() if line[:1] == "?"}
    return [entry for entry in entries if entry.id in missing]


def _check_left_out(revision: str, absent: Sequence[str]) -> None:
    """InputError when files are missing that decide what is rendered."""
    needed = [path for path in absent if Path(path).suffix in _READ]
    if needed:
        more = f" and {len(needed) - 1} more" if len(needed) > 1 else ""
        found = f"this clone does not have {needed[0]}{more} of {revision}: it is a partial clone"
        raise InputError("reading a revision", found, "get the files: git fetch --refetch --no-filter origin")


def _without_filters(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a git that runs no filters from the repository's own configuration.

    Whoever made the folder may have written that, too. The user's own filters (Git LFS) stay.
    """
    question = ("config", "--null", "--show-scope", "--name-only", "--get-regexp", r"^filter\..*\.")
    fields = command.ask(question, root, environ).out.decode("utf-8", "surrogateescape").split("\0")
    found = [name for scope, name in zip(fields[::2], fields[1::2], strict=False) if scope in _THEIRS]
    drivers = sorted({name.rpartition(".")[0] for name in found})
    off = [(f"{driver}.{key}", "") for driver in drivers for key in ("clean", "smudge", "process")]
    off += [(f"{driver}.required", "false") for driver in drivers]
    return auth.with_settings(environ, off, behind=True)


_THEIRS = ("local", "worktree")
_CHECKOUT = (
    ("core.symlinks", "true"),
    ("core.eol", "lf"),
    ("core.sparseCheckout", "false"),
    ("core.splitIndex", "false"),
    ("submodule.recurse", "false"),
)
"""What the repository's own configuration may not change: Argo CD's checkout does not know it."""


def _alone(invocation: Invocation) -> dict[str, str]:
    """The environment of a git that reads a repository as Argo CD does: without its settings."""
    environ = auth.plain_environment(invocation.environ) | {"GIT_ATTR_NOSYSTEM": "1"}
    return auth.with_settings(environ, _CHECKOUT, behind=True)


def _checked(revision: str) -> str:
    if revision.startswith("-") or not revision.strip() or ":" in revision:
        raise InputError(
            "reading a revision", f"{revision!r} is not a revision", "give a commit, branch or tag"
        )
    return revision


def _unknown(revision: str, error: str) -> InputError:
    tried = "reading a revision"
    if "not a git repository" in error:
        return InputError(tried, "the folder is not in a Git repository", "name a folder of a Git work tree")
    if revision == "HEAD":
        return InputError(tried, "the repository has no commit yet", "make a first commit")
    found = error.strip().splitlines()[0] if error.strip() else f"there is no {revision}"
    return InputError(tried, found, f"check that {revision} was fetched: git fetch origin")


def commit_id(root: Path, revision: str, invocation: Invocation) -> str:
    """The full id of the commit that a revision of the repository at `root` names, or InputError."""
    environ = _alone(invocation)
    answer = command.run(("rev-parse", "--verify", f"{_checked(revision)}^{{commit}}"), root, environ)
    if answer.status:
        raise _unknown(revision, answer.err)
    return answer.text


def merge_base(root: Path, one: str, other: str, invocation: Invocation) -> str:
    """The commit at which two revisions diverged; InputError when there is none."""
    commits = [commit_id(root, revision, invocation) for revision in (one, other)]
    answer = command.run(("merge-base", *commits), root, _alone(invocation))
    if answer.status:
        found = f"{one} and {other} have no commit in common"
        hint = f"compare them directly, {one}..{other}; in a shallow clone, first run: git fetch --unshallow"
        raise InputError("reading a revision", found, hint)
    return answer.text


def origin_url(root: Path, invocation: Invocation) -> str | None:
    """The URL of the remote `origin`, without credentials; None without it, or outside a Git repository."""
    environ = _alone(invocation)
    answer = command.run(("remote", "get-url", "origin"), root, environ)
    return None if answer.status else urls.without_userinfo(answer.text)


def default_branch(root: Path, invocation: Invocation) -> str | None:
    """The default branch of `origin` at the time of the clone; else main or master, or the only local one.

    None outside a Git repository, and if it is unknown.
    """
    environ = _alone(invocation)
    answer = command.run(("symbolic-ref", "--short", "refs/remotes/origin/HEAD"), root, environ)
    if not answer.status:
        return answer.text.removeprefix("origin/")
    answer = command.run(("for-each-ref", "--format=%(refname:short)", "refs/heads"), root, environ)
    names = answer.text.split() if not answer.status else []
    known = [name for name in ("main", "master") if name in names]
    if known or len(names) == 1:
        return (known or names)[0]
    answer = command.run(("symbolic-ref", "--short", "HEAD"), root, environ)
    return answer.text if not names and not answer.status else None
