"""Pure: a trace as a graph, for pictures."""

from __future__ import annotations

from bootstrap.drawing.model import Edge, Graph, Node, graph
from bootstrap.trace.hops import Hop

_CUT = ("GB323", "GB325", "GB349")
_GROUPS = {"entry": "entry", "route": "entry", "service": "Services", "pods": "pods"}


def to_graph(root: Hop) -> Graph:
    """Each hop once; the edges of the tree, and those back to a hop that is shown earlier."""
    nodes: list[Node] = []
    edges: list[Edge] = []

    def visit(hop: Hop, parent: str) -> None:
        name = hop.title if hop.kind != "volume" or hop.resource is not None else f"{parent} {hop.title}"
        notes = [*hop.details, *(f"{remark.rule} {remark.message}".strip() for remark in hop.remarks)]
        kind, _, rest = ("Host", "", hop.title) if hop.kind == "entry" else hop.title.partition(" ")
        label = hop.resource.name if hop.resource is not None else rest.rpartition(": ")[2] or kind
        if not hop.shown_above:
            nodes.append(Node(name, label, kind, "", hop.state, hop.where, tuple(notes)))
        if parent:
            way = "broken" if any(remark.rule in _CUT for remark in hop.remarks) else "ok"
            edges.append(Edge(parent, name, hop.how if hop.kind == "service" else "", way))  # type: ignore[arg-type]
        for child in hop.hops:
            visit(child, name)

    visit(root, "")
    return graph(root.title, nodes, edges)
