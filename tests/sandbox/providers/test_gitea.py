"""Gitea's API, on a real Gitea: what is created, for whom, and what is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
import requests

from bootstrap.core.errors import AuthenticationFailed, ProviderError
from bootstrap.core.invocation import Invocation
from bootstrap.git.remote import Credential
from bootstrap.providers import Provider, find
from bootstrap.providers.webhooks import mark
from bootstrap.sandbox.addresses import Sandbox

HOOK = "http://127.0.0.1:1/api/webhook"

Provide = Callable[..., Provider]


@pytest.fixture
def token(hosts: Sandbox) -> str:
    return hosts.git_token_file.read_text().strip()


@pytest.fixture
def url(hosts: Sandbox) -> str:
    """A repository of the organisation that does not exist."""
    return f"{hosts.git_url}/{hosts.git_organisation}/provider-{secrets.token_hex(4)}.git"


@pytest.fixture
def provider(url: str, token: str, invocation: Invocation) -> Provider:
    found = find(url, Credential(token=token), invocation)
    assert found is not None
    return found


def api(
    hosts: Sandbox, token: str, method: str, path: str, body: object = None, admin: bool = False
) -> object:
    """A call by the token, which may not administer, or by the user's password, which may."""
    answer = requests.request(
        method,
        f"{hosts.git_url}/api/v1{path}",
        json=body,
        headers={} if admin else {"Authorization": f"token {token}"},
        auth=(hosts.git_username, (hosts.folder / "git" / "password").read_text().strip()) if admin else None,
        timeout=60,
    )
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


@pytest.fixture
def other_user(hosts: Sandbox, token: str) -> Iterator[tuple[str, str]]:
    """Name and token of a user without any right."""
    name, password = f"user-{secrets.token_hex(4)}", secrets.token_hex(12)
    body = {
        "username": name,
        "email": f"{name}@example.org",
        "password": password,
        "must_change_password": False,
    }
    api(hosts, token, "POST", "/admin/users", body, admin=True)
    answer = requests.post(
        f"{hosts.git_url}/api/v1/users/{name}/tokens",
        json={"name": "test", "scopes": ["all"]},
        auth=(name, password),
        timeout=60,
    )
    yield name, answer.json()["sha1"]
    api(hosts, token, "DELETE", f"/admin/users/{name}?purge=true", admin=True)


def test_gitea_is_recognised_by_its_version(provider: Provider) -> None:
    assert provider.name == "gitea"
    assert provider.version


def test_gitea_that_wants_a_sign_in_is_recognised_too(url: str, invocation: Invocation) -> None:
    for credential in (Credential(), Credential(token="wrong")):
        found = find(url, credential, invocation)
        assert found is not None
        assert found.name == "gitea"


def test_repository_of_an_organisation_is_created_private_and_only_once(
    hosts: Sandbox, provider: Provider, url: str, token: str
) -> None:
    assert provider.repository_refusal(url) is None
    assert provider.create_repository(url, private=True, default_branch="trunk")
    assert not provider.create_repository(url, private=True, default_branch="trunk")
    path = url.removeprefix(f"{hosts.git_url}/").removesuffix(".git")
    made = api(hosts, token, "GET", f"/repos/{path}")
    assert isinstance(made, dict)
    assert (made["private"], made["empty"], made["default_branch"]) == (True, True, "trunk")


def test_repository_of_the_user_is_created_too(hosts: Sandbox, provider: Provider) -> None:
    url = f"{hosts.git_url}/{hosts.git_username}/own-{secrets.token_hex(4)}.git"
    assert provider.repository_refusal(url) is None
    assert provider.create_repository(url, private=True, default_branch="main")


def test_missing_organisation_is_reported(hosts: Sandbox, provider: Provider) -> None:
    url = f"{hosts.git_url}/no-such-organisation/x.git"
    with pytest.raises(ProviderError, match="no-such-organisation"):
        provider.create_repository(url, private=True, default_branch="main")


def test_user_without_rights_is_refused_beforehand_and_by_the_host(
    url: str, invocation: Invocation, other_user: tuple[str, str]
) -> None:
    name, token = other_user
    found = find(url, Credential(token=token), invocation)
    assert found is not None
    refusal = found.repository_refusal(url)
    assert refusal is not None
    assert name in refusal
    with pytest.raises(ProviderError) as caught:
        found.create_repository(url, private=True, default_branch="main")
    assert token not in str(caught.value) + caught.value.found


