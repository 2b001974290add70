"""The programs that tests run: the sandbox's own, and some that only tests need.

Each of the latter has a folder with a Go module that pins it. `python -m tests.tools` builds what is missing,
before pytest starts: a test that compiled its tool would measure the compiler, and fail on a busy machine.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.programs import cache as program_cache
from bootstrap.programs import path
from bootstrap.programs.pinned import BY_NAME, Pinned
from tests.conftest import USER_ENVIRONMENT

PINNED = {
    "act": Pinned(
        name="act",
        version="v0.2.89",
        module=str(Path(__file__).parent / "act"),
        package="github.com/nektos/act",
        seconds=60,
        fit="any",
    ),
    "gitea-runner": Pinned(
        name="gitea-runner",
        version="v0.261.10",  # of Gitea's act, which it is made of
        module=str(Path(__file__).parent / "gitea-runner"),
        package=".",
        seconds=90,
        fit="any",
        on_path="bootstrap-tests-gitea-runner",
    ),
    "actionlint": Pinned(
        name="actionlint",
        version="v1.7.12",
        module=str(Path(__file__).parent / "actionlint"),
        package="github.com/rhysd/actionlint/cmd/actionlint",
        seconds=15,
        fit="any",
    ),
    "promtool": Pinned(
        name="promtool",
        version="v0.316.0",  # Prometheus 3.16.0 by the number that its module has
        module=str(Path(__file__).parent / "promtool"),
        package="github.com/prometheus/prometheus/cmd/promtool",
        seconds=195,
        fit="any",
    ),
    "amtool": Pinned(
        name="amtool",
        version="v0.34.2",
        module=str(Path(__file__).parent / "amtool"),
        package="github.com/prometheus/alertmanager/cmd/amtool",
        seconds=35,
        fit="any",
    ),
    "istio-analyze": Pinned(
        name="istio-analyze",
        version="v0.0.0-20260827124520-eed52ebb66ad",  # of Istio 1.31's development
        module=str(Path(__file__).parent / "istio-analyze"),
        package=".",
        seconds=170,
        fit="exact",
    ),
    "alloy-outline": Pinned(
        name="alloy-outline",
        version="v0.1.1",  # of the language, which Alloy 1.18.1 takes
        module=str(Path(__file__).parent / "alloy-outline"),
        package=".",
        seconds=15,
        fit="any",
    ),
    "voting-app": Pinned(
        name="voting-app",
        version="v1.0.0",
        module=str(Path(__file__).parent / "voting-app"),
        package=".",
        seconds=20,
        fit="any",
        on_path="bootstrap-tests-voting-app",
    ),
    "otelcol": Pinned(
        name="otelcol",
        version="v0.158.0",
        module=str(Path(__file__).parent / "otelcol"),
        package=".",
        seconds=150,
        fit="minor",
        asks=("components",),
        # A collector on PATH may be made of other parts.
        says=("k8s_attributes", "service_graph", "span_metrics", "zipkin"),
    ),
}


@cache
def tool(name: str) -> Path:
    """The program's path, on PATH or in the cache; without one the test fails and says what to run."""
    pinned = PINNED.get(name) or BY_NAME[name]
    found = find(pinned, Invocation(stdout=io.StringIO(), stderr=io.StringIO(), environ=USER_ENVIRONMENT))
    if found is None:
        pytest.fail(f"{name} {pinned.version} is not built: make test-programs", pytrace=False)
    return found


def find(pinned: Pinned, invocation: Invocation) -> Path | None:
    """Where a program is, if it is anywhere; builds nothing."""
    if there := path.find(pinned, invocation):
        return there[0]
    placed = program_cache.find(pinned, invocation)
    return placed.path if placed else None
