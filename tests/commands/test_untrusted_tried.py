"""What docs/security.md says was tried as an attacker: nothing runs, nothing is read outside, runs end."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.commands.untrusted import APPLICATION, SECRET, Watched, overlay
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, application, write

pytestmark = pytest.mark.usefixtures("cache")

BASE = "apps/shop/base/shop.yaml"
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    "chart/values.yaml": "v: x\n",
    "chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    "data: {v: {{ .Values.v }}}\n",
}
OUTSIDE = f"v: {SECRET}\n"
PROGRAM = "\n".join(
    (
        "[core]\n\tfsmonitor = RUN\n\tsshCommand = RUN\n\tpager = RUN\n\teditor = RUN\n\thooksPath = HOOKS",
        "\talternateRefsCommand = RUN\n[diff]\n\texternal = RUN\n[gpg]\n\tprogram = RUN",
        "[log]\n\tshowSignature = true",
        '[filter "x"]\n\tclean = RUN\n\tsmudge = RUN\n\tprocess = RUN',
        '[diff "x"]\n\ttextconv = RUN\n\tcommand = RUN',
        "[alias]\n\tls-files = !RUN\n\tarchive = !RUN\n[include]\n\tpath = included",
        '[tar "tar"]\n\tcommand = RUN\n[merge "x"]\n\tdriver = RUN\n[gpg "ssh"]\n\tdefaultKeyCommand = RUN',
        '[credential]\n\thelper = !RUN\n[remote "origin"]\n\turl = ext::RUN\n\tuploadpack = RUN\n',
    )
)
"""What would make git run a program, in a repository's own configuration."""


def with_chart(helm: str) -> dict[str, str]:
    text = application("shop-dev", "chart", "shop-dev", 20)
    return CHART | {APPLICATION: text.replace("  destination:", f"    helm: {helm}\n  destination:")}


FILES: dict[str, Mapping[str, str]] = {
    "values by an address": with_chart("{valueFiles: ['http://ADDRESS/v.yaml']}"),
    "values outside": with_chart("{valueFiles: [../../outside/v.yaml, OUTSIDE/v.yaml]}"),
    "parameter outside": with_chart("{fileParameters: [{name: v, path: ../../outside/v.yaml}]}"),
    "kustomize outside": overlay(
        "openapi: {path: ../../../../../outside/v.yaml}\n"
        "replacements: [{path: ../../../../../outside/v.yaml}]\n"
        "configurations: [../../../../../outside/v.yaml]\ncrds: [../../../../../outside/v.yaml]\n"
    ),
    "entries that are no names": overlay("components: [{a: 1}]\nhelmCharts: [x, {a: [1]}]\n? [1, 2]\n: 3\n"),
    "chart of kustomize": overlay(
        "helmGlobals: {chartHome: ../../../..}\n"
        "helmCharts: [{name: chart, releaseName: --post-renderer=RUN}, "
        "{name: x, repo: 'http://ADDRESS/'}]\n"
    )
    | CHART,
    "function that is a program": overlay("generators: [f.yaml]\n")
    | {
        "apps/shop/overlays/dev/f.yaml": "apiVersion: x/v1\nkind: X\nmetadata: {name: x, annotations: "
        "{config.kubernetes.io/function: 'exec: {path: RUN}'}}\n",
        "clusters/one/kustomization.yaml": OURS["clusters/one/kustomization.yaml"] + "  - cm.yaml\n",
        "clusters/one/cm.yaml": "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: argocd-cm, namespace: argocd}\n"
        "data: {kustomize.buildOptions: --enable-alpha-plugins --enable-exec --helm-command=RUN}\n",
    },
    "plugin": {
        APPLICATION: OURS[APPLICATION].replace(
            "  destination:", "    plugin: {name: ../../x, env: [{name: A, value: $(RUN)}]}\n  destination:"
        )
    },
    "deep": {BASE: "[" * 100_000 + "]" * 100_000},
    "deep sequence": {BASE: "- " * 20_000},
    "anchor in itself": {BASE: "&a [*a]\n"},
    "Python": {BASE: '!!python/object/apply:os.system ["RUN"]\n'},
    "bomb as record": {
        "bootstrap.yaml": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    },
    "submodules": {
        ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::RUN\n\tupdate = !RUN\n'
    },
    "settings in the folder": {
        ".netrc": "default login x password y\n",
        ".gitconfig": "[core]\n\tfsmonitor = RUN\n",
        ".curlrc": "output = RAN\n",
    },
}  # fmt: skip


def link(to: str, *places: str) -> Callable[[Path], None]:
    def made(root: Path) -> None:
        for place in places:
            (root / place).unlink(missing_ok=True)
            (root / place).symlink_to(to)

    return made


def pipe(place: str) -> Callable[[Path], None]:
    def made(root: Path) -> None:
        (root / place).unlink(missing_ok=True)
        os.mkfifo(root / place)

    return made


