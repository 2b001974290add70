"""Where GitHub's API is: github.com's, or that of an Enterprise Server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from bootstrap.core.errors import GitError
from bootstrap.providers.address import origin, project_path
from bootstrap.providers.client import Client


@dataclass(frozen=True)
class Api:
    """`rest` is asked for paths such as /repos/…, `graph` for /graphql."""

    rest: Client
    graph: Client
    version: str


def recognise(client: Client) -> Api | None:
    """github.com by its name; an Enterprise Server by what it says of itself."""
    if urlsplit(client.base).hostname in ("github.com", "ssh.github.com"):
        api = _speaking(replace(client, base="https://api.github.com"))
        return Api(api, api, "github.com")
    server = replace(client, base=f"{origin(client.base)}/api")
    try:
        others = frozenset(range(300, 600)) - {429, 503}
        answer = server.request("GET", "/v3/meta", "asking the Git host what it is", missing=others)
    except GitError:
        return None
    version = answer.get("installed_version") if isinstance(answer, dict) else None
    if not isinstance(version, str):
        return None
    return Api(_speaking(replace(server, base=f"{server.base}/v3")), server, version)


def repository(url: str) -> str:
    """The API's path of a repository."""
    return f"/repos/{quote(project_path(url))}"


def _speaking(client: Client) -> Client:
    client.session.requests.headers["X-GitHub-Api-Version"] = "2022-11-28"
    return replace(client, page_size="per_page")
