"""The history of a local repository: changed files, a revision's files, and where it was cloned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.git import auth, command, urls

if TYPE_CHECKING:
    import io
    import tarfile

MAX_BYTES = 2_000_000_000


def changed_files(root: Path, revision: str, invocation: Invocation) -> set[str]:
    """Files that differ between a revision and the work tree, including new ones; paths from `root`.

    Raises InputError when `root` is not in a repository or the revision does not exist.
    """
    environ = auth.plain_environment(invocation.environ)
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
    answer = command.ask(options, root, auth.plain_environment(invocation.environ))
    if answer.status:
        return frozenset()
    names = answer.out.decode("utf-8", "surrogateescape").split("\0")
    return frozenset(name.rstrip("/") for name in names if name)


def is_ignored(root: Path, path: Path, invocation: Invocation) -> bool:
    """Whether git ignores a path of its work tree `root`."""
    environ = auth.plain_environment(invocation.environ)
    return command.ask(("check-ignore", "--quiet", "--", str(path)), root, environ).status == 0


def has_tracked(root: Path, path: Path, invocation: Invocation) -> bool:
    """Whether git tracks a file below a path of its work tree `root`."""
    environ = auth.plain_environment(invocation.environ)
    return bool(command.ask(("ls-files", "-z", "--", str(path)), root, environ).out)


def extract(root: Path, revision: str, target: Path, invocation: Invocation) -> None:
    """Write the files of a revision that are below `root` into the folder `target`.

    All of them, whatever its attributes say about exports. Raises InputError as `changed_files` does, or
    when they have more than 2 GB.
    """
    import io
    import tarfile

    environ = auth.plain_environment(invocation.environ)
    prefix = command.run(("rev-parse", "--show-prefix"), root, environ)
    tree = f"{_checked(revision)}:{prefix.text}"
    archive = command.run(("archive", "--format=tar", tree), root, _without_filters(root, environ))
    absent: list[str] = []
    if archive.status and not prefix.status and (absent := _absent(root, revision, tree, environ)):
        _check_left_out(revision, absent)
        archive = _archived_without(absent, root, tree, environ)
    if prefix.status or archive.status:
        raise _unknown(revision, prefix.err or archive.err)
    if len(archive.out) > MAX_BYTES:
        raise InputError("reading a revision", f"{revision} has more than 2 GB", "name the folder to compare")
    with tarfile.open(fileobj=io.BytesIO(archive.out)) as tar:
        there = {*tar.getnames(), *absent}
    kept_out = [entry for entry in _entries(root, tree, environ) if entry.path not in there]
    for packed in (archive.out, _packed(kept_out, root, environ)):
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            _unpack(tar, target)


def _unpack(tar: tarfile.TarFile, target: Path) -> None:
    if hasattr(tar, "extraction_filter"):
        tar.extractall(target, members=_inside(tar), filter="data")
    else:
        tar.extractall(target, members=_inside(tar))  # noqa: S202 - members are checked


@dataclass(frozen=True)
class _Entry:
    """A file or link of a tree."""

    mode: str
    id: str
    path: str


def _entries(root: Path, tree: str, environ: Mapping[str, str]) -> list[_Entry]:
    """The files and links of a tree, without submodules."""
    listed = command.ask(("ls-tree", "-r", "-z", tree), root, environ).out.decode("utf-8", "surrogateescape")
    split = [line.partition("\t") for line in listed.split("\0") if line]
    found = [_Entry(about.split()[0], about.rpartition(" ")[2], path) for about, _, path in split]
    return [entry for entry in found if entry.mode.startswith("1") and entry.mode != "160000"]


def _packed(entries: Sequence[_Entry], root: Path, environ: Mapping[str, str]) -> bytes:
    """A tar of what `export-ignore` keeps out of git's own: Argo CD applies it all the same."""
    import io
    import tarfile

    asked = "".join(f"{entry.id}\n" for entry in entries).encode()
    answer = command.run(("cat-file", "--batch"), root, environ, asked).out if entries else b""
    packed, at = io.BytesIO(), 0
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for entry in entries:
            head, _, _ = answer[at : at + 200].partition(b"\n")
            at += len(head) + 1
            if not head.endswith(b" missing"):
                size = int(head.rpartition(b" ")[2])
                tar.addfile(*_member(entry, answer[at : at + size]))
                at += size + 1
    return packed.getvalue()


