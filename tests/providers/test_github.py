"""GitHub's calls, against the schemas that GitHub publishes: of github.com and of an Enterprise Server.

What is asked must fit the schema in path, method, query and body; the answers are the schema's examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from bootstrap.core.errors import ProviderError
from bootstrap.core.invocation import Invocation
from bootstrap.git.changes import FileChange
from bootstrap.git.remote import Credential
from bootstrap.providers import PullRequestSpec, find, github
from bootstrap.providers.client import Client
from bootstrap.providers.github import GitHub
from bootstrap.providers.webhooks import Delivery, mark
from tests.providers.published import servers

pytestmark = servers.NEEDS_NODE

REPOSITORY = "/repos/{owner}/{repo}"
PATHS = (
    "/meta",
    "/user",
    "/user/repos",
    "/user/memberships/orgs/{org}",
    "/orgs/{org}",
    "/orgs/{org}/repos",
    REPOSITORY,
    f"{REPOSITORY}/hooks",
    f"{REPOSITORY}/hooks/{{hook_id}}",
    f"{REPOSITORY}/hooks/{{hook_id}}/deliveries",
    f"{REPOSITORY}/keys",
    f"{REPOSITORY}/rules/branches/{{branch}}",
    f"{REPOSITORY}/rulesets/{{ruleset_id}}",
    f"{REPOSITORY}/branches/{{branch}}/protection",
    f"{REPOSITORY}/pulls",
    f"{REPOSITORY}/pulls/{{pull_number}}",
    f"{REPOSITORY}/issues/{{issue_number}}/labels",
    f"{REPOSITORY}/issues/{{issue_number}}/comments",
    f"{REPOSITORY}/issues/comments/{{comment_id}}",
)
SCHEMAS = ("api.github.com", "ghes-3.19")
URL = "https://github.com/acme/gitops.git"
HOOK = "https://argocd.example.org/api/webhook"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
WISH = PullRequestSpec("image-bump/web", "main", "Set web to v2", "From v1.")


@dataclass
class Host:
    """A schema that is served. `instead` are answers in place of an example: data, or a status.

    `kept` is refused with 403, which any path may be, whether or not the schema says so.
    """

    provider: GitHub
    schema: dict[str, Any]
    instead: dict[tuple[str, str], Any] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def sent(self, method: str, path: str) -> Any:
        """The body of the one request of that kind."""
        (body,) = [body for verb, where, body in self.asked if (verb, where) == (method, path)]
        return body

    def before(self, request: Any) -> Any:
        """Asks Prism for another status, where a test wants one."""
        status = self.instead.get((request.method, self._path(request.url)))
        if isinstance(status, int):
            request.headers["Prefer"] = f"code={status}"
        return request

    def after(self, answer: Any, **_: Any) -> None:
        request = answer.request
        path = self._path(request.url)
        self.asked.append((request.method, path, json.loads(request.body) if request.body else None))
        self._check_query(request)
        violations = json.loads(answer.headers.get("sl-violations") or "[]")
        assert not [item for item in violations if item["location"][0] == "request"], violations
        if path in self.kept:
            answer.status_code = 403
            answer._content = b'{"message": "Resource not accessible by personal access token"}'
        data = self.instead.get((request.method, path))
        if data is not None and not isinstance(data, int):
            assert answer.status_code < 300, answer.text
            answer._content = json.dumps(data).encode()

    def _path(self, url: str) -> str:
        path = urlsplit(url).path
        return path[path.index("/api/v3") + 7 :] if "/api/v3" in path else path

    def _check_query(self, request: Any) -> None:
        """Prism lets a query pass that the schema does not know."""
        parts = urlsplit(request.url)
        for template, operations in self.schema["paths"].items():
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, parts.path) and request.method.lower() in operations:
                operation = operations[request.method.lower()]
                listed = [*operations.get("parameters", ()), *operation.get("parameters", ())]
                names = {self._named(item) for item in listed}
                assert {name for name, _ in parse_qsl(parts.query)} <= names, request.url

    def _named(self, parameter: dict[str, Any]) -> str:
        reference = parameter.get("$ref")
        found = self.schema["components"]["parameters"][reference.split("/")[-1]] if reference else parameter
        return str(found["name"])


Serve = Callable[[Invocation], Host]


@pytest.fixture(scope="module", params=SCHEMAS)
def serve(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    folder, work = servers.installed(), tmp_path_factory.mktemp("prism")
    schema = servers.published(folder, request.param, PATHS)
    with servers.prism(folder, schema, work) as rest, servers.graphql(folder, work) as graph:

        def made(invocation: Invocation) -> Host:
            client = Client.for_url(f"{rest}/acme/gitops.git", Credential(token="glowing-token"), invocation)
            if request.param == "api.github.com":
                speaking = github.recognise(replace(client, base="https://github.com"))
                assert speaking is not None
                api = replace(speaking, client=replace(speaking.client, base=rest))
            else:
                found = github.recognise(client)
                assert found is not None
                api = found
            host = Host(replace(api, graph=replace(api.graph, base=graph)), schema)
            client.session.requests.auth = host.before
            client.session.requests.hooks["response"].append(host.after)
            return host

        yield made


@pytest.fixture
def host(serve: Serve, invocation: Invocation) -> Iterator[Host]:
    made = serve(invocation)
    yield made
    made.provider.client.session.close()


def test_a_server_is_recognised_by_what_it_says(host: Host) -> None:
    assert host.provider.version
    assert host.provider.client.session.requests.headers["X-GitHub-Api-Version"]


def test_github_com_is_known_by_its_name(invocation: Invocation) -> None:
    found = find(URL, Credential(token="glowing-token"), invocation)
    assert found is not None
    assert (found.name, found.webhook_key) == ("github", "webhook.github.secret")


def test_repository_of_the_user_and_of_an_organisation_is_created(host: Host) -> None:
    for owner, path in (("octocat", "/user/repos"), ("acme", "/orgs/acme/repos")):
        url = f"https://github.com/{owner}/gitops.git"
        assert not host.provider.create_repository(url, True, "main")
        host.instead[("GET", f"/repos/{owner}/gitops")] = 404
        assert host.provider.create_repository(url, True, "main")
        assert host.sent("POST", path)["private"] is True


def test_who_may_create_a_repository_is_asked_for(host: Host) -> None:
    provider = host.provider
    assert provider.repository_refusal("https://github.com/octocat/gitops.git") is None
    host.instead[("GET", "/user/memberships/orgs/acme")] = {"role": "member", "state": "active"}
    host.instead[("GET", "/orgs/acme")] = {"members_can_create_repositories": False}
    refusal = provider.repository_refusal(URL)
    assert refusal is not None
    assert "octocat" in refusal
    host.instead[("GET", "/user/memberships/orgs/acme")] = {"role": "admin", "state": "active"}
    assert provider.repository_refusal(URL) is None


def test_webhook_is_made_once_and_fixed(host: Host) -> None:
    provider, path = host.provider, "/repos/acme/gitops/hooks"
    assert not provider.has_webhook(URL, HOOK, "secret")
    assert provider.ensure_webhook(URL, HOOK, "secret")
    made = host.sent("POST", path)
    assert made["config"]["secret"] == "secret"
    stale = {
        **made,
        "id": 7,
        "config": {**made["config"], "url": f"{HOOK}?secret=other", "secret": "********"},
    }
    host.instead[("GET", path)] = [stale]
    assert provider.ensure_webhook(URL, HOOK, "secret")
    mended = host.sent("PATCH", f"{path}/7")
    host.instead[("GET", path)] = [{**stale, **mended}]
    assert provider.has_webhook(URL, HOOK, "secret")
    assert not provider.ensure_webhook(URL, HOOK, "secret")


def test_webhooks_to_argo_cd_are_reported_with_their_last_delivery(host: Host) -> None:
    provider, path = host.provider, "/repos/acme/gitops/hooks"
    provider.ensure_webhook(URL, HOOK, "secret")
    made = {**host.sent("POST", path), "id": 7, "last_response": {"code": None, "status": "unused"}}
    other = {**made, "config": {**made["config"], "url": "https://ci.example.org/hook"}}
    host.instead[("GET", path)] = [other, made]
    (found,) = provider.webhooks(URL)
    assert (found.address, found.mark, found.wrong, found.signed) == (HOOK, mark("secret", HOOK), (), True)
    example = found.last  # of the schema's example
    assert example is not None
    assert (example.status, example.message, bool(example.at)) == (200, "OK", True)
    host.instead[("GET", f"{path}/7/deliveries")] = []
    assert provider.webhooks(URL)[0].last is None


def test_what_keeps_a_webhook_from_working_is_reported(host: Host) -> None:
    provider, path = host.provider, "/repos/acme/gitops/hooks"
    config = {"url": HOOK, "content_type": "form", "insecure_ssl": "0"}
    response = {"code": 502, "status": "invalid", "message": "Invalid HTTP Response: 502"}
    hook = {"id": 7, "active": False, "events": ["issues"], "config": config, "last_response": response}
    host.instead[("GET", path)] = [hook]
    host.kept.add(f"{path}/7/deliveries")
    (found,) = provider.webhooks(URL)
    assert (found.mark, found.signed, len(found.wrong)) == ("", False, 3)
    assert found.last == Delivery(502, "Invalid HTTP Response: 502")


def test_token_that_may_not_see_webhooks_is_not_a_repository_without_any(host: Host) -> None:
    host.instead[("GET", "/repos/acme/gitops/hooks")] = 404
    with pytest.raises(ProviderError, match="404"):
        host.provider.webhooks(URL)


def test_deploy_key_reads_and_is_added_once(host: Host) -> None:
    provider, path = host.provider, "/repos/acme/gitops/keys"
    assert provider.ensure_deploy_key(URL, "Argo CD", KEY)
    added = host.sent("POST", path)
    assert added["read_only"] is True
    host.instead[("GET", path)] = [{**added, "id": 1, "key": KEY}]
    assert not provider.ensure_deploy_key(URL, "Argo CD", f"{KEY} comment")
    host.instead[("GET", path)] = [{**added, "id": 1, "key": KEY, "read_only": False}]
    with pytest.raises(ProviderError, match="has write access"):
        provider.has_deploy_key(URL, KEY)


def test_a_ruleset_that_the_token_cannot_get_past_is_reported(host: Host) -> None:
    rule = {"type": "pull_request", "ruleset_id": 42}
    host.instead[("GET", "/repos/acme/gitops/rules/branches/main")] = [rule]
    ruleset = ("GET", "/repos/acme/gitops/rulesets/42")
    host.instead[ruleset] = {"name": "reviews", "current_user_can_bypass": "never"}
    assert "reviews" in (host.provider.protection(URL, "main") or "")
    host.instead[ruleset] = {"name": "reviews", "current_user_can_bypass": "always"}
    host.instead[("GET", "/repos/acme/gitops/branches/main/protection")] = 404
    assert host.provider.protection(URL, "main") is None


def test_protection_that_holds_for_administrators_too_is_reported(host: Host) -> None:
    host.instead[("GET", "/repos/acme/gitops/rules/branches/main")] = []
    settings = ("GET", "/repos/acme/gitops/branches/main/protection")
    reviews: dict[str, Any] = {"required_approving_review_count": 1}
    host.instead[settings] = {"required_pull_request_reviews": reviews, "enforce_admins": {"enabled": True}}
    assert "pull request" in (host.provider.protection(URL, "main") or "")
    host.instead[settings] = {"required_pull_request_reviews": reviews, "enforce_admins": {"enabled": False}}
    assert host.provider.protection(URL, "main") is None


def test_pull_request_is_opened_and_brought_up_to_date(host: Host) -> None:
    pulls = ("GET", "/repos/acme/gitops/pulls")
    host.instead[pulls] = []
    assert host.provider.pull_request(URL, WISH).created
    assert host.sent("POST", pulls[1])["head"] == WISH.head
    host.instead[pulls] = [{"number": 5, "html_url": "https://github.com/acme/gitops/pull/5"}]
    assert host.provider.pull_request(URL, WISH).number == 5
    assert host.sent("PATCH", f"{pulls[1]}/5")["title"] == WISH.title
    assert host.provider.label(URL, 5, ["image"]) is None
    assert host.sent("POST", "/repos/acme/gitops/issues/5/labels") == {"labels": ["image"]}


def test_automatic_merge_and_commits_fit_the_graphql_schema(host: Host) -> None:
    assert host.provider.auto_merge(URL, 5) is None
    changes = [FileChange("a.yaml", b"new", b"old"), FileChange("gone.yaml", None, b"old")]
    assert host.provider.commit(URL, "main", "1b" * 20, changes, "Subject\n\nBody") == "0a" * 20
    with pytest.raises(ProviderError):
        host.provider.commit(URL, "main", None, changes, "Subject")  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused(host: Host) -> None:
    """Without this, a server that takes everything would go unnoticed."""
    for body in ({}, {"title": "x", "key": KEY, "read_onyl": True}, {"title": 7, "key": KEY}):
        with pytest.raises((ProviderError, AssertionError)):
            host.provider.client.request("POST", "/repos/acme/gitops/keys", "adding", json=body)
    with pytest.raises(AssertionError, match="limit=1"):
        host.provider.client.request("GET", "/repos/acme/gitops/keys", "listing", params={"limit": 1})


def test_schemas_are_read_from_the_cache_alone() -> None:
    folder = servers.installed()
    assert (folder / servers.GENERATED / f"{SCHEMAS[0]}.json").is_file()
    assert Path(folder).parent == servers.programs_cache()


def test_one_comment_of_our_own_is_written_and_brought_up_to_date(host: Host) -> None:
    provider, path = host.provider, "/repos/acme/gitops/issues/5/comments"
    host.instead[("GET", "/user")] = {"login": "octocat"}
    foreign = {"id": 1, "body": "<!-- mark -->\nold", "user": {"login": "mallory"}}
    host.instead[("GET", path)] = [foreign]
    assert provider.comment(URL, 5, "<!-- mark -->", "<!-- mark -->\nnew").change == "created"
    assert host.sent("POST", path) == {"body": "<!-- mark -->\nnew"}
    mine = {**foreign, "id": 2, "user": {"login": "octocat"}}
    host.instead[("GET", path)] = [foreign, mine]
    assert provider.comment(URL, 5, "<!-- mark -->", "<!-- mark -->\nnew").change == "updated"
    assert host.sent("PATCH", "/repos/acme/gitops/issues/comments/2") == {"body": "<!-- mark -->\nnew"}
    assert provider.comment(URL, 5, "<!-- mark -->", "<!-- mark -->\nold\n").change == "same"


def test_a_workflows_own_token_updates_the_comment_of_its_bot(host: Host) -> None:
    """It may not ask who it is."""
    path = "/repos/acme/gitops/issues/5/comments"
    host.kept.add("/user")
    host.instead[("GET", path)] = [{"id": 3, "body": "mark", "user": {"login": "github-actions[bot]"}}]
    assert host.provider.comment(URL, 5, "mark", "mark\nnew").change == "updated"
    assert host.sent("PATCH", "/repos/acme/gitops/issues/comments/3")
