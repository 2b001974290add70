"""Pure: where nodes, groups and edges go. A library (graphlay) lays out each group, then the groups.

So a picture of two thousand nodes stays a map of boxes: edges inside a group are drawn in full, edges
between groups from box to box.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.core.errors import InputError
from bootstrap.drawing.model import Edge, Graph, Node

HEIGHT = 40.0
"""A node's height; widths follow the labels. All lengths are pixels at scale 1."""
PAD = 18.0
TITLE = 24.0
TOGETHER = 120
"""Up to this many nodes, edges between groups are drawn from node to node."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Route:
    """A line; `edges` are those that it represents."""

    points: tuple[Point, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Picture:
    """The position of everything, in a drawing of `width` × `height`."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    groups: Mapping[str, Box]
    routes: tuple[Route, ...]


def width_of(node: Node) -> float:
    """Wide enough for the longer of its two lines, at 7.7 pixels a character."""
    return 36 + 7.7 * min(max(len(node.label), len(node.kind) + 2), 34)


def layout(graph: Graph) -> Picture:
    """Lay a graph out; InputError when the library is not installed."""
    members: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        members[node.group].append(node)
    names = [name for name in [*graph.groups, ""] if name in members]
    inside: dict[str, list[Edge]] = defaultdict(list)
    between: list[Edge] = []
    group_of = {node.id: node.group for node in graph.nodes}
    for edge in graph.edges:
        group = group_of[edge.source]
        (inside[group] if group == group_of[edge.target] else between).append(edge)
    parts = {name: _group(members[name], inside[name]) for name in names}
    together = len(graph.nodes) <= TOGETHER
    picture = _compose(names, parts, between, group_of, together, graph.ordered)
    if not graph.ordered:
        return picture
    steps = zip(graph.groups, graph.groups[1:], strict=False)
    turns = [_step(picture.groups[one], picture.groups[other]) for one, other in steps]
    return replace(picture, routes=(*picture.routes, *turns))


def _step(one: Box, other: Box) -> Route:
    """From a group to the next one, in the same row or at the start of the next."""
    if other.y < one.y + one.height:
        y = min(one.middle[1], other.middle[1])
        return Route(((one.x + one.width, y), (other.x, y)), ())
    between = other.y - PAD
    (x1, _), (x2, _) = one.middle, other.middle
    return Route(((x1, one.y + one.height), (x1, between), (x2, between), (x2, other.y)), ())


@dataclass(frozen=True)
class _Part:
    """A group's inner picture."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    routes: Sequence[Route]


def _group(nodes: Sequence[Node], edges: Sequence[Edge]) -> _Part:
    """The connected nodes by the library, those without an edge in a grid below."""
    tied = {end for edge in edges for end in (edge.source, edge.target)}
    placed, routes, width, height = _layered([node for node in nodes if node.id in tied], edges)
    loose = [node for node in nodes if node.id not in tied]
    if loose:
        column = max(width_of(node) for node in loose) + PAD
        count = max(1, min(len(loose), round(math.sqrt(len(loose) * 1.6 * HEIGHT * 2 / column)) or 1))
        top = height + PAD if placed else 0.0
        for number, node in enumerate(loose):
            x, y = (number % count) * column, top + (number // count) * (HEIGHT + PAD)
            placed[node.id] = Box(x, y, column - PAD, HEIGHT)
        rows = -(-len(loose) // count)
        width, height = max(width, count * column - PAD), top + rows * (HEIGHT + PAD) - PAD
    return _Part(width, height, placed, routes)


def _layered(
    nodes: Sequence[Node], edges: Sequence[Edge]
) -> tuple[dict[str, Box], list[Route], float, float]:
    if not nodes:
        return {}, [], 0.0, 0.0
    sizes = {node.id: (width_of(node), HEIGHT) for node in nodes}
    centres, lines, (left, top, right, bottom) = _run(sizes, [(edge.source, edge.target) for edge in edges])
    boxes = {
        name: Box(x - left - sizes[name][0] / 2, y - top - HEIGHT / 2, sizes[name][0], HEIGHT)
        for name, (x, y) in centres.items()
    }
    routes = [
        Route(tuple((x - left, y - top) for x, y in line), (edge,))
        for edge, line in zip(edges, lines, strict=True)
    ]
    return boxes, routes, right - left, bottom - top


def _run(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]
) -> tuple[dict[str, Point], list[list[Point]], tuple[float, float, float, float]]:
    """The library's result: centres, lines, and the bounds (left, top, right, bottom)."""
    try:
        import graphlay
    except ImportError as error:
        hint = "install it (pip install graphlay), or use -o mermaid, dot or json"
        raise InputError("drawing a picture", "the library graphlay is not installed", hint) from error
    request = graphlay.Graph()
    for name, (width, height) in sizes.items():
        request.node(name, width=width, height=height)
    for source, target in edges:
        request.edge(source, target)
    answer: Any = graphlay.layout(request)
    lines = [[(point["x"], point["y"]) for point in edge["points"]] for edge in answer.edges]
    centres = {str(name): (x, y) for name, (x, y) in answer.positions().items()}
    xs = [x + side * sizes[name][0] / 2 for name, (x, _) in centres.items() for side in (-1, 1)]
    ys = [y + side * sizes[name][1] / 2 for name, (_, y) in centres.items() for side in (-1, 1)]
    xs += [x for line in lines for x, _ in line]
    ys += [y for line in lines for _, y in line]
    return centres, lines, (min(xs), min(ys), max(xs), max(ys))


