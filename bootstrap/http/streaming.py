"""HTTP for downloads: verified TLS, a private authority in addition to the public ones, faults classified."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from bootstrap.core.errors import BootstrapError, DownloadError, DownloadUnavailable, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import is_loopback
from bootstrap.http.session import Failure, Session, adapter, load, reason, translated

if TYPE_CHECKING:
    import requests

CA_FILE = "BOOTSTRAP_CA_FILE"
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next byte."""
PROBE_SECONDS = 4.0
IDENTITY = {"Accept-Encoding": "identity"}
"""The hash must be of the file itself, so the server must not compress it."""


class PassingFault(Exception):
    """A transient fault: a response of 5xx or 429, a broken connection, silence."""


@contextmanager
def get(url: str, invocation: Invocation, ca_file: Path | None = None) -> Iterator[requests.Response]:
    """The response to GET `url`, of status 200, its body not yet read.

    Faults while the body is read inside the `with` are translated too. Raises PassingFault,
    DownloadUnavailable, DownloadError for a URL that is not https, InputError for a bad CA file.
    """
    address = shown(url)
    try:
        with (
            translated(),
            _session(address, invocation, ca_file) as session,
            session.send(
                "GET", url, timeout=TIMEOUT, redirects=True, stream=True, headers=IDENTITY
            ) as answer,
        ):
            if answer.status_code >= 500 or answer.status_code == 429:
                raise PassingFault(f"the server answered {answer.status_code} {answer.reason}")
            if answer.status_code != 200:
                raise _unavailable(address, f"the server answered {answer.status_code} {answer.reason}")
            yield answer
    except Failure as error:
        raise _failed(address, error) from error


def _failed(address: str, failure: Failure) -> PassingFault | DownloadUnavailable:
    """A transient fault as PassingFault, a permanent one as DownloadUnavailable."""
    from requests.exceptions import ConnectTimeout

    if failure.kind == "certificate":
        found = f"the server's certificate is not trusted ({failure})"
        hint = f"if the server has a private certificate authority, name its PEM file in {CA_FILE}"
        return _unavailable(address, found, hint)
    if isinstance(failure.__cause__, ConnectTimeout):
        return _unavailable(address, f"no connection within {TIMEOUT[0]:.0f} s")
    if failure.kind == "silent":
        return PassingFault(f"the server sent nothing for {TIMEOUT[1]:.0f} s")
    if failure.kind == "cut":
        return PassingFault(f"the connection ended too early ({failure})")
    if failure.kind == "broken":
        return PassingFault(f"the connection broke ({failure})")
    if failure.kind == "invalid":
        return _unavailable(address, str(failure), "check the URL")
    return _unavailable(address, str(failure))


def reachable(
    urls: Sequence[str], invocation: Invocation, ca_file: Path | None = None, seconds: float = PROBE_SECONDS
) -> dict[str, str | None]:
    """Ask all URLs in parallel; URL → why it does not answer, None if it does.

    Any HTTP response counts. The call takes little more than `seconds`, even where names are resolved
    slowly. Raises InputError for a bad CA file, DownloadError for a URL that is not https.
    """
    load()  # so that importing does not count as the hosts' time

    silent = f"no answer within {seconds:g} s"
    found: dict[str, str | BootstrapError | None] = dict.fromkeys(urls, silent)
    threads = [
        # Resolving a name cannot be given a time limit: such a thread is left behind.
        threading.Thread(
            target=_probe, args=(url, invocation, ca_file, seconds, found), name=f"probe {url}", daemon=True
        )
        for url in urls
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    answers: dict[str, str | None] = {}
    for url, answer in list(found.items()):
        if isinstance(answer, BootstrapError):
            raise answer
        answers[url] = answer
    return answers


def shown(url: str) -> str:
    """A URL without what may contain a credential: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _probe(
    url: str,
    invocation: Invocation,
    ca_file: Path | None,
    seconds: float,
    found: dict[str, str | BootstrapError | None],
) -> None:
    try:
        with _session(shown(url), invocation, ca_file) as session:
            session.send("HEAD", url, timeout=seconds)
        found[url] = None
    except BootstrapError as error:
        found[url] = error
    except (Failure, ValueError) as error:
        found[url] = str(error)


def _session(address: str, invocation: Invocation, ca_file: Path | None) -> Session:
    """A session that trusts the private authority too, and speaks plain HTTP to this machine only."""
    if ca_file is None and (chosen := invocation.environ.get(CA_FILE)):
        ca_file = Path(chosen)
    context = _trusting(ca_file) if ca_file else None
    limited: Any = adapter()

    class Verified(limited):  # type: ignore[misc]
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **(options | {"ssl_context": context}))

    class Loopback(limited):  # type: ignore[misc]
        # Redirects are checked here as well.
        def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> Any:
            if not is_loopback(urlsplit(request.url or "").hostname or ""):
                raise DownloadError(
                    f"downloading {address}",
                    f"{shown(str(request.url))} is not https",
                    "give an https URL; plain http is for this machine's own addresses only",
                    address,
                )
            return super().send(request, *arguments, **options)

    session = Session(invocation)
    session.requests.mount("https://", Verified())
    session.requests.mount("http://", Loopback())
    return session


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            "reading the CA file",
            reason(error),
            "give a file of PEM certificates",
            str(ca_file),
        ) from error
    return context


def _unavailable(
    address: str, found: str, hint: str = "check the network, the proxy and the URL, and try again"
) -> DownloadUnavailable:
    return DownloadUnavailable(f"downloading {address}", found, hint, address)
