"""Where a repository begins: its clusters, its root Applications, or its topmost kustomizations."""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.core import plain_file
from bootstrap.repository import kustomize, leftovers, tokens
from bootstrap.repository.faults import is_unfilled
from bootstrap.repository.files import Files
from bootstrap.repository.lookup import missing
from bootstrap.repository.source import Unit, is_open
from bootstrap.resources import applications, braces
from bootstrap.resources.index import dig, mapping, mappings

_SETTINGS = re.compile(r"(?:^|/)clusters/[^/]+/settings\.yaml$")
_CLUSTER = re.compile(r"(?:^|.*/)clusters/(?P<name>[^/]+)$")
_APPLICATION = re.compile(rb"^kind:\s*[\"']?(?:Application|ApplicationSet)\b", re.MULTILINE)
_SET = re.compile(rb"^kind:\s*[\"']?ApplicationSet\b", re.MULTILINE)
"""Counts as an object although it contains templates; a chart's own templates are in a chart's folder."""
_UNRESTRICTED = re.compile(rb"LoadRestrictionsNone|^apiVersion:\s*\w+\.toolkit\.fluxcd\.io/", re.MULTILINE)
"""Where kustomize is allowed to read outside a folder, and Flux, which always allows it."""
_ARGOCD = re.compile(
    rb"argoproj/argocd:(v\d+\.\d+\.\d+)|argoproj/argo-cd/\S*?\b(v\d+\.\d+\.\d+)(?:/manifests|[\"'\s]|$)"
)
"""The release of Argo CD in its image, or in the address of its manifests."""
_CLUSTER_SECRET = re.compile(rb"argocd\.argoproj\.io/secret-type[\"']?:\s*[\"']?cluster\b")
_LISTED = re.compile(rb"\bkind[\"']?:\s*[\"']?(?:Application|ApplicationSet)\b")
_LIST = re.compile(rb"^(?:\{|[\"']?items[\"']?:|[\"']?kind[\"']?:\s*[\"']?\w*List\b)", re.MULTILINE)
"""What may contain Applications elsewhere than at the start of a line, as the `kind:` in a CRD may be."""
_OBJECT = re.compile(rb"^apiVersion:\s*\S", re.MULTILINE)
_FLOW = re.compile(rb"(?:\s*(?:#[^\n]*|---[^\n]*)\n)*\s*[{\[\"']")
_TEMPLATE = re.compile(rb"\{\{|\{%")
_PATCHES = {"patch", "patches"}
"""Folders of files that are not whole objects."""
_PATCH = re.compile(r"(?:^|[-_.])patch(?:es)?[-_.\w]*\.ya?ml$", re.IGNORECASE)
"""Files that are not whole objects."""
YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Start:
    """A unit to begin at. `files` are its own; `complete` says that it is everything that a cluster runs."""

    name: str
    unit: Unit
    complete: bool
    files: tuple[str, ...]
    namespace: str = ""


Info = Mapping[str, Any]
"""What discovery needs of a file, as JSON: `object`, `sources`, `secrets` (line and kind, outside objects),
`kind`, `names`, `broken`, `template` and `off` (of a kustomization), and `url` (of a cluster's settings)."""


def inspect(files: Files, path: str) -> Info:
    """What discovery needs of one file; small, so that it can be stored for the next run."""
    content = files.read(path)
    info: dict[str, Any] = {}
    is_set = _SET.search(content) is not None
    filled = is_unfilled(content) or leftovers.is_form(path)
    if not filled and not is_set and _TEMPLATE.search(content) and _OBJECT.search(content):
        filled = not _has_braces(files, path, content)
    if leftovers.is_no_object(content):
        pass
    elif ((is_set and not leftovers.is_form(path)) or not filled) and _has_object(files, path, content):
        info["object"] = True
    elif _OBJECT.search(content):
        info["templated"] = True
    elif not any(part.startswith(".") for part in path.split("/")) and (
        found := list(tokens.in_file(content))
    ):
        info["secrets"] = found
    if b"argo" in content and (version := _ARGOCD.search(content)) is not None:
        info["argocd"] = (version[1] or version[2]).decode()
    if _UNRESTRICTED.search(content):
        info["unrestricted"] = True
    if posixpath.basename(path) in kustomize.NAMES:
        kustomization = files.mapping(path) or {}
        info["kind"] = str(kustomization.get("kind") or "Kustomization")
        if files.parsed(path).faults:
            info["broken"] = True
            info["template"] = bool(_TEMPLATE.search(content))
        info["names"] = [entry.name for entry in kustomize.entries(kustomization)]
        info["off"] = leftovers.off_in(kustomization, content)
    if _SETTINGS.search(path):
        url = mapping((files.mapping(path) or {}).get("data")).get("repoURL")
        if isinstance(url, str):
            info["url"] = url
    if _APPLICATION.search(content) or (_LIST.search(content) and _LISTED.search(content)):
        info["sources"] = [
            [source.repo_url, source.path, source.chart, source.ref]
            for document in files.parsed(path).documents
            if isinstance(document.value, dict)
            for source in applications.sources(document.value)
        ]
        info["sources"] += [
            one for document in files.parsed(path).documents for one in _of_set(mapping(document.value))
        ]
        info["makes"] = True  # Applications, even if only in a chart's template
    if _CLUSTER_SECRET.search(content) and (declared := list(_clusters(files, path))):
        info["clusters"] = declared
    files.forget(path)
    return info


