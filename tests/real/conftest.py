"""One sandbox with a real node for all of these tests; the tests of its lifecycle start their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.output import Output
from bootstrap.sandbox import embedded
from bootstrap.sandbox.node import layout, load, preflight
from tests.real import images
from tests.real.app import App, running
from tests.real.node import Node
from tests.sandbox.conftest import (
    TIMEOUT,
    _new_folder,
    _no_leftovers,
    private_invocation,
    pytest_sessionfinish,
    stop_all,
)
from tests.tools import tool

__all__ = ["_no_leftovers", "pytest_sessionfinish"]  # what a killed session has left is ended here too

PROCESSES = (*embedded.CONTROL_PLANE, "kube-scheduler", "kwok", layout.PROCESS)
"""Without Git host and Argo CD."""


def able(folder: Path) -> None:
    """Skip the test, with what is missing, where this machine cannot run a real node."""
    if missing := preflight.observe([str(folder)]).missing:
        pytest.skip(f"this machine cannot run a real node: {'; '.join(missing)}")
    for program in layout.PROGRAMS:
        assert tool(program)


def start(folder: Path, name: str, **environ: str) -> Node:
    """A sandbox with a real node in `folder`; `environ` is added to what its user has."""
    able(folder)
    invocation = private_invocation(folder)
    invocation = replace(invocation, environ={**invocation.environ, **environ})
    sandbox = embedded.up(
        name,
        invocation,
        Output(invocation, quiet=True),
        with_argocd=False,
        processes=PROCESSES,
        nodes="real",
        timeout=TIMEOUT,
    )
    return Node(sandbox, kube.connect(invocation, sandbox.context, sandbox.kubeconfig))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A sandbox with a real node, and the images of the voting app in its registry."""
    folder = _new_folder()
    try:
        found = start(folder, "real")
        archives = tmp_path_factory.mktemp("images")
        images.all_of(archives)
        load.load(archives, "real", Output(private_invocation(folder), quiet=True))
        yield found
    finally:
        stop_all(folder)


@pytest.fixture(scope="module")
def app(node: Node) -> Iterator[App]:
    """The voting app under enforced policies."""
    with running(node, ("nodeport", "network-policies")) as found:
        yield found
