"""Pure: the address of a Git host's API, and of a repository in it, from the URL that git uses."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from bootstrap.core.errors import InputError
from bootstrap.git.urls import host_of, is_ssh


def web_address(url: str) -> str:
    """The repository's HTTP address, by which the API is found; an SSH URL's host is asked over HTTPS."""
    if url.startswith(("https://", "http://")):
        return url
    if not is_ssh(url):
        raise InputError("asking for the Git host's API", f"{url} names no Git host", "give a Git host's URL")
    return f"https://{host_of(url)}/{_path(url)}"


def check_api_url(url: str | None) -> None:
    """Raise InputError for an --api-url that is not the address of a server."""
    if url and not re.fullmatch(r"https?://[^\s?#@]+", url):
        found = f"{url!r} is not the address of a server"
        raise InputError("reading --api-url", found, "give it as https://HOST")


def project_path(url: str) -> str:
    """The whole path of the repository, without .git: owner and name, or nested groups and name."""
    return unquote(_path(url)).removesuffix(".git")


def split(url: str) -> tuple[str, str]:
    """Owner and name of the repository, the last two parts of a URL."""
    *_, owner, name = ["", *project_path(url).split("/")]
    return owner, name


def origin(base: str) -> str:
    """Scheme and host of an address."""
    return "/".join(base.split("/")[:3])


def _path(url: str) -> str:
    path = urlsplit(url).path if "://" in url else url.partition(":")[2]
    return path.strip("/")
