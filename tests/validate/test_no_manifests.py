"""What looks like a manifest and is none, and what waves and ports do not ask for: no false alarm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, SHOP, URL, application, write
from tests.validate.test_beyond_git import SEALED, SELECTS, answer, in_shop, told

pytestmark = pytest.mark.usefixtures("cache")

LOOSE = SELECTS.replace("NAME", "web").replace("SELECTOR", "app: web")
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: edge, labels: {app: web}}
spec: {containers: []}
"""


def test_object_without_namespace_goes_where_most_of_its_folder_goes(run: Run, tmp_path: Path) -> None:
    pods = {f"edge/{name}.yaml": POD.replace("NAME", name) for name in ("one", "two")}
    assert told(run, write(tmp_path, pods, {"edge/service.yaml": LOOSE}), "GB303") == []
    assert told(run, write(tmp_path, {"edge/two.yaml": LOOSE.replace("app: web", "app: w")}), "GB303") != []


PART = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME}\n"
BROKEN = SHOP.replace("    matchLabels: {app: web}\n", "").replace("  selector:\n", "  selctor: {}\n", 1)


@pytest.mark.parametrize(
    ("files", "rules"),
    [
        ({"pkg/testdata/web.yaml": BROKEN}, "GB1"),
        ({"hack/templates/new/kustomization.yaml": "resources: [../base]\n"}, "GB1"),
        (
            {"apps/shop/base/fix.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: a}\n"},
            "GB1",
        ),
        (
            {"apps/shop/base/gone.yaml": PART.replace("NAME", "web") + "$patch: delete\n"},
            "GB1",
        ),
        (
            {"apps/shop/base/more.yaml": PART.replace("NAME", "web") + "spec: {replicas: 2}\n"},
            "GB1",
        ),
        ({"envs/root.tmpl.yaml": application("root-of-env", "envs/${env}", "argocd")}, "GB201"),
    ],
)
def test_what_no_one_applies_as_it_is_is_not_a_manifest(
    run: Run, tmp_path: Path, files: Mapping[str, str], rules: str
) -> None:
    assert told(run, write(tmp_path, OURS, files), rules) == []


@pytest.mark.parametrize(
    "files",
    [
        {"pkg/data/web.yaml": BROKEN},
        {"hack/other/new/kustomization.yaml": "resources: [../base]\n"},
        {"apps/shop/base/more.yaml": PART.replace("NAME", "wbe") + "spec: {replicas: 2}\n"},
    ],
)
def test_what_someone_may_apply_is_a_manifest(run: Run, tmp_path: Path, files: Mapping[str, str]) -> None:
    assert told(run, write(tmp_path, OURS, files), "GB1") != []


def test_test_data_is_named_among_what_was_not_read(run: Run, tmp_path: Path) -> None:
    found = answer(run, write(tmp_path, OURS, {"pkg/testdata/web.yaml": BROKEN}), "GB1")
    assert [(one["what"], one["why"]) for one in found["coverage"]["unread"]] == [
        ("1 file pkg/testdata/web.yaml", "test data, which nothing applies")
    ]


FLUX = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: a}\nspec: {url: https://a.example.com}\n"


@pytest.mark.parametrize(("source", "expected"), [(FLUX, []), (SEALED, [("GB105", "error")])])
def test_flux_takes_up_a_file_from_next_to_its_folder(
    run: Run, tmp_path: Path, source: str, expected: list[tuple[str, str]]
) -> None:
    files = {"one/kustomization.yaml": "resources: [../sources/a.yaml]\n", "sources/a.yaml": source}
    assert told(run, write(tmp_path, files), "GB105") == expected


def test_link_to_a_folder_is_unread_and_no_error(run: Run, tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"one/kustomization.yaml": "resources: [base]\n", "base/kustomization.yaml": "namePrefix: a-\n"},
    )
    (root / "one" / "base").symlink_to("../base")
    assert told(run, root, "GB106,GB112") == [("GB112", "info")]


def test_charts_may_be_next_to_their_kustomization(run: Run, tmp_path: Path) -> None:
    text = "helmGlobals: {chartHome: .}\nhelmCharts: [{name: a, releaseName: a}]\n"
    root = write(tmp_path, OURS, {"one/kustomization.yaml": text})
    assert told(run, root, "GB108,GB114") == [("GB114", "info")]


WAVE = "annotations: {argocd.argoproj.io/sync-wave: '1'}"
CLAIM = f"""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, {WAVE}}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"""
SPEC = (
    "{containers: [{name: a, image: 'a:1'}], volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]}"
)
CRON = f"""\
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly}}
spec: {{schedule: "@daily", jobTemplate: {{spec: {{template: {{spec: {SPEC}}}}}}}}}
"""
LASTING = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: nightly}}\nspec: {SPEC}\n"


@pytest.mark.parametrize(("user", "expected"), [(CRON, []), (LASTING, [("GB222", "error")])])
def test_no_wave_waits_for_what_a_cron_job_will_need(
    run: Run, tmp_path: Path, user: str, expected: list[tuple[str, str]]
) -> None:
    assert told(run, write(tmp_path, OURS, in_shop(user=user, claim=CLAIM)), "GB222") == expected


def test_namespace_of_a_later_wave_is_not_a_fault_where_no_application_is_known(
    run: Run, tmp_path: Path
) -> None:
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: edge}\n"
    early = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: edge, ANNOTATIONS}\n"
    early = early.replace("ANNOTATIONS", WAVE.replace("'1'", "'-1'"))
    files = {"one/space.yaml": space, "one/early.yaml": early}
    assert told(run, write(tmp_path / "a", files), "GB222") == []
    applied = {
        **files,
        "root.yaml": application("one", "one", "edge").replace("[CreateNamespace=true]", "[]"),
    }
    assert told(run, write(tmp_path / "b", applied), "GB222") == [("GB222", "error")]


def test_job_with_the_labels_of_a_service_has_no_port_to_declare(run: Run, tmp_path: Path) -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\n"
    job += "spec: {template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, containers: "
    job += "[{name: a, image: 'a:1'}]}}}\n"
    assert told(run, write(tmp_path, OURS, in_shop(job=job)), "GB304") == []


def test_set_with_an_empty_generator_makes_nothing_and_is_not_refused(run: Run, tmp_path: Path) -> None:
    made = application("a", "apps", "argocd").partition("spec:\n")[2].replace("\n", "\n    ")
    empty = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: a, namespace: argocd}\n"
    empty += f"spec:\n  generators: [{{}}]\n  template:\n    metadata: {{name: a}}\n    spec:\n    {made}"
    assert URL in empty
    assert told(run, write(tmp_path, {"set.yaml": empty}), "GB115") == []
