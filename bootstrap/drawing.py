"""Writes a graph in one of its formats; what `trace` and `graph` share."""

from __future__ import annotations

from bootstrap.graph import Graph
from bootstrap.output import Output

FORMATS = ("html", "svg", "mermaid", "dot", "json")


def write(graph: Graph, output: Output, format: str) -> None:
    """Print the graph; InputError when a picture is asked for and the library is missing."""
    if format == "json":
        output.result(graph.data())
    elif format == "mermaid":
        from bootstrap.graph_text import mermaid

        output.line(mermaid(graph).rstrip("\n"))
    elif format == "dot":
        from bootstrap.graph_text import dot

        output.line(dot(graph).rstrip("\n"))
    elif format == "svg":
        from bootstrap.graph_svg import svg

        output.line(svg(graph).rstrip("\n"))
    else:
        from bootstrap.graph_html import html

        output.line(html(graph).rstrip("\n"))
