"""Asks registries for the digests of images, through the OCI distribution API (version 2)."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from bootstrap.core import backoff, bounded
from bootstrap.core.errors import RegistryError
from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import is_loopback
from bootstrap.http.session import Failure, Session, body, translated
from bootstrap.oci import logins
from bootstrap.oci.logins import Login
from bootstrap.oci.reference import Reference, canonical

if TYPE_CHECKING:
    from bootstrap.http.session import Response

# Indexes first: for a multi-architecture image, the digest to pin is that of the index.
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_HUB_HOST = "registry-1.docker.io"
_TIMEOUT = (10, 30)
_LONGEST_PAUSE = 60.0
_MOST_TRIES = 5
_MOST_PAGES = 20
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_LARGEST_MANIFEST = 8 << 20
_ANSWER_SECONDS = 120.0
"""Seconds from the first byte of a response to its last."""
_AT_FAULT = "the registry is at fault: ask its operator"


class Registries:
    """Connections and tokens of one run. `ca_file` is trusted in place of the system's authorities.

    `pause` waits some seconds; `patience` is how many it may wait altogether. `connect` is how many seconds
    a registry has to accept a connection.
    """

    def __init__(
        self,
        invocation: Invocation,
        ca_file: Path | None = None,
        patience: float = 120.0,
        pause: Callable[[float], None] = time.sleep,
        connect: float = _TIMEOUT[0],
    ) -> None:
        self._invocation = invocation
        self._session = Session(invocation, ca_file)
        self._patience = patience
        self._pause = pause
        self._timeout = (connect, _TIMEOUT[1])
        self._authorizations: dict[str, str] = {}
        self._bases: dict[str, str] = {}

    def digest(self, image: Reference) -> str | None:
        """The digest that the registry has for the image's tag (or digest); None when it has no such image.

        Raises RegistryError when the registry cannot be reached, or refuses to answer.
        """
        registry, _, path = canonical(image.repository).partition("/")
        wanted = image.digest or image.tag or "latest"
        url = f"{self._base(registry)}/v2/{path}/manifests/{wanted}"
        answer = self._ask("HEAD", url, registry, path)
        found = answer.headers.get("Docker-Content-Digest", "")
        if answer.status_code == 200 and not _DIGEST.fullmatch(found):
            answer = self._ask("GET", url, registry, path)
            found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise _refused(answer, image, url)
        if image.digest and found != image.digest:
            text = f"the registry answers with the digest {found}"
            raise RegistryError(f"looking for {image}", text, _AT_FAULT, url)
        return found

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository (`registry/path`), as many as the registry lists on `_MOST_PAGES` pages.

        Raises RegistryError when it cannot be reached, or has no such repository.
        """
        registry, _, path = canonical(repository).partition("/")
        base = self._base(registry)
        url, found = f"{base}/v2/{path}/tags/list?n=1000", list[str]()
        for _ in range(_MOST_PAGES):
            answer = self._ask("GET", url, registry, path)
            if answer.status_code != 200:
                raise _refused(answer, Reference(repository, None, None), url)
            found += [str(tag) for tag in _json(answer).get("tags") or ()]
            following = re.match(r"<([^>]+)>;\s*rel=\"?next", answer.headers.get("Link", ""))
            if not following or not following[1].startswith("/"):
                break
            url = f"{base}{following[1]}"
        return found

    def _base(self, registry: str) -> str:
        """The registry's URL: https, or, as with Docker, http for one on this machine without TLS."""
        if registry not in self._bases:
            host = _HUB_HOST if registry == "docker.io" else registry
            self._bases[registry] = f"https://{host}"
            if _is_loopback(host) and not self._speaks_tls(host):
                self._bases[registry] = f"http://{host}"
        return self._bases[registry]

    def _speaks_tls(self, host: str) -> bool:
        try:
            self._send("GET", f"https://{host}/v2/")
        except RegistryError as error:
            return re.search(r"WRONG_VERSION_NUMBER|wrong version number", str(error.__cause__)) is None
        return True

    def _ask(self, method: str, url: str, registry: str, path: str) -> Response:
        """One request, with a token if the registry wants one; 429 and 5xx are retried."""
        scope, authorized = f"{registry}/{path}", False
        for attempt in range(1, _MOST_TRIES + 1):
            headers = {"Accept": ACCEPT}
            if scope in self._authorizations:
                headers["Authorization"] = self._authorizations[scope]
            answer = self._follow(method, url, headers)
            if answer.status_code == 401 and not authorized:  # no token yet, or it has expired
                authorized = True
                self._authorizations[scope] = self._authorize(answer, registry, path)
                continue
            if answer.status_code != 429 and answer.status_code < 500:
                return answer
            asked = backoff.retry_after(answer.headers.get("Retry-After", ""), self._invocation.clock())
            wait = asked or backoff.between(attempt, first=1.0)
            if attempt == _MOST_TRIES or wait > min(self._patience, _LONGEST_PAUSE):
                return answer
            self._patience -= wait
            self._pause(wait)
        return answer

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> Response:
        """Send, and follow redirects: registries keep manifests elsewhere. No other server gets the login."""
        for _ in range(_MOST_REDIRECTS):
            answer = self._send(method, url, headers=headers)
            if answer.status_code not in _REDIRECTS or not (place := answer.headers.get("Location")):
                return answer
            target = urljoin(url, place)
            if not _is_safe(target, url):
                found = f"it redirects to {_host(target)}, unencrypted"
                raise RegistryError("asking the registry", found, _AT_FAULT, _host(url))
            if urlsplit(target)[:2] != urlsplit(url)[:2]:  # scheme, and host with port
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
        raise RegistryError("asking the registry", "its redirects do not end", _AT_FAULT, _host(url))

    def _send(self, method: str, url: str, **options: Any) -> Response:
        try:
            with (
                translated(),
                self._session.send(method, url, timeout=self._timeout, stream=True, **options) as answer,
            ):
                pieces = bounded.pieces(answer.raw, _LARGEST_MANIFEST, _ANSWER_SECONDS)
                answer._content = b"".join(pieces)
                return answer
        except bounded.TooMuch as error:
            found = f"its answer {error}"
            raise RegistryError("asking the registry", found, _AT_FAULT, _host(url)) from error
        except Failure as error:
            found, hint = str(error), "check the name, the network and the proxy (HTTPS_PROXY, NO_PROXY)"
            if error.kind == "certificate":
                found = f"its certificate is not trusted: {error}"
                hint = "give its CA's certificate with --registry-ca-file"
            raise RegistryError("asking the registry", found, hint, _host(url)) from error

    def _authorize(self, answer: Response, registry: str, path: str) -> str:
        """The Authorization header that the registry's challenge asks for."""
        import base64

        kind, parameters = _challenge(answer.headers.get("WWW-Authenticate", ""))
        login = logins.find(registry, path, self._invocation)
        if kind == "basic" and login is not None and not login.identity:
            pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
            self._invocation.keep_secret(pair)
            return f"Basic {pair}"
        if kind == "bearer" and "realm" in parameters:
            token = self._token(registry, parameters, login, path)
            self._invocation.keep_secret(token)
            return f"Bearer {token}"
        found = (
            "it asks for a login, and no login is known"
            if login is None
            else f"it asks for {kind or 'an unknown kind of authentication'}"
        )
        raise RegistryError("asking the registry", found, f"log in: docker login {registry}", registry)

    def _token(self, registry: str, parameters: Mapping[str, str], login: Login | None, path: str) -> str:
        realm, base = parameters["realm"], self._base(registry)
        if not _is_safe(realm, base):
            found = f"it asks for credentials to be sent to {_host(realm)} unencrypted"
            raise RegistryError("asking the registry", found, _AT_FAULT, _host(realm))
        if login is not None and not self._may_have(realm, base):
            found = f"it asks for its login to be sent to {_host(realm)}, which is in another domain"
            hint = f'if that is right, add "{_host(realm)}": {{}} to "auths" of Docker\'s config.json'
            raise RegistryError("asking the registry", found, hint, registry)
        query = {"scope": parameters.get("scope") or f"repository:{path}:pull"}
        if service := parameters.get("service"):
            query["service"] = service
        if login is not None and login.identity:
            form = {
                **query,
                "grant_type": "refresh_token",
                "refresh_token": login.password,
                "client_id": "gitops-bootstrap",
            }
            answer = self._send("POST", realm, data=form)
        else:
            pair = (login.username, login.password) if login else None
            answer = self._send("GET", realm, params=query, **({"auth": pair} if pair else {}))
        if answer.status_code != 200:
            found = f"no token: {_said(answer)}"
            hint = "check the login (docker login), and that this user may pull the image"
            raise RegistryError("asking for a registry token", found, hint, _host(realm))
        data = _json(answer)
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str):
            raise RegistryError(
                "asking for a registry token", "the response contains no token", "run again", _host(realm)
            )
        return token

    def _may_have(self, realm: str, base: str) -> bool:
        """Whether a token server may get the login of a registry: of its domain, or named by the user."""
        return _is_of_domain(urlsplit(realm).hostname or "", urlsplit(base).hostname or "") or any(
            _host(realm) == named or urlsplit(realm).hostname == named
            for named in logins.named(self._invocation)
        )


