"""The definitions of custom resources, of the versions that the catalog is for, from the Go module proxy.

None is copied into the project: each is fetched once, checked against the module's checksum, and kept in the
programs' cache.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap import manifests
from bootstrap.invocation import Invocation
from bootstrap.sandbox import toolchain
from bootstrap.steps import ClusterObject
from tests.conftest import USER_ENVIRONMENT, programs_cache


@dataclass(frozen=True)
class Module:
    """A Go module that carries definitions below `folder`; `sum` is its h1 checksum."""

    path: str
    version: str
    sum: str
    folder: str


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
    items = [item for name in modules for item in manifests.split(_text(name), name)]
    found = {match[1].decode(): item for item in items if (match := _KIND.search(item.text))}
    assert wanted <= set(found), f"no definition of {wanted - set(found)}"
    return [found[kind] for kind in sorted(wanted)]


def _text(name: str) -> bytes:
    module = MODULES[name]
    kept = programs_cache() / "definitions" / f"{name}-{module.version}.yaml"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(".draft")
        draft.write_bytes(_fetch(module))
        draft.replace(kept)
    return kept.read_bytes()


def _fetch(module: Module) -> bytes:
    invocation = Invocation(stdout=io.StringIO(), stderr=io.StringIO(), environ=USER_ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="definitions-") as name:
        folder = Path(name)
        go = toolchain.find(invocation, folder, lambda message: None)
        # The checksum below is ours, so that no other service needs to be reached.
        environ = {**toolchain.environ(invocation, folder), "GOSUMDB": "off", "GONOSUMDB": "*"}
        command = [str(go), "mod", "download", "-json", f"{module.path}@{module.version}"]
        done = subprocess.run(
            command, env=environ, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        answer = json.loads(done.stdout or "{}")
        if "Dir" not in answer:
            pytest.skip(
                f"{module.path}@{module.version} cannot be fetched: {answer.get('Error', done.stderr)}"
            )
        assert answer["Sum"] == module.sum, f"{module.path}@{module.version} is not what it was"
        texts = [path.read_text() for path in sorted((Path(answer["Dir"]) / module.folder).glob("*.yaml"))]
    return "\n---\n".join(text for text in texts if "\nkind: CustomResourceDefinition\n" in text).encode()
