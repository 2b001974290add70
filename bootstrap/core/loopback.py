"""Pure: whether a host is this machine itself, which no proxy can reach."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

NAMES = "127.0.0.1,localhost,::1"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with which a program asks no proxy for this machine, besides those that are given."""
    given = environ.get("NO_PROXY") or environ.get("no_proxy")
    value = f"{given},{NAMES}" if given else NAMES
    return {"NO_PROXY": value, "no_proxy": value}
