"""The wheel holds the catalog exactly, and works in an empty environment outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bootstrap import __version__
from bootstrap.layout import files
from tests.argocd_manifest import manifest
from tests.git_repositories import Bare

ROOT = Path(__file__).parents[1]
FOLDERS = ("apps", "clusters", "infrastructure")


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """A command's standard output; its whole output when it fails."""
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what Git tracks: no leftover of a build or a test gets into a package."""
    folder = tmp_path_factory.mktemp("source")
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for path in (path for path in listed if path and (ROOT / path).is_file()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((ROOT / path).read_bytes())
    return folder


@pytest.fixture(scope="module")
def packages(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source distribution, as `python -m build` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, source, cwd=folder)
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, archive


@pytest.fixture(scope="module")
def installed(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty virtual environment with the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--constraint", ROOT / "constraints.txt", packages[0], cwd=folder)
    return folder / "venv" / "bin"


def catalog_files(source: Path) -> set[str]:
    return {
        path.relative_to(source).as_posix()
        for folder in FOLDERS
        for path in (source / folder).rglob("*")
        if path.is_file()
    }


def test_wheel_holds_the_catalog_exactly(source: Path, packages: tuple[Path, Path]) -> None:
    start = "bootstrap/_catalog/"
    with zipfile.ZipFile(packages[0]) as wheel:
        held = {
            name.removeprefix(start): wheel.read(name) for name in wheel.namelist() if name.startswith(start)
        }
    assert held == {path: (source / path).read_bytes() for path in catalog_files(source)}


def test_what_an_earlier_build_left_is_in_no_wheel(source: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(source, tmp_path / "copy")
    gone = "bootstrap/_catalog/infrastructure/gone/application.yaml"
    (copy / "build" / "lib" / gone).parent.mkdir(parents=True)
    (copy / "build" / "lib" / gone).write_text("kind: Application\n")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", tmp_path, copy, cwd=tmp_path)
    (made,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as wheel:
        assert gone not in wheel.namelist()
        assert "bootstrap/_catalog/infrastructure/traefik/values.yaml" in wheel.namelist()


def test_wheel_holds_every_file_of_the_program(source: Path, packages: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(packages[0]) as wheel:
        held = {name for name in wheel.namelist() if name.startswith("bootstrap/") and "_catalog" not in name}
    wanted = {
        path.relative_to(source).as_posix() for path in (source / "bootstrap").rglob("*") if path.is_file()
    }
    assert held == wanted


def test_source_distribution_holds_the_catalog_exactly(source: Path, packages: tuple[Path, Path]) -> None:
    with tarfile.open(packages[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {name for name in names if name.partition("/")[0] in FOLDERS} == catalog_files(source)


def test_installed_program_prints_its_version_both_ways(installed: Path, tmp_path: Path) -> None:
    for command in ([installed / "bootstrap"], [installed / "python", "-m", "bootstrap"]):
        assert run(*command, "--version", cwd=tmp_path).strip() == f"bootstrap, version {__version__}"


def test_installed_program_lays_out_a_repository_outside_the_checkout(
    installed: Path, source: Path, tmp_path: Path
) -> None:
    bare = Bare(tmp_path / "gitops.git")
    file = tmp_path / "install.yaml"
    file.write_bytes(manifest())
    options = ["--repo-only", "--yes", "--author", "Ada <ada@example.org>", "--argocd-manifest", file]
    run(installed / "bootstrap", "init", bare.url, *options, cwd=tmp_path)
    assert set(bare.files()) == {*catalog_files(source), files.MANIFEST, "bootstrap.yaml"}


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", "complete -o nosort -F"),
        ("zsh", "#compdef bootstrap"),
        ("fish", "complete --no-files --command bootstrap"),
    ],
)
def test_completion_script_is_the_shells(installed: Path, tmp_path: Path, shell: str, words: str) -> None:
    assert words in run(installed / "bootstrap", "completion", shell, cwd=tmp_path)


def test_bash_takes_its_completion_script(installed: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run(installed / "bootstrap", "completion", "bash", cwd=tmp_path))
    said = run("bash", "-c", f"source {script} && complete -p bootstrap", cwd=tmp_path)
    assert "-F _bootstrap_completion bootstrap" in said


def test_completion_offers_commands_and_options(installed: Path, tmp_path: Path) -> None:
    words = {"_BOOTSTRAP_COMPLETE": "bash_complete", "COMP_WORDS": "bootstrap ini", "COMP_CWORD": "1"}
    assert run(installed / "bootstrap", cwd=tmp_path, **words).split() == ["plain,init"]
