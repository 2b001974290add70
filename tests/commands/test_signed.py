"""Every command that commits signs when asked, and makes no unsigned commit where Argo CD takes none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.openpgp import Keys, keys
from tests.packages import NEEDS_SSH

ROOT = Path(__file__).parents[2]
AUTHOR = ("--author", "Ada <ada@example.org>")
UNSIGNED = "would push unsigned ones"
APP = ("app", "add", "shop", "--image", "registry.example.com/shop:v1", "--port", "8080", "--env", "dev")
COMMANDS = {
    "component": ("component", "enable", "loki"),
    "app add": APP,
    "app remove": ("app", "remove", "voting-app", "--force"),
    "env add": ("env", "add", "qa", "--from", "dev", "--app", "voting-app"),
    "image": (
        "image",
        "set",
        "dockersamples/examplevotingapp_vote=:v9",
        "--app",
        "voting-app",
        "--env",
        "dev",
    ),
}


@pytest.fixture
def openpgp() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def key(openpgp: Keys) -> str:
    """A key that git signs by."""
    found = openpgp.make("ada")
    (Path.home() / ".gitconfig").write_text(openpgp.configuration(found))
    return found


@pytest.fixture
def catalog() -> dict[str, bytes]:
    folders = ("apps", "clusters", "infrastructure")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def bare(tmp_path: Path, catalog: dict[str, bytes]) -> Bare:
    made = Bare(tmp_path / "host.git")
    made.commit(catalog)
    return made


def record(key: str) -> bytes:
    """What `init --signed-by` records."""
    return f"argocd:\n  version: v3.5.0\n  signedBy: [{key}]\nclusters: {{}}\n".encode()


def policy(url: str, key: str, mode: str = "head") -> bytes:
    """A project whose condition a person has written."""
    gpg = f"{{mode: {mode}, keys: [{key}]}}"
    return (
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: own}\nspec:\n"
        f"  sourceIntegrity: {{git: {{policies: [{{repos: [{{url: {url!r}}}], gpg: {gpg}}}]}}}}\n"
    ).encode()


def signature(bare: Bare) -> str:
    """The header of the newest commit's signature; "" without one."""
    raw = git(bare.folder, "cat-file", "commit", "main")
    return next((line for line in raw.splitlines() if line.startswith("gpgsig ")), "")