def _has_braces(files: Files, path: str, content: bytes) -> bool:
    """Whether `{{` is only in what an object contains; a chart's files are templates."""
    charts = (one.removesuffix("Chart.yaml") for one in files.named("Chart.yaml"))
    return not any(map(path.startswith, charts)) and braces.are_contents(files.parsed(path), content)


def _has_object(files: Files, path: str, content: bytes) -> bool:
    """Whether a file has an object; JSON and YAML's flow style are parsed for that."""
    if _OBJECT.search(content):
        return True
    if b"apiVersion" not in content or not _FLOW.match(content):
        return False
    return any(document.is_object for document in files.parsed(path).documents)


def _clusters(files: Files, path: str) -> Iterator[Mapping[str, Any]]:
    """The clusters of Argo CD that a file declares: as a Secret, or as the source of one."""
    for document in files.parsed(path).documents:
        body = mapping(document.value)
        made = mapping(dig(body, "spec", "target", "template")) or mapping(dig(body, "spec", "template"))
        secret = body if body.get("kind") == "Secret" else made
        metadata = mapping(secret.get("metadata"))
        labels = mapping(metadata.get("labels"))
        if labels.get("argocd.argoproj.io/secret-type") != "cluster":
            continue
        data = {key: _plain(value) for key, value in mapping(secret.get("data")).items()}
        if secret is not body:
            data = dict(mapping(secret.get("data")))
        data |= mapping(secret.get("stringData"))
        known = {key: str(data.get(key) or "") for key in ("name", "server", "project")}
        if not known["name"] or "{{" in known["name"] + known["server"]:
            continue
        annotations = mapping(metadata.get("annotations"))
        yield {**known, "labels": _texts(labels), "annotations": _texts(annotations)}


def _of_set(body: Mapping[str, Any]) -> Iterator[list[str | None]]:
    """The repositories that an ApplicationSet names: its template's, and those of its git generators."""
    if body.get("kind") != "ApplicationSet":
        return
    template = mapping(dig(body, "spec", "template"))
    for source in applications.sources(template):
        yield [source.repo_url, _static(source.path), source.chart, source.ref]
    for generator in _git_generators(dig(body, "spec", "generators")):
        for item in [*mappings(generator.get("directories")), *mappings(generator.get("files"))]:
            yield [str(generator.get("repoURL")), _static(str(item.get("path"))), None, None]


def _git_generators(value: Any) -> Iterator[Mapping[str, Any]]:
    for generator in mappings(value):
        yield mapping(generator.get("git"))
        for kind in ("matrix", "merge"):
            yield from _git_generators(mapping(generator.get(kind)).get("generators"))


def _static(path: str | None) -> str | None:
    """The folder that a pattern or a template begins with."""
    return posixpath.dirname(re.split(r"[*?\[{]", f"{path}*", maxsplit=1)[0]) if path is not None else None


def _texts(pairs: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in pairs.items()}


def _plain(value: Any) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError:
        return ""


def starts(files: Files, infos: Mapping[str, Info], cluster: str | None) -> list[Start]:
    """Every start, complete clusters first; InputError for an unknown cluster."""
    folders = {
        match["name"]: folder
        for folder in files.folders()
        if (match := _CLUSTER.match(folder)) and kustomize.file_of(files, folder)
    }
    if cluster is not None and cluster not in folders:
        found = f"there is no folder clusters/{cluster} with a kustomization"
        raise missing("--cluster", found, cluster, sorted(folders))
    complete = [
        Start(name, Unit("kustomize", folder), True, (kustomize.file_of(files, folder) or "",), "argocd")
        for name, folder in sorted(folders.items())
        if cluster in (None, name)
    ]
    if cluster is not None:
        return complete
    tops, named = _tops(files, infos)
    paths = set(folders.values())
    others = _loose(files, infos, named) + [
        _top(files, infos, folder) for folder in tops if folder not in paths
    ]
    if complete:
        others = [Start(one.name, one.unit, False, one.files) for one in others]
    return complete + sorted(others, key=lambda start: (not start.complete, start.unit.path))


def is_named(start: Start) -> bool:
    """Whether a start is a cluster by its path: clusters/NAME with a kustomization."""
    return start.unit.tool == "kustomize" and _CLUSTER.match(start.unit.path) is not None


