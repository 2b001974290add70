"""Images of a registry that the machine can reach: through its proxy, by its authorities."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bootstrap import kube
from bootstrap.manifests import split
from bootstrap.sandbox import state
from bootstrap.sandbox.node import archive, layout, registry, relay
from tests import mirror, registries
from tests.real import images
from tests.real.conftest import start
from tests.real.node import is_ready, until
from tests.sandbox.conftest import _new_folder, stop_all
from tests.tools import tool

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


@contextmanager
def upstream(folder: Path) -> Iterator[tuple[registries.Registry, Path]]:
    """A registry with the image, by the address that no route leads to; and its authority."""
    (folder / "archives").mkdir()
    saved = images.save_redis(folder / "archives", NAME)
    authority, certificate = mirror.certificates(folder / "certificates", ADDRESS)
    program = tool("registry")
    with registries.running(folder / "registry", built=program) as plain, archive.opened(saved) as found:
        for image in found:
            registry.push(urlsplit(plain.url).port or 0, image)
    with registries.running(folder / "registry", certificate=certificate, built=program) as secure:
        yield secure, authority


def proxy(target: tuple[str, int]) -> tuple[str, list[tuple[str, int]]]:
    """A machine's proxy that knows a way to one address; its URL, and what it is asked for."""
    asked: list[tuple[str, int]] = []

    def dial(host: str, port: int) -> socket.socket:
        asked.append((host, port))
        if host != ADDRESS:
            raise OSError("no way there")
        return relay.directly(*target)

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=relay.wherever_asked, args=(listener, dial), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", asked


def test_what_the_nodes_registry_lacks_comes_from_the_images_own(folder: Path) -> None:
    with upstream(folder) as (secure, authority):
        url, asked = proxy(("127.0.0.1", urlsplit(secure.url).port or 0))
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
