"""A token goes to the hosts that a person named; what a cluster or a repository says never widens that."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap import providers
from bootstrap.core.errors import GitUnreachable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.doctor import webhook
from bootstrap.edit.access import Access
from bootstrap.git import credential as git_credential
from bootstrap.git.auth import Credential, bound, check_credential, environment
from bootstrap.git.worktree import WorkTreeBranch
from bootstrap.init import credentials, observe
from bootstrap.init.request import Request
from bootstrap.kube import Cluster
from bootstrap.providers import find
from tests import mirror as mirrors
from tests.conftest import Run
from tests.git_repositories import Bare, git

TOKEN = "glpat-0123456789abcdef"
OURS = "https://git.example.org/platform/gitops.git"
THEIRS = "https://elsewhere.example.net/platform/gitops.git"


def with_token(invocation: Invocation) -> Invocation:
    return replace(invocation, environ={**invocation.environ, "GIT_TOKEN": TOKEN})


def root_of(url: str) -> dict[str, Any]:
    source = {"repoURL": url, "path": "clusters/default"}
    return {"metadata": {"name": "root", "namespace": "argocd"}, "spec": {"source": source}}


@pytest.fixture
def no_cluster() -> Cluster:
    """For what must be settled before a cluster is asked."""
    return None  # type: ignore[return-value]


def test_doctor_sends_no_token_to_a_host_that_the_cluster_names(
    invocation: Invocation, no_cluster: Cluster, tmp_path: Path
) -> None:
    with mirrors.running(tmp_path) as host:
        url = f"{host.url}/platform/gitops.git"
        asked = Access(ca_file=host.ca_file)
        found = webhook.inspect(no_cluster, "argocd", [root_of(url)], asked, None, with_token(invocation))
        assert host.asked == []
    ((area, state, said, fix),) = found
    assert (area, state) == ("webhook", "unknown")
    assert "127.0.0.1" in said
    assert f"--repo {url}" in fix


def test_doctor_asks_the_repository_that_was_named_and_no_other(
    invocation: Invocation, no_cluster: Cluster, tmp_path: Path
) -> None:
    with mirrors.running(tmp_path) as host:
        url = f"{host.url}/platform/gitops.git"
        asked = Access(repo=url, ca_file=host.ca_file)
        webhook.inspect(no_cluster, "argocd", [root_of(THEIRS)], asked, None, with_token(invocation))
        assert host.asked


@pytest.mark.parametrize("named", [Request(OURS), Request("git@git.example.org:platform/gitops.git")])
def test_token_for_one_host_is_refused_to_another_by_every_way_out(
    invocation: Invocation, named: Request
) -> None:
    known = git_credential.read(named, with_token(invocation), named.repo_url, named.api_url)
    check_credential(OURS, known)
    check_credential(OURS.replace("git.example.org", "GIT.Example.ORG"), known)
    for attempt in (
        lambda: check_credential(THEIRS, known),
        lambda: find(OURS, known, invocation, THEIRS),
        lambda: providers.get(THEIRS, known, invocation),
    ):
        with pytest.raises(InputError) as caught:
            attempt()
        assert "elsewhere.example.net" in caught.value.tried
        assert "git.example.org" in caught.value.found


def test_api_address_that_was_named_may_have_the_token(invocation: Invocation) -> None:
    named = Request("git@ssh.example.org:platform/gitops.git", api_url="https://web.example.org")
    known = git_credential.read(named, with_token(invocation), named.repo_url, named.api_url)
    check_credential("https://web.example.org/platform/gitops", known)
    with pytest.raises(InputError):
        check_credential(OURS, known)


def test_token_without_any_named_host_goes_nowhere(invocation: Invocation) -> None:
    known = bound(git_credential.read(Request(None), with_token(invocation)))
    with pytest.raises(InputError, match="no host that was named"):
        check_credential(OURS, known)


def test_url_that_was_typed_in_names_the_host_too(invocation: Invocation) -> None:
    with ExitStack() as stack:
        output = Output(with_token(invocation))
        connected = observe.connect(Request(None), OURS, output, stack)
    assert connected.credential.hosts == {"git.example.org"}
    assert connected.for_argocd.hosts == {"git.example.org"}


def test_argocd_is_given_no_token_for_the_host_that_a_repositorys_record_names(
    invocation: Invocation,
) -> None:
    """`init --cluster-only` takes repoURL from bootstrap.yaml: Argo CD would send the token there."""
    known = git_credential.read(Request(OURS), with_token(invocation), OURS)
    for_argocd = credentials.for_argocd(Request(OURS), OURS, known, with_token(invocation))
    assert credentials.repository_secret(OURS, for_argocd, "argocd") is not None
    with pytest.raises(InputError, match="elsewhere"):
        credentials.repository_secret(THEIRS, for_argocd, "argocd")


def test_image_set_by_url_binds_the_token_to_that_url(invocation: Invocation) -> None:
    known = git_credential.read(Access(repo=OURS), with_token(invocation), OURS)
    assert known.hosts == {"git.example.org"}
    assert bound(known, THEIRS).hosts == {"elsewhere.example.net"}


def test_work_trees_remote_over_plain_http_is_given_no_token(tmp_path: Path, invocation: Invocation) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "tree")
    git(tmp_path / "tree", "remote", "add", "origin", "http://git.example.org/platform/gitops.git")
    known = git_credential.read(Access(), with_token(invocation))
    with pytest.raises(InputError, match="unencrypted"):
        WorkTreeBranch(tmp_path / "tree", "main", known, invocation)


@pytest.mark.parametrize("own", ["", "[http]\n\tfollowRedirects = true\n"])
def test_git_follows_no_redirect(tmp_path: Path, invocation: Invocation, own: str) -> None:
    """git follows the first one by itself; what answers there was named by no one."""
    with mirrors.running(tmp_path) as host:
        url = f"{host.url}/gitops.git"
        elsewhere = mirrors.Answer(status=302, location=f"{host.url}/elsewhere.git/info/refs")
        host.serve("/gitops.git/info/refs", elsewhere)
        known = Credential(ca_file=host.ca_file)
        home = tmp_path / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(own)
        environ = environment(url, known, {"PATH": os.environ["PATH"], "HOME": str(home)}, None)
        ended = subprocess.run(
            ["git", "ls-remote", url], env=environ, cwd=home, capture_output=True, text=True, check=False
        )
        assert ended.returncode != 0
        assert host.asked == ["/gitops.git/info/refs"]


def test_redirect_of_a_git_host_is_reported_as_such(tmp_path: Path, invocation: Invocation) -> None:
    from bootstrap.git import remote as front

    with mirrors.running(tmp_path) as host:
        elsewhere = mirrors.Answer(status=301, location=f"{host.url}/elsewhere.git/info/refs")
        host.serve("/gitops.git/info/refs", elsewhere)
        known = Credential(ca_file=host.ca_file)
        with (
            front.open_remote(f"{host.url}/gitops.git", None, known, invocation) as remote,
            pytest.raises(GitUnreachable) as caught,
        ):
            remote.observe()
    assert "301" in caught.value.found or "redirect" in caught.value.found
    assert "the URL that the host itself uses" in caught.value.hint


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o620])
def test_token_file_that_others_may_write_is_refused(
    tmp_path: Path, invocation: Invocation, mode: int
) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(mode)
    for read in (
        lambda: git_credential.read(Request(OURS, token_file=path), invocation, OURS),
        lambda: git_credential.read(Access(repo=OURS, token_file=path), invocation, OURS),
    ):
        with pytest.raises(InputError) as caught:
            read()
        assert f"{mode:04o}" in caught.value.found
        assert "chmod 600" in caught.value.hint
        assert TOKEN not in str(caught.value)


def test_token_file_that_others_may_read_is_reported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    bare = Bare(tmp_path / "bare.git")
    bare.commit({"apps/shop/kustomization.yaml": b"resources: []\n"})
    for mode, told in ((0o644, True), (0o600, False)):
        path.chmod(mode)
        ended = run("image", "list", "--repo", bare.url, "--token-file", str(path))
        assert ended.exit == 0, ended.err
        assert ("may read it" in ended.err) is told
        assert TOKEN not in ended.err


@pytest.mark.parametrize(
    ("named", "other", "goes"),
    [
        ("https://git.example.com/a/b.git", "https://git.example.com:443/x.git", True),
        ("https://git.example.com/a/b.git", "https://git.example.com:9443/x.git", False),
        ("http://127.0.0.1:3000/a/b.git", "http://127.0.0.1:3000/x.git", True),
        ("http://127.0.0.1:3000/a/b.git", "http://127.0.0.1:9999/x.git", False),
        ("ssh://git@git.example.com:2222/a/b.git", "https://git.example.com/x.git", True),
    ],
)
def test_another_port_is_another_service(named: str, other: str, goes: bool) -> None:
    credential = bound(Credential(token="t"), named)
    if goes:
        check_credential(other, credential)
        return
    with pytest.raises(InputError) as caught:
        check_credential(other, credential)
    assert "comes from what was read, not from you" in caught.value.found
