"""Pure: manifests that nothing applies: test data, templates, patches that no kustomization names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bootstrap.repository import kustomize
from bootstrap.repository.files import Files
from bootstrap.resources.index import mapping, qualified

TEST_DATA = frozenset({"testdata", "test-data", "test_data", "fixtures", "__fixtures__", "__tests__"})
"""Folders of a program's test data: Go ignores testdata, too."""
_TEMPLATES = re.compile(
    r"(?:^|[-_./])(?:templates?|skeletons?|boilerplates?|scaffold(?:s|ing)?)(?:[-_./]|$)", re.IGNORECASE
)
"""Folders that are copied and filled in before they are used."""
_NO_OBJECT = re.compile(rb"^(?:\$patch:|apiVersion:\s*[\"']?builtin[\"']?\s*(?:#|$))", re.MULTILINE)
"""A patch that deletes or replaces, or the settings of a generator or transformer of kustomize."""


def is_test_data(path: str) -> bool:
    """Whether a file is in a folder of test data."""
    return not TEST_DATA.isdisjoint(path.split("/")[:-1])


def is_template(folder: str) -> bool:
    """Whether a folder is meant to be copied."""
    return _TEMPLATES.search(folder) is not None


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
