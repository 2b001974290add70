"""`sandbox push`: an uncommitted edit becomes live, and nothing that others committed is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import ExitStatus
from bootstrap.kube import Cluster
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.conftest import Result, Run
from tests.documented import undocumented
from tests.git_repositories import git
from tests.sandbox.argocd.test_live import Repository, application, name, repository, settings
from tests.sandbox.kubernetes import made

__all__ = ["name", "repository"]


@dataclass
class Work:
    """A clone that a user edits: its root Application, and what the cluster has of its setting."""

    folder: Path
    cluster: Cluster
    repository: Repository
    root: str
    namespace: str
    arguments: list[str]
    environ: dict[str, str]

    @classmethod
    def laid_out(
        cls, sandbox: Sandbox, cluster: Cluster, repository: Repository, folder: Path, name: str
    ) -> Work:
        namespace = f"{name}-pushed"
        kube.ensure_namespace(cluster, namespace)
        child = application(f"{name}-child", name, repository.url, "child", namespace)
        root = application(name, name, repository.url, "root", "argocd")
        repository.push({"root/child.yaml": child, "child/settings.yaml": settings("first")})
        kube.apply(cluster, [made(root)], namespace="argocd")
        git(folder.parent, "clone", "--quiet", repository.push_url, str(folder))
        arguments = ["sandbox", "push", "--name", sandbox.name, "--root", name, "--repo", str(folder)]
        # The sandbox is this session's, not that of the user who runs the tests.
        environ = {"BOOTSTRAP_DATA_DIR": str(sandbox.folder.parent.parent)}
        return cls(folder, cluster, repository, name, namespace, arguments, environ)

    def edit(self, value: str) -> None:
        # Never empty, even for a moment: --watch pushes what it finds.
        draft = self.folder.parent / "settings.draft"
        draft.write_text(json.dumps(settings(value)))
        draft.replace(self.folder / "child" / "settings.yaml")

    def live(self) -> str | None:
        found: Any = kube.get(self.cluster, "v1", "ConfigMap", self.namespace, "settings")
        return None if found is None else str(found["data"]["value"])

    def host(self, *arguments: str) -> str:
        """Of the host's branch."""
        git(self.folder, "fetch", "--quiet", "--force", "origin", "main:refs/host")
        answer = git(self.folder, *arguments)
        git(self.folder, "update-ref", "-d", "refs/host")
        return answer


@pytest.fixture
def work(
    sandbox: Sandbox, cluster: Cluster, repository: Repository, tmp_path: Path, name: str
) -> Iterator[Work]:
    found = Work.laid_out(sandbox, cluster, repository, tmp_path / "clone", name)
    yield found
    kube.delete(cluster, [ClusterObject("v1", "Namespace", "", found.namespace, b"")])


def pushed(run: Run, work: Work, *more: str) -> Result:
    return run(*work.arguments, *more, env=work.environ)


def test_an_edit_is_live_before_it_is_committed_and_stays_the_users(run: Run, work: Work) -> None:
    head = git(work.folder, "rev-parse", "HEAD")
    for value in ("second", "third"):
        work.edit(value)
        result = pushed(run, work, "-o", "json")
        assert result.exit == 0, result.err
        told = json.loads(result.out)
        assert undocumented("bootstrap sandbox", told, "bootstrap init") == set()
        assert (work.live(), told["pushed"], told["changed"]) == (value, True, ["child/settings.yaml"])
    assert git(work.folder, "status", "--porcelain") == "M child/settings.yaml"
    assert git(work.folder, "rev-parse", "HEAD") == head
    # One commit stands for the work tree, however often it was pushed.
    assert work.host("rev-list", "--count", f"{head}..refs/host") == "1"

    again = pushed(run, work)
    assert again.exit == 0, again.err
    assert "already" in again.err

    git(work.folder, "commit", "--quiet", "-am", "Third")
    committed = pushed(run, work, "-o", "json")
    assert committed.exit == 0, committed.err
    assert work.host("rev-parse", "refs/host") == git(work.folder, "rev-parse", "HEAD")
    git(work.folder, "push", "--quiet", "origin", "main")


def test_what_a_pipeline_has_committed_since_is_not_replaced(run: Run, work: Work) -> None:
    work.edit("mine")
    assert pushed(run, work, "--no-wait").exit == 0
    other = work.folder.parent / "pipeline"
    git(other.parent, "clone", "--quiet", work.repository.push_url, str(other))
    (other / "bumped.yaml").write_text("x\n")
    git(other, "add", "-A")
    git(other, "commit", "--quiet", "-m", "Set web to v2")
    git(other, "push", "--quiet")
    before = work.host("rev-parse", "refs/host")
    work.edit("mine again")
    result = pushed(run, work)
    assert result.exit == ExitStatus.REFUSED
    assert "Someone: Set web to v2" in result.err
    assert f"git pull {work.repository.url} main" in result.err
    assert work.host("rev-parse", "refs/host") == before


def test_an_edit_that_cannot_become_live_is_reported_with_the_reason(run: Run, work: Work) -> None:
    (work.folder / "child" / "settings.yaml").write_text("kind: ConfigMap\nmetadata: {name: x}\n")
    result = pushed(run, work, "--timeout", "45")
    assert result.exit == ExitStatus.NOT_READY, result.out
    assert f"{work.root}-child" in result.err


def test_watching_pushes_each_change_until_it_is_interrupted(work: Work) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *work.arguments, "--watch", "-o", "json"],
        env={**os.environ, **work.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    decoder = json.JSONDecoder()
    text = ""

    def next_result() -> dict[str, Any]:
        nonlocal text
        while True:
            try:
                found, end = decoder.raw_decode(text.lstrip())
            except ValueError:
                line = process.stdout.readline() if process.stdout else ""
                assert line, process.communicate()
                text += line
                continue
            text = text.lstrip()[end:]
            assert isinstance(found, dict)
            return found

    try:
        assert next_result()["changed"] == []
        for value in ("second", "third"):
            work.edit(value)
            assert next_result()["changed"] == ["child/settings.yaml"]
            assert work.live() == value
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "Traceback" not in err


def test_only_the_sandboxs_own_host_is_pushed_to(run: Run, work: Work, name: str) -> None:
    elsewhere = application(f"{name}-far", name, "https://git.example.com/a/b.git", "root", "argocd")
    kube.apply(work.cluster, [made(elsewhere)], namespace="argocd")
    far = [*work.arguments[:4], "--root", f"{name}-far", "--repo", str(work.folder)]
    result = run(*far, env=work.environ)
    assert result.exit == ExitStatus.REFUSED
    assert "which is not on the sandbox's Git host" in result.err
    nowhere = run(*work.arguments[:4], "--root", "nothing", "--repo", str(work.folder), env=work.environ)
    assert "has no Application nothing" in nowhere.err
