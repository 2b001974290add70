"""Whether something that was not read may provide what seems to be missing, and why."""

from __future__ import annotations

from bootstrap.repository.charts import WITHOUT_ISSUERS
from bootstrap.repository.model import Scope, Unknown
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.validate.rules.waves import CHARTS, CRD

_KNOWN_CHARTS = WITHOUT_ISSUERS | {chart for charts in CHARTS.values() for chart in charts}
"""Charts whose definitions are known."""
ANY = "*"


def may_bring(scope: Scope, kind: str, namespace: str = "", cluster: str = IN_CLUSTER) -> str:
    """What was not read and may provide an object of a kind, with the reason; "" when nothing may.

    `namespace` is "" for cluster-scoped objects, which anything may provide, except definitions: those of
    many charts are known.
    """
    for one in scope.unknown:
        if one.cluster != cluster and one.namespace != ANY:
            continue
        if namespace and one.namespace not in (namespace, ANY):
            continue
        if kind == CRD and _is_known_chart(one):
            continue
        return f"{one.what} ({one.why})"
    return ""


def _is_known_chart(one: Unknown) -> bool:
    what, _, name = one.what.partition(" ")
    return what == "chart" and name.rpartition("/")[2] in _KNOWN_CHARTS
