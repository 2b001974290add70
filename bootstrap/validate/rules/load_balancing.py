"""MetalLB: pools of addresses that nothing announces, and those that Services ask for and do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.core.text import names_near
from bootstrap.resources.index import Index, Resource, label_selects, mappings, sequence
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

NOT_ADVERTISED = Rule(
    "GB377",
    "address-pool-not-advertised",
    "warning",
    "No advertisement covers a MetalLB pool: Services get addresses of it that cannot be reached.",
    "add an L2Advertisement or BGPAdvertisement for the pool, in its namespace",
)
NO_POOL = Rule(
    "GB385",
    "address-pool-missing",
    "error",
    "A Service asks for an address of a MetalLB pool that does not exist: it gets none.",
    "name a pool that exists, or remove the annotation",
)

POOL = "IPAddressPool.metallb.io"
ADVERTISEMENTS = ("L2Advertisement.metallb.io", "BGPAdvertisement.metallb.io")
ANNOTATIONS = ("metallb.io/address-pool", "metallb.universe.tf/address-pool")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for pool in index.of(POOL):
        here = pool.namespace
        if not (context.complete or pool.application) or not _knows(index, context, here):
            continue
        found = index.of(*ADVERTISEMENTS, namespace=here)
        if not any(_takes(one, pool) for one in found):
            has = (
                f"; {', '.join(map(str, found))} {'is' if len(found) == 1 else 'are'} for others"
                if found
                else ""
            )
            yield problem(
                NOT_ADVERTISED, pool, f"nothing announces the addresses of {pool}{has}", "metadata", "name"
            )
    yield from _pools(index, context)


def _pools(index: Index, context: ClusterContext) -> Iterator[Problem]:
    pools = [*context.public.of(POOL), *index.of(POOL)]
    known = sorted({pool.name for pool in pools})
    if not context.complete or not all(_knows(context.public, context, one.namespace) for one in pools):
        return
    for service in index.of("Service"):
        for name in ANNOTATIONS:
            wanted = str(service.annotations.get(name) or "")
            if known and wanted and wanted not in known and service.spec.get("type") == "LoadBalancer":
                message = f"{service} asks for an address of the pool {wanted}, which does not exist"
                message += names_near(wanted, known)
                yield problem(NO_POOL, service, message, "metadata", "annotations", name)


def _knows(index: Index, context: ClusterContext, namespace: str) -> bool:
    """Whether Git has every pool and advertisement of a namespace; MetalLB's own chart brings none."""
    charts = {chart for chart, namespaces in context.homes.items() if namespace in namespaces}
    return index.knows(namespace) or charts == {"metallb"}


def _takes(advertisement: Resource, pool: Resource) -> bool:
    names = sequence(advertisement.spec.get("ipAddressPools"))
    selectors = mappings(advertisement.spec.get("ipAddressPoolSelectors"))
    if not names and not selectors:
        return True
    return pool.name in names or any(label_selects(one, pool.labels) for one in selectors)
