"""`bootstrap diff` where folders that somebody applies, or nobody, come, go, and get another name."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree

import pytest

from tests.commands.test_diff import commit, git, repository
from tests.conftest import Run
from tests.repositories import write

__all__ = ["repository"]

URL = "https://git.example.com/shop/gitops.git"


def application(name: str, path: str, more: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: default
  destination: {{server: https://kubernetes.default.svc, namespace: {name}}}
  source: {{repoURL: {URL}, path: {path}, targetRevision: main}}{more}
"""


def config(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: v{value}}}\n"


@pytest.fixture
def home(repository: Path, tmp_path: Path) -> Path:
    """A repository without a folder of clusters: a person applies `roots` and `others`."""
    root = tmp_path / "home"
    files = {
        "roots/kustomization.yaml": "namespace: argocd\nresources: [../base/one, ../base/two]\n",
        "base/one/kustomization.yaml": "resources: [app.yaml]\n",
        "base/one/app.yaml": application("one", "apps/one"),
        "base/two/kustomization.yaml": "resources: [app.yaml, extra.yaml]\n",
        "base/two/app.yaml": application("two", "apps/two"),
        "base/two/extra.yaml": config("extra"),
        "others/kustomization.yaml": "resources: [three.yaml]\n",
        "others/three.yaml": application("three", "apps/three"),
        "apps/three/three.yaml": config("three"),
        "apps/one/one.yaml": config("one"),
        "apps/two/two.yaml": config("two"),
    }
    write(root, files)
    git(root, "init", "-b", "main")
    git(root, "remote", "add", "origin", URL)
    commit(root)
    return root


def told(run: Run, root: Path) -> tuple[list[str], list[str]]:
    """What changes, and what is told first."""
    found = json.loads(run("diff", str(root), "-o", "json").out)
    return (
        [f"{one['change']} {one['object']} {one['application'] or ''}".strip() for one in found["changes"]],
        [f"{one['topic']} {one['object'] or ''}".strip() for one in found["matters"]],
    )


def test_what_is_switched_off_is_gone_though_its_folder_stays(run: Run, home: Path) -> None:
    (home / "roots/kustomization.yaml").write_text("namespace: argocd\nresources: [../base/one]\n")
    changes, matters = told(run, home)
    assert changes == [
        "remove Application argocd/two",
        "remove ConfigMap argocd/extra",
        "remove ConfigMap two/two argocd/two",
    ]
    assert not [one for one in matters if one.startswith("unseen")]
    commit(home)
    (home / "roots/kustomization.yaml").write_text(
        "namespace: argocd\nresources: [../base/one, ../base/two]\n"
    )
    changes, _ = told(run, home)
    assert changes == [
        "add Application argocd/two",
        "add ConfigMap argocd/extra",
        "add ConfigMap two/two argocd/two",
    ]


def test_what_is_put_aside_is_gone(run: Run, home: Path) -> None:
    (home / "roots/kustomization.yaml").write_text("namespace: argocd\nresources: [../base/one]\n")
    (home / "unused").mkdir()
    (home / "base/two").rename(home / "unused/two")
    (home / "apps/two").rename(home / "unused/two/apps")
    changes, _ = told(run, home)
    assert changes == [
        "remove Application argocd/two",
        "remove ConfigMap argocd/extra",
        "remove ConfigMap two/two argocd/two",
    ]


def test_what_a_new_application_takes_over_is_applied_from_now_on(run: Run, home: Path) -> None:
    write(home, {"loose/web/web.yaml": config("web")})
    commit(home)
    write(home, {"loose/app.yaml": application("web", "loose/web")})
    assert told(run, home)[0] == ["add Application argocd/web", "add ConfigMap web/web argocd/web"]


def test_a_root_under_another_name_changes_nothing(run: Run, home: Path) -> None:
    (home / "roots").rename(home / "everything")
    assert told(run, home) == ([], [])
    (home / "apps/one/one.yaml").write_text(config("one", "2"))
    assert told(run, home)[0] == ["change ConfigMap one/one argocd/one"]


def test_a_base_that_nobody_applies_is_not_told_besides_what_is_made_of_it(run: Run, home: Path) -> None:
    write(
        home,
        {
            "base/kustomization.yaml": "resources: [shared, lonely.yaml]\n",
            "base/lonely.yaml": config("lonely"),
            "base/shared/kustomization.yaml": "namespace: one\nresources: [shared.yaml]\n",
            "base/shared/shared.yaml": config("shared"),
            "apps/one/kustomization.yaml": "resources: [one.yaml, ../../base/shared]\n",
        },
    )
    commit(home)
    (home / "base/shared/shared.yaml").write_text(config("shared", "2"))
    (home / "base/lonely.yaml").write_text(config("lonely", "2"))
    assert told(run, home)[0] == [
        "change ConfigMap default/lonely",
        "change ConfigMap one/shared argocd/one",
    ]


def test_what_a_comment_switches_off_next_to_a_root_is_not_applied(run: Run, home: Path) -> None:
    for folder in ("base", "others"):
        rmtree(home / folder)
    off = ["two", "three", "four", "five"]
    comments = "".join(f"  # - {name}.yaml\n" for name in off)
    files = {
        "roots/kustomization.yaml": f"namespace: argocd\nresources:\n  - one.yaml\n{comments}",
        "top.yaml": application("top", "roots"),
    }
    for name in ("one", *off):
        files[f"roots/{name}.yaml"] = application(name, f"apps/{name}")
        files[f"apps/{name}/{name}.yaml"] = config(name)
    write(home, files)
    commit(home)
    for name in ("one", *off):
        (home / f"apps/{name}/{name}.yaml").write_text(config(name, "2"))
    assert told(run, home)[0] == ["change ConfigMap one/one argocd/one"]
    commit(home)
    for name in off:  # no comment names them now
        (home / f"roots/{name}.yaml").rename(home / f"roots/{name}-off.yaml")
    (home / "apps/one/one.yaml").write_text(config(name="one", value="3"))
    assert told(run, home)[0] == ["change ConfigMap one/one argocd/one"]


