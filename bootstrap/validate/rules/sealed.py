"""SealedSecrets that were sealed for another name than they have."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, dig, mapping
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

OTHER_NAME = Rule(
    "GB379",
    "sealed-for-another-name",
    "error",
    "A SealedSecret was sealed for another name or namespace than it has: the controller cannot open it.",
    "seal it for its final name and namespace (kubeseal), or give it a scope that allows others",
)

KIND = "SealedSecret.bitnami.com"
_SCOPE = "sealedsecrets.bitnami.com/"


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for sealed in index.of(KIND):
        own = mapping(dig(sealed.body, "spec", "template", "metadata"))
        notes = {**mapping(own.get("annotations")), **sealed.annotations}
        if not (context.complete or sealed.application) or _is_wide(notes, "cluster-wide"):
            continue
        namespace = str(own.get("namespace") or sealed.namespace)
        name = str(own.get("name") or sealed.name)
        renamed = name != sealed.name and not _is_wide(notes, "namespace-wide")
        if not renamed and namespace == sealed.namespace:
            continue
        message = f"{sealed} was sealed for {namespace}/{name}, and can only be opened under that name"
        yield problem(OTHER_NAME, sealed, message, "metadata", "name", fix=_fix(sealed, name, namespace))


def _is_wide(annotations: object, scope: str) -> bool:
    return str(mapping(annotations).get(f"{_SCOPE}{scope}")).lower() == "true"


def _fix(sealed: Resource, name: str, namespace: str) -> str:
    what = f"{sealed.namespace}/{sealed.name}"
    if sealed.name != name and name in sealed.name:
        return f"seal it again for {what}, or exclude it from namePrefix and nameSuffix"
    return f"seal it again for {what}, or rename it to {namespace}/{name}"
