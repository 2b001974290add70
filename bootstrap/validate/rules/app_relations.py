"""Pure: relations between the Applications of a cluster: which applies which, and what most of them do."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from fnmatch import fnmatchcase

from bootstrap.core.names import GENERATE_PATHS
from bootstrap.resources.applications import destination, referenced_values, sources
from bootstrap.resources.index import APPLICATION, Resource, dig, mapping, sequence
from bootstrap.validate.rule import Apps


def key(application: Resource) -> str:
    """The name of an Application in AppliedObject.application and Resource.application."""
    return f"{application.namespace}/{application.name}"


def in_cycles(apps: Apps) -> Mapping[str, str]:
    """The Applications that apply themselves → another that applies them, too, or leads to them.

    A root that is only applied by itself is not a cycle: it is applied by hand once.
    """
    parents: dict[str, list[str]] = defaultdict(list)
    for item in apps.applications:
        parents[key(item)].append(item.application)
    found = {}
    for name, direct in parents.items():
        others = [parent for parent in direct if parent not in ("", name)]
        if others and (name in direct or _leads_back(name, others[0], parents)):
            found[name] = others[0]
    return found


def is_root_again(name: str, above: str) -> bool:
    """Whether an Application is what the one above makes of itself, in its destination's namespace."""
    return name.rpartition("/")[2] == above.rpartition("/")[2]


def _leads_back(name: str, above: str, parents: Mapping[str, list[str]]) -> bool:
    """Whether the parents of an Application lead back to it."""
    seen: set[str] = set()
    while above and above not in seen:
        if above == name:
            return True
        seen.add(above)
        above = next(iter(parents.get(above, ())), "")
    return False


def without_paths(apps: Apps) -> set[str]:
    """Children that render from this repository without the annotation that most of their siblings have."""
    leading = {item.application for item in apps.owned if item.kind == APPLICATION}
    families: dict[str, list[Resource]] = defaultdict(list)
    for item in apps.applications:
        if item.application and key(item) not in leading and files_of(apps, item):
            families[item.application].append(item)
    found = set()
    for children in families.values():
        lacking = {key(item) for item in children if GENERATE_PATHS not in item.annotations}
        if len(lacking) < len(children) - len(lacking):
            found |= lacking
    return found


def files_of(apps: Apps, application: Resource) -> frozenset[str]:
    """The files of this repository that an Application depends on, values files of charts among them."""
    named = (posixpath.normpath(path) for _, _, path in referenced_values(application.body, apps.urls))
    return apps.closures.get(key(application), frozenset()) | frozenset(filter(apps.tree.has, named))


def creates_namespace(application: Resource) -> bool:
    return "CreateNamespace=true" in sequence(dig(application.spec, "syncPolicy", "syncOptions"))


def of_charts_alone(apps: Apps) -> set[tuple[str, str]]:
    """(cluster, namespace) into which only charts without a Namespace of their own go, as is usual.

    Empty if nothing in Git creates a namespace, so that someone else must, or if a folder of another
    repository may.
    """
    if not (apps.public.of("Namespace") or any(map(creates_namespace, apps.applications))):
        return set()
    charts, others = set(), set()
    for application in apps.applications:
        target = destination(application.body)
        for source in sources(application.body):
            folder = source.folder
            if source.chart is not None:
                charts.add(target)
            elif source.path is not None and not apps.tree.is_folder(folder):
                if not {"crd", "crds", "chart", "charts"} & set(folder.split("/")):
                    return set()
                others.add(target)
            elif mapping(source.body.get("plugin")):
                others.add(target)
    return charts - others


def covers(pattern: str, file: str) -> bool:
    """As Argo CD matches: a folder covers what is below it, a glob (`*` within a folder) the file itself."""
    if pattern == "." or file == pattern or file.startswith(f"{pattern}/"):
        return True
    parts, names = pattern.split("/"), file.split("/")
    return len(parts) == len(names) and all(map(fnmatchcase, names, parts))
