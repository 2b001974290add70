"""When a token expires, as each Git host says it, and what `doctor` makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import gitlab
import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.doctor.expiry import of_token
from bootstrap.git.remote import Credential
from bootstrap.providers import Provider, find
from tests.providers.answering import Reply, answering

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)
PERSONAL = "/api/v4/personal_access_tokens/self"


@contextmanager
def host(
    kind: str, answers: Mapping[str, Any], invocation: Invocation, headers: Mapping[str, str] | None = None
) -> Iterator[Provider]:
    known = {
        "gitlab": {"/api/v4/version": {"version": "18.6.0", "revision": "0a1b2c3"}},
        "github": {"/api/v3/meta": {"installed_version": "3.18.0"}},
        "gitea": {"/api/v1/version": {"version": "1.25.1"}},
    }[kind]

    def answer(method: str, path: str, _: Mapping[str, str], body: Any) -> Reply:
        data = {**known, **answers}.get(path, 404)
        status = data if isinstance(data, int) else 200
        content = json.dumps({"message": "of a test"} if status == data else data).encode()
        return status, {"Content-Type": "application/json", **(headers or {})}, content

    with answering(answer) as url:
        found = find(f"{url}/platform/gitops.git", Credential(token="glowing-token"), invocation)
        assert found is not None
        yield found


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ({"expires_at": "2026-12-01"}, "2026-12-01"),
        ({"expires_at": None}, ""),
        (403, None),
        ({"id": 1}, None),
    ],
)
def test_gitlab_says_it_of_the_token_that_asks(answer: Any, ends: str | None, invocation: Invocation) -> None:
    with host("gitlab", {PERSONAL: answer}, invocation) as provider:
        assert provider.token_ends() == ends


def test_another_client_of_gitlab_asks_at_the_same_place() -> None:
    asked = []

    def answer(method: str, path: str, _: Mapping[str, str], body: Any) -> Reply:
        asked.append((method, path))
        return 200, {"Content-Type": "application/json"}, b'{"id": 1}'

    with answering(answer) as url:
        client = gitlab.Gitlab(url, private_token="glowing-token")
        client.personal_access_tokens.get("self")
        client.session.close()
    assert asked == [("GET", PERSONAL)]


@pytest.mark.parametrize("ends", ["2026-12-01 07:08:09 UTC", None])
def test_github_says_it_in_a_header(ends: str | None, invocation: Invocation) -> None:
    headers = {"GitHub-Authentication-Token-Expiration": ends} if ends else {}
    with host("github", {"/api/v3/rate_limit": {"resources": {}}}, invocation, headers) as provider:
        assert provider.token_ends() == ends


@pytest.mark.parametrize(
    ("expires_at", "state", "said"),
    [
        ("2026-12-01", "warning", "the token expires in 7 days (2026-12-01)"),
        ("2026-11-01", "broken", "the token expired on 2026-11-01"),
        ("2027-11-01", "ok", "the token expires in 342 days (2027-11-01)"),
        (None, "ok", "the token does not expire"),
    ],
)
def test_the_doctor_tells_how_long_a_token_lasts(
    expires_at: str | None, state: str, said: str, invocation: Invocation
) -> None:
    with host("gitlab", {PERSONAL: {"expires_at": expires_at}}, invocation) as provider:
        found = of_token(provider, "the token", "give another one", NOW)
    assert found == ("expiry", state, said, "" if state == "ok" else "give another one")


def test_a_host_that_does_not_say_is_unknown(invocation: Invocation) -> None:
    with host("gitlab", {PERSONAL: 500}, invocation) as provider:
        _, state, said, _ = of_token(provider, "the token", "", NOW)
    assert state == "unknown"
    assert "asking when the token expires" in said
    with host("github", {"/api/v3/rate_limit": {}}, invocation) as provider:
        _, state, said, _ = of_token(provider, "the token", "", NOW)
    assert (state, said) == ("unknown", "the token: the host (github) does not say when it expires")
