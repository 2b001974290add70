"""The files of a work tree that a sparse checkout leaves out: read from git, as they are not on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from bootstrap.core import plain_file
from bootstrap.git.history import Past
from bootstrap.git.run import Calls


class Outside:
    """`paths` are the files that are left out, with their ids; `store` opens where their contents are."""

    def __init__(self, paths: dict[str, str], store: Callable[[], Past]) -> None:
        self.paths = paths
        self._store = store
        self._listed: set[str] = set()
        self._contents: dict[str, bytes] = {}

    def under(self, folder: str) -> list[str]:
        """Those in a folder and its subfolders; for the path of a file, that file."""
        prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        found = [path for path in self.paths if path.startswith(prefix) or path == folder]
        self._listed.update(found)
        return found

    def read(self, path: str) -> bytes | None:
        """The content of one of them; a partial clone fetches it together with all YAML that was listed."""
        if path not in self.paths:
            return None
        sha = self.paths[path]
        if sha not in self._contents:
            wanted = {sha} | {self.paths[other] for other in self._listed if other.endswith(_TEXTS)}
            store = self._store()
            try:
                self._contents |= store.contents(wanted - self._contents.keys())
            finally:
                store.close()
        return self._contents[sha]


_TEXTS = (".yaml", ".yml", ".json", "Kustomization")


def is_sparse(root: Path) -> bool:
    """Whether the work tree at `root` may be sparse, without starting a process."""
    return (plain_file.git_folder(root) / "info" / "sparse-checkout").exists()


def left_out(calls: Calls) -> dict[str, str]:
    """The plain files of the index that the sparse checkout's rules leave out."""
    listed = calls.run("ls-files", "-t", "--stage", "-z").out.decode("utf-8", "surrogateescape")
    return dict(_skipped(listed.split("\0")))


def _skipped(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        head, tab, path = line.partition("\t")
        fields = head.split(" ")
        if tab and fields[0] == "S" and fields[1].startswith("100"):
            yield path, fields[2]
