"""`bootstrap diff` of several Applications: which files they share, and what becomes of one as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import charts
from tests.charts import CONFIG_MAP
from tests.commands.test_diff import APPLICATION, OVERLAY, commit, repository
from tests.conftest import Run
from tests.repositories import URL, write
from tests.tools import tool

__all__ = ["repository"]

PATCH = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: every, annotations: {example.com/team: a}}
"""
SHOPS = """\
resources: [a.yaml, b.yaml, c.yaml, d.yaml]
patches: [{path: patch.yaml, target: {kind: Application}}]
"""
OTHERS = "argocd/shop-a, argocd/shop-b, argocd/shop-c and"


def shops(repository: Path) -> None:
    """Applications that share a base, each with an overlay of its own, and one patch on all of them."""
    files = {"clusters/one/shops/kustomization.yaml": SHOPS, "clusters/one/shops/patch.yaml": PATCH}
    text, overlay = (repository / APPLICATION).read_text(), (repository / OVERLAY).read_text()
    for name in "abcd":
        own = text.replace("overlays/dev", f"overlays/{name}").replace("shop-dev", f"shop-{name}")
        files[f"clusters/one/shops/{name}.yaml"] = own
        files[f"apps/shop/overlays/{name}/kustomization.yaml"] = overlay.replace("shop-dev", f"shop-{name}")
    cluster = repository / "clusters/one/kustomization.yaml"
    cluster.write_text(cluster.read_text().replace("resources:\n", "resources:\n  - shops\n"))
    write(repository, files)
    commit(repository)


def shared(run: Run, repository: Path, *options: str) -> dict[str, str]:
    """What `diff` says of files that change several Applications."""
    told = json.loads(run("diff", str(repository), "-o", "json", *options).out)["matters"]
    return {str(one["where"]): str(one["text"]) for one in told if one["topic"] == "shared"}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_changed_file_that_several_applications_are_made_of_is_named(run: Run, repository: Path) -> None:
    shops(repository)
    base = repository / "apps/shop/base"
    edit(base / "shop.yaml", "port: 80,", "port: 81,")
    assert shared(run, repository) == {"apps/shop/base/shop.yaml": f"5 Applications change: {OTHERS} 2 more"}
    commit(repository)
    # The Deployments change, too, whose file is as it was: another name of their settings.
    edit(base / "kustomization.yaml", "MODE=fast", "MODE=slow")
    said = f"5 Applications change: {OTHERS} 2 more"
    assert shared(run, repository) == {"apps/shop/base/kustomization.yaml": said}
    commit(repository)
    # Every object is of the base, and each overlay changes by itself.
    for name in "abcd":
        edit(repository / f"apps/shop/overlays/{name}/kustomization.yaml", "1.2.3", "1.2.4")
    assert shared(run, repository) == {}
    commit(repository)
    edit(repository / "clusters/one/shops/patch.yaml", "team: a", "team: b")
    said = f"4 Applications change: {OTHERS} 1 more"
    assert shared(run, repository) == {"clusters/one/shops/patch.yaml": said}


def told(run: Run, repository: Path) -> list[tuple[str, str, str]]:
    """(topic, object, text) of what matters."""
    found = json.loads(run("diff", str(repository), "-o", "json").out)["matters"]
    return [(str(one["topic"]), str(one["object"]), str(one["text"])) for one in found]


def test_the_last_objects_of_an_application_are_told_as_argo_cd_treats_them(
    run: Run, repository: Path
) -> None:
    edit(repository / APPLICATION, "  syncPolicy:\n", "  syncPolicy:\n    automated: {prune: true}\n")
    commit(repository)
    overlay = repository / OVERLAY
    full = overlay.read_text()
    patch = "{$patch: delete, apiVersion: v1, kind: Service, metadata: {name: web}}"
    some = f"{full}patches: [{{patch: '{patch}'}}]\n"
    nothing = "namespace: shop-dev\nresources: [nothing.yaml]\n"
    (overlay.parent / "nothing.yaml").write_text("# nothing\n")
    overlay.write_text(some)
    assert told(run, repository) == []
    overlay.write_text(nothing)
    found = told(run, repository)
    assert {topic for topic, _, _ in found} == {"deletes"}
    assert {one for _, one, _ in found} >= {"Deployment shop-dev/web", "Service shop-dev/web"}
    assert all("only with allowEmpty: true" in text for _, _, text in found)
    overlay.write_text(full)
    edit(repository / APPLICATION, "prune: true", "prune: true, allowEmpty: true")
    commit(repository)
    overlay.write_text(nothing)
    assert told(run, repository) == []


def test_an_application_that_goes_to_another_cluster_deletes_nothing(run: Run, repository: Path) -> None:
    edit(repository / APPLICATION, "  syncPolicy:\n", "  syncPolicy:\n    automated: {prune: true}\n")
    commit(repository)
    edit(repository / APPLICATION, "https://kubernetes.default.svc", "https://other.example.com")
    changes = json.loads(run("diff", str(repository), "-o", "json").out)["changes"]
    assert {one["change"] for one in changes} == {"change"}
    places = ["-cluster: https://kubernetes.default.svc", "+cluster: https://other.example.com"]
    assert {tuple(one["diff"]) for one in changes if one["application"] == "argocd/shop-dev"} == {
        tuple(places)
    }
    found = told(run, repository)
    said = "in the cluster of Argo CD, and nobody manages it there: its Application goes to cluster https://other"
    assert [one for topic, one, text in found if topic == "deletes" and said in text] == [
        one for _, one, _ in found
    ]
    assert "Deployment shop-dev/web" in {one for _, one, _ in found}


