"""Pure: why a name that a person sees is not found: a link, a submodule, or a file in Git LFS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bootstrap.edit.files import Files
from bootstrap.image import paths
from bootstrap.image.places import is_kustomization
from bootstrap.image.search import Scope
from bootstrap.oci.reference import last_component
from bootstrap.repository.values import is_values

_POINTER = b"version https://git-lfs.github.com/spec/"


def explained(error: paths.Unknown, name: str, scope: Scope, files: Files) -> paths.Unknown:
    """The error, with what was left out of the search for the name; unchanged if nothing was."""
    words = {part for part in (scope.app, scope.environment, last_component(name)) if part}
    words.add(name.partition("/")[0])
    found = next(_left_out(words, scope, files), None)
    if found is not None:
        path, what, hint = found
        said = f"{path} is {what}"
    elif around := sorted(path for path in _submodules(files) if _is_around(path, scope)):
        listed = f"{', '.join(around[:3])}{' and others' if len(around) > 3 else ''}"
        said = f"submodules are not searched: {listed}"
        hint = f"{error.hint}; if it is in one of them, set it in its folder, or with --repo and its URL"
    else:
        return error
    explained = paths.Unknown(error.tried, f"{error.found}; {said}", hint, error.where)
    explained.kind = error.kind
    return explained


def _left_out(words: set[str], scope: Scope, files: Files) -> Iterator[tuple[str, str, str]]:
    known: Mapping[str, str] = getattr(files, "left_out", {})
    submodules = _submodules(files)
    for path, what in sorted({**known, **submodules}.items()):
        if words & set(path.split("/")) and _is_around(path, scope):
            hint = "name the file or folder that it points to"
            if "submodule" in what:
                hint = (
                    f"set the image in that repository: in {path} of a checkout, or with --repo and its URL"
                )
            target = getattr(files, "target_of", lambda _: None)(path)
            what = f"{what} to {target}" if target else what
            yield path, f"{what}, which is not followed", hint
    for path in files.under(scope.under):
        home = paths.home_of(path)
        if scope.app not in (None, home.app) or not (is_kustomization(path) or is_values(path)):
            continue
        if scope.environment is not None and not paths.is_in(path, scope.environment):
            continue
        if (files.read(path) or b"").startswith(_POINTER):
            hint = "git lfs pull fetches it; better keep such files out of Git LFS (.gitattributes)"
            yield path, "a Git LFS pointer: its content is not here", hint


def _submodules(files: Files) -> dict[str, str]:
    """The submodules by path, whether or not their files are here."""
    text = (files.read(".gitmodules") or b"").decode("utf-8", "replace")
    found: dict[str, str] = {}
    for section in re.split(r"^\s*\[submodule ", text, flags=re.MULTILINE)[1:]:
        keys = dict(re.findall(r"^\s*(path|url)\s*=\s*(.*?)\s*$", section, flags=re.MULTILINE))
        if "path" in keys:
            url = re.sub(r"//[^/@]*@", "//", keys.get("url", ""))
            found[keys["path"].strip('"/')] = f"a submodule{f' of {url}' if url else ''}"
    return found


def _is_around(path: str, scope: Scope) -> bool:
    return not scope.under or path.startswith(f"{scope.under}/") or scope.under.startswith(path)
