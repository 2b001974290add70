"""Pure: the chain from a host to the data behind it, as a tree of hops with what the rules find.

`trace` walks: entry → rule → Service → pods → what configures them, what they mount and talk to → …
Every object of the tree knows its Application, file and line; the worst remark decides the state of a hop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bootstrap.core import health
from bootstrap.core.health import State
from bootstrap.resources.index import Resource


@dataclass(frozen=True)
class Remark:
    """Something that is wrong with a hop, and what to do.

    `rule` is "" when it is not from a rule, `where` is the place in a file, "" without one.
    """

    state: State
    message: str
    fix: str
    rule: str = ""
    where: str = ""


@dataclass(frozen=True)
class Named:
    """An object that a hop refers to by name, whether it is in Git or created in the cluster.

    `keys` are those that must exist; `maker` says how to get it created, "" if unknown.
    """

    kind: str
    namespace: str
    name: str
    optional: bool = False
    keys: tuple[str, ...] = ()
    maker: str = ""


@dataclass
class Hop:
    """One hop. `kind` is entry, route, service, pods, config, volume, related, external or unread.

    `how` says how it is reached from the hop above (the env variable, the port …); `details` are facts
    worth a line; `shown_above` marks a hop whose own chain is shown earlier in the tree; `named` is what
    the pods refer to by name, for `--live`.
    """

    kind: str
    title: str
    how: str = ""
    resource: Resource | None = None
    details: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    shown_above: bool = False
    named: Named | None = None

    @property
    def state(self) -> State:
        """The worst remark of the hop itself."""
        return health.worst(remark.state for remark in self.remarks)

    @property
    def where(self) -> str:
        resource = self.resource
        return resource.place if resource is not None else ""

    @property
    def application(self) -> str:
        return self.resource.application if self.resource is not None else ""

    def walk(self) -> Iterator[Hop]:
        """The hop and all below it, in order."""
        yield self
        for hop in self.hops:
            yield from hop.walk()

    def data(self) -> dict[str, Any]:
        """As JSON data (docs/json.md)."""
        resource = self.resource
        return {
            "kind": self.kind,
            "title": self.title,
            "how": self.how or None,
            "state": self.state,
            "object": str(resource) if resource is not None else None,
            "application": self.application or None,
            "file": resource.file or None if resource is not None else None,
            "line": resource.line or None if resource is not None else None,
            "details": self.details,
            "remarks": [vars(remark) for remark in self.remarks],
            "shownAbove": self.shown_above,
            "hops": [hop.data() for hop in self.hops],
        }


def worst(root: Hop) -> State:
    """The worst state anywhere in the chain."""
    return health.worst(hop.state for hop in root.walk())


def broken(root: Hop) -> Sequence[Hop]:
    """The hops with remarks, the worst first."""
    found = [hop for hop in root.walk() if hop.remarks]
    return sorted(found, key=lambda hop: -health.RANK[hop.state])
