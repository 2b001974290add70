"""The node's only way out: to image registries, for its containerd alone.

`python -m bootstrap.sandbox.node.way_out NETWORK MOUNTS`, started only by init.py, with descriptors of the
machine's namespaces. It listens on the node's loopback, where no pod with a network of its own is, and
answers HTTP CONNECT from the machine: by its names, its routes and its proxy. What goes through is TLS
between containerd and the registry. It belongs to the node's processes, and ends with them.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import sys
from base64 import b64encode
from typing import cast
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from bootstrap.sandbox.node import layout, relay


def dial(host: str, port: int) -> socket.socket:
    """A connection to a registry, through the proxy of HTTPS_PROXY unless NO_PROXY names the host.

    OSError: it cannot be reached, or is an address that only this machine has.
    """
    proxies = getproxies_environment()
    if (proxy := proxies.get("https")) and not proxy_bypass(host, proxies):
        return _by_proxy(proxy, host, port)
    refused: OSError = OSError("no address")
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
            refused = OSError(f"{found} is this machine's own, and no registry's")
            continue
        try:
            return relay.directly(str(address[0]), port)
        except OSError as error:
            refused = error
    raise refused


def _by_proxy(proxy: str, host: str, port: int) -> socket.socket:
    parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        raise OSError("HTTPS_PROXY is not an http:// address")
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(login.encode()).decode('ascii')}"
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=relay.DIAL_SECONDS)
    connection.set_tunnel(host, port, headers)
    connection.connect()
    return cast("socket.socket", connection.sock)


def main() -> None:
    """Serve until killed."""
    network, mounts = (int(each) for each in sys.argv[1:3])
    listener = socket.create_server(("127.0.0.1", layout.WAY_OUT_PORT), backlog=128)
    relay.enter_mounts(mounts)
    relay.enter_network(network)
    relay.wherever_asked(listener, dial)


if __name__ == "__main__":
    main()
