"""Pure: a graph as Mermaid (for a README) and as DOT (for Graphviz)."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.drawing.model import Graph, Node

_MARKS = {"ok": "", "warning": "⚠ ", "broken": "✗ ", "unknown": "? "}


def mermaid(graph: Graph) -> str:
    """A flowchart; groups are subgraphs, states are classes and a sign in front of the name."""
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR", f"  %% {graph.title}"]
    for number, group in enumerate(graph.groups):
        lines.append(f'  subgraph g{number}["{_mermaid(group)}"]')
        lines += [f"    {line}" for line in _mermaid_nodes(graph, group, ids)]
        lines.append("  end")
    lines += [f"  {line}" for line in _mermaid_nodes(graph, "", ids)]
    if graph.ordered:
        lines += [f"  g{number} ==> g{number + 1}" for number in range(len(graph.groups) - 1)]
    first = len(graph.groups) - 1 if graph.ordered else 0
    for number, edge in enumerate(graph.edges, max(first, 0)):
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        arrow = "-.->" if edge.state == "broken" else "-->"
        lines.append(f"  {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
        if edge.state == "broken":
            lines.append(f"  linkStyle {number} stroke:#c62828")
    lines.append("  classDef warning stroke:#b26a00,stroke-width:2px")
    lines.append("  classDef broken stroke:#c62828,stroke-width:3px")
    lines.append("  classDef unknown stroke-dasharray:4")
    for state in ("warning", "broken", "unknown"):
        if names := [ids[node.id] for node in graph.nodes if node.state == state]:
            lines.append(f"  class {','.join(names)} {state}")
    return "\n".join(lines) + "\n"


def _mermaid_nodes(graph: Graph, group: str, ids: dict[str, str]) -> Iterator[str]:
    for node in graph.nodes:
        if node.group == group:
            text = f"{_MARKS[node.state]}{_mermaid(_caption(node))}"
            yield f'{ids[node.id]}["{text}"]'


def _caption(node: Node) -> str:
    return f"{node.kind} {node.label}" if node.kind != "Host" else node.label


def _mermaid(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def dot(graph: Graph) -> str:
    """A digraph; groups are clusters."""
    colours = {"ok": "#4d7c0f", "warning": "#b26a00", "broken": "#c62828", "unknown": "#6b7280"}
    lines = [f"digraph {_dot(graph.title)} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    for number, group in enumerate([*graph.groups, ""]):
        indent = "    " if group else "  "
        if group:
            lines.append(f"  subgraph cluster_{number} {{ label={_dot(group)};")
        for node in graph.nodes:
            if node.group == group:
                style = ', style="rounded,dashed"' if node.state == "unknown" else ""
                caption = _dot(f"{_MARKS[node.state]}{_caption(node)}")
                lines.append(
                    f"{indent}{_dot(node.id)} [label={caption}, color={_dot(colours[node.state])}{style}];"
                )
        if group:
            lines.append("  }")
    for edge in graph.edges:
        style = f", color={_dot(colours['broken'])}, style=dashed" if edge.state == "broken" else ""
        lines.append(f"  {_dot(edge.source)} -> {_dot(edge.target)} [label={_dot(edge.label)}{style}];")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
