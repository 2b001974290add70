"""`bootstrap init --signed-by`: Argo CD is to take signed commits alone, and so must be what init pushes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.layout.argocd_edits import FOLDER
from bootstrap.manifests.reader import load_all
from bootstrap.repository import tools
from tests.argocd_manifest import VERSION, manifest
from tests.commands.test_signed import policy
from tests.conftest import Result, Run
from tests.git_repositories import Bare, git
from tests.openpgp import Keys, keys
from tests.repositories import write

Init = Callable[..., Result]


@pytest.fixture
def openpgp() -> Iterator[Keys]:
    with keys() as found:
        yield found


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "host" / "gitops.git")


@pytest.fixture
def init(run: Run, bare: Bare, tmp_path: Path) -> Init:
    def call(*arguments: str, version: str = VERSION) -> Result:
        path = tmp_path / "install.yaml"
        path.write_bytes(manifest(version))
        given = ("--argocd-manifest", str(path), "--author", "Ada <ada@example.org>", "--yes")
        return run("init", bare.url, "--repo-only", *given, *arguments)

    return call


@pytest.fixture
def key(openpgp: Keys) -> str:
    """A key that git signs by."""
    found = openpgp.make("ada")
    (Path.home() / ".gitconfig").write_text(openpgp.configuration(found))
    return found


def policies(bare: Bare, cluster: str = "default") -> list[object]:
    projects = load_all(bare.files()[f"clusters/{cluster}/projects.yaml"].decode())
    return [project["spec"].get("sourceIntegrity") for project in projects]


def test_projects_and_keys_ask_for_the_signature_and_the_commits_have_it(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    result = init("--signed-by", str(openpgp.export(key, tmp_path / "ada.asc")), "--sign")
    assert result.exit == 0, result.err
    repos = [{"url": bare.url}, {"url": bare.url.removesuffix(".git")}]
    policy = {"repos": repos, "gpg": {"mode": "head", "keys": [key]}}
    assert policies(bare) == [{"git": {"policies": [policy]}}] * 2
    folder = write(tmp_path / "built", {path: text.decode() for path, text in bare.files().items()})
    built = tools.build(folder / FOLDER, Invocation(), folder)
    (known,) = (body for body in built if body["metadata"]["name"] == "argocd-gpg-keys-cm")
    assert list(known["data"]) == [key]
    assert "BEGIN PGP PUBLIC KEY BLOCK" in known["data"][key]
    for commit in git(bare.folder, "rev-list", "main").split():
        assert "gpgsig" in git(bare.folder, "cat-file", "commit", commit)
    assert "nothing to do" in init().out


def test_condition_that_a_person_wrote_into_an_appproject_counts(init: Init, bare: Bare, key: str) -> None:
    assert init().exit == 0
    path = "clusters/default/projects.yaml"
    bare.commit({path: bare.files()[path] + b"---\n" + policy(bare.url, key)})
    before = bare.tip()
    refused = init("--with", "loki")
    assert (refused.exit, bare.tip()) == (3, before)
    assert "would push unsigned ones" in refused.err
    assert init("--with", "loki", "--sign").exit == 0
    assert bare.tip() != before


def test_unsigned_commit_is_not_pushed_where_signatures_are_asked_for(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    file = str(openpgp.export(key, tmp_path / "ada.asc"))
    result = init("--signed-by", file)
    assert result.exit == 3
    assert "would push unsigned ones" in result.err
    assert bare.tip() is None
    assert init("--signed-by", file, "--sign").exit == 0
    again = init("--domain", "example.net")
    assert again.exit == 3
    assert "add --sign" in again.err
    assert init("--domain", "example.net", "--sign").exit == 0


def test_signature_of_another_kind_than_argo_cd_checks_is_refused(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    (Path.home() / ".gitconfig").write_text("[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = /x\n")
    result = init("--signed-by", str(openpgp.export(key, tmp_path / "ada.asc")), "--sign")
    assert result.exit == 3
    assert "sign by ssh" in result.err
    assert bare.tip() is None


def test_argo_cd_that_would_drop_the_condition_in_silence_is_refused(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    file = str(openpgp.export(key, tmp_path / "ada.asc"))
    result = init("--signed-by", file, "--sign", version="v3.4.9")
    assert result.exit == 3
    assert "Argo CD v3.4.9 cannot require signatures" in result.err
    assert bare.tip() is None


def test_another_cluster_of_the_repository_asks_for_the_same(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    assert init("--sign").exit == 0
    assert init("--sign", "--cluster", "edge").exit == 0
    assert policies(bare) == policies(bare, "edge") == [None, None]
    file = str(openpgp.export(key, tmp_path / "ada.asc"))
    result = init("--signed-by", file, "--sign", "--cluster", "edge")
    assert result.exit == 0, result.err
    assert policies(bare) == policies(bare, "edge")
    assert None not in policies(bare)
    assert init("--sign", "--cluster", "third").exit == 0
    assert policies(bare, "third") == policies(bare)


def test_what_is_no_public_key_is_refused(
    init: Init, bare: Bare, openpgp: Keys, key: str, tmp_path: Path
) -> None:
    other = openpgp.make("bob")
    files = {
        "text": "ssh-ed25519 AAAA",
        "two": openpgp.gpg("--armor", "--export"),
        "private": openpgp.gpg("--armor", "--export-secret-keys", key),
        "broken": openpgp.gpg("--armor", "--export", other).replace("A", "B"),
    }
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(content)
        result = init("--signed-by", str(path), "--sign")
        assert result.exit == 2, name
        assert "reading --signed-by" in result.err
    assert bare.tip() is None


def test_adopted_argo_cd_gets_no_keys(init: Init, openpgp: Keys, key: str, tmp_path: Path) -> None:
    file = str(openpgp.export(key, tmp_path / "ada.asc"))
    result = init("--signed-by", file, "--sign", "--adopt")
    assert result.exit == 2
    assert "argocd gpg add" in result.err
