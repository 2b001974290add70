"""GitLab, by its API v4."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from bootstrap.core.errors import AuthenticationFailed, GitError, ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import blob_id
from bootstrap.providers import comments, deploy_keys
from bootstrap.providers import webhooks as hooks
from bootstrap.providers.address import origin, project_path
from bootstrap.providers.client import Client
from bootstrap.providers.comments import Comment
from bootstrap.providers.provider import PullRequest, PullRequestSpec
from bootstrap.providers.webhooks import Delivery, Hook

NAME = "gitlab"
_READS = ("can_push", False)
"""The field of a read-only deploy key."""
_LEVELS = {"developer": 30, "maintainer": 40, "owner": 50, "administrator": 60, "noone": 99}
"""The access level that a group requires for creating projects."""
_SIGN_IN = re.compile(r"401: (401 Unauthorized|invalid_token)")
"""GitLab's message to a client without a token, or with one that is wrong, expired or revoked."""


def recognise(client: Client) -> GitLab | None:
    """gitlab.com by its name, another one by its own answer."""
    api = replace(client, base=f"{origin(client.base)}/api/v4", page_size="per_page")
    if urlsplit(client.base).hostname in ("gitlab.com", "altssh.gitlab.com"):
        return GitLab(replace(api, base="https://gitlab.com/api/v4"), "gitlab.com")
    others = frozenset(range(300, 600)) - {401, 429, 503}
    try:
        answer = api.request("GET", "/version", "asking the Git host what it is", missing=others)
    except AuthenticationFailed as error:
        return GitLab(api, "unknown") if _SIGN_IN.match(error.found) else None
    except GitError:
        return None
    if not isinstance(answer, dict) or not {"version", "revision"} <= set(answer):
        return None
    return GitLab(api, str(answer["version"]))


