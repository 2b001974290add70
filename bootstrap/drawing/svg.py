"""A picture as SVG. Colour and the shape of the sign on each node show its state."""

from __future__ import annotations

from html import escape
from pathlib import Path

from bootstrap.drawing.layout import HEIGHT, Box, Picture, Route, layout
from bootstrap.drawing.model import Graph, Node

_PAGE = Path(__file__).parent / "page"

SIGNS = {
    "ok": "M{l},{m}l3.5,4l6.5,-8",
    "warning": "M{l},{b}l5,-10l5,10z",
    "broken": "M{l},{t}l10,10m0,-10l-10,10",
    "unknown": "M{l},{m}a5,5 0 1 0 10,0a5,5 0 1 0 -10,0",
}
"""A tick, a triangle, a cross, a dashed ring."""

_WORDS = {"ok": "ok", "warning": "warning", "broken": "broken", "unknown": "not known"}


def style() -> str:
    """The style sheet that every picture carries."""
    return (_PAGE / "picture.css").read_text(encoding="utf-8")


def svg(graph: Graph) -> str:
    """A standalone file that follows the reader's dark or light setting."""
    picture = layout(graph)
    size = f'width="{picture.width:.0f}" height="{picture.height:.0f}"'
    view = f'viewBox="0 0 {picture.width:.0f} {picture.height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="g" {size} {view} role="img">'
    title = f"<title>{escape(graph.title)}</title><style>{style()}</style>"
    ground = '<rect width="100%" height="100%" fill="var(--bg)"/>'
    return f"{head}{title}{ground}{content(graph, picture)}</svg>\n"


def content(graph: Graph, picture: Picture) -> str:
    """Groups, edges and nodes, from back to front."""
    parts = [_MARKER]
    for number, (name, box) in enumerate(picture.groups.items()):
        parts.append(_group(f"{_cut(name, 60)}{_counts(graph, name)}", box, number))
    parts += [_edge(route) for route in picture.routes]
    parts += [_node(node, picture.nodes[node.id], number) for number, node in enumerate(graph.nodes)]
    return "\n".join(parts)


_MARKER = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0,0L8,4L0,8z" fill="context-stroke"/></marker></defs>'
)


def _group(name: str, box: Box, number: int) -> str:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    title = f'<text class="title" x="{box.x + 14:.1f}" y="{box.y + 22:.1f}">{escape(name)}</text>'
    return f'<g class="group" data-group="{number}"><rect {place} rx="10"/>{title}</g>'


def _counts(graph: Graph, group: str) -> str:
    """How many nodes of a group have a problem, shown by the signs."""
    states = [node.state for node in graph.nodes if node.group == group]
    counts = {"✕": states.count("broken"), "▲": states.count("warning")}
    return "".join(f"  {sign} {count}" for sign, count in counts.items() if count)


def _edge(route: Route) -> str:
    points = " ".join(
        f"{'M' if not number else 'L'}{x:.1f},{y:.1f}" for number, (x, y) in enumerate(route.points)
    )
    broken = any(edge.state == "broken" for edge in route.edges)
    ends = "".join(f"{edge.source}\n{edge.target}" for edge in route.edges[:1])
    text = escape(_description(route), quote=True)
    return (
        f'<path class="edge{" broken" if broken else ""}" d="{points}" marker-end="url(#tip)" '
        f'data-ends="{escape(ends, quote=True)}"><title>{text}</title></path>'
    )


def _description(route: Route) -> str:
    lines = []
    for edge in route.edges[:12]:
        state = " (cut)" if edge.state == "broken" else ""
        lines.append(f"{edge.source} → {edge.target}{': ' + edge.label if edge.label else ''}{state}")
    more = len(route.edges) - 12
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def sign(node: Node, box: Box) -> str:
    """The sign of a node's state, at the left of its box."""
    left, middle = box.x + 9, box.y + HEIGHT / 2
    places = {"l": left, "m": middle, "t": middle - 5, "b": middle + 5}
    path = SIGNS[node.state].format(**{name: f"{value:.1f}" for name, value in places.items()})
    return f'<path class="sign" d="{path}"/>'


def _node(node: Node, box: Box, number: int) -> str:
    text = escape(f"{node.kind} {node.label}: {_WORDS[node.state]}", quote=True)
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    kind, label = escape(_cut(node.kind, 34)), escape(_cut(node.label, 34))
    return (
        f'<g class="node {node.state}" data-node="{number}" tabindex="0" role="button" aria-label="{text}">'
        f'<rect {place} rx="6"/>{sign(node, box)}'
        f'<text class="kind" x="{box.x + 26:.1f}" y="{box.y + 15:.1f}">{kind}</text>'
        f'<text x="{box.x + 26:.1f}" y="{box.y + 31:.1f}">{label}</text><title>{text}</title></g>'
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