def test_a_folder_that_a_person_applies_and_that_cannot_be_built_is_named(run: Run, home: Path) -> None:
    write(home, {"base/new/kustomization.yaml": "resources: [missing.yaml]\n"})
    _, matters = told(run, home)
    assert matters == ["fails folder base/new"]


def test_what_a_chart_that_was_not_read_may_have_is_not_said_to_be_deleted(run: Run, home: Path) -> None:
    pruning = "\n  syncPolicy: {automated: {prune: true, allowEmpty: true}}"
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {}\n"
    write(home, {"base/one/app.yaml": application("one", "apps/one", pruning), "apps/one/data.yaml": claim})
    commit(home)
    chart = f"repoURL: {URL}, path: apps/one,", "repoURL: https://charts.example.com, chart: one,"
    app = home / "base/one/app.yaml"
    app.write_text(app.read_text().replace(*chart).replace("main}", "1.0.0}"))
    found = json.loads(run("diff", str(home), "-o", "json").out)["matters"]
    (lost,) = [one for one in found if one["topic"] == "data"]
    assert lost["text"].startswith(
        "it is deleted: its Application prunes, unless chart one, which was not read, has it"
    )


def test_the_only_policy_of_a_namespace_that_is_left_opens_nothing(run: Run, home: Path) -> None:
    policy = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: two}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
    pruning = "\n  syncPolicy: {automated: {prune: true}}"
    write(
        home, {"apps/one/closed.yaml": policy, "base/one/app.yaml": application("one", "apps/one", pruning)}
    )
    commit(home)
    (home / "apps/one/closed.yaml").unlink()
    assert "rights NetworkPolicy two/closed" in told(run, home)[1]
    (home / "roots/kustomization.yaml").write_text("namespace: argocd\nresources: [../base/one]\n")
    assert "rights NetworkPolicy two/closed" not in told(run, home)[1]


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("charts/extra/values.yaml", "a: 1\n", "nothing that was read applies it"),
        ("values/shop-values.yaml", "a: 1\n", "nothing that was read applies it"),
        ("apps/one/.argocd-source-one.yaml", "helm: {}\n", ""),
        ("made/one/.argocd-source-one.yaml", "helm: {}\n", "nothing that was read applies it"),
        (
            "makers/templates/b.yaml",
            "a: {{ .Values.b }}\n",
            "chart makers: it generates Applications with values that are not in Git",
        ),
        (".github/workflows/ci.yaml", "on: push\n", ""),
        ("docs/mkdocs.yml", "site_name: shop\n", ""),
    ],
)
def test_a_changed_file_that_nothing_reads_is_named(
    run: Run, home: Path, file: str, text: str, why: str
) -> None:
    made = application("made-{{ .Values.name }}", "made/one")
    write(
        home,
        {
            "charts/extra/Chart.yaml": "apiVersion: v2\nname: extra\nversion: 1.0.0\n",
            "makers/Chart.yaml": "apiVersion: v2\nname: makers\nversion: 1.0.0\n",
            "makers/templates/a.yaml": made,
        },
    )
    commit(home)
    write(home, {file: text})
    found = json.loads(run("diff", str(home), "-o", "json").out)
    assert [(one["file"], one["why"]) for one in found["unread"]] == ([(file, why)] if why else [])
    assert found["changes"] == []


def test_what_is_not_read_is_named_once_and_by_what_tells_it_apart(run: Run, home: Path) -> None:
    far = application("far", ".").replace(URL, "oci://registry.example.com/charts/far")
    chosen = "{clusters: {selector: {matchLabels: {stage: dev}}}}"
    made = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: many, namespace: argocd}}
spec:
  generators: [{chosen}, {chosen.replace("dev", "prod")}]
  template:
    metadata: {{name: "many-{{{{name}}}}"}}
    spec:
      project: default
      source: {{repoURL: {URL}, path: apps/one}}
      destination: {{server: "{{{{server}}}}", namespace: one}}
"""
    write(home, {"others/three.yaml": f"{far}---\n{made}"})
    unread = json.loads(run("diff", str(home), "-o", "json").out)["coverage"]["unread"]
    why = {one["what"]: one["why"] for one in unread}
    assert why["oci://registry.example.com/charts/far"] == "in another repository"
    assert why["ApplicationSet many"].count("labels of Secrets") == 1


def test_what_could_not_be_rendered_before_may_be_in_the_cluster_already(run: Run, home: Path) -> None:
    child = application("child", "x").replace(f"{URL}, path: x,", "https://charts.example.com, chart: child,")
    write(home, {"apps/one/kustomization.yaml": "resources: [one.yaml, gone.yaml]\n"})
    commit(home)
    (home / "apps/one/kustomization.yaml").write_text("resources: [one.yaml, child.yaml]\n")
    write(home, {"apps/one/child.yaml": child})
    found = json.loads(run("diff", str(home), "-o", "json").out)["matters"]
    (told_,) = [one for one in found if one["topic"] == "unseen"]
    assert told_["object"] == "Application argocd/one"
    assert told_["text"].startswith("it could not be rendered before this change")
