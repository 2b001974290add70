"""Real clusters for tests: started once a session, in private folders, stopped however the session ends.

Fixtures:
  api_server   etcd, API server and controllers; ready in seconds. For what only needs Kubernetes itself.
  sandbox      everything: nodes, metrics, Gitea, Argo CD and its processes. For what needs the real whole.
  namespace    a fresh namespace of `sandbox`, deleted afterwards.
  private      an invocation with an own data folder, for tests that start, kill and purge sandboxes.
Both clusters are shared: a test leaves no cluster-scoped object behind and touches no other's namespace.
"""

from __future__ import annotations

import atexit
import io
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from bootstrap import kube
from bootstrap.argocd.install_manifest import Variant
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.programs.find import NAMES
from bootstrap.sandbox import embedded, process
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.state import sandboxes
from tests import scheduling
from tests.conftest import USER_ENVIRONMENT, cache_key, programs_cache
from tests.sandbox.world import World
from tests.tools import tool

PREFIX = "bootstrap-tests-"
TIMEOUT = 300.0
"""Seconds a sandbox gets to start on a busy machine."""

_folders: list[Path] = []


def private_invocation(folder: Path) -> Invocation:
    """An invocation whose sandboxes are in `folder`; programs come from the user's own cache."""
    environ = {
        "PATH": USER_ENVIRONMENT.get("PATH", os.defpath),
        "HOME": str(folder / "home"),
        "BOOTSTRAP_CACHE_DIR": str(programs_cache()),
        "BOOTSTRAP_CACHE_KEY": str(cache_key()),
        "BOOTSTRAP_DATA_DIR": str(folder / "data"),
        "BOOTSTRAP_STATE_DIR": str(folder / "state"),
        "BOOTSTRAP_ARGOCD_IMAGES": "tag",
        **{name: USER_ENVIRONMENT[name] for name in ("GOPROXY", "PIP_INDEX_URL") if name in USER_ENVIRONMENT},
    }
    return Invocation(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ=environ)


def stop_all(folder: Path) -> None:
    """End every sandbox below the folder, and delete it."""
    for path in sandboxes(Invocation(environ={"BOOTSTRAP_DATA_DIR": str(folder / "data")})).glob("*/"):
        embedded.stop(path)
    shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    """Short, as sockets' paths are limited; its name says which process it belongs to."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    _folders.append(folder)
    return folder


# A terminated session ends as an interrupted one does: by its finalisers.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@atexit.register
def _stop_what_is_left() -> None:
    while _folders:
        stop_all(_folders.pop())


def pytest_sessionfinish() -> None:
    """Also after Ctrl-C, which skips the fixtures' own ends when it comes twice."""
    _stop_what_is_left()


@pytest.fixture(scope="session", autouse=True)
def _no_leftovers() -> None:
    """End what the sandboxes of a killed session have left running."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name[len(PREFIX) :].partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and folder.stat().st_uid == os.getuid():
            stop_all(folder)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A shared cluster ends with its last test: one that idles takes processor time from the others."""
    used = scheduling.cluster_of(item)
    if used is None or not getattr(item.config.option, "loadgroup", False):
        return
    if nextitem is None or (item.path != nextitem.path and used != scheduling.cluster_of(nextitem)):
        for folder in _folders:
            if (folder / "data" / "sandboxes" / scheduling.CLUSTERS[used]).is_dir():
                stop_all(folder)


def _start(name: str, **options: Any) -> Generator[Sandbox]:
    for program in NAMES:
        assert tool(program)  # else it would be compiled here, against the time to start
    folder = _new_folder()
    invocation = private_invocation(folder)
    try:
        yield embedded.up(name, invocation, Output(invocation, quiet=True), timeout=TIMEOUT, **options)
    finally:
        stop_all(folder)
        _folders.remove(folder)


@pytest.fixture(scope="session")
def api_server() -> Iterator[Sandbox]:
    """An API server with the Kubernetes controllers, without nodes: pods stay Pending."""
    yield from _start("tests-api", with_argocd=False, processes=embedded.CONTROL_PLANE)


