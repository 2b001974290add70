"""Writes a graph in one of its formats; shared by `trace` and `graph`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any, Protocol

from bootstrap.core.errors import InputError
from bootstrap.core.output import Output
from bootstrap.drawing.model import Graph


class Told(Protocol):
    """What was read for a graph: one line, and data."""

    def data(self) -> dict[str, Any]: ...


FORMATS = ("html", "svg", "mermaid", "dot", "json")


def write(graph: Graph, output: Output, format: str, read: Told | None = None) -> None:
    """Print the graph, and what was read for it.

    Raises InputError when a picture is asked for and the library is missing.

    On a terminal, where nobody reads a page's source, pages and pictures go to a file in the current folder.
    """
    if format == "json":
        output.result({**graph.data(), **({"coverage": read.data()} if read is not None else {})})
        return
    if read is not None:
        output.info(str(read))
    text = _text(graph, format).rstrip("\n")
    if format in ("html", "svg") and output.invocation.stdout.isatty():
        _file(graph, output, format, text)
    else:
        output.line(text)


def _text(graph: Graph, format: str) -> str:
    if format == "mermaid":
        from bootstrap.drawing.text import mermaid

        return mermaid(graph)
    if format == "dot":
        from bootstrap.drawing.text import dot

        return dot(graph)
    if format == "svg":
        from bootstrap.drawing.svg import svg

        return svg(graph)
    from bootstrap.drawing.html import html

    return html(graph)


def _file(graph: Graph, output: Output, format: str, text: str) -> None:
    path = Path(re.sub(r"[^\w.]+", "-", graph.title).strip("-.") + f".{format}")
    try:
        is_own = not path.exists() or f"<title>{escape(graph.title)}<" in path.read_text("utf-8", "replace")
        if is_own:
            path.write_text(output.redact(text) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError("writing the graph", str(error), f"name a file elsewhere: > /tmp/{path}") from error
    if not is_own:
        raise InputError(
            "writing the graph", f"{path} exists and is not a graph", f"name a file: > other.{format}"
        )
    output.line(f"written to {path}: open it in a browser (to another file: > FILE; as text: -o mermaid)")
