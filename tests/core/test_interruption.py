"""Ctrl-C, SIGTERM, SIGHUP and SIGKILL: what runs is ended, nothing stays behind, the status says which."""

from __future__ import annotations

import base64
import datetime
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from bootstrap.core import scratch
from bootstrap.core.errors import ExitStatus
from tests import kubeconfigs
from tests.git_repositories import Bare
from tests.repositories import OURS, write

T = TypeVar("T")
OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
ENDS = {
    signal.SIGINT: ExitStatus.INTERRUPTED,
    signal.SIGTERM: ExitStatus.TERMINATED,
    signal.SIGHUP: ExitStatus.HANGUP,
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@contextmanager
def started(*arguments: str, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own."""
    command = [sys.executable, "-c", "from bootstrap.main import main; main()", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder) as process:
        try:
            yield process
        finally:
            process.kill()


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/dash\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def until(condition: Callable[[], T]) -> T:
    """Wait for something; ten minutes without it are a failure, on any machine."""
    deadline = time.monotonic() + 600
    while not (found := condition()):
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.01)
    return found


def is_gone(handles: Sequence[int]) -> bool:
    """Whether these programs (by their pidfd) end."""
    return all(select.select([handle], (), (), 60)[0] for handle in handles)


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("where", ["a branch", "a work tree"])
def test_push_is_ended_and_said_to_be_unknown(
    where: str, number: signal.Signals, tmp_path: Path, temporary: Path
) -> None:
    """Of a work tree, some git commands are still to clean up: they do not hide which signal it was."""
    bare = Bare(tmp_path / "gitops.git")
    tip = bare.commit({OVERLAY: b"images:\n  - name: web\n    newTag: v0\n"})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", bare.url, clone], check=True)
    came, go = tmp_path / "came", tmp_path / "go"
    os.mkfifo(came)
    os.mkfifo(go)
    hook = bare.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho $$ $PPID >{came}\nread x <{go}\n")
    hook.chmod(0o755)
    there = ("--repo", bare.url) if where == "a branch" else ()
    arguments = ("image", "set", "web=:v1", "--push", "--author", "A <a@example.org>", *there)
    with started(*arguments, "--app", "shop", "--env", "dev", folder=clone) as process:
        handles = [os.pidfd_open(int(one)) for one in came.read_text().split()]
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == ENDS[number]
    assert is_gone(handles)
    assert bare.tip() == tip
    assert "a push to branch main was under way and may or may not have arrived" in err
    assert f"git ls-remote {bare.url} refs/heads/main" in err
    assert "Traceback" not in err
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", ENDS)
def test_programs_that_render_are_ended_too(
    number: signal.Signals, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "[ $1 = version ] && echo v5.8.1 && exit\nsleep 1000 & echo $$ $! >draft; mv draft pids; wait"
    programs(tmp_path / "bin", monkeypatch, kustomize=script)
    root = write(tmp_path / "repository", OURS)
    with started("validate", str(root), "--no-cache") as process:
        (pids,) = until(lambda: list(temporary.glob("*/build-*/pids")))
        handles = [os.pidfd_open(int(one)) for one in pids.read_text().split()]
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == ENDS[number]
    assert is_gone(handles)
    assert err.strip().endswith("interrupted")
    assert list(temporary.iterdir()) == []


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths = folder / "certificate", folder / "key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(private)
    return paths


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_key_of_a_kubeconfig_does_not_stay_behind(
    number: signal.Signals, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, private = (base64.b64encode(path.read_bytes()).decode() for path in certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        user = {"client-certificate-data": public, "client-key-data": private}
        config = kubeconfigs.write(tmp_path / "config", url, user)
        monkeypatch.setenv("KUBECONFIG", str(config))
        with started("status") as process:
            server.settimeout(60)
            waiting = server.accept()[0]  # it has read its key, and asks
            texts = [path.read_text() for path in temporary.rglob("*") if path.is_file()]
            assert any("PRIVATE KEY" in text for text in texts)
            process.send_signal(number)
            process.communicate(timeout=120)
            waiting.close()
    if number == signal.SIGKILL:
        assert list(temporary.iterdir()) != []
        monkeypatch.setattr(scratch, "_swept", set())
        with scratch.folder("next", str(temporary)):
            assert len(list(temporary.iterdir())) == 1, "the next run sweeps"
    assert list(temporary.iterdir()) == []


def test_only_what_no_one_holds_is_swept(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "from bootstrap.core import scratch; print(scratch.take('x'), flush=True); input()"
    command = [sys.executable, "-c", other]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        held = Path(process.stdout.readline().strip())
        left = temporary / f"{scratch.PREFIX}left"
        left.mkdir()
        (left / ".lock").touch()
        young = temporary / f"{scratch.PREFIX}young"
        young.mkdir()
        link = temporary / f"{scratch.PREFIX}link"
        link.symlink_to(tmp_path)
        monkeypatch.setattr(scratch, "_swept", set())
        with scratch.folder("next", str(temporary)):
            assert not left.exists()
            assert held.is_dir()
            assert young.is_dir()
            assert link.is_symlink()
        process.communicate("\n")
    assert not held.parent.exists(), "a run that ends takes its own away"
