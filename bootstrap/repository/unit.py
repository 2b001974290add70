"""Renders one unit (a kustomization, a folder of plain files, a local chart) and describes the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core.fingerprint import fingerprint
from bootstrap.manifests.reader import Fault
from bootstrap.repository import kustomize, plugins, tools
from bootstrap.repository.bringers import BRINGERS
from bootstrap.repository.charts import identity
from bootstrap.repository.faults import (
    FileFault,
    inflated,
    is_filled_later,
    is_unfilled,
    missing_faults,
    unfilled,
)
from bootstrap.repository.files import Files
from bootstrap.repository.finder import Finder
from bootstrap.repository.namespaces import is_yaml, namespaces
from bootstrap.repository.patches import Target, targets
from bootstrap.repository.scoped import scoped
from bootstrap.repository.secret_makers import copied, names_made
from bootstrap.repository.source import Unit, directory_files
from bootstrap.resources.claims import Claim, claims
from bootstrap.resources.index import Resource, mapping, qualified, sequence
from bootstrap.resources.pods import WORKLOADS, containers

PUBLIC = {
    "Application.argoproj.io",
    "ApplicationSet.argoproj.io",
    "AppProject.argoproj.io",
    "Gateway.gateway.networking.k8s.io",
    "Gateway.networking.istio.io",
    "ListenerSet.gateway.networking.k8s.io",
    "ReferenceGrant.gateway.networking.k8s.io",
    "Namespace",
    "StorageClass.storage.k8s.io",
    "IngressClass.networking.k8s.io",
    "GatewayClass.gateway.networking.k8s.io",
    "PriorityClass.scheduling.k8s.io",
    "RuntimeClass.node.k8s.io",
    "ClusterIssuer.cert-manager.io",
    "ClusterSecretStore.external-secrets.io",
    "ClusterExternalSecret.external-secrets.io",
    "ClusterSecret.clustersecret.io",
    "InfisicalSecret.secrets.infisical.com",
    "DopplerSecret.secrets.doppler.com",
    "postgresql.acid.zalan.do",
    "ClusterTriggerAuthentication.keda.sh",
    "PersistentVolume",
    "IPAddressPool.metallb.io",
    "Prometheus.monitoring.coreos.com",
    "PeerAuthentication.security.istio.io",
    "AuthorizationPolicy.security.istio.io",
    "DestinationRule.networking.istio.io",
    "CustomResourceDefinition.apiextensions.k8s.io",
    "ConstraintTemplate.templates.gatekeeper.sh",
    "CompositeResourceDefinition.apiextensions.crossplane.io",
}
"""Kinds that other namespaces depend on: changing one means checking every namespace again."""

BROKEN = {"syntax", "encoding", "locked", "size", "build", "missing", "kept", "cycle"}
"""Faults after which part of what is in Git is unknown: what seems to be missing may be there."""


@dataclass
class UnitResult:
    """The result of a unit. `key` finds the objects in the store; the rest describes them.

    `facts` has (kind, namespace as written, name, file, document, line) of each object, in order;
    `public` the bodies of those that other namespaces depend on, by number, `digests` their checksums.
    `closure` are the files that the result depends on; `volatile` says that missing files matter,
    too. `claims` has the hosts and paths of Ingresses and routes, by number. `outline` is the
    checksum of all this without the objects that are not public. `opaque` says that not all of it is known,
    `broken` that this is a fault, and `namespaces` where the rest may belong.
    `patches` are those with a target (patches.py). `secrets` has (number of the object, name,
    namespace) of the Secrets that objects create, "" for the object's own namespace, "*" for all.
    """

    key: str
    facts: list[tuple[str, str, str, str, int, int]]
    public: dict[int, Mapping[str, Any]]
    closure: list[str]
    digests: dict[int, str] = field(default_factory=dict)
    outline: str = ""
    images: list[str] = field(default_factory=list)
    claims: list[tuple[int, Claim]] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)
    volatile: bool = False
    opaque: bool = False
    broken: bool = False
    namespaces: list[str] = field(default_factory=list)
    patches: list[Target] = field(default_factory=list)
    secrets: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def is_unbuilt(self) -> bool:
        """Whether it cannot be built as it is: a part is broken, or is not there."""
        return self.broken or any(fault.code == "missing" for _, fault in self.faults)

    def data(self) -> dict[str, Any]:
        values = dict(vars(self))
        values["faults"] = [(file, vars(fault)) for file, fault in self.faults]
        return values

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> UnitResult:
        faults = [(file, Fault(**fault)) for file, fault in data["faults"]]
        return UnitResult(**{**data, "faults": faults})


MADE_BY = ("core", "manifests", "repository", "resources")
"""The packages whose code determines a unit's result."""


