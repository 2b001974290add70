"""Merge requests and commits on GitLab, by its API v4."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bootstrap.core.errors import ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import blob_id
from bootstrap.providers import gitlab_api
from bootstrap.providers.client import Client
from bootstrap.providers.forge import PullRequest, Wish
from bootstrap.providers.gitlab_api import project


def recognise(client: Client) -> GitLabForge | None:
    found = gitlab_api.recognise(client)
    return GitLabForge(found[0]) if found else None


@dataclass(frozen=True)
class GitLabForge:
    """See Forge for what each method promises. `client.base` ends in /api/v4."""

    client: Client
    name: str = "gitlab"

    def pull_request(self, url: str, wish: Wish) -> PullRequest:
        path, tried = project(url), f"opening a merge request from {wish.head}"
        query = {"state": "opened", "source_branch": wish.head, "target_branch": wish.base}
        listed = self.client.request("GET", f"{path}/merge_requests", "listing merge requests", params=query)
        text = {"title": wish.title, "description": wish.body}
        if listed:
            number = int(listed[0]["iid"])
            made = self.client.request("PUT", f"{path}/merge_requests/{number}", tried, json=text)
            return PullRequest(number, str((made or listed[0])["web_url"]), False)
        body = {
            **text,
            "source_branch": wish.head,
            "target_branch": wish.base,
            "remove_source_branch": True,
        }
        made = self.client.request("POST", f"{path}/merge_requests", tried, json=body, missing=frozenset())
        return PullRequest(int(made["iid"]), str(made["web_url"]), True)

    def label(self, url: str, number: int, labels: Sequence[str]) -> str | None:
        path = f"{project(url)}/merge_requests/{number}"
        try:
            body = {"add_labels": ",".join(labels)}
            self.client.request("PUT", path, "labelling the merge request", json=body, missing=frozenset())
        except ProviderError as error:
            return error.found
        return None

    def auto_merge(self, url: str, number: int) -> str | None:
        # The second name is what GitLab before 17.11 calls it.
        body = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
        path = f"{project(url)}/merge_requests/{number}/merge"
        try:
            self.client.request("PUT", path, "asking for an automatic merge", json=body, missing=frozenset())
        except ProviderError as error:
            return error.found
        return None

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Each file must still be what it was; that no other file has changed does not matter."""
        tried = f"committing to {branch} by the API"
        actions = []
        for change in changes:
            action: dict[str, Any] = {"action": "update" if change.before is not None else "create"}
            if change.before is not None:
                action["last_commit_id"] = self._last_commit(url, branch, change, tried)
            content = base64.b64encode(change.content or b"").decode()
            actions.append({**action, "file_path": change.path, "content": content, "encoding": "base64"})
        body = {"branch": branch, "commit_message": message, "actions": actions}
        path = f"{project(url)}/repository/commits"
        try:
            made = self.client.request("POST", path, tried, json=body, missing=frozenset())
        except ProviderError as error:
            if "changed since you started editing" in error.found or "has changed" in error.found:
                raise StalePlan(tried, error.found, "run again", error.where) from error
            raise
        return str(made["id"])

    def _last_commit(self, url: str, branch: str, change: FileChange, tried: str) -> str:
        """The commit that left the file as it was read; GitLab compares it when it commits."""
        path = f"{project(url)}/repository/files/{quote(change.path, safe='')}"
        found = self.client.request("GET", path, tried, params={"ref": branch})
        before = change.before or b""
        if found is None or found["blob_id"] != blob_id(before, len(found["blob_id"])):
            raise StalePlan(tried, f"{change.path} was changed meanwhile", "run again", self.client.base)
        return str(found["last_commit_id"])
