"""What a repository's own starts apply: errors in anything else are warnings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from bootstrap.repository import kustomize
from bootstrap.repository.leftovers import is_parked
from bootstrap.repository.model import Placement, Repository, Scope
from bootstrap.repository.values import values_files
from bootstrap.resources.applications import folder_of, sources
from bootstrap.resources.index import APPLICATION, APPLICATION_SET, PROJECT, Resource, dig
from bootstrap.validate.rule import Finding

_FLUX = "Kustomization.kustomize.toolkit.fluxcd.io"
_STARTS = frozenset({APPLICATION, APPLICATION_SET, _FLUX})
"""Kinds whose objects apply files of the repository."""
_OWN = frozenset({*_STARTS, PROJECT})
"""Kinds of a start's own folder."""
_READABLE = frozenset({"GB401", "GB402", "GB403"})
"""Rules about what everybody can read, whether anything applies it or not."""
_UNREADABLE = frozenset({"GB101", "GB102", "GB103", "GB104"})
"""Rules about files that cannot be read: whatever names the file fails."""
_PAIRS = frozenset({"GB330", "GB337", "GB359", "GB362"})
"""Rules about two objects that do not go together."""
_NAMED = re.compile(r" names (\S+), which does not exist")
_PLUGINS = re.compile(rb"^\s+dest:|[cC]onfigManagementPlugin|argocd-[\w-]*plugin|/cmp-server/", re.MULTILINE)
_WRITES = re.compile(rb"(?:>\s*(?:\./)?|\bdest:[^\n]*/)([\w./-]+\.ya?ml)\b")
_MOST = 1_000_000
"""Bytes of a file that is searched for a plugin's command."""


class Applied:
    """The files that something in the repository applies; made once for all findings."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def judged(self, finding: Finding) -> Finding:
        """The finding; as a warning if nothing applies its file, credentials aside.

        A repository without Applications and Flux Kustomizations is only manifests: then that is no
        reason, but two objects may be alternatives, and a folder's name may say that it is out of use.
        """
        if finding.severity != "error" or finding.rule in _READABLE or not finding.file:
            return finding
        if finding.rule == "GB106" and (plugin := self._plugin(finding)):
            return replace(
                finding, severity="info", message=f"{finding.message}; {plugin} may write it first"
            )
        if finding.file in self._by_clusters:
            return finding
        if not finding.application and self._has_starts and finding.file not in self._reached:
            if finding.rule in _UNREADABLE and finding.file in self._named:
                return finding
            reason = "nothing that was read applies this file"
        elif not finding.application and finding.rule in _PAIRS:
            reason = "nothing applies both"
        elif is_parked(finding.file):
            reason = "its folder seems to be out of use"
        else:
            return finding
        return replace(finding, severity="warning", message=f"{finding.message}; {reason}")

    def _plugin(self, finding: Finding) -> str:
        """What runs a program in a kustomization's folder before kustomize; "" for nothing that is known."""
        if application := self._plugged.get(posixpath.dirname(finding.file)):
            return f"the plugin of {application}"
        name = _NAMED.search(finding.message)
        return self._written.get(posixpath.basename(name[1]), "") if name else ""

    @cached_property
    def _plugged(self) -> dict[str, Resource]:
        """The folders that an Application gives to a plugin."""
        found: dict[str, Resource] = {}
        for scope in self._repository.scopes:
            for one in scope.applications:
                for source in sources(one.body):
                    if "plugin" in source.body:
                        found.setdefault(source.folder, one)
        return found

    @cached_property
    def _written(self) -> dict[str, str]:
        """The files that the commands of Argo CD's plugins and Ansible's tasks write, and where that is."""
        files, found = self._repository.files, dict[str, str]()
        for path, known in sorted(files.stats.items()):
            if not path.endswith((".yaml", ".yml")) or known[0] > _MOST:
                continue
            content = files.read(path)
            if _PLUGINS.search(content):
                for match in _WRITES.finditer(content):
                    line = content.count(b"\n", 0, match.start()) + 1
                    found.setdefault(posixpath.basename(match[1].decode()), f"{path}:{line}")
        return found

    @cached_property
    def _has_starts(self) -> bool:
        units = (self._repository.units[key] for key in self._units)
        return any(fact[0] in _STARTS for unit in units for fact in unit.facts)

    @cached_property
    def _units(self) -> dict[str, list[tuple[Scope, Placement]]]:
        found: dict[str, list[tuple[Scope, Placement]]] = {}
        for scope in self._repository.scopes:
            for placement in scope.placements:
                found.setdefault(placement.unit.key, []).append((scope, placement))
        return found

    @cached_property
    def _named(self) -> frozenset[str]:
        """The files that kustomizations name."""
        files = self._repository.files
        kustomized = ((key, placed[0][1].unit) for key, placed in self._units.items())
        return frozenset(
            path
            for key, unit in kustomized
            if unit.tool == "kustomize"
            for path in self._repository.units[key].closure
            if path != kustomize.file_of(files, unit.path)
        )

    @cached_property
    def _by_clusters(self) -> frozenset[str]:
        """The files of whole clusters."""
        units = (key for key, placed in self._units.items() if any(scope.complete for scope, _ in placed))
        return frozenset(path for key in units for path in self._repository.units[key].closure)

    @cached_property
    def _reached(self) -> frozenset[str]:
        """The files that a start applies, and its own."""
        found = set(self._by_clusters) | set(values_files(self._repository))
        for key, placed in self._units.items():
            unit = self._repository.units[key]
            kinds = _OWN if any(self._leads(scope) for scope, _ in placed) else {_FLUX}
            own = {fact[3] for fact in unit.facts if fact[0] in kinds}
            whole = own and placed[0][1].unit.tool == "kustomize"
            if whole or any(one.application for _, one in placed):
                found.update(unit.closure)
            found |= own
            for number, body in unit.public.items():
                if unit.facts[number][0] == _FLUX and isinstance(path := dig(body, "spec", "path"), str):
                    found.update(self._by_flux(folder_of(path)))
        return frozenset(found)

    def _leads(self, scope: Scope) -> bool:
        """Whether a start is one: where an app of apps is, Applications that none leads to are not used."""
        return not self._has_tree or any(one.application for one in scope.applications)

    @cached_property
    def _has_tree(self) -> bool:
        """Whether an Application applies others."""
        return any(one.application for scope in self._repository.scopes for one in scope.applications)

    def _by_flux(self, folder: str) -> Iterator[str]:
        """The files that Flux builds in a folder: its kustomization's, or one that it makes of all below."""
        files = self._repository.files
        if kustomize.file_of(files, folder) is not None:
            yield from kustomize.closure(files, folder).files
            return
        for path in files.below(folder):
            yield path
            if posixpath.basename(path) in kustomize.NAMES:
                yield from kustomize.closure(files, posixpath.dirname(path)).files