def chain(number: int) -> Callable[[Path], None]:
    """Links that lead to each other, more than the system follows, the last to a file."""

    def make(root: Path) -> None:
        for one in range(number):
            (root / f"apps/shop/base/c{one}.yaml").symlink_to(f"c{one + 1}.yaml")
        (root / f"apps/shop/base/c{number}.yaml").write_text("apiVersion: v1\n")

    return make


def archive(root: Path) -> None:
    """A chart in a chart, whose archive leads outside."""
    write(root, with_chart("{}"), {"chart/charts/x": ""})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("d/Chart.yaml", "d/../../../ran", "../../ran", "/tmp/ran-of-a-test"):  # noqa: S108
            item = tarfile.TarInfo(name)
            content = b"apiVersion: v2\nname: d\nversion: 1.0.0\n"
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
    (root / "chart/charts/d-1.0.0.tgz").write_bytes(packed.getvalue())


RECORD, KUSTOMIZATION = "bootstrap.yaml", "apps/shop/base/kustomization.yaml"
PLACES: dict[str, Callable[[Path], None]] = {
    "record outside": link("../outside/v.yaml", RECORD),
    "record without end": link("/dev/zero", RECORD),
    "record of the process": link("/proc/self/environ", RECORD),
    "record that waits": pipe(RECORD),
    "manifest that waits": pipe(BASE),
    "manifest without end": link("/dev/zero", BASE),
    "kustomization of the machine": link("/etc/passwd", KUSTOMIZATION),
    "cycle": link(".", "apps/shop/base/loop", "apps/shop/loop"),
    "chain": chain(60),
    "submodules without end": link("/dev/zero", ".gitmodules"),
    "archive": archive,
}  # fmt: skip


def settled(files: Mapping[str, str], watched: Watched, folder: Path) -> dict[str, str]:
    """The files with the address, the marker's program and the folder outside in their places."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    program.chmod(0o755)
    write(folder, {"outside/v.yaml": OUTSIDE})
    names = {"ADDRESS": watched.address, "RUN": str(program), "RAN": f"{folder}/ran"}
    names["OUTSIDE"] = f"{folder}/outside"
    for name, value in names.items():
        files = {path: text.replace(name, value) for path, text in files.items()}
    return dict(files)


def check(run: Run, root: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for command in (("validate", "."), ("image", "list"), ("graph", ".", "--resources")):
        result = run(*command, env={"A_SECRET": SECRET})
        assert result.exit in (0, *(ExitStatus.NO, ExitStatus.INPUT, ExitStatus.REFUSED)), result.err
        assert SECRET not in result.out + result.err
    assert not (root.parent / "ran").exists()
    assert not watched.was_asked()


@pytest.mark.parametrize("what", FILES)
def test_hostile_file_runs_nothing_and_reaches_nothing_outside(
    run: Run, tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    root = write(tmp_path / "repository", OURS, settled(FILES[what], watched, tmp_path))
    check(run, root, watched, monkeypatch)


@pytest.mark.parametrize("what", PLACES)
def test_hostile_place_is_neither_followed_nor_waited_for(
    run: Run, tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    settled({}, watched, tmp_path)
    root = write(tmp_path / "repository", OURS)
    PLACES[what](root)
    check(run, root, watched, monkeypatch)


@pytest.mark.parametrize("bare", [False, True], ids=["of the folder", "of a bare repository inside"])
def test_hostile_configuration_of_git_runs_no_program(
    run: Run, tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch, bare: bool
) -> None:
    root = write(tmp_path / "repository", OURS, {".gitattributes": "* filter=x diff=x merge=x\n"})
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    if bare:
        git(root, "init", "-q", "--bare", "apps/bare")
        config = root / "apps/bare/config"
    else:
        shutil.move(root / ".git", tmp_path / "evil")
        (root / ".git").write_text(f"gitdir: {tmp_path}/evil\n")
        config = tmp_path / "evil/config"
    text = settled({"config": PROGRAM.replace("HOOKS", str(tmp_path))}, watched, tmp_path)["config"]
    config.write_text(config.read_text() + text)
    config.with_name("included").write_text(text)
    for hook in ("post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction"):
        shutil.copy(tmp_path / "program", tmp_path / hook)
    check(run, root, watched, monkeypatch)
    monkeypatch.chdir(root / "apps/bare" if bare else root)
    run("image", "list")
    run("diff", str(root), "--rev", "HEAD..HEAD")
    run("diff", str(root))
    run("validate", str(root), "--changed-since", "HEAD")
    run("image", "set", "registry.example.com/web=:2", "--dry-run")
    assert not (tmp_path / "ran").exists()


def test_file_that_attributes_keep_out_of_exports_is_compared_too(run: Run, tmp_path: Path) -> None:
    """`git archive` leaves it out, and Argo CD applies it."""
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
    plain = {APPLICATION: application("shop-dev", "plain", "shop-dev", 20)}
    root = write(tmp_path / "repository", OURS, plain, {"plain/a.yaml": manifest.replace("NAME", "a")})
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    hidden = ".gitattributes export-ignore\n/plain/b.yaml export-ignore\n/plain/c export-ignore\n"
    write(root, {".gitattributes": hidden, "plain/b.yaml": manifest.replace("NAME", "b")})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "y")
    compared = run("diff", str(root), "--rev", "HEAD~1..HEAD")
    assert compared.exit == 1, compared.err
    assert "+ ConfigMap shop-dev/b" in compared.out


@pytest.mark.parametrize("gone", ["HEAD", "HEAD~1", "HEAD~1:apps/shop/base/shop.yaml"])
def test_program_that_fetches_for_a_partial_clone_is_not_run(run: Run, tmp_path: Path, gone: str) -> None:
    """Git runs what a repository's own configuration names, as soon as it looks for a missing object."""
    root = write(tmp_path / "repository", OURS)
    git(root, "init", "-q")
    for _ in range(2):
        git(root, "add", "-A")
        git(root, "commit", "-qm", "x")
        write(root, {BASE: OURS[BASE] + "# more\n"})
    name = git(root, "rev-parse", gone)
    (root / ".git/objects" / name[:2] / name[2:]).unlink()
    config = root / ".git/config"
    config.write_text(
        f"{config.read_text()}\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\turl = {root}\n\tpromisor = true\n\tuploadpack = "touch {tmp_path}/ran;"\n'
    )
    for command in (
        ("diff", str(root), "--rev", "HEAD~1..HEAD"),
        ("diff", str(root), "--rev", "HEAD~1"),
        ("diff", str(root), "--rev", "HEAD~1...HEAD"),
        ("validate", str(root), "--changed-since", "HEAD~1"),
        ("validate", str(root)),
        ("image", "list", str(root)),
        ("graph", str(root)),
        ("trace", "web.example.com", "--repo", str(root)),
    ):
        assert run(*command).exit in range(0, 11)
        assert not (tmp_path / "ran").exists(), command


