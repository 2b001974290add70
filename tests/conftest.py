"""Guards and fixtures for every test: nothing of the user's is read or written by accident."""

from __future__ import annotations

import io
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core import cache_trust
from bootstrap.core.invocation import Invocation
from bootstrap.main import run as run_cli

USER_ENVIRONMENT = dict(os.environ)
"""As it was before the guards; only the programs' cache is taken from it."""

# A session that runs in the background ignores Ctrl-C, and so would every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

NO_KUBECONFIG = "/nonexistent/a-test-must-name-its-cluster"


def programs_cache() -> Path:
    """The user's own cache: built programs are shared between test runs."""
    return Invocation(environ=USER_ENVIRONMENT).cache_dir


def cache_key() -> Path:
    """The secret that the entries of that cache are sealed with."""
    return cache_trust.key_path(Invocation(environ=USER_ENVIRONMENT)).absolute()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="Write compared files anew.")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from tests import scheduling

    node.workerinput["clusters"] = str(scheduling.told(node.config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    from tests import scheduling

    return scheduling.make(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if getattr(config.option, "loadgroup", False):
        from tests import scheduling

        scheduling.arrange(config, items)


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Apart from the tests' folders: pytest looks through all of them for the next one's number."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _guarded_environment(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(tempfile.mkdtemp(prefix="", dir=_homes))
    for name in list(os.environ):
        if name.startswith(("XDG_", "GIT_", "KUBE", "BOOTSTRAP_", "ARGOCD_", "SSH_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KUBECONFIG", NO_KUBECONFIG)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(programs_cache()))
    monkeypatch.setenv("BOOTSTRAP_CACHE_KEY", str(cache_key()))
    monkeypatch.setenv("BOOTSTRAP_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("BOOTSTRAP_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("BOOTSTRAP_ARGOCD_IMAGES", "tag")  # a test that asks a registry names its own


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own (not pytest's of the same name), and kustomize on PATH."""
    from bootstrap.repository.tools import kustomize

    program = Path(kustomize(Invocation()))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BOOTSTRAP_CACHE_DIR", str(folder))
    return folder


@dataclass(frozen=True)
class Result:
    """What a command ended with and printed."""

    exit: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """`run("init", …, env={…})`: the command line in this process, streams captured."""

    def call(*arguments: str, env: dict[str, str] | None = None) -> Result:
        out, err = io.StringIO(), io.StringIO()
        environ = {**os.environ, **(env or {})}
        invocation = Invocation(stdin=io.StringIO(), stdout=out, stderr=err, environ=environ)
        status = run_cli(list(arguments), invocation)
        return Result(int(status), out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def invocation() -> Invocation:
    """An invocation with captured streams and the guarded environment."""
    return Invocation(
        stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), environ=dict(os.environ)
    )