@pytest.mark.parametrize("name", COMMANDS)
def test_commit_is_signed_on_request_and_refused_without_where_signatures_are_required(
    run: Run, bare: Bare, openpgp: Keys, key: str, name: str
) -> None:
    bare.commit({"bootstrap.yaml": record(key)})
    before, to = bare.tip(), ("--repo", bare.url, "--push", *AUTHOR)
    refused = run(*COMMANDS[name], *to)
    assert refused.exit == ExitStatus.REFUSED
    assert UNSIGNED in refused.err
    assert "bootstrap.yaml" in refused.err
    assert "--sign" in refused.err
    assert bare.tip() == before
    done = run(*COMMANDS[name], *to, "--sign")
    assert done.exit == 0, done.err
    assert bare.tip() != before
    checked = subprocess.run(
        ["git", "-c", f"gpg.program={openpgp.program}", "verify-commit", "--raw", "main"],
        cwd=bare.folder,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0
    assert f"GOODSIG {key}" in checked.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_no_signature_is_asked_for_where_none_is_required(run: Run, bare: Bare, name: str) -> None:
    before = bare.tip()
    assert run(*COMMANDS[name], "--repo", bare.url, "--push", *AUTHOR).exit == 0
    assert (bare.tip() != before, signature(bare)) == (True, "")


def test_same_is_refused_from_a_work_tree(
    run: Run, bare: Bare, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.commit({"bootstrap.yaml": record(key)})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", bare.url, str(clone))
    monkeypatch.chdir(clone)
    before = bare.tip()
    refused = run(*COMMANDS["component"], "--push", *AUTHOR)
    assert (refused.exit, bare.tip()) == (ExitStatus.REFUSED, before)
    assert run(*COMMANDS["component"], "--push", "--sign", *AUTHOR).exit == 0
    assert signature(bare) == "gpgsig -----BEGIN PGP SIGNATURE-----"


def test_layout_in_a_folder_and_another_clusters_project_count_too(
    run: Run, tmp_path: Path, catalog: dict[str, bytes], key: str
) -> None:
    bare = Bare(tmp_path / "host.git")
    deep = {f"platform/gitops/{path}": content for path, content in catalog.items()}
    bare.commit(deep | {"platform/gitops/clusters/edge/projects.yaml": policy(f"{tmp_path}*", key)})
    to = ("--repo", bare.url, "--path", "platform/gitops", "--push", *AUTHOR)
    assert run(*COMMANDS["component"], *to).exit == 0  # the policy is about other repositories
    bare.commit({"platform/gitops/clusters/edge/projects.yaml": policy(bare.url, key)})
    refused = run("component", "disable", "loki", *to)
    assert refused.exit == ExitStatus.REFUSED
    assert "platform/gitops/clusters/edge/projects.yaml" in refused.err
    bare.commit({"platform/gitops/clusters/edge/projects.yaml": policy(bare.url, key, "none")})
    assert run("component", "disable", "loki", *to).exit == 0
    bare.commit({"platform/gitops/bootstrap.yaml": record(key)})
    refused = run(
        "image",
        "set",
        "dockersamples/examplevotingapp_vote=:v9",
        "platform/gitops/apps/voting-app/overlays/dev",
        *to[:2],
        "--push",
    )
    assert refused.exit == ExitStatus.REFUSED
    assert "platform/gitops/bootstrap.yaml" in refused.err


def test_image_reads_an_appproject_too_where_its_files_are_here(
    run: Run, bare: Bare, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.commit({"clusters/default/more/projects.yaml": policy(bare.url, key)})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", bare.url, str(clone))
    monkeypatch.chdir(clone)
    before = bare.tip()
    refused = run(*COMMANDS["image"], "--push", *AUTHOR)
    assert (refused.exit, bare.tip()) == (ExitStatus.REFUSED, before)
    assert "clusters/default/more/projects.yaml" in refused.err
    assert run(*COMMANDS["image"], "--push", "--sign", *AUTHOR).exit == 0
    assert signature(bare) == "gpgsig -----BEGIN PGP SIGNATURE-----"


def test_image_without_a_work_tree_says_that_it_did_not_read_the_appprojects(
    run: Run, bare: Bare, key: str
) -> None:
    bare.commit({"clusters/default/more/projects.yaml": policy(bare.url, key)})
    to = ("--repo", bare.url, "--push", *AUTHOR)
    unsigned = run(*COMMANDS["image"], "--verbose", *to)
    assert (unsigned.exit, signature(bare)) == (0, "")
    said = "bootstrap.yaml asks for no signature; the AppProjects, which may ask, were not read"
    assert said in unsigned.err
    bare.commit({"bootstrap.yaml": record(key)})
    refused = run(*(one.replace("v9", "v10") for one in COMMANDS["image"]), "--verbose", *to)
    assert refused.exit == ExitStatus.REFUSED
    assert said not in refused.err


@NEEDS_SSH
def test_signature_that_argo_cd_cannot_check_is_refused_where_one_is_required(
    run: Run, bare: Bare, tmp_path: Path
) -> None:
    ssh = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh)], check=True)
    (Path.home() / ".gitconfig").write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {ssh}\n")
    to = ("--repo", bare.url, "--push", "--sign", *AUTHOR)
    assert run("component", "enable", "loki", *to).exit == 0
    assert signature(bare) == "gpgsig -----BEGIN SSH SIGNATURE-----"
    bare.commit({"bootstrap.yaml": record("0123456789ABCDEF")})
    refused = run("component", "disable", "loki", *to)
    assert refused.exit == ExitStatus.REFUSED
    assert "configured to sign by ssh" in refused.err


def test_signing_without_a_commit_is_refused_and_a_key_that_is_missing_is_named(
    run: Run, bare: Bare, key: str, openpgp: Keys
) -> None:
    alone = run("component", "enable", "loki", "--repo", bare.url, "--dry-run", "--sign")
    assert alone.exit == ExitStatus.INPUT
    assert "--sign describes a commit, but none is made" in alone.err
    (Path.home() / ".gitconfig").write_text(openpgp.configuration("nobody@example.org"))
    before = bare.tip()
    failed = run("component", "enable", "loki", "--repo", bare.url, "--push", "--sign", *AUTHOR)
    assert failed.exit != 0
    assert "user.signingKey" in failed.err
    assert bare.tip() == before


def test_cluster_is_taken_out_of_git_by_a_signed_commit_where_another_cluster_remains(
    run: Run, bare: Bare, catalog: dict[str, bytes], key: str
) -> None:
    edge = {
        path.replace("/default/", "/edge/"): text for path, text in catalog.items() if "clusters/" in path
    }
    bare.commit(edge | {"bootstrap.yaml": record(key)})
    before = bare.tip()
    gone = ("uninstall", bare.url, "--cluster-gone", "--cluster", "edge", "--yes", "edge", *AUTHOR)
    refused = run(*gone)
    assert refused.exit == ExitStatus.REFUSED
    assert UNSIGNED in refused.err
    assert bare.tip() == before
    assert run(*gone, "--sign").exit == 0
    assert signature(bare) == "gpgsig -----BEGIN PGP SIGNATURE-----"
