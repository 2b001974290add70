"""Pure: objects that Argo CD deletes and makes anew to change them, as their sync options say.

As Argo CD 3.6 does it (gitops-engine, pkg/sync/sync_context.go: applyObject); compared with it in
tests/sandbox/test_made_anew.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from bootstrap.resources.applications import sync_options
from bootstrap.resources.index import Resource, dig, sequence
from bootstrap.resources.pods import is_hook

DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"
_UPDATED = (DEFINITION, "Namespace")
"""Kinds that Argo CD updates in place where it would replace others."""


def general_options(application: Resource | None) -> list[str]:
    """The sync options that an Application gives to all of its objects."""
    given = dig(application.spec, "syncPolicy", "syncOptions") if application is not None else None
    return [str(one).strip() for one in sequence(given)]


def made_anew(new: Resource, general: Iterable[str] = ()) -> Literal["", "always", "if refused"]:
    """Whether any change deletes the object first, or one that the API server refuses.

    `Force=true` counts only on the object itself, the others also for all of an Application (`general`).
    """
    own = set(sync_options(new.body))
    every = own | set(general)
    if is_hook(new) or "Force=true" not in own:
        return ""
    if "Replace=true" in every:
        return "" if new.kind in _UPDATED else "always"
    return "" if "ServerSideApply=true" in every else "if refused"
