"""Patches that select nothing, credentials in values of charts, and folders that were meant to be others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.repository.tokens import in_file
from tests.conftest import Run
from tests.repositories import OURS, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")

BASE = "apps/shop/base/kustomization.yaml"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
CLUSTER = "clusters/one/kustomization.yaml"
TOKEN = "ghp_0123456789abcdefghij0123456789abcdefghij"


def found(run: Run, root: Path, rules: str) -> list[tuple[str, str, int, str]]:
    result = run("validate", str(root), "--rules", rules, "-o", "json")
    findings = json.loads(result.out)["findings"]
    return [(one["rule"], one["file"], one["line"], one["message"]) for one in findings]


def patched(
    target: str,
    patch: str = '[{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]',
    field: str = "patches",
) -> str:
    return f"{OURS[OVERLAY]}{field}:\n  - patch: |-\n      {patch}\n    target: {target}\n"


@pytest.mark.parametrize("field", ["patches", "patchesJson6902"])
@pytest.mark.parametrize(
    ("target", "near"),
    [
        ("{kind: Deployment, name: wbe}", "did you mean web?"),
        ("{kind: StatefulSet, name: web}", ""),
        ("{group: batch, kind: Deployment, name: web}", "the Deployment of that name is apps/v1"),
        ("{kind: Deployment, name: web, labelSelector: app=wbe}", ""),
        ("{version: v1, kind: ConfigMap, name: webs}", "did you mean web?"),
    ],
)
def test_patch_that_selects_nothing_is_reported(
    run: Run, tmp_path: Path, target: str, near: str, field: str
) -> None:
    root = write(tmp_path, OURS, {OVERLAY: patched(target, field=field)})
    [(rule, file, line, message)] = found(run, root, "GB1")
    assert (rule, file, line) == ("GB113", OVERLAY, len(patched(target).splitlines()))
    assert near in message


@pytest.mark.parametrize(
    "target",
    [
        "{kind: Deployment, name: web}",
        "{kind: Deploy.*, name: w.b}",
        "{group: apps, version: v1, kind: Deployment, name: web}",
        "{kind: ConfigMap, name: web}",
        "{kind: Service, name: shop-web}",
        "{kind: CronJob}",
        "{kind: CronJob, name: .*}",
        "{name: web|db}",
    ],
)
def test_patch_that_selects_something_or_is_meant_for_all_is_left_alone(
    run: Run, tmp_path: Path, target: str
) -> None:
    base = OURS[BASE] + ("namePrefix: shop-\n" if "shop-web" in target else "")
    assert found(run, write(tmp_path, OURS, {OVERLAY: patched(target), BASE: base}), "GB1") == []


def test_patch_of_a_base_needs_a_target_in_one_of_its_builds_alone(run: Run, tmp_path: Path) -> None:
    shared = (
        "resources: [../base]\npatches:\n  - path: patch.yaml\n    target: {kind: Service, name: extra}\n"
    )
    patch = "apiVersion: v1\nkind: Service\nmetadata: {name: extra, labels: {a: b}}\n"
    extra = "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\n"
    extra += "spec: {type: ExternalName, externalName: a.example.com}\n"
    files = {
        "apps/shop/shared/kustomization.yaml": shared,
        "apps/shop/shared/patch.yaml": patch,
        "apps/shop/base/extra.yaml": extra,
        OVERLAY: OURS[OVERLAY].replace("../../base", "../../shared"),
    }
    told = [("GB113", "apps/shop/shared/kustomization.yaml", 4)]
    assert [one[:3] for one in found(run, write(tmp_path, OURS, files), "GB1")] == told
    there = {BASE: OURS[BASE].replace("- shop.yaml", "- shop.yaml\n  - extra.yaml")}
    assert found(run, write(tmp_path, there), "GB1") == []


def test_component_and_what_a_patch_deletes_are_left_alone(run: Run, tmp_path: Path) -> None:
    component = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        + patched("{kind: Deployment, name: gone}").partition("newTag: 1.2.3\n")[2]
    )
    delete = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: gone}, $patch: delete}"
    files = {
        "apps/shop/optional/kustomization.yaml": component,
        OVERLAY: patched("{kind: Deployment, name: gone}", delete) + "components: [../../optional]\n",
    }
    assert found(run, write(tmp_path, OURS, files), "GB1") == []


def test_comment_leaves_a_patch_out(run: Run, tmp_path: Path) -> None:
    text = patched("{kind: Deployment, name: gone} # bootstrap: ignore=GB113 comes with the next release")
    assert found(run, write(tmp_path, OURS, {OVERLAY: text}), "GB1") == []


def chart(values: str) -> str:
    """An Application of a chart with a values file of this repository."""
    return (
        application("chart", "x", "shop-dev")
        .replace("  source:\n", "  sources:\n")
        .replace(
            f"    repoURL: {URL}\n    targetRevision: HEAD\n    path: x\n",
            f"    - {{repoURL: {URL}, targetRevision: HEAD, ref: repo}}\n"
            "    - repoURL: https://charts.example.com\n      chart: web\n      targetRevision: 1.2.3\n"
            f"      helm: {{valueFiles: [$repo/{values}]}}\n",
        )
    )


def with_values(values: str, content: str) -> dict[str, str]:
    return {
        CLUSTER: OURS[CLUSTER].replace("project.yaml", "project.yaml\n  - chart.yaml"),
        "clusters/one/chart.yaml": chart(values),
        values: content,
    }


LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
KEY = f"tls:\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    {LINE}\n"


@pytest.mark.parametrize(
    "path", ["apps/web/values.yaml", "apps/web/values-production.yml", "apps/web/config.yaml"]
)
@pytest.mark.parametrize(
    ("content", "rule", "line"),
    [
        (f"a: 1\nb:\n  token: {TOKEN}\n", "GB402", 3),
        (f'args: ["--token={TOKEN}"]\n', "GB402", 1),
        (KEY, "GB403", 3),
        (
            'key: "-----BEGIN RSA PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"\n',
            "GB403",
            1,
        ),
    ],
)
def test_credential_in_values_is_reported(
    run: Run, tmp_path: Path, path: str, content: str, rule: str, line: int
) -> None:
    root = write(tmp_path, OURS, with_values(path, content))
    assert [one[:3] for one in found(run, root, "GB402,GB403")] == [(rule, path, line)]
    assert TOKEN not in run("validate", str(root)).out
    ignored = content.splitlines()
    ignored[line - 1] += f" # bootstrap: ignore={rule} of nobody"
    if "|" not in content:
        write(tmp_path, {path: "\n".join(ignored)})
        assert found(run, root, "GB402,GB403") == []


@pytest.mark.parametrize(
    "token",
    [
        *(f"gh{letter}_{TOKEN[4:]}" for letter in "pousr"),
        f"github_pat_{TOKEN[4:]}{TOKEN[4:]}",
        f"glpat-{TOKEN[4:24]}",
        *("AKIAZ7Q2M4K9X1B8C3D5", "ASIAZ7Q2M4K9X1B8C3D5", "xoxb-1234567890-abc"),
        f"AIza{TOKEN[4:39]}",
        f"sk_live_{TOKEN[4:28]}",
        f"npm_{TOKEN[4:40]}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    ],
)
def test_every_form_of_token_is_known(token: str) -> None:
    assert [line for line, _ in in_file(f"a: 1\nb: {token}\n".encode())] == [2]


@pytest.mark.parametrize(
    "content",
    [
        f"# token: {TOKEN}\n",
        f"a: b # such as {TOKEN}\n",
        "id: AKIAIOSFODNN7EXAMPLE\n",
        f"token: ghp_{'x' * 36}\n",
        "url: postgres://user:password@db/shop\n",
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  ...\n",
        "password: correct-horse\n",
    ],
)
def test_example_is_not_a_credential(content: str) -> None:
    assert list(in_file(content.encode())) == []


def test_other_files_are_not_mistaken_for_values(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"tests/fixture.yaml": f"token: {TOKEN}\n"})
    assert found(run, root, "GB402") == []


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("apps/shob/overlays/dev", "did you mean apps/shop/overlays/dev?"),
        ("apps/shop/overlay/dev", "did you mean apps/shop/overlays/dev?"),
        ("app/shop/overlays/dev", "did you mean apps/shop/overlays/dev?"),
        ("manifests/dev-overlays", ""),
        ("somewhere/else/entirely/base", "did you mean apps/shop/base?"),
    ],
)
def test_folder_that_was_meant_is_named(run: Run, tmp_path: Path, path: str, near: str) -> None:
    dev = "apps/shop/applications/dev/application.yaml"
    root = write(tmp_path, OURS, {dev: OURS[dev].replace("apps/shop/overlays/dev", path)})
    [(_, file, _, message)] = found(run, root, "GB201")
    assert file == dev
    assert message.endswith(f"which does not exist; {near}" if near else "which does not exist")


def test_values_file_that_was_meant_is_named(run: Run, tmp_path: Path) -> None:
    files = with_values("apps/web/values.yaml", "a: b\n")
    files["clusters/one/chart.yaml"] = chart("apps/web/value.yaml")
    [(_, _, _, message)] = found(run, write(tmp_path, OURS, files), "GB218")
    assert message.endswith("; did you mean apps/web/values.yaml?")


@pytest.mark.parametrize(
    "patch",
    [
        "- {op: add, path: /spec/template/spec/containers/0/env, value: [{name: DB_PASSWORD,\n"
        "          value: hunter2hunter2}]}",
        "apiVersion: apps/v1\n      kind: Deployment\n      metadata: {name: web}\n      "
        "spec: {template: {spec: {containers: [{name: web, env: [{name: DB_PASSWORD,"
        "\n          value: hunter2hunter2}]}]}}}",
    ],
)
def test_password_that_a_patch_adds_is_on_the_line_of_the_patch(run: Run, tmp_path: Path, patch: str) -> None:
    overlay = patched("{kind: Deployment, name: web}", patch)
    line = next(n for n, text in enumerate(overlay.splitlines(), 1) if "hunter2" in text)
    root = write(tmp_path, OURS, {OVERLAY: overlay})
    assert [one[:3] for one in found(run, root, "GB402")] == [("GB402", OVERLAY, line)]
