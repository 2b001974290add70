"""Pull requests and commits on GitHub and GitHub Enterprise Server, by REST and GraphQL."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.core.errors import ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.providers import github_api
from bootstrap.providers.address import project_path
from bootstrap.providers.client import Client
from bootstrap.providers.forge import PullRequest, Wish
from bootstrap.providers.github_api import repository

COMMIT = """
mutation ($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}
"""
AUTO_MERGE = """
mutation ($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number } }
}
"""
_STALE = ("STALE_DATA", "Expected branch to point to")


def recognise(client: Client) -> GitHubForge | None:
    api = github_api.recognise(client)
    return GitHubForge(api.rest, api.graph) if api else None


@dataclass(frozen=True)
class GitHubForge:
    """See Forge for what each method promises. `client` is for REST, `graph` for `/graphql`."""

    client: Client
    graph: Client
    name: str = "github"

    def pull_request(self, url: str, wish: Wish) -> PullRequest:
        path, tried = repository(url), f"opening a pull request from {wish.head}"
        owner = project_path(url).split("/")[0]
        query = {"state": "open", "head": f"{owner}:{wish.head}", "base": wish.base}
        open_ones = self.client.request("GET", f"{path}/pulls", "listing pull requests", params=query)
        text = {"title": wish.title, "body": wish.body}
        if open_ones:
            found, created = open_ones[0], False
            self.client.request("PATCH", f"{path}/pulls/{found['number']}", tried, json=text)
        else:
            body = {**text, "head": wish.head, "base": wish.base}
            found = self.client.request("POST", f"{path}/pulls", tried, json=body, missing=frozenset())
            created = True
        return PullRequest(int(found["number"]), str(found["html_url"]), created)

    def label(self, url: str, number: int, labels: Sequence[str]) -> str | None:
        path = f"{repository(url)}/issues/{number}/labels"
        try:
            body = {"labels": list(labels)}
            self.client.request("POST", path, "labelling the pull request", json=body, missing=frozenset())
        except ProviderError as error:
            return error.found
        return None

    def auto_merge(self, url: str, number: int) -> str | None:
        tried = "asking for an automatic merge"
        found = self.client.request("GET", f"{repository(url)}/pulls/{number}", tried, missing=frozenset())
        errors = self._mutate(AUTO_MERGE, {"pullRequestId": found["node_id"]}, tried)[1]
        return "; ".join(str(error.get("message")) for error in errors) or None

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        tried = f"committing to {branch} by the API"
        headline, _, body = message.strip().partition("\n")
        additions = [
            {"path": change.path, "contents": base64.b64encode(change.content).decode()}
            for change in changes
            if change.content is not None
        ]
        deletions = [{"path": change.path} for change in changes if change.content is None]
        data, errors = self._mutate(
            COMMIT,
            {
                "branch": {"repositoryNameWithOwner": project_path(url), "branchName": branch},
                "expectedHeadOid": expect,
                "message": {"headline": headline, "body": body.strip()},
                "fileChanges": {"additions": additions, "deletions": deletions},
            },
            tried,
        )
        if errors:
            found = "; ".join(str(error.get("message")) for error in errors)
            if any(
                mark in f"{error.get('type')} {error.get('message')}" for error in errors for mark in _STALE
            ):
                raise StalePlan(tried, found, "run again", self.client.base)
            hint = "check what the token may do (contents: write), and the branch's rules"
            raise ProviderError(tried, found, hint, self.client.base)
        return str(data["createCommitOnBranch"]["commit"]["oid"])

    def _mutate(self, query: str, values: Mapping[str, Any], tried: str) -> tuple[Any, list[dict[str, Any]]]:
        body = {"query": query, "variables": {"input": values}}
        answer = self.graph.request("POST", "/graphql", tried, json=body, missing=frozenset())
        return answer.get("data"), list(answer.get("errors") or ())
