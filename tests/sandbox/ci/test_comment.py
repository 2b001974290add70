"""The workflow that `ci init` writes for a GitOps repository, run by Gitea for real pull requests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.layout import catalog
from tests.browser import needs_chromium
from tests.ci import act, laid_out
from tests.git_repositories import git
from tests.repositories import URL, write
from tests.sandbox.ci import actions, pull_pages
from tests.sandbox.ci.actions import Host
from tests.sandbox.conftest import _start
from tests.tools import tool

PICTURE = Path(__file__).parents[3] / "docs" / "images" / "pull-request.webp"
CLUSTER = "clusters/default/kustomization.yaml"
PRODUCTION = "apps/voting-app/overlays/production"
VOTE = "apps/voting-app/base/vote.yaml"
MARK = "<!-- bootstrap diff -->"
EXPORTS = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: exports
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Gi}}
"""
RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: worker
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get, list]
"""
SELECTOR = """\
  selector:
    matchLabels:
      app.kubernetes.io/name: vote
  strategy:
"""
WARNINGS = (
    "spec.selector is immutable: the sync fails",
    "it is deleted: its Application prunes; its volume is deleted, too",
    "Role voting-app-production/worker: get secrets *; list secrets *",
    "redis:8.2.3-alpine → redis:8.2.4-alpine",
)
"""What matters in the pull request's first commit, as it is read."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Gitea with a runner, and the two actions that the workflow names."""
    folder = tmp_path_factory.mktemp("actions")
    started = _start("tests-actions", with_argocd=False, processes=("gitea",))
    found = actions.with_actions(next(started))
    (folder / "checkout").mkdir()
    (folder / "checkout" / "action.yml").write_text(actions.CHECKOUT)
    found.publish("actions", "checkout", folder / "checkout")
    found.publish("ci", "bootstrap", act.checkout(folder / "bootstrap"))
    with ExitStack() as stack:
        for name in ("one", "two"):  # validate and diff at the same time
            stack.enter_context(actions.runner(found, folder / name, {"kustomize": tool("kustomize")}))
        yield found
    started.close()


class Pull:
    """A GitOps repository, the catalog with the workflow, and a clone of it on the branch `change`."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.name = host, f"gitops-{secrets.token_hex(4)}"
        self.repository = f"platform/{self.name}"
        self.clone = folder / "gitops"
        url = f"{host.url}/{self.repository}.git"
        files = {
            path: content.replace(URL.encode(), url.encode()) for path, content in catalog.load().items()
        }
        write(self.clone, files, {f"{PRODUCTION}/exports.yaml": EXPORTS})
        self.edit(
            CLUSTER,
            "# - ../../apps/voting-app/applications/production",
            "- ../../apps/voting-app/applications/production",
        )
        self.edit(
            f"{PRODUCTION}/kustomization.yaml", "  - ../../base\n", "  - ../../base\n  - exports.yaml\n"
        )
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

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.clone / path).read_text()
        assert before in text
        (self.clone / path).write_text(text.replace(before, after))

    def push(self, message: str) -> str:
        """All that was edited as a commit, pushed to the branch; its id."""
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message", message)
        url = self.host.push_url("platform", self.name)
        git(self.clone, "push", "--quiet", url, "HEAD:refs/heads/change")
        return git(self.clone, "rev-parse", "HEAD")

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

    def run(self, commit: str, status: str) -> dict[str, Any]:
        """The commit's run, when it has this status."""

        def look() -> dict[str, Any] | None:
            runs = [run for run in self.host.runs(self.repository) if run["head_sha"] == commit]
            return runs[0] if runs and runs[0]["status"] == status else None

        return self.host.until(look, f"the run of {commit[:8]} in {self.repository} to be {status}")

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


@dataclass(frozen=True)
class Opened:
    """A pull request, and the comment that its first commit got."""

    pull: Pull
    number: int
    comment: dict[str, Any]


