"""up and down: one sandbox however often, several in parallel, nothing of anyone else's touched."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.errors import InputError, SandboxError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import embedded, process, state, status
from bootstrap.sandbox.addresses import Sandbox
from bootstrap.sandbox.lock import held
from tests.conftest import Run
from tests.sandbox.conftest import TIMEOUT, processes_of

SMALL = embedded.CONTROL_PLANE


def up(invocation: Invocation, name: str = "own", processes: tuple[str, ...] = SMALL) -> Sandbox:
    output = Output(invocation, quiet=True)
    return embedded.up(name, invocation, output, with_argocd=False, processes=processes, timeout=TIMEOUT)


def down(invocation: Invocation, name: str = "own", purge: bool = False) -> list[str]:
    return embedded.down(name, invocation, Output(invocation, quiet=True), purge)


def eventually(condition: Callable[[], bool], waited_for: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, waited_for
        time.sleep(0.05)


def pids(folder: Path, names: tuple[str, ...] = SMALL) -> dict[str, int]:
    found = {name: process.running(folder, name) for name in names}
    return {name: item.pid for name, item in found.items() if item}


def test_up_twice_is_one_sandbox_and_restarts_only_what_died(private: Invocation) -> None:
    sandbox = up(private)
    before = pids(sandbox.folder)
    assert set(before) == set(SMALL)
    assert up(private) == sandbox
    assert pids(sandbox.folder) == before
    os.kill(before["kube-controller-manager"], signal.SIGKILL)
    eventually(lambda: "kube-controller-manager" not in pids(sandbox.folder), "the killed process to be gone")
    assert up(private) == sandbox
    after = pids(sandbox.folder)
    assert set(after) == set(SMALL)
    assert {name for name in SMALL if after[name] != before[name]} == {"kube-controller-manager"}


def test_down_and_up_keeps_ports_and_objects_and_purge_removes_all(private: Invocation) -> None:
    sandbox = up(private)
    kube.ensure_namespace(kube.connect(private, sandbox.context, sandbox.kubeconfig), "kept")
    assert set(down(private)) == set(SMALL)
    assert processes_of(sandbox.folder) == set()
    assert up(private) == sandbox
    cluster = kube.connect(private, sandbox.context, sandbox.kubeconfig)
    assert kube.get(cluster, "v1", "Namespace", None, "kept")
    down(private, purge=True)
    assert processes_of(sandbox.folder) == set()
    assert not sandbox.folder.exists()
    assert embedded.find("own", private) is None


def test_port_that_another_program_took_is_chosen_anew(private: Invocation) -> None:
    sandbox = up(private)
    before = state.load(sandbox.folder)
    assert before
    down(private)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before.ports["kube-apiserver"]))
        other.listen()
        again = up(private)
        after = state.load(sandbox.folder)
        assert after
        changed = {name for name, port in after.ports.items() if port != before.ports[name]}
        assert changed == {"kube-apiserver"}
        kube.connect(private, again.context, again.kubeconfig)


def test_two_sandboxes_side_by_side_share_no_port_and_end_apart(private: Invocation) -> None:
    with_errors: list[BaseException] = []
    found: dict[str, Sandbox] = {}

    def start(name: str) -> None:
        try:
            found[name] = up(private, name)
        except BaseException as error:
            with_errors.append(error)

    threads = [threading.Thread(target=start, args=(name,)) for name in ("hub", "spoke")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not with_errors
    settings = [state.load(found[name].folder) for name in found]
    ports = [port for item in settings if item for port in item.ports.values()]
    assert len(ports) == 2 * len(state.PORTS)
    assert len(set(ports)) == len(ports)
    assert found["hub"].context != found["spoke"].context
    down(private, "spoke")
    assert set(pids(found["hub"].folder)) == set(SMALL)
    kube.connect(private, found["hub"].context, found["hub"].kubeconfig)


def test_two_ups_at_once_start_everything_once(private: Invocation) -> None:
    program = (
        "import sys\nfrom bootstrap.core.invocation import Invocation\n"
        "from bootstrap.core.output import Output\n"
        "from bootstrap.sandbox import embedded as lifecycle\ninvocation = Invocation()\n"
        "lifecycle.up('own', invocation, Output(invocation, quiet=True), with_argocd=False,\n"
        "             processes=lifecycle.CONTROL_PLANE, timeout=180)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", program], env=dict(private.environ), stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for child in children:
        _, said = child.communicate(timeout=TIMEOUT)
        assert child.returncode == 0, said.decode()
    roles = sorted(role for _, role in process.owned(state.folder_of("own", private)))
    assert roles == sorted(SMALL)


@pytest.mark.parametrize("after", ["etcd", "kube-apiserver"])
def test_up_killed_in_the_middle_is_continued_by_the_next(private: Invocation, after: str) -> None:
    program = (
        "from bootstrap.core.invocation import Invocation\nfrom bootstrap.core.output import Output\n"
        "from bootstrap.sandbox import embedded as lifecycle, process\nimport os, signal\n"
        "real = process.write_private\n"
        "def killed(path, content, mode=0o600):\n"
        f"    if path.name == '{after}.json':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"  # started, and not yet recorded
        "    return real(path, content, mode)\n"
        "process.write_private = killed\ninvocation = Invocation()\n"
        "lifecycle.up('own', invocation, Output(invocation, quiet=True), with_argocd=False,\n"
        "             processes=lifecycle.CONTROL_PLANE, timeout=180)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], env=dict(private.environ), check=False)
    assert ended.returncode == -signal.SIGKILL
    folder = state.folder_of("own", private)
    assert after in processes_of(folder)
    sandbox = up(private)
    roles = sorted(role for _, role in process.owned(folder))
    assert roles == sorted(SMALL)
    kube.connect(private, sandbox.context, sandbox.kubeconfig)


def test_down_after_a_killed_up_leaves_nothing_running(private: Invocation) -> None:
    sandbox = up(private)
    (sandbox.folder / "processes" / "etcd.json").unlink()  # as if killed before it was written
    down(private)
    assert processes_of(sandbox.folder) == set()


def test_recycled_pid_is_never_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as innocent:
        try:
            (tmp_path / "processes").mkdir()
            record = {"pid": innocent.pid, "started": 1, "digest": ""}
            (tmp_path / "processes" / "etcd.json").write_text(json.dumps(record))
            assert process.running(tmp_path, "etcd") is None
            assert process.end(tmp_path, ["etcd"]) == []
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_process_that_ignores_sigterm_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 600 & while :; do wait; done"
    spec = process.Spec("stubborn", ("/bin/sh", "-c", script), {"PATH": os.defpath})
    assert process.start(tmp_path, spec)
    eventually(lambda: len(process.owned(tmp_path)) == 2, "the shell's child")
    assert process.end(tmp_path, ["stubborn"], patience=0.3) == ["stubborn"]
    assert process.owned(tmp_path) == []


def test_process_that_dies_during_up_is_reported_with_the_end_of_its_log(private: Invocation) -> None:
    sandbox = up(private)
    down(private)
    broken = sandbox.folder / "etcd" / "member" / "snap" / "db"
    broken.write_bytes(b"this is no database" * 1000)
    with pytest.raises(SandboxError) as told:
        up(private)
    assert "etcd" in told.value.tried
    assert "invalid database" in told.value.found


def test_status_reports_what_has_ended_and_exits_with_1(private: Invocation, run: Run) -> None:
    sandbox = up(private)
    env = dict(private.environ)
    assert run("sandbox", "status", "--name", "own", env=env).exit == 0
    pid = pids(sandbox.folder)["kube-controller-manager"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: "kube-controller-manager" not in pids(sandbox.folder), "the killed process to be gone")
    result = run("sandbox", "status", "--name", "own", "-o", "json", env=env)
    assert result.exit == 1
    states = {item["name"]: item for item in json.loads(result.out)["processes"]}
    assert states["etcd"]["state"] == "running"
    assert states["kube-controller-manager"]["state"] == "ended"
    assert states["kube-controller-manager"]["tail"]


def test_status_of_a_sandbox_that_does_not_exist_says_how_to_start_one(private: Invocation, run: Run) -> None:
    result = run("sandbox", "status", env=dict(private.environ))
    assert result.exit == 1
    assert "bootstrap sandbox up" in result.out


def below(folder: Path) -> Iterator[Path]:
    """What is in a folder, some of which goes while one looks: a lock of git's, a draft."""
    for here, folders, names in os.walk(folder):
        yield from (Path(here) / name for name in (*folders, *names))


