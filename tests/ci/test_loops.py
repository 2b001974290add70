"""A GitOps repository that is the application's own: the commit of a bump starts no build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bootstrap.ci import loops
from bootstrap.ci.request import Service
from bootstrap.core.errors import ExitStatus
from tests.ci import laid_out
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import write

SAME = "https://github.com/org/shop.git"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
SHOP = {
    "Dockerfile": "FROM scratch\n",
    "main.go": "package main\n",
    OVERLAY: "images:\n- name: shop\n  newName: ghcr.io/org/shop\n  newTag: v1\n",
}


def repository(folder: Path, files: dict[str, str], remote: str | None = SAME) -> Path:
    root = write(folder, files)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "First")
    if remote:
        git(root, "remote", "add", "origin", remote)
    return root


def init(run: Run, provider: str, root: Path, *options: str, gitops: str = SAME) -> tuple[int, str]:
    ended = run(
        *("ci", "init", "--provider", provider, *laid_out.TOOL[provider], "--gitops-repo", gitops),
        *("--app", "shop", "--registry", "ghcr.io/org", "--branch", "main", *options, str(root)),
    )
    return ended.exit, ended.err


def starts(root: Path, service: str, changed: list[str]) -> bool:
    """Whether GitHub runs the service's workflow for these files: a file's last fitting pattern decides."""
    text = (root / ".github" / "workflows" / f"{service}.yml").read_text(encoding="utf-8")
    events = yaml.load(text, Loader=yaml.BaseLoader)["on"]  # noqa: S506 - the safest of all
    assert events["push"]["paths"] == events["pull_request"]["paths"]
    for path in changed:
        fits = False
        for pattern in events["push"]["paths"]:
            glob = re.escape(pattern.removeprefix("!")).replace(r"\*\*", ".*")
            if re.fullmatch(glob, path):
                fits = not pattern.startswith("!")
        if fits:
            return True
    return False


@pytest.mark.parametrize("remote", [SAME, "git@github.com:org/shop.git", "https://github.com/Org/Shop", None])
def test_a_bump_starts_no_build_and_a_change_of_the_source_does(
    run: Run, tmp_path: Path, remote: str | None
) -> None:
    root = repository(tmp_path / "shop", SHOP, remote)
    assert init(run, "github", root, "--entry", "shop=shop") == (0, "")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "CI")
    bump = run("image", "set", "shop=:v2", "--app", "shop", "--env", "dev", str(root))
    assert bump.exit == 0, bump.err
    changed = git(root, "diff", "--name-only").splitlines()
    assert changed == [OVERLAY]
    assert not starts(root, "shop", changed)
    assert starts(root, "shop", ["main.go"])
    assert starts(root, "shop", [OVERLAY, "main.go"])


def test_a_repository_of_its_own_has_all_of_its_paths(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path / "shop", SHOP)
    assert init(run, "github", root, gitops="https://github.com/org/gitops.git") == (0, "")
    assert starts(root, "shop", [OVERLAY])


def test_a_service_next_to_the_apps_is_unchanged(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path / "shop", {"web/Dockerfile": "FROM scratch\n", OVERLAY: SHOP[OVERLAY]})
    for provider in ("github", "gitlab"):
        assert init(run, provider, root) == (0, "")
    assert "!" not in (root / ".github/workflows/web.yml").read_text().partition("permissions:")[0]


def test_gitlab_refuses_what_it_cannot_leave_out(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path / "shop", SHOP)
    status, err = init(run, "gitlab", root)
    assert status == ExitStatus.INPUT
    assert "every bump would start the next build" in err
    assert "--service shop=FOLDER" in err
    assert not (root / ".gitlab-ci.yml").exists()


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_a_dockerfile_among_what_is_written_is_refused(run: Run, tmp_path: Path, provider: str) -> None:
    files = {"apps/shop/Dockerfile": "FROM scratch\n", OVERLAY: SHOP[OVERLAY]}
    root = repository(tmp_path / "shop", files)
    status, err = init(run, provider, root, "--service", "web=apps/shop")
    assert status == ExitStatus.INPUT
    assert "every bump would start the next build" in err
    write(root, {"apps/shop/src/Dockerfile": "FROM scratch\n"})
    assert init(run, provider, root, "--service", "web=apps/shop/src") == (0, "")


def test_what_is_written_is_where_the_app_is() -> None:
    assert loops.written([OVERLAY, "main.go"], "shop") == ["apps/shop"]
    assert loops.written(["infrastructure/shop/values.yaml"], "shop") == ["infrastructure/shop"]
    assert loops.written(["deploy/shop/overlays/dev/kustomization.yaml"], "shop") == [
        "deploy/shop/overlays/dev",
    ]
    assert loops.written(["main.go"], "shop") == ["apps/shop"]
    chart = ["charts/shop/values.yaml", "charts/shop/templates/a.yaml"]
    top = Service("shop", ".", "shop", ())
    assert loops.left_out(top, loops.written(chart, "shop"), chart, "github") == ["charts/shop"]


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (("Result", "vote"), "--service result=Result --service vote=vote"),
        (("My_App", "image"), "--service my-app=My_App --service image-service=image"),
        (("svc space", "vote"), "'svc space' cannot be in a path filter"),
        (("größe",), "rename it"),
    ],
)
def test_a_folder_that_gives_no_name_is_reported_with_the_options_that_do(
    run: Run, tmp_path: Path, folders: tuple[str, ...], told: str
) -> None:
    root = repository(tmp_path / "shop", {f"{folder}/Dockerfile": "FROM scratch\n" for folder in folders})
    status, err = init(run, "github", root, gitops="https://github.com/org/gitops.git")
    assert (status, told in err) == (ExitStatus.INPUT, True), err
    if "name every service: " in err:
        options = err.partition("name every service: ")[2].split()
        assert init(run, "github", root, *options, gitops="https://github.com/org/gitops.git") == (0, "")
