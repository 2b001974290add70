"""A Gitea that runs workflows: the sandbox's, with Actions on, and a runner on this machine itself."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import requests

from bootstrap.sandbox import environment, gitea, process, ready, state
from bootstrap.sandbox.addresses import Sandbox
from tests.ci import wheels
from tests.conftest import USER_ENVIRONMENT, cache_key, programs_cache
from tests.git_repositories import git
from tests.sandbox.conftest import private_invocation
from tests.tools import tool

PATIENCE = 2400.0
"""Seconds for one run on a busy machine: pip installs bootstrap in each job, as on a fresh runner."""
SOON = 300.0
"""Seconds for one answer, on a busy machine."""
_SETTINGS = {
    "[actions]\nENABLED = false": "[actions]\nENABLED = true\nDEFAULT_ACTIONS_URL = self",
    "REQUIRE_SIGNIN_VIEW = true": "REQUIRE_SIGNIN_VIEW = false",  # the runner fetches actions without a token
}
CHECKOUT = """\
name: checkout
description: What actions/checkout does, which is on GitHub alone.
inputs: {fetch-depth: {default: "1"}, persist-credentials: {default: "true"}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {DEPTH: "${{ inputs.fetch-depth }}", TOKEN: "${{ github.token }}"}
      run: |
        git init --quiet .
        git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader
        export GIT_CONFIG_VALUE_0="Authorization: token $TOKEN"
        depth=; if [ "$DEPTH" != 0 ]; then depth=--depth=$DEPTH; fi
        git fetch --quiet $depth origin '+refs/heads/*:refs/remotes/origin/*' "$GITHUB_SHA"
        git checkout --quiet --detach "$GITHUB_SHA"
"""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Host:
    """Gitea, by its administrator or another user."""

    sandbox: Sandbox
    password: str
    user: str = ""
    token: str = ""

    @property
    def url(self) -> str:
        return self.sandbox.git_url

    @property
    def login(self) -> tuple[str, str]:
        return self.user or self.sandbox.git_username, self.password

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{self.url}/api/v1{path}", json=body, auth=self._auth, timeout=SOON
        )
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def with_token(self) -> Host:
        """The same by a token: checking a password takes Gitea twice the processor time of an answer."""
        made = self.api("POST", f"/users/{self.login[0]}/tokens", {"name": "tests", "scopes": ["all"]})
        return replace(self, token=made["sha1"])

    def _auth(self, asked: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self.token:
            return requests.auth.HTTPBasicAuth(*self.login)(asked)
        asked.headers["Authorization"] = f"token {self.token}"
        return asked

    def page(self, path: str) -> requests.Response:
        """A page as its user sees it."""
        return requests.get(f"{self.url}{path}", auth=self._auth, timeout=SOON)

    def publish(self, owner: str, name: str, folder: Path, private: bool = False) -> str:
        """The folder as a repository of an organisation, which is made when missing; its commit."""
        if not requests.get(f"{self.url}/api/v1/orgs/{owner}", auth=self._auth, timeout=SOON).ok:
            self.api("POST", "/orgs", {"username": owner, "visibility": "public"})
        self.api("POST", f"/orgs/{owner}/repos", {"name": name, "private": private})
        if not (folder / ".git").exists():
            git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "add", "--all", "--force")
        # Gitea looks for workflows some time after a push, even if it had none to run then.
        git(folder, "commit", "--quiet", "--allow-empty", "--message", "All of it [skip ci]")
        git(folder, "push", "--quiet", self.push_url(owner, name), "HEAD:refs/heads/main")
        self.api("PATCH", f"/repos/{owner}/{name}", {"has_actions": True})
        return git(folder, "rev-parse", "HEAD")

    def push_url(self, owner: str, name: str) -> str:
        user, password = self.login
        return f"{self.url.replace('://', f'://{user}:{password}@')}/{owner}/{name}.git"

    def until(self, look: Callable[[], Found | None], what: str) -> Found:
        """What `look` finds, once it does."""
        deadline = time.monotonic() + PATIENCE
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"waited for {what}: {self.runs()}"
            threading.Event().wait(1)
        return found

    def pull_request(self, repository: str, title: str, head: str, branch: str) -> int:
        """A pull request from a branch of a repository; its number."""

        def known() -> bool | None:  # a branch that was just pushed is not yet
            listed = self.api("GET", f"/repos/{head}/branches") or []  # null until it knows one
            return any(one["name"] == branch for one in listed) or None

        self.until(known, f"{branch} of {head}")
        body = {"title": title, "head": f"{head.partition('/')[0]}:{branch}", "base": "main"}
        return int(self.api("POST", f"/repos/{repository}/pulls", body)["number"])

    def runs(self, repository: str = "") -> list[Any]:
        """The runs of a repository's workflows, the newest first."""
        listed = self.api("GET", f"/repos/{repository}/actions/runs") if repository else {}
        return list(listed.get("workflow_runs") or ())


def with_actions(sandbox: Sandbox) -> Host:
    """The running sandbox's Gitea, started once more with Actions on."""
    folder = sandbox.folder
    config = folder / "git" / "app.ini"
    text = config.read_text()
    for before, after in _SETTINGS.items():
        assert before in text
        text = text.replace(before, after)
    config.write_text(text)
    settings = state.load(folder)
    assert settings is not None
    environ = environment.build(folder, private_invocation(folder))
    process.start(folder, gitea.spec(folder, settings, environ))
    port = settings.ports["gitea"]
    deadline = time.monotonic() + PATIENCE
    ready.wait_for(folder, "gitea", lambda: ready.answers(port, "/api/healthz"), deadline, "GET /api/healthz")
    return Host(sandbox, (folder / "git" / "password").read_text().strip()).with_token()


@contextmanager
def runner(host: Host, folder: Path, on_path: Mapping[str, Path]) -> Iterator[Path]:
    """A runner of every repository's jobs; its log. `on_path`: what its machine has installed."""
    folder.mkdir()
    programs = folder / "bin"
    programs.mkdir()
    for name, path in on_path.items():
        (programs / name).symlink_to(path)
    made = host.api("POST", "/admin/actions/runners/registration-token")
    environ = {
        "PATH": f"{programs}:{USER_ENVIRONMENT['PATH']}",
        "HOME": str(folder / "home"),
        "BOOTSTRAP_CACHE_DIR": str(programs_cache()),
        "BOOTSTRAP_CACHE_KEY": str(cache_key()),
        **wheels.settings(),
    }
    (folder / "home").mkdir()
    log = folder / "log"
    with log.open("wb") as out:
        started = subprocess.Popen(
            [tool("gitea-runner"), host.url, str(folder / "work")],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environ,
        )
        assert started.stdin is not None
        started.stdin.write(made["token"].encode())
        started.stdin.close()
        try:
            yield log
        finally:
            started.terminate()
            started.wait(60)
