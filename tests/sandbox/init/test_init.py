"""`bootstrap init` against a real API server and a real Git host."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import ExitStatus
from bootstrap.core.invocation import Invocation
from bootstrap.kube import connection, send, server_side_apply
from bootstrap.layout import files as layout
from bootstrap.layout.settings import Settings
from bootstrap.main import run as run_cli
from bootstrap.manifests import split
from bootstrap.resources.index import SECRETS
from tests.git_repositories import git
from tests.packages import NEEDS_SSH
from tests.sandbox.world import World, empty


def secret(world: World, namespace: str, name: str) -> dict[str, str]:
    found = kube.get(world.cluster, "v1", "Secret", namespace, name)
    assert found is not None, f"{namespace}/{name}"
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


def declared_secrets(world: World) -> list[dict[str, Any]]:
    """What the voting app's Application asks for, from the repository itself."""
    files = world.files()
    settings = Settings(world.url, "main")
    folders = [one.folder(settings.folder) for one in layout.offered(files, settings).values() if one.on]
    applications = [item for folder in folders for item in layout.applications_in(files, folder)]
    texts = [(item["metadata"].get("annotations") or {}).get(SECRETS) for item in applications]
    return [entry for text in texts if text for entry in json.loads(text)]


@pytest.mark.parametrize("manifest", ["small_manifest", "argocd_manifest"])
def test_everything_is_made_in_one_run_and_nothing_in_the_next(
    world: World, manifest: str, request: pytest.FixtureRequest
) -> None:
    world.manifest = request.getfixturevalue(manifest)
    first = world.init("--argocd-url", "http://127.0.0.1:1")
    assert first.exit == 0, first.err
    assert next(subject for subject, _, _ in world.history()) == "Settings of cluster default"
    root = kube.get(world.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
    assert root is not None
    assert root["spec"]["sources"][0]["repoURL"] == world.url
    objects, history, hooks = world.objects(), world.history(), world.webhooks()
    second = world.init("--argocd-url", "http://127.0.0.1:1")
    assert second.exit == 0, second.err
    assert "nothing to do" in second.out
    assert (world.objects(), world.history(), world.webhooks()) == (objects, history, hooks)


def test_repository_is_private_and_its_credential_is_argocds_alone(world: World) -> None:
    result = world.init()
    repository = world.api("GET", f"/repos/{world.name}")
    assert repository["private"]
    assert repository["default_branch"] == "main"
    (name,) = [
        item["metadata"]["name"]
        for item in kube.list_objects(
            world.cluster, "v1", "Secret", "argocd", "argocd.argoproj.io/secret-type=repository"
        )
    ]
    assert secret(world, "argocd", name) == {
        "type": "git",
        "url": world.url,
        "username": world.sandbox.git_username,
        "password": world.token,
    }
    assert world.token not in result.out + result.err
    assert git(world.bare(), "grep", "-l", world.token, "main", check=False) == ""


def test_argocd_gets_another_credential_when_one_is_given(world: World, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text("only-reads\n")
    world.up("--argocd-token-file", str(other))
    (item,) = kube.list_objects(
        world.cluster, "v1", "Secret", "argocd", "argocd.argoproj.io/secret-type=repository"
    )
    assert secret(world, "argocd", item["metadata"]["name"])["password"] == "only-reads"


def test_argocds_credential_stays_when_the_one_that_pushes_is_another(world: World, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text("only-reads\n")
    world.up("--argocd-token-file", str(other))
    again = world.up()
    assert "Argo CD keeps its credential" in again.err
    (item,) = kube.list_objects(
        world.cluster, "v1", "Secret", "argocd", "argocd.argoproj.io/secret-type=repository"
    )
    assert secret(world, "argocd", item["metadata"]["name"])["password"] == "only-reads"


def test_a_second_clusters_name_does_not_take_over_the_first_ones_cluster(world: World) -> None:
    world.up()
    refused = world.init("--cluster", "second")
    assert refused.exit == 3
    assert "the cluster follows clusters/default" in refused.err
    root = kube.get(world.cluster, "argoproj.io/v1alpha1", "Application", "argocd", "root")
    assert root is not None
    assert [one["path"] for one in root["spec"]["sources"] if "path" in one] == ["clusters/default"]


def test_random_secrets_are_made_once_and_kept(world: World) -> None:
    world.up()
    wanted = declared_secrets(world)
    assert wanted
    before = [secret(world, entry["namespace"], entry["name"]) for entry in wanted]
    for entry, values in zip(wanted, before, strict=True):
        made = [values[key] for key in entry.get("generate", ())]
        assert len(set(made)) == len(made)
        assert all(len(value) >= 32 for value in made)
    assert secret(world, "argocd", "argocd-secret")["webhook.gogs.secret"]
    world.up("--domain", "example.net")
    assert [secret(world, entry["namespace"], entry["name"]) for entry in wanted] == before


def test_webhook_is_signed_with_the_clusters_secret_and_made_anew_for_a_new_cluster(world: World) -> None:
    world.up("--argocd-url", "http://127.0.0.1:1/")
    (hook,) = world.webhooks()
    assert hook["events"] == ["push"]
    assert hook["config"]["url"].startswith("http://127.0.0.1:1/api/webhook")
    empty(world.cluster)
    result = world.init("--argocd-url", "http://127.0.0.1:1")
    assert "create a webhook" in result.err
    (again,) = world.webhooks()
    assert again["id"] == hook["id"]
    assert again["config"]["url"] != hook["config"]["url"]


def test_doctor_reports_what_the_git_host_says_about_the_webhook(world: World) -> None:
    def told(**env: str) -> list[tuple[str, str, str]]:
        out = io.StringIO()
        environ = {**world.environ, **env}
        command = ["doctor", "--repo", world.url, "-o", "json"]
        run_cli(command, Invocation(io.StringIO(), out, io.StringIO(), environ))
        assert world.token not in out.getvalue()
        found = [item for item in json.loads(out.getvalue())["findings"] if item["area"] == "webhook"]
        return [(item["state"], item["found"], item["fix"]) for item in found[1:]]

    world.up()
    ((state, what, fix),) = told()
    assert (state, "has no webhook to /api/webhook" in what) == ("warning", True)
    assert f"bootstrap init {world.url} --argocd-url" in fix
    server = "/apis/apps/v1/namespaces/argocd/deployments/argocd-server"
    connection.request(world.cluster, "DELETE", server, "making it core")
    ((state, what, fix),) = told()
    assert (state, "no API server" in what, fix) == ("ok", True, "")
    world.up("--argocd-url", "http://127.0.0.1:1")
    to = "to http://127.0.0.1:1/api/webhook"
    signed, deliveries, log = told()
    assert signed == ("ok", f"{to}: on; its secret is the cluster's", "")
    (hook,) = world.webhooks()
    assert deliveries[1].startswith("the host's API does not list")
    assert deliveries[2] == f"see them at {world.url.removesuffix('.git')}/settings/hooks/{hook['id']}"
    assert log[1] == "argocd-server's log cannot be read from here"
    ((state, what, fix),) = told(GIT_TOKEN="")
    assert (state, "there is no token" in what, "GIT_TOKEN" in fix) == ("unknown", True, True)
    ((state, what, fix),) = told(GIT_TOKEN="0123456789abcdef0123456789abcdef01234567")
    assert (state, "401" in what, bool(fix)) == ("warning", True, True)
    body = base64.b64encode(b"another").decode()
    patch = json.dumps({"data": {"webhook.gogs.secret": body}}).encode()
    path = "/api/v1/namespaces/argocd/secrets/argocd-secret"
    connection.request(
        world.cluster, "PATCH", path, "changing", body=patch, content_type="application/merge-patch+json"
    )
    assert (told()[0][0], "is not this cluster's" in told()[0][1]) == ("warning", True)
    world.up("--argocd-url", "http://127.0.0.1:1")
    assert told()[0] == signed
    world.api("PATCH", f"/repos/{world.name}/hooks/{hook['id']}", {"active": False})
    state, what, fix = told()[0]
    assert (state, what, "corrects it" in fix) == ("broken", f"{to}: it is switched off", True)


def test_dry_run_previews_all_and_writes_nothing_anywhere(world: World) -> None:
    before = world.objects()
    result = world.init("--dry-run", "--argocd-url", "http://127.0.0.1:1")
    assert result.exit == 1
    assert "create the private repository" in result.out
    assert "create CustomResourceDefinition applications.argoproj.io" in result.out
    assert "create Application argocd/root" in result.out
    assert world.objects() == before
    assert world.api("GET", f"/repos/{world.name}") is None
    world.up()
    result = world.init("--dry-run", "--no-wait")
    assert result.exit == 0, result.out
    assert "nothing to do" in result.out


def test_dry_run_shows_what_would_change_in_the_cluster(world: World) -> None:
    world.up()
    body = b'{"data":{"application.resourceTrackingMethod":"label"}}'
    connection.request(
        world.cluster,
        "PATCH",
        "/api/v1/namespaces/argocd/configmaps/argocd-cm",
        "changing a setting",
        query={"fieldManager": "bootstrap"},
        body=body,
        content_type="application/merge-patch+json",
    )
    result = world.init("--dry-run", "--no-wait", "--force-conflicts")
    assert result.exit == 1
    assert '-    "application.resourceTrackingMethod": "label"' in result.out
    assert '+    "application.resourceTrackingMethod": "annotation"' in result.out


def test_field_that_another_manager_owns_is_reported_and_taken_only_by_force(world: World) -> None:
    world.up()
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm"},
        "data": {"application.resourceTrackingMethod": "label"},
    }
    connection.request(
        world.cluster,
        "PATCH",
        "/api/v1/namespaces/argocd/configmaps/argocd-cm",
        "changing a setting",
        query={"fieldManager": "somebody", "force": "true"},
        body=json.dumps(body).encode(),
        content_type="application/apply-patch+yaml",
    )
    objects = world.objects()
    result = world.init()
    assert result.exit == ExitStatus.REFUSED, result.err
    assert "application.resourceTrackingMethod (owned by somebody" in result.err
    assert "--force-conflicts" in result.err
    assert world.objects() == objects
    world.up("--force-conflicts")
    found = kube.get(world.cluster, "v1", "ConfigMap", "argocd", "argocd-cm")
    assert found is not None
    assert found["data"]["application.resourceTrackingMethod"] == "annotation"


def test_cluster_only_brings_a_new_cluster_up_by_a_token_that_may_only_read(world: World) -> None:
    world.up()
    objects, history = world.objects(), world.history()
    empty(world.cluster)
    result = world.init("--cluster-only", env={"GIT_TOKEN": world.reading_token()})
    assert result.exit == 0, result.err
    assert set(world.objects()) == set(objects)
    assert world.history() == history


def test_cluster_only_takes_the_domain_that_is_recorded_and_no_other(world: World) -> None:
    world.up("--repo-only", "--domain", "apps.test", "--argocd-manifest", str(world.manifest))
    other = world.init("--cluster-only", "--domain", "other.test", "--dry-run")
    assert other.exit == 2
    assert "--domain is other.test, but cluster default is laid out with apps.test" in other.err
    same = world.init("--cluster-only", "--domain", "apps.test", "--dry-run")
    assert same.exit == world.init("--cluster-only", "--dry-run").exit == 1, same.err


def test_cluster_only_needs_a_layout(world: World) -> None:
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    result = world.init("--cluster-only")
    assert result.exit == 2
    assert "bootstrap.yaml is not in branch main" in result.err
    assert world.objects() == {}


def test_second_cluster_of_a_repository_is_named(world: World) -> None:
    world.up()
    result = world.init("--cluster-only", "--cluster", "edge")
    assert result.exit == 2
    assert "default" in result.err


@pytest.mark.parametrize("by", ["manifest", "helm"])
def test_argocd_of_others_is_used_only_with_adopt(world: World, by: str) -> None:
    install_by_hand(world, by)
    before = world.objects()
    result = world.init()
    assert result.exit == 3
    assert f"by {by}" in result.err
    assert "--adopt" in result.err
    assert world.objects() == before
    assert world.api("GET", f"/repos/{world.name}") is None
    result = world.init("--adopt")
    assert result.exit == 0, result.err
    after = world.objects()
    for name in ("Deployment argocd/argocd-server", "ConfigMap argocd/argocd-cm"):
        assert after[name] == before[name]
    assert "Application argocd/root" in after
    second = world.init()
    assert second.exit == 0, second.err
    assert "nothing to do" in second.out


def install_by_hand(world: World, by: str, namespace: str = "argocd") -> None:
    """Argo CD's manifest as kubectl or helm would leave it."""

    kube.ensure_namespace(world.cluster, namespace)
    text = world.manifest.read_bytes()
    if by == "helm":
        text = text.replace(
            b"    app.kubernetes.io/part-of: argocd\n",
            b"    app.kubernetes.io/part-of: argocd\n    app.kubernetes.io/managed-by: Helm\n",
        )
    objects = split.split(text, "install.yaml")
    for phase in server_side_apply.phases(objects):
        for item in phase:
            placed = send.place(world.cluster, item, namespace)
            assert placed is not None
            connection.request(
                world.cluster,
                "PATCH",
                placed.path,
                "installing",
                query={"fieldManager": "kubectl", "force": "true"},
                body=item.text,
                content_type="application/apply-patch+yaml",
            )


@NEEDS_SSH
def test_ssh_repository_needs_a_key_that_argocd_can_have(world: World) -> None:
    world.up("--repo-only", "--argocd-manifest", str(world.manifest))
    ssh = f"{world.sandbox.git_ssh_url}/{world.name}.git"
    key = world.sandbox.folder / "test-key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        world.api("POST", "/user/keys", {"title": "test", "key": key.with_suffix(".pub").read_text()})
    world.url = ssh
    hosts = ["--known-hosts", str(world.sandbox.known_hosts)]
    done = world.init(*hosts, "--ssh-key", str(key), "--argocd-manifest", str(world.manifest))
    assert done.exit == 0, done.err
    (item,) = kube.list_objects(
        world.cluster, "v1", "Secret", "argocd", "argocd.argoproj.io/secret-type=repository"
    )
    assert secret(world, "argocd", item["metadata"]["name"])["sshPrivateKey"] == key.read_text()
    trusted = kube.get(world.cluster, "v1", "ConfigMap", "argocd", "argocd-ssh-known-hosts-cm")
    assert trusted is not None
    assert world.sandbox.known_hosts.read_text().strip() in trusted["data"]["ssh_known_hosts"]
    assert "git.example.net" in trusted["data"]["ssh_known_hosts"]
    again = world.init(*hosts, "--ssh-key", str(key), "--argocd-manifest", str(world.manifest))
    assert again.exit == 0, again.err
    assert "nothing to do" in again.out


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_token_is_asked_for_on_a_terminal_and_never_shown(world: World) -> None:
    world.api("POST", f"/orgs/{world.sandbox.git_organisation}/repos", {"name": world.name.split("/")[1]})
    environ = {name: value for name, value in world.environ.items() if name != "GIT_TOKEN"} | {"TERM": "dumb"}
    shown = Terminal()
    invocation = Invocation(Terminal(f"{world.token}\n"), io.StringIO(), shown, environ)
    options = world.options("--repo-only", "--argocd-manifest", str(world.manifest))
    assert run_cli(options, invocation) == 0, shown.getvalue()
    assert "Token for" in shown.getvalue()
    assert world.token not in shown.getvalue()
    assert world.is_laid_out()


def test_a_cluster_that_follows_another_repository_is_not_taken_by_accident(world: World) -> None:
    world.up()
    before, other = world.objects(), f"{world.url.removesuffix('.git')}-2.git"
    manifest = ("--argocd-manifest", str(world.manifest))
    refused = world.init(*manifest, url=other)
    assert refused.exit == ExitStatus.REFUSED, refused.err
    assert f"the cluster follows {world.url}" in refused.err
    assert "--force-conflicts" in refused.err
    assert world.objects() == before
    assert world.api("GET", f"/repos/{world.name}-2") is None
    shown = world.init(*manifest, "--dry-run", url=other)
    assert shown.exit == 1, shown.err
    assert f"note: the cluster follows {world.url}" in shown.out
    taken = world.init(*manifest, "--force-conflicts", url=other)
    assert taken.exit == 0, taken.err
    root = world.objects()["Application argocd/root"]
    assert other in {source.get("repoURL") for source in root["spec"]["sources"]}
