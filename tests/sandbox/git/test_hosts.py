"""git over HTTP and SSH, against a real Gitea: tokens, keys, refusals, and where credentials are seen."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap.core.errors import AuthenticationFailed, GitUnreachable, PushRefused, StalePlan
from bootstrap.core.invocation import Invocation
from bootstrap.git.changes import Commit, FileChange
from bootstrap.git.remote import Credential, Remote, open_remote
from tests.git_repositories import AUTHOR, Bare
from tests.packages import NEEDS_SSH
from tests.sandbox.world import World


@pytest.fixture
def repository(world: World) -> World:
    """A world whose repository exists and is empty."""
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    return world


@pytest.fixture
def token(repository: World) -> Credential:
    return Credential(repository.sandbox.git_username, repository.token)


@contextmanager
def opened(url: str, credential: Credential, invocation: Invocation) -> Iterator[Remote]:
    with open_remote(url, "main", credential, invocation) as remote:
        yield remote


def push(remote: Remote, content: bytes) -> str:
    tip = remote.observe().tip
    sha = remote.commit(tip, Commit("Change\n", (FileChange("x", content),)), AUTHOR)
    remote.push(sha, tip)
    return sha


def test_token_reads_and_pushes_over_http(
    repository: World, token: Credential, invocation: Invocation
) -> None:
    with opened(repository.url, token, invocation) as remote:
        assert remote.observe().empty
        assert remote.may_push() is None
        first = push(remote, b"1")
        second = push(remote, b"2")
        state = remote.observe(read="all")
        assert state.tip == second
        assert state.files == {"x": b"2"}
        assert state.default_branch == "main"
        assert remote.read_commit(first, "all") == {"x": b"1"}


@contextmanager
def watching(token: str) -> Iterator[set[str]]:
    """Which programs that this test starts have the token in their arguments, or in their environment."""
    seen: set[str] = set()
    end = threading.Event()
    known: set[int] = set()

    def look() -> None:
        secret = token.encode()
        while not end.is_set():
            for entry in Path("/proc").iterdir():
                if not entry.name.isdigit() or int(entry.name) in known or int(entry.name) == os.getpid():
                    continue
                try:  # in this order: it may become another program in between, whose environment has it
                    environ = (entry / "environ").read_bytes()
                    arguments = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if secret in arguments:
                    seen.add(f"arguments of {arguments!r}")
                if (
                    secret in environ and arguments
                ):  # without: it has ended, or is about to become another program
                    known.add(int(entry.name))
                    seen.add(f"environment of {Path(os.fsdecode(arguments.split(bytes(1))[0])).name}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def test_token_is_in_no_argument_and_in_the_environment_of_git_alone(
    repository: World, token: Credential, invocation: Invocation
) -> None:
    with watching(repository.token) as seen, opened(repository.url, token, invocation) as remote:
        push(remote, b"1")
        folder = remote._repository.folder
        texts = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert repository.token.encode() not in texts
    programs = {item.removeprefix("environment of ") for item in seen}
    assert programs
    assert programs <= {"env", "git", "git-remote-http", "sh", "/bin/sh"}, programs


@pytest.mark.parametrize("wrong", ["0123456789abcdef0123456789abcdef01234567", None])
def test_wrong_or_no_token_is_refused_without_being_shown(
    repository: World, invocation: Invocation, wrong: str | None
) -> None:
    credential = Credential(repository.sandbox.git_username, wrong)
    with (
        opened(repository.url, credential, invocation) as remote,
        pytest.raises(AuthenticationFailed) as caught,
    ):
        remote.observe()
    if wrong:
        assert wrong not in f"{caught.value}{caught.value.found}{caught.value.hint}"


def test_missing_repository_is_a_state(world: World, invocation: Invocation) -> None:
    credential = Credential(world.sandbox.git_username, world.token)
    with opened(world.url, credential, invocation) as remote:
        assert not remote.observe().exists


def test_token_that_only_reads_may_not_push(repository: World, invocation: Invocation) -> None:
    Bare.at(repository.bare()).commit({"x": b"1"})
    credential = Credential(repository.sandbox.git_username, repository.reading_token())
    with opened(repository.url, credential, invocation) as remote:
        assert remote.observe(read="all").files == {"x": b"1"}
        assert remote.may_push()
        with pytest.raises(PushRefused):
            push(remote, b"2")


def test_protected_branch_is_refused_in_the_hosts_words(
    repository: World, token: Credential, invocation: Invocation
) -> None:
    with opened(repository.url, token, invocation) as remote:
        push(remote, b"1")
        rule = {"rule_name": "main", "enable_push": False}
        repository.api("POST", f"/repos/{repository.name}/branch_protections", rule)
        with pytest.raises(PushRefused, match="protected"):
            push(remote, b"2")


def test_lost_race_is_a_stale_plan_on_a_real_host(
    repository: World, token: Credential, invocation: Invocation
) -> None:
    with opened(repository.url, token, invocation) as one, opened(repository.url, token, invocation) as other:
        push(one, b"1")
        tip = one.observe().tip
        sha = one.commit(tip, Commit("Ours\n", (FileChange("x", b"ours"),)), AUTHOR)
        theirs = push(other, b"theirs")
        with pytest.raises(StalePlan):
            one.push(sha, tip)
        assert one.observe().tip == theirs


# -- SSH -----------------------------------------------------------------------------------------


@pytest.fixture
def key(repository: World, tmp_path: Path) -> Path:
    """A key that the Git host knows."""
    path = tmp_path / "a key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    body = {"title": secrets.token_hex(4), "key": path.with_suffix(".pub").read_text()}
    repository.api("POST", "/user/keys", body)
    return path


@pytest.fixture
def ssh_url(repository: World) -> str:
    return f"{repository.sandbox.git_ssh_url}/{repository.name}.git"


@NEEDS_SSH
def test_key_reads_and_pushes_over_ssh(
    repository: World, ssh_url: str, key: Path, invocation: Invocation
) -> None:
    credential = Credential(ssh_key=key, known_hosts=repository.sandbox.known_hosts)
    with opened(ssh_url, credential, invocation) as remote:
        assert remote.may_push() is None
        sha = push(remote, b"1")
        assert remote.observe().tip == sha


@NEEDS_SSH
def test_unknown_host_key_is_not_trusted(
    ssh_url: str, key: Path, tmp_path: Path, invocation: Invocation
) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    credential = Credential(ssh_key=key, known_hosts=empty)
    with opened(ssh_url, credential, invocation) as remote, pytest.raises(GitUnreachable) as caught:
        remote.observe()
    assert "host's key" in caught.value.hint
    assert empty.read_text() == ""


@NEEDS_SSH
def test_key_that_the_host_does_not_know_is_refused(
    repository: World, ssh_url: str, tmp_path: Path, invocation: Invocation
) -> None:
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    credential = Credential(ssh_key=stranger, known_hosts=repository.sandbox.known_hosts)
    with opened(ssh_url, credential, invocation) as remote, pytest.raises(AuthenticationFailed):
        remote.observe()


@NEEDS_SSH
def test_agent_is_used_when_no_key_is_named(
    repository: World, ssh_url: str, key: Path, tmp_path: Path, invocation: Invocation
) -> None:
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        environ = {**invocation.environ, "SSH_AUTH_SOCK": str(socket)}
        for _ in range(600):
            added = subprocess.run(["ssh-add", str(key)], env=environ, capture_output=True, check=False)
            if added.returncode == 0:
                break
            threading.Event().wait(0.1)
        assert added.returncode == 0, added.stderr
        credential = Credential(known_hosts=repository.sandbox.known_hosts)
        with opened(ssh_url, credential, Invocation(environ=environ)) as remote:
            assert remote.observe().empty
    finally:
        agent.terminate()
        agent.wait()


@NEEDS_SSH
def test_host_that_does_not_answer_is_unreachable(key: Path, tmp_path: Path, invocation: Invocation) -> None:
    url, credential = "ssh://git@127.0.0.1:1/a/b.git", Credential(ssh_key=key)
    with opened(url, credential, invocation) as remote, pytest.raises(GitUnreachable):
        remote.observe()
