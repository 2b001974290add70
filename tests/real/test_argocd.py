"""Everything a pod, Argo CD too: init, a push that is live by the webhook, what is stuck, waves that wait."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.core.errors import ExitStatus
from bootstrap.core.output import Output
from bootstrap.kube import workloads
from bootstrap.sandbox.node import layout, load, missing
from tests.real import argocd_images, images
from tests.real.app import VOTE
from tests.real.argocd import Platform, started
from tests.real.conftest import able
from tests.real.node import until
from tests.sandbox.conftest import _new_folder, private_invocation, stop_all
from tests.sandbox.test_argocd_processes import BEFORE_A_POLL

NAMESPACE = "voting-app-dev"
OVERLAY = "apps/voting-app/overlays/dev"
WORKER = "dockersamples/examplevotingapp_worker"
PATCHES = """\
patches:
  - target: {kind: Deployment, name: vote}
    patch: |-
"""
_VOTE = "/spec/template/spec/containers/0"
STUCK = {
    "an image that is nowhere": (
        [f"{{op: replace, path: {_VOTE}/image, value: 'example.invalid/vote:nowhere'}}"],
        "example.invalid/vote:nowhere",
    ),
    "a program that ends": (
        [f"{{op: add, path: {_VOTE}/args, value: [nobody]}}"],
        "ended with exit code 2",
    ),
    "a pod for which no node has room": (
        [
            f"{{op: replace, path: {_VOTE}/resources/{each}/memory, value: 900Gi}}"
            for each in ("requests", "limits")
        ],
        "Insufficient memory",
    ),
}
"""Why a rollout is stuck: the patch of vote that makes it so, and what has to be told."""
WAVES = """\
apiVersion: batch/v1
kind: Job
metadata: {name: gate, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app.kubernetes.io/name: gate}}
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, runAsUser: 999, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: gate
          image: redis:8.2.3-alpine
          command: [sh, -c, exit STATUS]
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: behind-the-gate, annotations: {argocd.argoproj.io/sync-wave: "2"}}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A cluster whose images are in the node's registry; nothing is laid out yet."""
    folder = _new_folder()
    try:
        able(folder)
        with started(folder, "argo") as found:
            archives = tmp_path_factory.mktemp("images")
            images.all_of(archives)
            argocd_images.all_of(archives)
            load.load(archives, "argo", Output(private_invocation(folder), quiet=True))
            yield found
    finally:
        stop_all(folder)


@pytest.fixture(scope="module")
def live(platform: Platform) -> Platform:
    """Laid out by `init`, which does not get further than the one image that nobody has loaded."""
    laid_out = platform.init("--no-wait")
    assert laid_out.exit == 0, laid_out.err
    until_it_says(platform, ("wait", "--timeout", "60"), f"{WORKER}@sha256:")
    first = platform.init("--timeout", "15")
    assert first.exit == ExitStatus.NOT_READY, first.err
    assert f"{WORKER}@sha256:" in first.err, first.err
    (lacking,) = missing.images(platform.node.sandbox, platform.node.cluster)
    assert lacking.startswith(f"{WORKER}@sha256:")
    done = platform.bootstrap(
        "image", "set", f"{WORKER}=:latest", "--app=voting-app", "--env=dev", *platform.on_the_host()
    )
    assert done.exit == 0, done.err
    second = platform.init("--timeout", "900")
    assert second.exit == 0, second.err
    return platform


def test_init_names_the_missing_image_and_goes_on_after_the_commit_that_mends_it(live: Platform) -> None:
    assert missing.images(live.node.sandbox, live.node.cluster) == []
    pods = kube.list_objects(live.node.cluster, "v1", "Pod", "argocd")
    assert len(pods) >= 7
    assert {pod["spec"]["nodeName"] for pod in pods} == {layout.NAME}
    # Argo CD compares again whenever something moves.
    status = until(
        lambda: None if (said := live.bootstrap("status", "-o", "json")).exit else said, "all to be well"
    )
    assert status is not None
    names = {row["name"] for row in json.loads(status.out)["applications"]}
    assert {"root", "argocd", NAMESPACE} <= names