def named_urls(files: Files, infos: Mapping[str, Info]) -> list[str]:
    """URLs that mean this repository, besides its remotes: those in its clusters' settings, and one more.

    That is the one that its Applications name most: in a catalog they may all name a placeholder, which a
    cluster's settings replace. Next to a remote, it has to name folders that are here, two in three of them:
    this may be a fork, but one equal name proves nothing.
    """
    urls = [info["url"] for info in infos.values() if "url" in info]
    counts: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    for info in infos.values():
        for url, path, chart, ref in info.get("sources", ()):
            if "{{" in url:  # of a set's template
                continue
            if (path is not None and files.is_folder(applications.folder_of(path))) or (
                chart is None and ref
            ):
                counts[url] += 1
            elif path is not None and chart is None and not is_open(path):
                gone[url] += 1
    is_known = bool(remotes(files.root))
    found = (url for url, number in counts.most_common(1) if not is_known or number >= 2 * gone[url])
    return [*urls, *found]


def remotes(root: Path) -> list[str]:
    """The URLs in git's configuration, also for a work tree that has it elsewhere."""
    git = plain_file.git_folder(root)
    common = git / "commondir"
    if common.is_file():
        git = plain_file.named_by(plain_file.text(common, "surrogateescape"), git) or git
    return re.findall(r"^[ \t]*url[ \t]*=[ \t]*(\S+)", plain_file.text(git / "config"), re.MULTILINE)


def templated(files: Files, infos: Mapping[str, Info]) -> list[str]:
    """Files that would be manifests without the templates in them, outside charts."""
    charts = tuple(f"{posixpath.dirname(path)}/" for path in files.named("Chart.yaml"))
    return sorted(
        path for path, info in infos.items() if info.get("templated") and not path.startswith(charts)
    )


def _tops(files: Files, infos: Mapping[str, Info]) -> tuple[list[str], set[str]]:
    """Folders with a kustomization that no other one names; and every file that a kustomization names."""
    own = {
        posixpath.dirname(path)
        for path, info in infos.items()
        if "names" in info and not leftovers.is_test_data(path)
    }
    hidden: set[str] = set()
    named: set[str] = set()
    for path, info in infos.items():
        if "names" not in info:
            continue
        folder = posixpath.dirname(path)
        named.add(path)
        if info["kind"] == "Component" or info.get("template"):
            hidden.add(folder)
        for name in info["names"]:
            target = posixpath.normpath(posixpath.join(folder, name))
            if files.has(target):
                named.add(target)
            elif target != (folder or ".") and (target in own or target == "."):
                hidden.add("" if target == "." else target)
    return sorted(own - hidden), named


def _loose(files: Files, infos: Mapping[str, Info], named: set[str]) -> list[Start]:
    """Folders with objects that no kustomization names, outside charts and hidden folders."""
    charts = tuple(f"{posixpath.dirname(p)}/" for p in files.stats if posixpath.basename(p) == "Chart.yaml")
    folders: dict[str, list[str]] = {}
    kustomized = {
        posixpath.dirname(path): bool(info.get("broken")) for path, info in infos.items() if "names" in info
    }
    for path, info in sorted(infos.items()):
        if _is_of_broken(path, kustomized):
            continue
        parts = path.split("/")
        hidden = any(part.startswith(".") for part in parts) or not _PATCHES.isdisjoint(parts[:-1])
        hidden = hidden or _PATCH.search(parts[-1]) is not None or leftovers.is_test_data(path)
        if info.get("object") and path not in named and not hidden and not path.startswith(charts):
            folders.setdefault(posixpath.dirname(path), []).append(path)
    found = []
    for folder, beside in folders.items():
        unused = leftovers.unused_patches(files, folder, beside) if folder in kustomized else set()
        if not (paths := [path for path in beside if path not in unused]):
            continue
        roots = any(infos[path].get("sources") for path in paths)
        found.append(Start(folder or ".", plain(folder, paths), roots, tuple(paths)))
    return [*found, *_applying_themselves(infos, charts)]


def _applying_themselves(infos: Mapping[str, Info], charts: Iterable[str]) -> Iterator[Start]:
    """Charts of which a template is the Application that applies the chart, with nothing to fill in."""
    for path, info in sorted(infos.items()):
        if not info.get("object") or not info.get("sources"):
            continue
        own = max((chart for chart in charts if path.startswith(chart)), key=len, default="")
        if own and any(str(source[1] or "").strip("/") == own.rstrip("/") for source in info["sources"]):
            yield Start(own.rstrip("/"), plain(posixpath.dirname(path), [path]), True, (path,))


def _is_of_broken(path: str, kustomized: Mapping[str, bool]) -> bool:
    """Whether the nearest kustomization around a file cannot be read: it may name the file."""
    folder = posixpath.dirname(path)
    while folder not in kustomized and folder:
        folder = posixpath.dirname(folder)
    return kustomized.get(folder, False)


def plain(folder: str, paths: list[str]) -> Unit:
    """Some files of a folder as a plain directory."""
    names = ",".join(posixpath.basename(path) for path in paths)
    return Unit("directory", folder, json.dumps({"include": f"{{{names}}}"}))


def _top(files: Files, infos: Mapping[str, Info], folder: str) -> Start:
    """A topmost kustomization; one with Applications begins a cluster."""
    own = kustomize.file_of(files, folder) or folder
    members = kustomize.closure(files, folder).files
    roots = any(infos.get(path, {}).get("sources") for path in members)
    return Start(folder or ".", Unit("kustomize", folder), roots, (own,))
