"""`validate` and its like read the repository that a folder is in, and nothing that is not in Git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bootstrap.repository import files as index_files
from tests.conftest import Run
from tests.repositories import OURS, SHOP, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")

SELECTOR = "    app: web\n  ports"
BROKEN = SHOP.replace(SELECTOR, "    app: wbe\n  ports")
OVERLAY = (
    "namespace: shop-dev\nresources: [../../base]\nimages: [{name: registry.example.com/web, newTag: '1'}]\n"
)


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    subprocess.run([*command, *arguments], cwd=root, check=True, capture_output=True)


def work_tree(root: Path, *parts: Mapping[str, str | bytes | None]) -> Path:
    """A work tree with one commit."""
    write(root, *parts)
    git(root, "init", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    return root


def below(folder: str, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A layout as `init --path` makes it: its Applications count from the repository's top."""
    for path, text in files.items():
        yield (
            f"{folder}/{path}",
            text.replace("path: apps/", f"path: {folder}/apps/").replace(
                "path: clusters/", f"path: {folder}/clusters/"
            ),
        )


def found(run: Run, *arguments: object) -> list[tuple[str, str]]:
    result = run("validate", *map(str, arguments), "-o", "json")
    return [(one["rule"], one["file"]) for one in json.loads(result.out)["findings"]]


@pytest.mark.parametrize(
    "folder", [".", "apps", "apps/shop/base", "clusters/one", "apps/shop/applications/dev"]
)
def test_folder_of_a_work_tree_is_checked_as_a_part_of_it(run: Run, tmp_path: Path, folder: str) -> None:
    root = work_tree(tmp_path, OURS)
    assert found(run, root / folder) == []


@pytest.mark.parametrize("folder", [".", "platform", "platform/gitops", "platform/gitops/apps/shop"])
def test_layout_below_a_folder_counts_its_paths_from_the_top(run: Run, tmp_path: Path, folder: str) -> None:
    root = work_tree(tmp_path, dict(below("platform/gitops", OURS)))
    assert found(run, root / folder) == []


def test_layout_in_no_work_tree_begins_where_its_bootstrap_yaml_is(run: Run, tmp_path: Path) -> None:
    root = write(
        tmp_path, OURS, {"bootstrap.yaml": "checks: {off: [GB303]}\n", "apps/shop/base/shop.yaml": BROKEN}
    )
    assert found(run, root / "apps/shop/overlays") == []
    (root / "bootstrap.yaml").write_text("checks: {}\n")
    assert found(run, root / "apps/shop/base") == [("GB303", "apps/shop/base/shop.yaml")]


def test_only_what_is_in_the_folder_is_reported(run: Run, tmp_path: Path) -> None:
    lost = {"apps/lost/application.yaml": application("lost", "apps/gone", "lost")}
    root = work_tree(tmp_path, OURS, {"apps/shop/base/shop.yaml": BROKEN}, lost)
    assert {file for _, file in found(run, root)} == {
        "apps/lost/application.yaml",
        "apps/shop/base/shop.yaml",
    }
    assert found(run, root / "apps/shop") == [("GB303", "apps/shop/base/shop.yaml")]
    assert found(run, root / "clusters") == []
    told = run("validate", str(root / "apps/shop"))
    assert f"apps/shop is part of {root}" in told.err
    assert "8 objects checked in apps/shop: 1 error" in told.err


def test_folder_without_manifests_is_reported_although_the_repository_has_some(
    run: Run, tmp_path: Path
) -> None:
    root = work_tree(tmp_path, OURS, {"docs/README.md": "text"})
    assert run("validate", str(root / "docs")).exit == 2


def test_example_whose_paths_count_from_itself_is_a_repository_of_its_own(run: Run, tmp_path: Path) -> None:
    example = {f"examples/one/{path}": text for path, text in OURS.items()}
    root = work_tree(tmp_path, {"README.md": "text"}, example)
    changed = root / "examples/one/apps/shop/base/shop.yaml"
    changed.write_text(BROKEN)
    assert found(run, root / "examples/one") == [("GB303", "apps/shop/base/shop.yaml")]


def test_folder_that_git_ignores_is_a_repository_of_its_own(run: Run, tmp_path: Path) -> None:
    root = work_tree(tmp_path, {".gitignore": "/scratch/\n", "README.md": "x"})
    write(root / "scratch", {"shop/shop.yaml": BROKEN})
    assert ("GB303", "shop/shop.yaml") in found(run, root / "scratch")


def test_folder_of_a_repository_that_is_too_much_is_read_by_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"src/{number}.txt": "x" for number in range(30)}
    root = work_tree(tmp_path, many, dict(below("deploy", OURS)))
    assert found(run, root / "deploy") == []
    monkeypatch.setattr(index_files, "MAX_FILES", 25)
    result = run("validate", str(root / "deploy"))
    assert "deploy is read without the rest of" in result.err
    assert run("validate", str(root)).exit == 2


