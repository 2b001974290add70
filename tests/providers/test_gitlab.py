"""GitLab's calls, against what python-gitlab, the client of many years, asks for the same things.

No package registry has GitLab's own schema. So both clients talk to one recorder: method, path and query
must be the same, and a body may have no field that python-gitlab's model of the API does not name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import gitlab
import pytest
from gitlab.v4 import objects

from bootstrap import providers
from bootstrap.core.errors import AuthenticationFailed, ProviderError, StalePlan
from bootstrap.core.invocation import Invocation
from bootstrap.git.changes import FileChange
from bootstrap.git.objects import blob_id
from bootstrap.git.remote import Credential
from bootstrap.providers import PullRequestSpec, find
from bootstrap.providers.gitlab import GitLab
from bootstrap.providers.webhooks import Delivery, mark
from tests.providers.answering import Reply, answering

NAME = "platform/teams/gitops"
PROJECT = "/api/v4/projects/platform%2Fteams%2Fgitops"
HOOK = "https://argocd.example.org/api/webhook"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
WISH = PullRequestSpec("image-bump/web", "main", "Set web to v2", "From v1.")
OLD = b"newTag: v1\n"
CHANGE = FileChange("apps/web/kustomization.yaml", b"newTag: v2\n", OLD)
FOUND = {
    "id": 7,
    "iid": 5,
    "username": "ada",
    "version": "18.6.0",
    "revision": "0a1b2c3",
    "web_url": "https://gitlab.example.org/platform/teams/gitops/-/merge_requests/5",
    "blob_id": blob_id(OLD, 40),
    "last_commit_id": "1b" * 20,
    "access_level": 40,
    "project_creation_level": "developer",
    "name": "main",
}
"""What the recorder answers to whatever asks for one thing."""


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any


@dataclass
class Host:
    """`answers` are given in place of FOUND, or of an empty list: data, or a status."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        return f"{self.url}/{NAME}.git"

    def changes(self) -> list[Asked]:
        return [request for request in self.asked if request.method != "GET"]


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host("")

    def answer(method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        parts = urlsplit(path)
        found.asked.append(Asked(method, parts.path, parse_qs(parts.query), body))
        lists = parts.path.rpartition("/")[2] in ("hooks", "deploy_keys", "merge_requests", "notes")
        usual: Any = [] if lists and method == "GET" else FOUND
        data = found.answers.get((method, parts.path), usual)
        if not parts.path.startswith("/api/v4/"):
            data = 404
        status = data if isinstance(data, int) else 201 if method == "POST" else 200
        content = json.dumps({"message": f"{status} of a test"} if status == data else data).encode()
        return status, {"Content-Type": "application/json", "X-Next-Page": ""}, content

    with answering(answer) as found.url:
        yield found


@pytest.fixture
def provider(host: Host, invocation: Invocation) -> Iterator[GitLab]:
    found = find(host.repository, Credential(token="glowing-token"), invocation)
    assert isinstance(found, GitLab)
    host.asked.clear()
    yield found
    found.client.session.close()


@pytest.fixture
def theirs(host: Host) -> Iterator[gitlab.Gitlab]:
    client = gitlab.Gitlab(host.url, private_token="glowing-token")
    yield client
    client.session.close()


def same(host: Host, act: Callable[[], Any], *ignored: str) -> None:
    """That the other client asks the same as the last request, but for fields of the query."""
    ours = host.asked[-1]
    host.asked.clear()
    act()
    other = host.asked[-1]
    queries = [
        {key: value for key, value in item.query.items() if key not in ignored} for item in (ours, other)
    ]
    assert (ours.method, ours.path, queries[0]) == (other.method, other.path, queries[1])
    assert ours.body == other.body


def known(body: dict[str, Any], attributes: Any) -> None:
    """That a body has what must be there, and nothing that the model does not name."""
    assert set(attributes.required) <= set(body)
    assert set(body) <= {*attributes.required, *attributes.optional}


def project(theirs: gitlab.Gitlab) -> Any:
    return theirs.projects.get(NAME, lazy=True)


def test_gitlab_is_recognised_by_its_version_and_by_its_refusal(host: Host, invocation: Invocation) -> None:
    for answer in (FOUND, {"version": "18.6.0", "revision": "0a1b2c3", "kas": {}}):
        host.answers[("GET", "/api/v4/version")] = answer
        found = find(host.repository, Credential(token="glowing-token"), invocation)
        assert found is not None
        assert (found.name, found.version, found.webhook_key) == ("gitlab", "18.6.0", "webhook.gitlab.secret")
    host.answers[("GET", "/api/v4/version")] = 404
    assert find(host.repository, Credential(token="glowing-token"), invocation) is None


def test_gitlab_com_is_known_by_its_name(invocation: Invocation) -> None:
    found = find("https://gitlab.com/a/b/c.git", Credential(token="glowing-token"), invocation)
    assert isinstance(found, GitLab)
    made = providers.get("git@gitlab.com:a/b/c.git", Credential(token="glowing-token"), invocation)
    assert isinstance(made, GitLab)
    assert made.client.base == found.client.base == "https://gitlab.com/api/v4"


def test_project_of_a_nested_group_is_created(host: Host, provider: GitLab, theirs: gitlab.Gitlab) -> None:
    assert not provider.create_repository(host.repository, True, "main")
    same(host, lambda: theirs.projects.get(NAME))
    host.answers[("GET", PROJECT)] = 404
    assert provider.create_repository(host.repository, True, "main")
    body = host.asked[-1].body
    assert (body["visibility"], body["namespace_id"], body["path"]) == ("private", 7, "gitops")
    known(body, objects.ProjectManager._create_attrs)
    same(host, lambda: theirs.projects.create(body))
    provider._namespace(host.repository)
    same(host, lambda: theirs.namespaces.get("platform/teams"))


def test_who_may_create_a_project_is_asked_for(host: Host, provider: GitLab, theirs: gitlab.Gitlab) -> None:
    assert provider.repository_refusal(host.repository) is None
    same(host, lambda: theirs.groups.get("platform/teams", lazy=True).members_all.get(7))
    provider.repository_refusal(host.repository)
    host.asked.pop()
    same(host, lambda: theirs.groups.get("platform/teams", with_projects="false"))
    provider._user()
    same(host, theirs.auth)
    group = {**FOUND, "project_creation_level": "owner"}
    host.answers[("GET", "/api/v4/groups/platform%2Fteams")] = group
    assert "ada" in (provider.repository_refusal(host.repository) or "")
    host.answers[("GET", "/api/v4/groups/platform%2Fteams")] = 404
    assert "no group" in (provider.repository_refusal(host.repository) or "")


def test_webhook_is_made_once_and_fixed(host: Host, provider: GitLab, theirs: gitlab.Gitlab) -> None:
    assert not provider.has_webhook(host.repository, HOOK, "secret")
    same(host, lambda: project(theirs).hooks.list(page=1), "per_page")
    assert provider.ensure_webhook(host.repository, HOOK, "secret")
    body = host.asked[-1].body
    known(body, objects.ProjectHookManager._create_attrs)
    same(host, lambda: project(theirs).hooks.create(body))
    host.answers[("GET", f"{PROJECT}/hooks")] = [{**body, "id": 3, "url": f"{HOOK}?secret=stale"}]
    assert provider.ensure_webhook(host.repository, HOOK, "secret")
    known(host.asked[-1].body, objects.ProjectHookManager._update_attrs)
    same(host, lambda: project(theirs).hooks.update(3, body))
    host.answers[("GET", f"{PROJECT}/hooks")] = [{**body, "id": 3}]
    assert not provider.ensure_webhook(host.repository, HOOK, "secret")


def test_webhooks_to_argo_cd_are_reported_with_their_last_delivery(host: Host, provider: GitLab) -> None:
    """No client asks for events; their form is that of GitLab's documentation of project webhooks."""
    hook = {
        "id": 3,
        "url": f"{HOOK}?secret={mark('secret', HOOK)}",
        "push_events": True,
        "alert_status": "executable",
        "disabled_until": None,
        "token_present": True,
    }
    host.answers[("GET", f"{PROJECT}/hooks")] = [{**hook, "id": 2, "url": "https://ci.example.org"}, hook]
    events = ("GET", f"{PROJECT}/hooks/3/events")
    date = "Sun, 26 May 2024 03:03:17 GMT"
    one = {"id": 1, "url": HOOK, "trigger": "push_hooks", "response_headers": {"Date": date}}
    host.answers[events] = [{**one, "id": 2, "response_status": "200"}, {**one, "response_status": "500"}]
    (found,) = provider.webhooks(host.repository)
    assert (found.address, found.mark, found.wrong, found.signed) == (HOOK, mark("secret", HOOK), (), True)
    assert found.last == Delivery(200, "200", date)
    assert found.page == f"{host.url}/{NAME}/-/hooks/3/edit"
    host.answers[events] = [{**one, "response_status": "internal error", "response_headers": {}}]
    assert provider.webhooks(host.repository)[0].last == Delivery(0, "internal error")
    host.answers[events] = []
    assert provider.webhooks(host.repository)[0].last is None
    host.answers[events] = 404  # before 17.3
    assert not provider.webhooks(host.repository)[0].deliveries


def test_webhook_that_gitlab_has_switched_off_is_reported(host: Host, provider: GitLab) -> None:
    hook = {"id": 3, "url": HOOK, "push_events": False, "token_present": False}
    until = "2026-11-28T03:00:00.000Z"
    for fields, said in (
        ({"alert_status": "temporarily_disabled", "disabled_until": until}, until),
        ({"alert_status": "disabled", "disabled_until": None}, "switched it off"),
    ):
        host.answers[("GET", f"{PROJECT}/hooks")] = [{**hook, **fields}]
        host.answers[("GET", f"{PROJECT}/hooks/3/events")] = []
        (found,) = provider.webhooks(host.repository)
        assert said in found.wrong[0]
        assert found.wrong[1:] == ("it is not sent for pushes",)
        assert found.signed is False
    host.answers[("GET", f"{PROJECT}/hooks")] = 403
    with pytest.raises(ProviderError, match="403"):
        provider.webhooks(host.repository)


def test_deploy_key_reads_and_is_added_once(host: Host, provider: GitLab, theirs: gitlab.Gitlab) -> None:
    assert provider.ensure_deploy_key(host.repository, "Argo CD", KEY)
    body = host.asked[-1].body
    assert body["can_push"] is False
    known(body, objects.ProjectKeyManager._create_attrs)
    same(host, lambda: project(theirs).keys.create(body))
    host.answers[("GET", f"{PROJECT}/deploy_keys")] = [{**body, "id": 3}]
    assert not provider.ensure_deploy_key(host.repository, "Argo CD", KEY)
    same(host, lambda: project(theirs).keys.list(page=1), "per_page")
    host.answers[("GET", f"{PROJECT}/deploy_keys")] = [{**body, "id": 3, "can_push": True}]
    with pytest.raises(ProviderError, match="has write access"):
        provider.ensure_deploy_key(host.repository, "Argo CD", KEY)


def test_branch_that_may_not_be_pushed_to_is_reported(
    host: Host, provider: GitLab, theirs: gitlab.Gitlab
) -> None:
    branch = ("GET", f"{PROJECT}/repository/branches/release%2F1")
    assert provider.protection(host.repository, "release/1") is None
    same(host, lambda: project(theirs).branches.get("release/1"))
    host.answers[branch] = {"name": "release/1", "protected": True, "can_push": False}
    assert "protected" in (provider.protection(host.repository, "release/1") or "")
    host.answers[branch] = {"name": "release/1", "protected": True, "can_push": True}
    assert provider.protection(host.repository, "release/1") is None


def test_merge_request_is_opened_and_brought_up_to_date(
    host: Host, provider: GitLab, theirs: gitlab.Gitlab
) -> None:
    assert provider.pull_request(host.repository, WISH).created
    body = host.asked[-1].body
    known(body, objects.ProjectMergeRequestManager._create_attrs)
    same(host, lambda: project(theirs).mergerequests.create(body))
    host.answers[("GET", f"{PROJECT}/merge_requests")] = [FOUND]
    host.asked.clear()
    assert provider.pull_request(host.repository, WISH).number == 5
    listed, updated = host.asked
    host.asked = [listed]
    query = {"state": "opened", "source_branch": WISH.head, "target_branch": WISH.base}
    same(host, lambda: project(theirs).mergerequests.list(**query, get_all=False))
    known(updated.body, objects.ProjectMergeRequestManager._update_attrs)
    host.asked = [updated]
    same(host, lambda: project(theirs).mergerequests.update(5, updated.body))


def test_labels_are_added_and_the_merge_is_left_to_the_host(
    host: Host, provider: GitLab, theirs: gitlab.Gitlab
) -> None:
    assert provider.label(host.repository, 5, ["image", "staging"]) is None
    labelled = host.asked[-1]
    assert labelled.body == {"add_labels": "image,staging"}  # by GitLab's documentation alone
    same(host, lambda: project(theirs).mergerequests.update(5, labelled.body))
    assert provider.auto_merge(host.repository, 5) is None
    merged = host.asked[-1]
    project(theirs).mergerequests.get(5, lazy=True).merge(merge_when_pipeline_succeeds=True)
    assert host.asked[-1][:2] == merged[:2]
    assert host.asked[-1].body.items() <= merged.body.items()
    host.answers[("PUT", f"{PROJECT}/merge_requests/5/merge")] = 405
    assert "405" in (provider.auto_merge(host.repository, 5) or "")


def test_commit_is_based_on_the_file_as_it_was_read(
    host: Host, provider: GitLab, theirs: gitlab.Gitlab
) -> None:
    assert provider.commit(host.repository, "main", "0a" * 20, [CHANGE], "Subject") == "7"
    read, made = host.asked
    known(made.body, objects.ProjectCommitManager._create_attrs)
    (action,) = made.body["actions"]
    assert (action["action"], action["last_commit_id"]) == ("update", FOUND["last_commit_id"])
    update = objects.ProjectFileManager._update_attrs
    assert set(action) - {"action"} <= {*update.required, *update.optional}
    host.asked = [made]
    same(host, lambda: project(theirs).commits.create(made.body))
    host.asked = [read]
    same(host, lambda: project(theirs).files.get(CHANGE.path, ref="main"))
    for answer in ({**FOUND, "blob_id": "0" * 40}, 404):
        host.answers[("GET", read.path)] = answer
        host.asked.clear()
        with pytest.raises(StalePlan):
            provider.commit(host.repository, "main", "0a" * 20, [CHANGE], "Subject")
        assert host.changes() == []


def test_expired_token_is_reported_as_such(host: Host, invocation: Invocation) -> None:
    host.answers[("GET", "/api/v4/version")] = 401
    # What GitLab says, where the recorder has words of its own.
    assert find(host.repository, Credential(token="glowing-token"), invocation) is None
    client = find("https://gitlab.com/a/b.git", Credential(token="glowing-token"), invocation)
    assert isinstance(client, GitLab)
    here = replace(client, client=replace(client.client, base=f"{host.url}/api/v4"))
    host.answers[("GET", PROJECT)] = 401
    with pytest.raises(AuthenticationFailed) as caught:
        here.create_repository(host.repository, True, "main")
    assert "expired" in caught.value.hint
    assert "glowing-token" not in str(caught.value)


def test_one_note_of_our_own_is_written_and_brought_up_to_date(
    host: Host, provider: GitLab, theirs: gitlab.Gitlab
) -> None:
    notes = project(theirs).mergerequests.get(5, lazy=True).notes
    made = provider.comment(host.repository, 5, "mark", "mark\nnew")
    assert (made.change, made.url) == ("created", f"{host.url}/{NAME}/-/merge_requests/5")
    body = host.asked[-1].body
    known(body, objects.ProjectMergeRequestNoteManager._create_attrs)
    same(host, lambda: notes.create(body))
    foreign = {"id": 1, "body": "mark\nold", "author": {"username": "mallory"}}
    host.answers[("GET", f"{PROJECT}/merge_requests/5/notes")] = [
        foreign,
        {**foreign, "id": 2, "author": {"username": "ada"}},
    ]
    assert provider.comment(host.repository, 5, "mark", "mark\nnew").change == "updated"
    same(host, lambda: notes.update(2, body))
    assert provider.comment(host.repository, 5, "mark", "mark\nold").change == "same"


def test_a_token_that_may_not_say_whose_it_is_writes_no_note(host: Host, provider: GitLab) -> None:
    host.answers[("GET", "/api/v4/user")] = 403
    with pytest.raises(ProviderError, match="may not read it"):
        provider.comment(host.repository, 5, "mark", "mark\nnew")
    assert host.changes() == []
