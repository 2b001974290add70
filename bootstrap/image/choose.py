"""Pure: which place of a repository a NAME means, or which kustomization gets a new entry.

A NAME is an entry's name in `images:`, an image's repository, or app/container. For what a kustomization
renders, the place that takes effect counts. More than one is an error that lists them, and so is an edit
that would affect containers that NAME does not mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import kustomize, left_out, refusals
from bootstrap.image import match_rendered as images_meant
from bootstrap.image import paths as images_layout
from bootstrap.image.match_rendered import Addition, Choice, Meant
from bootstrap.image.places import ImagePlace, is_kustomization
from bootstrap.image.render import ByFiles, Container, Rendered, Renders
from bootstrap.image.search import Fitting, Scope, Search
from bootstrap.oci.reference import Reference, canonical, last_component
from bootstrap.repository.values import is_values

__all__ = ["Addition", "Choice", "Found", "choose", "find"]


@dataclass(frozen=True)
class Found:
    """Where NAME's image is set, what it is (None: as the place says), and which containers are meant.

    `unsure` says why the rendered result is uncertain; `notes`: what else is worth knowing.
    """

    choice: Choice
    current: Reference | None
    meant: tuple[Meant, ...] = ()
    unsure: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Candidates:
    """What was found so far: the containers of each kustomization, and places outside of them."""

    search: Search
    rendered: list[Rendered]
    meant: list[list[Container]]
    others: list[ImagePlace]
    idle: list[ImagePlace]

    def __bool__(self) -> bool:
        return bool(any(self.meant) or self.others or self.idle)


def choose(name: str, scope: Scope, files: Files, renders: Renders | None = None) -> Choice:
    """The one place that NAME means in this scope; InputError when there is none, or more than one."""
    return find(name, scope, files, renders).choice


def find(name: str, scope: Scope, files: Files, renders: Renders | None = None) -> Found:
    """Like `choose`, with what is rendered. `renders` may ask kustomize; without it, only the files count."""
    try:
        return _find(name, scope, files, renders)
    except images_layout.Unknown as error:
        raise left_out.explained(error, name, scope, files) from None


def _find(name: str, scope: Scope, files: Files, renders: Renders | None) -> Found:
    tried = f"looking for {name}"
    renders = renders or ByFiles()
    whole = Search(scope, files, tried)
    by_container = _by_container(name, whole, renders)
    candidates = _by_image(name, whole, renders) if by_container is None else by_container
    if not candidates:
        return _unrendered(name, candidates, tried)
    found = _only(name, candidates, tried)
    if by_container is not None:
        _refuse_overridden(found, whole)
    return found


def _by_container(name: str, whole: Search, renders: Renders) -> _Candidates | None:
    """Look up app/container among the rendered containers; None when NAME has another form."""
    scope, files = whole.scope, whole.files
    app, slash, container = name.partition("/")
    if not slash or not container or "/" in container or scope.app not in (None, app):
        return None
    folders = images_layout.app_folders(app, scope.under)
    is_here = any(True for folder in folders for _ in files.under(folder))
    # An environment that is nowhere in the files may still be one that bootstrap.yaml declares.
    if not is_here and not any(f"/{app}/" in f"/{path}" for path in whole.paths_or([], strict=False)):
        return None
    search = Search(replace(scope, app=app), files, whole.tried)
    try:
        paths = search.paths
    except InputError:
        if is_here and scope.environment is not None:
            raise
        return None
    rendered = images_meant.tops(search, renders, paths)
    covered = {file for one in rendered for file in one.files}
    meant = [images_meant.by_container(one, container) for one in rendered]
    others = [
        place
        for place in _named(search, paths, container)
        if place.kind == "values" or (place.kind == "container" and place.file not in covered)
        if _is_called(place, container) and place.reference
    ]
    found = _Candidates(search, rendered, meant, others, [])
    if found:
        return found
    return _by_repository_of(container, found, renders)


def _by_repository_of(container: str, found: _Candidates, renders: Renders) -> _Candidates | None:
    """Look up the image that it has elsewhere in the app: for kustomizations whose resources are not here."""
    search = found.search
    complete = {file for one in found.rendered if one.is_complete for file in one.files}
    named = [
        place
        for place in _named(search, search.around(), container)
        if place.kind in ("container", "values") and _is_called(place, container) and place.reference
    ]
    repositories = {
        canonical(place.reference.repository): place.reference.repository
        for place in named
        if place.reference
    }
    if len(repositories) == 1:
        by_image = _by_image(next(iter(repositories.values())), search, renders)
        by_image.meant = [[] for _ in by_image.meant]
        by_image.others = [place for place in by_image.others if place.file not in complete]
        by_image.idle = []
        if by_image:
            return by_image
    entries = [
        place
        for place in _named(search, search.paths, container)
        if place.kind == "kustomization" and place.file not in complete and container in _last_parts(place)
    ]
    return replace(found, others=entries) if entries else None


def _by_image(name: str, search: Search, renders: Renders) -> _Candidates:
    """Look up an entry's name or a repository."""
    fitting = search.fitting(name)
    homes = {images_layout.home_of(place.file).app for place in (*fitting.entries, *fitting.others)}
    paths = search.paths_or(fitting.entries)
    near = [path for path in paths if not homes or images_layout.home_of(path).app in homes]
    rendered = images_meant.tops(search, renders, near)
    meant = [images_meant.by_image(one, name) for one in rendered]
    if not any(meant) and not fitting:
        meant = [images_meant.by_earlier_name(one, name) for one in rendered]
    meant = [
        _not_overridden(one, images, fitting, search.files)
        for one, images in zip(rendered, meant, strict=True)
    ]
    others, idle = _unused(fitting, rendered)
    if others and (over := _overrides(fitting)):
        hidden = {
            (file, canonical(place.name)) for place in over for file in kustomize.covered(place, search.files)
        }
        others = [
            place
            for place in others
            if place.kind != "container"
            or place.reference is None
            or (place.file, canonical(place.reference.repository)) not in hidden
        ]
    return _Candidates(search, rendered, meant, others, idle)