def test_applications_of_the_same_name_in_two_clusters_are_told_apart(run: Run, repository: Path) -> None:
    """The second cluster is new, and its Application goes elsewhere and does not prune."""
    edit(repository / APPLICATION, "  syncPolicy:\n", "  syncPolicy:\n    automated: {prune: true}\n")
    commit(repository)
    patch = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop-dev, namespace: argocd}
spec:
  destination: {server: https://other.example.com}
  syncPolicy: {automated: {prune: false}}
"""
    root = (repository / "clusters/one/root.yaml").read_text().replace("clusters/one", "clusters/two")
    files = {
        "kustomization.yaml": "resources: [project.yaml, ../../apps/shop/applications/dev]\n"
        "patches: [{path: other.yaml}]\n",
        "other.yaml": patch,
        "project.yaml": (repository / "clusters/one/project.yaml").read_text(),
        "root.yaml": root,
    }
    write(repository, {f"clusters/two/{path}": text for path, text in files.items()})
    service = (repository / "apps/shop/base/shop.yaml").read_text()
    (repository / "apps/shop/base/shop.yaml").write_text(service.partition("---\n")[0])
    changes = json.loads(run("diff", str(repository), "-o", "json").out)["changes"]
    assert "Service shop-dev/web" in {one["object"] for one in changes if one["change"] == "remove"}
    assert [one for one in told(run, repository) if one[0] == "deletes"] == []


@pytest.mark.parametrize("named", ["shared.yaml", "share*.yaml", "$ARGOCD_APP_NAMESPACE/../shared.yaml"])
def test_a_values_file_that_charts_of_several_applications_share_is_named(
    run: Run, repository: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Also where the charts are not rendered, and where it is named by a pattern or with a variable."""
    monkeypatch.setenv("PATH", f"{tool('helm').parent}{os.pathsep}{os.environ['PATH']}")
    with charts.served() as served:
        served.add("thing", "1.2.3", {"templates/cm.yaml": CONFIG_MAP, "values.yaml": "a: default\n"})
        for name in "abcd":
            sources = f"""\
  sources:
    - repoURL: {served.url}
      chart: thing
      targetRevision: 1.2.3
      helm: {{valueFiles: [$here/values/{named}, $here/values/{name}.yaml], ignoreMissingValueFiles: true}}
    - {{repoURL: {URL}, targetRevision: HEAD, ref: here}}
  destination: {{server: https://kubernetes.default.svc, namespace: {name}}}
"""
            head = (repository / APPLICATION).read_text().partition("  source:")[0]
            own = head.replace("shop-dev", f"shop-{name}") + sources
            write(repository, {f"clusters/one/{name}.yaml": own, f"values/{name}.yaml": "b: 1\n"})
        write(repository, {"values/shared.yaml": "a: 1\n"})
        edit(
            repository / "clusters/one/kustomization.yaml",
            "resources:\n",
            "resources:\n  - a.yaml\n  - b.yaml\n  - c.yaml\n  - d.yaml\n",
        )
        commit(repository)
        edit(repository / "values/shared.yaml", "a: 1", "a: 2")
        said = "4 Applications are made of it: argocd/shop-a, argocd/shop-b, argocd/shop-c and 1 more; "
        assert shared(run, repository) == {"values/shared.yaml": f"{said}what changes in them is not shown"}
        said = "4 Applications change: argocd/shop-a, argocd/shop-b, argocd/shop-c and 1 more"
        assert shared(run, repository, "--fetch-charts") == {"values/shared.yaml": said}
        served.away = True
        assert shared(run, repository, "--fetch-charts") == {"values/shared.yaml": said}
        for name in "bcd":
            edit(repository / f"values/{name}.yaml", "b: 1", "b: 2")
        commit(repository)
        edit(repository / "values/b.yaml", "b: 2", "b: 3")
        assert shared(run, repository) == {}


SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: shops, namespace: argocd}}
spec:
  goTemplate: true
  syncPolicy: {policy}
  generators: [{{list: {{elements: [{elements}]}}}}]
  template:
    metadata: {{name: "set-{{{{.a}}}}"}}
    spec:
      project: apps
      source: {{repoURL: {url}, targetRevision: HEAD, path: apps/shop/overlays/dev}}
      destination: {{server: https://kubernetes.default.svc, namespace: "set-{{{{.a}}}}"}}
"""


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (
            "{}",
            "it is deleted: its ApplicationSet shops no longer generates it, and everything that it applied",
        ),
        ("{preserveResourcesOnDeletion: true}", "no longer generates it; what it applied stays"),
        (
            "{applicationsSync: create-delete}",
            "it is deleted: its ApplicationSet shops no longer generates it",
        ),
        (
            "{applicationsSync: create-update}",
            "it stays: its ApplicationSet shops has applicationsSync: create-update",
        ),
        (
            "{applicationsSync: create-only}",
            "it stays: its ApplicationSet shops has applicationsSync: create-only",
        ),
    ],
)
def test_an_application_that_its_set_no_longer_generates_is_told(
    run: Run, repository: Path, policy: str, said: str
) -> None:
    def write_set(elements: str) -> None:
        text = SET.format(policy=policy, elements=elements, url=URL)
        write(repository, {"clusters/one/set.yaml": text})

    write_set("{a: x}, {a: y}")
    edit(repository / "clusters/one/kustomization.yaml", "resources:\n", "resources:\n  - set.yaml\n")
    commit(repository)
    write_set("{a: x}")
    found = [(one, text) for topic, one, text in told(run, repository) if topic == "deletes"]
    ((_, text),) = [each for each in found if each[0] == "Application argocd/set-y"]
    assert said in text
    assert not [one for one, _ in found if one.endswith("set-x")]
