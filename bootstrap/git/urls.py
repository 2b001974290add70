"""Git URLs: what is refused, and which two name the same repository."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap.core.errors import InputError

_SCP = re.compile(r"(?:[A-Za-z0-9_.+-]+@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]*):(?!//)(?P<path>[^\s:].*)")


def check_url(url: str) -> None:
    """Raise InputError unless `url` is https, http, ssh, file or scp-like (`git@host:path`).

    A user name or password in an HTTP URL is refused: it would end up in logs and configuration.
    """
    tried = "reading the repository's URL"
    forms = "give it as https://HOST/OWNER/NAME.git, ssh://git@HOST/OWNER/NAME.git or git@HOST:OWNER/NAME.git"
    if not url or re.search(r"[\x00-\x20\x7f]", url):
        raise InputError(tried, "it is empty, or contains a space or control character", forms)
    if url.startswith(("-", "/", ".", "~")) or "://" not in url:
        if _SCP.fullmatch(url) and not url.startswith(("-", "/", ".", "~")) and "::" not in url:
            return
        if url.startswith(("/", ".", "~")):
            raise InputError(
                tried, f"{url} is a path", f"give it as file://{Path(url).expanduser().resolve()}"
            )
        raise InputError(tried, f"{url!r} is not a URL", forms)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InputError(tried, f"{without_userinfo(url)!r} is not a URL ({error})", forms) from error
    if parts.scheme not in ("https", "http", "ssh", "file"):
        raise InputError(tried, f"the scheme {parts.scheme!r} is not known", forms)
    if not url.startswith(f"{parts.scheme}://"):  # git looks for a program of that name
        written = url.partition("://")[0]
        raise InputError(tried, f"git does not know {written}://", f"write it {parts.scheme}://")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise InputError(
                tried, f"{without_userinfo(url)!r} has no path", "give it as file:///ABSOLUTE/PATH"
            )
        return
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        hint = f"give {without_userinfo(url)} and pass the token with GIT_TOKEN or --token-file"
        raise InputError(tried, "it contains a credential", hint)
    if not parts.hostname or parts.hostname.startswith("-") or (parts.username or "").startswith("-"):
        raise InputError(tried, f"{without_userinfo(url)!r} has no host", forms)
    if not parts.path.strip("/"):
        raise InputError(tried, f"{without_userinfo(url)} names no repository", forms)
    if parts.query or parts.fragment:
        raise InputError(tried, f"{without_userinfo(url)} has a query or fragment", forms)


def without_userinfo(url: str) -> str:
    """The URL without its password, and for HTTP also without the user name; for messages."""
    if url.startswith("ssh://"):
        return re.sub(r"^(ssh://[^/@:\s]*):[^/@\s]*@", r"\1@", url)
    return re.sub(r"(?<=://)[^/@\s]*@", "", url)


def host_of(url: str) -> str:
    """The host that the URL names; empty for file://."""
    if "://" in url:
        return urlsplit(url).hostname or ""
    found = _SCP.fullmatch(url)
    return found["host"] if found else ""


def ssh_port(url: str) -> int:
    """The port that an SSH URL names, or SSH's own."""
    return (urlsplit(url).port if "://" in url else None) or 22


def is_ssh(url: str) -> bool:
    return url.startswith("ssh://") or "://" not in url


def same_repository(one: str, other: str) -> bool:
    """Whether two URLs name the same repository, regardless of protocol, user and a final `.git`."""
    return bool(one) and _plain(one) == _plain(other)


def same_address(one: str, other: str) -> bool:
    """Whether two URLs differ only in spelling (a final `.git` or slash, case); the protocol is the same."""
    if one.startswith("file:") or other.startswith("file:"):
        return one.rstrip("/") == other.rstrip("/")
    return _scheme(one) == _scheme(other) and same_repository(one, other)


def _scheme(url: str) -> str:
    return url.lower().partition("://")[0] if "://" in url else "ssh"


@lru_cache(maxsize=4096)
def _plain(url: str) -> str:
    url = url.strip().rstrip("/").removesuffix(".git")
    url = re.sub(r"^[a-z+]+://", "", url)
    url = re.sub(r"^[^@/]*@", "", url)
    host, colon, path = url.partition(":")
    if colon and "/" not in host:  # git@host:path, or host:port/path
        port, slash, rest = path.partition("/")
        url = f"{host}/{rest}" if slash and port.isdigit() else f"{host}/{path}"
    return url.lower()
