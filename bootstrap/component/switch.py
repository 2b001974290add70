"""What `bootstrap component` does: read a cluster's components, switch lines, write or push them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bootstrap.component import prune
from bootstrap.core.errors import ExitStatus, InputError, RefusedError
from bootstrap.core.names import is_own_source
from bootstrap.core.output import Output
from bootstrap.edit.access import open_branch, open_tree
from bootstrap.edit.carry_out import Edit, Outcome, Where, carry_out
from bootstrap.edit.files import Files
from bootstrap.git.changes import FileChange
from bootstrap.layout import components
from bootstrap.layout import traits as component_traits
from bootstrap.layout.components import Component
from bootstrap.layout.edits import ARGOCD
from bootstrap.layout.traits import Choice, Traits
from bootstrap.manifests.reader import documents, is_application
from bootstrap.yamledit import edit

KUSTOMIZATION = "kustomization.yaml"
_UNMANAGED = (
    "Argo CD then no longer manages itself: it keeps running as it is, and what is committed to "
    "infrastructure/argocd (upgrades, settings) has no effect"
)


@dataclass(frozen=True)
class Cluster:
    """A cluster's kustomization: its path, its content, its components and what each declares.

    `missing` has the path of each component that is named but is not in the repository.
    """

    path: str
    content: bytes
    offers: Mapping[str, Component]
    traits: Mapping[str, Traits]
    missing: Mapping[str, str]


def state(cluster: Cluster, component: Component) -> str:
    """on, off, or missing: named, but not in the repository."""
    return "missing" if component.name in cluster.missing else "on" if component.on else "off"


@contextmanager
def reading(where: Where, output: Output) -> Iterator[Cluster]:
    """The cluster as it is, to inspect it."""
    if where.access.repo is None:
        tree, under = open_tree(where.access)
        yield read(tree, under, where.cluster)
        return
    with open_branch(where.access, output) as (branch, under):
        branch.refresh()
        yield read(branch, under, where.cluster)


def read(files: Files, under: str, name: str) -> Cluster:
    """One cluster's kustomization and the Applications that it names; InputError when it does not exist."""
    path = _find(files, under, name)
    content = files.read(path) or b""
    offers = components.offered(content)
    folder = posixpath.dirname(path)
    traits = {key: component_traits.traits_of(files.read, folder, item) for key, item in offers.items()}
    places = {key: item.folder(folder) for key, item in offers.items()}
    missing = {key: place for key, place in places.items() if not _is_there(files, place)}
    return Cluster(path, content, offers, traits, missing)


def _is_there(files: Files, place: str) -> bool:
    return any(True for _ in files.under(place)) or files.read(place) is not None


def enable(names: tuple[str, ...], both: bool, where: Where, output: Output) -> int:
    """Switch components on, with what they require; returns the exit status."""

    def choose(cluster: Cluster) -> Choice:
        _known(cluster, names)
        choice = component_traits.to_enable(cluster.offers, cluster.traits, names, both)
        for name in choice.switched:
            if name in cluster.missing:
                by = f" (required by {choice.because[name]})" if name in choice.because else ""
                found = f"{cluster.missing[name]} is not in the repository"
                hint = f"restore it from an earlier commit, or remove its line from {cluster.path}"
                raise RefusedError(f"switching {name} on{by}", found, hint)
        return replace(choice, notes=(*choice.notes, *component_traits.secrets_note(choice, cluster.traits)))

    return _switch("enable", choose, True, where, output)


def disable(names: tuple[str, ...], yes: bool, where: Where, output: Output) -> int:
    """Switch components off; returns the exit status. `yes`: without asking about Argo CD itself."""
    if ARGOCD in names and not where.dry_run:
        _agree(yes, output)

    def choose(cluster: Cluster) -> Choice:
        _known(cluster, names)
        choice = component_traits.to_disable(cluster.offers, cluster.traits, names)
        return replace(choice, notes=(_UNMANAGED,)) if ARGOCD in choice.switched else choice

    return _switch("disable", choose, False, where, output, deletions)


