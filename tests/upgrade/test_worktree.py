"""`bootstrap upgrade` in a work tree: what it commits, what it leaves to git, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable

from bootstrap.layout.settings import parse_record
from tests.conftest import Result, Run
from tests.git_repositories import git
from tests.upgrade.conftest import APPLICATION, AUTHOR, OLD, VALUES, Clone, Newer

Upgrade = Callable[..., Result]
FIRST = OLD[VALUES].splitlines(keepends=True)[0]
MINE = OLD[VALUES].replace(FIRST, b"# mine\n", 1)
THEIRS = OLD[VALUES].replace(FIRST, b"# of the catalog\n", 1) + b"# and more\n"


def test_what_fits_is_a_commit_on_the_branch_and_every_edit_stays(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({"apps/mine/a.yaml": b"a: 1\n", VALUES: MINE})
    before = clone.git("rev-parse", "HEAD")
    newer({VALUES: OLD[VALUES] + b"# and more\n"})
    done = upgrade()
    assert done.exit == 0, done.err
    assert clone.read(VALUES) == MINE + b"# and more\n"
    assert clone.read("apps/mine/a.yaml") == b"a: 1\n"
    assert clone.git("log", "-1", "--format=%s %P").startswith(f"Upgrade catalog 0.1.0 to 99.0.0 {before} ")
    assert clone.git("status", "--porcelain") == ""
    assert "nothing to do" in upgrade().out


def test_a_conflict_is_gits_own_with_both_sides_in_the_index(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: MINE})
    newer({VALUES: THEIRS})
    done = upgrade()
    assert done.exit == 1, done.err
    assert f"conflict  {VALUES}: changed here and in the catalog, in the same lines" in done.out
    assert clone.git("status", "--porcelain", VALUES) == f"UU {VALUES}"
    assert clone.git("show", f":1:{VALUES}").splitlines()[0] == FIRST.decode().strip()
    assert clone.git("show", f":2:{VALUES}").splitlines()[0] == "# mine"
    assert clone.git("show", f":3:{VALUES}").splitlines()[0] == "# of the catalog"
    text = clone.read(VALUES)
    assert b"<<<<<<<" in text
    assert text.endswith(b"# and more\n")


def test_mergetool_resolves_it_and_continue_finds_the_state_by_itself(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: MINE})
    before = clone.git("rev-parse", "HEAD")
    newer({VALUES: THEIRS})
    upgrade()
    again = upgrade()
    assert again.exit == 1
    assert "1 conflict left" in again.out
    early = upgrade("--continue")
    assert early.exit == 1
    clone.git("config", "mergetool.take.cmd", 'cat "$REMOTE" > "$MERGED"')
    clone.git("config", "mergetool.take.trustExitCode", "true")
    clone.git("config", "mergetool.keepBackup", "false")
    clone.git("mergetool", "--no-prompt", "--tool=take")
    done = upgrade("--continue")
    assert done.exit == 0, done.err
    assert clone.read(VALUES) == THEIRS
    assert clone.git("log", "-1", "--format=%s").startswith("Upgrade catalog 0.1.0 to 99.0.0")
    assert clone.git("rev-parse", "HEAD^1") == before
    assert parse_record(clone.read("bootstrap.yaml")).conflicts == {}
    assert clone.git("status", "--porcelain") == ""
    assert "nothing to do" in upgrade().out
    assert upgrade("--continue").exit == 2


def test_keeping_ours_settles_the_conflict_too(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    clone.write({VALUES: MINE})
    newer({VALUES: THEIRS})
    upgrade()
    clone.git("checkout", "--quiet", "--ours", "--", VALUES)
    clone.git("add", VALUES)
    assert upgrade("--continue").exit == 0
    assert clone.read(VALUES) == MINE + b"# and more\n"
    assert "nothing to do" in upgrade().out


def test_markers_that_were_added_unread_are_refused(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    clone.write({VALUES: MINE})
    newer({VALUES: THEIRS})
    upgrade()
    clone.git("add", VALUES)
    refused = upgrade("--continue")
    assert refused.exit == 3
    assert f"{VALUES} still has git's conflict markers" in refused.err


def test_abort_leaves_the_work_tree_as_before(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    clone.write({VALUES: MINE})
    (clone.folder / "untracked.txt").write_text("mine\n")
    before = clone.state()
    newer({VALUES: THEIRS, "infrastructure/new/values.yaml": b"a: 1\n"})
    assert upgrade().exit == 1
    assert clone.state() != before
    assert upgrade("--abort").exit == 0
    assert clone.state() == before
    assert not (clone.folder / "infrastructure/new").exists()
    assert upgrade("--abort").exit == 2
    assert upgrade().exit == 1


def test_git_merge_abort_ends_it_as_well(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    clone.write({VALUES: MINE})
    before = clone.state()
    newer({VALUES: THEIRS})
    upgrade()
    clone.git("merge", "--abort")
    assert clone.state() == before
    assert upgrade().exit == 1


def test_a_chart_and_its_values_conflict_together(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    pinned = OLD[APPLICATION].replace(b"targetRevision: 4", b"targetRevision: 14", 1)
    assert pinned != OLD[APPLICATION]
    clone.write({APPLICATION: pinned})
    newer({VALUES: OLD[VALUES] + b"# for another chart\n"})
    done = upgrade()
    assert done.exit == 1, done.err
    assert clone.git("status", "--porcelain", VALUES) == f"UU {VALUES}"
    assert clone.read(VALUES) == OLD[VALUES]


def test_a_file_removed_here_and_changed_there_is_a_conflict_of_git(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: None})
    newer({VALUES: THEIRS})
    assert upgrade().exit == 1
    assert clone.git("status", "--porcelain", VALUES) == f"DU {VALUES}"
    clone.git("rm", "--quiet", VALUES)
    assert upgrade("--continue").exit == 0
    assert not (clone.folder / VALUES).exists()
    assert "nothing to do" in upgrade().out


def test_what_is_not_committed_is_never_touched(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    newer({VALUES: THEIRS})
    clone.write({VALUES: MINE}, commit="")
    before = clone.state()
    refused = upgrade()
    assert refused.exit == 3
    assert f"{VALUES} has uncommitted changes" in refused.err
    assert clone.state() == before


def test_a_dry_run_shows_files_conflicts_and_the_rendered_difference(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: MINE})
    before = clone.state()
    base = "apps/voting-app/base/vote.yaml"
    changed = OLD[base].replace(b"containerPort: 8080", b"containerPort: 8081")
    bumped = OLD[APPLICATION].replace(b"targetRevision: 4", b"targetRevision: 14", 1)
    newer({VALUES: THEIRS, APPLICATION: bumped, base: OLD[base] if changed == OLD[base] else changed})
    shown = upgrade("--dry-run", "-o", "json")
    assert shown.exit == 1, shown.err
    data = json.loads(shown.out)
    assert data["catalog"] == {"before": "0.1.0", "after": "99.0.0"}
    assert {one["path"] for one in data["conflicts"]} >= {VALUES}
    assert clone.state() == before


def test_a_revert_of_the_commit_is_the_way_back_and_the_next_run_offers_it_again(
    clone: Clone, upgrade: Upgrade, newer: Newer
) -> None:
    clone.write({VALUES: MINE})
    before = clone.git("rev-parse", "HEAD^{tree}")
    newer({VALUES: OLD[VALUES] + b"# and more\n"})
    assert upgrade().exit == 0
    clone.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert clone.git("rev-parse", "HEAD^{tree}") == before
    assert upgrade().exit == 0
    assert clone.read(VALUES) == MINE + b"# and more\n"


def test_an_older_catalog_is_refused_without_downgrade(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    record = clone.read("bootstrap.yaml").replace(b"version: 0.1.0", b"version: 100.0.0")
    clone.write({"bootstrap.yaml": record})
    newer({VALUES: THEIRS})
    refused = upgrade()
    assert refused.exit == 3
    assert "catalog 100.0.0 is laid out" in refused.err
    assert upgrade("--downgrade").exit == 0


def test_a_root_that_does_not_build_is_not_committed(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    before = clone.state()
    newer({APPLICATION: OLD[APPLICATION].replace(b"kind: Application", b"kind: ''")})
    refused = upgrade()
    assert refused.exit == 3
    assert "clusters/default does not build" in refused.err
    assert clone.state() == before


def test_git_sees_no_lost_object(clone: Clone, upgrade: Upgrade, newer: Newer) -> None:
    newer({VALUES: THEIRS})
    assert upgrade().exit == 0
    git(clone.folder, "fsck", "--strict", "--connectivity-only")
    assert clone.git("for-each-ref", "refs/bootstrap") == ""


def test_below_the_root_it_finds_the_layout_and_names_the_root_where_it_only_sees_a_branch(
    clone: Clone, upgrade: Upgrade, newer: Newer, run: Run
) -> None:
    newer({VALUES: THEIRS})
    below = str(clone.folder / "infrastructure/traefik")
    remote = run("upgrade", "--path", "apps", "--repo", clone.bare.url, "--push", "--yes", "--author", AUTHOR)
    assert remote.exit == 2
    assert "apps/bootstrap.yaml is not in branch main" in remote.err
    assert "run it in the repository's root folder" in remote.err
    done = run("upgrade", "--path", below, "--author", AUTHOR, "--yes")
    assert done.exit == 0, done.err
    assert clone.read(VALUES) == THEIRS
