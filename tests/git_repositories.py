"""Real repositories for tests: a bare one as a host has it, filled by plain git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bootstrap.git.remote import Identity

AUTHOR = Identity("Ada Müller", "ada@example.org")
WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Someone"), ("EMAIL", "someone@example.org"))
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    """One git command in `folder`; its standard output."""
    ended = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=stdin,
        env={**os.environ, **WHO},
        capture_output=True,
        check=False,
    )
    assert not check or ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode().strip()


class Bare:
    """A bare repository under a folder of the test; `url` is its file:// address."""

    def __init__(
        self, folder: Path, *, format: str = "sha1", branch: str = "main", filters: bool = True
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--bare", f"--object-format={format}", f"--initial-branch={branch}")
        git(folder, "config", "uploadpack.allowFilter", str(filters).lower())
        self.url = f"file://{folder}"

    @classmethod
    def at(cls, folder: Path) -> Bare:
        """An existing repository."""
        found = cls.__new__(cls)
        found.folder, found.url = folder, f"file://{folder}"
        return found

    def commit(self, files: Mapping[str, bytes | None], branch: str = "main", message: str = "Change") -> str:
        """A commit on top of the branch, by plumbing, so that any path and content goes."""
        tip = self.tip(branch)
        index = {"GIT_INDEX_FILE": str(self.folder / "test-index")}
        (self.folder / "test-index").unlink(missing_ok=True)
        environ = {**os.environ, **WHO, **index}

        def run(*arguments: str, stdin: bytes = b"") -> str:
            ended = subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                input=stdin,
                env=environ,
                capture_output=True,
                check=True,
            )
            return ended.stdout.decode().strip()

        if tip:
            run("read-tree", tip)
        written = {path: content for path, content in files.items() if content is not None}
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            places = [Path(folder) / str(number) for number in range(len(written))]
            for place, content in zip(places, written.values(), strict=True):
                place.write_bytes(content)
            listed = "".join(f"{place}\n" for place in places).encode()
            ids = run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed).split()
        entries = [f"100644 {sha}\t{path}\0" for sha, path in zip(ids, written, strict=True)]
        none = "0" * len(tip or "")
        entries += [f"0 {none}\t{path}\0" for path, content in files.items() if content is None]
        run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(entries)))
        parents = ["-p", tip] if tip else []
        made = run("commit-tree", run("write-tree"), *parents, "-m", message)
        run("update-ref", f"refs/heads/{branch}", made)
        return made

    def tip(self, branch: str = "main") -> str | None:
        return (
            git(self.folder, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False) or None
        )

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Path → content of a commit, read by one process."""
        listed = git(self.folder, "ls-tree", "-r", "-z", revision).split("\0")
        blobs = [line.partition("\t") for line in listed if line]
        ids = [about.split()[2] for about, _, _ in blobs]
        told = subprocess.run(
            ["git", "cat-file", "--batch"],
            cwd=self.folder,
            input="".join(f"{sha}\n" for sha in ids).encode(),
            capture_output=True,
            check=True,
        ).stdout
        found, at = {}, 0
        for (_, _, path), sha in zip(blobs, ids, strict=True):
            head = told[at : told.index(b"\n", at)]
            assert head.startswith(f"{sha} blob ".encode()), head
            start = at + len(head) + 1
            at = start + int(head.split()[2])
            found[path], at = told[start:at], at + 1
        return found

    def hook(self, name: str, text: str) -> None:
        path = self.folder / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def objects(self) -> set[str]:
        """Every file of the object store and every ref, to see that nothing was left behind."""
        return {
            str(path.relative_to(self.folder))
            for name in ("objects", "refs")
            for path in (self.folder / name).rglob("*")
            if path.is_file()
        }
