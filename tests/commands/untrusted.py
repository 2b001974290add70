"""Repositories that mean no good, and what watches that they do none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from tests.conftest import Result
from tests.repositories import application

OVERLAY = "apps/shop/overlays/dev/kustomization.yaml"
APPLICATION = "apps/shop/applications/dev/application.yaml"
SECRET = "a-secret-of-this-machine"


class Watched:
    """An address that must not be contacted."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"

    def was_asked(self) -> bool:
        try:
            self.server.accept()[0].close()
        except BlockingIOError:
            return False
        return True


Checked = Callable[[Mapping[str, str]], Result]


def with_source(more: str) -> dict[str, str]:
    """The Application of the shop, with more in its source."""
    text = application("shop-dev", "apps/shop/overlays/dev", "shop-dev", 20)
    return {APPLICATION: text.replace("  destination:", f"{more}  destination:")}


def overlay(text: str) -> dict[str, str]:
    return {OVERLAY: f"namespace: shop-dev\nresources: [../../base]\n{text}"}
