"""`--charts`: move each component's chart to the newest version of its major that its repository offers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bootstrap.core.errors import BootstrapError, DownloadUnavailable
from bootstrap.core.invocation import Invocation
from bootstrap.init.plan_layout import Desired
from bootstrap.layout import units
from bootstrap.manifests.reader import documents, is_application
from bootstrap.yamledit import edit

_RELEASED = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(\+\S+)?")
LISTED = 3
"""The most charts that the error names if none could be looked up."""
SECONDS = 20.0
"""How long to wait for a registry that limits requests."""


class Bumper:
    """Edits a layout's Applications, and collects notes about it."""

    def __init__(self, prefix: str, invocation: Invocation, ca_file: Path | None) -> None:
        self._prefix, self._invocation, self._ca_file = prefix, invocation, ca_file
        self._known: dict[tuple[str, str], dict[str, list[str]] | str] = {}
        self.notes: list[str] = []
        self.unread: list[str] = []

    def edit(self, tree: dict[str, bytes]) -> Mapping[str, bytes]:
        """The tree with newer charts; those that could not be read stay as they are."""
        paths = [
            path
            for path in sorted(tree)
            if units.unit_of(path, self._prefix) and path.endswith(".yaml") and b"chart:" in tree[path]
        ]
        wanted = {
            (repository, "" if _is_http(repository) else chart): (repository, chart)
            for path in paths
            for _, repository, chart, _ in _charts(path, tree[path])
        }
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda one: self._try(*one), wanted.values())
            self._known |= dict(zip(wanted, found, strict=True))
        return {**tree, **{path: self._bumped(path, tree[path]) for path in paths}}

    def with_notes(self, desired: Desired) -> Desired:
        """With the notes; DownloadUnavailable if no index could be read."""
        if self.unread and all(isinstance(one, str) for one in self._known.values()):
            listed = list(dict.fromkeys(self.unread))
            more = f"; and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
            found = "; ".join(listed[:LISTED]) + more
            hint = "check the network and HTTPS_PROXY, or upgrade without --charts"
            raise DownloadUnavailable("reading the charts' versions", found, hint)
        unread = [f"chart not looked up: {one}" for one in dict.fromkeys(self.unread)]
        return replace(desired, notes=(*desired.notes, *dict.fromkeys(self.notes), *unread))

    def _bumped(self, path: str, content: bytes) -> bytes:
        edits: dict[tuple[Any, ...], str] = {}
        for place, repository, chart, current in _charts(path, content):
            if newest := self._newest(repository, chart, current):
                edits[place] = newest
        return edit.replace_scalars(content, edits, where=path) if edits else content

    def _newest(self, repository: str, chart: str, current: str) -> str | None:
        """A newer version of the same major, if there is one; a newer major is a note."""
        versions = self._versions(repository, chart)
        if isinstance(versions, str):
            self.unread.append(f"{chart} ({versions})")
            return None
        released = sorted((one for one in versions if _RELEASED.fullmatch(one)), key=_key)
        if not released:
            self.unread.append(f"{chart} ({repository} has no release of it)")
            return None
        if _key(released[-1])[0] > _key(current)[0]:
            self.notes.append(
                f"chart {chart} {released[-1]} is a new major version (here: {current}): set it by hand"
            )
        same = [one for one in released if _key(one)[0] == _key(current)[0] and _key(one) > _key(current)]
        return same[-1] if same else None

    def _versions(self, repository: str, chart: str) -> list[str] | str:
        """The chart's versions; or, as text, why they could not be read."""
        index = self._known[repository, "" if _is_http(repository) else chart]
        return index if isinstance(index, str) else index.get(chart, [])

    def _try(self, repository: str, chart: str) -> dict[str, list[str]] | str:
        """Chart → versions: of the repository's index, or the tags of one chart in a registry."""
        try:
            if _is_http(repository):
                return self._indexed(f"{repository.rstrip('/')}/index.yaml")
            from bootstrap.oci.client import Registries

            name = f"{repository.removeprefix('oci://').rstrip('/')}/{chart}"
            tags = Registries(self._invocation, self._ca_file, patience=SECONDS).tags(name)
            return {chart: [tag.replace("_", "+") for tag in tags]}
        except BootstrapError as error:
            return f"{error.where or repository}: {error.found}"

    def _indexed(self, url: str) -> dict[str, list[str]]:
        """Chart → versions, for those with a digest in the index."""
        import yaml

        from bootstrap.http import download
        from bootstrap.http.streaming import shown

        file = download.fetch(url, None, self._invocation, ca_file=self._ca_file)
        try:
            index = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
            return {
                str(name): [str(one["version"]) for one in items if one.get("digest")]
                for name, items in index["entries"].items()
            }
        except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
            hint = "check the repository's URL"
            raise DownloadUnavailable(
                "reading a chart index", "it is not an index", hint, shown(url)
            ) from error
        finally:
            file.unlink(missing_ok=True)


def _charts(path: str, content: bytes) -> Iterator[tuple[tuple[Any, ...], str, str, str]]:
    """Place of the version, repository, chart and version of each source with a release's version."""
    try:
        items = list(documents(content, path))
    except BootstrapError:
        return
    for number, item in enumerate(items):
        if not is_application(item):
            continue
        for index, source in enumerate(item["spec"].get("sources") or ()):
            chart, current = source.get("chart"), str(source.get("targetRevision") or "")
            if chart and _RELEASED.fullmatch(current):
                place = (number, "spec", "sources", index, "targetRevision")
                yield place, str(source.get("repoURL")), str(chart), current


def _is_http(repository: str) -> bool:
    return urlsplit(repository).scheme in ("http", "https")


def _key(version: str) -> tuple[int, int, int]:
    found = _RELEASED.fullmatch(version)
    assert found is not None  # noqa: S101 - only called with releases
    return int(found[1]), int(found[2]), int(found[3])
