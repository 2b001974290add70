"""Requests to a Git host's API: retries, pages, refusals, and no token in any error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.errors import AuthenticationFailed, GitUnreachable, ProviderError
from bootstrap.core.invocation import Invocation
from bootstrap.git.remote import Credential
from bootstrap.providers import client as http
from bootstrap.providers import find
from bootstrap.providers.client import Client
from tests import mirror
from tests.providers.answering import Reply, answering

TOKEN = "glowing-token-of-a-test"


@dataclass
class Host:
    """Answers in turn, the last one forever; `asked` has (method, path, authorization, body)."""

    url: str
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str | None, Any]] = field(default_factory=list)


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host("")

    def answer(method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        found.asked.append((method, path, headers.get("Authorization"), body))
        status, own, data = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
        return status, own, data if isinstance(data, bytes) else json.dumps(data).encode()

    with answering(answer) as found.url:
        yield found


@pytest.fixture
def client(host: Host, invocation: Invocation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(http, "_pause", lambda attempt, asked: asked)
    made = Client.for_url(f"{host.url}/owner/name.git", Credential(token=TOKEN), invocation)
    yield made
    made.session.close()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(client: Client, host: Host, status: int) -> None:
    host.answers = [(status, {}, {}), (status, {"Retry-After": "0"}, {}), (200, {}, {"ok": True})]
    assert client.request("GET", "/x", "asking") == {"ok": True}
    assert len(host.asked) == 3


def test_post_is_repeated_only_where_it_was_refused_before_anything_was_done(
    client: Client, host: Host
) -> None:
    host.answers = [(429, {}, {}), (201, {}, {"made": 1})]
    assert client.request("POST", "/x", "making", json={"a": 1}) == {"made": 1}
    host.answers = [(500, {}, {"message": "broken"}), (201, {}, {})]
    with pytest.raises(ProviderError, match="broken"):
        client.request("POST", "/x", "making", json={"a": 1})


def test_host_that_asks_for_more_patience_than_there_is_gets_none(client: Client, host: Host) -> None:
    host.answers = [(429, {"Retry-After": "3600"}, {"message": "slow down"})]
    with pytest.raises(ProviderError) as caught:
        client.request("GET", "/x", "asking")
    assert "slow down" in caught.value.found
    assert len(host.asked) == 1


def test_every_page_is_read(client: Client, host: Host) -> None:
    host.answers = [(200, {}, [1, 2]), (200, {}, [3]), (200, {}, [])]
    assert list(client.pages("/x", "listing")) == [1, 2, 3]
    assert [path.partition("?")[2] for _, path, _, _ in host.asked] == [
        f"page={page}&limit={http.PAGE}" for page in (1, 2, 3)
    ]


def test_the_page_that_the_host_names_is_read_next_and_on_no_other_host(client: Client, host: Host) -> None:
    link = '<https://elsewhere.example.org/stolen?page=7&cursor=abc>; rel="next"'
    host.answers = [(200, {"Link": link}, [1]), (200, {"Link": '<https://h/x>; rel="first"'}, [2])]
    assert list(client.pages("/x", "listing", state="open")) == [1, 2]
    assert [path for _, path, _, _ in host.asked] == [
        f"/x?state=open&page=1&limit={http.PAGE}",
        f"/x?state=open&page=7&limit={http.PAGE}&cursor=abc",
    ]


@pytest.mark.parametrize("headers", [{"Link": '<https://h/x?page=2>; rel="next"'}, {}])
def test_a_host_that_has_one_page_forever_is_asked_twice(
    client: Client, host: Host, headers: dict[str, str]
) -> None:
    host.answers = [(200, headers, [1])]
    assert list(client.pages("/x", "listing")) == [1]
    assert len(host.asked) == 2


def test_a_limit_is_waited_for_and_a_long_one_reported_with_its_end(client: Client, host: Host) -> None:
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}
    host.answers = [(403, spent, {"message": "API rate limit exceeded"}), (201, {}, {"made": 1})]
    assert client.request("POST", "/x", "making", json={}, missing=frozenset({403})) == {"made": 1}
    host.answers = [(403, {**spent, "X-RateLimit-Reset": "99999999999"}, {"message": "rate limit"})]
    with pytest.raises(ProviderError) as caught:
        client.request("GET", "/x", "asking", missing=frozenset({403}))
    assert "run again after" in caught.value.hint


def test_missing_is_none_and_refusals_keep_the_hosts_words(client: Client, host: Host) -> None:
    host.answers = [(404, {}, {"message": "no such"})]
    assert client.request("GET", "/x", "asking") is None
    host.answers = [(403, {"X-Request-Id": "r-7"}, {"message": f"{TOKEN} lacks a scope"})]
    with pytest.raises(ProviderError) as caught:
        client.request("GET", "/x", "asking")
    assert caught.value.found == "403: [hidden] lacks a scope (request r-7)"
    host.answers = [(401, {}, {"message": "expired"})]
    with pytest.raises(AuthenticationFailed, match="expired"):
        client.request("GET", "/x", "asking")


@pytest.mark.parametrize("body", [b"", b'{"login": "a', b"<html>"])
def test_accepted_request_with_no_whole_answer_is_an_error(client: Client, host: Host, body: bytes) -> None:
    host.answers = [(200, {}, body)]
    with pytest.raises(ProviderError, match="was truncated"):
        client.request("GET", "/x", "asking")


def test_refusal_that_is_not_json_is_reported_by_its_status(client: Client, host: Host) -> None:
    host.answers = [(400, {}, b"<html>oops</html>")]
    with pytest.raises(ProviderError, match="400: Bad Request"):
        client.request("GET", "/x", "asking")


def test_redirects_are_reported_and_never_given_the_token(client: Client, host: Host) -> None:
    host.answers = [(301, {"Location": "https://elsewhere.example.org/x"}, {})]
    with pytest.raises(ProviderError, match="elsewhere"):
        client.request("GET", "/x", "asking")
    assert len(host.asked) == 1


def test_token_is_in_the_header_and_in_no_error(client: Client, host: Host) -> None:
    host.answers = [(200, {}, {})]
    client.request("GET", "/x", "asking")
    assert host.asked[0][2] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(client)


def test_dead_host_is_unreachable(invocation: Invocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_pause", lambda attempt, asked: 0.0)
    with pytest.raises(GitUnreachable) as caught:
        find("http://127.0.0.1:1/owner/name.git", Credential(token=TOKEN), invocation)
    assert "refused" in caught.value.found
    assert "0x" not in caught.value.found


def test_certificate_is_verified_and_its_authority_can_be_named(
    tmp_path: Path, invocation: Invocation
) -> None:
    with mirror.running(tmp_path) as server:
        server.serve("/api/v1/version", b'{"version": "1.26.0"}')
        url = f"{server.url}/owner/name.git"
        with pytest.raises(GitUnreachable) as caught:
            find(url, Credential(), invocation)
        assert "--ca-file" in caught.value.hint
        found = find(url, Credential(ca_file=server.ca_file), invocation)
        assert found is not None
        assert (found.name, found.version) == ("gitea", "1.26.0")


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b"<html>"),
        (200, {}, b"<html>"),
        (200, {}, []),
        (302, {"Location": "/login"}, b""),
        (500, {}, {}),
    ],
)
def test_other_hosts_are_not_mistaken_for_gitea(
    host: Host,
    invocation: Invocation,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, dict[str, str], Any],
) -> None:
    monkeypatch.setattr(http, "_pause", lambda attempt, asked: 0.0)
    host.answers = [answer]
    assert find(f"{host.url}/owner/name.git", Credential(), invocation) is None


@pytest.mark.parametrize("url", ["file:///srv/x.git", "git@git.example.org:a/b.git", "ssh://git@h/a/b.git"])
def test_only_http_urls_have_an_api(url: str, invocation: Invocation) -> None:
    assert find(url, Credential(), invocation) is None


def test_host_below_a_path_is_asked_below_that_path(invocation: Invocation) -> None:
    made = Client.for_url("https://h.example.org/git/owner/name.git", Credential(), invocation)
    assert made.base == "https://h.example.org/git"
    made.session.close()


def test_proxies_come_from_the_invocations_environment(invocation: Invocation) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "direct.example.org"}
    invocation.environ = environ
    for host, expected in (("h.example.org", {"https": "http://proxy:3128"}), ("direct.example.org", {})):
        made = Client.for_url(f"https://{host}/owner/name.git", Credential(), invocation)
        assert made.session.proxies(made.base) == expected
        made.session.close()
