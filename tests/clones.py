"""A clone of a bare repository that holds the catalog, for tests of what edits a layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bootstrap.layout import catalog
from tests.git_repositories import Bare, git
from tests.repositories import write

KUSTOMIZATION = "clusters/default/kustomization.yaml"
PROJECTS = "clusters/default/projects.yaml"


def clone(folder: Path, prefix: str = "") -> Path:
    """The work tree, on branch main, which follows the bare repository's."""
    bare, tree = Bare(folder / "bare.git"), folder / "clone"
    git(bare.folder, "clone", "--quiet", bare.url, str(tree))
    write(tree, {prefix + path: content for path, content in catalog.load().items()})
    git(tree, "checkout", "--quiet", "-B", "main")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "Lay out")
    git(tree, "push", "--quiet", "--set-upstream", "origin", "main")
    return tree


def status(tree: Path) -> list[str]:
    """What differs from the last commit, as git lists it."""
    return git(tree, "status", "--porcelain", "--untracked-files=all").splitlines()


def changed(tree: Path, path: str) -> list[str]:
    """The lines of a file that differ from the last commit, with `+` and `-`."""
    lines = git(tree, "diff", "-U0", "--", path).splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def files_below(tree: Path, folder: str) -> Sequence[str]:
    """Every file in a folder, by its path in it."""
    root = tree / folder
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
