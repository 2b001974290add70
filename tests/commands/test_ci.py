"""`bootstrap ci init` writes what is missing, keeps what a person changed, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from bootstrap.layout.settings import Settings, render_record
from tests.ci import laid_out
from tests.ci.laid_out import ACTION, GITOPS, TOOL
from tests.conftest import Run
from tests.git_repositories import Bare, git

APP = ("--app", "shop", "--gitops-repo", GITOPS, "--registry", "ghcr.io/org")
FILES = {
    "github": {f".github/workflows/{name}.yml" for name in ("web", "image", "bump-image")},
    "gitlab": {
        ".gitlab-ci.yml",
        *(f".gitlab/ci/{name}.yml" for name in ("services/web", "image", "bump-image")),
    },
}


def init(run: Run, provider: str, root: Path, *options: str) -> tuple[int, str, str]:
    ended = run("ci", "init", "--provider", provider, *TOOL[provider], *APP, *options, str(root))
    return ended.exit, ended.out, ended.err


def written(root: Path) -> set[str]:
    """Every file but the Dockerfiles, which were there."""
    files = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {path for path in files if not path.startswith(".git/") and not path.endswith("Dockerfile")}


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_files_are_written_once(run: Run, tmp_path: Path, provider: str) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    status, out, _ = init(run, provider, root, "--dry-run")
    assert status == ExitStatus.NO
    assert written(root) == set()
    status, out, err = init(run, provider, root)
    assert (status, err) == (0, "")
    assert written(root) == FILES[provider]
    assert all(f"wrote {path}\n" in out for path in FILES[provider])
    assert "GITOPS_TOKEN" in out
    assert init(run, provider, root) == (0, "nothing to do: every file exists\n", "")
    assert init(run, provider, root, "--dry-run")[0] == 0


def test_a_service_is_added_next_to_those_that_are_there(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    init(run, "github", root)
    (root / "api").mkdir()
    (root / "api" / "Dockerfile").write_text("FROM scratch\n")
    status, out, _ = init(run, "github", root)
    assert status == 0
    assert out.startswith("wrote .github/workflows/api.yml\n\nto do:")


def test_branch_is_the_repositorys_and_a_layouts_is_the_one_that_argo_cd_follows(
    run: Run, tmp_path: Path
) -> None:
    def branch(root: Path, file: str, *options: str) -> str:
        ended = run("ci", "init", "--provider", "github", *TOOL["github"], *options, str(root))
        assert ended.exit == 0, ended.err
        return (root / ".github/workflows" / file).read_text().split("branches:\n      - ")[1].split()[0]

    bare = Bare(tmp_path / "web.git")
    bare.commit({"Dockerfile": b"FROM scratch\n"}, branch="trunk")
    git(bare.folder, "symbolic-ref", "HEAD", "refs/heads/trunk")
    git(tmp_path, "clone", "--quiet", bare.url, "web")
    git(tmp_path / "web", "checkout", "--quiet", "-b", "feature")
    assert branch(tmp_path / "web", "web.yml", *APP[2:]) == "trunk"
    layout = tmp_path / "gitops"
    layout.mkdir()
    git(layout, "init", "--quiet", "--initial-branch=work")
    assert branch(layout, "gitops.yml", "--gitops") == "work"
    (layout / ".github/workflows/gitops.yml").unlink()
    record = render_record(None, Settings("https://git.example.com/a/b.git", "live"), "0.1.0", "a" * 40)
    (layout / "bootstrap.yaml").write_bytes(record)
    assert branch(layout, "gitops.yml", "--gitops") == "live"
    (layout / ".github/workflows/gitops.yml").unlink()
    assert branch(layout, "gitops.yml", "--gitops", "--branch", "other") == "other"


@pytest.mark.parametrize("action", ["OWNER/REPO@COMMIT", "acme/bootstrap@COMMIT", "OWNER/bootstrap@v1"])
def test_placeholder_of_the_documentation_is_refused(run: Run, tmp_path: Path, action: str) -> None:
    ended = run("ci", "init", "--provider", "github", "--action", action, "--gitops", str(tmp_path))
    assert ended.exit == ExitStatus.INPUT
    assert "placeholder" in ended.err
    assert written(tmp_path) == set()


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_an_edit_of_the_user_is_kept_and_shown(run: Run, tmp_path: Path, provider: str) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    init(run, provider, root)
    path = next(path for path in sorted(FILES[provider]) if path.endswith("/web.yml"))
    edited = (root / path).read_text().replace('test: ""', "test: make test")
    (root / path).write_text(edited)
    status, out, _ = init(run, provider, root)
    assert status == ExitStatus.NO
    assert (root / path).read_text() == edited
    assert f"kept {path}, which differs" in out
    assert "test: make test\n" in out
    assert "+" in out
    data = json.loads(init(run, provider, root, "-o", "json")[1])
    assert data["changed"] is False
    assert {file["path"]: file["change"] for file in data["files"]} == {
        one: "keep" if one == path else "none" for one in FILES[provider]
    }


def test_the_registry_comes_from_the_remote(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    options = ("ci", "init", "--provider", "github", "--action", ACTION, "--gitops-repo", GITOPS, str(root))
    refused = run(*options)
    assert (refused.exit, written(root)) == (ExitStatus.INPUT, set())
    assert "--registry" in refused.err
    git(root, "remote", "add", "origin", "git@github.com:Org/shop.git")
    assert run(*options).exit == 0
    assert "images: ghcr.io/org/web\n" in (root / ".github" / "workflows" / "web.yml").read_text()


def test_an_app_with_its_dockerfile_at_the_top_is_one_service(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop")
    (root / "Dockerfile").write_text("FROM scratch\n")
    assert init(run, "github", root)[0] == 0
    text = (root / ".github" / "workflows" / "shop.yml").read_text()
    assert "      - '**'\n" in text or '      - "**"\n' in text
    assert "context: .\n" in text


def test_the_dockerfile_of_a_hidden_folder_is_a_tools_and_no_service(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    (root / ".devcontainer").mkdir()
    (root / ".devcontainer" / "Dockerfile").write_text("FROM scratch\n")
    status, _, err = init(run, "github", root)
    assert status == 0, err
    assert (root / ".github" / "workflows" / "web.yml").is_file()


def test_it_is_for_the_repository_that_it_is_run_in(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "gitops", "web")
    (root / "clusters").mkdir()
    (root / "bootstrap.yaml").write_text("{}\n")
    status, _, err = init(run, "github", root)
    assert (status, written(root)) == (ExitStatus.INPUT, {"bootstrap.yaml"})
    assert "--gitops" in err
    options = (
        "ci",
        "init",
        "--provider",
        "github",
        "--action",
        ACTION,
        "--gitops",
        "--branch",
        "trunk",
        str(root / "web"),
    )
    assert run(*options).exit == 0
    assert "      - trunk\n" in (root / ".github" / "workflows" / "gitops.yml").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--provider", "github"), "--action"),
        (("--provider", "gitlab"), "--image"),
        (("--provider", "gitlab", "--action", ACTION), "--action has no effect"),
        (("--provider", "github", "--action", ACTION, "--gitops", "--app", "shop"), "combined with --gitops"),
        (("--provider", "github", "--action", ACTION, "--service", "web"), "NAME=VALUE"),
        (("--provider", "github", "--action", ACTION, "--service", "a=web", "--service", "a=b"), "twice"),
        (("--provider", "github", "--action", ACTION), "--gitops-repo"),
        (("--provider", "github", "--action", ACTION, *APP, "--service", "web=no"), "has no Dockerfile"),
    ],
)
def test_what_is_missing_or_does_not_go_together_is_reported(
    run: Run, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    refused = run("ci", "init", *options, str(root))
    assert (refused.exit, written(root)) == (ExitStatus.INPUT, set())
    assert told in refused.err


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_the_voting_apps_services_are_found_by_the_names_that_are_laid_out(
    run: Run, tmp_path: Path, environment: str
) -> None:
    """APP/SERVICE is what `entry` is without --entry; here on the shipped catalog."""
    shutil.copytree(Path(__file__).parents[2] / "apps", tmp_path / "apps")
    names = [f"voting-app/{service}=:v9" for service in laid_out.SERVICES]
    ended = run("image", "set", *names, str(tmp_path), "--env", environment, "--dry-run", "-o", "json")
    assert ended.exit == ExitStatus.NO, ended.err
    before = [image["before"]["repository"] for image in json.loads(ended.out)["images"]]
    assert before == [f"dockersamples/examplevotingapp_{service}" for service in laid_out.SERVICES]


def test_a_link_in_the_files_place_is_not_followed(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "shop", "web")
    (tmp_path / "elsewhere").mkdir()
    (root / ".github").symlink_to(tmp_path / "elsewhere")
    assert init(run, "github", root)[0] == ExitStatus.REFUSED
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_action_that_can_be_replaced_is_warned_of(run: Run, tmp_path: Path) -> None:
    root = laid_out.repository(tmp_path / "gitops")
    ended = run("ci", "init", "--provider", "github", "--action", "org/bootstrap@v1", "--gitops", str(root))
    assert ended.exit == 0
    assert "pin it by a commit" in ended.err
