"""A cluster under another name: its folder, its settings and its root, and nothing else."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import RefusedError
from bootstrap.layout import files, rename
from bootstrap.layout.settings import parse_record
from tests.layouts import CATALOG, MANIFEST, settings

RECORD = b"""# Of a person's.
catalog: {version: 0.1.0, commit: 'abc'}
argocd: {version: v3.5.7, variant: install, sha256: 'def'}
clusters:
  first: {repoURL: https://git.example.com/a.git}  # stays the first
  default:
    repoURL: https://git.example.com/a.git
conflicts:
  %sclusters/default/projects.yaml: changed here and in the catalog
"""


def laid_out(prefix: str) -> dict[str, bytes]:
    one = settings(path=prefix.rstrip("/"))
    tree = files.edited(files.shipped(CATALOG, MANIFEST, [one]), [one])
    return {**tree, f"{prefix}bootstrap.yaml": RECORD % prefix.encode()}


def applied(tree: dict[str, bytes], prefix: str, new: str) -> dict[str, bytes]:
    after = dict(tree)
    for change in rename.changes(tree, prefix, "default", new):
        assert after.get(change.path) == change.before
        if change.content is None:
            del after[change.path]
        else:
            after[change.path] = change.content
    return after


@pytest.mark.parametrize("prefix", ["", "platform/"])
def test_it_is_as_if_it_had_been_laid_out_with_that_name(prefix: str) -> None:
    before = laid_out(prefix)
    after = applied(before, prefix, "edge")
    wanted = settings(path=prefix.rstrip("/"), cluster="edge")
    tree = files.edited(files.shipped(CATALOG, MANIFEST, [wanted]), [wanted])
    assert {path: text for path, text in after.items() if not path.endswith("bootstrap.yaml")} == tree
    record = parse_record(after[f"{prefix}bootstrap.yaml"])
    assert list(record.clusters) == ["first", "edge"]
    assert list(record.conflicts) == [f"{prefix}clusters/edge/projects.yaml"]
    assert b"# Of a person's." in after[f"{prefix}bootstrap.yaml"]
    assert b"# stays the first" in after[f"{prefix}bootstrap.yaml"]
    assert rename.changes(after, prefix, "default", "edge") == ()


def test_the_catalog_of_before_is_found_again_under_the_other_name() -> None:
    shipped = files.shipped(CATALOG, MANIFEST, [settings()])
    assert files.recovered(shipped, [settings(cluster="edge")]) == files.recovered(shipped, [settings()])
    assert files.recovered(shipped, [settings(cluster="edge")])["clusters/default/root.yaml"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("default", "first", "bootstrap.yaml has a cluster first, too"),
        ("other", "edge", "bootstrap.yaml has no cluster other"),
        ("default", "taken", "clusters/taken/mine.yaml exists already"),
    ],
)
def test_what_would_mix_two_clusters_is_refused(old: str, new: str, found: str) -> None:
    tree = {**laid_out(""), "clusters/taken/mine.yaml": b"a: 1\n"}
    with pytest.raises(RefusedError) as refused:
        rename.changes(tree, "", old, new)
    assert found in refused.value.found


def test_what_names_the_folder_elsewhere_is_listed_with_its_line() -> None:
    tree = {
        **laid_out(""),
        "apps/x.yaml": b"a: 1\nb: clusters/default/settings.yaml\n",
        "apps/y.yaml": b"a: clusters/default-two\n",
    }
    assert rename.mentions(tree, "", "default") == ["apps/x.yaml:2"]
