"""Gitea and Forgejo, by their API v1 (Gitea 1.20, Forgejo 7 and later)."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bootstrap.core.errors import AuthenticationFailed, ProviderError, StalePlan
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import blob_id
from bootstrap.providers import comments, deploy_keys
from bootstrap.providers import webhooks as hooks
from bootstrap.providers.address import split
from bootstrap.providers.client import Client
from bootstrap.providers.comments import Comment
from bootstrap.providers.provider import PullRequest, PullRequestSpec
from bootstrap.providers.webhooks import Hook

NAME = "gitea"
_READS = ("read_only", True)
"""The field of a read-only deploy key."""
API = "/api/v1"
_COLOUR = "#5319e7"
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 0.0)
_WORKFLOWS = frozenset({"gitea-actions", "forgejo-actions"})
"""The users as which a workflow's own token comments."""
_SIGN_IN = re.compile(r"signed in user is allowed|user does not exist|token|credentials", re.IGNORECASE)
"""Their message to a client that must sign in first, or whose credential is wrong."""


def recognise(client: Client) -> Gitea | None:
    """The host, if it answers as Gitea or Forgejo does; one that requires a sign-in for that counts too."""
    tried = "asking the Git host what it is"
    others = frozenset(range(300, 600)) - {401, 403, 429, 503}
    try:
        answer = client.request("GET", f"{API}/version", tried, missing=others)
    except (AuthenticationFailed, ProviderError) as error:
        return Gitea(client, "unknown") if _SIGN_IN.search(error.found) else None
    version = answer.get("version") if isinstance(answer, dict) else None
    return Gitea(client, version) if isinstance(version, str) else None


