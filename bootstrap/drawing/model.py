"""Pure: a picture as data: nodes in groups, edges, and the state of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bootstrap.core.health import State


@dataclass(frozen=True)
class Node:
    """`kind` is a word such as Service; `note` lines are shown when it is selected; `where` is file:line."""

    id: str
    label: str
    kind: str
    group: str = ""
    state: State = "ok"
    where: str = ""
    note: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """From what needs to what is needed; a broken one leads nowhere."""

    source: str
    target: str
    label: str = ""
    state: State = "ok"


@dataclass(frozen=True)
class Graph:
    """`groups` are the groups' names in the order in which they are drawn; `ordered` ones come one
    after another, as waves do."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[str, ...] = field(default=())
    ordered: bool = False

    def data(self) -> dict[str, Any]:
        """As JSON data (docs/json.md)."""
        return {
            "title": self.title,
            "groups": list(self.groups),
            "ordered": self.ordered,
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
        }


def graph(
    title: str,
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    groups: Sequence[str] = (),
    ordered: bool = False,
) -> Graph:
    """A graph without duplicates: the first node of an id wins, edges without both ends are dropped."""
    unique: dict[str, Node] = {}
    for node in nodes:
        unique.setdefault(node.id, node)
    kept = {(edge.source, edge.target): edge for edge in reversed(edges)}
    ends = [kept[key] for key in dict.fromkeys((e.source, e.target) for e in edges)]
    used = [edge for edge in ends if edge.source in unique and edge.target in unique]
    named = dict.fromkeys([*groups, *(node.group for node in unique.values() if node.group)])
    present = {node.group for node in unique.values()}
    return Graph(
        title, tuple(unique.values()), tuple(used), tuple(name for name in named if name in present), ordered
    )


def together(title: str, pictures: Sequence[tuple[str, Graph]]) -> Graph:
    """Several pictures as one, each under its name: the same object may be in two of them."""
    nodes, edges, groups = [], [], []
    for name, picture in pictures:
        groups += [_under(name, group) for group in picture.groups]
        nodes += [
            replace(node, id=f"{name}: {node.id}", group=_under(name, node.group)) for node in picture.nodes
        ]
        edges += [
            replace(edge, source=f"{name}: {edge.source}", target=f"{name}: {edge.target}")
            for edge in picture.edges
        ]
    return graph(title, nodes, edges, groups, any(picture.ordered for _, picture in pictures))


def _under(name: str, group: str) -> str:
    return f"{name}: {group}" if group else name
