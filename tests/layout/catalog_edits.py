"""What a next catalog may bring, as data: changes that the kept catalogs do not happen to have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.layout.user_edits import KUSTOMIZATION, Tree


@dataclass(frozen=True)
class Change:
    kind: str
    path: str
    at: int
    salt: int


def changed(catalog: Tree, changes: list[Change], turn: int) -> Tree:
    """The catalog after these changes; one that does not fit does nothing."""
    tree = dict(catalog)
    for number, one in enumerate(changes):
        mark = b"%d-%d" % (turn, number)
        if one.path in tree:
            CHANGES[one.kind](tree, one, mark)
    return tree


def _value(tree: Tree, one: Change, mark: bytes) -> None:
    lines = tree[one.path].splitlines(keepends=True)
    valued = [n for n, line in enumerate(lines) if re.match(rb"\s*[\w./-]+: [\w\"][^#\n{\[]*\n$", line)]
    if valued:
        place = valued[one.at % len(valued)]
        lines[place] = lines[place].partition(b": ")[0] + b": theirs-%s\n" % mark
        tree[one.path] = b"".join(lines)


def _key(tree: Tree, one: Change, mark: bytes) -> None:
    lines = tree[one.path].splitlines(keepends=True)
    keys = [n for n, line in enumerate(lines) if re.match(rb"\s*[A-Za-z]\w*: \S", line)]
    if keys:
        place = keys[one.at % len(keys)]
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines.insert(place, indent + b"theirs%s: new\n" % mark.replace(b"-", b"x"))
        tree[one.path] = b"".join(lines)


def _comment(tree: Tree, one: Change, mark: bytes) -> None:
    lines = tree[one.path].splitlines(keepends=True)
    lines.insert(one.at % (len(lines) + 1), b"# theirs %s\n" % mark)
    tree[one.path] = b"".join(lines)


def _drop(tree: Tree, one: Change, mark: bytes) -> None:
    lines = tree[one.path].splitlines(keepends=True)
    found = [n for n, line in enumerate(lines) if line.lstrip().startswith(b"# ")]
    if found:
        del lines[found[one.at % len(found)]]
        tree[one.path] = b"".join(lines)


def _new_file(tree: Tree, one: Change, mark: bytes) -> None:
    """A new file of a folder, and its line in the kustomization there."""
    folder = posixpath.dirname(one.path)
    listing = f"{folder}/kustomization.yaml"
    name = f"theirs{one.salt}.yaml"
    if listing in tree and b"\nresources:\n" in tree[listing] and listing != KUSTOMIZATION:
        tree[f"{folder}/{name}"] = b"# theirs %s\n" % mark
        line = f"  - {name}\n".encode()
        if line not in tree[listing]:
            tree[listing] = tree[listing].replace(b"\nresources:\n", b"\nresources:\n" + line, 1)


def _new_component(tree: Tree, one: Change, mark: bytes) -> None:
    """A component under a name that a user may have, too."""
    entry = b"../../infrastructure/later  # new\n"
    tree["infrastructure/later/values.yaml"] = b"# theirs %s\n" % mark
    if entry not in tree[KUSTOMIZATION]:
        start = tree[KUSTOMIZATION].index(b"  # - ../../infrastructure")
        tree[KUSTOMIZATION] = tree[KUSTOMIZATION][:start] + b"  # - " + entry + tree[KUSTOMIZATION][start:]


def _retire(tree: Tree, one: Change, mark: bytes) -> None:
    folder = "/".join(one.path.split("/")[:2])
    if folder.startswith("infrastructure/") and not folder.endswith("argocd"):
        for path in [path for path in tree if path.startswith(f"{folder}/")]:
            del tree[path]
        lines = tree[KUSTOMIZATION].splitlines(keepends=True)
        tree[KUSTOMIZATION] = b"".join(line for line in lines if f"/{folder} ".encode() not in line)


def _remove(tree: Tree, one: Change, mark: bytes) -> None:
    if one.path.endswith("README.md"):
        del tree[one.path]


def _chart(tree: Tree, one: Change, mark: bytes) -> None:
    """A chart's next version, and the values for it."""
    folder = "/".join(one.path.split("/")[:2])
    application = f"{folder}/application.yaml"
    if application in tree:
        pattern = rb"(?m)(targetRevision: v?\d+)\.(\d+)\.\d+"
        tree[application] = re.sub(pattern, rb"\1.\g<2>%d.1" % one.salt, tree[application])
        for path in [path for path in tree if path.startswith(f"{folder}/values")][:1]:
            tree[path] = b"theirs%s: of the chart\n" % mark.replace(b"-", b"x") + tree[path]


def _images(tree: Tree, one: Change, mark: bytes) -> None:
    path = f"apps/voting-app/overlays/{('dev', 'staging', 'production')[one.salt % 3]}/kustomization.yaml"
    tags = list(re.finditer(rb"newTag: (.*)", tree[path]))
    if tags:
        found = tags[one.at % len(tags)]
        tree[path] = tree[path][: found.start(1)] + b"theirs-" + mark + tree[path][found.end(1) :]


def _offer(tree: Tree, one: Change, mark: bytes) -> None:
    """What a line of the cluster's kustomization says about its component."""
    tree[KUSTOMIZATION] = tree[KUSTOMIZATION].replace(b"  # logs", b"  # logs %s" % mark)


def _formatting(tree: Tree, one: Change, mark: bytes) -> None:
    tree[one.path] = tree[one.path].replace(b"  # ", b" # ") if one.path != KUSTOMIZATION else tree[one.path]


CHANGES: dict[str, Callable[[Tree, Change, bytes], None]] = {
    "value": _value,
    "key": _key,
    "comment": _comment,
    "drop": _drop,
    "new-file": _new_file,
    "new-component": _new_component,
    "retire": _retire,
    "remove": _remove,
    "chart": _chart,
    "images": _images,
    "offer": _offer,
    "formatting": _formatting,
}
