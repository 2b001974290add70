"""Pure: what the components and apps that are on expect of the cluster, compared with what it has."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bootstrap.core.errors import BootstrapError
from bootstrap.init.preflight import Finding
from bootstrap.kube.entrances import Entrances
from bootstrap.layout import components, edits, traits
from bootstrap.layout.components import Component
from bootstrap.manifests.reader import documents
from bootstrap.resources.applications import sources
from bootstrap.resources.index import dig, mapping, sequence
from bootstrap.resources.products import ENTRANCES

_NODE_PORT = "values-nodeport.yaml"
_LOOKED_FOR = "looked for a Service that has one, nodes of a cloud or k3s, MetalLB, Cilium, PureLB"
Files = Mapping[str, bytes]


def of_expected(there: Entrances, files: Files, cluster: str) -> Iterator[Finding]:
    """Load balancers and the metrics API; `files` are the layout's, `cluster` is the cluster's folder."""
    on = _on(files, cluster)
    known = {name: traits.traits_of(files.get, cluster, one) for name, one in on.items()}
    given = {capability for one in known.values() for capability in one.provides}
    for name, one in known.items():
        expects = set(one.expects) - given
        ports = _by_node_port(files, cluster, on[name])
        if "load-balancer" in expects and there.balancer == "" and not ports:
            yield Finding(
                f"{name} has a Service of type LoadBalancer, and there is no sign that this cluster "
                f"would give it an address ({_LOOKED_FOR})",
                f"install one of them, or use node ports: {_NODE_PORT} in "
                f"{on[name].folder(cluster)}/application.yaml",
                fatal=False,
            )
        if "resource-metrics" in expects and there.metrics is False:
            found = f"{name} scales by CPU, and the cluster has no metrics API"
            yield Finding(found, "switch it on: --with metrics-server", fatal=False)


def of_classes(there: Entrances, files: Files, cluster: str) -> Iterator[Finding]:
    """Classes that the apps' settings name and that neither the cluster nor a component has."""
    on = _on(files, cluster)
    made = {name for key in on for name in _classes_of(key)}
    for kind, setting, classes in (
        ("Ingress", "ingressClass", there.ingress),
        ("Gateway", "gatewayClass", there.gateway),
    ):
        if classes is None:
            continue
        for path, wanted in _named(files, cluster, on, kind.lower(), setting):
            if wanted in made or wanted in classes:
                continue
            found = f"{path} names the {kind}Class {wanted}, which neither the cluster nor a component has"
            yield Finding(found, _proposal(setting, classes, path), fatal=False)


def _proposal(setting: str, classes: Mapping[str, Any], path: str) -> str:
    first = [name for name, is_default in classes.items() if is_default is True] or sorted(classes)
    if first:
        return f"the cluster has {', '.join(sorted(classes))}: set {setting}: {first[0]} in {path}"
    return "switch a component on that has one, such as --with traefik"


def _on(files: Files, cluster: str) -> dict[str, Component]:
    offered = components.offered(files.get(f"{cluster}/kustomization.yaml", b""))
    return {name: one for name, one in offered.items() if one.on}


def _classes_of(component: str) -> Collection[str]:
    product = ENTRANCES.get(component) or ENTRANCES.get(component.partition("-")[0])
    return product.classes if product else ()


def _by_node_port(files: Files, cluster: str, component: Component) -> bool:
    path = f"{component.folder(cluster)}/application.yaml"
    return any(
        str(one).endswith(f"/{_NODE_PORT}")
        for item in _documents(files, path)
        for source in sources(item)
        for one in sequence(dig(source.body, "helm", "valueFiles"))
    )


def _named(
    files: Files, cluster: str, on: Mapping[str, Component], part: str, setting: str
) -> Iterator[tuple[str, str]]:
    """(path, class) of each overlay that runs here and has the part that uses the class."""
    for component in on.values():
        path = f"{component.folder(cluster)}/application.yaml"
        for source in (one for item in _documents(files, path) for one in sources(item)):
            overlay = posixpath.normpath(source.path or "-")
            settings = f"{overlay}/settings.yaml"
            if not edits.is_overlay_settings(settings):
                continue
            parts = [
                posixpath.basename(str(one))
                for item in _documents(files, f"{overlay}/kustomization.yaml")
                for one in sequence(item.get("components"))
            ]
            for item in _documents(files, settings) if part in parts else ():
                if wanted := mapping(item.get("data")).get(setting):
                    yield settings, str(wanted)


def _documents(files: Files, path: str) -> list[Mapping[str, Any]]:
    try:
        return [one for one in documents(files.get(path, b""), path) if isinstance(one, dict)]
    except BootstrapError:
        return []  # reported where the file itself is read
