"""`bootstrap graph` draws what was asked for, or says what there is instead."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.drawing.model import Node, graph
from bootstrap.drawing.write import write as draw
from tests.conftest import Run
from tests.repositories import OURS, SHOP, write

pytestmark = pytest.mark.usefixtures("cache")

FOLDER = {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP}
SHOP_FILE = "apps/shop/base/shop.yaml"
UNPROBED = SHOP.replace("          readinessProbe:\n            httpGet: {path: /, port: http}\n", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal() -> tuple[Output, Terminal]:
    screen = Terminal()
    return Output(Invocation(io.StringIO(), screen, io.StringIO(), dict(os.environ))), screen


def nodes(out: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(out)["nodes"]
    return found


def test_environment_is_drawn_alone_and_an_unknown_one_is_refused(run: Run, tmp_path: Path) -> None:
    cluster = "clusters/one/kustomization.yaml"
    both = OURS[cluster].replace("# - ../../apps", "- ../../apps")
    root = str(write(tmp_path, OURS, {cluster: both}))
    drawn = run("graph", root, "--env", "dev", "-o", "json")
    assert [node["label"] for node in nodes(drawn.out)] == ["shop-dev"]
    nope = run("graph", root, "--env", "nope")
    assert (nope.exit, nope.out) == (2, "")
    assert "choose from: dev, production" in nope.err
    near = run("graph", root, "--app", "argocd/shop-dve")
    assert near.exit == 2
    assert "did you mean shop-dev" in near.err


def test_repository_without_applications_says_how_to_draw_it(run: Run, tmp_path: Path) -> None:
    root = str(write(tmp_path, {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP}))
    result = run("graph", root)
    assert (result.exit, result.out) == (2, "")
    assert "there is no Application, only 2 objects" in result.err
    assert "read: 0 Applications, 2 objects; nothing was left out" in result.err
    assert "--resources" in result.err
    assert len(nodes(run("graph", root, "--resources", "-o", "json").out)) == 2
    cluster = run("graph", root, "--cluster", "nope")
    assert cluster.exit == 2
    assert "choose from: none" not in cluster.err
    assert "omit --cluster" in cluster.err


def test_every_folder_that_no_cluster_leads_to_is_drawn(run: Run, tmp_path: Path) -> None:
    files = {f"{env}/{name}": text for env in ("dev", "prod") for name, text in FOLDER.items()}
    root = str(write(tmp_path, files))
    drawn = run("graph", root, "--resources", "-o", "json")
    picture = json.loads(drawn.out)
    assert picture["title"] == "2 folders: resources"
    assert {(node["id"], node["group"]) for node in picture["nodes"]} == {
        (f"{env}: {kind} default/web", f"{env}: applied by hand")
        for env in ("dev", "prod")
        for kind in ("Deployment", "Service")
    }
    assert {edge["source"] for edge in picture["edges"]} == {
        "dev: Service default/web",
        "prod: Service default/web",
    }
    assert "not drawn" not in drawn.err
    one = json.loads(run("graph", f"{root}/dev", "--resources", "-o", "json").out)
    assert (one["title"], len(one["nodes"])) == (".: resources", 2)


def test_clusters_that_are_not_drawn_are_named(run: Run, tmp_path: Path) -> None:
    two = {file.replace("clusters/one", "clusters/two"): text for file, text in OURS.items()}
    root = str(write(tmp_path, {**two, **OURS}))
    assert "drawn: one; not drawn: two (choose with --cluster)" in run("graph", root).err
    assert "not drawn" not in run("graph", root, "--cluster", "two").err


def test_what_validate_leaves_out_marks_no_node(run: Run, tmp_path: Path) -> None:
    def state(name: str, files: dict[str, str]) -> str:
        root = write(tmp_path / name, OURS, files)
        (node,) = nodes(run("graph", str(root), "--network", "-o", "json").out)
        return str(node["state"])

    assert state("as-it-is", {SHOP_FILE: UNPROBED}) == "warning"
    comment = UNPROBED.replace(
        "kind: Deployment", "kind: Deployment # bootstrap: ignore-file=GB305 none needed"
    )
    assert state("comment", {SHOP_FILE: comment}) == "ok"
    off = {"bootstrap.yaml": "checks:\n  off: [GB305]\n", SHOP_FILE: UNPROBED}
    assert state("off", off) == "ok"
    severe = {"bootstrap.yaml": "checks:\n  severity: {GB305: error}\n", SHOP_FILE: UNPROBED}
    assert state("severe", severe) == "broken"


@pytest.mark.parametrize("format", ["html", "svg"])
def test_page_for_a_terminal_goes_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = graph("one: network", [Node("a", "a", "Service")], [])
    for _ in range(2):  # what it wrote itself, it writes again
        output, screen = on_terminal()
        draw(drawn, output, format)
        assert screen.getvalue().startswith(f"written to one-network.{format}: ")
        assert "<" not in screen.getvalue()
    assert (tmp_path / f"one-network.{format}").read_text().startswith("<")
    (tmp_path / f"one-network.{format}").write_text("mine")
    with pytest.raises(InputError, match="exists and is not a graph"):
        draw(drawn, on_terminal()[0], format)
    assert (tmp_path / f"one-network.{format}").read_text() == "mine"


def test_text_for_a_terminal_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output, screen = on_terminal()
    draw(graph("one", [Node("a", "a", "Service")], []), output, "mermaid")
    assert screen.getvalue().startswith("flowchart")
    assert list(tmp_path.iterdir()) == []


APP_FILE = "apps/shop/applications/dev/application.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "view"),
    [
        (APP_FILE, "project: apps", "project: nope", "--apps"),
        ("apps/shop/overlays/dev/kustomization.yaml", "../../base", "../../bse", "--apps"),
        (SHOP_FILE, "kind: Deployment", "kind: Deploymnt", "--resources"),
        (SHOP_FILE, "targetPort: http", "targetPort: htp", "--resources"),
        (SHOP_FILE, "          readinessProbe:", "          livnessProbe:", "--network"),
    ],
)
def test_graph_shows_what_validate_finds_at_its_nodes(
    run: Run, tmp_path: Path, file: str, old: str, new: str, view: str
) -> None:
    root = str(write(tmp_path, OURS, {file: OURS[file].replace(old, new, 1)}))
    checked = json.loads(run("validate", root, "-o", "json").out)["findings"]
    wrong = {f"{one['rule']}: {one['message']}" for one in checked if one["severity"] == "error"}
    drawn = nodes(run("graph", root, view, "-o", "json").out)
    assert wrong
    assert wrong <= {str(note) for node in drawn if node["state"] == "broken" for note in notes(node)}


def notes(node: dict[str, object]) -> list[object]:
    found = node["note"]
    assert isinstance(found, list)
    return found