def deletions(files: Files, cluster: Cluster, choice: Choice) -> tuple[str, ...]:
    """What Argo CD deletes when these components are switched off: one sentence per Application."""
    folder = posixpath.dirname(cluster.path)
    sentences = []
    for name in choice.switched:
        place = cluster.offers[name].folder(folder)
        below = place.partition("/applications/")[0]  # an app's manifests are next to its Applications
        contents = {path: text for path in files.under(below) if (text := files.read(path)) is not None}
        for path in sorted(contents):
            if posixpath.dirname(path) != place or not path.endswith((".yaml", ".yml")):
                continue
            for item in filter(is_application, documents(contents[path], path)):
                elsewhere = any(not is_own_source(one) for one in item["spec"].get("sources") or ())
                sentences.append(prune.pruned(item, elsewhere, contents).sentence())
    return tuple(sentences)


def _agree(yes: bool, output: Output) -> None:
    """Ask before Argo CD stops managing itself; RefusedError when that is not wanted."""
    if yes:
        return
    tried = f"switching {ARGOCD} off"
    if not output.invocation.interactive:
        raise RefusedError(tried, _UNMANAGED, "add --yes, if that is what you want")
    output.warn(_UNMANAGED)
    if not output.confirm("Continue?"):
        raise RefusedError(tried, "the answer was no", "nothing was changed")


def _switch(
    verb: str,
    choose: Callable[[Cluster], Choice],
    on: bool,
    where: Where,
    output: Output,
    more: Callable[[Files, Cluster, Choice], tuple[str, ...]] = lambda *_: (),
) -> int:
    def decide(files: Files, under: str) -> Edit[Choice]:
        cluster = read(files, under, where.cluster)
        choice, changes = _changes(cluster, choose, on)
        if changes:
            choice = replace(choice, notes=(*choice.notes, *more(files, cluster, choice)))
        return Edit(choice, changes, _subject(verb, choice, where.cluster))

    done = carry_out(where, decide, output)
    return _report(verb, done, where, output)


def _changes(
    cluster: Cluster, choose: Callable[[Cluster], Choice], on: bool
) -> tuple[Choice, tuple[FileChange, ...]]:
    choice = choose(cluster)
    after = cluster.content
    for name in choice.switched:
        after = edit.set_listed(after, cluster.offers[name].entry, on, cluster.path)
    if after == cluster.content:
        return choice, ()
    return choice, (FileChange(cluster.path, after, cluster.content),)


def _report(
    verb: str,
    done: Outcome[Choice],
    where: Where,
    output: Output,
) -> int:
    choice, changes = done.edit.what, done.edit.changes
    for note in choice.notes:
        output.warn(note)
    lines = [
        f"{verb}d {name}" + (f" (required by {choice.because[name]})" if name in choice.because else "")
        for name in choice.switched
    ]
    if changes and where.dry_run:
        lines.append(f"nothing was written: {changes[0].path} would change")
    elif changes:
        lines.append(done.summary(f"changed {changes[0].path}; commit and push it"))
    data = {
        "cluster": where.cluster,
        "switched": list(choice.switched),
        "because": dict(choice.because),
        "notes": list(choice.notes),
        "changed": [change.path for change in changes],
        "commit": done.commit,
        "request": done.asked,
    }
    output.result(data, "\n".join(lines) if changes else "nothing to do")
    return ExitStatus.NO if where.dry_run and changes else ExitStatus.OK


def _subject(verb: str, choice: Choice, cluster: str) -> str:
    return f"{verb.capitalize()} {', '.join(choice.switched)} on cluster {cluster}"


def _known(cluster: Cluster, names: tuple[str, ...]) -> None:
    components.choose(dict(cluster.offers), names, "the component's name")


def _find(files: Files, under: str, name: str) -> str:
    """The path of clusters/NAME/kustomization.yaml, wherever the layout is in the repository."""
    tail = f"clusters/{name}/{KUSTOMIZATION}"
    start = f"{under}/" if under else ""
    for path in (f"{start}{tail}", tail):
        if files.read(path) is not None:
            return path
    paths = [path for path in files.under(under) if path.endswith(f"/{KUSTOMIZATION}")]
    found = [path for path in paths if path.endswith(f"/{tail}")]
    if len(found) == 1:
        return found[0]
    parts = [path.split("/") for path in paths]
    there = sorted({part[-2] for part in parts if len(part) > 2 and part[-3] == "clusters"})
    if found:
        tops = ", ".join(sorted(path.removesuffix(f"/{tail}") for path in found))
        hint = f"give --path, one of {tops}"
        raise InputError(f"looking for cluster {name}", f"there are {len(found)} {tail}", hint)
    raise InputError(
        f"looking for cluster {name}",
        f"no {tail} is here",
        f"give --cluster, one of {', '.join(there)}"
        if there
        else "run in a repository that `bootstrap init` laid out",
    )
