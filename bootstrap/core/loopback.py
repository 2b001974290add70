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


def no_proxy(environ: Mapping[str, str], *more: str) -> dict[str, str]:
    """The variables with which a program asks no proxy for this machine, `more` hosts, and those given."""
    given = environ.get("NO_PROXY") or environ.get("no_proxy")
    value = ",".join(filter(None, (given, *more, NAMES)))
    return {"NO_PROXY": value, "no_proxy": value}
