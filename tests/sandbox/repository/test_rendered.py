"""What is rendered here is what Argo CD's repository server renders, object by object."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from bootstrap import argocd, kube
from bootstrap.core.invocation import Invocation
from bootstrap.kube import Cluster, served
from bootstrap.manifests.reader import load_all
from bootstrap.repository.model import Options
from bootstrap.repository.read import read
from bootstrap.repository.store import Store
from bootstrap.sandbox.addresses import Sandbox
from tests import charts, registries
from tests.mirror import certificates
from tests.sandbox.argocd.test_live import Repository, project
from tests.sandbox.conftest import private_invocation
from tests.sandbox.kubernetes import delete, made
from tests.sandbox.repository.rendered_cases import CHART, DIRECTORY, FILES, HELM, KUSTOMIZE
from tests.tools import tool

ROOT = Path(__file__).parents[3]
TRACKED = "argocd.argoproj.io/tracking-id"
TIMEOUT = 300.0
"""Seconds for one answer of Argo CD on a busy machine."""
Objects = list[str] | str
"""The objects as JSON, sorted; a text says why there are none."""


@dataclass(frozen=True)
class Compared:
    """Applications by the name of their case: as rendered here, and as Argo CD says."""

    here: Mapping[str, Objects]
    there: Mapping[str, Objects]


@pytest.fixture(scope="module")
def compared(
    sandbox: Sandbox, argocd_manifest: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compared]:
    """One repository on the sandbox's Git host, and an Application for each case; nothing is synced."""
    cluster = kube.connect(private_invocation(sandbox.folder), sandbox.context, sandbox.kubeconfig)
    folder = tmp_path_factory.mktemp("rendered")
    repository = Repository(sandbox, cluster, folder)
    ca_file, server_file = certificates(folder)
    with (
        charts.served() as chart_repository,
        registries.running(folder / "registry", certificate=server_file) as registry,
        project(cluster) as name,
    ):
        packed = chart_repository.add("thing", "1.2.3", CHART)
        chart_repository.add(
            "thing", "1.3.0", {**CHART, "Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.3.0\n"}
        )
        charts.push(packed, f"{registry.host}/charts", folder, f"--ca-file={ca_file}")
        sources = _sources(repository.url, chart_repository.url, f"{registry.host}/charts")
        bodies = {
            case: _application(f"{name}-{number}", name, source)
            for number, (case, source) in enumerate(sources.items())
        }
        files = {**_catalog(), **{path: text.encode() for path, text in FILES.items()}}
        for case in KUSTOMIZE:  # Argo CD edits the files of its one checkout: each case has its own
            own = f"cases/overlay-{case}/"
            files |= {
                path.replace("cases/overlay/", own): text.encode()
                for path, text in FILES.items()
                if path.startswith("cases/overlay/")
            }
        files["infrastructure/argocd/manifests/install.yaml"] = argocd_manifest.read_bytes()
        files["clusters/compared/kustomization.yaml"] = b"resources: [applications.yaml]\n"
        files["clusters/compared/applications.yaml"] = b"---\n".join(
            json.dumps(body).encode() + b"\n" for body in bodies.values()
        )
        repository.bare.commit(files)
        repository.push({})
        secret = {"name": b"charts", "url": f"{registry.host}/charts".encode(), "type": b"helm"}
        secret |= {"enableOCI": b"true", "insecure": b"true"}
        labels = {"argocd.argoproj.io/secret-type": "repository"}
        kube.ensure_secret(cluster, argocd.NAMESPACE, name, data=secret, generate=(), labels=labels)
        kube.apply(cluster, [made(body) for body in bodies.values()], namespace=argocd.NAMESPACE)
        work = folder / "work"
        for path, content in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(ca_file))
            here = _rendered_here(
                work,
                cluster,
                repository.url,
                {body["metadata"]["name"]: case for case, body in bodies.items()},
            )
        there = _rendered_there(sandbox, cluster, bodies)
        yield Compared(here, there)
        for path in (repository.secret, f"/api/v1/namespaces/{argocd.NAMESPACE}/secrets/{name}"):
            delete(cluster, path)


def _catalog() -> dict[str, bytes]:
    listed = subprocess.check_output(
        ["git", "ls-files", "apps", "infrastructure", "clusters"], cwd=ROOT, text=True
    )
    return {path: (ROOT / path).read_bytes() for path in listed.splitlines()}