def _is_loopback(host: str) -> bool:
    """Whether it is this machine, to which Docker speaks plain HTTP as well."""
    return is_loopback(urlsplit(f"//{host}").hostname or "")


def _is_safe(url: str, base: str) -> bool:
    """Whether what is sent to a URL can be read by nobody else: TLS, or this machine as the registry is."""
    if url.startswith("https://"):
        return True
    return url.startswith("http://") and all(_is_loopback(urlsplit(one).netloc) for one in (url, base))


def _is_of_domain(host: str, registry: str) -> bool:
    """Whether a host is the registry's own, below it, or below the domain that the registry is in.

    So auth.docker.io belongs to registry-1.docker.io, and gitlab.com to registry.gitlab.com. A domain has
    two labels, or three where the second is one like co in co.uk.
    """
    if host == registry or host.endswith(f".{registry}"):
        return True
    domain = registry.partition(".")[2]
    names = domain.split(".")
    shared = len(names) == 2 and len(names[0]) <= 3 and len(names[1]) == 2
    if len(names) < 2 or shared or re.fullmatch(r"[\d.]+|.*:.*", registry):
        return False
    return host == domain or host.endswith(f".{domain}")


def _challenge(header: str) -> tuple[str, dict[str, str]]:
    """The kind (lower case) and parameters of a WWW-Authenticate header."""
    kind, _, rest = header.partition(" ")
    return kind.lower(), {
        name.lower(): quoted or plain
        for name, quoted, plain in re.findall(r'([A-Za-z_]+)=(?:"([^"]*)"|([^\s,]+))', rest)
    }


def _refused(answer: Response, image: Reference, url: str) -> RegistryError:
    tried = f"looking for {image}"
    if answer.status_code in (401, 403):
        hint = "check the name, and log in as a user who may pull it (docker login)"
        return RegistryError(tried, f"the registry refuses, or has no such image: {_said(answer)}", hint, url)
    if answer.status_code == 429:
        hint = "run again later, or log in: registries allow more requests to known users"
        return RegistryError(tried, "the registry's rate limit is reached", hint, url)
    return RegistryError(tried, _said(answer), "check the registry's status, then run again", url)


def _said(answer: Response) -> str:
    """The status, and the message of an error body of the distribution API."""
    errors = _json(answer).get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    detail = " ".join(str(first[key]) for key in ("code", "message") if first.get(key))
    return f"{answer.status_code} {detail or answer.reason or ''}".strip()[:300]


def _json(answer: Response) -> Mapping[str, Any]:
    found = body(answer)
    return found if isinstance(found, dict) else {}


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
