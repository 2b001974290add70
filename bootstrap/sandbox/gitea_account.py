"""The Git host's user, token and organisation: created by Gitea's command line first, then by its API.

No credential is ever on a command line: the first token is one that Gitea prints, and the user's
password and lasting token are set over HTTP.
"""

from __future__ import annotations

import base64
import re
import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bootstrap.core import next_run
from bootstrap.core.errors import SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.http.session import Failure, Session
from bootstrap.sandbox.files import write_private
from bootstrap.sandbox.gitea import kept
from bootstrap.sandbox.state import GIT_USERNAME, ORGANISATION

SCOPES = ("write:repository", "write:organization", "write:user")
"""What `bootstrap init` needs the token for: repositories and webhooks of the organisation."""

_TOKEN = re.compile(r"^[0-9a-f]{16,}$", re.MULTILINE)
"""Alone on its line: Gitea's log is on standard output, too, on a busy machine after the token."""

Admin = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
"""Runs `gitea admin ARGUMENTS` where Gitea runs; standard output and error are captured."""


Login = Mapping[str, str]
"""The headers that authenticate a request."""


def provision(folder: Path, url: str, admin: Admin, invocation: Invocation) -> None:
    """Create what is missing. Gitea must answer at `url`. SandboxError when it refuses.

    Leaves `git/password` and `git/token` in the sandbox's folder.
    """
    git = folder / "git"
    password = kept(git / "password")
    if not (git / "token").is_file():
        write_private(git / "token", _token(url, admin, password) + "\n")
    token = (git / "token").read_text().strip()
    invocation.keep_secret(token, password)
    organisation = {"username": ORGANISATION, "visibility": "private"}
    call(url, "POST", "/orgs", _bearer(token), organisation, fine=(422,))


def call(
    url: str,
    method: str,
    path: str,
    login: Login,
    body: Mapping[str, Any] | None = None,
    fine: tuple[int, ...] = (),
) -> Any:
    """One call of Gitea's API; the parsed answer. SandboxError unless accepted or its code is `fine`."""
    with Session(Invocation(environ={})) as session:
        try:
            answer = session.send(method, f"{url}/api/v1{path}", timeout=30, json=body, headers=login)
        except Failure as error:
            raise SandboxError(f"calling Gitea: {method} {path}", str(error), _hint()) from error
    if answer.status_code >= 400 and answer.status_code not in fine:
        found = f"HTTP {answer.status_code}: {answer.text[:300]}"
        raise SandboxError(f"calling Gitea: {method} {path}", found, _hint())
    return answer.json() if answer.content else None


def _hint() -> str:
    return next_run.command("sandbox logs", "gitea")


def _token(url: str, admin: Admin, password: str) -> str:
    """The user's permanent token; also sets the password."""
    create = ("user", "create", f"--username={GIT_USERNAME}", f"--email={GIT_USERNAME}@sandbox.invalid")
    made = admin((*create, "--admin", "--random-password", "--must-change-password=false"))
    if made.returncode and "already exists" not in made.stdout + made.stderr:
        raise _refused("creating Gitea's user", made)
    first, lasting = (f"{purpose}-{secrets.token_hex(4)}" for purpose in ("setup", "bootstrap"))
    ask = ("user", "generate-access-token", f"--username={GIT_USERNAME}", f"--token-name={first}")
    printed = admin((*ask, "--scopes=write:admin", "--raw"))
    found = _TOKEN.findall(printed.stdout)
    if printed.returncode or not found:
        raise _refused("creating Gitea's first token", printed)
    basic = base64.b64encode(f"{GIT_USERNAME}:{password}".encode()).decode()
    login = {"Authorization": f"Basic {basic}"}
    account = {"login_name": GIT_USERNAME, "source_id": 0, "password": password}
    setup = _bearer(found[-1])
    call(url, "PATCH", f"/admin/users/{GIT_USERNAME}", setup, {**account, "must_change_password": False})
    tokens = f"/users/{GIT_USERNAME}/tokens"
    made_by_api = call(url, "POST", tokens, login, {"name": lasting, "scopes": list(SCOPES)})
    call(url, "DELETE", f"{tokens}/{first}", login)
    return str(made_by_api["sha1"])


def _bearer(token: str) -> Login:
    return {"Authorization": f"token {token}"}


def _refused(tried: str, ended: subprocess.CompletedProcess[str]) -> SandboxError:
    lines = (ended.stderr or ended.stdout).strip().splitlines()
    return SandboxError(tried, lines[-1] if lines else f"exit {ended.returncode}", _hint())
