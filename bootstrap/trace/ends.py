"""Pure: where a Service without a selector leads to: the addresses that Git lists for it."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, mappings, sequence
from bootstrap.trace.hops import Hop

_SLICE = "EndpointSlice.discovery.k8s.io"
_OF = "kubernetes.io/service-name"
_SHOWN = 3


def addresses(index: Index, service: Resource) -> list[Hop]:
    """The hops to a Service's addresses, by the object that lists them."""
    found = []
    for lists, hosts, ports in _listed(index, service):
        more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
        details = [f"port {', '.join(ports)}"] if ports else []
        title = ", ".join(hosts[:_SHOWN]) + more
        found.append(Hop("external", title or "no address", f"{lists.short_kind} lists", lists, details))
    return found


def _listed(index: Index, service: Resource) -> Iterator[tuple[Resource, list[str], list[str]]]:
    if (one := index.get("Endpoints", service.namespace, service.name)) is not None:
        subsets = mappings(one.body.get("subsets"))
        hosts = [str(item.get("ip")) for part in subsets for item in mappings(part.get("addresses"))]
        yield one, hosts, [str(item.get("port")) for part in subsets for item in mappings(part.get("ports"))]
    for part in index.of(_SLICE, namespace=service.namespace):
        if part.labels.get(_OF) == service.name:
            ends = mappings(part.body.get("endpoints"))
            hosts = [str(item) for end in ends for item in sequence(end.get("addresses"))]
            yield part, hosts, [str(item.get("port")) for item in mappings(part.body.get("ports"))]
