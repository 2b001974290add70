"""GitHub and GitHub Enterprise Server, by REST and GraphQL."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from bootstrap.core.errors import GitError, ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.providers import comments, deploy_keys
from bootstrap.providers import webhooks as hooks
from bootstrap.providers.address import origin, project_path, split
from bootstrap.providers.client import Client
from bootstrap.providers.comments import Comment
from bootstrap.providers.provider import PullRequest, PullRequestSpec
from bootstrap.providers.webhooks import Delivery, Hook

NAME = "github"
_READS = ("read_only", True)
"""The field of a read-only deploy key."""
_WORKFLOW = "github-actions[bot]"
"""The user as which a workflow's own token comments; the token may not ask for it."""
_BY_REVIEW = ("pull_request", "update")
"""Rules of a ruleset that block every push."""
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


def recognise(client: Client) -> GitHub | None:
    """github.com by its name; an Enterprise Server by its own answer."""
    if urlsplit(client.base).hostname in ("github.com", "ssh.github.com"):
        api = _speaking(replace(client, base="https://api.github.com"))
        return GitHub(api, api, "github.com")
    server = replace(client, base=f"{origin(client.base)}/api")
    try:
        others = frozenset(range(300, 600)) - {429, 503}
        answer = server.request("GET", "/v3/meta", "asking the Git host what it is", missing=others)
    except GitError:
        return None
    version = answer.get("installed_version") if isinstance(answer, dict) else None
    if not isinstance(version, str):
        return None
    return GitHub(_speaking(replace(server, base=f"{server.base}/v3")), server, version)