@pytest.fixture(scope="module")
def opened(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """What a reviewer must not miss: a selector, a claim, an image and rights change."""
    pull = Pull(host, tmp_path_factory.mktemp("pull"))
    settings = f"{PRODUCTION}/kustomization.yaml"
    pull.edit(settings, "  - exports.yaml\n", "  - rights.yaml\n")
    pull.edit(settings, "newTag: 8.2.3-alpine", "newTag: 8.2.4-alpine")
    pull.edit(
        VOTE, SELECTOR, SELECTOR.replace("  strategy", "      app.kubernetes.io/component: vote\n  strategy")
    )
    (pull.clone / PRODUCTION / "exports.yaml").rename(pull.clone / PRODUCTION / "rights.yaml")
    (pull.clone / PRODUCTION / "rights.yaml").write_text(RIGHTS)
    commit = pull.push("Let the worker read its secrets")
    number = host.pull_request(pull.repository, "Change the voting app", pull.repository, "change")
    return Opened(pull, number, pull.about(number, commit))


@needs_chromium
def test_a_reviewer_reads_in_gitea_what_matters(
    host: Host, opened: Opened, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = f"/{opened.pull.repository}/pulls/{opened.number}"
    with pull_pages.opened(host, path, tmp_path / "chromium") as browser:
        comment = f"#issuecomment-{opened.comment['id']} .render-content"
        for width in (1000, 400):
            pull_pages.wide(browser, width)
            assert browser.js(pull_pages.WIDER.format(comment)) == [], width
        pull_pages.wide(browser, 1000)
        shown = browser.js(f"document.querySelector('{comment}').innerText")
        assert [text for text in WARNINGS if text not in shown] == []
        assert [text for text in ("<", "&#", "**", "~~~", "@@") if text in shown] == [], (
            "no markup, and folded"
        )
        details = f"document.querySelectorAll('{comment} details')"
        assert browser.js(f"{details}.length") == 4
        browser.js(f"{details}[0].open = true")
        assert "+      app.kubernetes.io/component: vote" in browser.js(f"{details}[0].innerText")
        if request.config.getoption("--update"):
            PICTURE.write_bytes(browser.picture(comment, 0, "webp"))


def test_a_pull_request_gets_one_comment_that_every_push_updates(host: Host, opened: Opened) -> None:
    pull, number, written = opened.pull, opened.number, opened.comment
    assert written["body"].startswith(MARK)
    assert "redis:8.2.3-alpine → redis:8.2.4-alpine" in written["body"]
    assert "spec.selector is immutable: the sync fails" in written["body"]

    host.api("POST", f"/repos/{pull.repository}/issues/{number}/comments", {"body": f"{MARK}\nnot yours"})
    pull.edit(f"{PRODUCTION}/kustomization.yaml", "newTag: 8.2.4-alpine", "newTag: 8.2.5-alpine")
    second = pull.push("A newer Redis")
    updated = pull.about(number, second)
    assert updated["id"] == written["id"]
    assert "redis:8.2.3-alpine → redis:8.2.5-alpine" in updated["body"]
    others = [one["body"] for one in pull.comments(number) if one["id"] != written["id"]]
    assert others == [f"{MARK}\nnot yours"], "somebody else's stays as it was"
    run = pull.run(second, "completed")
    assert pull.jobs(run)["diff"].get("conclusion") == "success"
    assert host.sandbox.git_token_file.read_text().strip() not in pull.logs()


def test_a_fork_has_its_preview_in_the_log_that_says_why_there_is_no_comment(
    host: Host, opened: Opened
) -> None:
    pull, guest = opened.pull, {"username": "guest", "password": secrets.token_urlsafe()}
    host.api("POST", "/admin/users", {**guest, "email": "guest@example.com", "must_change_password": False})
    host.api("PUT", f"/repos/{pull.repository}/collaborators/guest", {"permission": "read"})
    theirs = Host(host.sandbox, guest["password"], "guest")
    theirs.api("POST", f"/repos/{pull.repository}/forks", {})
    git(pull.clone, "checkout", "--quiet", "-B", "theirs", "main")
    pull.edit(f"{PRODUCTION}/kustomization.yaml", "newTag: 8.2.3-alpine", "newTag: 8.2.6-alpine")
    git(pull.clone, "commit", "--quiet", "--all", "--message", "A Redis of their own")
    git(pull.clone, "push", "--quiet", theirs.push_url("guest", pull.name), "HEAD:refs/heads/theirs")
    number = theirs.pull_request(pull.repository, "From a fork", f"guest/{pull.name}", "theirs")
    commit = git(pull.clone, "rev-parse", "HEAD")
    waiting = pull.run(commit, "waiting")
    approved = pull_pages.session(host).post(f"{waiting['html_url']}/approve", timeout=actions.SOON)
    assert approved.ok, approved.text
    jobs = pull.jobs(pull.run(commit, "completed"))
    assert (jobs["diff"].get("conclusion"), jobs["comment"].get("conclusion")) == ("success", "skipped")
    log = pull.log(jobs["diff"])
    assert "No comment is written: from a fork, the run's token may not write one." in log
    assert "redis:8.2.3-alpine → redis:8.2.6-alpine" in log
    assert pull.comments(number) == []