def _not_overridden(
    rendered: Rendered, images: list[Container], fitting: Fitting, files: Files
) -> list[Container]:
    """The containers whose image an Application's own images do not override."""
    if not any(rendered.path in kustomize.covered(place, files) for place in _overrides(fitting)):
        return images
    return [
        image
        for image in images
        if any(place is not None and place.kind == "kustomization" for place in image.setters)
    ]


def _overrides(fitting: Fitting) -> list[ImagePlace]:
    return [place for place in fitting.entries if place.kind == "override"]


def _refuse_overridden(found: Found, whole: Search) -> None:
    """InputError for a container whose image an Application's own images set: an edit below has no effect."""
    choice = found.choice
    if whole.scope.app is not None or whole.scope.environment is not None:
        return  # with them, only the files of the app are read
    place = choice.place if isinstance(choice, Addition) else choice
    image = found.current or place.reference
    if image is None or place.kind == "override":
        return
    changed = {meant.top for meant in found.meant} or {choice.file}
    for over in _overrides(whole.fitting(image.repository)):
        if changed <= kustomize.covered(over, whole.files):
            where = choice.file if isinstance(choice, Addition) else choice.location
            text = f"{where} is overridden by {over.location} ({over.text})"
            hint = f"name the image, which changes every container that uses it: {image.repository}"
            raise InputError(whole.tried, text, hint)


def _is_called(place: ImagePlace, container: str) -> bool:
    """Whether a container, or its values, have this name."""
    return place.name == container or (place.kind == "values" and place.name == f"{container}.image")


def _unused(fitting: Fitting, rendered: Sequence[Rendered]) -> tuple[list[ImagePlace], list[ImagePlace]]:
    """The matching places that nothing rendered uses, and the entries that match no container."""
    covered = {file for one in rendered for file in one.files}
    entries = [place for place in fitting.entries if place.kind == "kustomization"]
    known = {file for one in rendered if one.is_complete for file in one.files}
    idle = [place for one in rendered for place in images_meant.idle(one, entries)]
    seen = {
        images_meant.spot_of(place)
        for one in rendered
        for image in one.final
        for place in image.setters
        if place is not None
    }
    idle = [place for place in dict.fromkeys(idle) if images_meant.spot_of(place) not in seen]
    others = [
        place for place in entries if place.file not in known and images_meant.spot_of(place) not in seen
    ]
    others += [place for place in fitting.entries if place.kind != "kustomization"]
    # Of the files of a kustomization, only its containers are what it renders: a chart's values are not.
    others += [place for place in fitting.others if place.file not in covered or place.kind != "container"]
    return others, idle


