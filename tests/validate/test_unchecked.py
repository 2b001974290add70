"""What cannot be checked is said; a slip of the pen is found all the same."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootstrap.core.text import is_slip
from tests.conftest import Run
from tests.repositories import OURS, URL, application, write

pytestmark = pytest.mark.usefixtures("cache")

ISSUER = "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: letsencrypt-prod}\n"
ISSUER += "spec: {selfSigned: {}}\n"
CERTIFICATE = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {secretName: web-tls, issuerRef: {kind: ClusterIssuer, name: NAME}}
"""
CHART = (
    application("certificates", "x", "cert-manager", -20)
    .replace("    path: x\n", "    chart: cert-manager\n")
    .replace(
        f"repoURL: {URL}\n    targetRevision: HEAD",
        "repoURL: https://charts.example.com\n    targetRevision: v1.2.3",
    )
)
PROJECT = (
    OURS["clusters/one/project.yaml"]
    .replace("[http", "[https://charts.example.com, http")
    .replace('    - {group: "", kind: Namespace}\n', "    - {group: '*', kind: '*'}\n")
)
CLUSTER = OURS["clusters/one/kustomization.yaml"]


def repository(root: Path, issuer: str, chart: bool = True) -> str:
    base = OURS["apps/shop/base/kustomization.yaml"].replace("- shop.yaml", "- shop.yaml\n  - tls.yaml")
    more = "project.yaml\n  - issuer.yaml" + ("\n  - chart.yaml" if chart else "")
    files = {
        "apps/shop/base/kustomization.yaml": base,
        "apps/shop/base/tls.yaml": CERTIFICATE.replace("NAME", issuer),
        "clusters/one/kustomization.yaml": CLUSTER.replace("project.yaml", more),
        "clusters/one/project.yaml": PROJECT,
        "clusters/one/issuer.yaml": ISSUER,
        "clusters/one/chart.yaml": CHART if chart else None,
    }
    return str(write(root, OURS, files))


def issuers(run: Run, root: str) -> list[tuple[str, str]]:
    findings = json.loads(run("validate", root, "--rules", "GB342", "-o", "json").out)["findings"]
    return [(one["severity"], one["message"].partition("; ")[2]) for one in findings]


def test_missing_name_is_an_error_when_all_is_known_and_a_slip_is_a_warning_when_not(
    run: Run, tmp_path: Path
) -> None:
    assert issuers(run, repository(tmp_path / "a", "letsencrypt-prod")) == []
    assert issuers(run, repository(tmp_path / "b", "letsencrypt-prd")) == [
        ("warning", "did you mean letsencrypt-prod?")
    ]
    assert issuers(run, repository(tmp_path / "c", "vault")) == [("warning", "known: letsencrypt-prod")]
    assert [severity for severity, _ in issuers(run, repository(tmp_path / "d", "vault", chart=False))] == [
        "error"
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [("  # - ../../infrastructure/nginx\n", True), ("  - ../../infrastructure/nginx\n", False), ("", False)],
)
def test_class_of_a_controller_that_is_switched_off_is_reported(
    run: Run, tmp_path: Path, line: str, told: bool
) -> None:
    root = Path(repository(tmp_path, "letsencrypt-prod"))
    cluster = root / "clusters/one/kustomization.yaml"
    ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n"
    ingress += "spec: {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {name: http}}}}\n"
    files = {
        "clusters/one/kustomization.yaml": cluster.read_text() + line,
        "infrastructure/nginx/kustomization.yaml": "resources: [application.yaml]\n",
        "infrastructure/nginx/application.yaml": CHART.replace(
            "chart: cert-manager", "chart: ingress-nginx"
        ).replace("name: certificates", "name: nginx"),
        "apps/shop/base/tls.yaml": ingress,
    }
    write(root, files)
    findings = json.loads(run("validate", str(root), "--rules", "GB306", "-o", "json").out)["findings"]
    assert [one["severity"] for one in findings] == (["warning"] if told else [])


@pytest.mark.parametrize(
    ("chart", "told"),
    [
        ("cert-manager", True),
        ("platform-issuers", False),
        ("cert-manager\n    helm: {valuesObject: {extraObjects: [{kind: ClusterIssuer}]}}", False),
        ("cert-manager\n    helm: {valuesObject: {crds: {enabled: true}}}", True),
        ("cert-manager\n    helm: {valueFiles: [$other/values.yaml]}", False),
        ("cert-manager\n    helm: {valueFiles: [values-ha.yaml]}", True),
    ],
)
def test_chart_that_may_make_issuers_keeps_silence(run: Run, tmp_path: Path, chart: str, told: bool) -> None:
    root = repository(tmp_path, "vault")
    path = Path(root) / "clusters/one/chart.yaml"
    path.write_text(path.read_text().replace("chart: cert-manager", f"chart: {chart}"))
    assert issuers(run, root) == ([("warning", "known: letsencrypt-prod")] if told else [])
    other = "kind: Namespace\napiVersion: v1\nmetadata: {name: a}\n"
    (Path(root) / "clusters/one/issuer.yaml").write_text(other)
    assert issuers(run, root) == [], "where Git has none, they are made elsewhere"