def is_open_to_others(path: Path) -> bool:
    with suppress(FileNotFoundError):
        found = path.lstat()
        return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & 0o077)
    return False


def test_nothing_is_readable_by_others_and_no_credential_is_in_an_argv(sandbox: Sandbox) -> None:
    # Argo CD gives its cache of API kinds (no credential) and, while it renders, its clones these rights
    # itself; the folders that they are in keep others out.
    paths = [
        path
        for path in (sandbox.folder, *below(sandbox.folder))
        if "kubecache" not in path.parts and "_argocd-repo" not in path.parent.parts
    ]
    assert len(paths) > 100
    assert [path for path in paths if is_open_to_others(path)] == []
    secrets = [
        (sandbox.folder / name).read_text().strip()
        for name in ("git/token", "git/password", "redis_password", "git/secret_key", "git/internal_token")
    ]
    for running, role in process.owned(sandbox.folder):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended by now
            argv = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode(errors="replace")
            assert not any(secret in argv for secret in secrets), role


def test_lock_of_another_command_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    path = tmp_path / "own.lock"
    said: list[str] = []
    with held(path, 1.0), pytest.raises(SandboxError) as told, held(path, 0.3, said.append):
        pass
    assert str(os.getpid()) in told.value.found
    assert said
    with held(path, 0.3):
        pass


