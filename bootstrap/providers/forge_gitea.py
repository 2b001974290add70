"""Pull requests and commits on Gitea and Forgejo, by their API v1 (Gitea 1.20, Forgejo 7 and later)."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import blob_id
from bootstrap.providers import gitea
from bootstrap.providers.client import Client
from bootstrap.providers.forge import PullRequest, Wish
from bootstrap.providers.gitea import repository

_COLOUR = "#5319e7"
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 0.0)


def recognise(client: Client) -> GiteaForge | None:
    return GiteaForge(client) if gitea.recognise(client) else None


@dataclass(frozen=True)
class GiteaForge:
    """See Forge for what each method promises."""

    client: Client
    name: str = "gitea"

    def pull_request(self, url: str, wish: Wish) -> PullRequest:
        path, tried = repository(url), f"opening a pull request from {wish.head}"
        text = {"title": wish.title, "body": wish.body}
        for found in self.client.pages(f"{path}/pulls", "listing pull requests"):
            if (found["head"]["ref"], found["base"]["ref"]) == (wish.head, wish.base):
                number = int(found["number"])
                self.client.request("PATCH", f"{path}/pulls/{number}", tried, json=text)
                return PullRequest(number, str(found["html_url"]), False)
        body = {**text, "head": wish.head, "base": wish.base}
        for pause in _PAUSES:  # a branch that was pushed a moment ago may not be known to the API yet
            made = self.client.request("POST", f"{path}/pulls", tried, json=body)
            if made is not None:
                return PullRequest(int(made["number"]), str(made["html_url"]), True)
            time.sleep(pause)
        found = f"it does not know the repository, or one of the branches {wish.head} and {wish.base}"
        raise ProviderError(tried, found, "run again; check what the token may see", self.client.base)

    def label(self, url: str, number: int, labels: Sequence[str]) -> str | None:
        path, tried = repository(url), "labelling the pull request"
        try:
            ids = self._labels(path, labels)
            self.client.request("POST", f"{path}/issues/{number}/labels", tried, json={"labels": ids})
        except ProviderError as error:
            return error.found
        return None

    def auto_merge(self, url: str, number: int) -> str | None:
        body = {"Do": "merge", "merge_when_checks_succeed": True, "delete_branch_after_merge": True}
        path = f"{repository(url)}/pulls/{number}/merge"
        try:
            self.client.request("POST", path, "asking for an automatic merge", json=body, missing=frozenset())
        except ProviderError as error:
            return None if "already" in error.found else error.found
        return None

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Each file must still be what it was; that no other file has changed does not matter."""
        tried = f"committing to {branch} by the API"
        files = []
        for change in changes:
            item: dict[str, Any] = {"operation": "update" if change.before is not None else "create"}
            if change.before is not None:
                item["sha"] = blob_id(change.before, len(expect))
            item |= {"path": change.path, "content": base64.b64encode(change.content or b"").decode()}
            files.append(item)
        body = {"branch": branch, "message": message, "files": files}
        path = f"{repository(url)}/contents"
        try:
            made = self.client.request("POST", path, tried, json=body, missing=frozenset())
        except ProviderError as error:
            if "sha does not match" in error.found or "reference already exists" in error.found:
                raise StalePlan(tried, error.found, "run again", error.where) from error
            raise
        return str(made["commit"]["sha"])

    def _labels(self, path: str, names: Sequence[str]) -> list[int]:
        """The ids of the labels; one that is not there is made."""
        known = {
            item["name"]: int(item["id"]) for item in self.client.pages(f"{path}/labels", "listing labels")
        }
        for name in names:
            if name not in known:
                body = {"name": name, "color": _COLOUR}
                made = self.client.request("POST", f"{path}/labels", f"making label {name}", json=body)
                known[name] = int(made["id"])
        return [known[name] for name in names]
