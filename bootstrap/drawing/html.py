"""A picture as one HTML file that needs no network: search, zoom, keyboard, dark and light."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from bootstrap.core import runner_orders
from bootstrap.drawing.layout import Box, layout
from bootstrap.drawing.model import Graph, Node
from bootstrap.drawing.svg import SIGNS, content, sign, style

_PAGE = Path(__file__).parent / "page"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(graph: Graph) -> str:
    """One self-contained page; it can be opened from disk, mailed, or served."""
    picture = layout(graph)
    boxes = [picture.nodes[node.id] for node in graph.nodes]
    data = {
        **graph.data(),
        "width": round(picture.width),
        "height": round(picture.height),
        "boxes": [[round(v, 1) for v in (box.x, box.y, box.width, box.height)] for box in boxes],
    }
    # Labels come from manifests: `<` is escaped so that none of them can end the script.
    text = runner_orders.in_json(json.dumps(data, ensure_ascii=False)).replace("<", "\\u003c")
    title = escape(graph.title, quote=True)
    return f"""<!doctype html>
<html lang="en" class="g">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style()}
{(_PAGE / "graph.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<input id="find" type="search" placeholder="Search  ( / )" aria-label="Search nodes">
<span id="count" role="status"></span>
<button id="out" aria-label="Zoom out">−</button>
<button id="in" aria-label="Zoom in">+</button>
<button id="fit">Fit</button>
<button id="theme">Dark / light</button>
<ul class="key" aria-label="States">{_key()}</ul>
</header>
<main>
<svg id="map" role="group" aria-label="{title}"><g id="view">
{content(graph, picture)}
</g></svg>
<aside aria-live="polite"></aside>
</main>
<script type="application/json" id="data">{text}</script>
<script>
{(_PAGE / "graph.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _key() -> str:
    """The legend of the signs."""
    words = {"unknown": "not known"}
    drawn = {
        state: sign(Node("", "", "", state=state), Box(-7, -12, 0, 0))  # type: ignore[arg-type]
        for state in SIGNS
    }
    return "".join(
        f'<li><svg width="14" height="16" class="{state}">{path}</svg> {words.get(state, state)}</li>'
        for state, path in drawn.items()
    )
