"""Pure: an app's files, from the request and what the cluster has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.app import starter
from bootstrap.app.request import AppRequest, Config
from bootstrap.yamledit import edit

PREFIX = "gitops-bootstrap.io/"
_POD = (2, "spec", "template", "spec")
_CONTAINER = (*_POD, "containers", 0)
_PRIVILEGED = 1024
"""Lower ports need root, unless a sysctl says otherwise."""
_BY_HAND = "bootstrap: ignore=GB313 created by hand in the cluster, never in Git"

Files = dict[str, bytes]
Edits = dict[tuple[str | int | edit.Match, ...], str]


@dataclass(frozen=True)
class WayIn:
    """How requests reach an app on this cluster: its class, and the components that provide it.

    The ports are those on which a Gateway of the class listens.
    """

    component: str
    kind: str
    requires: tuple[str, ...]
    class_: str
    http: str = "8000"
    https: str = "8443"


@dataclass(frozen=True)
class Placed:
    """An app in its environments: the host of each, and its entrance (None: not reachable from outside)."""

    request: AppRequest
    prefix: str
    hosts: Mapping[str, str]
    way_in: WayIn

    @property
    def folder(self) -> str:
        return f"{self.prefix}apps/{self.request.name}"


def files(app: Placed) -> Files:
    """Every file of the app, path from the repository's root → content."""
    request = app.request
    found = starter.files(request.kind, request.name, tuple(app.hosts), app.prefix)
    if request.kind == "image":
        _base(app, found)
        for environment in app.hosts:
            _overlay(app, environment, found)
    elif request.kind == "chart":
        chart = request.chart_parts()
        source = {"repoURL": chart.repository, "chart": chart.name, "targetRevision": str(request.version)}
        _sources(app, source, found)
        if request.values is not None:
            found[f"{app.folder}/base/values.yaml"] = request.values
    else:
        given = {"repoURL": request.git, "path": request.path, "targetRevision": request.revision}
        _sources(app, {key: str(value) for key, value in given.items()}, found)
    return found


def _base(app: Placed, found: Files) -> None:
    request, name = app.request, app.request.name
    path = f"{app.folder}/base/{name}.yaml"
    text = edit.put(found[path], (*_CONTAINER, "ports", 0, "containerPort"), request.port, path)
    if request.user is not None:
        for key in ("runAsUser", "runAsGroup"):
            text = edit.put(text, (*_POD, "securityContext", key), request.user, path)
    if (request.port or 0) < _PRIVILEGED:
        sysctl = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
        text = edit.put(text, (*_POD, "securityContext", "sysctls"), sysctl, path)
    if request.health is not None:
        for probe, seconds in _PROBES.items():
            check = {"httpGet": {"path": request.health, "port": "http"}, **seconds}
            text = edit.put(text, (*_CONTAINER, probe), check, path)
    found[path] = _variables(text, request.configs(), path)
    policies = f"{app.folder}/components/network-policies"
    for file, places in (
        (f"{policies}/{name}.yaml", (("ingress", 0), ("ingress", 1))),
        (f"{policies}/gateway.yaml", (("egress", 0),)),
    ):
        for direction, number in places:
            place = (0, "spec", direction, number, "ports", 0, "port")
            found[file] = edit.put(found[file], place, request.port, file)
    _config_maps(app, found)


_PROBES: Mapping[str, Mapping[str, int]] = {
    "startupProbe": {"periodSeconds": 2, "failureThreshold": 30},
    "readinessProbe": {"periodSeconds": 5, "timeoutSeconds": 3},
}
"""The probes that ask the path of --health. Liveness asks the socket alone: a page that waits for another
service, or a node without time to spare, is no reason to restart the pod."""


def _variables(text: bytes, configs: tuple[Config, ...], path: str) -> bytes:
    """The container's envFrom; a Secret that nothing creates is marked as created by hand."""
    if not configs:
        return text
    references = {"secret": "secretRef", "configmap": "configMapRef"}
    listed = [{references[config.kind]: {"name": config.name}} for config in configs]
    text = edit.put(text, (*_CONTAINER, "envFrom"), listed, path, behind="image")
    for number, config in enumerate(configs):
        if config.kind == "secret" and not config.keys:
            place = (*_CONTAINER, "envFrom", number, "secretRef")
            text = edit.comment(text, place, _BY_HAND, path)
    return text


def _config_maps(app: Placed, found: Files) -> None:
    names = [config.name for config in app.request.configs() if config.kind == "configmap"]
    if not names:
        return
    path = f"{app.folder}/base/kustomization.yaml"
    generators = [{"name": name, "envs": [f"{name}.env"]} for name in names]
    found[path] = edit.put(found[path], (0, "configMapGenerator"), generators, path)
    for name in names:
        found[f"{app.folder}/base/{name}.env"] = b"# NAME=value, one per line; a change rolls the pods.\n"


def _overlay(app: Placed, environment: str, found: Files) -> None:
    request, reference = app.request, app.request.reference()
    path = f"{app.folder}/overlays/{environment}/kustomization.yaml"
    image = {"name": request.name}
    if reference.repository != request.name:
        image["newName"] = reference.repository
    image |= {"newTag": reference.tag} if reference.tag is not None else {}
    image |= {"digest": reference.digest} if reference.digest is not None else {}
    text = edit.put(found[path], (0, "images"), [image], path)
    if request.replicas is not None:
        text = edit.put(text, (0, "replicas"), [{"name": request.name, "count": request.replicas}], path)
    if request.host is not None:
        entry = f"../../components/{app.way_in.kind}"
        text = edit.set_listed(text, entry, True, path, listed_in="components")
    found[path] = text
    settings = f"{app.folder}/overlays/{environment}/settings.yaml"
    gateway = app.way_in.kind == "gateway"
    values = {"host": app.hosts[environment]}
    if gateway:
        ports = {"gatewayHttpPort": app.way_in.http, "gatewayHttpsPort": app.way_in.https}
        values |= {"gatewayClass": app.way_in.class_, **ports}
    else:
        values["ingressClass"] = app.way_in.class_
    edits: Edits = {(0, "data", key): value for key, value in values.items()}
    found[settings] = edit.replace_scalars(found[settings], edits, settings)
    _annotate(app, environment, found)


def _annotate(app: Placed, environment: str, found: Files) -> None:
    """The Application's annotations: what it requires, and which Secrets are created for it."""
    path = _application(app, environment)
    annotations: dict[str, Any] = {}
    if app.request.host is not None:
        annotations["requires"] = ", ".join(app.way_in.requires)
    secrets = [
        {"namespace": f"{app.request.name}-{environment}", "name": one.name, "generate": list(one.keys)}
        for one in app.request.configs()
        if one.keys
    ]
    if secrets:
        annotations["secrets"] = json.dumps(secrets)
    for key, value in annotations.items():
        place = (0, "metadata", "annotations", PREFIX + key)
        found[path] = edit.put(found[path], place, value, path)


def _sources(app: Placed, source: Mapping[str, str], found: Files) -> None:
    """The source of a chart or another repository, in the Application of each environment."""
    for environment in app.hosts:
        path = _application(app, environment)
        edits: Edits = {(0, "spec", "sources", 0, key): value for key, value in source.items()}
        found[path] = edit.replace_scalars(found[path], edits, path)


def _application(app: Placed, environment: str) -> str:
    return f"{app.folder}/applications/{environment}/application.yaml"
