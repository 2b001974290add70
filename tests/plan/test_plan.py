"""The order and the content of what `init` will do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bootstrap.core.errors import InputError, RefusedError
from bootstrap.git.changes import Commit, FileChange, RepositoryState
from bootstrap.init.plan import ClusterPlan, plan, secrets
from bootstrap.init.plan_layout import Desired
from bootstrap.kube.state import FieldConflict, Preview
from bootstrap.manifests.objects import ClusterObject
from bootstrap.plan.steps import (
    EnsureRepository,
    EnsureSecret,
    EnsureWebhook,
    PushFiles,
    ServerSideApply,
    WaitFor,
)
from bootstrap.providers import WEBHOOK_KEYS
from tests.layouts import CATALOG, settings

REPO = RepositoryState("https://git.example.org/a/b.git", "main", True, tip="a" * 40, branches=("main",))
COMMIT = Commit("Change\n", (FileChange("x", b"1"),))
SECRET = EnsureSecret("argocd", "repository")
HOOK = EnsureWebhook(REPO.url, "https://argocd.example.org/api/webhook")
WAIT = WaitFor("root", "argocd", None, 60)


def preview(name: str, change: str = "create") -> Preview:
    item = ClusterObject("v1", "ConfigMap", "argocd", name, b"{}")
    return Preview(item, change)  # type: ignore[arg-type]


WHOLE = ClusterPlan(
    argocd=[preview("argocd")],
    projects=[preview("projects")],
    root=[preview("root")],
    secrets=[SECRET],
    webhook=HOOK,
    wait=WAIT,
)


def test_git_comes_before_the_cluster_and_the_root_last() -> None:
    made = plan(replace(REPO, exists=False, tip=None), Desired({}, (COMMIT,)), WHOLE)
    assert [type(step) for step in made.steps] == [
        EnsureRepository,
        PushFiles,
        ServerSideApply,
        EnsureSecret,
        EnsureWebhook,
        ServerSideApply,
        ServerSideApply,
        WaitFor,
    ]
    applied = [step.objects[0].name for step in made.steps if isinstance(step, ServerSideApply)]
    assert applied == ["argocd", "projects", "root"]


def test_push_expects_the_tip_that_was_read() -> None:
    (push,) = plan(REPO, Desired({}, (COMMIT,)), None).steps
    assert push == PushFiles(REPO.url, "main", (COMMIT,), REPO.tip)


def test_what_is_as_it_should_be_is_left_out() -> None:
    same = [preview("a", "same"), preview("b", "change"), preview("c", "same")]
    (step,) = plan(REPO, Desired({}), ClusterPlan(argocd=same)).steps
    assert isinstance(step, ServerSideApply)
    assert [item.name for item in step.objects] == ["b"]


def test_nothing_but_waiting_changes_nothing() -> None:
    made = plan(REPO, Desired({}), ClusterPlan(argocd=[preview("a", "same")], wait=WAIT))
    assert made.steps == (WAIT,)
    assert not made.changes_something


def conflict() -> Preview:
    fields = (FieldConflict(".data.key", "kubectl"), FieldConflict(".data.other", "helm"))
    return replace(preview("argocd-cm", "conflict"), conflicts=fields)


def test_conflicts_are_reported_field_by_field() -> None:
    with pytest.raises(RefusedError) as caught:
        plan(REPO, Desired({}, (COMMIT,)), ClusterPlan(argocd=[conflict()]))
    assert ".data.key (owned by kubectl)" in caught.value.found
    assert ".data.other (owned by helm)" in caught.value.found
    assert "--force-conflicts" in caught.value.hint


def test_argocds_own_project_is_left_to_it_once_it_has_made_it() -> None:
    def of(name: str, manager: str) -> Preview:
        item = ClusterObject("argoproj.io/v1alpha1", "AppProject", "argocd", name, b"{}")
        return Preview(item, "conflict", conflicts=(FieldConflict(".spec.sourceRepos", manager),))

    assert plan(REPO, Desired({}), ClusterPlan(argocd=[of("default", "argocd-server")])).steps == ()
    for other in (of("default", "kubectl"), of("apps", "argocd-server")):
        with pytest.raises(RefusedError):
            plan(REPO, Desired({}), ClusterPlan(argocd=[other]))


def test_a_project_in_which_argocd_cannot_sync_is_taken_from_it_and_no_other() -> None:
    def of(name: str, before: list[str], manager: str = "argocd-controller") -> Preview:
        item = ClusterObject("argoproj.io/v1alpha1", "AppProject", "argocd", name, b"{}")
        states = [{"spec": {"sourceRepos": listed}} for listed in (before, [REPO.url, "https://old.example"])]
        return Preview(item, "conflict", *states, conflicts=(FieldConflict(".spec.sourceRepos", manager),))

    projects = [of("apps", ["https://old.example"]), of("infrastructure", [REPO.url])]
    (step,) = plan(REPO, Desired({}), ClusterPlan(projects=projects, repo_url=REPO.url)).steps
    assert isinstance(step, ServerSideApply)
    assert [item.name for item in step.objects] == ["apps"]
    assert (step.force_conflicts, step.over) == (False, ("argocd-controller",))
    theirs = [of("apps", ["https://old.example"], "kubectl")]
    with pytest.raises(RefusedError):
        plan(REPO, Desired({}), ClusterPlan(projects=theirs, repo_url=REPO.url))


def test_force_takes_them() -> None:
    made = plan(REPO, Desired({}), ClusterPlan(argocd=[conflict()], force_conflicts=True))
    (step,) = made.steps
    assert isinstance(step, ServerSideApply)
    assert step.force_conflicts


def test_secrets_are_those_of_argocd_of_the_repository_and_of_what_is_on() -> None:
    wanted = secrets(CATALOG, settings(), SECRET)
    assert [(step.namespace, step.name) for step in wanted] == [
        ("argocd", "argocd-redis"),
        ("argocd", "argocd-secret"),
        ("argocd", "repository"),
        ("voting", "db"),
    ]
    assert wanted[-1] == EnsureSecret(
        "voting", "db", ("password",), literals=(("username", "postgres"),), asked_by="voting-app-dev"
    )


def test_every_hosts_webhooks_are_signed() -> None:
    (step,) = [step for step in secrets(CATALOG, settings(), None) if step.name == "argocd-secret"]
    assert step.generate == WEBHOOK_KEYS


def test_adopted_argocd_keeps_its_secrets_and_gets_the_webhooks_alone() -> None:
    assert [step.name for step in secrets(CATALOG, settings(adopted=True), None)] == ["db"]
    wanted = secrets(CATALOG, settings(adopted=True), None, "webhook.github.secret")
    assert wanted[0] == EnsureSecret("argocd", "argocd-secret", ("webhook.github.secret",))
    assert [step.name for step in wanted] == ["argocd-secret", "db"]


@pytest.mark.parametrize("text", ["no json", "{}x", '[{"name": "a"}]', '["a"]', "7"])
def test_declaration_that_is_not_a_list_of_secrets_is_reported_with_its_application(text: str) -> None:
    path = "apps/voting-app/applications/dev/application.yaml"
    annotations = f"  annotations:\n    gitops-bootstrap.io/secrets: '{text}'\n"
    broken = f"kind: Application\nmetadata:\n  name: shop\n{annotations}"
    with pytest.raises(InputError) as caught:
        secrets({**CATALOG, path: broken.encode()}, settings(), None)
    assert "shop" in caught.value.tried