@pytest.mark.parametrize("what", ["deep", "without end", "huge", "waits", "no list", "no text"])
def test_hostile_baseline_is_an_error(run: Run, tmp_path: Path, what: str) -> None:
    root = write(tmp_path / "repository", OURS)
    baseline = root / "baseline.json"
    if what == "waits":
        os.mkfifo(baseline)
    elif what == "without end":
        baseline.symlink_to("/dev/zero")
    elif what == "huge":
        with baseline.open("wb") as file:
            file.truncate(1 << 40)
    else:
        content = {"deep": b"[" * 100_000, "no list": b'{"findings": [{"id": []}]}', "no text": b"\xff"}
        baseline.write_bytes(content[what])
    result = run("validate", str(root), "--baseline", str(baseline))
    assert result.exit == ExitStatus.INPUT
    assert "reading the baseline" in result.err


@pytest.mark.parametrize("name", [".git", ".git/config", ".git/packed-refs"])
def test_huge_file_of_git_is_not_read_into_memory(run: Run, tmp_path: Path, name: str) -> None:
    """It takes no room on the disk, and would take all memory."""
    root = write(tmp_path / "repository", OURS)
    if name != ".git":
        git(root, "init", "-q")
    with (root / name).open("wb") as file:
        file.truncate(1 << 40)
    for command in ("validate", "graph"):
        assert run(command, str(root)).exit in (0, ExitStatus.NO, ExitStatus.INPUT, ExitStatus.REFUSED)


@pytest.mark.parametrize("folder", ["apps", "apps/shop/base"])
def test_line_in_gitmodules_keeps_no_tracked_file_from_being_read(
    run: Run, tmp_path: Path, folder: str
) -> None:
    """Argo CD applies those files, and an error in them was not found."""
    wrong = {BASE: OURS[BASE].replace("name: web\n          image:", "name: web\n          imagee:", 1)}
    root = write(tmp_path / "repository", OURS, wrong)
    (root / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {folder}\n\turl = ../x\n')
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "x")
    result = run("validate", str(root))
    assert result.exit == ExitStatus.NO
    assert "imagee" in result.out
    assert "nothing was left out" in result.err


@pytest.mark.parametrize("content", [b"/a" * 3000, b"/a\0b", b"\xff", b"x\n::error::y", b""])
def test_git_file_that_names_no_path_is_an_error_of_the_input(
    run: Run, tmp_path: Path, content: bytes
) -> None:
    root = write(tmp_path / "repository", OURS, {".git": b"gitdir: " + content})
    for command in (("validate", str(root)), ("image", "list", str(root)), ("graph", str(root))):
        assert run(*command).exit in (0, ExitStatus.NO, ExitStatus.INPUT, ExitStatus.REFUSED)
