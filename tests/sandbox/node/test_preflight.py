"""What a machine lacks for a real node is said at once, with what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox.node import preflight

ASK = "from bootstrap.sandbox.node import preflight; print(preflight.observe([]).missing)"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root")
def test_everybody_but_root_is_told_so() -> None:
    program = f"import os; import bootstrap.sandbox.node.preflight; os.setuid(65534); {ASK}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "you are not root" in done.stdout, done.stderr


@pytest.mark.parametrize("path", ["/opt/data/sandbox", "/run/x", "/var/lib/x/y", "/mnt/disk"])
def test_what_a_node_could_not_see_is_refused_by_its_path(path: str) -> None:
    assert any(path in each for each in preflight.observe([path]).missing)
    with pytest.raises(SandboxError, match=path):
        preflight.check([path])


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preflight, "SYSTEM_PATH", str(tmp_path))
    (found,) = [each for each in preflight.observe([]).missing if "not on PATH" in each]
    assert "runc" in found
    assert "nftables" in found
