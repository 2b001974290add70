"""What `bootstrap doctor` reports about a Git host's webhook to Argo CD, from its API."""

from __future__ import annotations

import hashlib

import pytest

from bootstrap.doctor import webhook
from bootstrap.providers.webhooks import Delivery, Hook, mark
from tests.applications import application

URL = "https://git.example.com/platform/gitops.git"
ADDRESS = "https://argocd.example.com/api/webhook"
SECRET = "staple-of-a-hook"


def hook(**fields: object) -> Hook:
    usual = {"address": ADDRESS, "mark": mark(SECRET, ADDRESS), "wrong": (), "page": "page 7", "signed": True}
    return Hook(**{**usual, **fields})  # type: ignore[arg-type]


def told(*hooks: Hook, secret: str | None = SECRET) -> list[tuple[str, str, str]]:
    return [(state, what, fix) for _, state, what, fix in webhook.findings(URL, hooks, secret)]


def test_missing_webhook_is_reported_with_the_command_that_creates_it() -> None:
    [(state, what, fix)] = told()
    assert (state, "up to 3 minutes" in what) == ("warning", True)
    assert f"bootstrap init {URL} --argocd-url" in fix


def test_answered_delivery_of_this_clusters_webhook_is_well() -> None:
    signed, last = told(hook(last=Delivery(200, "OK", "2026-11-24T21:50:03Z")))
    assert signed == ("ok", f"to {ADDRESS}: on; its secret is the cluster's", "")
    assert last == ("ok", "the last delivery was answered 200, 2026-11-24T21:50:03Z", "")


def test_what_keeps_a_webhook_from_working_is_broken_and_fixed_by_init() -> None:
    [(state, what, fix)] = told(hook(wrong=("it is switched off", "it is not sent for pushes")))
    assert (state, what) == ("broken", f"to {ADDRESS}: it is switched off; it is not sent for pushes")
    assert "--argocd-url https://argocd.example.com corrects it" in fix
    assert "page 7" in fix


@pytest.mark.parametrize(
    ("delivery", "fix"),
    [
        (Delivery(400, "Bad Request"), "repeat bootstrap init with --argocd-url"),
        (Delivery(404, "Not Found"), "is not argocd-server's"),
        (Delivery(301, "Moved"), "is not argocd-server's"),
        (Delivery(413, "Too Large"), "maxPayloadSizeMB"),
        (Delivery(502, "Bad Gateway"), "ingress"),
        (Delivery(0, "failed to connect to host"), "cannot reach"),
    ],
)
def test_failed_delivery_is_broken_and_its_fix_fits_the_answer(delivery: Delivery, fix: str) -> None:
    _, (state, what, to_do) = told(hook(last=delivery))
    assert state == "broken"
    assert delivery.message in what
    assert fix in to_do


def test_secret_of_another_cluster_or_of_no_one_is_reported_and_no_secret_is_shown() -> None:
    of_another = told(hook(mark="00000000"))
    assert of_another[0][0] == "warning"
    assert "not this cluster's" in of_another[0][1]
    unmarked = told(hook(mark=""))
    assert unmarked[0][0] == "ok"
    assert "cannot be seen from outside" in unmarked[0][1]
    assert told(hook(mark="", signed=False))[0][0] == "broken"
    assert told(hook(), secret="")[0][0] == "warning"
    assert "cannot be seen from outside" in told(hook(), secret=None)[0][1]
    assert SECRET not in str((of_another, unmarked))


def test_other_clusters_webhooks_are_left_out_where_one_is_this_clusters() -> None:
    other = "https://argocd.other.example.com/api/webhook"
    assert not [what for _, what, _ in told(hook(address=other, mark="00000000"), hook()) if other in what]


def test_host_that_does_not_tell_of_deliveries_is_named() -> None:
    _, (state, what, fix) = told(hook(deliveries=False))
    assert (state, fix) == ("ok", "see them at page 7")
    assert "does not list" in what


PUSH = (
    'time="2026-11-24T21:50:03Z" level=info msg="Received push event repo: '
    'https://git.example.com/platform/gitops, revision: main, touchedHead: true"'
)
REFUSED = 'time="{}" level=info msg="Webhook processing failed: HMAC verification failed"'


def test_argocd_servers_log_shows_pushes_and_refusals() -> None:
    other = PUSH.replace("platform/gitops", "platform/other").replace("21:50", "23:50")
    [(_, state, what, _)] = webhook.received(f"{other}\n{PUSH}\n", URL)
    assert (state, what) == ("ok", "argocd-server received the last push, 2026-11-24T21:50:03Z")
    log = f"{PUSH}\n{REFUSED.format('2026-11-24T22:00:00Z')}"
    [(_, state, what, fix)] = webhook.received(log, URL)
    assert (state, "HMAC verification failed" in what, "init" in fix) == ("broken", True, True)
    log = f"{REFUSED.format('2026-11-24T21:00:00Z')}\n{PUSH}"
    assert webhook.received(log, URL)[0][1] == "ok"
    as_json = '{"level":"info","msg":"Received push event repo: ' + URL + ', revision: main","time":"2026"}'
    assert webhook.received(as_json, URL)[0][2].endswith("2026")
    assert "has no push" in webhook.received("", URL)[0][2]
    assert "cannot be read" in webhook.received(None, URL)[0][2]


def test_only_what_nothing_else_applies_names_the_repository_to_ask_for() -> None:
    others = "https://git.elsewhere.example.org/x/y.git"
    listed = [application("root"), application("a", parent="root", repository=others)]
    assert webhook.repositories(listed) == [URL]
    assert webhook.repositories([*listed, application("second", repository=others)]) == [URL, others]


def test_mark_is_salted_with_the_address_and_reveals_no_plain_hash() -> None:
    first, second = mark("hunter22", ADDRESS), mark("hunter22", "https://other.example.org/api/webhook")
    assert first != second
    assert first == mark("hunter22", f"{ADDRESS}?secret={first}")
    assert first != hashlib.sha256(b"hunter22").hexdigest()[:8]
