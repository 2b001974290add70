"""Pure: one app's environment under another name: its namespace, Application, paths and hosts follow."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.app import inventory
from bootstrap.app.request import PRODUCTION
from bootstrap.manifests.reader import documents
from bootstrap.repository.kustomize import NAMES
from bootstrap.yamledit import edit

_FOLDERS = ("overlays", "applications")
_YAML = (".yaml", ".yml")

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Naming:
    """The old and the new environment; new hosts end in `hosts_domain`, else in the cluster's `domain`."""

    old: str
    new: str
    domain: str
    hosts_domain: str | None = None

    def name(self, text: str) -> str:
        """A namespace's or Application's name with the new environment in it."""
        changed = re.sub(rf"(?<![a-z0-9]){re.escape(self.old)}(?![a-z0-9])", self.new, text)
        return changed if changed != text else f"{text}-{self.new}"

    def host(self, host: str) -> str:
        """A host of the new environment: NAME.ENVIRONMENT.DOMAIN, or NAME below the given domain."""
        stem, tail = host.removesuffix(f".{self.domain}"), self.domain
        if stem == host:
            stem, _, tail = host.partition(".")
        stem = ".".join(label for label in stem.split(".") if label != self.old) or stem
        if self.hosts_domain is not None:
            return f"{stem}.{self.hosts_domain}"
        tail = ".".join(label for label in tail.split(".") if label != self.old)
        return f"{stem}.{tail}" if self.new in PRODUCTION else f"{stem}.{self.new}.{tail}"


@dataclass(frozen=True)
class Copy:
    """The new files of an app, and its new hosts by the old ones.

    `switched_off` are Components that a cluster cannot have twice, `sealed` files that must be sealed again.
    """

    app: str
    namespace: str
    hosts: Mapping[str, str]
    files: Files
    switched_off: tuple[str, ...]
    sealed: tuple[str, ...]


def copy(app: str, folder: str, files: Files, naming: Naming, same_cluster: bool) -> Copy:
    """An app's environment under its new name; `files` are the app's, by path from the repository's root.

    `same_cluster`: the old environment runs on the same cluster, so it keeps the node ports.
    """
    own = {path: text for path, text in files.items() if _is_of(path, folder, naming.old)}
    overlay = f"{folder}/overlays/{naming.old}"
    application = _application(own, f"{folder}/applications/{naming.old}")
    name, namespace = application["metadata"]["name"], application["spec"]["destination"]["namespace"]
    hosts = _hosts(own, f"{overlay}/settings.yaml", naming)
    new = _renaming(str(name), str(namespace), hosts, naming)
    copied: dict[str, bytes] = {}
    off: tuple[str, ...] = ()
    for path, text in own.items():
        is_top = posixpath.dirname(path) == overlay and posixpath.basename(path) in NAMES
        if is_top:
            text = _with_namespace(text, (0, "namespace"), str(namespace), naming, path)
            if same_cluster:
                text, off = _without_node_ports(text, overlay, files, path)
        if path.endswith(_YAML):
            if "/applications/" in path and b"kind: Application" in text:
                place = (0, "spec", "destination", "namespace")
                text = _with_namespace(text, place, str(namespace), naming, path)
                text = edit.replace_scalars(text, {(0, "metadata", "name"): naming.name(str(name))}, path)
            text = _retitled(edit.rename(text, new, path), naming)
        copied[_moved(path, folder, naming)] = text
    sealed = tuple(path for path, text in copied.items() if b"kind: SealedSecret" in text)
    return Copy(app, naming.name(str(namespace)), hosts, copied, off, sealed)


def _is_of(path: str, folder: str, environment: str) -> bool:
    return path.startswith(tuple(f"{folder}/{kind}/{environment}/" for kind in _FOLDERS))


def _moved(path: str, folder: str, naming: Naming) -> str:
    kind, _, rest = path.removeprefix(f"{folder}/").partition("/")
    return f"{folder}/{kind}/{naming.new}/{rest.removeprefix(f'{naming.old}/')}"


def _application(files: Files, folder: str) -> Mapping[str, Any]:
    path = f"{folder}/application.yaml"
    return next(item for item in documents(files[path], path) if item.get("kind") == "Application")


def _hosts(files: Files, path: str, naming: Naming) -> dict[str, str]:
    """Every host in the environment's settings, with the new one."""
    data = inventory.settings_of(files[path], path) if path in files else {}
    domain = f".{naming.domain}"
    found = [
        str(value)
        for key, value in data.items()
        if key.lower().endswith("host") or str(value).endswith(domain)
    ]
    return {host: naming.host(host) for host in found}


def _renaming(name: str, namespace: str, hosts: Mapping[str, str], naming: Naming) -> Callable[[str], str]:
    """The renaming of a text: hosts, paths of the environment, and names with the environment in them.

    A namespace with the app's name alone is not replaced: a Service may have that name, too.
    """
    tokens = {f"{kind}/{naming.old}": f"{kind}/{naming.new}" for kind in _FOLDERS} | dict(hosts)
    tokens |= {
        one: naming.name(one) for one in (name, namespace) if naming.old in re.split(r"[^a-z0-9]", one)
    }
    longest_first = sorted(tokens, key=len, reverse=True)
    found = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")
    declared = f'"namespace": "{namespace}"'

    def new(text: str) -> str:
        text = text.replace(declared, f'"namespace": "{naming.name(namespace)}"')
        return found.sub(lambda match: tokens[match[0]], text)

    return new


def _with_namespace(
    text: bytes, place: tuple[str | int, ...], namespace: str, naming: Naming, path: str
) -> bytes:
    """The file with the namespace at `place` renamed, where it says this one."""
    if not any(span.path == place and span.value == namespace for span in edit.spans(text, path)):
        return text
    return edit.replace_scalars(text, {place: naming.name(namespace)}, path)


def _without_node_ports(text: bytes, overlay: str, files: Files, path: str) -> tuple[bytes, tuple[str, ...]]:
    """The overlay without the Components that claim node ports: each can be used only once per cluster."""
    off = []
    for document in documents(text, path)[:1]:
        for entry in document.get("components") or ():
            folder = posixpath.normpath(posixpath.join(overlay, str(entry)))
            inside = (content for name, content in files.items() if name.startswith(f"{folder}/"))
            if any(re.search(rb"\bnodePort\b", content) for content in inside):
                text = edit.set_listed(text, str(entry), False, path, listed_in="components")
                off.append(posixpath.basename(folder))
    return text, tuple(off)


def _retitled(text: bytes, naming: Naming) -> bytes:
    """A first line that describes the environment says where the new one comes from."""
    title = f"# {naming.old}: ".encode()
    return (
        f"# {naming.new}, copied from {naming.old}: ".encode() + text[len(title) :]
        if text.startswith(title)
        else text
    )