def _compose(
    names: Sequence[str],
    parts: Mapping[str, _Part],
    between: Sequence[Edge],
    group_of: Mapping[str, str],
    together: bool,
    ordered: bool,
) -> Picture:
    """Place the groups as if they were nodes, and everything inside them."""
    titled = names != [""]
    head = TITLE if titled else 0.0
    sizes = {name: (parts[name].width + 2 * PAD, parts[name].height + 2 * PAD + head) for name in names}
    pairs: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for edge in between:
        pairs[(group_of[edge.source], group_of[edge.target])].append(edge)
    gap = 2 * PAD if ordered else PAD
    corners, lines, width, height = _place_groups(names, sizes, [] if ordered else list(pairs), gap)
    lines = lines or [[] for _ in pairs]
    groups = {name: Box(*corners[name], *sizes[name]) for name in names}
    nodes: dict[str, Box] = {}
    routes: list[Route] = []
    for name in names:
        x, y = corners[name][0] + PAD, corners[name][1] + PAD + head
        for node, box in parts[name].nodes.items():
            nodes[node] = Box(box.x + x, box.y + y, box.width, box.height)
        for route in parts[name].routes:
            routes.append(Route(tuple((px + x, py + y) for px, py in route.points), route.edges))
    for (pair, edges), line in zip(pairs.items(), lines, strict=True):
        if together:
            routes += [_direct(nodes[edge.source], nodes[edge.target], edge) for edge in edges]
        else:
            routes.append(
                Route(tuple(line) or (groups[pair[0]].middle, groups[pair[1]].middle), tuple(edges))
            )
    shown = {name: box for name, box in groups.items() if name}
    return Picture(width, height, nodes, shown, tuple(routes))


def _place_groups(
    names: Sequence[str],
    sizes: Mapping[str, tuple[float, float]],
    pairs: Sequence[tuple[str, str]],
    gap: float,
) -> tuple[dict[str, Point], list[list[Point]], float, float]:
    """Groups with edges between them by the library, the others in rows below."""
    tied = [name for name in names if any(name in pair for pair in pairs)]
    corners: dict[str, Point] = {}
    lines: list[list[Point]] = []
    width = height = 0.0
    if tied:
        keys = {name: f"g{number}" for number, name in enumerate(tied)}
        centres, lines, (left, top, right, bottom) = _run(
            {keys[name]: sizes[name] for name in tied}, [(keys[a], keys[b]) for a, b in pairs]
        )
        for name in tied:
            x, y = centres[keys[name]]
            corners[name] = (x - left - sizes[name][0] / 2 + PAD, y - top - sizes[name][1] / 2 + PAD)
        lines = [[(x - left + PAD, y - top + PAD) for x, y in line] for line in lines]
        width, height = right - left + PAD, bottom - top + PAD
    loose = [name for name in names if name not in tied]
    area = sum(sizes[name][0] * sizes[name][1] for name in loose)
    limit = max(width, math.sqrt(area * 1.8), max((sizes[name][0] for name in loose), default=0.0))
    x, y, row = PAD, height + gap, 0.0
    for name in loose:
        if x > PAD and x + sizes[name][0] > limit + PAD:
            x, y, row = PAD, y + row + gap, 0.0
        corners[name] = (x, y)
        x, row = x + sizes[name][0] + gap, max(row, sizes[name][1])
        width, height = max(width, x - gap), max(height, y + row)
    return corners, lines, width + PAD, height + PAD


def _direct(source: Box, target: Box, edge: Edge) -> Route:
    """A line from border to border."""
    (x1, y1), (x2, y2) = source.middle, target.middle
    return Route((_border(source, x2 - x1, y2 - y1), _border(target, x1 - x2, y1 - y2)), (edge,))


def _border(box: Box, dx: float, dy: float) -> Point:
    x, y = box.middle
    if not dx and not dy:
        return x, y
    scale = min(
        box.width / 2 / abs(dx) if dx else math.inf,
        box.height / 2 / abs(dy) if dy else math.inf,
    )
    return x + dx * scale, y + dy * scale
