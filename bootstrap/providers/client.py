"""Requests to a Git host's API: verified TLS, retries, pages, and every refusal as one of our errors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bootstrap.core import backoff
from bootstrap.core.errors import AuthenticationFailed, GitUnreachable, ProviderBusy, ProviderError
from bootstrap.core.invocation import Invocation
from bootstrap.git.auth import check_host
from bootstrap.git.remote import Credential
from bootstrap.http.session import Failure, Session, body
from bootstrap.providers import answers

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
ATTEMPTS = 4
"""The least number of tries; a client with `until` goes on until then."""
LONGEST_PAUSE = 30.0
"""Seconds; a host that asks for a longer pause gets an error instead."""
PAGE = 50
"""Items per page: Gitea's default maximum."""
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Client:
    """One host's API. `base` is the URL before the API's paths; `session` has the credential.

    `page_size` is what the host calls the number of items on a page.
    """

    base: str
    session: Session = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    page_size: str = "limit"
    until: float = 0.0
    """In time.monotonic(): until then a failing host is asked again, beyond ATTEMPTS."""
    known: set[str] = field(default_factory=set)
    """`reached`, and `let in`: the host has accepted the credential once, so a refusal may be temporary."""

    @classmethod
    def for_url(
        cls, url: str, credential: Credential, invocation: Invocation, seconds: float = 0.0
    ) -> Client:
        """A client for the host of a repository's URL; a Git host below a path is found by `split`."""
        if credential.token:
            check_host(url, credential.hosts)
        parts = urlsplit(url)
        session = Session(invocation, credential.ca_file, {"Accept": "application/json"})
        prefix = "/".join(parts.path.rstrip("/").split("/")[:-2])
        secrets = (credential.token,) if credential.token else ()
        if credential.token:
            session.requests.headers["Authorization"] = f"Bearer {credential.token}"
        until = time.monotonic() + seconds
        return cls(f"{parts.scheme}://{parts.netloc}{prefix}", session, secrets, until=until)

    def request(
        self,
        method: str,
        path: str,
        tried: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        missing: frozenset[int] = frozenset({404}),
    ) -> Any:
        """The parsed response; None for a status in `missing`.

        Raises GitUnreachable, AuthenticationFailed (401), or ProviderError with the host's message.
        """
        return self._whole(self._send(method, path, tried, json, params, missing), method, tried)

    def header(self, path: str, name: str, tried: str) -> str | None:
        """One header of the response to a GET; None for a response without it, or 404."""
        answer = self._send("GET", path, tried, None, None, frozenset({404}))
        found = answer.headers.get(name) if answer is not None else None
        return None if found is None else str(found)

    def pages(
        self, path: str, tried: str, missing: frozenset[int] = frozenset({404}), **params: str | int
    ) -> Iterator[Any]:
        """Every item of a list, across all of its pages; none for a status in `missing`.

        The next page is the one that the host names; only its query is taken from there, so that the
        credential goes nowhere else.
        """
        query: dict[str, Any] | None = {**params, "page": "1", self.page_size: str(PAGE)}
        asked: list[dict[str, Any]] = []
        last: Any = None
        while query and query not in asked:
            asked.append(query)
            answer = self._send("GET", path, tried, None, query, missing)
            items = self._whole(answer, "GET", tried)
            if not items or items == last:  # a host that repeats one page ignores the query
                return
            yield from items
            last = items
            named = answers.next_query(answer.headers)
            if named is None:
                query = {**query, "page": str(len(asked) + 1)}
            else:
                query = {**query, **named} if named else None

    def _send(
        self,
        method: str,
        path: str,
        tried: str,
        json: Any,
        params: Mapping[str, str | int] | None,
        missing: frozenset[int],
    ) -> Any:
        """The response, after retries where they may help; None for a status in `missing`."""
        url = f"{self.base}{path}"
        began, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            left = self.until - time.monotonic()
            last = attempt >= ATTEMPTS and left <= 0
            try:
                answer = self.session.send(
                    method, url, json=json, params=params, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
                )
            except Failure as error:
                if error.kind == "certificate":
                    found = self._hide(f"the host's certificate is not trusted: {error}")
                    hint = "give its CA's certificate with --ca-file; verification is never switched off"
                    raise GitUnreachable(tried, found, hint, self.base) from error
                if not self.known:  # nothing has answered yet: it may be a wrong address
                    last = attempt >= ATTEMPTS
                if method in _REPEATABLE and not last:
                    time.sleep(_pause(attempt, 0.0))
                    continue
                hint = "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), then run again"
                found = self._hide(str(error)) + _counted(attempt, began)
                raise GitUnreachable(tried, found, hint, self.base) from error
            limited = answers.is_limit(answer.status_code, answer.headers, answers.message(body(answer)))
            again = limited or (answer.status_code in _RETRIED and method in _REPEATABLE)
            # A request that was not let in has done nothing, so it may be repeated.
            again = again or (answer.status_code == 401 and "let in" in self.known)
            self.known.add("reached")
            pause = _pause(attempt, answers.patience(answer.headers, time.time()))
            if again and not last and pause <= max(LONGEST_PAUSE, left):
                time.sleep(pause)
                continue
            if answer.status_code in missing and not limited:
                return None
            if answer.status_code >= 300:
                raise self._refused(answer, tried, limited, _counted(attempt, began))
            if self.secrets:
                self.known.add("let in")
            return answer

    def _whole(self, answer: Any, method: str, tried: str) -> Any:
        """The response's data; {} for an empty response to a change."""
        if answer is None:
            return None
        data = body(answer)
        if data is None and (method == "GET" or answer.content):
            hint = "check the URL and the proxy, then run again"
            raise ProviderError(tried, "the response is not JSON, or was truncated", hint, self.base)
        return data if data is not None else {}

    def _refused(
        self, answer: Any, tried: str, limited: bool, counted: str
    ) -> ProviderError | AuthenticationFailed:
        message = answers.message(body(answer)) or answer.reason or "no message"
        found = self._hide(f"{answer.status_code}: {message}") + counted
        if answer.status_code == 401:
            hint = "check the token (GIT_TOKEN, --token-file): it may be wrong or expired"
            return AuthenticationFailed(tried, found, hint, self.base)
        hint = "check what the token may do, and what the host's administrator allows"
        if limited or answer.status_code in _RETRIED:
            hint = "the host is overloaded or limits requests: run again later"
            if pause := answers.patience(answer.headers, time.time()):
                hint = f"the host limits requests: run again after {answers.clock_time(time.time() + pause)}"
        elif 300 <= answer.status_code < 400:
            found = self._hide(f"it redirects to {answer.headers.get('Location', 'nowhere')}")
            hint = "use the URL that the host redirects to"
        for name in ("X-GitHub-Request-Id", "X-Request-Id", "X-Gitea-Request-Id"):
            if request_id := answer.headers.get(name):
                found += f" (request {request_id})"
                break
        if limited or answer.status_code in _RETRIED:
            asked = answers.patience(answer.headers, time.time())
            return ProviderBusy(tried, found, hint, self.base, patience=asked)
        return ProviderError(tried, found, hint, self.base)

    def _hide(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[hidden]")
        return text


def _pause(attempt: int, asked: float) -> float:
    return backoff.between(attempt, longest=LONGEST_PAUSE, asked=asked)


def _counted(attempts: int, began: float) -> str:
    """How often and for how long it was tried; "" if once."""
    return f" ({attempts} tries in {time.monotonic() - began:.0f} s)" if attempts > 1 else ""
