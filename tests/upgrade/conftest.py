"""A repository laid out with an older catalog, in a clone in which people work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bootstrap.layout import catalog
from tests.argocd_manifest import manifest
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git

AUTHOR = "Ada Lovelace <ada@example.org>"
VALUES = "infrastructure/traefik/values.yaml"
APPLICATION = "infrastructure/traefik/application.yaml"
OLD = catalog.load()


class Clone:
    """A work tree of `bare`, with plain git."""

    def __init__(self, folder: Path, bare: Bare) -> None:
        self.folder, self.bare = folder, bare
        git(folder.parent, "clone", "--quiet", bare.url, str(folder))
        for key, value in (("user.name", "Grace Hopper"), ("user.email", "grace@example.org")):
            git(folder, "config", key, value)

    def git(self, *arguments: str, check: bool = True) -> str:
        return git(self.folder, *arguments, check=check)

    def write(self, files: Mapping[str, bytes | None], commit: str = "By hand") -> None:
        for path, content in files.items():
            place = self.folder / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if commit:
            self.git("add", "--all")
            self.git("commit", "--quiet", "-m", commit)

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def state(self) -> tuple[str, str, str]:
        """Commit, what git status says, and the tree of the files."""
        return (
            self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain"),
            self.git("write-tree", check=False),
        )


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host" / "gitops.git")


@pytest.fixture
def laid_out(run: Run, bare: Bare, tmp_path: Path) -> Bare:
    """`bare`, laid out with the catalog as it is, which is the old one from now on."""
    path = tmp_path / "install.yaml"
    path.write_bytes(manifest())
    done = run("init", bare.url, "--repo-only", "--yes", "--author", AUTHOR, "--argocd-manifest", str(path))
    assert done.exit == 0, done.err
    return bare


@pytest.fixture
def clone(laid_out: Bare, tmp_path: Path) -> Clone:
    return Clone(tmp_path / "work", laid_out)


Newer = Callable[[Mapping[str, bytes | None]], None]


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Newer:
    """From now on, the shipped catalog is a later one with these changes."""

    def change(changes: Mapping[str, bytes | None]) -> None:
        files = {path: text for path, text in {**OLD, **changes}.items() if text is not None}
        monkeypatch.setattr(catalog, "load", lambda: files)
        monkeypatch.setattr(catalog, "VERSION", "99.0.0")

    return change


@pytest.fixture
def upgrade(run: Run, clone: Clone) -> Callable[..., Result]:
    """`upgrade(…)` in the clone, without a question."""

    def call(*arguments: str) -> Result:
        return run("upgrade", "--path", str(clone.folder), "--author", AUTHOR, "--yes", *arguments)

    return call