def _member(entry: _Entry, content: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    import io
    import tarfile

    member = tarfile.TarInfo(entry.path)
    if entry.mode == "120000":
        member.type, member.linkname = tarfile.SYMTYPE, content.decode("utf-8", "surrogateescape")
        return member, io.BytesIO()
    member.size = len(content)
    return member, io.BytesIO(content)


_READ = frozenset({"", ".yaml", ".yml", ".json", ".tpl", ".tmpl", ".libsonnet", ".jsonnet", ".toml", ".env"})
"""Suffixes of the files that rendering depends on."""


def _absent(root: Path, revision: str, tree: str, environ: Mapping[str, str]) -> list[str]:
    """The files of a tree whose content is not in the repository: a partial clone leaves out large ones."""
    walk = ("rev-list", "--objects", "--missing=print", "--no-walk", revision)  # fetches nothing
    missing = {line[1:] for line in command.ask(walk, root, environ).text.splitlines() if line[:1] == "?"}
    return [entry.path for entry in _entries(root, tree, environ) if entry.id in missing]


def _check_left_out(revision: str, absent: Sequence[str]) -> None:
    """InputError when files are missing that decide what is rendered."""
    needed = [path for path in absent if Path(path).suffix in _READ]
    if needed:
        more = f" and {len(needed) - 1} more" if len(needed) > 1 else ""
        found = f"this clone does not have {needed[0]}{more} of {revision}: it is a partial clone"
        raise InputError("reading a revision", found, "get the files: git fetch --refetch origin")


def _archived_without(
    absent: Sequence[str], root: Path, tree: str, environ: Mapping[str, str]
) -> command.Answer:
    """An archive of a tree without some files; the tree made for it is not stored in the repository."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bootstrap-archive-") as folder:
        objects = command.run(("rev-parse", "--git-path", "objects"), root, environ).text
        apart = {
            **_without_filters(root, environ),
            "GIT_INDEX_FILE": f"{folder}/index",
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((root / objects).resolve()),
        }
        lines = "".join(f"0 {'0' * 40}\t{path}\0" for path in absent)  # paths of the tree, wherever git runs
        given = lines.encode("utf-8", "surrogateescape")
        made = command.run(("read-tree", tree), root, apart)
        if not made.status:
            made = command.run(("update-index", "-z", "--index-info"), root, apart, given)
        if not made.status:
            made = command.run(("write-tree", "--missing-ok"), root, apart)
        return made if made.status else command.run(("archive", "--format=tar", made.text), root, apart)


def _without_filters(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a git that runs no filters from the repository's own configuration.

    Whoever made the folder may have written that, too. The user's own filters (Git LFS) stay.
    """
    question = ("config", "--null", "--show-scope", "--name-only", "--get-regexp", r"^(filter|tar)\..*\.")
    fields = command.ask(question, root, environ).out.decode("utf-8", "surrogateescape").split("\0")
    found = [name for scope, name in zip(fields[::2], fields[1::2], strict=False) if scope in _THEIRS]
    drivers = sorted({name.rpartition(".")[0] for name in found if name.startswith("filter.")})
    off = [(f"{driver}.{key}", "") for driver in drivers for key in ("clean", "smudge", "process")]
    off += [(f"{driver}.required", "false") for driver in drivers]
    off += [(name, "false") for name in found if name.startswith("tar.") and name.endswith(".command")]
    result, count = dict(environ), int(environ.get("GIT_CONFIG_COUNT", "0"))
    for number, (key, value) in enumerate(off, count):
        result |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return result | {"GIT_CONFIG_COUNT": str(count + len(off))}


_THEIRS = ("local", "worktree")


def _inside(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Plain files, folders, and links that stay inside; git itself stores no devices."""
    chosen = []
    for member in tar.getmembers():
        parts = Path(member.name).parts
        outside = member.issym() and (member.linkname.startswith("/") or ".." in Path(member.linkname).parts)
        if (
            ".." not in parts
            and ".git" not in parts
            and not outside
            and (member.isfile() or member.isdir() or member.issym())
        ):
            chosen.append(member)
    return chosen


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
    environ = auth.plain_environment(invocation.environ)
    answer = command.run(("rev-parse", "--verify", f"{_checked(revision)}^{{commit}}"), root, environ)
    if answer.status:
        raise _unknown(revision, answer.err)
    return answer.text


def merge_base(root: Path, one: str, other: str, invocation: Invocation) -> str:
    """The commit at which two revisions diverged; InputError when there is none."""
    commits = [commit_id(root, revision, invocation) for revision in (one, other)]
    answer = command.run(("merge-base", *commits), root, auth.plain_environment(invocation.environ))
    if answer.status:
        found = f"{one} and {other} have no commit in common"
        hint = f"compare them directly, {one}..{other}; in a shallow clone, first run: git fetch --unshallow"
        raise InputError("reading a revision", found, hint)
    return answer.text


def origin_url(root: Path, invocation: Invocation) -> str | None:
    """The URL of the remote `origin`, without credentials; None without it, or outside a Git repository."""
    environ = auth.plain_environment(invocation.environ)
    answer = command.run(("remote", "get-url", "origin"), root, environ)
    return None if answer.status else urls.without_userinfo(answer.text)


def default_branch(root: Path, invocation: Invocation) -> str | None:
    """The default branch of `origin` at the time of the clone; else main or master, or the only local one.

    None outside a Git repository, and if it is unknown.
    """
    environ = auth.plain_environment(invocation.environ)
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
