"""What a merge made is built before it is pushed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.init import build_check
from bootstrap.repository.tools import Built, Overlay, build_many

CLUSTER = "clusters/one/kustomization.yaml"
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
GOOD = {
    CLUSTER: b"resources: [cm.yaml]\n",
    "clusters/one/cm.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
}


def check(
    before: dict[str, bytes], after: dict[str, bytes], tmp_path: Path, prefix: str = ""
) -> dict[str, bool]:
    import os

    invocation = Invocation(environ={**os.environ, "TMPDIR": str(tmp_path)})
    found = build_check.findings(before, after, prefix, invocation, lambda _: None)
    assert not list(tmp_path.iterdir())
    return {finding.found.partition(" ")[0]: finding.fatal for finding in found}


def test_what_builds_is_not_a_finding(tmp_path: Path) -> None:
    assert check({}, GOOD, tmp_path) == {}
    assert check({}, {}, tmp_path) == {}


def test_what_built_before_and_would_not_any_more_prevents_the_push(tmp_path: Path) -> None:
    after = {path: text for path, text in GOOD.items() if path == CLUSTER}
    assert check(GOOD, after, tmp_path) == {"clusters/one": True}
    assert check({}, {OVERLAY: b"resources: [../../base]\n"}, tmp_path) == {"apps/shop/overlays/dev": True}


def test_what_never_built_is_reported_and_prevents_nothing(tmp_path: Path) -> None:
    broken = {OVERLAY: b"resources: [../../base]\n"}
    assert check(broken, {**GOOD, **broken}, tmp_path) == {"apps/shop/overlays/dev": False}


def test_only_what_is_in_the_layout_is_built(tmp_path: Path) -> None:
    other = {f"other/{OVERLAY}": b"resources: [../../base]\n"}
    inside = {f"platform/{path}": text for path, text in GOOD.items()}
    assert check({}, {**other, **inside}, tmp_path, "platform/") == {}


def test_what_built_is_not_built_again_until_something_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[int] = []

    def counted(root: Path, overlays: Sequence[Overlay], program: str) -> list[Built]:
        builds.append(len(overlays))
        return build_many(root, overlays, program)

    monkeypatch.setattr(build_check, "build_many", counted)
    broken = {path: text for path, text in GOOD.items() if path == CLUSTER}
    assert check({}, GOOD, tmp_path) == check({}, GOOD, tmp_path) == {}
    assert builds == [1]
    assert check({}, {**GOOD, "clusters/one/cm.yaml": b"kind: ConfigMap\n"}, tmp_path) == {
        "clusters/one": True
    }
    for _ in range(2):
        assert check({}, broken, tmp_path) == {"clusters/one": True}
    assert builds == [1, 1, 1, 1], "a failure may be the machine's: it is looked at again"
    assert check({}, GOOD, tmp_path) == {}
    assert len(builds) == 4
