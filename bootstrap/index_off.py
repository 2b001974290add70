"""What a cluster would have if components that stand switched off in its kustomization were on."""

from __future__ import annotations

from bootstrap.layout.components import offered
from bootstrap.repository.kustomize import file_of
from bootstrap.repository.model import Repository, Scope
from bootstrap.resources.entrances import Entrances, classes, known
from bootstrap.resources.index import IN_CLUSTER


def classes_off(repository: Repository, scope: Scope, cluster: str, entrances: Entrances) -> frozenset[str]:
    """The ingress and gateway classes of controllers that are switched off; of `entrances` runs here."""
    path = file_of(repository.files, scope.root)
    if not scope.complete or path is None or cluster != IN_CLUSTER:
        return frozenset()
    off = {
        component.folder(scope.root)
        for component in offered(repository.files.read(path)).values()
        if not component.on
    }
    applications = [
        application for one in repository.scopes if one.root in off for application in one.applications
    ]
    return frozenset(classes(known(applications, (), cluster)) - classes(entrances))
