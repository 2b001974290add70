"""`bootstrap cluster rotate` on a real API server and a real Git host."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from pathlib import Path

import bcrypt

from bootstrap import kube
from bootstrap.git import ssh_keys
from bootstrap.plan.handlers import ARGOCD_SECRET
from bootstrap.providers import webhooks
from tests.conftest import Result, Run
from tests.packages import NEEDS_SSH
from tests.sandbox.kubernetes import made
from tests.sandbox.living import ROOT, application, command, deployment
from tests.sandbox.world import World

HOOK = "http://127.0.0.1:1/api/webhook"


def rotate(world: World, run: Run, *arguments: str) -> Result:
    given = [] if "--dry-run" in arguments else ["--yes"]
    return run("cluster", "rotate", *arguments, *given, env=world.environ)


def values(world: World, namespace: str, name: str) -> dict[str, str]:
    found = kube.get(world.cluster, "v1", "Secret", namespace, name) or {}
    return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}


def repository(world: World) -> tuple[str, dict[str, str]]:
    (item,) = kube.list_objects(
        world.cluster, "v1", "Secret", "argocd", "argocd.argoproj.io/secret-type=repository"
    )
    name = item["metadata"]["name"]
    return name, values(world, "argocd", name)


def asking(world: World) -> None:
    """An Application that has a generated Secret, and a workload that reads it."""
    kube.ensure_secret(world.cluster, "shop", "db", data={"user": b"shop"}, generate=("password",), labels={})
    wants = application("shop", 1)
    wants["metadata"]["annotations"]["gitops-bootstrap.io/secrets"] = (
        '[{"namespace": "shop", "name": "db", "generate": ["password"], "literals": {"user": "shop"}},'
        ' {"namespace": "elsewhere", "name": "db", "generate": ["password"]}]'
    )
    web = deployment("web", "shop")
    web["spec"]["replicas"] = 0  # no kubelet runs here
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "db"}}]
    other = deployment("other", "shop")
    other["spec"]["replicas"] = 0
    kube.apply(world.cluster, [made(one) for one in (wants, web, other)], namespace="shop")


def restarted(world: World, name: str) -> str:
    """When its pods were started anew; "" for never."""
    found = kube.get(world.cluster, "apps/v1", "Deployment", "shop", name)
    assert found is not None
    annotations = found["spec"]["template"]["metadata"].get("annotations") or {}
    return str(annotations.get("kubectl.kubernetes.io/restartedAt") or "")


def test_the_credential_becomes_another_one_that_reads_and_the_plan_says_change(
    lived: World, run: Run, tmp_path: Path
) -> None:
    lived.up()
    name, before = repository(lived)
    token = tmp_path / "token"
    token.write_text(lived.reading_token())
    token.chmod(0o600)
    arguments = ("credential", "--repo", lived.url, "--argocd-token-file", str(token))
    looked = rotate(lived, run, *arguments, "--username", lived.sandbox.git_username, "--dry-run")
    assert looked.exit == 1
    assert f"change Argo CD's credential for {lived.url}" in looked.out
    assert repository(lived) == (name, before)
    done = rotate(lived, run, *arguments, "--username", lived.sandbox.git_username)
    assert done.exit == 0, done.err
    assert repository(lived) == (name, {**before, "password": token.read_text()})
    assert token.read_text() not in done.out + done.err
    # What Argo CD has is not taken back by the next init, whose own token is another.
    assert lived.init().exit == 0
    assert repository(lived)[1]["password"] == token.read_text()


def test_a_credential_that_does_not_read_changes_nothing(lived: World, run: Run, tmp_path: Path) -> None:
    lived.up()
    before = repository(lived)
    token = tmp_path / "token"
    token.write_text("wrong-token-of-nobody")
    token.chmod(0o600)
    refused = rotate(lived, run, "credential", "--repo", lived.url, "--argocd-token-file", str(token))
    assert refused.exit == 4, refused.err
    assert "check the new one (--argocd-token-file" in refused.err
    assert repository(lived) == before


def test_a_github_app_replaces_a_token(lived: World, run: Run, tmp_path: Path) -> None:
    lived.up()
    key = tmp_path / "app.pem"
    key.write_text("-----BEGIN RSA PRIVATE KEY-----\nabcdefgh\n-----END RSA PRIVATE KEY-----\n")
    key.chmod(0o600)
    app = ("--github-app-id", "12", "--github-app-installation-id", "34", "--github-app-key", str(key))
    done = rotate(lived, run, "credential", "--repo", lived.url, *app)
    assert done.exit == 0, done.err
    _, now = repository(lived)
    assert now == {
        "type": "git",
        "url": lived.url,
        "githubAppID": "12",
        "githubAppInstallationID": "34",
        "githubAppPrivateKey": key.read_text(),
    }
    half = rotate(lived, run, "credential", "--repo", lived.url, *app[:2])
    assert half.exit == 2


def test_the_webhooks_secret_is_another_on_both_sides(lived: World, run: Run) -> None:
    lived.up("--argocd-url", "http://127.0.0.1:1")
    before = values(lived, "argocd", ARGOCD_SECRET)["webhook.gogs.secret"]
    done = rotate(lived, run, "webhook", "--repo", lived.url)
    assert done.exit == 0, done.err
    now = values(lived, "argocd", ARGOCD_SECRET)["webhook.gogs.secret"]
    assert now != before
    (hook,) = lived.webhooks()
    assert hook["config"]["url"] == webhooks.marked(HOOK, now)
    assert now not in done.out + done.err
    unchanged = lived.init("--argocd-url", "http://127.0.0.1:1", "--dry-run")
    assert unchanged.exit == 0, unchanged.out


def test_without_a_webhook_there_is_none_to_rotate(lived: World, run: Run) -> None:
    lived.up()
    refused = rotate(lived, run, "webhook", "--repo", lived.url)
    assert refused.exit == 3
    assert "has no webhook" in refused.err


def test_the_admins_password_is_the_one_that_is_printed(lived: World, run: Run) -> None:
    lived.up()
    done = rotate(lived, run, "admin-password")
    assert done.exit == 0, done.err
    printed = run("argocd", "password", env=lived.environ).out.strip()
    secret = values(lived, "argocd", ARGOCD_SECRET)
    assert bcrypt.checkpw(printed.encode(), secret["admin.password"].encode())
    assert secret["admin.passwordMtime"].endswith("Z")
    assert printed not in done.out + done.err
    assert rotate(lived, run, "admin-password").exit == 0
    assert run("argocd", "password", env=lived.environ).out.strip() != printed


def test_generated_secrets_get_new_values_and_the_pods_that_use_them_restart(lived: World, run: Run) -> None:
    lived.up()
    asking(lived)
    before = values(lived, "shop", "db")
    looked = rotate(lived, run, "secrets", "--dry-run")
    assert "change Secret shop/db (password)" in looked.out
    assert "elsewhere" not in looked.out
    assert "restart in shop: Deployment web" in looked.out
    done = rotate(lived, run, "secrets")
    assert done.exit == 0, done.err
    now = values(lived, "shop", "db")
    assert now["user"] == "shop"
    assert now["password"] != before["password"]
    assert len(now["password"]) == len(before["password"])
    assert restarted(lived, "web")
    assert not restarted(lived, "other")
    wrong = rotate(lived, run, "secrets", "--secret", "shop/other")
    assert wrong.exit == 2
    assert "shop/db" in wrong.err


@NEEDS_SSH
def test_the_deploy_key_is_another_and_the_host_forgets_the_old_one(
    lived: World, run: Run, tmp_path: Path
) -> None:
    url, key = f"{lived.sandbox.git_ssh_url}/{lived.name}.git", tmp_path / "pushes"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    lived.api("POST", "/user/keys", {"title": lived.name, "key": key.with_suffix(".pub").read_text()})
    known = ("--known-hosts", str(lived.sandbox.known_hosts), "--api-url", lived.sandbox.git_url)
    up = lived.init("--deploy-key", "--ssh-key", str(key), *known, url=url)
    assert up.exit == 0, up.err
    _, before = repository(lived)
    done = rotate(lived, run, "deploy-key", "--repo", url, *known)
    assert done.exit == 0, done.err
    _, now = repository(lived)
    assert now.keys() == before.keys()
    listed = {item["key"].split()[1] for item in lived.api("GET", f"/repos/{lived.name}/keys")}
    assert listed == {ssh_keys.public_of(now["sshPrivateKey"]).split()[1]}
    assert now["sshPrivateKey"] != before["sshPrivateKey"]


def test_another_repository_or_nothing_named_is_refused(lived: World, run: Run) -> None:
    lived.up()
    other = rotate(lived, run, "webhook", "--repo", "https://git.example.com/other.git")
    assert (other.exit, f"the cluster follows {lived.url}" in other.err) == (3, True)
    unnamed = rotate(lived, run, "webhook")
    assert (unnamed.exit, "--repo URL" in unnamed.err) == (2, True)
    nothing = rotate(lived, run)
    assert nothing.exit == 2
    silent = run("cluster", "rotate", "admin-password", env=lived.environ)
    assert (silent.exit, "no terminal" in silent.err) == (3, True)


def test_killed_at_every_step_it_ends_in_the_state_of_an_undisturbed_run(lived: World, run: Run) -> None:
    lived.up("--argocd-url", "http://127.0.0.1:1")
    asking(lived)
    assert rotate(lived, run, "admin-password").exit == 0
    what = ("cluster", "rotate", "webhook", "admin-password", "secrets", "--repo", lived.url, "--yes")
    for step in range(5):
        before = {**values(lived, "shop", "db"), **values(lived, "argocd", ARGOCD_SECRET)}
        started = restarted(lived, "web")
        killed = command(lived, "bootstrap.cluster.rotate", str(step), *what, module="tests.sandbox.killed")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        done = run(*what, env=lived.environ)
        assert done.exit == 0, done.err
        now = {**values(lived, "shop", "db"), **values(lived, "argocd", ARGOCD_SECRET)}
        assert now.keys() == before.keys()
        changed = {key for key in now if now[key] != before[key]} - {"admin.passwordMtime"}
        assert changed == {"password", "webhook.gogs.secret", "admin.password"}, step
        (hook,) = lived.webhooks()
        assert hook["config"]["url"] == webhooks.marked(HOOK, now["webhook.gogs.secret"])
        assert restarted(lived, "web") != started, step
        printed = run("argocd", "password", env=lived.environ).out.strip()
        assert bcrypt.checkpw(printed.encode(), now["admin.password"].encode())


def test_terminated_it_says_so_and_goes_on(lived: World, run: Run) -> None:
    lived.up()
    asking(lived)
    what = ("cluster", "rotate", "secrets", "--yes")
    process = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", *what],
        env=lived.environ,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate()
    assert "Traceback" not in first + rest
    assert process.returncode in (0, 143)
    assert run(*what, env=lived.environ).exit == 0
    assert restarted(lived, "web")
