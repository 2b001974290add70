"""Whether something that was not read may provide what seems to be missing, and why."""

from __future__ import annotations

from bootstrap.repository.model import Scope, Unknown
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.resources.products import KNOWN_CHARTS
from bootstrap.validate.rules.waves import CRD

ANY = "*"


def may_bring(scope: Scope, kind: str, namespace: str = "", cluster: str = IN_CLUSTER) -> str:
    """What was not read and may provide an object of a kind, with the reason; "" when nothing may.

    `namespace` is "*" for any, and "" for cluster-scoped objects, which anything may provide, except
    definitions: those of many charts are known.
    """
    for one in scope.unknown:
        if one.cluster != cluster and one.namespace != ANY:
            continue
        if namespace not in ("", ANY) and one.namespace not in (namespace, ANY):
            continue
        if kind == CRD and _is_known_chart(one):
            continue
        return f"{one.what} ({one.why})"
    return ""


def _is_known_chart(one: Unknown) -> bool:
    what, _, name = one.what.partition(" ")
    return what == "chart" and name.rpartition("/")[2] in KNOWN_CHARTS
