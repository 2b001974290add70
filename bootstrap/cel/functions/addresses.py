"""`ip` and `cidr`: addresses and networks."""

from __future__ import annotations

import ipaddress
from typing import Any

from bootstrap.cel.functions.values import Refused, kind_of, of, tagged

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _address(text: str) -> Address | None:
    """None also for what Kubernetes refuses: a zone, or IPv4 inside IPv6."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found.ipv4_mapped):
        return None
    return found


def _network(text: str) -> Interface | None:
    head, slash, length = text.partition("/")
    if not slash or not length.isdecimal() or (length[0] == "0" and length != "0") or _address(head) is None:
        return None
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def is_ip(text: str) -> bool:
    return _address(text) is not None


def ip(text: str) -> dict[str, Any]:
    found = _address(text)
    if found is None:
        raise Refused(f"IP Address {text!r} parse error during conversion from string")
    return tagged("ip", str(found))


def is_canonical(text: str) -> bool:
    return bool(of("ip", ip(text)) == text)


def family(one: Any) -> int:
    return _ip(one).version


def is_unspecified(one: Any) -> bool:
    return _ip(one).is_unspecified


def is_loopback(one: Any) -> bool:
    return _ip(one).is_loopback


def is_link_local_multicast(one: Any) -> bool:
    found = _ip(one)
    where = "224.0.0.0/24" if found.version == 4 else "ff02::/16"
    return found in ipaddress.ip_network(where)


def is_link_local_unicast(one: Any) -> bool:
    return _ip(one).is_link_local


def is_global_unicast(one: Any) -> bool:
    found = _ip(one)
    broadcast = str(found) == "255.255.255.255"
    special = found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local
    return not (broadcast or special)


def is_cidr(text: str) -> bool:
    return _network(text) is not None


def cidr(text: str) -> dict[str, Any]:
    if _network(text) is None:
        raise Refused(f"network address parse error during conversion from string: {text!r}")
    return tagged("cidr", text)


def contains_ip(one: Any, other: Any) -> bool:
    address = _ip(other if kind_of(other) else ip(other))
    return address in _cidr(one).network


def contains_cidr(one: Any, other: Any) -> bool:
    outer, inner = _cidr(one).network, _cidr(other if kind_of(other) else cidr(other)).network
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)


def ip_of(one: Any) -> dict[str, Any]:
    return tagged("ip", str(_cidr(one).ip))


def masked(one: Any) -> dict[str, Any]:
    return tagged("cidr", str(_cidr(one).network))


def prefix_length(one: Any) -> int:
    return _cidr(one).network.prefixlen


def text_of(one: Any) -> str:
    """An address or a network as text."""
    return str(of(kind_of(one) if kind_of(one) in ("ip", "cidr") else "ip", one))


def _ip(value: Any) -> Address:
    return ipaddress.ip_address(of("ip", value))


def _cidr(value: Any) -> Interface:
    return ipaddress.ip_interface(of("cidr", value))
