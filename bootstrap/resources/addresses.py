"""Pure: whether an address range may be one of pods or nodes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from bootstrap.resources.index import sequence

_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""Where the addresses of pods and nodes nearly always are."""


def may_hold_pods(cidr: str, left_out: Any, inside_only: bool) -> bool:
    """Whether a range may hold addresses of pods or nodes; link-local ones belong to the kubelet or DNS.

    A range that excludes all private ranges in it, as those for the Internet do, holds no pods; unless the
    other end is a pod (`inside_only`), traffic may still come from there.
    """
    try:
        network = ip_network(cidr, strict=False)
        excepted = [ip_network(str(one), strict=False) for one in sequence(left_out)]
    except ValueError:
        return True
    if network.is_link_local or network.is_loopback:
        return False
    if not inside_only:
        return True
    inside = [
        one for one in map(ip_network, _PRIVATE) if one.version == network.version and one.overlaps(network)
    ]
    if not excepted or not inside:
        return bool(inside)
    pods = [network if network.prefixlen > one.prefixlen else one for one in inside]
    main = [one for one in pods if not str(one).startswith("100.64.")] or pods
    return not all(_covered(one, excepted) for one in main)


def _covered(network: Any, excepted: list[Any]) -> bool:
    return any(one.version == network.version and network.subnet_of(one) for one in excepted)