def test_wrong_token_is_an_authentication_failure_without_the_token(url: str, invocation: Invocation) -> None:
    wrong = "0123456789abcdef0123456789abcdef01234567"
    found = find(url, Credential(token=wrong), invocation)
    assert found is not None
    with pytest.raises(AuthenticationFailed) as caught:
        found.create_repository(url, private=True, default_branch="main")
    assert wrong not in str(caught.value) + caught.value.found


def test_webhook_is_made_once_fixed_and_found(
    hosts: Sandbox, provider: Provider, url: str, token: str
) -> None:
    provider.create_repository(url, private=True, default_branch="main")
    path = f"/repos/{url.removeprefix(f'{hosts.git_url}/').removesuffix('.git')}/hooks"

    def hooks() -> list[dict[str, object]]:
        found = api(hosts, token, "GET", path)
        assert isinstance(found, list)
        return found

    assert not provider.has_webhook(url, HOOK, "first")
    assert provider.ensure_webhook(url, HOOK, "first")
    assert provider.has_webhook(url, HOOK, "first")
    assert not provider.ensure_webhook(url, HOOK, "first")
    (hook,) = hooks()
    assert (hook["active"], hook["events"], hook["type"]) == (True, ["push"], "gitea")
    api(hosts, token, "PATCH", f"{path}/{hook['id']}", {"active": False})
    assert not provider.has_webhook(url, HOOK, "first")
    assert provider.ensure_webhook(url, HOOK, "first")
    assert provider.ensure_webhook(url, HOOK, "second")
    assert len(hooks()) == 1
    assert provider.ensure_webhook(url, HOOK + "/other", "second")
    assert len(hooks()) == 2


def test_webhooks_to_argo_cd_are_reported_and_what_keeps_them_from_working(
    hosts: Sandbox, provider: Provider, url: str, token: str, invocation: Invocation
) -> None:
    provider.create_repository(url, private=True, default_branch="main")
    path = f"/repos/{url.removeprefix(f'{hosts.git_url}/').removesuffix('.git')}/hooks"
    provider.ensure_webhook(url, HOOK, "secret")
    config = {"url": "http://127.0.0.1:1/other", "content_type": "json"}
    api(hosts, token, "POST", path, {"type": "gitea", "config": config})
    (found,) = provider.webhooks(url)
    assert (found.address, found.mark, found.wrong) == (HOOK, mark("secret", HOOK), ())
    assert not found.deliveries
    number = found.page.rpartition("/")[2]
    assert requests.get(found.page, timeout=60).status_code == 200  # signed in, it is the hook's page
    api(hosts, token, "PATCH", f"{path}/{number}", {"active": False, "events": ["issues"]})
    assert provider.webhooks(url)[0].wrong == ("it is switched off", "it is not sent for pushes")
    stranger = find(url, Credential(token="0123456789abcdef0123456789abcdef01234567"), invocation)
    assert stranger is not None
    with pytest.raises(AuthenticationFailed):
        stranger.webhooks(url)


def test_every_page_of_webhooks_is_looked_through(
    hosts: Sandbox, provider: Provider, url: str, token: str
) -> None:
    provider.create_repository(url, private=True, default_branch="main")
    path = f"/repos/{url.removeprefix(f'{hosts.git_url}/').removesuffix('.git')}/hooks"
    for number in range(52):
        config = {"url": f"http://127.0.0.1:1/{number}", "content_type": "json"}
        api(hosts, token, "POST", path, {"type": "gitea", "config": config, "active": False})
    assert provider.ensure_webhook(url, HOOK, "secret")
    assert not provider.ensure_webhook(url, HOOK, "secret")


def test_protected_branch_is_reported_to_who_may_not_push(
    hosts: Sandbox, provider: Provider, url: str, token: str
) -> None:
    provider.create_repository(url, private=True, default_branch="main")
    path = url.removeprefix(f"{hosts.git_url}/").removesuffix(".git")
    assert provider.protection(url, "main") is None
    body = {"content": "eA==", "message": "First", "branch": "main"}
    api(hosts, token, "POST", f"/repos/{path}/contents/x", body)
    assert provider.protection(url, "main") is None
    api(hosts, token, "POST", f"/repos/{path}/branch_protections", {"rule_name": "ma*", "enable_push": False})
    said = provider.protection(url, "main")
    assert said is not None
    assert "ma*" in said
