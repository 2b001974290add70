"""Pure: what an app changes in a cluster's own files: its lines, its requirements, its permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bootstrap.app import inventory
from bootstrap.app.files import WayIn
from bootstrap.component.switch import Cluster
from bootstrap.core.errors import InputError, RefusedError
from bootstrap.layout import traits as component_traits
from bootstrap.layout.components import Component
from bootstrap.layout.traits import Choice
from bootstrap.manifests.reader import documents
from bootstrap.resources.products import BY_NAME
from bootstrap.yamledit import edit

_INGRESS = ("traefik", "ingress-nginx")
"""The catalog's controllers of Ingresses, the preferred one first."""
_MESHES = ("istio", "istio-ambient")


@dataclass(frozen=True)
class Line:
    """One environment of an app in a cluster's kustomization; `application` is its manifest."""

    app: str
    environment: str
    application: bytes

    @property
    def name(self) -> str:
        return f"{self.app}-{self.environment}"

    @property
    def entry(self) -> str:
        return inventory.entry(self.app, self.environment)


def way_in(cluster: Cluster, gateway: bool) -> WayIn:
    """How requests enter the cluster: by a component that is on, else by Traefik, which is switched on."""
    on = {name for name, component in cluster.offers.items() if component.on}
    if gateway:
        mesh = next((name for name in _MESHES if name in on), None)
        if "traefik" not in on and mesh:
            requires = ("cert-manager", "gateway-api", mesh)
            return WayIn(mesh, "gateway", requires, "istio", "80", "443")
        return WayIn("traefik", "gateway", ("cert-manager", "gateway-api", "traefik"), "traefik")
    component = next((name for name in _INGRESS if name in on), "traefik")
    return WayIn(component, "ingress", ("cert-manager", component), BY_NAME[component].classes[0])


def switched_on(cluster: Cluster, lines: Sequence[Line]) -> tuple[bytes, Choice]:
    """The cluster's kustomization with the lines and their requirements; RefusedError for a conflict."""
    offers, traits = dict(cluster.offers), dict(cluster.traits)
    for line in lines:
        if line.name in offers and offers[line.name].entry != line.entry:
            found = f"cluster kustomization {cluster.path} has another {line.name}: {offers[line.name].entry}"
            raise RefusedError(f"adding {line.name}", found, "give the app another name")
        about = f"{line.app}, environment {line.environment}"
        offers[line.name] = Component(line.name, line.entry, False, about)
        traits[line.name] = component_traits.combined(documents(line.application, line.entry))
    choice = component_traits.to_enable(offers, traits, [line.name for line in lines])
    choice = replace(choice, notes=(*choice.notes, *component_traits.secrets_note(choice, traits)))
    content = cluster.content
    for name in choice.switched:
        content = edit.set_listed(content, offers[name].entry, True, cluster.path)
    for line in lines:
        content = _with_comment(content, line.entry, offers[line.name].about, cluster.path)
    return content, choice


def permitted(content: bytes, path: str, repository: str) -> bytes:
    """projects.yaml with a repository among the sources of the AppProject `apps`."""
    place = _source_repositories(content, path)
    if place is None:
        found = f"{path} has no AppProject apps with sourceRepos"
        raise InputError("permitting the repository", found, "add it, or restore the file from the catalog")
    return edit.add_text(content, place, repository, path)


def forbidden(content: bytes, path: str, repository: str) -> bytes:
    """projects.yaml without a repository that the AppProject `apps` no longer needs."""
    place = _source_repositories(content, path)
    return content if place is None else edit.drop_text(content, place, repository, path)


def without(kustomizations: Mapping[str, bytes], entries: Sequence[str]) -> dict[str, bytes]:
    """The clusters' kustomizations that name one of the entries, without those lines."""
    found: dict[str, bytes] = {}
    for path, content in kustomizations.items():
        after = content
        for entry in entries:
            after = edit.drop_listed(after, entry, path)
        if after != content:
            found[path] = after
    return found


def _source_repositories(content: bytes, path: str) -> tuple[int, str, str] | None:
    for number, document in enumerate(documents(content, path)):
        if document.get("kind") == "AppProject" and document["metadata"].get("name") == "apps":
            return (number, "spec", "sourceRepos") if document["spec"].get("sourceRepos") else None
    return None


def _with_comment(content: bytes, entry: str, about: str, path: str) -> bytes:
    """The line with a trailing comment about it, as the other lines have."""
    listed = documents(content, path)[0]["resources"]
    return edit.comment(content, (0, "resources", listed.index(entry)), f" {about}", path)