@pytest.mark.parametrize(
    ("name", "known", "slip"),
    [
        ("letsencrypt-prd", "letsencrypt-prod", True),
        ("letsencrypt-prodd", "letsencrypt-prod", True),
        ("letsencrypt-porf", "letsencrypt-prod", False),
        ("letsencyrpt-prod", "letsencrypt-prod", True),
        ("letsencrypt-staging", "letsencrypt-prod", False),
        ("nginx-internal", "nginx-external", False),
        ("traefik", "traefik", False),
        ("treafik", "traefik", True),
        ("issuer-1", "issuer-2", False),
        ("standard2", "standard", False),
        ("zone-a", "zone-b", False),
        ("gp2", "gp3", False),
        ("fast-ssd", "fast-hdd", False),
        ("", "nginx", False),
    ],
)
def test_slip_is_one_letter_that_is_not_meant(name: str, known: str, slip: bool) -> None:
    assert is_slip(name, [known]) is slip
    assert is_slip(known, [name]) is slip


def test_every_format_says_what_was_not_checked(run: Run, tmp_path: Path) -> None:
    root = repository(tmp_path, "letsencrypt-prod")
    says = "names of issuers, ingress classes"
    text = run("validate", root)
    assert (text.exit, text.out) == (0, "")
    assert f"not checked: {says}" in text.err
    assert "chart cert-manager was not rendered (helm fetches charts only with --fetch-charts)" in text.err
    told = json.loads(run("validate", root, "-o", "json").out)["notChecked"]
    assert told["rules"] == ["GB342", "GB306", "GB341", "GB316", "GB333", "GB217"]
    assert [(one["application"], one["what"], one["file"]) for one in told["parts"]] == [
        ("argocd/certificates", "chart cert-manager", "clusters/one/chart.yaml")
    ]
    (log,) = json.loads(run("validate", root, "-o", "sarif").out)["runs"]
    read, note = log["invocations"][0]["toolExecutionNotifications"]
    assert (read["level"], note["level"]) == ("note", "note")
    assert says in note["message"]["text"]
    first, second = run("validate", root, "-o", "github").out.splitlines()
    assert second.startswith(f"::notice title=not checked::{says}")
    suite = ElementTree.fromstring(run("validate", root, "-o", "junit").out)  # noqa: S314 - our own output
    assert says in (suite.findtext("system-out") or "")
    assert f"Not checked: {says}" in run("validate", root, "-o", "markdown").out
    covered = "not read: chart cert-manager (helm fetches charts only with --fetch-charts)"
    assert covered in read["message"]["text"]
    assert first.startswith("::notice title=read::")
    assert covered in first
    assert covered in (suite.findtext("system-out") or "")
    assert "not read: chart cert-manager" in run("validate", root, "-o", "markdown").out


def test_nothing_is_reported_when_all_is_known_or_nothing_of_it_is_asked(run: Run, tmp_path: Path) -> None:
    whole = repository(tmp_path / "whole", "letsencrypt-prod", chart=False)
    assert json.loads(run("validate", whole, "-o", "json").out)["notChecked"] is None
    assert "not checked" not in run("validate", whole).err
    chart = repository(tmp_path / "chart", "letsencrypt-prod")
    assert "not checked" not in run("validate", chart, "--rules", "GB404").err
    assert "names of storage classes, because" in run("validate", chart, "--rules", "GB316").err.replace(
        " (except typos of one letter)", ""
    )


def test_what_is_unread_is_listed_once_however_many_folders_it_may_be_meant_for(
    run: Run, tmp_path: Path
) -> None:
    """Folders that no cluster leads to may be applied together: each lacks what the others do not show."""
    plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
    folders = {f"tools/{number}/kustomization.yaml": "resources: [c.yaml]\n" for number in range(9)}
    files = {**folders, **{name.replace("kustomization", "c"): plain for name in folders}}
    root = str(write(tmp_path, files, {"tools/0/chart.yaml": CHART, "tools/1/chart.yaml": CHART}))
    data = json.loads(run("validate", root, "-o", "json").out)
    listed = [(one["application"], one["what"]) for one in data["notChecked"]["parts"]]
    assert listed == [("argocd/certificates", "chart cert-manager")]
    assert [one["what"] for one in data["coverage"]["unread"]] == ["chart cert-manager"]
