"""The environment of the sandbox's programs: nothing of the user's but what they need."""

from __future__ import annotations

import ipaddress
import itertools
import os
from pathlib import Path

import pytest

from bootstrap.core import loopback
from bootstrap.core.invocation import Invocation
from bootstrap.sandbox import control_plane, environment
from bootstrap.sandbox.node import layout


@pytest.mark.parametrize(("gigabytes", "late"), [(4, False), (11, False), (12, True), (64, True)])
def test_garbage_is_collected_late_only_where_there_is_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: int, late: bool
) -> None:
    sizes = {"SC_PHYS_PAGES": gigabytes << 18, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", lambda name: sizes[name])
    made = environment.build(tmp_path, Invocation())
    assert (made["GOGC"], made.get("GOMEMLIMIT")) == (("300", "768MiB") if late else ("75", None))


def test_no_variable_of_the_users_reaches_them_unnamed(tmp_path: Path) -> None:
    environ = {"GIT_TOKEN": "s3cret", "GOGC": "1", "HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "a.example"}
    made = environment.build(tmp_path, Invocation(environ=environ))
    assert "s3cret" not in str(made)
    assert made["GOGC"] != "1"
    assert made["HTTPS_PROXY"] == "http://proxy:1"
    without = made["NO_PROXY"].split(",")
    assert {"a.example", *loopback.NAMES.split(","), layout.ADDRESS, layout.PODS, ".svc"} <= set(without)


def test_no_simulated_pod_has_the_address_of_one_that_runs() -> None:
    ranges = [
        ipaddress.ip_network(each) for each in (control_plane.PODS, control_plane.SERVICES, layout.PODS)
    ]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(ranges, 2))