def stamp() -> str:
    """What a stored result was made by: a result of other source code is not used."""
    return fingerprint(*MADE_BY)


Objects = Sequence[tuple[Mapping[str, Any], str]]


@dataclass(frozen=True)
class Prepared:
    """A unit whose files are known: its key by content, and what prevents rendering it.

    `overlay` is a kustomization as a whole, `parts` the same as files and overlays that only need
    to be combined (empty if it cannot be split).
    """

    unit: Unit
    key: str
    closure: list[str]
    faults: list[FileFault]
    blocked: bool
    volatile: bool
    overlay: tools.Overlay | None = None
    parts: tuple[str | tools.Overlay, ...] = ()


def prepare(
    files: Files, unit: Unit, allow_remote: bool = False, fetched: Sequence[tuple[str, bool]] = ()
) -> Prepared:
    """Find a unit's files and what is wrong with them, before anything is run.

    `fetched` are the charts that it needs from elsewhere: their checksums, and whether they look at APIs.
    """
    options = json.loads(unit.options)
    faults: list[FileFault] = []
    overlay = None
    parts: tuple[str | tools.Overlay, ...] = ()
    volatile = unit.tool != "kustomize"
    blocked = False
    charts: set[str] = set()
    if unit.tool == "kustomize":
        closure = kustomize.closure(files, unit.path)
        options, of_options, not_there = plugins.overrides(files, unit.path, options)
        of_plugins, not_had = plugins.named(files, sorted(closure.files | of_options))
        names, charts = sorted(closure.files | of_options | of_plugins), closure.charts
        every = (*closure.missing, *not_there, *not_had)
        reported = (one for one in every if one.why != "broken" and not _may_be_fetched(one, allow_remote))
        faults += missing_faults(files, reported)
        faults += inflated(files, names)
        blocked = bool(faults)
        volatile = bool(closure.missing)
        own = kustomize.file_of(files, unit.path)
        top = (files.mapping(own) if own else None) or {}
        namespace = str(top.get("namespace") or "")
        overlay = tools.Overlay(unit.path, namespace, options, frozenset(names))
    elif unit.tool == "directory":
        names = directory_files(files, unit.path, options)
    else:
        names = identity.files_of(files, unit)
    if unit.tool in ("kustomize", "directory"):  # templates are not YAML
        texts: set[str] | None = None
        for name in names:
            if is_yaml(name) and name not in charts:
                if files.parsed(name).faults and unit.tool == "kustomize":
                    texts = kustomize.contents(files, names) if texts is None else texts
                    broken = any(fault.code != "duplicate" for fault in files.parsed(name).faults)
                    if name in texts and (not broken or is_filled_later(files.read(name))):
                        continue
                bad = [(name, fault) for fault in files.parsed(name).faults]
                if any(fault.code == "syntax" for _, fault in bad) and is_unfilled(files.read(name)):
                    bad = [(name, unfilled(files.read(name)))]
                faults += bad
                blocked = blocked or any(fault.code != "duplicate" for _, fault in bad)
                blocked = blocked or (unit.tool == "kustomize" and bool(bad))
    if unit.tool == "kustomize" and not options:
        parts = _readable(files, unit.path, allow_remote) if blocked else _parts(files, unit.path)
    made_of = unit.key
    if unit.tool in ("helm", "chart"):
        made_of = identity.key(files, unit, names, fetched)
    digest = hashlib.sha256(f"{stamp()} {made_of}".encode())
    for name in names:
        digest.update(f"\0{name}\0{files.content_id(name)}".encode())
    return Prepared(unit, digest.hexdigest(), names, faults, blocked, volatile, overlay, parts)


def _may_be_fetched(missing: kustomize.Missing, allow_remote: bool) -> bool:
    return allow_remote and missing.why == "remote" and kustomize.may_be_fetched(missing.entry.name)


def _parts(files: Files, folder: str) -> tuple[str | tools.Overlay, ...]:
    """The parts of a kustomization that is only a list; () if it is more."""
    found = kustomize.parts(files, folder)
    if found == [("folder", folder)]:
        return ()
    return tuple(path if kind == "file" else _overlay(files, path) for kind, path in found)


