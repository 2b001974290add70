"""Pure: a NAME that is not in the scope: where it belongs according to objects, or where its text is.

An Application belongs to the app and environment of the folder that it deploys, wherever its file is;
and a file of values may have any name. What is found but not edited is reported with its line, and with
the lines of bootstrap.yaml that declare it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bootstrap.core.errors import InputError
from bootstrap.edit.files import Files
from bootstrap.image import choose as images_choose
from bootstrap.image import refusals, values_files
from bootstrap.image import undeclared as images_stray
from bootstrap.image.choose import Choice, Found
from bootstrap.image.paths import Unknown
from bootstrap.image.place import ImagePlace
from bootstrap.image.render import Renders
from bootstrap.image.search import Scope, Search
from bootstrap.oci.reference import canonical
from bootstrap.repository.values import is_values

_OBJECTS = (b"argoproj.io/", b"toolkit.fluxcd.io/")


def choose(name: str, scope: Scope, files: Files, renders: Renders | None = None) -> Choice:
    """The one place that NAME means; see choose.py. InputError when there is none, or more than one."""
    return find(name, scope, files, renders).choice


def find(name: str, scope: Scope, files: Files, renders: Renders | None = None) -> Found:
    """Like `choose`, with what is rendered."""
    try:
        found = images_choose.find(name, scope, files, renders)
        if over := _over(found.choice, name, scope, files):
            raise refusals.ambiguous(f"looking for {name}", [found.choice, *over])
        return found
    except Unknown as error:
        places = list(dict.fromkeys([*_of_objects(name, scope, files), *_of_values(name, scope, files)]))
        if len(places) > 1:
            raise refusals.ambiguous(f"looking for {name}", places) from error
        if places:
            return Found(places[0], None)
        raise _explained(error, name, scope, files) from error


def everything(scope: Scope, files: Files) -> list[ImagePlace]:
    """The places that the scope's own files do not show; see `find`."""
    return list(dict.fromkeys([*_of_objects("", scope, files), *_of_values("", scope, files)]))


def _over(choice: Choice, name: str, scope: Scope, files: Files) -> list[ImagePlace]:
    """The places in values files of any name that override the chosen one, if everything is searched."""
    if not isinstance(choice, ImagePlace) or choice.kind != "values":
        return []
    if scope.app is not None or scope.environment is not None:
        return []
    return [
        place
        for place in _of_values(name, scope, files)
        if place.base is not None and place.base.file == choice.file and place.file != choice.file
    ]


def _of_objects(name: str, scope: Scope, files: Files) -> Iterator[ImagePlace]:
    """The places of Applications and the like outside the scope's folders that say they belong to it."""
    if scope.app is None and scope.environment is None:
        return
    search = Search(replace(scope, app=None, environment=None), files, f"looking for {name}")
    for path in search.paths:
        content = files.read(path)
        if content is None or not any(word in content for word in _OBJECTS):
            continue
        try:
            places = search.places(path, images_stray.word(name))
        except InputError:
            continue
        for place in places:
            home = place.home
            asked = ((scope.app, home.app), (scope.environment, home.environment)) if home else ()
            if asked and all(one in (None, own) for one, own in asked) and _is_meant(place, name):
                yield place


def _of_values(name: str, scope: Scope, files: Files) -> Iterator[ImagePlace]:
    """The places of values files with other names."""
    for one in values_files.named(iter(files.under(scope.under)), files):
        if is_values(one.file):
            continue
        parts = set(one.file.split("/")[:-1])
        if scope.app not in (None, one.home.app, *parts):
            continue
        if scope.environment not in (None, one.home.environment, *parts):
            continue
        home = one.home if one.home.app or one.home.environment else None
        for place in values_files.places(one, files):
            if _is_meant(place, name):
                yield replace(place, home=home)


def _is_meant(place: ImagePlace, name: str) -> bool:
    """Whether NAME is the image's repository, its entry's name, or app/container; "" is every image."""
    if place.reference is None or place.inherited:
        return False
    if not name:
        return True
    if canonical(place.reference.repository) == canonical(name) or str(place.reference) == name:
        return True
    if place.kind == "override":
        return place.name == name or canonical(place.name) == canonical(name)
    app, slash, container = name.partition("/")
    is_apps = slash and (place.home is None or place.home.app in (None, app)) and app in place.file.split("/")
    return bool(is_apps) and place.name in (container, f"{container}.image")


def _explained(error: Unknown, name: str, scope: Scope, files: Files) -> InputError:
    """The error, with what is known about where the text is."""
    strays = images_stray.find(name, scope, files)
    if error.kind != "image":  # a misspelled app or environment: what is elsewhere is not meant
        strays = [stray for stray in strays if not stray.hint]
    found, hint = [error.found], [error.hint]
    if strays:
        found.append(_listed(stray.found for stray in strays))
        hint = [stray.hint for stray in strays if stray.hint] or hint
    if lines := [line for stray in strays for line in stray.lines]:
        declare = "\n".join(["declare it in bootstrap.yaml:", "images:", *lines])
        hint = [part for part in hint if error.kind != "image" or part != error.hint]
        hint.append(declare)
    return InputError(error.tried, "; ".join(found), "; ".join(dict.fromkeys(hint)), error.where)


def _listed(hints: Iterable[str]) -> str:
    listed = list(dict.fromkeys(hints))
    more = f"; and {len(listed) - 4} more" if len(listed) > 4 else ""
    return "; ".join(listed[:4]) + more
