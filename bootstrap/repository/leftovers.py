"""Pure: manifests that nothing applies: test data, templates, and what no kustomization names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bootstrap.repository import kustomize
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping, qualified

TEST_DATA = frozenset(
    {"testdata", "test-data", "test_data", "fixtures", "__fixtures__", "__tests__", "tests", "e2e"}
    | {"cue.mod", "node_modules"}
)
"""Folders of a program's test data (Go ignores testdata, too), and of copies of what it depends on."""
_TEMPLATES = re.compile(
    r"(?:^|[-_./])(?:templates?|skeletons?|boilerplates?|scaffold(?:s|ing)?)(?:[-_./]|$)", re.IGNORECASE
)
"""Folders that are copied and filled in before they are used."""
_FORM = re.compile(
    r"\.(?:template|tmpl|tpl|ftl|j2|jinja2?|erb|mustache|gotmpl)\.ya?ml$|(?:^|/)_?template[-_][^/]*\.ya?ml$"
    r"|(?:^|[-_/])pod[-_]?template(?:[-_.][\w.-]*)?\.ya?ml$",
    re.IGNORECASE,
)
"""What is copied, or given to a program that makes pods of it (Jenkins, Airflow)."""
_NO_OBJECT = re.compile(
    rb"^(?:\$patch:|apiVersion:\s*[\"']?builtin[\"']?\s*(?:#|$)|kind:\s*EncryptionConfig\w*\s*$)",
    re.MULTILINE,
)
"""A patch that deletes or replaces, or the settings of kustomize's plugins or of an API server."""


def is_test_data(path: str) -> bool:
    """Whether a file is in a folder of test data."""
    return not TEST_DATA.isdisjoint(path.split("/")[:-1])


def is_template(folder: str) -> bool:
    """Whether a folder is meant to be copied."""
    return _TEMPLATES.search(folder) is not None


_PARKED = re.compile(
    r"(?:^|/)[._-]*(?:unused|disabled|archived?|deprecated|obsolete|retired|attic|parked|graveyard|old|legacy)[._-]*/",
    re.IGNORECASE,
)


def is_parked(path: str) -> bool:
    """Whether a file is in a folder whose name says that it is out of use."""
    return _PARKED.search(path) is not None


def is_form(path: str) -> bool:
    """Whether a file is meant to be copied: web.template.yaml, web.tmpl.yaml, TEMPLATE-web.yaml."""
    return _FORM.search(path) is not None


def is_no_object(content: bytes) -> bool:
    """Whether something with a kind is not a Kubernetes object."""
    return _NO_OBJECT.search(content) is not None


def unused_patches(files: Files, folder: str, paths: Collection[str]) -> set[str]:
    """Of the files next to a kustomization that it does not name, those that are patches of what it builds.

    A patch has the kind and the name of an object that is complete in another file.
    """
    if kustomize.file_of(files, folder) is None:
        return set()
    closure = kustomize.closure(files, folder).files
    built = {one for path in kustomize.resources(files, closure) for one in _identities(files, path)}
    if not built:
        return set()
    return {path for path in paths if (own := set(_identities(files, path))) and own <= built}


def _identities(files: Files, path: str) -> Iterator[tuple[str, str]]:
    for document in files.parsed(path).documents:
        if document.is_object:
            body: Mapping[str, Any] = mapping(document.value)
            yield qualified(body), str(mapping(body.get("metadata")).get("name"))


Info = Mapping[str, Any]
_LISTS = {"apiVersion", "kind", "metadata", "resources", "bases"}
"""Fields of a kustomization that change nothing of what it builds."""
_OFF = re.compile(rb"^[ \t]*#+[ \t]*-[ \t]+[\"']?([^\s\"'#]+\.ya?ml)[\"']?[ \t]*(?:[#(].*)?$", re.MULTILINE)
"""A file that a comment switches off."""


def off_in(kustomization: Mapping[str, Any], content: bytes) -> list[str] | None:
    """The files in a kustomization's comments; None if it changes nothing of what it names."""
    return None if kustomization.keys() <= _LISTS else [name.decode() for name in _OFF.findall(content)]


def in_comments(files: Files, folder: str) -> set[str]:
    """The files that the comments of a folder's kustomization switch off."""
    own = kustomize.file_of(files, folder)
    return set(_targets(own, [one.decode() for one in _OFF.findall(files.read(own))])) if own else set()


def all_named(infos: Mapping[str, Info]) -> set[str]:
    """Every file or folder that a kustomization names."""
    return {target for path in infos for target in _targets(path, infos[path].get("names"))}


def switched_off(infos: Mapping[str, Info]) -> set[str]:
    """The files that no kustomization names, and that one that would change them has in a comment.

    Or it names or comments out others in the same folder, which is below its own.
    """
    off, folders = set(), set()
    for path, info in infos.items():
        if info.get("off") is not None:
            without = set(_targets(path, info["off"]))
            off |= without
            files = {*without, *_targets(path, info["names"])}
            folders |= {posixpath.dirname(one) for one in files if one.endswith((".yaml", ".yml"))}
            folders.discard(posixpath.dirname(path))
    found = {path for path in infos if path in off or posixpath.dirname(path) in folders} - all_named(infos)
    return {path for path in found if "object" in infos[path] and "names" not in infos[path]}


def _targets(path: str, names: Collection[str] | None) -> Iterator[str]:
    folder = posixpath.dirname(path)
    return (posixpath.normpath(posixpath.join(folder, name)) for name in names or ())
