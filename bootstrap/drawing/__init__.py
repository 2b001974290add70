"""A graph as Mermaid, DOT, SVG or HTML."""
