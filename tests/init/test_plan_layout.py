"""The wanted repository: the catalog is laid out, brought up to date, and never over a person's work."""

from __future__ import annotations

import hashlib

import pytest

from bootstrap.core.names import RECORD
from bootstrap.git.changes import Commit
from bootstrap.git.remote import merge_text
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source, first_layout, next_layout
from bootstrap.layout import files
from bootstrap.layout.settings import Settings, parse_record
from tests.layouts import CATALOG, MANIFEST, settings

SHA = hashlib.sha256(MANIFEST).hexdigest()
KUSTOMIZATION = "clusters/default/kustomization.yaml"
VALUES = "infrastructure/traefik/values.yaml"
OTHERS = {"README.md": b"mine\n", "apps/shop/app.yaml": b"mine: too\n"}


def source(catalog: dict[str, bytes] = CATALOG, manifest: bytes | None = None, **changes: object) -> Source:
    return Source(catalog, changes.pop("version", "1.0.0"), manifest, **changes)  # type: ignore[arg-type]


def asked(**changes: object) -> Settings:
    return settings(argocd_sha256=SHA, **changes)


def replay(commits: tuple[Commit, ...], tip: dict[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What a push makes of a branch: its files afterwards, and those of the catalog's own commit."""
    branch, separate = dict(tip), {}
    for commit in commits:
        target = separate if commit.separate else branch
        for change in commit.changes:
            assert target.get(change.path) == change.before or commit.onto
            if change.content is None:
                target.pop(change.path, None)
            else:
                target[change.path] = change.content
        if "Bootstrap-Catalog:" in commit.message and not commit.separate:
            separate = dict(branch)
    return branch, separate


class Repository:
    """A branch that is laid out again and again; `shipped` is what its catalog's commit holds."""

    def __init__(self, tip: dict[str, bytes] | None = None) -> None:
        self.exists = tip is not None
        self.files = dict(tip or {})
        self.shipped: dict[str, bytes] = {}

    def first(self, where: Settings | None = None, catalog: dict[str, bytes] = CATALOG) -> Desired:
        where = where or asked()
        done = first_layout(source(catalog, MANIFEST), where, self.files, merge_text, self.exists)
        self._push(done)
        return done

    def again(
        self,
        where: Settings | None = None,
        catalog: dict[str, bytes] = CATALOG,
        manifest: bytes | None = None,
        components: tuple[list[str], list[str]] = ([], []),
        lost: bool = False,
    ) -> Desired:
        where = where or asked()
        previous = PreviousLayout(
            parse_record(self.files[where.prefix + RECORD]), None if lost else self.shipped
        )
        new = source(catalog, manifest, version="1.1.0")
        done = next_layout(new, where, previous, self.files, merge_text, components)
        self._push(done)
        return done

    def _push(self, done: Desired) -> None:
        branch, shipped = replay(done.commits, self.files)
        assert branch == {**done.tree}
        if any("Bootstrap-Catalog:" in commit.message for commit in done.commits):
            self.shipped = shipped if not done.commits[0].onto else {**self.shipped, **shipped}
            for commit in done.commits:
                if commit.onto:
                    for change in commit.changes:
                        if change.content is None:
                            self.shipped.pop(change.path, None)
        self.files, self.exists = branch, True


def touched(done: Desired) -> set[str]:
    return {change.path for commit in done.commits if not commit.separate for change in commit.changes}


def test_empty_repository_gets_two_commits_the_first_being_the_catalog_as_shipped() -> None:
    repository = Repository()
    done = repository.first(asked(domain="example.org"))
    catalog, with_settings = done.commits
    assert not catalog.separate
    assert catalog.message.endswith("\n\nBootstrap-Catalog: 1.0.0\n")
    assert repository.shipped == files.shipped(CATALOG, MANIFEST, [asked()])
    assert {change.path for change in with_settings.changes} == {
        "bootstrap.yaml",
        "clusters/default/projects.yaml",
        "clusters/default/root.yaml",
        "clusters/default/settings.yaml",
        "apps/voting-app/overlays/dev/settings.yaml",
    }


def test_existing_repository_keeps_its_files_and_the_catalog_comes_from_a_separate_commit() -> None:
    repository = Repository(OTHERS)
    done = repository.first()
    assert [commit.separate for commit in done.commits] == [True, False]
    assert {path: repository.files[path] for path in OTHERS} == OTHERS
    assert not set(OTHERS) & set(repository.shipped)


def test_file_that_is_where_the_catalog_has_one_is_kept_and_reported_every_time() -> None:
    repository = Repository({VALUES: b"mine\n"})
    done = repository.first()
    assert repository.files[VALUES] == b"mine\n"
    assert any(VALUES in note and "kept" in note for note in done.notes)
    done = repository.again()
    assert not done.commits
    assert any(VALUES in note and "kept" in note for note in done.notes)


def test_fork_of_the_catalog_gets_its_settings() -> None:
    repository = Repository(CATALOG)
    repository.first(asked(domain="example.org"))
    assert b"example.org" in repository.files["clusters/default/settings.yaml"]
    assert not repository.again(asked(domain="example.org")).commits


@pytest.mark.parametrize("path", ["", "platform"])
def test_second_run_changes_nothing(path: str) -> None:
    repository = Repository(OTHERS)
    repository.first(asked(path=path))
    done = repository.again(asked(path=path))
    assert done.commits == ()
    assert done.notes == ()


def test_foreign_files_in_the_catalogs_folders_stay_through_every_layout() -> None:
    repository = Repository(OTHERS)
    repository.first()
    newer = {**CATALOG, VALUES: b"replicas: 2\nservice: {}\n"}
    repository.again(catalog=newer)
    repository.again(catalog=newer)
    assert {path: repository.files[path] for path in OTHERS} == OTHERS


def test_edit_by_hand_is_kept_and_reported() -> None:
    repository = Repository()
    repository.first()
    repository.files[VALUES] = b"replicas: 5\n"
    done = repository.again()
    assert not done.commits
    assert done.notes == ()
    done = repository.again(catalog={**CATALOG, "infrastructure/new/x.yaml": b"x: 1\n"})
    assert repository.files[VALUES] == b"replicas: 5\n"
    assert done.notes == (f"kept, as they were changed here: {VALUES}",)


def test_removed_file_is_not_brought_back() -> None:
    repository = Repository()
    repository.first()
    del repository.files[VALUES]
    done = repository.again(catalog={**CATALOG, "infrastructure/new/x.yaml": b"x: 1\n"})
    assert VALUES not in repository.files
    assert any("not restored" in note and VALUES in note for note in done.notes)
    repository.again()
    assert VALUES not in repository.files


def test_newer_catalog_comes_with_a_commit_of_its_own_on_the_last_one() -> None:
    repository = Repository()
    repository.first()
    newer = {**CATALOG, VALUES: b"replicas: 2\nservice: {}\n"}
    del newer["infrastructure/argocd/application.yaml"]
    done = repository.again(catalog=newer)
    separate, _ = done.commits
    assert separate.separate
    assert {change.path for change in separate.changes} == {VALUES, "infrastructure/argocd/application.yaml"}
    assert repository.files[VALUES] == newer[VALUES]
    assert "infrastructure/argocd/application.yaml" not in repository.files
    assert parse_record(repository.files[RECORD]).catalog_version == "1.1.0"
    assert not repository.again(catalog=newer).commits


def test_edits_on_both_sides_are_combined_and_conflicts_are_kept() -> None:
    old = {**CATALOG, VALUES: b"a: 1\nb: 1\nc: 1\nd: 1\n", "infrastructure/x/y.yaml": b"a: 1\n"}
    new = {**CATALOG, VALUES: b"a: 1\nb: 1\nc: 1\nd: 2\n", "infrastructure/x/y.yaml": b"a: 2\n"}
    repository = Repository()
    repository.first(catalog=old)
    repository.files[VALUES] = b"a: 7\nb: 1\nc: 1\nd: 1\n"
    repository.files["infrastructure/x/y.yaml"] = b"a: 7\n"
    done = repository.again(catalog=new)
    assert repository.files[VALUES] == b"a: 7\nb: 1\nc: 1\nd: 2\n"
    assert repository.files["infrastructure/x/y.yaml"] == b"a: 7\n"
    assert any("in the same lines: infrastructure/x/y.yaml" in note for note in done.notes)


def test_another_cluster_is_added_next_to_the_first_and_both_stay_as_they_are() -> None:
    repository = Repository()
    repository.first(asked(domain="example.org"))
    repository.files["clusters/default/settings.yaml"] += b"# mine\n"
    done = repository.again(asked(cluster="edge", domain="edge.net"))
    assert {path.rpartition("/")[0] for path in touched(done)} == {"", "clusters/edge"}
    assert b"domain: edge.net" in repository.files["clusters/edge/settings.yaml"]
    assert not repository.again(asked(cluster="edge", domain="edge.net")).commits
    assert not repository.again(asked(domain="example.org")).commits


def test_other_options_are_taken_over_next_to_edits_by_hand() -> None:
    repository = Repository()
    repository.first()
    before = repository.files[KUSTOMIZATION]
    repository.files[KUSTOMIZATION] = before.replace(
        b"# - ../../infrastructure/tempo", b"- ../../infrastructure/tempo"
    )
    repository.again(asked(with_components=("loki",), domain="example.net"), components=(["loki"], []))
    offers = files.offered(repository.files, asked())
    assert offers["loki"].on
    assert offers["tempo"].on
    assert b"domain: example.net" in repository.files["clusters/default/settings.yaml"]


def test_other_argocd_replaces_an_untouched_manifest_again_and_again() -> None:
    repository = Repository()
    repository.first()
    for number in (1, 2):
        manifest = MANIFEST + f"data: {{a: '{number}'}}\n".encode()
        other = settings(argocd_sha256=hashlib.sha256(manifest).hexdigest(), argocd_version=f"v3.6.{number}")
        done = repository.again(other, manifest=manifest)
        assert touched(done) == {files.MANIFEST, RECORD}
        assert repository.files[files.MANIFEST] == manifest
        assert not repository.again(other).commits


def test_manifest_changed_by_hand_is_kept() -> None:
    repository = Repository()
    repository.first()
    repository.files[files.MANIFEST] += b"# mine\n"
    assert not repository.again().commits
    done = repository.again(
        settings(argocd_sha256="1" * 64), manifest=MANIFEST.replace(b"argocd-cm", b"other")
    )
    assert b"# mine" in repository.files[files.MANIFEST]
    assert done.notes


def test_lost_catalog_commit_is_reported_overwrites_nothing_and_is_laid_anew() -> None:
    repository = Repository()
    repository.first()
    repository.files[VALUES] = b"mine\n"
    done = repository.again(lost=True)
    assert repository.files[VALUES] == b"mine\n"
    assert "not in the history" in done.notes[0]
    again = repository.again()
    assert not again.commits
    assert [conflict.path for conflict in again.conflicts] == [VALUES]


def test_message_suffix_ends_every_subject() -> None:
    done = first_layout(source(manifest=MANIFEST, message_suffix="[skip ci]"), asked(), {}, merge_text, False)
    assert done.commits
    assert all(commit.message.splitlines()[0].endswith(" [skip ci]") for commit in done.commits)
