"""What of a cluster could not be read: the host that a trace looks for may be in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from bootstrap.checks.apps import PATH
from bootstrap.checks.files import BY_CODE
from bootstrap.errors import InputError
from bootstrap.index import Resource
from bootstrap.index_repository import Repository, Scope
from bootstrap.index_sources import Source, is_here, sources
from bootstrap.trace import Hop, Remark, State


@dataclass(frozen=True)
class Unread:
    """A folder or chart. `broken`: it is a fault, and not only beyond what is read."""

    title: str
    path: str
    application: Resource | None
    remark: Remark

    @property
    def broken(self) -> bool:
        return self.remark.state == "broken"

    def hop(self) -> Hop:
        return Hop("unread", self.title, "may hold the host", self.application, remarks=[self.remark])


def unread(repository: Repository, scope: Scope) -> list[Unread]:
    """Each folder that could not be rendered, and each source that lies elsewhere, once."""
    found: dict[tuple[str, str], Unread] = {}
    for item in [*_folders(repository, scope), *_elsewhere(repository, scope)]:
        found.setdefault((item.title, item.remark.message), item)
    return list(found.values())


def _folders(repository: Repository, scope: Scope) -> Iterator[Unread]:
    for placement in scope.placements:
        unit = repository.units[placement.unit.key]
        if not unit.faults or (unit.facts and not unit.opaque):
            continue
        faults = sorted(unit.faults, key=lambda one: BY_CODE[one[1].code].severity != "error")
        file, fault = faults[0]
        rule = BY_CODE[fault.code]
        state: State = "broken" if rule.severity == "error" else "unknown"
        place = f"{file}:{fault.line}"
        remark = Remark(state, f"it cannot be rendered: {fault.message}", fault.mend, rule.id, place)
        application = scope.by_name.get(placement.application)
        title = f"folder {placement.unit.path or '.'}" + (f" of {application}" if application else "")
        yield Unread(title, placement.unit.path, application, remark)


def _elsewhere(repository: Repository, scope: Scope) -> Iterator[Unread]:
    for application in scope.applications:
        for source in sources(application.body):
            if source.chart is not None:
                message = f"its chart {source.chart} was not rendered"
                remark = Remark("unknown", message, "render it: --fetch-charts")
                yield Unread(str(application), "", application, remark)
            elif source.path is not None and not is_here(source, repository.urls):
                message = f"its folder {source.path} lies in {source.repo_url}"
                yield Unread(
                    str(application), "", application, Remark("unknown", message, "trace it with --live")
                )
            elif source.path is not None and not _is_there(repository, source):
                message = f"it points at {source.path}, which is not there"
                place = f"{application.file}:{application.line}"
                remark = Remark("broken", message, PATH.mend, PATH.id, place)
                yield Unread(str(application), source.path.strip("/"), application, remark)


def _is_there(repository: Repository, source: Source) -> bool:
    path = (source.path or "").strip("/")
    return path in ("", ".") or repository.files.is_folder(path)


def instead(target: str, missing: Iterable[Unread], unknown: InputError) -> Hop:
    """What a trace says of a host that nothing takes: the folders that may hold it, where some are broken.

    Raises the InputError, with what was not read, where nothing is broken.
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
    """Say of a chain that begins in a folder that an Application just misses the folder."""
    for item in missing:
        if item.remark.rule == PATH.id and get_close_matches(item.path, [scope.root], cutoff=0.8):
            why = item.remark.message.removeprefix("it ")
            message = f"nothing applies {scope.root}: {item.application} {why}"
            mend = f"let it point at {scope.root}"
            root.hops[0].remarks.append(Remark("broken", message, mend, PATH.id, item.remark.where))
