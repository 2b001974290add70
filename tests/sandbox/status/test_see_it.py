"""status, wait, doctor, diff --live and trace --live on a real API server.

The test writes what Argo CD's controllers and the endpoint controller would write.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.layout import catalog
from bootstrap.manifests.reader import parse
from bootstrap.repository.tools import kustomize
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.status import run as live
from bootstrap.validate import custom_kinds
from tests import terminal
from tests.applications import NEWER, REPOSITORY, REVISION, application, entry
from tests.catalog import custom_resources
from tests.conftest import Run
from tests.git_repositories import Bare, git
from tests.repositories import SHOP, write
from tests.sandbox import kubernetes
from tests.sandbox.argocd.test_wait import SOON, admin, controller, ns, put
from tests.sandbox.kubernetes import made

__all__ = ["admin", "ns"]  # fixtures


@pytest.fixture
def environ(api_server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return {"KUBECONFIG": str(api_server.kubeconfig), "BOOTSTRAP_CACHE_DIR": str(tmp_path / "cache")}


def broken_child() -> dict[str, object]:
    conditions = [{"type": "ComparisonError", "message": "the chart is not there"}]
    return application("b", "Unknown", "Healthy", wave=5, conditions=conditions)


def test_status_lists_by_wave_and_exits_0_when_all_is_well(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    children = [entry("late", 5), entry("early", -5)]
    put(
        admin,
        ns,
        application("root", children=children),
        application("late", wave=5),
        application("early", wave=-5),
    )
    result = run("status", "--namespace", ns, env=environ)
    assert result.exit == 0, result.err
    names = [line.split()[1] for line in result.out.splitlines()]
    assert names == ["APPLICATION", "root", "early", "late"]
    assert "3 of 3 Applications are Synced and Healthy" in result.err


def test_status_says_why_and_exits_1(admin: Cluster, ns: str, run: Run, environ: dict[str, str]) -> None:
    summary = {"images": ["registry.example.com/web:1.2.3"]}
    put(
        admin,
        ns,
        application("root", children=[entry("b", 5)], summary=summary),
        broken_child(),
        application("lone"),
    )
    result = run("status", "--namespace", ns, "-o", "json", env=environ)
    assert result.exit == 1
    data = json.loads(result.out)
    rows = {row["name"]: row for row in data["applications"]}
    assert "the chart is not there" in rows["b"]["waitingFor"]
    assert rows["lone"]["ready"] is True  # no root leads to it, and it is shown all the same
    assert data["images"] == {f"{ns}/root": ["registry.example.com/web:1.2.3"]}


def test_status_of_another_commit_is_not_ready(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    put(admin, ns, application("root", revision=REVISION))
    assert run("status", "--namespace", ns, "--commit", REVISION, env=environ).exit == 0
    assert run("status", "--namespace", ns, "--commit", NEWER, env=environ).exit == 1


def test_status_without_applications_says_what_to_do(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    result = run("status", "--namespace", ns, env=environ)
    assert result.exit == 5
    assert "--namespace" in result.err


def test_live_view_takes_each_change_by_a_watch(admin: Cluster, ns: str, invocation: Invocation) -> None:
    put(admin, ns, application("root", children=[entry("a")]), application("a", "OutOfSync"))
    states = live.states(admin, live.Request(namespace=ns, timeout=SOON), Output(invocation))
    first = next(states)
    assert first is not None
    assert not first.ready
    put(admin, ns, application("a"))
    changed = next(state for state in states if state is not None)
    assert changed.ready
    states.close()


@pytest.mark.parametrize(("key", "child", "status"), [("q", "Synced", 0), ("\x03", "OutOfSync", 1)])
def test_live_view_draws_and_leaves_the_terminal_as_it_was(
    admin: Cluster, ns: str, environ: dict[str, str], key: str, child: str, status: int
) -> None:
    many = [f"app-{number:03}" for number in range(40)]
    root = application("root", children=[entry(name) for name in many])
    put(admin, ns, root, *(application(name) for name in many[1:]), application(many[0], child))
    with terminal.running("status", "--watch", "--namespace", ns, environ=environ) as shown:
        shown.until("q quits")
        shown.until("more below")
        assert shown.drawn.startswith(b"\x1b[?1049h")  # a screen of its own
        put(admin, ns, application("late"))
        shown.until("of 42 Applications")
        shown.press(key)
        assert shown.ended() == status
        assert b"\x1b[?1049l" in shown.drawn
        assert b"Traceback" not in shown.drawn


def test_status_breaks_no_name_on_a_terminal_of_80_columns(
    admin: Cluster, ns: str, environ: dict[str, str]
) -> None:
    names = ["voting-app-production", "a-rather-long-name-of-an-application-in-a-large-company"]
    children = [application(name, "OutOfSync", "Progressing") for name in names]
    put(admin, ns, application("root", children=[entry(name) for name in names]), *children)
    with terminal.running("status", "--namespace", ns, environ=environ, size=(24, 80)) as shown:
        shown.until("are Synced and Healthy")
        assert shown.ended() == 1
    lines = shown.drawn.decode().replace("\r", "").splitlines()
    assert all(any(f" {name}" in line for line in lines) for name in names), lines
    assert max(map(len, lines)) <= 84, lines  # 80, and the codes of a bold header
    assert " ".join(" ".join(lines).split()).count("WAITING FOR its sync: OutOfSync") == len(names)


def test_status_reports_certificates_and_how_far_behind_git(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    bare = Bare(tmp_path / "gitops.git")
    first = bare.commit({"a": b"1"})
    bare.commit({"a": b"2"})
    git(tmp_path, "clone", "--quiet", str(bare.folder), "clone")
    put(admin, ns, application("root", revision=first, repository=str(bare.folder)))
    result = run("status", "--namespace", ns, "--repo", str(tmp_path / "clone"), "-o", "json", env=environ)
    data = json.loads(result.out)
    assert data["applications"][0]["behind"] == 1
    assert data["certificates"] == []  # there is no cert-manager here


@pytest.fixture
def cert_manager(admin: Cluster) -> Iterator[None]:
    """Its kinds; the tests write what it would write."""
    kinds = custom_resources.definitions(("Certificate", "ClusterIssuer"), ("cert-manager",))
    kube.apply(admin, kinds)
    yield
    kube.delete(admin, kinds)


def unready(
    cluster: Cluster, place: str, kind: str, name: str, message: str, spec: dict[str, object]
) -> None:
    """An object that cert-manager calls not ready; `place` is its plural, after any namespace."""
    item = {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    namespace = place.split("/")[1] if "/" in place else ""
    kubernetes.apply_as(cluster, made(item), namespace, "a person")
    condition = {"type": "Ready", "status": "False", "reason": "Failed", "message": message}
    body = json.dumps({"status": {"conditions": [condition]}}).encode()
    path = f"/apis/cert-manager.io/v1/{place}/{name}/status"
    merge = "application/merge-patch+json"
    request(cluster, "PATCH", path, "as cert-manager", body=body, content_type=merge)


@pytest.mark.usefixtures("cert_manager")
def test_what_an_issuer_says_is_in_status_and_doctor_and_holds_nothing(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    put(admin, ns, application("root"))
    said = "Failed to register ACME account: no such host"
    for name in ("letsencrypt", "unused"):
        unready(admin, "clusterissuers", "ClusterIssuer", name, said, {"selfSigned": {}})
    wanted = {"secretName": "web-tls", "issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"}}
    place = f"namespaces/{ns}/certificates"
    unready(
        admin, place, "Certificate", "web", "it does not exist", {**wanted, "dnsNames": ["a.example.com"]}
    )
    result = run("status", "--namespace", ns, env=environ)
    assert result.exit == 0, result.err  # the Applications themselves are ready
    assert f"Certificate {ns}/web is not ready: it does not exist; kubectl -n {ns} describe" in result.out
    assert f"ClusterIssuer letsencrypt is not ready: {said}; kubectl describe clusterissuer" in result.out
    assert f"ClusterIssuer unused is not ready: {said}; no Certificate asks for it; kubectl" in result.out
    findings = json.loads(run("doctor", "--namespace", ns, "-o", "json", env=environ).out)["findings"]
    states = {
        one["found"].split(" is ")[0]: one["state"] for one in findings if one["area"] == "certificates"
    }
    assert states == {
        f"Certificate {ns}/web": "broken",
        "ClusterIssuer letsencrypt": "broken",
        "ClusterIssuer unused": "warning",
    }


def test_live_view_counts_how_far_behind_git_and_again_when_a_revision_moves(
    admin: Cluster, ns: str, invocation: Invocation, tmp_path: Path
) -> None:
    bare = Bare(tmp_path / "gitops.git")
    first = bare.commit({"a": b"1"})
    second = bare.commit({"a": b"2"})
    git(tmp_path, "clone", "--quiet", str(bare.folder), "clone")
    put(admin, ns, application("root", revision=first, repository=str(bare.folder)))
    request = live.Request(namespace=ns, timeout=SOON, repository=tmp_path / "clone")
    states = live.states(admin, request, Output(invocation))

    def behind(count: int) -> bool:
        return any(state.applications[0].behind == count for state in states if state and state.applications)

    assert behind(1)
    bare.commit({"a": b"3"})
    git(tmp_path / "clone", "fetch", "--quiet")
    put(admin, ns, application("root", revision=second, repository=str(bare.folder)))
    assert behind(1)
    put(admin, ns, application("root", revision=bare.tip() or "", repository=str(bare.folder)))
    assert behind(0)
    states.close()


def test_live_view_needs_a_terminal(admin: Cluster, ns: str, run: Run, environ: dict[str, str]) -> None:
    result = run("status", "--namespace", ns, "--watch", env=environ)
    assert result.exit == 2
    assert "bootstrap wait" in result.err


def test_wait_ends_at_the_commit_and_otherwise_says_which_is_not(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    put(admin, ns, application("root", children=[entry("a")]), application("a"))
    with controller(admin, ns):
        done = run("wait", "--namespace", ns, "--commit", REVISION, "--timeout", str(SOON), env=environ)
        late = run("wait", "--namespace", ns, "--commit", NEWER, "--timeout", "2", env=environ)
    assert done.exit == 0, done.err
    assert late.exit == 7
    assert "root" in late.err


def test_stuck_rollout_is_reported_by_status_and_doctor_although_its_application_is_called_healthy(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    kubernetes.stuck_rollout(admin, ns)
    resources = [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": ns, "name": "web"}]
    put(admin, ns, application("root", children=resources))
    says = f"Deployment {ns}/web: 1 of its previous version still runs, 1 of 2 pods are not available"
    because = "container web: ImagePullBackOff: no such image; event Failed: cannot pull it"
    result = run("status", "--namespace", ns, env=environ)
    assert result.exit == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("root: ")]
    assert says in line
    assert because in line
    assert "0 of 1 Applications are Synced and Healthy" in result.err
    data = json.loads(run("status", "--namespace", ns, "-o", "json", env=environ).out)
    assert data["applications"][0]["waitingFor"] == "an unfinished rollout"
    assert [says in text for text in data["applications"][0]["objects"]] == [True]
    findings = json.loads(run("doctor", "--namespace", ns, "-o", "json", env=environ).out)["findings"]
    (found,) = [one["found"] for one in findings if one["area"] == "root"]
    assert says in found
    assert because in found


def test_argo_cds_own_stuck_rollout_is_reported_by_doctor(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    kubernetes.stuck_rollout(admin, ns, "argocd-server")
    labels = {"metadata": {"labels": {"app.kubernetes.io/part-of": "argocd"}}}
    path = f"/apis/apps/v1/namespaces/{ns}/deployments/argocd-server"
    body = json.dumps(labels).encode()
    request(admin, "PATCH", path, "labelling", body=body, content_type="application/merge-patch+json")
    put(admin, ns, application("root"))
    findings = json.loads(run("doctor", "--namespace", ns, "-o", "json", env=environ).out)["findings"]
    (found,) = [one for one in findings if one["area"] == "argocd-server"]
    assert found["state"] == "broken"
    assert "1 of 1 ready: 1 of its previous version still runs" in found["found"]
    assert "ImagePullBackOff: no such image" in found["found"]


def test_doctor_reports_versions_rights_and_what_is_broken(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str]
) -> None:
    put(admin, ns, application("root", children=[entry("b", 5)]), broken_child())
    labels = {"argocd.argoproj.io/secret-type": "repository"}
    content = {"url": REPOSITORY.encode(), "password": b"correct-horse-battery"}
    kube.ensure_secret(admin, ns, "repository", data=content, generate=(), labels=labels)
    keys = {"webhook.gogs.secret": b"staple-of-a-hook"}
    kube.ensure_secret(admin, ns, "argocd-secret", data=keys, generate=(), labels={})
    result = run("doctor", "--namespace", ns, "-o", "json", env=environ)
    findings = json.loads(result.out)["findings"]
    by_area = {finding["area"]: finding for finding in findings}
    assert by_area["cluster"]["found"].startswith("Kubernetes v1.")
    assert by_area["rights"]["state"] == "ok"
    assert by_area["clock"]["state"] == "ok"
    assert "the chart is not there" in by_area["b"]["found"]
    assert all(finding["fix"] for finding in findings if finding["state"] != "ok")
    assert any(REPOSITORY in one["found"] and one["found"].endswith("with a credential") for one in findings)
    (webhook, host) = [finding for finding in findings if finding["area"] == "webhook"]
    assert webhook["found"] == "argocd-secret has webhook.gogs.secret"
    assert host["found"].startswith("not checked: the cluster names git.example.com; a token is sent only to")
    assert host["fix"].endswith(f"bootstrap doctor --repo {REPOSITORY}")
    for hidden in ("correct-horse-battery", "staple-of-a-hook"):
        assert hidden not in result.out + result.err
        assert base64.b64encode(hidden.encode()).decode() not in result.out + result.err
    assert result.exit == 1


@pytest.fixture
def repository(tmp_path: Path, ns: str) -> Path:
    image = "{name: registry.example.com/web, newTag: '2'}"
    kustomization = f"namespace: {ns}\nresources: [shop.yaml, web.yaml]\nimages: [{image}]\n"
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {MODE: fast}\n"
    return write(
        tmp_path / "repo",
        {
            "clusters/one/kustomization.yaml": kustomization,
            "clusters/one/shop.yaml": SHOP,
            "clusters/one/web.yaml": config,
        },
    )


def applied(admin: Cluster, root: Path) -> None:
    """Apply what the repository says, as a first sync would."""
    from bootstrap.repository.tools import build

    objects = [made(dict(body)) for body in build(root / "clusters/one", Invocation())]
    kube.apply(admin, objects)


def test_diff_with_the_cluster_shows_what_a_push_would_change(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], repository: Path
) -> None:
    fresh = run("diff", str(repository), "--live", "-o", "json", env=environ)
    assert {change["change"] for change in json.loads(fresh.out)["changes"]} == {"add"}
    applied(admin, repository)
    same = run("diff", str(repository), "--live", env=environ)
    assert (same.exit, same.out) == (0, ""), same.err
    kustomization = repository / "clusters/one/kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("'2'", "'3'"))
    result = run("diff", str(repository), "--live", env=environ)
    assert result.exit == 1
    assert f"~ Deployment {ns}/web" in result.out
    added = [line for line in result.out.splitlines() if line.lstrip().startswith("+ ")]
    assert any(line.endswith("image: registry.example.com/web:3") for line in added)
    assert "managedFields" not in result.out


def test_trace_with_the_cluster_reports_endpoints_images_and_what_is_missing(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], repository: Path
) -> None:
    missing = run("trace", f"web.{ns}", "--repo", str(repository), "--live", env=environ)
    assert missing.exit == 1
    assert f"Service {ns}/web is not in the cluster" in missing.out
    applied(admin, repository)
    kustomization = repository / "clusters/one/kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("'2'", "'3'"))
    result = run("trace", f"web.{ns}", "--repo", str(repository), "--live", env=environ)
    assert result.exit == 1  # there are no nodes, so nothing is ready
    assert "has no ready endpoint" in result.out
    assert "web is registry.example.com/web:2, Git has registry.example.com/web:3" in result.out


def test_trace_reports_a_stuck_rollout_behind_a_pod_that_serves(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], repository: Path
) -> None:
    applied(admin, repository)
    old = "registry.example.com/web:2"
    kubernetes.serve(admin, ns, kubernetes.pod_of(admin, ns, "web", old))
    kubernetes.until_status(admin, ns, "web", availableReplicas=1)
    kustomization = repository / "clusters/one/kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("'2'", "'3'"))
    applied(admin, repository)
    new = old.replace("2", "3")
    kubernetes.fail(admin, ns, kubernetes.pod_of(admin, ns, "web", new))
    kubernetes.until_status(admin, ns, "web", updatedReplicas=1, availableReplicas=1, unavailableReplicas=1)
    result = run("trace", f"web.{ns}", "--repo", str(repository), "--live", env=environ)
    assert result.exit == 1
    assert f"Deployment {ns}/web  [BROKEN]" in result.out
    assert "container web: ImagePullBackOff: no such image; event Failed: cannot pull it" in result.out


def test_trace_reports_what_was_to_be_made_in_the_cluster_and_is_missing(
    admin: Cluster, ns: str, run: Run, environ: dict[str, str], repository: Path
) -> None:
    base = repository / "clusters/one/shop.yaml"
    given = "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: web-token, key: token}}}]"
    text = base.read_text()
    assert "        - name: web\n" in text
    base.write_text(text.replace("        - name: web\n", f"        - name: web\n          {given}\n", 1))
    applied(admin, repository)
    command = ("trace", f"web.{ns}", "--repo", str(repository), "--live")
    missing = run(*command, env=environ)
    assert f"Secret {ns}/web-token  [BROKEN]" in missing.out
    assert f"! live: Secret {ns}/web-token is not in the cluster" in missing.out
    kube.ensure_secret(admin, ns, "web-token", data={"other": b"hush-hush"}, generate=(), labels={})
    without = run(*command, env=environ)
    assert f"! live: Secret {ns}/web-token has no key token" in without.out
    assert "hush" not in without.out
    kube.ensure_secret(admin, ns, "web-token", data={"token": b"hush-hush"}, generate=(), labels={})
    there = run(*command, env=environ)
    assert f"Secret {ns}/web-token\n" in there.out
    assert "· live: it exists" in there.out


def test_catalog_with_argocds_own_manifest_has_no_finding(
    argocd_manifest: Path, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    files: dict[str, str | bytes | None] = dict(catalog.load())
    files["infrastructure/argocd/manifests/install.yaml"] = argocd_manifest.read_bytes()
    result = run("validate", str(write(tmp_path / "repo", files)), "--fail-on", "info", env=environ)
    assert (result.exit, result.out) == (0, "")


def test_fields_of_argocds_kinds_are_those_of_the_pinned_definitions(argocd_manifest: Path) -> None:
    models: dict[str, object] = {}
    kinds: dict[str, str] = {}
    for document in parse(argocd_manifest.read_bytes()).documents:
        if document.value["kind"] == "CustomResourceDefinition":
            found = custom_kinds.of_definition(document.value)
            models |= found["models"]
            kinds |= found["kinds"]
    assert custom_kinds.argocd() == {"kinds": kinds, "models": models}