def test_a_push_is_live_by_the_webhook(live: Platform) -> None:
    began = time.monotonic()
    with edited(live, f'commonAnnotations: {{pushed: "{began}"}}\n'):

        def told() -> bool:
            found = kube.get(live.node.cluster, "apps/v1", "Deployment", NAMESPACE, "vote") or {}
            return bool((found["metadata"].get("annotations") or {}).get("pushed") == str(began))

        until(told, "the push to be live", BEFORE_A_POLL)


@pytest.mark.parametrize("kind", STUCK)
def test_every_command_says_why_a_rollout_is_stuck_while_the_old_pod_serves_on(
    live: Platform, kind: str
) -> None:
    lines, reason = STUCK[kind]
    with edited(live, PATCHES + "".join(f"      - {line}\n" for line in lines)):
        commands = {
            ("trace", f"vote.{NAMESPACE}", "--live", "--repo", str(live.clone())): ExitStatus.NO,
            ("status",): ExitStatus.NO,
            ("wait", "--app", NAMESPACE, "--timeout", "10"): ExitStatus.NOT_READY,
            ("doctor",): None,
        }
        until(lambda: reason in trouble(live), f"the reason: {reason}")
        for command, status in commands.items():
            said = until_it_says(live, command, reason)
            assert status is None or said == status, command
        assert live.node.visit(VOTE).status == 200


def test_a_wave_that_fails_is_named_and_holds_the_next_until_a_commit_mends_it(live: Platform) -> None:
    def behind() -> bool:
        return kube.get(live.node.cluster, "v1", "ConfigMap", NAMESPACE, "behind-the-gate") is not None

    with added(live, "waves.yaml", WAVES.replace("STATUS", "3")):
        until_it_says(live, ("status",), "gate")
        assert not behind()
        with added(live, "waves.yaml", WAVES.replace("STATUS", "0").replace("name: gate,", "name: mended,")):
            until(behind, "the wave behind the gate")


def trouble(live: Platform) -> str:
    """What is wrong with vote, by the one function that all commands use."""
    found = kube.get(live.node.cluster, "apps/v1", "Deployment", NAMESPACE, "vote")
    assert found is not None
    said = workloads.trouble(live.node.cluster, found)
    return said.text if said else ""


def until_it_says(live: Platform, command: tuple[str, ...], reason: str) -> int:
    """The exit status of a command, once it says that: a crash loop takes turns with running."""
    last = ""

    def ask() -> int | None:
        nonlocal last
        done = live.bootstrap(*command)
        last = done.out + done.err
        return done.exit + 1 if reason in last else None

    try:
        found = until(ask, f"{command[0]} to say {reason!r}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{last}") from None
    assert found is not None
    return found - 1


@contextmanager
def edited(live: Platform, text: str) -> Iterator[None]:
    """With more at the end of the overlay's kustomization; all is well again afterwards."""
    path = live.clone() / OVERLAY / "kustomization.yaml"
    before = path.read_text()
    with written(live, path, before + text):
        yield


@contextmanager
def added(live: Platform, name: str, text: str) -> Iterator[None]:
    """With one more file among the overlay's resources, or another text of it."""
    folder = live.clone() / OVERLAY
    listing = folder / "kustomization.yaml"
    before = listing.read_text()
    if name not in before:
        listing.write_text(before.replace("  - settings.yaml\n", f"  - settings.yaml\n  - {name}\n"))
    (folder / name).write_text(text)
    live.push(f"Add {name}")
    yield
    if listing.read_text() != before:
        listing.write_text(before)
        (folder / name).unlink()
        live.push(f"Remove {name}")
        well(live)


@contextmanager
def written(live: Platform, path: Path, text: str) -> Iterator[None]:
    before = path.read_text()
    path.write_text(text)
    live.push("Change dev")
    try:
        yield
    finally:
        path.write_text(before)
        live.push("Go back")
        well(live)


def well(live: Platform) -> None:
    done = live.bootstrap("wait", "--timeout", "600")
    assert done.exit == 0, done.err
