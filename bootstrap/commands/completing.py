"""Completion candidates: names known to this machine and the current folder; no host is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import click

from bootstrap.core.invocation import Invocation

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _offering(known: Callable[[Invocation], Iterable[str]]) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, word: str) -> list[str]:
        names: list[str] = []
        with suppress(Exception):  # a shell that completes a word cannot show an error
            names = sorted({name for name in known(Invocation()) if name.startswith(word)})
        return names

    return complete


@_offering
def contexts(invocation: Invocation) -> Iterable[str]:
    """The contexts of the kubeconfig files."""
    import yaml

    from bootstrap.kube.config import paths_of

    for path in paths_of(invocation).split(":"):
        if path and Path(path).is_file():
            content = yaml.safe_load(Path(path).read_bytes())
            yield from (str(item["name"]) for item in content.get("contexts") or ())


@_offering
def components(invocation: Invocation) -> Iterable[str]:
    """The components of the clusters in the current folder, else the catalog's."""
    from bootstrap.layout import catalog
    from bootstrap.layout.components import offered

    files = sorted(Path().glob("clusters/*/kustomization.yaml"))
    texts = [path.read_bytes() for path in files] or [catalog.load()["clusters/default/kustomization.yaml"]]
    return {name for text in texts for name in offered(text)}


@_offering
def sandboxes(invocation: Invocation) -> Iterable[str]:
    """The sandboxes that have data on this machine."""
    return [path.name for path in (invocation.data_dir / "sandboxes").iterdir() if path.is_dir()]
