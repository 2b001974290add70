"""Components are switched by one line: requirements come along, alternatives are refused, comments stay."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bootstrap.core.errors import ExitStatus
from tests.conftest import Run

ROOT = Path(__file__).parents[2]
FILE = "clusters/default/kustomization.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a bare repository that holds the catalog; the current folder."""
    bare, clone = tmp_path / "bare.git", tmp_path / "clone"
    git("init", "-q", "--bare", "--initial-branch=main", str(bare))
    git("clone", "-q", f"file://{bare}", str(clone))
    for folder in ("apps", "clusters", "infrastructure"):
        shutil.copytree(ROOT / folder, clone / folder)
    for arguments in (("checkout", "-q", "-B", "main"), ("add", "-A"), ("commit", "-q", "-m", "Lay out")):
        git("-c", "user.name=a", "-c", "user.email=a@b.example", *arguments, folder=clone)
    git("push", "-q", "-u", "origin", "main", folder=clone)
    monkeypatch.chdir(clone)
    return clone


def git(*arguments: str, folder: Path | None = None) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def second_cluster(repository: Path) -> None:
    shutil.copytree(repository / "clusters/default", repository / "clusters/edge")
    for path in (repository / "clusters/edge").glob("*.yaml"):
        path.write_text(path.read_text().replace("clusters/default", "clusters/edge"))


def changed(repository: Path) -> list[str]:
    """The lines that differ from the last commit, with `+` and `-`."""
    lines = git("diff", "-U0", folder=repository).splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def test_list_and_show_say_what_is_on_and_what_each_brings(run: Run, repository: Path) -> None:
    listed = {item["name"]: item for item in json.loads(run("component", "list", "-o", "json").out)}
    assert (listed["traefik"]["state"], listed["loki"]["state"]) == ("on", "off")
    assert listed["loki"]["provides"] == "logs"
    shown = json.loads(run("component", "show", "loki", "-o", "json").out)
    assert {"loki", "alloy"} <= set(shown["charts"])
    assert "folder    infrastructure/loki" in run("component", "show", "loki").out


def test_enabling_changes_one_line_and_no_other_byte(run: Run, repository: Path) -> None:
    result = run("component", "enable", "loki")
    assert result.exit == 0
    line = "- ../../infrastructure/loki  # logs in Grafana, with Alloy"
    assert changed(repository) == [f"-  # {line}", f"+  {line}"]
    assert run("component", "disable", "loki").exit == 0
    assert changed(repository) == []


def test_what_a_component_requires_comes_along_and_is_reported(run: Run, repository: Path) -> None:
    assert run("component", "disable", "traefik", "cert-manager", "gateway-api").exit == 0
    result = run("component", "enable", "traefik", "-o", "json")
    assert result.exit == 0
    answer = json.loads(result.out)
    assert answer["switched"][-1] == "traefik"
    assert set(answer["because"]) == set(answer["switched"]) - {"traefik"} != set()
    assert set(answer["because"].values()) == {"traefik"}


def test_an_alternative_is_refused_with_the_reason_unless_it_is_meant(run: Run, repository: Path) -> None:
    refused = run("component", "enable", "ingress-nginx")
    assert refused.exit == ExitStatus.REFUSED
    assert "traefik is on and provides ingress, too" in refused.err
    assert changed(repository) == []
    assert run("component", "enable", "loki", "elastic").exit == ExitStatus.REFUSED
    meant = run("component", "enable", "ingress-nginx", "--both")
    assert meant.exit == 0
    assert "warning: ingress-nginx" in meant.err


def test_what_others_stand_on_is_not_switched_off_alone(run: Run, repository: Path) -> None:
    refused = run("component", "disable", "gateway-api")
    assert refused.exit == ExitStatus.REFUSED
    assert "traefik" in refused.err
    assert "cert-manager" in refused.err
    assert changed(repository) == []


def test_the_way_out_names_the_cluster_that_was_given_and_is_taken(run: Run, repository: Path) -> None:
    second_cluster(repository)
    refused = run("component", "disable", "gateway-api", "--cluster", "edge")
    assert refused.exit == ExitStatus.REFUSED
    way_out = refused.err.partition("switch them off together: ")[2].splitlines()[0]
    assert way_out.startswith("bootstrap component disable gateway-api ")
    assert way_out.endswith(" --cluster edge")
    before = (repository / FILE).read_text()
    done = run(*shlex.split(way_out)[1:])
    assert done.exit == 0, done.err
    assert (repository / FILE).read_text() == before


def test_the_way_to_switch_on_what_is_missing_names_the_cluster(run: Run, repository: Path) -> None:
    second_cluster(repository)
    listed = repository / "clusters/edge/kustomization.yaml"
    listed.write_text(
        listed.read_text().replace("  - ../../infrastructure/gateway-api", "  # - ../../gateway-api")
    )
    found = run("validate", "--rules", "GB224", "--cluster", "edge")
    assert "switch it on: bootstrap component enable gateway-api --cluster edge" in found.out, found.err