def test_ignored_files_environments_and_nested_repositories_are_not_read(run: Run, tmp_path: Path) -> None:
    root = work_tree(tmp_path, OURS, {".gitignore": "/vendor/\n*.local.yaml\n"})
    bad = {"bad.yaml": "a:\n\t- b\n", "apps.yaml": application("x", "gone", "x")}
    write(root / "vendor/x", bad)
    write(root / "env", {**bad, "pyvenv.cfg": "home = /usr\n"})
    write(root / "clusters/two", {"values.local.yaml": application("y", "gone", "y")})
    work_tree(root / "checkouts/other", bad)
    result = run("validate", str(root))
    assert (result.exit, result.out) == (0, ""), result.out
    assert "left out: 1 Git repository inside (checkouts/other)" in result.err
    assert json.loads(run("validate", str(root), "-o", "json").out)["leftOut"] == ["checkouts/other"]


def test_file_that_becomes_part_of_git_is_noticed(run: Run, tmp_path: Path) -> None:
    root = work_tree(tmp_path, OURS, {".gitignore": "apps/extra/\n"})
    write(root / "apps/extra", {"bad.yaml": "apiVersion: v1\nkind: A\na:\n\t- b\n"})
    assert found(run, root) == []
    git(root, "add", "--force", "apps/extra/bad.yaml")
    assert found(run, root) == [("GB101", "apps/extra/bad.yaml")]
    git(root, "rm", "--cached", "-q", "apps/extra/bad.yaml")
    assert found(run, root) == []
    (root / ".gitignore").write_text("")
    assert found(run, root) == [("GB101", "apps/extra/bad.yaml")]


def test_kustomization_that_names_an_ignored_file_cannot_be_built_by_argocd(run: Run, tmp_path: Path) -> None:
    base = OURS["apps/shop/base/kustomization.yaml"].replace(
        "- MODE=fast", "- MODE=fast\n    envs: [web.env]"
    )
    root = work_tree(tmp_path, OURS, {".gitignore": "*.env\n", "apps/shop/base/kustomization.yaml": base})
    (root / "apps/shop/base/web.env").write_text("A=b\n")
    result = run("validate", str(root))
    assert "error GB106: configMapGenerator names web.env, which git ignores" in result.out


def test_submodule_is_named_and_what_it_gives_is_not_an_error(run: Run, tmp_path: Path) -> None:
    work_tree(tmp_path / "shared", {"base/kustomization.yaml": "resources: []\n"})
    overlay = OVERLAY.replace("../../base", "../../base, ../../../../shared/base")
    root = work_tree(tmp_path / "repo", OURS)
    git(root, "submodule", "add", str(tmp_path / "shared"), "shared")
    write(root, {"apps/shop/overlays/dev/kustomization.yaml": overlay})
    other = application("other", "shared/base", "other")
    write(root, {"clusters/one/other.yaml": other})
    write(
        root,
        {
            "clusters/one/kustomization.yaml": OURS["clusters/one/kustomization.yaml"].replace(
                "project.yaml", "project.yaml\n  - other.yaml"
            )
        },
    )
    told = [("GB112", "apps/shop/overlays/dev/kustomization.yaml")]
    assert found(run, root) == told
    git(root, "submodule", "deinit", "--force", "shared")
    assert found(run, root) == told


def test_parent_of_repositories_says_that_they_are_to_be_named(run: Run, tmp_path: Path) -> None:
    work_tree(tmp_path / "one", OURS)
    result = run("validate", str(tmp_path))
    assert result.exit == 2
    assert "Git repositories in it are not read (one)" in result.err


def test_trace_graph_and_diff_read_the_whole_repository_from_a_folder(run: Run, tmp_path: Path) -> None:
    ingress = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n"
        "spec: {rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, "
        "backend: {service: {name: web, port: {name: http}}}}]}}]}\n"
    )
    base = OURS["apps/shop/base/kustomization.yaml"].replace("- shop.yaml", "- shop.yaml\n  - ingress.yaml")
    more = {"apps/shop/base/ingress.yaml": ingress, "apps/shop/base/kustomization.yaml": base}
    root = work_tree(tmp_path, dict(below("gitops", {**OURS, **more})))
    for folder in ("gitops", "gitops/apps/shop/overlays"):
        traced = run("trace", "shop.example.com", "--repo", str(root / folder))
        assert "Application argocd/shop-dev" in traced.out
        drawn = json.loads(run("graph", str(root / folder), "-o", "json").out)
        assert "shop-dev" in json.dumps(drawn)
        assert run("diff", str(root / folder)).exit == 0
    shop = root / "gitops/apps/shop/base/shop.yaml"
    shop.write_text(shop.read_text().replace("8080", "8081"))
    changes = json.loads(run("diff", str(root / "gitops/apps"), "-o", "json").out)["changes"]
    assert [(one["object"], one["application"]) for one in changes] == [
        ("Deployment shop-dev/web", "argocd/shop-dev")
    ]
    assert run("diff", str(root / "gitops/clusters")).exit == 0
    assert URL in (root / "gitops/clusters/one/root.yaml").read_text()