def _overlay(files: Files, folder: str) -> tools.Overlay:
    own = kustomize.file_of(files, folder)
    namespace = str(((files.mapping(own) if own else None) or {}).get("namespace") or "")
    return tools.Overlay(folder, namespace, {}, frozenset(kustomize.closure(files, folder).files))


def _readable(files: Files, folder: str, allow_remote: bool) -> tuple[str | tools.Overlay, ...]:
    """The readable part of a list, so that one broken app does not hide the others."""
    found: list[str | tools.Overlay] = []
    for kind, path in kustomize.parts(files, folder):
        if kind == "file":
            if not files.parsed(path).faults:
                found.append(path)
        elif path != folder and kustomize.file_of(files, path) is not None:
            closure = kustomize.closure(files, path)
            _, not_had = plugins.named(files, sorted(closure.files))
            whole = all(_may_be_fetched(one, allow_remote) for one in (*closure.missing, *not_had))
            texts = filter(is_yaml, closure.files - closure.charts)
            if whole and not any(files.parsed(name).faults for name in texts):
                found.append(_overlay(files, path))
    return tuple(found)


def from_directory(files: Files, prepared: Prepared) -> Objects:
    """The objects in plain files, lists unpacked."""
    found: list[tuple[Mapping[str, Any], str]] = []
    for name in prepared.closure:
        for document in files.parsed(name).documents:
            if not document.is_object:
                continue
            items = document.value.get("items") if str(document.value["kind"]).endswith("List") else None
            found += [(body, name) for body in (items if isinstance(items, list) else [document.value])]
    return [(body, name) for body, name in found if isinstance(body, dict)]


def result(files: Files, prepared: Prepared, objects: Objects, faults: Sequence[FileFault]) -> UnitResult:
    """Record where each object is, and which of them others depend on."""
    facts, public = [], {}
    images: set[str] = set()
    made: list[tuple[int, str, str]] = []
    claimed: list[tuple[int, Claim]] = []
    finder = Finder(files, prepared.closure)
    for number, (body, file) in enumerate(objects):
        kind, metadata = qualified(body), mapping(body.get("metadata"))
        name = str(metadata.get("name") or metadata.get("generateName") or "")
        document, line = 0, 0  # of a chart's template nothing can be read
        if prepared.unit.tool != "helm":
            file, document, line = finder.find(file, body, name)
        facts.append((kind, str(metadata.get("namespace") or ""), name, file, document, line))
        if kind in WORKLOADS:
            images.update(image_name(str(one.body.get("image"))) for one in containers(Resource(body)))
        claimed += [(number, claim) for claim in claims(body)]
        made += [(number, *one) for one in names_made(body)]
        if kind in PUBLIC or kind in BRINGERS or (kind == "ConfigMap" and name == "argocd-cm"):
            public[number] = body
        elif (copy := copied(body) or scoped(body)) is not None:
            public[number] = copy
    found = [*prepared.faults, *faults]
    kustomized = prepared.unit.tool == "kustomize"  # which rejects duplicate keys
    broken = any(fault.code in BROKEN or (kustomized and fault.code == "duplicate") for _, fault in found)
    opaque = broken or any(fault.code != "duplicate" for _, fault in found)
    text = json.dumps([body for body, _ in objects], sort_keys=True, default=str)
    key = hashlib.sha256(f"{prepared.key}{text}".encode()).hexdigest()
    digests = {number: _digest(body) for number, body in public.items()}
    outline = _digest([facts, digests, prepared.closure, sorted(images), claimed, made])
    return UnitResult(
        key,
        facts,
        public,
        prepared.closure,
        digests,
        outline,
        sorted(images),
        claimed,
        found,
        prepared.volatile,
        opaque,
        broken,
        namespaces(files, prepared.closure) if broken else [],
        _patches(files, prepared.closure, objects) if kustomized and not found else [],
        made,
    )


def _patches(files: Files, closure: Sequence[str], objects: Objects) -> list[Target]:
    sources = (
        body
        for path in kustomize.resources(files, closure)
        for document in files.parsed(path).documents
        if document.is_object
        for body in sequence(document.value.get("items")) or [document.value]
    )
    return targets(files, closure, sources, (body for body, _ in objects))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def image_name(image: str) -> str:
    """An image without tag and digest."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
