"""YAML nodes as kustomize reads them: the C parser where available, repeated anchors allowed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from bootstrap.manifests.scalars import BOOLEANS, integer

_loaders: list[Any] = []


def nodes_of(text: str) -> Iterator[Any]:
    import yaml

    done = 0
    try:
        for node in yaml.compose_all(text, Loader=_loader()):
            done += 1
            if node is not None:
                yield node
    except yaml.composer.ComposerError as error:
        if not _names_twice(error):
            raise
        again = yaml.compose_all(text, Loader=lenient_loader())
        yield from (node for node in islice(again, done, None) if node is not None)


def _names_twice(error: Any) -> bool:
    """Whether the fault is only an anchor that appears twice: YAML allows it, PyYAML does not."""
    return "duplicate anchor" in f"{error.context} {error.problem}"


@cache
def lenient_loader() -> Any:
    """The loader with PyYAML's composer in Python, slower: an anchor is valid until its name is reused."""
    import yaml

    base = _loader()
    composer: Any = yaml.composer.Composer

    def start(self: Any, stream: Any) -> None:
        base.__init__(self, stream)
        composer.__init__(self)

    def compose_node(self: Any, parent: Any, index: Any) -> Any:
        if not self.check_event(yaml.AliasEvent):
            self.anchors.pop(self.peek_event().anchor, None)
        return composer.compose_node(self, parent, index)

    bases = (base,) if issubclass(base, composer) else (composer, base)
    return type("Lenient", bases, {"__init__": start, "compose_node": compose_node})


def _loader() -> Any:
    """PyYAML's loader, in C where available, without dates and without the bare `=`."""
    if not _loaders:
        import yaml

        base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        loader: Any = type("Loader", (base,), {"resolve": _resolve})
        unwanted = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
        loader.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag not in unwanted]
            for first, resolvers in base.yaml_implicit_resolvers.items()
        }
        loader.add_constructor("tag:yaml.org,2002:bool", lambda _, node: BOOLEANS.get(node.value, node.value))
        loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: integer(node.value))
        _loaders.append(loader)
    return _loaders[0]


def _resolve(self: Any, kind: Any, value: Any, implicit: Any) -> str:
    """PyYAML's resolver without its paths, which nothing here uses, and with a cache of plain scalars."""
    if kind is _scalar_node():
        return _plain_tag(value) if implicit[0] else "tag:yaml.org,2002:str"
    return "tag:yaml.org,2002:seq" if "Sequence" in kind.__name__ else "tag:yaml.org,2002:map"


@cache
def _scalar_node() -> Any:
    import yaml

    return yaml.ScalarNode


@lru_cache(maxsize=8192)
def _plain_tag(value: str) -> str:
    resolvers = _loader().yaml_implicit_resolvers
    for tag, pattern in [*resolvers.get(value[:1], ()), *resolvers.get(None, ())]:
        if pattern.match(value):
            return str(tag)
    return "tag:yaml.org,2002:str"
