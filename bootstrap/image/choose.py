"""Pure: which place of a repository a NAME means, or which kustomization gets a new entry.

A NAME is an entry's name in `images:`, an image's repository, or app/container. More than one place
is an error that lists them; a container whose image an entry overrides is no place of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import kustomize, paths
from bootstrap.image.places import ImagePlace, is_kustomization
from bootstrap.image.search import Fitting, Scope, Search
from bootstrap.oci.reference import Reference, canonical, last_component


@dataclass(frozen=True)
class Addition:
    """A kustomization that renders the image and has no entry for it yet.

    `current` is the image as the resources have it; `unchecked` what could not be looked into.
    """

    file: str
    name: str
    current: Reference
    unchecked: tuple[str, ...] = ()

    @property
    def place(self) -> ImagePlace:
        """Where the entry would stand, to look for it in other versions of the file."""
        return ImagePlace(self.file, 0, "kustomization", self.name, None, "")


Choice = ImagePlace | Addition


def choose(name: str, scope: Scope, files: Files) -> Choice:
    """The one place that NAME means in this scope; InputError when there is none or more than one."""
    tried = f"looking for {name}"
    by_container = _by_container(name, scope, files, tried)
    if by_container is not None:
        search, found, name = by_container
    else:
        search = Search(scope, files, tried)
        found = search.fitting(name)
    if len(found.entries) > 1:
        raise _ambiguous(tried, [*found.entries, *found.others])
    covered: set[str] = set()
    if found.entries and found.others:
        covered = kustomize.render(found.entries[0].file, files).files
    candidates = found.entries + [place for place in found.others if place.file not in covered]
    if len(candidates) > 1:
        raise _ambiguous(tried, candidates)
    if not candidates:
        return _addition(name, search, tried)
    _refuse_idle(candidates[0], name, files, tried)
    return candidates[0]


def _refuse_idle(place: ImagePlace, name: str, files: Files, tried: str) -> None:
    """InputError for an entry that is compared with NAME's image and is not its name to the letter."""
    if place.kind != "kustomization" or place.name == name:
        return
    compared = kustomize.before(place.file, files).images
    same = [image for image in compared if canonical(image.reference.repository) == canonical(name)]
    if not same or any(image.reference.repository == place.name for image in compared):
        return
    other = same[0]
    found = (
        f"the entry {place.name} changes nothing, as kustomize compares names to the letter: "
        f"{other.at} has {other.reference}"
    )
    hint = f"name the entry {other.reference.repository}, or remove it"
    raise InputError(tried, found, hint, place.at)


def _by_container(name: str, scope: Scope, files: Files, tried: str) -> tuple[Search, Fitting, str] | None:
    """app/container, as places of that container's image; None when NAME is not of that kind."""
    app, slash, container = name.partition("/")
    if not slash or "/" in container or scope.app not in (None, app):
        return None
    if not any(True for folder in paths.app_folders(app, scope.under) for _ in files.under(folder)):
        return None
    search = Search(replace(scope, app=app), files, tried)
    named = [
        place
        for path in search.around()
        for place in search.places(path, container)
        if place.kind in ("container", "values") and place.name == container and place.reference
    ]
    inside = set(search.paths)
    repositories = dict.fromkeys(place.reference.repository for place in named if place.reference)
    if _differ(
        repositories
    ):  # what nothing in the scope renders, such as a component that is off, has no say
        rendered = inside | _rendered(search, files)
        named = [place for place in named if place.file in rendered]
        repositories = dict.fromkeys(place.reference.repository for place in named if place.reference)
    if _differ(repositories):
        named = [place for place in named if place.file in inside]
        repositories = dict.fromkeys(place.reference.repository for place in named if place.reference)
    entries = [
        entry
        for repository in {canonical(repository): repository for repository in repositories}.values()
        for entry in search.fitting(repository).entries
    ]
    own = [place for place in named if place.file in inside]
    if not repositories:  # the manifests lie elsewhere: by the last part of the images' names
        entries = [
            place
            for path in search.paths
            for place in search.places(path, container)
            if place.kind == "kustomization" and container in _last_parts(place)
        ]
    if not entries and not repositories:
        return None
    return search, Fitting(list(dict.fromkeys(entries)), own), next(iter(repositories), name)


def _differ(repositories: Iterable[str]) -> bool:
    return len({canonical(repository) for repository in repositories}) > 1


def _rendered(search: Search, files: Files) -> set[str]:
    """The files that the scope's kustomizations are made of."""
    kustomizations = [path for path in search.paths if is_kustomization(path)]
    return {file for path in kustomizations for file in kustomize.render(path, files).files}


def _last_parts(place: ImagePlace) -> set[str]:
    parts = {last_component(place.name)}
    return parts | ({last_component(place.reference.repository)} if place.reference else set())


def _addition(name: str, search: Search, tried: str) -> Addition:
    """The kustomization of the scope that renders the image from elsewhere."""
    kustomizations = [path for path in search.paths if is_kustomization(path)]
    wanted, under = canonical(name), search.scope.under
    found: list[Addition] = []
    known: set[str] = set()
    unread: dict[str, list[str]] = {}
    for path in kustomizations:
        rendered = kustomize.render(path, search.files)
        unread[path] = rendered.unread
        known |= {image.reference.repository for image in rendered.images}
        fitting = {
            image.reference for image in rendered.images if canonical(image.reference.repository) == wanted
        }
        for repository in sorted({reference.repository for reference in fitting}):
            same = [reference for reference in fitting if reference.repository == repository]
            found.append(Addition(path, repository, same[0] if len(same) == 1 else Reference(repository)))
    if len(found) > 1:
        raise _ambiguous(tried, found)
    if found:
        return found[0]
    named = [path for path in kustomizations if under in (path, path.rpartition("/")[0])]
    if len(named) == 1 and unread[named[0]]:
        return Addition(named[0], name, Reference(name), tuple(unread[named[0]]))
    raise paths.unknown(tried, "image", name, known | search.names(), str(search.scope) or None)


def _ambiguous(tried: str, candidates: Sequence[Choice]) -> InputError:
    described = "; ".join(_described(candidate) for candidate in candidates[:12])
    more = f" and {len(candidates) - 12} more" if len(candidates) > 12 else ""
    found = f"{len(candidates)} places fit: {described}{more}"
    return InputError(tried, found, "say which by app/container, --app, --env or a PATH")


def _described(candidate: Choice) -> str:
    if isinstance(candidate, Addition):
        return f"{candidate.file} (no entry yet for {candidate.current})"
    kind = "images" if candidate.kind == "kustomization" else candidate.kind
    return f"{candidate.at} ({kind} {candidate.name}, {candidate.text})"
