"""Images of a registry that the machine can reach: through its proxy, by its authorities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import kube
from bootstrap.manifests import split
from bootstrap.sandbox import state
from bootstrap.sandbox.node import layout, registry
from tests.real import images, upstream
from tests.real.conftest import start
from tests.real.node import is_ready, until
from tests.sandbox.conftest import _new_folder, stop_all

ADDRESS = "203.0.113.9"  # for documentation: nobody has it, and no route leads there
NAME = f"{ADDRESS}/shop/asks:1"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: PODS, namespace: default, labels: {app.kubernetes.io/name: PODS}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: asks, image: IMAGE, command: [sleep, "100000"]}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    found = _new_folder()
    yield found
    stop_all(found)


def test_what_the_nodes_registry_lacks_comes_from_the_images_own(folder: Path) -> None:
    (folder / "archives").mkdir()
    saved = [images.save_redis(folder / "archives", NAME)]
    with upstream.running(folder, ADDRESS, saved) as found:
        url, authority, asked = found.proxy, found.authority, found.asked
        node = start(folder, "pulled", HTTPS_PROXY=url, SSL_CERT_FILE=str(authority))
        for name, image in (("has", NAME), ("lacks", "registry.invalid/shop/none:1")):
            text = POD.replace("PODS", name).replace("IMAGE", image)
            kube.apply(node.cluster, split.split(text.encode(), "the test"), force=True)
        until(lambda: any(is_ready(pod) for pod in node.pods("default", "has")), "the pod")
        assert (ADDRESS, 443) in asked

        def told() -> bool:
            log = node.sandbox.folder / "logs" / "containerd.log"
            return "registry.invalid: no way there" in log.read_text()

        until(told, "the reason why an image cannot be had")
        assert ("registry.invalid", 443) in asked
        settings = state.load(node.sandbox.folder)
        assert settings is not None
        assert not registry.has(settings.ports[layout.PORT], NAME)  # it came from its own
