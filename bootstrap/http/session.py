"""The one HTTP session: verified TLS, the invocation's proxies, no .netrc, one exception for no response."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from bootstrap.core import bounded, verbose
from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import is_loopback

if TYPE_CHECKING:
    from requests import Response as Response
    from requests.adapters import HTTPAdapter

AGENT = "gitops-bootstrap"
LONGEST_REASON = 300
"""Characters that are shown of the reason why a request got no response."""

LARGEST_ANSWER = 64 << 20
"""Bytes of a body, decompressed; a Git host's page and Argo CD's list of 10,000 Applications are smaller."""
ANSWER_SECONDS = 300.0
"""Seconds from the first byte of a body to its last: a byte now and then must not hold up a run."""

Kind = Literal["certificate", "proxy", "unconnected", "silent", "cut", "broken", "invalid"]
"""Why there is no response: TLS is not trusted, the proxy refuses, no connection was made, the server is
silent, the body ended too early, the connection broke, the request cannot be sent or the response used."""


Timeout = float | tuple[float, float | None]
"""Seconds for all, or to connect and to wait for the next byte (None: no limit)."""


class Failure(Exception):
    """A request that got no response; str() is the simplest known reason."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Session:
    """Connections of one run. `ca_file` is trusted in place of the system's authorities."""

    def __init__(
        self, invocation: Invocation, ca_file: Path | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        import requests

        environ = invocation.environ
        self._environ = environ
        self.requests = requests.Session()
        # The user's environment is read from the invocation; only credentials that were passed in are used.
        self.requests.trust_env = False
        bundle = ca_file or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
        self.requests.verify = str(bundle) if bundle else True
        self.requests.headers["User-Agent"] = AGENT
        self.requests.headers.update(headers or {})
        for scheme in ("https://", "http://"):
            self.requests.mount(scheme, adapter()())
        verbose.follow(self.requests)

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout: Timeout,
        redirects: bool = False,
        **options: Any,
    ) -> Response:
        """The response, whatever its status. Raises Failure when there is none, or it exceeds LARGEST_ANSWER.

        With the option `stream`, the caller reads the body, and limits it.
        """
        options |= {"allow_redirects": redirects, "proxies": self.proxies(url)}
        streamed = options.pop("stream", False)
        try:
            with translated():
                answer = self.requests.request(method, url, timeout=timeout, stream=True, **options)
                return answer if streamed else _read(answer)
        except OSError as error:  # such as a CA file that cannot be read
            raise Failure("invalid", reason(error)) from error

    def proxies(self, url: str) -> dict[str, str]:
        """The proxies that requests to this URL go through, by scheme."""
        return proxies(url, self._environ)

    def close(self) -> None:
        self.requests.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def adapter() -> type[HTTPAdapter]:
    """requests' adapter; a response must begin in time. A function, because requests is imported late."""
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            bounded.limit_heads(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **options)
            if not known:
                bounded.limit_heads(manager)
            return manager

    return Limited


def _read(answer: Response) -> Response:
    """The response with its whole body, which is limited in size and time."""
    if isinstance(answer._content, bytes):  # a hook of the session has read it already
        return answer
    try:
        answer._content = b"".join(bounded.pieces(answer.raw, LARGEST_ANSWER, ANSWER_SECONDS))
    except bounded.TooMuch as error:
        answer.close()
        raise Failure("invalid", f"its answer {error}") from error
    answer.raw.release_conn()
    return answer


@contextmanager
def translated() -> Iterator[None]:
    """Raise Failure for what the HTTP client raises, also while a body is read."""
    import requests
    import urllib3

    try:
        yield
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Failure(_kind(error), reason(error)) from error


def reason(error: BaseException) -> str:
    """The simplest message in a chain of exceptions: that of the operating system or of TLS."""
    while inner := _inner(error):
        error = inner
    message = (
        getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error) or repr(error)
    )
    # urllib3 prints its objects' addresses.
    return re.sub(r"<[^>]*>:? ?", "", str(message))[:LONGEST_REASON] or type(error).__name__


def proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies that the invocation's environment names for this URL; none for this machine itself."""
    import requests

    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY")
    if requests.utils.should_bypass_proxies(url, no_proxy=no_proxy or ""):
        return {}
    found: dict[str, str] = {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
            if value := environ.get(name):
                found.setdefault(scheme, value)
    return found


def body(answer: Response) -> Any:
    """The body as data; None when it is empty, not JSON, or nested too deeply."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def load() -> None:
    """Import, on one thread, the packages that two threads would otherwise import at the same time.

    Python breaks the deadlock of two half-imported modules that wait for each other by handing out one of
    them half-imported, which causes an occasional ImportError.
    """
    import requests  # noqa: F401


def _inner(error: BaseException) -> BaseException | None:
    inner = error.__cause__ or error.__context__
    if inner is not None:
        return inner
    for candidate in (getattr(error, "reason", None), *error.args[:1]):
        if isinstance(candidate, BaseException):
            return candidate
    return None


def _kind(error: BaseException) -> Kind:
    from requests import exceptions
    from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, ReadTimeoutError

    table: tuple[tuple[type[BaseException], Kind], ...] = (
        (exceptions.SSLError, "certificate"),
        (exceptions.ProxyError, "proxy"),
        (exceptions.ConnectTimeout, "unconnected"),
        (exceptions.Timeout, "silent"),
        (exceptions.ChunkedEncodingError, "cut"),
        (ReadTimeoutError, "silent"),  # these two while a body is read
        (ProtocolError, "cut"),
    )
    for kind_of_error, kind in table:
        if isinstance(error, kind_of_error):
            return kind
    if isinstance(error, exceptions.ConnectionError):
        cause = error.args[0] if error.args else None
        never = isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
        return "unconnected" if never else "broken"
    return "invalid" if isinstance(error, exceptions.RequestException) else "broken"
