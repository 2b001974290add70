"""Requests to a Git host's API: verified TLS, retries, pages, and every refusal as an error of ours."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from bootstrap.errors import AuthenticationFailed, GitUnreachable, ProviderError
from bootstrap.git import Credential
from bootstrap.invocation import Invocation

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
ATTEMPTS = 4
LONGEST_PAUSE = 30.0
"""Seconds; a host that asks for more patience gets an error instead."""
PAGE = 50
_RETRIED = frozenset({429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Client:
    """One host's API. `base` is the URL before the repository's path; `session` has the credential."""

    base: str
    session: Any = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, url: str, credential: Credential, invocation: Invocation) -> Client:
        """A client for the host of a repository's URL; a Git host below a path is found by `split`."""
        import requests

        parts = urlsplit(url)
        session = requests.Session()
        session.trust_env = False  # no .netrc: the credential is the one that was given
        session.proxies.update(_proxies(url, invocation.environ))
        bundle = credential.ca_file or invocation.environ.get("REQUESTS_CA_BUNDLE")
        session.verify = str(bundle) if bundle else True
        session.headers["Accept"] = "application/json"
        session.headers["User-Agent"] = "gitops-bootstrap"
        prefix = "/".join(parts.path.rstrip("/").split("/")[:-2])
        secrets = (credential.token,) if credential.token else ()
        if credential.token:
            session.headers["Authorization"] = f"token {credential.token}"
        return cls(f"{parts.scheme}://{parts.netloc}{prefix}", session, secrets)

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
        """The parsed answer; None for a status in `missing`.

        Raises GitUnreachable, AuthenticationFailed (401), or ProviderError with the host's message.
        """
        import requests

        url = f"{self.base}{path}"
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self.session.request(
                    method,
                    url,
                    json=json,
                    params=params,
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,
                )
            except requests.exceptions.SSLError as error:
                raise GitUnreachable(
                    tried,
                    self._hide(f"the host's certificate is not trusted: {_reason(error)}"),
                    "give the certificate of the host's authority with --ca-file; "
                    "verification is never switched off",
                    self.base,
                ) from error
            except (requests.exceptions.RequestException, OSError) as error:
                if method in _REPEATABLE and not last:
                    time.sleep(_pause(attempt, None))
                    continue
                raise GitUnreachable(
                    tried,
                    self._hide(_reason(error)),
                    "check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), then run again",
                    self.base,
                ) from error
            pause = _pause(attempt, answer.headers.get("Retry-After"))
            limited = answer.status_code in (429, 503)  # refused before anything was done: safe to repeat
            again = answer.status_code in _RETRIED and (limited or method in _REPEATABLE)
            if again and not last and pause <= LONGEST_PAUSE:
                time.sleep(pause)
                continue
            if answer.status_code in missing:
                return None
            if answer.status_code >= 300:
                raise self._refused(answer, tried)
            data = _parsed(answer)
            if data is None and (method == "GET" or answer.content):
                raise ProviderError(
                    tried,
                    "the answer is no JSON, or was cut off",
                    "check the URL and the proxy, then run again",
                    self.base,
                )
            return data if data is not None else {}
        raise AssertionError("the last attempt returns or raises")

    def pages(self, path: str, tried: str) -> Iterator[Any]:
        """Every item of a list, however many pages the host makes of it."""
        page = 1
        while True:
            items = self.request("GET", path, tried, params={"page": page, "limit": PAGE})
            if not items:
                return
            yield from items
            page += 1

    def _refused(self, answer: Any, tried: str) -> ProviderError | AuthenticationFailed:
        found = self._hide(f"{answer.status_code}: {_message(answer)}")
        if answer.status_code == 401:
            return AuthenticationFailed(
                tried,
                found,
                "check the token (GIT_TOKEN, --token-file): it may be wrong or expired",
                self.base,
            )
        hint = "check what the token may do, and what the host's administrator allows"
        if answer.status_code in _RETRIED:
            hint = "the host is in trouble or asks for patience: run again later"
        elif 300 <= answer.status_code < 400:
            found = self._hide(f"it redirects to {answer.headers.get('Location', 'nowhere')}")
            hint = "give the URL that the host itself uses"
        request_id = answer.headers.get("X-Request-Id") or answer.headers.get("X-Gitea-Request-Id")
        if request_id:
            found += f" (request {request_id})"
        return ProviderError(tried, found, hint, self.base)

    def _hide(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[hidden]")
        return text


def split(url: str) -> tuple[str, str]:
    """Owner and name of the repository that a URL ends in."""
    *_, owner, name = ["", *urlsplit(url).path.strip("/").split("/")]
    return unquote(owner), unquote(name).removesuffix(".git")


def _proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies that the invocation's environment names for this URL."""
    import requests.utils

    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY")
    if requests.utils.should_bypass_proxies(url, no_proxy=no_proxy or ""):
        return {}
    found: dict[str, str] = {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
            if value := environ.get(name):
                found.setdefault(scheme, value)
    return found


def _pause(attempt: int, retry_after: str | None) -> float:
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    return max(asked, float(0.25 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311


def _parsed(answer: Any) -> Any:
    """The body as data; None when it is empty or no JSON."""
    try:
        return answer.json()
    except ValueError:
        return None


def _message(answer: Any) -> str:
    """What the host says, in at most 300 characters."""
    data = _parsed(answer)
    said = data.get("message") if isinstance(data, dict) else None
    return str(said or answer.reason or "no message").strip().splitlines()[0][:300]


def _reason(error: Exception) -> str:
    """The innermost cause, without the objects' addresses that urllib3 prints."""
    import re

    inner: Any = error
    while getattr(inner, "args", None) and isinstance(getattr(inner, "reason", inner.args[0]), Exception):
        inner = getattr(inner, "reason", inner.args[0])
    return re.sub(r"<[^>]*>:? ?", "", str(inner))[:300] or type(inner).__name__
