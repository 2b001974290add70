"""`bootstrap diff` after one shared file changed, compared with two `kustomize build` loops and a `diff`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.figures import Figure, in_turns, ratio, spread
from bench.repository import URL, write
from bootstrap.core.invocation import Invocation
from bootstrap.programs.find import ensure
from tests import charts

APPS, CHARTS = 300, 20
TITLE = f"bootstrap diff: {APPS} Applications, one shared file changed, against two loops of kustomize build"
_SHARED = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {round: ROUND}}]\n"
_CHART = {
    "values.yaml": "replicas: 1\n",
    "templates/all.yaml": """\
{{- range $number := until 15 }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $.Release.Name }}-{{ $number }} }
spec:
  replicas: {{ $.Values.replicas }}
  selector: {matchLabels: {app: {{ $.Release.Name }}-{{ $number }} }}
  template:
    metadata: {labels: {app: {{ $.Release.Name }}-{{ $number }} }}
    spec: {containers: [{name: web, image: "registry.example.com/web:1.2.3"}]}
{{- end }}
""",
}


def run(rounds: int) -> Iterator[Figure]:
    """Each cold run has an empty cache; a warm one has the cache of the run before."""
    programs = ensure(["kustomize", "helm"], Invocation(), lambda _: None)
    path = os.pathsep.join([*(str(one.path.parent) for one in programs.values()), os.environ["PATH"]])
    with tempfile.TemporaryDirectory(prefix="bootstrap-bench-") as name:
        folder = Path(name)
        root = folder / "repository"
        overlays = _repository(root)
        environ = {**os.environ, "PATH": path, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        _timed(_diff(root, environ, folder / "warm"))  # fills the bytecode and the warm runs' cache
        number = iter(range(1_000_000))
        found = in_turns(
            rounds,
            {
                "loops": lambda: _timed(
                    lambda: _loops(root, overlays, path, folder / f"loop-{next(number)}")
                ),
                "cold": lambda: _timed(_diff(root, environ, folder / f"cold-{next(number)}")),
                "warm": lambda: _timed(_diff(root, environ, folder / "warm")),
            },
        )
        beside = f"ours {spread(found['cold'])}; loops {spread(found['loops'])}"
        yield Figure(
            f"{APPS} Applications: cold / two loops", ratio(found["cold"], found["loops"]), "", 0.5, beside
        )
        warm = ratio(found["warm"], found["loops"])
        yield Figure(f"{APPS} Applications: warm / two loops", warm, "", 0.5, spread(found["warm"]))
        yield _with_charts(rounds, root, environ, folder)


def _with_charts(rounds: int, root: Path, environ: dict[str, str], folder: Path) -> Figure:
    """Charts in the cache, but none rendered: each round has values that no run has seen."""
    with charts.served() as repository:
        cluster = root / "clusters" / "one"
        for number in range(CHARTS):
            repository.add(f"chart-{number}", "1.0.0", {**_CHART, "NOTES.txt": str(number)})
        seconds = []
        for turn in range(rounds + 1):
            texts = [_application(number, turn, repository.url) for number in range(CHARTS)]
            (cluster / "charts.yaml").write_text("---\n".join(texts), encoding="utf-8")
            if turn == 0:
                listed = (cluster / "kustomization.yaml").read_text(encoding="utf-8")
                listed = listed.replace("resources:\n", "resources:\n  - charts.yaml\n")
                (cluster / "kustomization.yaml").write_text(listed, encoding="utf-8")
            _git(root, "commit", "--quiet", "--message", f"Charts {turn}", "--all")
            seconds.append(_timed(_diff(root, environ, folder / "warm", "--fetch-charts")))
            repository.away = True
        seconds = seconds[1:]
    middle = sorted(seconds)[len(seconds) // 2]
    return Figure(f"{APPS} Applications and {CHARTS} charts in the cache", middle, "s", 10.0, spread(seconds))


def _repository(root: Path) -> list[Path]:
    """A repository with two commits, between which a component that every overlay uses changes."""
    overlays = write(root, APPS)
    (root / "clusters" / "one" / "charts.yaml").write_text("", encoding="utf-8")
    shared = root / "shared" / "kustomization.yaml"
    shared.parent.mkdir()
    for overlay in overlays:
        with (overlay / "kustomization.yaml").open("a", encoding="utf-8") as file:
            file.write("components:\n  - ../../../shared\n")
    _git(root, "init", "--quiet", ".")
    _git(root, "remote", "add", "origin", URL)
    for turn in ("one", "two"):
        shared.write_text(_SHARED.replace("ROUND", turn), encoding="utf-8")
        _git(root, "add", ".")
        _git(root, "commit", "--quiet", "--message", f"Round {turn}")
    return overlays


def _application(number: int, turn: int, url: str) -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: chart-{number}, namespace: argocd}}
spec:
  project: apps
  source:
    repoURL: {url}
    chart: chart-{number}
    targetRevision: 1.0.0
    helm: {{valuesObject: {{replicas: {turn + 2}}}}}
  destination: {{server: https://kubernetes.default.svc, namespace: chart-{number}}}
"""


def _git(root: Path, *arguments: str) -> None:
    person = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    subprocess.run(["git", *person, *arguments], cwd=root, check=True)


def _timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def _diff(root: Path, environ: dict[str, str], cache: Path, *options: str) -> Callable[[], None]:
    def run_it() -> None:
        command = [sys.executable, "-m", "bootstrap", "diff", str(root), "--rev", "HEAD~1..HEAD", *options]
        environ_here = {**environ, "BOOTSTRAP_CACHE_DIR": str(cache)}
        ended = subprocess.run(command, env=environ_here, capture_output=True, text=True, check=False)
        if ended.returncode != 1:
            raise SystemExit(f"diff ended with {ended.returncode}:\n{ended.stdout[-2000:]}{ended.stderr}")

    return run_it


def _loops(root: Path, overlays: Sequence[Path], path: str, folder: Path) -> None:
    """Both revisions checked out, each overlay built on each side, and the results compared."""
    for side, revision in (("old", "HEAD~1"), ("new", "HEAD")):
        tree, built = folder / side, folder / f"{side}-built"
        tree.mkdir(parents=True)
        built.mkdir()
        archive = subprocess.run(["git", "archive", revision], cwd=root, check=True, capture_output=True)
        subprocess.run(["tar", "-x"], cwd=tree, input=archive.stdout, check=True)
        for overlay in overlays:
            with (built / f"{overlay.parent.name}.yaml").open("wb") as file:
                command = ["kustomize", "build", str(tree / overlay.relative_to(root))]
                subprocess.run(command, env={**os.environ, "PATH": path}, check=True, stdout=file)
    ended = subprocess.run(
        ["diff", "-r", folder / "old-built", folder / "new-built"], capture_output=True, check=False
    )
    if ended.returncode != 1:
        raise SystemExit("the loops found no difference")
