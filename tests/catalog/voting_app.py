"""Builds the voting app: an environment as it is, or one with components of the test's own choice."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bootstrap.manifests.reader import load_all
from tests.tools import tool

ROOT = Path(__file__).parents[2]
APP = ROOT / "apps/voting-app"
ENVIRONMENTS = ("dev", "staging", "production")
COMPONENTS = (
    "nodeport", "loadbalancer", "ingress", "gateway", "persistence", "backup", "autoscaling",
    "network-policies", "mesh-sidecar", "mesh-ambient", "canary", "monitoring", "database-credentials",
)  # fmt: skip
SHARED = "mesh-shared"
"""What the two meshes are made of; no choice by itself."""
EXCLUSIVE = frozenset({"mesh-sidecar", "mesh-ambient"})
PAIRS = tuple(pair for pair in itertools.combinations(COMPONENTS, 2) if set(pair) != EXCLUSIVE)
WORKLOADS = ("Deployment", "StatefulSet")

Object = Mapping[str, Any]


@cache
def kustomize() -> str:
    """The same kustomize that a sandbox runs."""
    return str(tool("kustomize"))


@cache
def environment(name: str) -> tuple[Object, ...]:
    """The objects of an environment as it is."""
    return objects(run(APP / "overlays" / name))


@cache
def chosen(components: tuple[str, ...], name: str = "dev") -> tuple[Object, ...]:
    """The objects of an environment with these components and no others."""
    return objects(chosen_text(components, name))


@cache
def chosen_text(components: tuple[str, ...], name: str = "dev") -> str:
    """The same, as kustomize prints it."""
    with tempfile.TemporaryDirectory(prefix="voting-app-") as folder:
        return run(_overlay(Path(folder), components, name))


def chosen_texts(choices: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Several choices, built side by side."""
    wanted = list(choices)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return dict(zip(wanted, pool.map(chosen_text, wanted), strict=True))


def refusal(components: tuple[str, ...]) -> str:
    """What kustomize says to a choice that does not go together."""
    with tempfile.TemporaryDirectory(prefix="voting-app-") as folder:
        done = _kustomize(_overlay(Path(folder), components, "dev"))
    assert done.returncode != 0, f"{components} were built together"
    return done.stderr


def run(folder: Path) -> str:
    """kustomize build; its own words when it fails."""
    done = _kustomize(folder)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return done.stdout


def objects(text: str) -> tuple[Object, ...]:
    """The objects of a multi-document text."""
    return tuple(load_all(text))


def of_kind(items: Iterable[Object], *kinds: str) -> list[Object]:
    """Those of some kinds, in their order."""
    return [item for item in items if item["kind"] in kinds]


def named(items: Iterable[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (found,) = [item for item in items if item["kind"] == kind and item["metadata"]["name"] == name]
    return found


def pod_templates(items: Iterable[Object]) -> list[tuple[Object, Mapping[str, Any]]]:
    """Every (workload, its pod template); there are some, so that no test looks at nothing."""
    found = [(item, template) for item in items if (template := pod_template(item))]
    assert found
    return found


def pod_template(item: Object) -> Mapping[str, Any] | None:
    """Of a workload; None for anything else."""
    if item["kind"] == "CronJob":
        found: Mapping[str, Any] = item["spec"]["jobTemplate"]["spec"]["template"]
        return found
    return item["spec"]["template"] if item["kind"] in WORKLOADS else None


def containers(items: Iterable[Object]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every (workload's name / container's name, container)."""
    return [
        (f"{workload['metadata']['name']}/{container['name']}", container)
        for workload, template in pod_templates(items)
        for container in [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]
    ]


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (matchLabels, matchExpressions) takes these labels; {} takes all."""
    selector = selector or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(rule, labels) for rule in selector.get("matchExpressions") or ())


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = rule["key"], rule["operator"], rule.get("values") or ()
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise AssertionError(f"no such operator: {operator}")


def _kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [kustomize(), "build", str(folder)], capture_output=True, text=True, timeout=120, check=False
    )


def _overlay(folder: Path, components: Sequence[str], name: str) -> Path:
    """A copy of an environment's overlay, elsewhere, with other components."""
    overlay = folder.resolve() / name
    shutil.copytree(APP / "overlays" / name, overlay)
    yaml = YAML()
    file = overlay / "kustomization.yaml"
    content = yaml.load(file.read_text())
    app = os.path.relpath(APP, overlay)
    content["components"] = [f"{app}/components/{component}" for component in components]
    content["resources"] = [item.replace("../..", app) for item in content["resources"]]
    with file.open("w") as stream:
        yaml.dump(content, stream)
    return overlay