def _sources(url: str, chart_repository: str, registry: str) -> dict[str, list[dict[str, Any]]]:
    """The sources of each case's Application."""

    def here(path: str, **more: Any) -> list[dict[str, Any]]:
        return [{"repoURL": url, "targetRevision": "main", "path": path, **more}]

    found = {}
    for path in sorted(_catalog()):
        folder, _, file = path.rpartition("/")
        if file == "kustomization.yaml" and b"kind: Component" not in (ROOT / path).read_bytes():
            found[f"catalog {folder}"] = here(folder)
        elif file == "kustomization.yaml":
            on = (
                "apps/voting-app/overlays/dev"
                if folder.startswith("apps/")
                else "infrastructure/argocd/manifests"
            )
            with_it = {"components": [os.path.relpath(folder, on)]}
            found[f"catalog {folder}"] = here(on, kustomize=with_it)
    found |= {f"helm {case}": here("cases/chart", helm=helm) for case, helm in HELM.items()}
    found |= {
        f"kustomize {case}": here(f"cases/overlay-{case}", kustomize=one) for case, one in KUSTOMIZE.items()
    }
    found |= {f"directory {case}": here("cases/plain", directory=one) for case, one in DIRECTORY.items()}
    found["helm dependency"] = here("cases/parent")
    found["helm source file"] = here("cases/sourced")
    ref = {"repoURL": url, "targetRevision": "main", "ref": "values"}
    files = ["values-inside.yaml", "$values/cases/values/10-first.yaml", "$values/cases/values/deep/*.yaml"]
    for case, repo, version in (
        ("repository", chart_repository, "1.2.3"),
        ("range", chart_repository, "~1.3"),
        ("registry", registry, "1.2.3"),
    ):
        chart = {"repoURL": repo, "chart": "thing", "targetRevision": version, "helm": {"valueFiles": files}}
        found[f"chart {case}"] = [chart, ref]
    parameter = {"fileParameters": [{"name": "text", "path": "$values/cases/text.txt"}]}
    found["chart file"] = [
        {"repoURL": chart_repository, "chart": "thing", "targetRevision": "1.2.3", "helm": parameter},
        ref,
    ]
    return found


def _application(name: str, project: str, sources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": project,
            "sources": sources,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "compared"},
        },
    }


def _rendered_here(root: Path, cluster: Cluster, url: str, cases: Mapping[str, str]) -> dict[str, Objects]:
    options = Options("compared", False, True, served.release(cluster), served.api_versions(cluster), (url,))
    environ = {**os.environ, "PATH": f"{tool('helm').parent}:{tool('kustomize').parent}:{os.environ['PATH']}"}
    repository = read(root, Invocation(environ=environ), Store(None), options)
    [scope] = repository.scopes
    found: dict[str, Objects] = {case: [] for case in cases.values()}
    for placement in scope.placements:
        case = cases.get(placement.application.removeprefix("argocd/"))
        unit = repository.units[placement.unit.key]
        if case is not None and unit.broken | any(fault.code == "chart" for _, fault in unit.faults):
            found[case] = unit.faults[0][1].message
    for one in repository.objects(scope):
        objects = found.get(cases.get(one.application.removeprefix("argocd/"), ""), "")
        if isinstance(objects, list):
            objects.append(_untracked(dict(one.body)))
    return {case: sorted(one) if isinstance(one, list) else one for case, one in found.items()}


def _rendered_there(sandbox: Sandbox, cluster: Cluster, bodies: Mapping[str, Any]) -> dict[str, Objects]:
    """By `argocd app manifests`, without the annotation that says whose an object is."""
    session = {"username": "admin", "password": argocd.initial_password(cluster)}
    answer = requests.post(f"{sandbox.argocd_url}/api/v1/session", json=session, timeout=60)
    answer.raise_for_status()
    environ = {**os.environ, "ARGOCD_AUTH_TOKEN": answer.json()["token"]}
    server = sandbox.argocd_url.partition("://")[2]

    def asked(body: dict[str, Any]) -> Objects:
        name, sources = body["metadata"]["name"], body["spec"]["sources"]
        command = [str(tool("argocd")), "app", "manifests", name, "--server", server, "--plaintext"]
        # With revisions, the repository server is asked; without, what the controller has compared.
        for number, source in enumerate(sources, 1):
            command += ["--revisions", source["targetRevision"], "--source-positions", str(number)]
        ended = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        if ended.returncode:
            return ended.stderr
        return sorted(_untracked(one) for one in load_all(ended.stdout) if isinstance(one, dict))

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(bodies, pool.map(asked, bodies.values()), strict=True))


def _untracked(body: dict[str, Any]) -> str:
    """Without what Argo CD adds, and what it hides: the values of Secrets."""
    annotations = body.get("metadata", {}).get("annotations") or {}
    annotations.pop(TRACKED, None)
    if not annotations:
        body.get("metadata", {}).pop("annotations", None)
    if body.get("kind") == "Secret":
        hidden = ("data", "stringData")
        body = {key: sorted(value or ()) if key in hidden else value for key, value in body.items()}
    return json.dumps(body, sort_keys=True)


def differing(compared: Compared, kind: str) -> dict[str, tuple[Objects, Objects]]:
    """The cases that come out differently: only here, and only there."""
    found: dict[str, tuple[Objects, Objects]] = {}
    chosen = [case for case in compared.there if case.startswith(f"{kind} ")]
    assert chosen
    for case in chosen:
        here, there = compared.here[case], compared.there[case]
        if isinstance(here, list) and isinstance(there, list):
            only = sorted(set(here) - set(there)), sorted(set(there) - set(here))
            if here != there:
                found[case] = only
        elif isinstance(here, list) or isinstance(there, list):
            found[case] = here, there
    return found


@pytest.mark.parametrize("kind", ["catalog", "kustomize", "directory", "helm", "chart"])
def test_what_is_rendered_here_is_what_argo_cd_renders(compared: Compared, kind: str) -> None:
    assert differing(compared, kind) == {}


def test_what_argo_cd_refuses_is_refused_here(compared: Compared) -> None:
    refused = {case for case, there in compared.there.items() if isinstance(there, str)}
    assert {"helm schema", "helm gone", "kustomize label-twice", "kustomize annotation-twice"} <= refused
    assert "kustomize components-gone" in refused
    assert not any(case.startswith(("catalog", "directory", "chart")) for case in refused)
