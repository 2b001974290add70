"""Files of a folder on this machine: read without following links out of it, written atomically."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core import folder_lock, verbose
from bootstrap.core.errors import InputError, RefusedError
from bootstrap.git.auth import Credential
from bootstrap.git.changes import FileChange
from bootstrap.git.sparse import Outside

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".terraform", ".venv"})


LINK = "a symbolic link"
SUBMODULE = "a separate repository (a submodule)"
LARGEST = 64 << 20
"""Bytes; a larger file is not read: no one edits it by hand, and it would not fit into memory."""
DRAFTS = "bootstrap-drafts"
"""In Git's folder: new content before it is in place, so that nothing of a killed run is committed."""


class WorkTree:
    """The files below `root`, by their paths relative to it. Symbolic links are not followed."""

    def __init__(
        self, root: Path, credential: Credential | None = None, outside: Outside | None = None
    ) -> None:
        self.root = root
        self.outside = outside
        """What a sparse checkout leaves out: read from git, never written."""
        self.credential = credential
        """The credential for fetching the history that a shallow or partial clone lacks."""
        self.links: list[str] = []
        """Links to YAML files that were found and left out."""
        self.left_out: dict[str, str] = {}
        """Paths that were found and not followed, with what they are."""

    def read(self, path: str) -> bytes | None:
        """The content of a plain file; None when there is none (or it is a link)."""
        full = self.root / path
        try:
            found = full.lstat()
            if self._through_link(path) or not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > LARGEST:
                self.left_out[path] = f"larger than {LARGEST >> 20} MB"
                return None
            content = full.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return self.outside.read(path) if self.outside is not None else None
        except OSError as error:
            raise _unreadable(path, error) from error
        verbose.say(f"read {path}: {len(content):,} bytes")
        return content

    def under(self, folder: str) -> Iterator[str]:
        """Every plain file in a folder and its subfolders, in order; for the path of a file, that file."""
        if self.outside is not None and (left_out := self.outside.under(folder)):
            yield from sorted({*self._on_disk(folder), *left_out})
            return
        yield from self._on_disk(folder)

    def _on_disk(self, folder: str) -> Iterator[str]:
        full = self.root / folder if folder else self.root
        if full.is_file() and not full.is_symlink():
            yield folder
        elif folder and (other := self._another(folder)) is not None:
            self.left_out[other[0]] = other[1]
        elif full.is_dir():
            yield from self._walk(str(full), f"{folder}/" if folder else "")

    def write(self, changes: Sequence[FileChange]) -> None:
        """Write every file, each completely or not at all; existing files keep their mode and owner.

        Missing folders are created; folders that deletions leave empty are removed, too. Raises
        RefusedError when a file is no longer what `before` says, or cannot be written.
        """
        ready: list[tuple[Path, Path]] = []
        try:
            for change in changes:
                if self.outside is not None and change.path in self.outside.paths:
                    folder = change.path.rpartition("/")[0]
                    hint = f"git sparse-checkout add {folder}, or commit without a file on disk: --push"
                    found = "it is outside the sparse checkout"
                    raise RefusedError(f"writing {change.path}", found, hint, change.path)
                if self.read(change.path) != change.before or self._is_taken(change):
                    found, hint = "it was changed meanwhile", "run again"
                    raise RefusedError(f"writing {change.path}", found, hint, change.path)
            for change in changes:
                if change.content is not None:
                    ready.append((self._temporary(change), self.root / change.path))
            while ready:
                new, target = ready[0]
                self._put(new, target)
                verbose.say(f"wrote {target.relative_to(self.root)}")
                ready.pop(0)
            for change in changes:
                if change.content is None and change.before is not None:
                    self._remove(change.path)
        except OSError as error:
            hint = "check the permissions (ls -l) and the free disk space (df -h)"
            raise RefusedError("writing the files", str(error), hint, str(self.root)) from error
        finally:
            for new, _ in ready:
                with contextlib.suppress(OSError):
                    new.unlink()

    @contextmanager
    def locked(self, report: Callable[[str], None] = verbose.say) -> Iterator[None]:
        """One at a time on this machine: what is read inside has not changed when it is written.

        A wait of more than a second is reported. Raises RefusedError when another process has held it for
        folder_lock.PATIENCE seconds.
        """
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with contextlib.suppress(OSError):  # a file system without locks: `write` still compares
                folder_lock.wait(handle, self.root, f"changing the files in {self.root}", report)
            self._sweep()
            yield
        finally:
            os.close(handle)

    def _drafts(self) -> Path | None:
        """Where new content is prepared: Git's own folder, which nobody commits; None: the file's folder."""
        try:
            place = self._git_folder()
            if place is None or place.stat().st_dev != self.root.stat().st_dev:
                return None
            (place / DRAFTS).mkdir(mode=0o700, exist_ok=True)
        except (OSError, ValueError):
            return None
        return place / DRAFTS

    def _git_folder(self) -> Path | None:
        """Git's own folder of this work tree; for a linked one or a submodule, a file says where it is."""
        place = self.root / ".git"
        if place.is_file():
            kind, _, named = place.read_text(encoding="utf-8").strip().partition(": ")
            place = self.root / named if kind == "gitdir" and named else place
        return place if place.is_dir() and not place.is_symlink() else None

    def _sweep(self) -> None:
        """Remove what a killed run has left; the caller holds the lock."""
        with contextlib.suppress(OSError, ValueError):
            place = self._git_folder()
            for left in (place / DRAFTS).iterdir() if place else ():
                left.unlink()

    def _put(self, new: Path, target: Path) -> None:
        """Move it into place, and flush its folder to disk."""
        try:
            new.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # another file system is mounted below the root
                raise
            neighbour = target.with_name(f".{target.name}.{new.name}")
            shutil.copy2(new, neighbour)
            neighbour.replace(target)
            new.unlink()
        handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _temporary(self, change: FileChange) -> Path:
        """Write the new content to a temporary file, on the file system of the old one."""
        target = self.root / change.path
        known = target.stat() if change.before is not None else None
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=self._drafts() or target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(change.content or b"")
                file.flush()
                os.fsync(handle)
                os.fchmod(handle, stat.S_IMODE(known.st_mode) if known else 0o666 & ~_umask())
                if known and (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                    with contextlib.suppress(PermissionError):
                        os.fchown(handle, known.st_uid, known.st_gid)
        except BaseException:
            Path(name).unlink()
            raise
        return Path(name)

    def _is_taken(self, change: FileChange) -> bool:
        """Whether something that is not a plain file of ours is where a new file is to be."""
        return change.before is None and (
            os.path.lexists(self.root / change.path) or self._through_link(change.path)
        )

    def _remove(self, path: str) -> None:
        """Delete a file, and the folders above it that become empty."""
        target = self.root / path
        target.unlink()
        verbose.say(f"removed {path}")
        for folder in target.parents:
            if folder == self.root or any(folder.iterdir()):
                break
            folder.rmdir()

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(prefix or folder, error) from error
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.is_symlink():
                self.left_out[path] = LINK
                if entry.name.endswith((".yaml", ".yml")):
                    self.links.append(path)
            elif entry.is_dir(follow_symlinks=False):
                if os.path.lexists(f"{entry.path}/.git"):
                    self.left_out[path] = SUBMODULE
                elif entry.name not in _SKIPPED:
                    yield from self._walk(entry.path, f"{path}/")
            elif entry.is_file(follow_symlinks=False):
                yield path

    def target_of(self, path: str) -> str | None:
        """The target of a symbolic link; None if it is no longer one."""
        try:
            return str((self.root / path).readlink())
        except OSError:
            return None

    def _another(self, path: str) -> tuple[str, str] | None:
        """The part of a path that is a link or a separate repository, and what it is."""
        place = self.root
        for part in path.split("/"):
            place = place / part
            if place.is_symlink():
                return place.relative_to(self.root).as_posix(), LINK
            if part in ("", ".", "..") or os.path.lexists(place / ".git"):
                return place.relative_to(self.root).as_posix(), SUBMODULE
        return None

    def _through_link(self, path: str) -> bool:
        """Whether a part of the path is a symbolic link."""
        place = self.root
        for part in path.split("/"):
            if part in ("", ".", ".."):
                return True
            place = place / part
            if place.is_symlink():
                return True
        return False


def locate(path: str, start: Path) -> tuple[Path, str]:
    """The root and the part below it that PATH means: the Git work tree around it, or only PATH.

    Raises InputError when PATH does not exist, is a symbolic link, or leads out of its work tree.
    """
    named = Path(os.path.normpath(start / path))  # keeps links, so that they can be detected
    tried = "reading PATH"
    if not os.path.lexists(named):
        raise InputError(tried, f"{path} does not exist", "give a file or folder of the repository")
    if named.is_symlink() and not named.is_dir():
        hint = f"give the file that it points to: {os.path.realpath(named)}"
        raise InputError(tried, f"{path} is a symbolic link", hint)
    folder = named if named.is_dir() else named.parent
    root = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)
    if root is None:
        return (named, "") if named.is_dir() else (named.parent, named.name)
    real, real_root = Path(os.path.realpath(named)), Path(os.path.realpath(root))
    if not real.is_relative_to(real_root):
        found = f"{path} leads out of the repository at {root}, to {real}"
        raise InputError(tried, found, "give a path inside the repository")
    below = real.relative_to(real_root).as_posix()
    return root, "" if below == "." else below


def _umask() -> int:
    """The process's umask; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _unreadable(path: str, error: OSError) -> InputError:
    return InputError(f"reading {path}", error.strerror or str(error), "check its permissions (ls -l)", path)