@dataclass(frozen=True)
class Gitea:
    """See Provider for each method's contract."""

    client: Client
    version: str
    name: str = NAME
    webhook_key: str = "webhook.gogs.secret"
    """Gitea's webhooks have Gogs' format, and Argo CD reads them as such."""

    def repository_refusal(self, url: str) -> str | None:
        owner, _ = split(url)
        if not self.client.secrets:
            return "creating a repository needs a token"
        user = self._user()
        if user is None:
            return None
        if user["login"].lower() == owner.lower() or user.get("is_admin"):
            return None
        organisation = quote(owner, safe="")
        path = f"{API}/users/{quote(user['login'], safe='')}/orgs/{organisation}/permissions"
        rights = self.client.request("GET", path, f"asking what {user['login']} may do in {owner}")
        if rights is None:
            return f"there is no organisation {owner}, and the token belongs to {user['login']}"
        if rights.get("can_create_repository") or rights.get("is_owner"):
            return None
        return f"{user['login']} may not create repositories in {owner}"

    def create_repository(self, url: str, private: bool, default_branch: str) -> bool:
        owner, name = split(url)
        tried = f"creating the repository {owner}/{name}"
        if self.client.request("GET", repository(url), tried):
            return False
        user = self._user()
        own = user is not None and user["login"].lower() == owner.lower()
        path = f"{API}/user/repos" if own else f"{API}/orgs/{quote(owner, safe='')}/repos"
        body = {"name": name, "private": private, "default_branch": default_branch, "auto_init": False}
        try:
            made = self.client.request("POST", path, tried, json=body)
        except ProviderError:
            # Created by another run in the meantime, or by this one before the connection broke.
            if self.client.request("GET", repository(url), tried):
                return False
            raise
        if made is None:
            found = f"there is no organisation {owner}"
            if user is None:
                found += ", and the token does not reveal its owner (scope read:user)"
            raise ProviderError(tried, found, "create it, or check the URL", self.client.base)
        return True

    def has_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        return any(
            self._is_as_wanted(hook, hook_url, secret) for hook in self._hooks(repository_url, hook_url)
        )

    def ensure_webhook(self, repository_url: str, hook_url: str, secret: str) -> bool:
        there = self._hooks(repository_url, hook_url)
        if any(self._is_as_wanted(hook, hook_url, secret) for hook in there):
            return False
        tried = f"creating a webhook to {hook_url}"
        config = {"url": hooks.marked(hook_url, secret), "content_type": "json", "secret": secret}
        body: dict[str, Any] = {"active": True, "events": ["push"], "branch_filter": "*", "config": config}
        path = f"{repository(repository_url)}/hooks"
        if there:
            self.client.request("PATCH", f"{path}/{there[0]['id']}", tried, json=body)
        else:
            self.client.request("POST", path, tried, json={"type": "gitea", **body}, missing=frozenset())
        return True

    def remove_webhook(self, repository_url: str, hook_url: str) -> bool:
        there = list(self._hooks(repository_url, hook_url))
        for hook in there:
            path = f"{repository(repository_url)}/hooks/{hook['id']}"
            self.client.request("DELETE", path, f"deleting the webhook to {hook_url}")
        return bool(there)

    def webhooks(self, repository_url: str) -> list[Hook]:
        """No version's API lists deliveries."""
        listed = self.client.pages(
            f"{repository(repository_url)}/hooks", "listing the repository's webhooks", frozenset()
        )
        owner, name = split(repository_url)
        pages = f"{self.client.base}/{owner}/{name}/settings/hooks"
        return [
            Hook(
                address=hooks.plain(address),
                mark=hooks.mark_in(address),
                wrong=_wrong(hook),
                page=f"{pages}/{hook['id']}",
                deliveries=False,
            )
            for hook in listed
            if hooks.is_argocds(address := hook["config"].get("url", ""))
        ]

    def has_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.has(self.client, f"{repository(repository_url)}/keys", public, reads=_READS)

    def ensure_deploy_key(self, repository_url: str, title: str, public: str) -> bool:
        return deploy_keys.ensure(
            self.client, f"{repository(repository_url)}/keys", title, public, reads=_READS
        )

    def remove_deploy_key(self, repository_url: str, public: str) -> bool:
        return deploy_keys.remove(self.client, f"{repository(repository_url)}/keys", public)

    def token_ends(self) -> str | None:
        return None  # its API has no field for it

    def protection(self, url: str, branch: str) -> str | None:
        tried = f"asking how {branch} is protected"
        path = f"{repository(url)}/branches/{quote(branch, safe='')}"
        found = self.client.request("GET", path, tried, missing=frozenset({403, 404}))
        if not found or not found.get("protected") or found.get("user_can_push"):
            return None
        rule = found.get("effective_branch_protection_name") or branch
        return f"the branch is protected (rule {rule}), and this credential may not push to it"

    def pull_request(self, url: str, spec: PullRequestSpec) -> PullRequest:
        path, tried = repository(url), f"opening a pull request from {spec.head}"
        text = {"title": spec.title, "body": spec.body}
        # Without a state it lists all: a request that was merged or closed is not the one to update.
        for found in self.client.pages(f"{path}/pulls", "listing pull requests", state="open"):
            if (found["head"]["ref"], found["base"]["ref"]) == (spec.head, spec.base):
                number = int(found["number"])
                self.client.request("PATCH", f"{path}/pulls/{number}", tried, json=text)
                return PullRequest(number, str(found["html_url"]), False)
        body = {**text, "head": spec.head, "base": spec.base}
        for pause in _PAUSES:  # the API may not know a branch yet that was just pushed
            made = self.client.request("POST", f"{path}/pulls", tried, json=body)
            if made is not None:
                return PullRequest(int(made["number"]), str(made["html_url"]), True)
            time.sleep(pause)
        found = f"the host does not know the repository, or one of the branches {spec.head} and {spec.base}"
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

    def comment(self, url: str, number: int, mark: str, body: str) -> Comment:
        user, path = self._user(), f"{repository(url)}/issues"
        place = comments.Place(f"{path}/{number}/comments", f"{path}/comments", "PATCH", "login")
        return comments.ensure(self.client, place, {user["login"]} if user else _WORKFLOWS, mark, body)

    def commit(self, url: str, branch: str, expect: str, changes: Sequence[FileChange], message: str) -> str:
        """Each file must be unchanged; changes of other files do not matter."""
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

    def _user(self) -> Any:
        """The token's user; None when the token may not read it."""
        return self.client.request(
            "GET", f"{API}/user", "asking who owns the token", missing=frozenset({403})
        )

    def _hooks(self, repository_url: str, hook_url: str) -> list[dict[str, Any]]:
        """The webhooks to this address, however they are signed."""
        path = f"{repository(repository_url)}/hooks"
        return [
            hook
            for hook in self.client.pages(path, "listing the repository's webhooks")
            if hooks.is_to(hook["config"].get("url", ""), hook_url)
        ]

    def _is_as_wanted(self, hook: dict[str, Any], hook_url: str, secret: str) -> bool:
        return (
            bool(hook.get("active"))
            and "push" in hook.get("events", ())
            and hook.get("branch_filter") in (None, "", "*")
            and hook["config"].get("url") == hooks.marked(hook_url, secret)
            and hook["config"].get("content_type") == "json"
        )

    def _labels(self, path: str, names: Sequence[str]) -> list[int]:
        """The ids of the labels; missing ones are created."""
        known = {
            item["name"]: int(item["id"]) for item in self.client.pages(f"{path}/labels", "listing labels")
        }
        for name in names:
            if name not in known:
                body = {"name": name, "color": _COLOUR}
                made = self.client.request("POST", f"{path}/labels", f"creating label {name}", json=body)
                known[name] = int(made["id"])
        return [known[name] for name in names]


def _wrong(hook: dict[str, Any]) -> tuple[str, ...]:
    found = []
    if not hook.get("active"):
        found.append("it is switched off")
    if "push" not in hook.get("events", ()):
        found.append("it is not sent for pushes")
    if hook["config"].get("content_type") != "json":
        found.append("its content type is not JSON")
    if hook.get("type") not in ("gitea", "forgejo", "gogs"):
        found.append(f"its type is {hook.get('type')}, which Argo CD does not read")
    return tuple(found)


def repository(url: str) -> str:
    """The API's path of a repository."""
    owner, name = split(url)
    return f"{API}/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