@dataclass(frozen=True)
class GitHub:
    """See Provider for each method's contract. `client` is for REST, `graph` for `/graphql`."""

    client: Client
    graph: Client
    version: str
    name: str = NAME
    webhook_key: str = "webhook.github.secret"

    def repository_refusal(self, url: str) -> str | None:
        owner, _ = split(url)
        if not self.client.secrets:
            return "creating a repository needs a token"
        user = self._user()
        if user is None or user["login"].lower() == owner.lower():
            return None
        organisation = self._maybe(f"/orgs/{quote(owner)}", f"asking about {owner}")
        if organisation is None:
            return f"there is no organisation {owner} that {user['login']} may see"
        path = f"/user/memberships/orgs/{quote(owner)}"
        member = self._maybe(path, f"asking what {user['login']} may do in {owner}")
        if member is None or member.get("role") == "admin":
            return None  # a fine-grained token may not be allowed to read it
        private = organisation.get("members_can_create_private_repositories")
        if False in (organisation.get("members_can_create_repositories"), private):
            return f"members such as {user['login']} may not create private repositories in {owner}"
        return None

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        """The first branch that is pushed becomes the default one."""
        owner, name = split(url)
        tried = f"creating the repository {owner}/{name}"
        if self.client.request("GET", repository(url), tried):
            return False
        user = self._user()
        own = user is not None and user["login"].lower() == owner.lower()
        path = "/user/repos" if own else f"/orgs/{quote(owner)}/repos"
        body = {"name": name, "private": private, "auto_init": False}
        try:
            made = self.client.request("POST", path, tried, json=body)
        except ProviderError:
            # Created by another run in the meantime, or by this one before the connection broke.
            if self.client.request("GET", repository(url), tried):
                return False
            raise
        if made is None:
            found = f"there is no organisation {owner}, or the token may not create repositories"
            raise ProviderError(tried, found, "create it, or check the URL and the token", self.client.base)
        return True

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        return any(_is_as_wanted(hook, hook_url, secret) for hook in self._hooks(repository_url, hook_url))

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        there = list(self._hooks(repository_url, hook_url))
        if any(_is_as_wanted(hook, hook_url, secret) for hook in there):
            return False
        tried, path = f"creating a webhook to {hook_url}", f"{repository(repository_url)}/hooks"
        config = {
            "url": hooks.marked(hook_url, secret),
            "content_type": "json",
            "secret": secret,
            "insecure_ssl": "0",
        }
        body = {"active": True, "events": ["push"], "config": config}
        if there:
            path = f"{path}/{there[0]['id']}"
            self.client.request("PATCH", path, tried, json=body, missing=frozenset())
        else:
            self.client.request("POST", path, tried, json={"name": "web", **body}, missing=frozenset())
        return True

    def remove_webhook(self, repository_url: str, hook_url: str) -> bool:
        there = list(self._hooks(repository_url, hook_url))
        for hook in there:
            path = f"{repository(repository_url)}/hooks/{hook['id']}"
            self.client.request("DELETE", path, f"deleting the webhook to {hook_url}")
        return bool(there)

    def webhooks(self, repository_url: str) -> list[Hook]:
        listed = self.client.pages(
            f"{repository(repository_url)}/hooks", "listing the repository's webhooks", frozenset()
        )
        return [
            Hook(
                address=hooks.plain(address),
                mark=hooks.mark_in(address),
                wrong=_wrong(hook),
                page=f"the repository's settings, Webhooks, number {hook['id']}",
                signed=bool(hook["config"].get("secret")),
                last=self._last(repository_url, hook),
            )
            for hook in listed
            if hooks.is_argocds(address := hook["config"].get("url") or "")
        ]

    def _last(self, repository_url: str, hook: dict[str, Any]) -> Delivery | None:
        """The last one of a push, or of any event; the hook's summary where the token may not list them."""
        path = f"{repository(repository_url)}/hooks/{hook['id']}/deliveries"
        listed = self.client.request(
            "GET",
            path,
            "listing the webhook's deliveries",
            params={"per_page": 30},
            missing=frozenset({403, 404}),
        )
        if listed:
            one = next((item for item in listed if item.get("event") == "push"), listed[0])
            return Delivery(
                int(one.get("status_code") or 0), str(one["status"]), str(one.get("delivered_at") or "")
            )
        response = hook.get("last_response") or {}
        if listed is None and (response.get("code") or response.get("message")):
            return Delivery(
                int(response.get("code") or 0), str(response.get("message") or response.get("status"))
            )
        return None

    def has_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.has(self.client, f"{repository(repository_url)}/keys", public, reads=_READS)

    def ensure_deploy_key(self, repository_url: str, title: str, public: str) -> bool:
        return deploy_keys.ensure(
            self.client, f"{repository(repository_url)}/keys", title, public, reads=_READS
        )

    def remove_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.remove(self.client, f"{repository(repository_url)}/keys", public)

    def token_ends(self) -> str | None:
        # Only tokens that expire have it; others cannot be told from an app's.
        name = "GitHub-Authentication-Token-Expiration"
        return self.client.header("/rate_limit", name, "asking when the token expires")

    def protection(self, url: str, branch: str) -> str | None:
        return self._by_rulesets(url, branch) or self._by_protection(url, branch)

    def pull_request(self, url: str, spec: PullRequestSpec) -> PullRequest:
        path, tried = repository(url), f"opening a pull request from {spec.head}"
        owner = project_path(url).split("/")[0]
        query = {"state": "open", "head": f"{owner}:{spec.head}", "base": spec.base}
        open_ones = self.client.request("GET", f"{path}/pulls", "listing pull requests", params=query)
        text = {"title": spec.title, "body": spec.body}
        if open_ones:
            found, created = open_ones[0], False
            self.client.request("PATCH", f"{path}/pulls/{found['number']}", tried, json=text)
        else:
            body = {**text, "head": spec.head, "base": spec.base}
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

    def comment(self, url: str, number: int, mark: str, body: str) -> Comment:
        user, path = self._user(), f"{repository(url)}/issues"
        place = comments.Place(f"{path}/{number}/comments", f"{path}/comments", "PATCH", "login")
        return comments.ensure(self.client, place, {user["login"] if user else _WORKFLOW}, mark, body)

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
            hint = "check the token's permissions (contents: write), and the branch's rules"
            raise ProviderError(tried, found, hint, self.client.base)
        return str(data["createCommitOnBranch"]["commit"]["oid"])

    def _by_rulesets(self, url: str, branch: str) -> str | None:
        tried = f"asking which rules {branch} has"
        rules = self._maybe(f"{repository(url)}/rules/branches/{quote(branch, safe='')}", tried) or ()
        for rule in rules:
            if rule.get("type") not in _BY_REVIEW or "ruleset_id" not in rule:
                continue
            found = self._maybe(f"{repository(url)}/rulesets/{rule['ruleset_id']}", tried)
            if found and found.get("current_user_can_bypass") in ("never", "pull_requests_only"):
                return f"the ruleset {found['name']} allows changes only by pull request"
        return None

    def _by_protection(self, url: str, branch: str) -> str | None:
        """Only administrators may read the settings; others find out when they push."""
        path = f"{repository(url)}/branches/{quote(branch, safe='')}/protection"
        found = self._maybe(path, f"asking how {branch} is protected")
        if not found:
            return None
        if (found.get("lock_branch") or {}).get("enabled"):
            return "the branch is locked"
        reviews = found.get("required_pull_request_reviews")
        if not reviews or not (found.get("enforce_admins") or {}).get("enabled"):
            return None
        if any((reviews.get("bypass_pull_request_allowances") or {}).values()):
            return None
        return "the branch is protected: changes only by pull request, for administrators too"

    def _user(self) -> Any:
        """The token's user; None when it is an app's, or may not read it."""
        return self._maybe("/user", "asking who owns the token")

    def _hooks(self, repository_url: str, hook_url: str) -> Iterator[dict[str, Any]]:
        listed = self.client.pages(f"{repository(repository_url)}/hooks", "listing the repository's webhooks")
        return (hook for hook in listed if hooks.is_to(hook["config"].get("url") or "", hook_url))

    def _maybe(self, path: str, tried: str) -> Any:
        """A GET that this token may not be allowed to make; None then."""
        return self.client.request("GET", path, tried, missing=frozenset({403, 404}))

    def _mutate(self, query: str, values: Mapping[str, Any], tried: str) -> tuple[Any, list[dict[str, Any]]]:
        body = {"query": query, "variables": {"input": values}}
        answer = self.graph.request("POST", "/graphql", tried, json=body, missing=frozenset())
        return answer.get("data"), list(answer.get("errors") or ())


def _wrong(hook: dict[str, Any]) -> tuple[str, ...]:
    found = []
    if not hook.get("active"):
        found.append("it is switched off")
    if not {"push", "*"} & set(hook.get("events", ())):
        found.append("it is not sent for pushes")
    if hook["config"].get("content_type") != "json":
        found.append("its content type is not application/json")
    return tuple(found)


def _is_as_wanted(hook: dict[str, Any], hook_url: str, secret: str) -> bool:
    config = hook["config"]
    return (
        bool(hook.get("active"))
        and "push" in hook.get("events", ())
        and config.get("url") == hooks.marked(hook_url, secret)
        and config.get("content_type") == "json"
    )


def repository(url: str) -> str:
    """The API's path of a repository."""
    return f"/repos/{quote(project_path(url))}"


def _speaking(client: Client) -> Client:
    client.session.requests.headers["X-GitHub-Api-Version"] = "2022-11-28"
    return replace(client, page_size="per_page")