def test_unknown_names_and_clusters_are_reported_with_the_nearest(run: Run, repository: Path) -> None:
    wrong = run("component", "enable", "trefik")
    assert (wrong.exit, "traefik" in wrong.err) == (ExitStatus.INPUT, True)
    elsewhere = run("component", "list", "--cluster", "edge")
    assert (elsewhere.exit, "default" in elsewhere.err) == (ExitStatus.INPUT, True)


def test_again_is_nothing_to_do(run: Run, repository: Path) -> None:
    result = run("component", "enable", "traefik")
    assert (result.exit, result.out) == (0, "nothing to do\n")


def test_dry_run_says_no_and_writes_nothing(run: Run, repository: Path) -> None:
    result = run("component", "enable", "loki", "--dry-run")
    assert result.exit == ExitStatus.NO
    assert changed(repository) == []


@pytest.mark.parametrize("remote", [True, False], ids=["by URL", "from the work tree"])
def test_push_commits_the_one_line_on_the_branch(run: Run, repository: Path, remote: bool) -> None:
    bare = git("remote", "get-url", "origin", folder=repository).strip()
    where = ("--repo", bare) if remote else ()
    result = run("component", "enable", "loki", "--push", "--author", "Ann <ann@example.org>", *where)
    assert result.exit == 0, result.err
    git("pull", "-q", folder=repository)
    assert git("log", "-1", "--format=%an %s", folder=repository) == "Ann Enable loki on cluster default\n"
    assert git("show", "--numstat", "--format=", folder=repository).split() == ["1", "1", FILE]


def test_component_whose_folder_is_missing_is_reported_and_not_switched_on(
    run: Run, repository: Path
) -> None:
    shutil.rmtree(repository / "infrastructure/tempo")
    shutil.rmtree(repository / "infrastructure/otel-collector")
    listed = {item["name"]: item["state"] for item in json.loads(run("component", "list", "-o", "json").out)}
    assert (listed["tempo"], listed["jaeger"]) == ("missing", "off")
    refused = run("component", "enable", "tempo")
    assert refused.exit == ExitStatus.REFUSED
    assert "is not in the repository" in refused.err
    by_another = run("component", "enable", "jaeger")
    assert by_another.exit == ExitStatus.REFUSED
    assert "infrastructure/otel-collector is not in the repository" in by_another.err
    assert FILE not in git("status", "--short", folder=repository)


def test_argo_cd_is_not_switched_off_without_being_meant(run: Run, repository: Path) -> None:
    refused = run("component", "disable", "argocd")
    assert refused.exit == ExitStatus.REFUSED
    assert "no longer manages itself" in refused.err
    assert changed(repository) == []
    assert "no longer manages itself" in run("component", "disable", "argocd", "--dry-run").err
    meant = run("component", "disable", "argocd", "--yes")
    assert (meant.exit, "warning: Argo CD then no longer manages itself" in meant.err) == (0, True)
    assert len(changed(repository)) == 2


def test_disabling_says_what_argo_cd_deletes(run: Run, repository: Path) -> None:
    assert "deletes" not in run("component", "enable", "loki").err
    said = run("component", "disable", "loki", "voting-app-dev", "--dry-run")
    assert said.exit == 1, said.err
    assert "Argo CD deletes loki and everything that it applied; kept: Namespace " in said.err
    assert "Argo CD deletes voting-app-dev with what it applied: " in said.err
    assert "Deployment vote" in said.err


@pytest.mark.parametrize(
    ("component", "kept"),
    [
        ("argo-rollouts", "its CRDs (argoproj.io) with all their objects"),
        ("elastic", "its CRDs (k8s.elastic.co) with all their objects"),
        ("external-secrets", "its CRDs (external-secrets.io) with all their objects"),
    ],
)
def test_disabling_says_which_crds_stay(run: Run, repository: Path, component: str, kept: str) -> None:
    assert run("component", "enable", component).exit == 0
    said = run("component", "disable", component, "--dry-run")
    assert said.exit == 1, said.err
    assert kept in said.err


def test_disabling_what_has_no_crds_says_nothing_of_them(run: Run, repository: Path) -> None:
    assert run("component", "enable", "loki", "traefik").exit == 0
    said = run("component", "disable", "loki", "traefik", "--dry-run")
    assert "traefik-crds has no finalizer: what it applied is kept" in said.err
    assert "CRDs" not in said.err


def test_a_push_and_a_request_are_one_or_the_other(run: Run, repository: Path) -> None:
    refused = run("component", "enable", "loki", "--push", "--pr")
    assert refused.exit == ExitStatus.INPUT
    assert "--push and --pr cannot be combined" in refused.err