@dataclass(frozen=True)
class GitLab:
    """See Provider for each method's contract. `client.base` ends in /api/v4."""

    client: Client
    version: str
    name: str = NAME
    webhook_key: str = "webhook.gitlab.secret"

    def repository_refusal(self, url: str) -> str | None:
        namespace, _, _ = project_path(url).rpartition("/")
        if not self.client.secrets:
            return "creating a repository needs a token"
        user = self._user()
        if user is None or user.get("is_admin") or user["username"].lower() == namespace.lower():
            return None
        path, tried = f"/groups/{quote(namespace, safe='')}", f"asking about {namespace}"
        group = self.client.request("GET", path, tried, params={"with_projects": "false"})
        if group is None:
            return f"there is no group {namespace} that {user['username']} may see"
        member = self.client.request("GET", f"{path}/members/all/{user['id']}", tried)
        needed = _LEVELS.get(group.get("project_creation_level") or "", 0)
        if member is None or member["access_level"] < needed:
            return f"{user['username']} may not create projects in {namespace}"
        return None

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        """The first branch that is pushed becomes the default one."""
        namespace, _, name = project_path(url).rpartition("/")
        tried = f"creating the project {namespace}/{name}"
        if self.client.request("GET", project(url), tried):
            return False
        visibility = "private" if private else "public"
        body = {"name": name, "path": name, "visibility": visibility, "namespace_id": self._namespace(url)}
        try:
            self.client.request("POST", "/projects", tried, json=body, missing=frozenset())
        except ProviderError:
            # Created by another run in the meantime, or by this one before the connection broke.
            if self.client.request("GET", project(url), tried):
                return False
            raise
        return True

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        return any(_is_as_wanted(hook, hook_url, secret) for hook in self._hooks(repository_url, hook_url))

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        there = list(self._hooks(repository_url, hook_url))
        if any(_is_as_wanted(hook, hook_url, secret) for hook in there):
            return False
        tried, path = f"creating a webhook to {hook_url}", f"{project(repository_url)}/hooks"
        body = {
            "url": hooks.marked(hook_url, secret),
            "token": secret,
            "push_events": True,
            "push_events_branch_filter": "",
            "enable_ssl_verification": True,
        }
        if there:
            path = f"{path}/{there[0]['id']}"
            self.client.request("PUT", path, tried, json=body, missing=frozenset())
        else:
            self.client.request("POST", path, tried, json=body, missing=frozenset())
        return True

    def remove_webhook(self, repository_url: str, hook_url: str) -> bool:
        there = list(self._hooks(repository_url, hook_url))
        for hook in there:
            path = f"{project(repository_url)}/hooks/{hook['id']}"
            self.client.request("DELETE", path, f"deleting the webhook to {hook_url}")
        return bool(there)

    def webhooks(self, repository_url: str) -> list[Hook]:
        listed = self.client.pages(
            f"{project(repository_url)}/hooks", "listing the project's webhooks", frozenset()
        )
        pages = f"{origin(self.client.base)}/{project_path(repository_url)}/-/hooks"
        return [
            Hook(
                address=hooks.plain(hook["url"]),
                mark=hooks.mark_in(hook["url"]),
                wrong=_wrong(hook),
                page=f"{pages}/{hook['id']}/edit",
                signed=hook.get("token_present"),
                **self._last(repository_url, hook["id"]),
            )
            for hook in listed
            if hooks.is_argocds(hook["url"])
        ]

    def _last(self, repository_url: str, number: int) -> dict[str, Any]:
        """The last delivery of the week; a GitLab older than 17.3 does not list them."""
        path = f"{project(repository_url)}/hooks/{number}/events"
        listed = self.client.request(
            "GET",
            path,
            "listing the webhook's deliveries",
            params={"per_page": 20},
            missing=frozenset({403, 404}),
        )
        if listed is None:
            return {"deliveries": False}
        if not listed:
            return {"last": None}
        one = max(listed, key=lambda item: int(item["id"]))
        status = str(one.get("response_status") or "no answer")
        at = str((one.get("response_headers") or {}).get("Date") or "")
        return {"last": Delivery(int(status) if status.isdigit() else 0, status, at)}

    def has_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.has(self.client, f"{project(repository_url)}/deploy_keys", public, reads=_READS)

    def ensure_deploy_key(self, repository_url: str, title: str, public: str) -> bool:
        return deploy_keys.ensure(
            self.client, f"{project(repository_url)}/deploy_keys", title, public, reads=_READS
        )

    def remove_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.remove(self.client, f"{project(repository_url)}/deploy_keys", public)

    def token_ends(self) -> str | None:
        tried, path = "asking when the token expires", "/personal_access_tokens/self"
        found = self.client.request("GET", path, tried, missing=frozenset({400, 403, 404}))
        if not isinstance(found, dict) or "expires_at" not in found:
            return None  # a CI job's token, or a deploy token
        return str(found["expires_at"] or "")

    def protection(self, url: str, branch: str) -> str | None:
        tried = f"asking how {branch} is protected"
        path = f"{project(url)}/repository/branches/{quote(branch, safe='')}"
        found = self.client.request("GET", path, tried, missing=frozenset({403, 404}))
        if not found or not found.get("protected") or found.get("can_push", True):
            return None
        return "the branch is protected, and this credential may not push to it"

    def pull_request(self, url: str, spec: PullRequestSpec) -> PullRequest:
        path, tried = project(url), f"opening a merge request from {spec.head}"
        query = {"state": "opened", "source_branch": spec.head, "target_branch": spec.base}
        listed = self.client.request("GET", f"{path}/merge_requests", "listing merge requests", params=query)
        text = {"title": spec.title, "description": spec.body}
        if listed:
            number = int(listed[0]["iid"])
            made = self.client.request("PUT", f"{path}/merge_requests/{number}", tried, json=text)
            return PullRequest(number, str((made or listed[0])["web_url"]), False)
        body = {
            **text,
            "source_branch": spec.head,
            "target_branch": spec.base,
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
        # The second name is GitLab's before 17.11.
        body = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
        path = f"{project(url)}/merge_requests/{number}/merge"
        try:
            self.client.request("PUT", path, "asking for an automatic merge", json=body, missing=frozenset())
        except ProviderError as error:
            return error.found
        return None

    def comment(self, url: str, number: int, mark: str, body: str) -> Comment:
        path = f"{project(url)}/merge_requests/{number}/notes"
        user = self._user()
        if user is None:
            hint = "give a project access token with the scope api"
            raise ProviderError("asking who owns the token", "the token may not read it", hint, path)
        place = comments.Place(path, path, "PUT", "username")
        made = comments.ensure(self.client, place, {user["username"]}, mark, body)
        return replace(made, url=f"{origin(self.client.base)}/{project_path(url)}/-/merge_requests/{number}")

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Each file must be unchanged; changes of other files do not matter."""
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

    def _namespace(self, url: str) -> int:
        """The id of the user's or group's namespace that contains the project."""
        namespace, _, _ = project_path(url).rpartition("/")
        tried = f"looking for the group {namespace}"
        found = self.client.request("GET", f"/namespaces/{quote(namespace, safe='')}", tried)
        if found is None:
            hint = "create it, or check the URL and the token"
            raise ProviderError(tried, "there is no group that this token may see", hint, self.client.base)
        return int(found["id"])

    def _user(self) -> Any:
        """The token's user; None when the token may not read it."""
        tried = "asking who owns the token"
        return self.client.request("GET", "/user", tried, missing=frozenset({403}))

    def _hooks(self, repository_url: str, hook_url: str) -> Iterator[dict[str, Any]]:
        listed = self.client.pages(f"{project(repository_url)}/hooks", "listing the project's webhooks")
        return (hook for hook in listed if hooks.is_to(hook["url"], hook_url))

    def _last_commit(self, url: str, branch: str, change: FileChange, tried: str) -> str:
        """The last commit of the file as it was read; GitLab compares it when it commits."""
        path = f"{project(url)}/repository/files/{quote(change.path, safe='')}"
        found = self.client.request("GET", path, tried, params={"ref": branch})
        before = change.before or b""
        if found is None or found["blob_id"] != blob_id(before, len(found["blob_id"])):
            raise StalePlan(tried, f"{change.path} has changed since", "run again", self.client.base)
        return str(found["last_commit_id"])


def _wrong(hook: dict[str, Any]) -> tuple[str, ...]:
    found = []
    if until := hook.get("disabled_until"):
        found.append(f"GitLab sends it nothing until {until}, because deliveries failed")
    elif hook.get("alert_status") == "disabled":
        found.append("GitLab has switched it off, because deliveries failed")
    if not hook.get("push_events"):
        found.append("it is not sent for pushes")
    return tuple(found)


def _is_as_wanted(hook: dict[str, Any], hook_url: str, secret: str) -> bool:
    return (
        bool(hook.get("push_events"))
        and not hook.get("push_events_branch_filter")
        and hook.get("enable_ssl_verification") is not False
        and hook["url"] == hooks.marked(hook_url, secret)
    )


def project(url: str) -> str:
    """The API's path of a project."""
    return f"/projects/{quote(project_path(url), safe='')}"