def _only(name: str, found: _Candidates, tried: str) -> Found:
    """The only candidate; InputError for several, or for one that would change more or less than is meant."""
    inside = set(found.search.paths_or(found.others))
    chosen: dict[object, Choice] = {}
    of: list[tuple[Rendered, list[Container]]] = []
    for one, images in zip(found.rendered, found.meant, strict=True):
        for choice in images_meant.places(one, images, inside):
            chosen.setdefault(refusals.spot(choice), choice)
        of += [(one, images)] if images else []
    own = {choice.file for choice in chosen.values() if getattr(choice, "kind", "") == "kustomization"}
    idle = [place for place in found.idle if place.file not in own]
    with_idle = {
        file for place in idle for one in found.rendered if place.file in one.files for file in one.files
    }
    candidates = [*chosen.values(), *found.others]
    if idle and all(choice.file in with_idle for choice in candidates):
        raise refusals.idle(idle[0], name, of or [(one, one.final) for one in found.rendered], tried)
    if len(candidates) + len(idle) > 1:
        raise refusals.ambiguous(tried, [*candidates, *idle, *refusals.overridden(of, candidates, inside)])
    choice = candidates[0]
    meant = tuple(
        Meant(one.path, frozenset(image.spot for image in images))
        for one, images in of
        if choice in images_meant.places(one, images, inside)
    )
    images = [image for one, images in of for image in images]
    for one, wanted in of:
        refusals.refuse_siblings(name, choice, one, wanted, tried)
    current = images_meant.current(images, _without_version(choice)) if images else None
    unsure = tuple(
        f"{one.unsure[0]}: {one.unbuilt}"
        for one in found.rendered
        if one.unsure and not one.built and (choice.file in one.files or choice.file == one.path)
    )
    return Found(choice, current, meant, unsure, tuple(_notes(choice, images, of)))


def _notes(
    choice: Choice, images: Sequence[Container], of: Sequence[tuple[Rendered, list[Container]]]
) -> Iterable[str]:
    texts = sorted({image.text for image in images})
    if isinstance(choice, Addition) and len(texts) > 1:
        yield f"{choice.file}: the entry applies to {len(images)} containers, which had {', '.join(texts)}"
    names = {name for image in images for name in image.names}
    for one, _ in of:
        for place in images_meant.idle(
            one, [entry.place for entry in one.entries if entry.place.name in names]
        ):
            yield f"{place.location}: the entry {place.name} matches no rendered image, and was not changed"


def _without_version(choice: Choice) -> Reference:
    if isinstance(choice, Addition):
        return Reference(choice.current.repository)
    return Reference(choice.reference.repository if choice.reference else choice.name)


def _named(search: Search, paths: Iterable[str], word: str) -> list[ImagePlace]:
    """The places of files that contain a word; files that are not YAML have none."""
    found: list[ImagePlace] = []
    for path in paths:
        try:
            found += search.places(path, word)
        except InputError:
            if is_kustomization(path) or is_values(path) or path == search.scope.under:
                raise
    return found


def _last_parts(place: ImagePlace) -> set[str]:
    parts = {last_component(place.name)}
    return parts | ({last_component(place.reference.repository)} if place.reference else set())


def _unrendered(name: str, found: _Candidates, tried: str) -> Found:
    """An entry in the kustomization that PATH names, if that includes what is not here; else InputError."""
    search, under = found.search, found.search.scope.under
    for one in found.rendered:
        if one.broken is not None:
            raise one.broken
    blind = [one for one in found.rendered if one.unread]
    named = [one for one in blind if under in (one.path, one.path.rpartition("/")[0])]
    if len(named) == 1:
        choice = Addition(named[0].path, name, Reference(name), tuple(named[0].unread))
        return Found(choice, None)
    known = {image.reference.repository for one in found.rendered for image in one.final if image.reference}
    if name.count("/") == 1:
        homes = [(images_layout.home_of(one.path).app, one) for one in found.rendered]
        known |= {f"{app}/{image.name}" for app, one in homes if app for image in one.final}
    error = images_layout.unknown(tried, "image", name, known | search.names(), str(search.scope) or None)
    if blind:
        one = blind[0]
        text = f"{error.found}, and what {one.path} includes is not here: {one.unread[0]}"
        hint = f"to add an entry anyway, name that file as PATH: {one.path}"
        error = images_layout.Unknown(tried, text, hint, error.where)
        error.kind = "image"
    raise error
