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
from bootstrap.image import named, refusals
from bootstrap.image import stray as images_stray
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
        return images_choose.find(name, scope, files, renders)
    except Unknown as error:
        found = list(dict.fromkeys([*_of_objects(name, scope, files), *_of_values(name, scope, files)]))
        if len(found) > 1:
            raise refusals.ambiguous(f"looking for {name}", found) from error
        if found:
            return Found(found[0], None)
        raise _explained(error, name, scope, files) from error


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
    for one in named.named(iter(files.under(scope.under)), files):
        if is_values(one.file):
            continue
        parts = set(one.file.split("/")[:-1])
        if scope.app not in (None, one.home.app, *parts):
            continue
        if scope.environment not in (None, one.home.environment, *parts):
            continue
        yield from (place for place in named.places(one, files) if _is_meant(place, name))


def _is_meant(place: ImagePlace, name: str) -> bool:
    """Whether NAME is the image's repository, its entry's name, or app/container."""
    if place.reference is None or place.inherited:
        return False
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
