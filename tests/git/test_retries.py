"""What a host's answers say between the lines, and how long it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.core.errors import GitUnreachable, ProviderBusy
from bootstrap.core.invocation import Invocation
from bootstrap.git.changes import Commit, FileChange
from bootstrap.git.errors import transient_kind
from bootstrap.git.remote import Credential, open_remote
from bootstrap.git.responses import UNKNOWN, Wire, parse
from bootstrap.git.retries import FIRST_SECONDS, Patience, command_of, is_reading
from bootstrap.providers import client as http
from bootstrap.providers.client import Client
from tests.git_http import Asked, Host, Trouble, serving
from tests.git_repositories import AUTHOR, Bare, git
from tests.providers.answering import Reply, answering

TOKEN = "a-token-of-a-test"


def trace(*lines: str) -> str:
    ways = {">": "=> Send header", "<": "<= Recv header"}
    return "".join(f"12:00:00.1 http.c:664              {ways[line[0]]}: {line[2:]}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], UNKNOWN),
        (["> GET /x HTTP/1.1", "< HTTP/1.1 200 OK"], Wire(200)),
        (
            ["> GET /x", "> Authorization: Basic <redacted>", "< HTTP/2 503", "< retry-after: 7"],
            Wire(503, 7, True),
        ),
        (["> GET /x", "< HTTP/1.1 429 Too Many", "< Retry-After: x"], Wire(429)),
        (
            ["> GET /x", "< HTTP/1.1 401", "> GET /x", "> authorization: Basic", "< HTTP/1.1 200"],
            Wire(200, 0.0, True),
        ),
        (["> GET /x", "< HTTP/1.1 429", "< Retry-After: 9", "> GET /x", "< HTTP/1.1 200"], Wire(200)),
        (["> GET /x", "< HTTP/1.1 503", "< Retry-After: Thu, 01 Jan 1970 00:01:40 GMT"], Wire(503, 60.0)),
    ],
)
def test_the_last_answer_counts(lines: list[str], found: Wire) -> None:
    assert parse(trace(*lines), 40.0) == found


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("The requested URL returned error: 503", "busy"),
        ("error: RPC failed; HTTP 429 curl 22", "busy"),
        ("fatal: unable to access 'https://h/': Recv failure: Connection reset by peer", "busy"),
        ("Connection closed by 10.0.0.1 port 22\nfatal: Could not read from remote repository.", "busy"),
        ("Failed to connect to h port 443: Connection refused", "down"),
        ("Could not resolve host: h", "down"),
        ("fatal: Authentication failed for 'https://h/'", "denied"),
        ("git@h: Permission denied (publickey).", "denied"),
        ("SSL certificate problem: self-signed certificate", None),
        ("The requested URL returned error: 403", None),
        ("fatal: repository 'https://h/x/' not found", None),
        ("fatal: no commits selected for shallow requests\nfatal: the remote end hung up unexpectedly", None),
        ("error: Server does not allow request for unadvertised object\nearly EOF", None),
    ],
)
def test_transient_failures_are_distinguished_from_permanent_ones(stderr: str, kind: str | None) -> None:
    assert transient_kind(stderr) == kind


def test_the_hosts_own_patience_is_kept_and_one_that_is_too_long_is_not_waited_for() -> None:
    patience = Patience(time.monotonic() + 100)
    now = time.monotonic()
    assert patience.pause("error: 429", Wire(429, 30), 1, now) == 30
    assert patience.pause("error: 403", Wire(403, 30), 1, now) == 30
    assert patience.pause("error: 403", Wire(403), 1, now) is None
    assert patience.pause("error: 429", Wire(429, 3600), 1, now) is None
    assert Patience(now - 1).pause("error: 503", UNKNOWN, 1, now) is None


def test_a_host_that_never_answered_is_waited_for_less_long_than_one_that_did() -> None:
    now = time.monotonic()
    patience, began = Patience(now + 1000), now - FIRST_SECONDS - 1
    assert patience.pause("Connection refused", UNKNOWN, 3, began) is None
    patience.succeeded(Wire(200))
    assert patience.pause("Connection refused", UNKNOWN, 3, began) is not None


def test_commands_that_change_the_host_are_not_repeated() -> None:
    assert command_of(("-c", "a=b", "fetch", "--quiet")) == "fetch"
    assert is_reading(("ls-remote", "origin"))
    assert not is_reading(("push", "origin"))


# -- init's way to run git ---------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Bare(tmp_path / "root" / "host.git")
    made.commit({"README.md": b"1"})
    git(made.folder, "config", "http.receivepack", "true")
    with serving(made.folder.parent, TOKEN) as found:
        yield found


def once_each(trouble: Trouble) -> Callable[[Asked], Trouble]:
    seen: set[str] = set()

    def answer(asked: Asked) -> Trouble:
        if not asked.token or asked.path in seen:
            return None
        seen.add(asked.path)
        return trouble

    return answer


@pytest.mark.parametrize("trouble", [(500, {}), (429, {"Retry-After": "1"}), "reset"])
def test_init_reads_and_pushes_through_trouble(host: Host, invocation: Invocation, trouble: Trouble) -> None:
    host.trouble = once_each(trouble)
    with open_remote(host.repository("host.git"), "main", Credential("ci", TOKEN), invocation) as remote:
        tip = remote.observe().tip
        sha = remote.commit(tip, Commit("Change\n", (FileChange("x", b"1"),)), AUTHOR)
        remote.push(sha, tip)
    bare = Bare.at(host.root / "host.git")
    assert bare.tip() == sha
    assert bare.files() == {"README.md": b"1", "x": b"1"}


@pytest.mark.parametrize("trouble", ["lost", "broken"])
def test_inits_push_whose_answer_was_lost_is_found_below_others(
    host: Host, invocation: Invocation, trouble: Trouble
) -> None:
    bare = Bare.at(host.root / "host.git")
    lost = [trouble]
    host.trouble = lambda asked: lost.pop() if asked.pushes and lost else None
    host.after = lambda _: bare.commit({"theirs": b"2"})
    with open_remote(host.repository("host.git"), "main", Credential("ci", TOKEN), invocation) as remote:
        tip = remote.observe().tip
        sha = remote.commit(tip, Commit("Change\n", (FileChange("x", b"1"),)), AUTHOR)
        remote.push(sha, tip)
    assert git(bare.folder, "rev-parse", "main^") == sha
    assert bare.files() == {"README.md": b"1", "x": b"1", "theirs": b"2"}


# -- the hosts' API ----------------------------------------------------------------------------


def test_an_api_in_trouble_is_asked_until_the_time_is_over_and_a_credential_may_be_refused_for_a_moment(
    invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_pause", lambda attempt, asked: asked)
    answers = [200, *[503] * 6, 401, 401, 200]

    def answer(*_: object) -> Reply:
        return answers.pop(0), {}, b"{}"

    with answering(answer) as url:
        client = Client.for_url(f"{url}/owner/name.git", Credential(token=TOKEN), invocation, 60)
        for _ in range(2):
            assert client.request("GET", "/x", "asking") == {}
        client.session.close()
    assert answers == []


def test_an_api_that_stays_in_trouble_is_down_and_says_how_often_it_was_asked(
    invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_pause", lambda attempt, asked: asked)
    with answering(lambda *_: (502, {}, b"{}")) as url:
        client = Client.for_url(f"{url}/owner/name.git", Credential(token=TOKEN), invocation)
        with pytest.raises(ProviderBusy, match=r"502.* \(4 tries in \d+ s\)") as caught:
            client.request("GET", "/x", "asking")
        client.session.close()
    assert isinstance(caught.value, GitUnreachable)
