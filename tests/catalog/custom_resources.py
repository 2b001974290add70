"""The definitions of custom resources, of the versions that the catalog is for, from the Go module proxy.

None is copied into the project: each is fetched once, checked against the module's checksum, and kept in the
programs' cache.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from bootstrap.manifests import split
from bootstrap.manifests.objects import ClusterObject
from tests.catalog.go_module import Module, unpacked
from tests.conftest import programs_cache

MODULES = {
    "istio": Module(
        "istio.io/api", "v1.30.3", "h1:pPSa0uah/t7CEuwacS4rw5qK/oHGvxC0WO8i4RRGwEU=", "kubernetes"
    ),
    "gateway-api": Module(
        "sigs.k8s.io/gateway-api",
        "v1.6.1",
        "h1:mock6phZbI6rvZerwrVNk7hVNymQgHo+6sJ81Ia7ftY=",
        "config/crd/standard",
    ),
    "prometheus-operator": Module(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.94.1",
        "h1:QEIb2wenPH+SdMN1xMf8l4Pmj00YYXXI6HlbLlQWkww=",
        "example/prometheus-operator-crd",
    ),
    "cert-manager": Module(
        "github.com/cert-manager/cert-manager",
        "v1.21.1",
        "h1:0LttV37Q5c2CBNoHkjuI8sLKTXWZDC2SwQkxrBMKV9w=",
        "deploy/crds",
    ),
    "elastic": Module(
        "github.com/elastic/cloud-on-k8s/v3",
        "v3.5.0",
        "h1:sR4oj+gNnwI9hgsKhBwjUlx+5F2T/kND40hrzaogtek=",
        "config/crds/v1",
    ),
}
OF_APPS = ("istio", "gateway-api", "prometheus-operator")


_KIND = re.compile(rb"^  names:\n(?:    .*\n)*?    kind: (\w+)$", re.M)


def definitions(kinds: Iterable[str], modules: Iterable[str] = OF_APPS) -> list[ClusterObject]:
    """The CustomResourceDefinitions of these kinds; AssertionError for one that no module has."""
    wanted = set(kinds)
    items = [item for name in modules for item in split.split(text(name), name)]
    found = {match[1].decode(): item for item in items if (match := _KIND.search(item.text))}
    assert wanted <= set(found), f"no definition of {wanted - set(found)}"
    return [found[kind] for kind in sorted(wanted)]


def text(name: str) -> bytes:
    """Every definition of a module, fetched once and kept with the programs."""
    module = MODULES[name]
    kept = programs_cache() / "definitions" / f"{name}-{module.version}.yaml"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".draft-{os.getpid()}")  # tests run side by side
        draft.write_bytes(_fetch(module))
        draft.replace(kept)
    return kept.read_bytes()


def _fetch(module: Module) -> bytes:
    with unpacked(module) as folder:
        texts = [path.read_text() for path in sorted(folder.glob("*.yaml"))]
    return "\n---\n".join(text for text in texts if "\nkind: CustomResourceDefinition\n" in text).encode()
