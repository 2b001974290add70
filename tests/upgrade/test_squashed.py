"""A history that was squashed has lost what was laid out: what that changes, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bootstrap.layout import catalog
from tests.conftest import Result
from tests.upgrade.conftest import OLD, VALUES, Clone, Newer
from tests.upgrade.test_catalogs import wheel

REMOVED = "infrastructure/loki/README.md"
NEW = "infrastructure/loki/new.md"


def squash(clone: Clone) -> None:
    """All in one commit, and nothing else is left, here or on the host."""
    commit = clone.git("commit-tree", clone.git("write-tree"), "-m", "Squashed")
    clone.git("reset", "--quiet", "--hard", commit)
    clone.git("push", "--quiet", "--force", "origin", "HEAD:main")
    clone.git("reflog", "expire", "--expire=now", "--all")
    clone.git("gc", "--quiet", "--prune=now")


def test_what_may_have_been_removed_is_named_and_stays_removed_with_the_catalog_that_was_laid_out(
    clone: Clone, upgrade: Callable[..., Result], newer: Newer, tmp_path: Path
) -> None:
    clone.write({REMOVED: None, VALUES: OLD[VALUES] + b"# mine\n"})
    squash(clone)
    version = catalog.VERSION
    newer({NEW: b"new\n", VALUES: b"# theirs\n" + OLD[VALUES]})
    looked = upgrade("--dry-run")
    assert looked.exit == 1, looked.err
    said = looked.out + looked.err
    assert f"laid out, whether they are new or were removed here: {REMOVED}, {NEW}" in said
    first = said.partition("first run bootstrap upgrade --to WHEEL ")[2].splitlines()[0]
    assert f"with bootstrap {version}" in first
    assert ">>>>>>> theirs" in said
    first = upgrade("--to", str(wheel(tmp_path, OLD, version=version)))
    assert first.exit == 0, first.err
    assert not (clone.folder / REMOVED).exists()
    done = upgrade()
    assert done.exit == 0, done.err
    assert not (clone.folder / REMOVED).exists()
    assert clone.read(NEW) == b"new\n"
    assert clone.read(VALUES) == b"# theirs\n" + OLD[VALUES] + b"# mine\n"
