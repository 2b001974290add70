"""The parts of a cluster that could not be read: the host that is traced may be in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.core.git_refs import is_elsewhere
from bootstrap.core.health import State
from bootstrap.core.text import near
from bootstrap.repository.model import Placement, Repository, Scope
from bootstrap.repository.source import is_unfilled
from bootstrap.resources.applications import is_here, sources
from bootstrap.resources.index import Resource
from bootstrap.trace.hops import Hop, Remark
from bootstrap.validate.folder_findings import FolderFindings
from bootstrap.validate.rule import Finding
from bootstrap.validate.rules.apps import PATH
from bootstrap.validate.rules.files import BY_CODE


@dataclass(frozen=True)
class Unread:
    """A folder or chart. `broken`: it has a fault, rather than only being out of reach."""

    title: str
    path: str
    application: Resource | None
    remark: Remark
    how: str = "may have the host"

    @property
    def broken(self) -> bool:
        return self.remark.state == "broken"

    def hop(self) -> Hop:
        return Hop("unread", self.title, self.how, self.application, remarks=[self.remark])


def unread(repository: Repository, scope: Scope, said: FolderFindings) -> list[Unread]:
    """Each folder that could not be rendered, and each source in another repository, once."""
    found: dict[tuple[str, str], Unread] = {}
    for item in [*_folders(repository, scope, said), *_elsewhere(repository, scope, said)]:
        found.setdefault((item.title, item.remark.message), item)
    return list(found.values())


def stopped(repository: Repository, scope: Scope, root: Hop, said: FolderFindings) -> list[Unread]:
    """Folders that cannot be built, and without which none of the Applications of a chain is applied.

    For a chain that no cluster leads to: those in which a cluster's Applications may be missing, as one of
    them may apply it.
    """
    chain: dict[str, Resource] = {}
    names = [hop.application for hop in root.walk()]
    while names:
        name = names.pop()
        if name not in chain and (application := scope.by_name.get(name)) is not None:
            chain[name] = application
            names.append(application.application)
    above = {one.application for one in chain.values()}
    files = {one.file for one in chain.values()}
    found: dict[str, Unread] = {}
    for one in repository.scopes if not scope.complete else (scope,):
        for placement in one.placements if one is scope or (one.complete and one.lost) else ():
            closure = repository.units[placement.unit.key].closure
            if placement.application not in one.unreadable.get(placement.cluster, ()):
                continue
            if one is scope and not (placement.application in above and files.intersection(closure)):
                continue
            if one is not scope and not any(_holds_application(repository, path) for path in closure):
                continue
            if (item := _folder(repository, one, placement, said)) is not None and item.broken:
                found.setdefault(
                    item.title, replace(item, how="applies it" if one is scope else "may apply it")
                )
    return list(found.values())


def _holds_application(repository: Repository, path: str) -> bool:
    return b"argoproj.io" in repository.files.read(path)


def _folders(repository: Repository, scope: Scope, said: FolderFindings) -> Iterator[Unread]:
    for placement in scope.placements:
        if (item := _folder(repository, scope, placement, said)) is not None:
            yield item


def _folder(
    repository: Repository, scope: Scope, placement: Placement, said: FolderFindings
) -> Unread | None:
    """Why a folder cannot be rendered; None when it can."""
    unit = repository.units[placement.unit.key]
    if not unit.faults or (unit.facts and not unit.opaque):
        return None
    faults = sorted(unit.faults, key=lambda one: BY_CODE[one[1].code].severity != "error")
    file, fault = faults[0]
    rule = BY_CODE[fault.code]
    known = unit.broken and placement.application not in scope.unreadable.get(placement.cluster, ())
    wrong = any(
        (one.rule, one.file, one.line, one.severity) == (rule.id, file, fault.line, "error")
        for one in said.of(scope, placement)
    )
    state: State = "broken" if wrong and not known else "unknown"  # a comment, or nothing applies it
    place = f"{file}:{fault.line}"
    remark = Remark(state, f"it cannot be rendered: {fault.message}", fault.fix, rule.id, place)
    application = scope.by_name.get(placement.application)
    what = f"folder {placement.unit.path or '.'}"
    if placement.unit.tool == "chart":
        what = f"chart {json.loads(placement.unit.options)['chart']['name']}"
    title = what + (f" of {application}" if application else "")
    return Unread(title, placement.unit.path, application, remark)


def _elsewhere(repository: Repository, scope: Scope, said: FolderFindings) -> Iterator[Unread]:
    for application in scope.applications:
        for source in sources(application.body):
            if source.chart is not None:
                message = f"its chart {source.chart} was not rendered"
                remark = Remark("unknown", message, "render it: --fetch-charts")
                yield Unread(str(application), "", application, remark)
            elif source.path is not None and not is_here(source, repository.urls):
                message = f"its folder {source.path} is in {source.repo_url}"
                yield Unread(
                    str(application), "", application, Remark("unknown", message, "trace it with --live")
                )
            elif is_unfilled(source):
                continue
            elif source.path is not None and source.folder and not repository.files.is_folder(source.folder):
                message = f"it points to {source.folder}, which does not exist"
                place = application.file, application.line, str(application), application.application
                finding = said.judged(Finding(PATH.id, PATH.severity, message, PATH.fix, *place))
                state: State = "broken" if finding.severity == "error" else "unknown"
                if is_elsewhere(source.revision, repository.files.elsewhere):
                    message += f"; it may be in {source.revision}, which is not checked out"
                    state = "unknown"
                yield Unread(
                    str(application),
                    source.folder,
                    application,
                    Remark(state, message, PATH.fix, PATH.id, application.place),
                )


def instead(target: str, missing: Iterable[Unread], unknown: InputError) -> Hop:
    """The trace of a host that nothing serves: the folders that may have it, if some of them are broken.

    Raises the InputError, extended by what was not read, if none is broken.
    """
    missing = list(missing)
    if any(item.broken for item in missing):
        root = Hop("entry", target, details=[unknown.found + ", as far as the repository can be read"])
        root.details += [unknown.hint] if unknown.hint else []
        root.hops = [item.hop() for item in missing if item.broken]
        return root
    names = list(dict.fromkeys(item.title for item in missing))
    if not names:
        raise unknown
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    hint = f"{unknown.hint}; or it is in what was not rendered: {', '.join(names[:3])}{more} (--fetch-charts)"
    raise InputError(unknown.tried, unknown.found, hint)


def lost(root: Hop, scope: Scope, missing: Iterable[Unread]) -> None:
    """Report an Application whose path is almost the folder in which the chain begins: a misspelling."""
    for item in missing:
        if item.remark.rule == PATH.id and near(item.path, [scope.root], cutoff=0.8):
            why = item.remark.message.removeprefix("it ")
            message = f"nothing applies {scope.root}: {item.application} {why}"
            fix = f"point it to {scope.root}"
            root.hops[0].remarks.append(Remark("broken", message, fix, PATH.id, item.remark.where))
