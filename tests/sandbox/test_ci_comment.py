"""The workflow that `ci init` writes for a GitOps repository, run by Gitea for real pull requests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ci import act, laid_out
from tests.git_repositories import git
from tests.repositories import OURS, URL, write
from tests.sandbox import actions
from tests.sandbox.actions import Host
from tests.sandbox.conftest import _start
from tests.tools import tool

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
SHOP = "apps/shop/base/shop.yaml"
MARK = "<!-- bootstrap diff -->"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Gitea with a runner, and the two actions that the workflow names."""
    folder = tmp_path_factory.mktemp("actions")
    started = _start("tests-actions", with_argocd=False, processes=("etcd", "kube-apiserver", "gitea"))
    found = actions.with_actions(next(started))
    (folder / "checkout").mkdir()
    (folder / "checkout" / "action.yml").write_text(actions.CHECKOUT)
    found.publish("actions", "checkout", folder / "checkout")
    found.publish("ci", "bootstrap", act.checkout(folder / "bootstrap"))
    with actions.runner(found, folder / "runner", {"kustomize": tool("kustomize")}):
        yield found
    started.close()


class Pull:
    """A GitOps repository with the laid-out workflow, and a clone of it on the branch `change`."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.name = host, f"gitops-{secrets.token_hex(4)}"
        self.repository = f"platform/{self.name}"
        self.clone = folder / "gitops"
        url = f"{host.url}/{self.repository}.git"
        write(self.clone, {path: str(text).replace(URL, url) for path, text in OURS.items()})
        git(self.clone, "init", "--quiet", "--initial-branch=main")
        commit = git(host.sandbox.folder.parent, "ls-remote", f"{host.url}/ci/bootstrap.git", "main")[:40]
        laid_out.lay_out(
            self.clone, "github", "--action", f"ci/bootstrap@{commit}", "--gitops", "--branch", "main"
        )
        workflow = self.clone / ".github" / "workflows" / "gitops.yml"
        pinned = workflow.read_text().split("actions/checkout@")[1][:40]
        workflow.write_text(
            workflow.read_text().replace(pinned, "main")
        )  # GitHub's commit is on GitHub alone
        host.publish("platform", self.name, self.clone, private=True)
        git(self.clone, "checkout", "--quiet", "-b", "change")

    def change(self, path: str, before: str, after: str) -> str:
        """A commit on the branch, pushed; its id."""
        text = (self.clone / path).read_text()
        assert before in text
        (self.clone / path).write_text(text.replace(before, after))
        git(self.clone, "commit", "--quiet", "--all", "--message", f"Change {path}")
        git(
            self.clone, "push", "--quiet", self.host.push_url("platform", self.name), "HEAD:refs/heads/change"
        )
        return git(self.clone, "rev-parse", "HEAD")

    def open(self) -> int:
        body = {"title": "Change the shop", "head": "change", "base": "main"}
        return int(self.host.api("POST", f"/repos/{self.repository}/pulls", body)["number"])

    def comments(self, number: int) -> list[dict[str, Any]]:
        found = self.host.api("GET", f"/repos/{self.repository}/issues/{number}/comments")
        return list(found)

    def about(self, number: int, commit: str) -> dict[str, Any]:
        """The comment, once it is about this commit."""

        def look() -> dict[str, Any] | None:
            ended = [run for run in self.host.runs(self.repository) if run["head_sha"] == commit]
            texts = [one for one in self.comments(number) if commit[:8] in one["body"]]
            assert texts or not ended or ended[0].get("conclusion") in (None, "", "success"), self.logs()
            return texts[0] if texts else None

        return self.host.until(look, f"a comment about {commit[:8]} in {self.repository}")

    def ended(self, commit: str) -> dict[str, Any]:
        """The commit's run, when it is over."""

        def look() -> dict[str, Any] | None:
            runs = [run for run in self.host.runs(self.repository) if run["head_sha"] == commit]
            return runs[0] if runs and runs[0]["status"] == "completed" else None

        return self.host.until(look, f"the run of {commit[:8]} in {self.repository}")

    def jobs(self, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
        listed = self.host.api("GET", f"/repos/{self.repository}/actions/runs/{run['id']}/jobs")
        return {job["name"]: job for job in listed["jobs"]}

    def log(self, job: dict[str, Any]) -> str:
        return self.host.page(f"/api/v1/repos/{self.repository}/actions/jobs/{job['id']}/logs").text

    def logs(self) -> str:
        found = [
            job for run in self.host.runs(self.repository) for job in self.jobs(run).values() if job["id"]
        ]
        return "\n".join(
            f"=== {job['name']}: {job.get('conclusion')}\n{self.log(job)[-6000:]}" for job in found
        )


def test_a_pull_request_gets_one_comment_that_every_push_updates(host: Host, tmp_path: Path) -> None:
    pull = Pull(host, tmp_path)
    pull.change(OVERLAY, "newTag: 1.2.3", "newTag: 1.2.4")
    first = pull.change(SHOP, "app: web", "app: shop")
    number = pull.open()
    written = pull.about(number, first)
    assert written["body"].startswith(MARK)
    assert "registry.example.com/web:1.2.3 → registry.example.com/web:1.2.4" in written["body"]
    assert "spec.selector is immutable: the sync fails" in written["body"]

    host.api("POST", f"/repos/{pull.repository}/issues/{number}/comments", {"body": f"{MARK}\nnot yours"})
    second = pull.change(OVERLAY, "newTag: 1.2.4", "newTag: 1.2.5")
    updated = pull.about(number, second)
    assert updated["id"] == written["id"]
    assert "registry.example.com/web:1.2.3 → registry.example.com/web:1.2.5" in updated["body"]
    others = [one["body"] for one in pull.comments(number) if one["id"] != written["id"]]
    assert others == [f"{MARK}\nnot yours"], "somebody else's stays as it was"
    run = pull.ended(second)
    assert pull.jobs(run)["diff"].get("conclusion") == "success"
    assert host.sandbox.git_token_file.read_text().strip() not in pull.logs()
