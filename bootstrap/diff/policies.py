"""Pure: what an Application does from now on that it did not before, or no longer does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bootstrap.resources.applications import has_finalizer
from bootstrap.resources.index import Resource, dig


def changed(old: Resource, new: Resource) -> Iterator[tuple[Literal["data", "deletes"], str]]:
    """What a reviewer must not miss of a change of an Application's own settings, with its topic."""
    if _prunes(new) and not _prunes(old):
        yield "data", "it prunes from now on: what Git dropped earlier is deleted"
    elif _prunes(new) and _empties(new) and not _empties(old):
        yield "data", "allowEmpty: true from now on: all of its objects are deleted if Git has none"
    if has_finalizer(new.body) and not has_finalizer(old.body):
        yield "data", "it has a finalizer from now on: everything that it applied is deleted when it is"
    if has_finalizer(old.body) and not has_finalizer(new.body):
        yield "deletes", "it has no finalizer any more: what it applied stays when it is deleted"
    if _syncs(old) and not _syncs(new):
        yield "deletes", "it no longer syncs by itself: what Git says is applied when somebody syncs it"


def _syncs(application: Resource) -> bool:
    automated = dig(application.spec, "syncPolicy", "automated")
    return isinstance(automated, dict) and automated.get("enabled") is not False


def _prunes(application: Resource) -> bool:
    return _syncs(application) and dig(application.spec, "syncPolicy", "automated", "prune") is True


def _empties(application: Resource) -> bool:
    return dig(application.spec, "syncPolicy", "automated", "allowEmpty") is True
