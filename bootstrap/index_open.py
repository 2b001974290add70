"""What commands need of a repository: read it through the cache, and its settings for the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.checks.catalog import RULES, choose
from bootstrap.checks.rule import SEVERITIES
from bootstrap.errors import InputError
from bootstrap.index import Index, mapping, sequence
from bootstrap.index_build import read
from bootstrap.index_check import Settings
from bootstrap.index_repository import Options, Repository, Scope
from bootstrap.index_store import open_store
from bootstrap.index_yaml import parse
from bootstrap.output import Output

RECORD = "bootstrap.yaml"


@contextmanager
def opened(path: Path, output: Output, options: Options, cached: bool = True) -> Iterator[Repository]:
    """The repository at `path`, read; what takes long is told on stderr.

    What was rendered is kept when the block ends well.
    """
    store = open_store(output.invocation, cached)
    repository = read(path, output.invocation, store, options, output.info)
    yield repository
    store.close()


def choose_scope(repository: Repository, cluster: str | None) -> Scope:
    """The scope that is meant: the one that is asked for, else the first that is all of a cluster."""
    scopes = repository.scopes
    if cluster is not None:
        scopes = [scope for scope in scopes if scope.name == cluster]
    complete = [scope for scope in scopes if scope.complete] or scopes
    if not complete:
        raise InputError(
            "reading the repository",
            "there is no kustomization and no Kubernetes manifest in it",
            "name the folder of a GitOps repository",
            str(repository.files.root),
        )
    return complete[0]


def whole(repository: Repository, scope: Scope) -> Index:
    """Everything of a scope that goes to the cluster where Argo CD runs, or else to its first one."""
    index = repository.index(scope)
    if index.resources or not scope.placements:
        return index
    return repository.index(scope, scope.placements[0].cluster)


def settings(root: Path, rules: str | None, kubernetes: str | None) -> Settings:
    """The rules to use: `checks:` of bootstrap.yaml, then the options. InputError for what is unknown."""
    configured = _configured(root / RECORD)
    off = [str(item) for item in sequence(configured.get("off"))]
    severities = {}
    for rule, severity in mapping(configured.get("severity")).items():
        if rule not in RULES or severity not in SEVERITIES:
            found = f"checks.severity has {rule}: {severity}"
            raise InputError(f"reading {RECORD}", found, "write RULE: error, warning or info", RECORD)
        severities[rule] = severity
    release = kubernetes or str(configured.get("kubernetes") or "1.36")
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.\d+)?", release)
    if match is None:
        raise InputError("reading --kubernetes", f"{release!r} is no release", "write it as 1.36")
    return Settings(choose(rules, off), severities, (int(match[1]), int(match[2])))


def _configured(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    documents = parse(path.read_bytes()).documents
    return mapping(mapping(documents[0].value).get("checks")) if documents else {}
