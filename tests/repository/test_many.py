"""Many Applications are built while others are prepared: each gets its own objects and its own faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.repository import files as repository_files
from bootstrap.repository import render
from bootstrap.repository.model import Options, Repository
from bootstrap.repository.read import read
from bootstrap.repository.store import Store, open_store
from tests.repositories import application, write

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {app: NAME}\n"
BROKEN, DIRECTORY = "app-2", "app-5"


def repository_of(root: Path, count: int) -> set[str]:
    """Write `count` apps: a broken one, one of plain files, the others overlays; returns their names."""
    names = {f"app-{number}" for number in range(count)}
    for name in names:
        own = {"config.yaml": CONFIG.replace("NAME", name)}
        if name != DIRECTORY:
            own["kustomization.yaml"] = f"namespace: {name}\nresources: [config.yaml]\n"
        if name == BROKEN:
            own["kustomization.yaml"] += "patches: [{patch: 'not: [closed'}]\n"
        own["application.yaml"] = application(name, f"apps/{name}", namespace=name)
        write(root, {f"apps/{name}/{file}": text for file, text in own.items() if file[0] != "a"})
        write(root, {f"clusters/one/{name}.yaml": own["application.yaml"]})
    listed = "".join(f"  - {name}.yaml\n" for name in sorted(names))
    write(root, {"clusters/one/kustomization.yaml": f"resources:\n{listed}"})
    return names


def values(repository: Repository) -> dict[str, tuple[str, str]]:
    """Of each namespace the Application and what is in its ConfigMap."""
    found = repository.objects(repository.scopes[0])
    return {
        one.namespace: (one.application, one.body["data"]["app"]) for one in found if one.kind == "ConfigMap"
    }


@pytest.mark.parametrize("room", [0, 2_000_000])
def test_each_of_many_applications_gets_its_own_objects(
    tmp_path: Path, invocation: Invocation, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Also where parsed files are dropped early, and from what the run before has stored."""
    monkeypatch.setattr(render, "CHUNK", 3)
    monkeypatch.setattr(render, "KEPT", 2)
    monkeypatch.setattr(repository_files, "ROOM", room)
    names = repository_of(tmp_path, 20)
    for _ in range(2):
        store = open_store(invocation)
        repository = read(tmp_path, invocation, store, Options())
        store.close()
        assert values(repository) == {name: (f"argocd/{name}", name) for name in names - {BROKEN}}
        broken = {file for one in repository.units.values() for file, _ in one.faults}
        assert broken == {f"apps/{BROKEN}/kustomization.yaml"}


def test_the_order_of_many_applications_is_that_of_a_few_at_once(
    tmp_path: Path, invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository_of(tmp_path, 20)
    orders = []
    for chunk in (1, 3, 64):
        monkeypatch.setattr(render, "CHUNK", chunk)
        repository = read(tmp_path, invocation, Store(None), Options())
        orders.append([str(one) for one in repository.objects(repository.scopes[0])])
    assert orders[0] == orders[1] == orders[2]
