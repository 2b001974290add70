"""Pictures hold every node once, at its own place, and say states by sign as well as by colour."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from bootstrap.core.health import State
from bootstrap.drawing.html import html
from bootstrap.drawing.layout import Box, layout
from bootstrap.drawing.model import Edge, Graph, Node, graph
from bootstrap.drawing.svg import svg
from bootstrap.drawing.text import dot, mermaid
from bootstrap.graph import views
from bootstrap.resources.index import Index
from bootstrap.trace import picture as graph_trace
from bootstrap.validate.rule import ClusterContext
from tests.trace.test_hops import walk, world
from tests.validate.rules.asking import placed, problems

STATES: tuple[State, ...] = ("ok", "warning", "broken", "unknown")


def small() -> Graph:
    nodes = [
        Node(f"n{number}", f"name <{number}>", "Service", f"group {number % 2}", state, "a.yaml:1", ("note",))
        for number, state in enumerate(STATES)
    ]
    return graph(
        "small & <b>", nodes, [Edge("n0", "n2", "tcp"), Edge("n2", "n3", "", "broken"), Edge("n0", "gone")]
    )


def large(count: int) -> Graph:
    nodes = [Node(f"n{i}", f"service-{i}", "Deployment", f"team {i // 40}") for i in range(count)]
    edges = [Edge(f"n{i}", f"n{i // 40 * 40 + i * 7 % 40}") for i in range(count) if i % 3]
    return graph(
        "large", nodes, [*edges, *(Edge(f"n{i}", f"n{i * 31 % count}") for i in range(0, count, 50))]
    )


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("count", [1, 12, 2000])
def test_no_two_nodes_overlap_and_each_is_in_its_group(count: int) -> None:
    drawn = large(count)
    picture = layout(drawn)
    assert len(picture.nodes) == count
    for node in drawn.nodes:
        box, group = picture.nodes[node.id], picture.groups[node.group]
        assert group.x <= box.x
        assert box.x + box.width <= group.x + group.width + 0.01
        assert group.y <= box.y
        assert box.y + box.height <= group.y + group.height + 0.01
        assert box.x + box.width <= picture.width
        assert box.y + box.height <= picture.height
    groups = list(picture.groups.values())
    assert not any(overlap(a, b) for i, a in enumerate(groups) for b in groups[:i])
    for group_name in drawn.groups:
        boxes = [picture.nodes[node.id] for node in drawn.nodes if node.group == group_name]
        assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_edges_without_both_ends_and_doubles_are_left_out() -> None:
    drawn = graph(
        "x", [Node("a", "a", "K"), Node("a", "b", "K")], [Edge("a", "a"), Edge("a", "a"), Edge("a", "z")]
    )
    assert len(drawn.nodes) == 1
    assert len(drawn.edges) == 1


def test_svg_is_xml_with_a_sign_for_each_state() -> None:
    root = ElementTree.fromstring(svg(small()))  # noqa: S314 - our own output
    space = {"s": "http://www.w3.org/2000/svg"}
    nodes = [item for item in root.iterfind(".//s:g", space) if "node" in (item.get("class") or "").split()]
    signs = [item.find("s:path", space).get("d", "") for item in nodes]  # type: ignore[union-attr]
    shapes = {re.sub(r"-?[\d.]+", "", sign[sign.index(",") + 1 :]) for sign in signs}
    assert len(nodes) == len(shapes) == 4
    assert [item.get("aria-label", "").rpartition(": ")[2] for item in nodes] == [
        "ok",
        "warning",
        "broken",
        "not known",
    ]


def test_page_needs_no_network_and_labels_cannot_escape() -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    page = html(graph(evil, [Node(evil, evil, evil, evil, "ok", evil, (evil,))], []))
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page.replace("http://www.w3.org/", ""))
    assert "<img" not in page
    assert page.count("<script") == 2
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    assert json.loads(text[1])["nodes"][0]["label"] == evil
    assert "default-src 'none'" in page


def test_mermaid_and_dot_name_every_node_and_every_way() -> None:
    drawn = small()
    text = mermaid(drawn)
    assert text.startswith("flowchart LR")
    assert text.count("subgraph") == 2
    assert 'n0 -->|"tcp"| n2' in text
    assert "n2 -.-> n3" in text
    assert "linkStyle 1 " in text
    assert "<" not in "".join(text.splitlines()[2:])
    digraph = dot(drawn)
    assert digraph.count("->") == 2
    assert '"n0" -> "n2" [label="tcp"]' in digraph


def found(index: Index, around: ClusterContext, namespace: str) -> views.Findings:
    many = problems(index, around, {namespace}).values()
    return views.by_object(placed(problem) for some in many for problem in some)


def test_waves_come_one_after_the_other() -> None:
    index, around = world()
    drawn = views.apps(index.applications.values(), found(index, around, "argocd"), "apps")
    assert drawn.groups == ("root", "wave -20", "wave 20")
    picture = layout(drawn)
    places = [(picture.groups[name].y, picture.groups[name].x) for name in drawn.groups]
    assert places == sorted(places)
    assert len(picture.routes) == 2
    assert "g0 ==> g1" in mermaid(drawn)


def test_resources_are_tied_to_what_they_need() -> None:
    index, around = world()
    drawn = views.resources(index, found(index, around, "shop"), "resources", "shop")
    pairs = {(edge.source, edge.target) for edge in drawn.edges}
    assert {
        ("Ingress shop/web", "Service shop/web"),
        ("Service shop/web", "Deployment shop/web"),
        ("Deployment shop/web", "ConfigMap shop/web"),
        ("Deployment shop/web", "Service shop/db"),
        ("HorizontalPodAutoscaler shop/web", "Deployment shop/web"),
        ("Deployment shop/files", "PersistentVolumeClaim shop/files"),
    } <= pairs
    assert {node.group for node in drawn.nodes} == {"argocd/shop"}


@pytest.mark.parametrize(("peer", "state"), [("web", "ok"), ("api", "broken")])
def test_network_shows_which_way_is_cut(peer: str, state: str) -> None:
    index, _ = world({"policy peer": f"- from: [{{podSelector: {{matchLabels: {{app: {peer}}}}}}}]"})
    drawn = views.network(index, {}, "network")
    ways = {(edge.source, edge.target): edge.state for edge in drawn.edges}
    assert ways[("Deployment shop/web", "StatefulSet shop/db")] == state
    assert ("host shop.example.com", "Deployment shop/web") in ways


def test_trace_is_drawn_with_each_station_once() -> None:
    drawn = graph_trace.to_graph(walk("shop.example.com"))
    assert len({node.id for node in drawn.nodes}) == len(drawn.nodes)
    assert ("Service shop/db", "StatefulSet shop/db") in {(edge.source, edge.target) for edge in drawn.edges}
    assert "<svg" in svg(drawn)
