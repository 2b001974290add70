"""`bootstrap upgrade` where a path of the catalog is no plain file here: a link, a folder, a submodule."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from bootstrap.layout.settings import parse_record
from tests.conftest import Result
from tests.git_repositories import git
from tests.upgrade.conftest import OLD, VALUES, Clone, Newer

Upgrade = Callable[..., Result]
MORE = OLD[VALUES] + b"# and more\n"
SHARED = "infrastructure/shared/traefik.yaml"
TARGET = "../shared/traefik.yaml"


def linked(clone: Clone) -> None:
    clone.write({SHARED: OLD[VALUES]}, commit="")
    (clone.folder / VALUES).unlink()
    (clone.folder / VALUES).symlink_to(TARGET)
    clone.write({}, commit="One file for two clusters")


def test_a_link_stays_one_and_the_catalogs_side_is_a_plain_file(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    linked(clone)
    before = clone.state()
    newer({VALUES: MORE})
    done = upgrade()
    assert done.exit == 1, done.err
    assert (clone.folder / VALUES).readlink().as_posix() == TARGET
    stages = [line.split()[0] for line in clone.git("ls-files", "-u", VALUES).splitlines()]
    assert stages == ["100644", "120000", "100644"]
    assert upgrade("--abort").exit == 0
    assert clone.state() == before


def test_mergetool_replaces_the_link_by_the_catalogs_file(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    linked(clone)
    newer({VALUES: MORE})
    upgrade()
    git(clone.folder, "mergetool", "--no-prompt", "--tool=vimdiff", stdin=b"r\n")
    assert not (clone.folder / VALUES).is_symlink()
    assert clone.read(VALUES) == MORE
    done = upgrade("--continue")
    assert done.exit == 0, done.err
    assert "nothing to do" in upgrade().out


def test_where_a_file_is_a_folder_now_the_catalogs_change_stays_an_open_conflict(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: None}, commit="")
    clone.write({f"{VALUES}/part.yaml": OLD[VALUES]})
    newer({VALUES: MORE})
    for _ in range(2):
        done = upgrade()
        assert done.exit == 1, done.err
        assert f"conflict  {VALUES}: removed here, but changed in the catalog" in done.out
        assert clone.read(f"{VALUES}/part.yaml") == OLD[VALUES]
        assert clone.git("status", "--porcelain") == ""
    assert list(parse_record(clone.read("bootstrap.yaml")).conflicts) == [VALUES]


def test_a_folder_that_was_removed_is_not_asked_about_for_its_new_files(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    shutil.rmtree(clone.folder / "infrastructure/metrics-server")
    clone.write({}, commit="Ours has one")
    newer({"infrastructure/metrics-server/new.md": b"new\n", VALUES: MORE})
    done = upgrade()
    assert done.exit == 0, done.err
    assert not (clone.folder / "infrastructure/metrics-server").exists()
    assert clone.read(VALUES) == MORE


def test_a_link_a_file_or_a_submodule_with_a_name_of_the_catalogs_stays_ours(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({"infrastructure/later": b"mine\n"}, commit="")
    (clone.folder / "infrastructure/linked").symlink_to("traefik")
    tip = clone.git("rev-parse", "HEAD")
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{tip},infrastructure/vendored")
    (clone.folder / "infrastructure/vendored").mkdir()
    clone.git("add", "infrastructure/later", "infrastructure/linked")
    clone.git("commit", "--quiet", "-m", "Ours")
    names = ("later", "linked", "vendored")
    before = clone.git("ls-tree", "HEAD", "infrastructure/")
    newer({f"infrastructure/{name}/values.yaml": b"a: 1\n" for name in names} | {VALUES: MORE})
    for _ in range(2):
        done = upgrade()
        assert done.exit == 1, done.err
        for name in names:
            assert f"conflict  infrastructure/{name}: a folder of yours" in done.out
    assert clone.read(VALUES) == MORE
    after = clone.git("ls-tree", "HEAD", "infrastructure/").splitlines()
    assert {one for one in before.splitlines() if not one.endswith("/traefik")} <= {*after}


def test_what_git_cannot_show_is_still_open_after_what_it_could(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({"infrastructure/later/mine.yaml": b"mine: 1\n", VALUES: b"# mine\n" + OLD[VALUES]})
    newer({"infrastructure/later/values.yaml": b"a: 1\n", VALUES: b"# theirs\n" + OLD[VALUES]})
    assert upgrade().exit == 1
    clone.git("checkout", "--quiet", "--ours", "--", VALUES)
    clone.git("add", VALUES)
    done = upgrade("--continue")
    assert done.exit == 1, done.err
    assert clone.git("status", "--porcelain") == ""
    assert (
        "conflict  infrastructure/later: a folder of yours with a name that the catalog now uses" in done.out
    )
    assert "rename it" in done.out
    clone.git("mv", "infrastructure/later", "infrastructure/ours")
    clone.git("commit", "--quiet", "-m", "Renamed")
    assert upgrade().exit == 0
    assert clone.read("infrastructure/later/values.yaml") == b"a: 1\n"
    assert clone.read("infrastructure/ours/mine.yaml") == b"mine: 1\n"


@pytest.mark.parametrize("conflict", [False, True])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_file_that_git_does_not_know_is_never_overwritten(
    clone: Clone, upgrade: Upgrade, newer: Newer, conflict: bool, ignored: bool
) -> None:
    """Git itself takes what is ignored for rubbish."""
    new = "infrastructure/later/values.yaml"
    clone.write({".gitignore": b"later/\n" if ignored else b"other/\n"})
    theirs = {new: b"a: 1\n", VALUES: b"# theirs\n" + OLD[VALUES]}
    if conflict:
        clone.write({VALUES: b"# mine\n" + OLD[VALUES]})
    clone.write({new: b"password: of mine\n"}, commit="")
    before = clone.state()
    newer(theirs)
    for _ in range(2):
        refused = upgrade()
        assert refused.exit != 0
        assert new in refused.err
        assert "move" in refused.err
        assert clone.read(new) == b"password: of mine\n"
        assert clone.state() == before
    (clone.folder / new).rename(clone.folder / "infrastructure/kept.yaml")
    assert upgrade().exit == int(conflict)
    assert clone.read(new) == b"a: 1\n"
