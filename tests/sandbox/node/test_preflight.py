"""What a machine lacks for a real node is said at once, with what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core.errors import SandboxError
from bootstrap.sandbox.node import preflight, trial

ASK = "from bootstrap.sandbox.node import preflight; print(preflight.observe([]).missing)"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root")
def test_everybody_but_root_is_told_so() -> None:
    program = f"import os; import bootstrap.sandbox.node.preflight; os.setuid(65534); {ASK}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "you are not root" in done.stdout, done.stderr


def seen_from(*command: str) -> str:
    """What is missing where `command` runs its last argument in a shell."""
    ask = f"exec {sys.executable} -c '{ASK}'"
    done = subprocess.run([*command[:-1], f"{command[-1]}{ask}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights away, as containers do")
@pytest.mark.parametrize(
    ("hidden", "named"),
    [
        (
            "mount -o bind,ro /sys/fs/cgroup /sys/fs/cgroup; mount -o remount,bind,ro /sys/fs/cgroup/memory;",
            "/sys/fs/cgroup",
        ),
        ("mount -t tmpfs x /sys/fs/cgroup;", "no control groups are mounted"),
    ],
)
def test_a_container_that_hides_a_part_of_the_machine_is_told_which(hidden: str, named: str) -> None:
    assert named in seen_from("unshare", "--mount", "--", "sh", "-c", f"{hidden} ")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights away, as containers do")
@pytest.mark.parametrize("right", ["sys_admin", "net_admin"])
def test_a_right_that_root_lacks_is_named(right: str) -> None:
    kept = ("setpriv", f"--bounding-set=-{right}", f"--inh-caps=-{right}", "sh", "-c", "")
    assert f"CAP_{right.upper()} is missing" in seen_from(*kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs namespaces")
def test_a_step_that_the_kernel_refuses_is_named_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if preflight.observe([]).missing:
        pytest.skip("this machine cannot run a real node")
    monkeypatch.setattr(
        trial, "STEPS", {**trial.STEPS, "use a module": "echo first; echo no such module >&2; false"}
    )
    found = trial.run(tmp_path)
    assert found.refused == ("cannot use a module: no such module",)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs namespaces")
def test_a_trial_leaves_nothing_on_the_machine(tmp_path: Path) -> None:
    before = Path("/proc/net/dev").read_text().count(":"), Path("/proc/self/mounts").read_text()
    trial.run(tmp_path)
    assert (Path("/proc/net/dev").read_text().count(":"), Path("/proc/self/mounts").read_text()) == before


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
