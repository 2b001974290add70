"""Where GitLab's API is: gitlab.com's, or that of a server of one's own."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, urlsplit

from bootstrap.core.errors import AuthenticationFailed, GitError
from bootstrap.providers.address import origin, project_path
from bootstrap.providers.client import Client

_SIGN_IN = re.compile(r"401: (401 Unauthorized|invalid_token)")
"""What GitLab says to who has no token, or one that is wrong, expired or revoked."""


def recognise(client: Client) -> tuple[Client, str] | None:
    """The API's client and the version; gitlab.com by its name, another one by what it says of itself."""
    api = replace(client, base=f"{origin(client.base)}/api/v4", page_size="per_page")
    if urlsplit(client.base).hostname in ("gitlab.com", "altssh.gitlab.com"):
        return replace(api, base="https://gitlab.com/api/v4"), "gitlab.com"
    others = frozenset(range(300, 600)) - {401, 429, 503}
    try:
        answer = api.request("GET", "/version", "asking the Git host what it is", missing=others)
    except AuthenticationFailed as error:
        return (api, "unknown") if _SIGN_IN.match(error.found) else None
    except GitError:
        return None
    if not isinstance(answer, dict) or not {"version", "revision"} <= set(answer):
        return None
    return api, str(answer["version"])


def project(url: str) -> str:
    """The API's path of a project."""
    return f"/projects/{quote(project_path(url), safe='')}"
