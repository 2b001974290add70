"""Pure: objects that Argo CD deletes and makes anew to change them, as their sync options say.

As Argo CD 3.6 does it (gitops-engine, pkg/sync/sync_context.go: applyObject; shouldUseServerSideDiff in
controller/state.go); compared with it in tests/sandbox/diff/test_made_anew.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bootstrap.resources.applications import sync_options
from bootstrap.resources.index import Resource, dig, sequence
from bootstrap.resources.pods import is_hook

DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"
_UPDATED = (DEFINITION, "Namespace")
"""Kinds that Argo CD updates in place where it would replace others."""
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


@dataclass(frozen=True)
class Syncing:
    """How an Application applies all of its objects."""

    options: tuple[str, ...] = ()
    """Its own sync options."""
    compared_by_server: bool = False
    """Whether it is compared by a dry run: what the API server refuses fails before anything is synced."""


PLAIN = Syncing()
"""An Application that says nothing about it."""


def syncing_of(application: Resource | None) -> Syncing:
    """What an Application says about all of its objects."""
    if application is None:
        return PLAIN
    given = sequence(dig(application.spec, "syncPolicy", "syncOptions"))
    options = tuple(str(one).strip() for one in given)
    compare = [one.strip() for one in application.annotations.get(COMPARE_OPTIONS, "").split(",")]
    asked = "ServerSideApply=true" in options or "ServerSideDiff=true" in compare
    return Syncing(options, asked and "ServerSideDiff=false" not in compare)


def made_anew(new: Resource, syncing: Syncing = PLAIN) -> Literal["", "always", "if refused", "if accepted"]:
    """Whether any change deletes the object first, or one that the API server refuses, or accepts.

    `Force=true` counts only on the object itself, the others also for all of an Application.
    """
    own = set(sync_options(new.body))
    every = own | set(syncing.options)
    if is_hook(new) or "Force=true" not in own:
        return ""
    if "Replace=true" in every:
        if new.kind in _UPDATED:
            return ""
        return "if accepted" if syncing.compared_by_server else "always"
    return "" if "ServerSideApply=true" in every or syncing.compared_by_server else "if refused"