@pytest.fixture(scope="session")
def admin(api_server: Sandbox) -> kube.Cluster:
    """A connection to that API server, as its admin."""
    return kube.connect(private_invocation(api_server.folder), api_server.context, api_server.kubeconfig)


@pytest.fixture
def ns(admin: kube.Cluster) -> Iterator[str]:
    """A fresh namespace of that API server."""
    from tests.sandbox.kubernetes import temporary_namespace

    with temporary_namespace(admin) as name:
        yield name


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The whole sandbox, Argo CD installed and running."""
    yield from _start("tests")


@pytest.fixture
def cluster(sandbox: Sandbox) -> kube.Cluster:
    """A connection to the whole sandbox's API server, as its admin."""
    return kube.connect(private_invocation(sandbox.folder), sandbox.context, sandbox.kubeconfig)


@pytest.fixture
def namespace(cluster: kube.Cluster) -> Iterator[str]:
    """A fresh namespace of the whole sandbox."""
    from bootstrap.manifests.objects import ClusterObject

    name = f"test-{secrets.token_hex(4)}"
    kube.ensure_namespace(cluster, name)
    yield name
    kube.delete(cluster, [ClusterObject("v1", "Namespace", "", name, b"")])


@pytest.fixture
def private() -> Iterator[Invocation]:
    """An invocation of an own data folder: sandboxes started with it are this test's alone."""
    folder = _new_folder()
    try:
        yield private_invocation(folder)
    finally:
        stop_all(folder)
        _folders.remove(folder)


def processes_of(folder: Path) -> set[str]:
    """The roles of the live processes that belong to the sandbox in the folder."""
    return {role for _, role in process.owned(folder)}


@pytest.fixture(scope="session")
def hosts() -> Iterator[Sandbox]:
    """An API server without controllers, and Gitea; see world.py. Emptied between tests."""
    from tests.sandbox.world import PROCESSES

    yield from _start("tests-hosts", with_argocd=False, processes=PROCESSES)


@pytest.fixture(scope="session")
def argocd_manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[Variant, Path]:
    """Argo CD's own manifests as files, verified; from the release, or with the build of Argo CD."""
    from bootstrap import argocd

    invocation = private_invocation(tmp_path_factory.mktemp("manifest"))
    assert tool("argocd")  # the manifests come with its build
    folder = tmp_path_factory.mktemp("argocd")
    for variant in get_args(Variant):
        (folder / f"{variant}.yaml").write_bytes(argocd.manifest(invocation, None, variant).content)
    return {variant: folder / f"{variant}.yaml" for variant in get_args(Variant)}


@pytest.fixture(scope="session")
def argocd_manifest(argocd_manifests: dict[Variant, Path]) -> Path:
    """The one that `init` takes by itself."""
    return argocd_manifests["install"]


@pytest.fixture(scope="session")
def small_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with what Argo CD's manifest must have: for tests that are about the rest."""
    from tests.argocd_manifest import manifest

    path = tmp_path_factory.mktemp("argocd") / "install.yaml"
    path.write_bytes(manifest())
    return path


@pytest.fixture
def world(hosts: Sandbox, small_manifest: Path, tmp_path: Path) -> World:
    """An empty cluster, and the URL of a repository that does not exist."""
    from tests.sandbox import world

    return world.make(hosts, small_manifest, f"gitops-{secrets.token_hex(4)}", tmp_path)


@pytest.fixture(scope="session")
def living() -> Iterator[Sandbox]:
    """An API server with Kubernetes' controllers, and Gitea; see living.py. Emptied between tests."""
    from tests.sandbox.living import PROCESSES

    yield from _start("tests-living", with_argocd=False, processes=PROCESSES)


@pytest.fixture
def lived(living: Sandbox, small_manifest: Path, tmp_path: Path) -> World:
    """An empty cluster with controllers, and the URL of a repository that is not there."""
    from tests.sandbox import kubernetes, world
    from tests.sandbox.living import let_go

    let_go(kubernetes.admin(living))

    return world.make(living, small_manifest, f"gitops-{secrets.token_hex(4)}", tmp_path)