@pytest.mark.parametrize("name", ["", "Upper", "-dash", "a/b", "..", "x" * 33])
def test_name_that_cannot_be_a_context_is_refused(private: Invocation, name: str) -> None:
    with pytest.raises(InputError):
        state.folder_of(name, private)


def test_shell_env_sets_the_kubeconfig_and_names_the_token_only_by_its_file(
    sandbox: Sandbox, run: Run
) -> None:
    env = {"BOOTSTRAP_DATA_DIR": str(sandbox.folder.parents[1])}
    result = run("sandbox", "shell-env", "--name", sandbox.name, env=env)
    script = f'{result.out}\nprintf \'%s\\n\' "$KUBECONFIG" "$GIT_TOKEN_FILE" "$PATH"'
    shell = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
    kubeconfig, token_file, path = shell.stdout.splitlines()
    assert Path(kubeconfig) == sandbox.kubeconfig
    assert path.split(":")[0] == str(sandbox.programs)
    token = Path(token_file).read_text().strip()
    assert token
    assert token not in result.out


def test_logs_show_each_process_and_one_alone(sandbox: Sandbox, run: Run) -> None:
    env = {"BOOTSTRAP_DATA_DIR": str(sandbox.folder.parents[1])}
    every = run("sandbox", "logs", "--name", sandbox.name, env=env)
    assert "== kube-apiserver" in every.out
    assert "== argocd-server" in every.out
    one = run("sandbox", "logs", "etcd", "--name", sandbox.name, "-o", "json", env=env)
    assert list(json.loads(one.out)) == ["etcd"]
    unknown = run("sandbox", "logs", "no-such", "--name", sandbox.name, env=env)
    assert unknown.exit == 2
    assert "etcd" in unknown.err


def test_status_lists_argo_cds_processes_too(sandbox: Sandbox) -> None:
    invocation = Invocation(environ={"BOOTSTRAP_DATA_DIR": str(sandbox.folder.parents[1])})
    found = status.observe(sandbox.name, invocation)
    assert found
    assert found.up
    assert {"etcd", "gitea", "argocd-server", "argocd-repo-server"} <= {item.name for item in found.processes}
