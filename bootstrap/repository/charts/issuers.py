"""Whether a chart that was not rendered has no issuer among its objects."""

from __future__ import annotations

import json
import posixpath

from bootstrap.repository.files import Files
from bootstrap.resources.applications import sources
from bootstrap.resources.index import Resource, mapping, sequence
from bootstrap.resources.products import KNOWN_CHARTS

_FOLDERS = ("crd", "crds", "local-path-provisioner")


def brings_no_issuers(what: str, application: Resource | None, files: Files) -> bool:
    """Whether an unrendered part of an Application (`chart NAME`, or a folder) has no ClusterIssuer.

    Many charts accept whole objects among their values: those are searched.
    """
    kind, _, name = what.partition(" ")
    if kind != "chart":
        return posixpath.basename(what.rstrip("/")) in _FOLDERS
    if application is None or name.rpartition("/")[2] not in KNOWN_CHARTS:
        return False
    texts = [json.dumps(application.body, default=str).encode()]
    for source in sources(application.body):
        for item in map(str, sequence(mapping(source.body.get("helm")).get("valueFiles"))):
            path = posixpath.normpath(item.partition("/")[2])
            if "://" in item or (item.startswith("$") and not files.has(path)):
                return False
            texts.append(files.read(path) if item.startswith("$") else b"")
    return not any(b"ClusterIssuer" in text for text in texts)
