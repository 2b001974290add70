"""`sandbox up --init --nodes real` where images can be pulled: one command, and votes are counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.errors import ClusterError
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import embedded
from tests import browser
from tests.real import images, upstream
from tests.real.conftest import able
from tests.real.node import until
from tests.sandbox.conftest import _new_folder, private_invocation, stop_all

HUB = "registry-1.docker.io"
WORKER = "dockersamples/examplevotingapp_worker"
VOTING = (
    "fetch('/', {method: 'POST', body: new URLSearchParams({vote: 'a'})}).then(() => { window.voted = true })"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    found = _new_folder()
    yield found
    stop_all(found)


def bootstrap(environ: dict[str, str], folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@browser.needs_chromium
def test_one_command_ends_with_a_page_to_vote_on_and_a_result_that_moves(folder: Path) -> None:
    """Upstream's worker is pinned by a digest, which no other image has: a commit names the stand-in."""
    able(folder)
    (folder / "archives").mkdir()
    saved = images.all_of(folder / "archives")
    with upstream.running(folder, HUB, saved) as found:
        environ = dict(private_invocation(folder).environ)
        environ |= {"HTTPS_PROXY": found.proxy, "SSL_CERT_FILE": str(found.authority)}
        up = bootstrap(
            environ, folder, "sandbox", "up", "--name", "one", "--nodes", "real", "--init", "-o", "json"
        )
        try:
            name_the_stand_in(environ, folder, up)
            out, err = up.communicate(timeout=600)
        finally:
            up.kill()
        assert up.returncode == 0, out + err
        pages = json.loads(out)["pages"]
        with browser.running(folder / "browser") as page:
            before = counted(page, pages["result"])
            page.call("Page.navigate", url=pages["vote"])
            page.until("document.title.startsWith('Cats vs Dogs!')")
            page.js(VOTING)
            page.until("window.voted === true")
            until(lambda: counted(page, pages["result"]) == before + 1, "the vote to be counted")


def name_the_stand_in(environ: dict[str, str], folder: Path, up: subprocess.Popen[str]) -> None:
    """A commit to the repository that `up` has laid out, as soon as its worker waits for an image."""
    invocation = Invocation(environ=environ)

    def waits() -> bool:
        assert up.poll() is None, "".join(up.communicate())
        sandbox = embedded.find("one", invocation)
        if sandbox is None or not sandbox.kubeconfig.exists():
            return False
        try:
            cluster = kube.connect(invocation, sandbox.context, sandbox.kubeconfig)
            return kube.get(cluster, "apps/v1", "Deployment", "voting-app-dev", "worker") is not None
        except ClusterError:
            return False

    until(waits, "the worker")
    sandbox = embedded.find("one", invocation)
    assert sandbox is not None
    repository = f"{sandbox.git_url}/{sandbox.git_organisation}/gitops.git"
    arguments = (
        f"{WORKER}=:latest", "--app=voting-app", "--env=dev", "--push", f"--repo={repository}",
        f"--username={sandbox.git_username}", f"--token-file={sandbox.git_token_file}",
        "--author=A <a@example.com>",
    )  # fmt: skip
    done = bootstrap(environ, folder, "image", "set", *arguments)
    said = done.communicate(timeout=300)
    assert done.returncode == 0, said


def counted(page: browser.Browser, url: str) -> int:
    """What the page of results shows: the stand-in has its numbers at another address."""
    page.call("Page.navigate", url=url)
    page.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")
    page.js("fetch('/scores').then(a => a.text()).then(text => { window.scores = text; }); 0")
    page.until("window.scores !== undefined")
    text = page.js("window.scores")
    return sum(json.loads(text).values()) if text.startswith("{") else 0
