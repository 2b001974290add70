"""MetalLB: pools of addresses that nothing announces."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, label_selects, mappings, sequence
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

NOT_ADVERTISED = Rule(
    "GB377",
    "address-pool-not-advertised",
    "warning",
    "No advertisement covers a MetalLB pool: Services get addresses of it that cannot be reached.",
    "add an L2Advertisement or BGPAdvertisement for the pool, in its namespace",
)

POOL = "IPAddressPool.metallb.io"
ADVERTISEMENTS = ("L2Advertisement.metallb.io", "BGPAdvertisement.metallb.io")


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for pool in index.of(POOL):
        here = pool.namespace
        charts = {chart for chart, namespaces in context.homes.items() if here in namespaces}
        if not (context.complete or pool.application) or not (index.knows(here) or charts == {"metallb"}):
            continue  # MetalLB's own chart has no advertisement
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


def _takes(advertisement: Resource, pool: Resource) -> bool:
    names = sequence(advertisement.spec.get("ipAddressPools"))
    selectors = mappings(advertisement.spec.get("ipAddressPoolSelectors"))
    if not names and not selectors:
        return True
    return pool.name in names or any(label_selects(one, pool.labels) for one in selectors)
