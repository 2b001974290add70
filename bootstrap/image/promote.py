"""What `bootstrap image promote`, `history` and `rollback` do: images as in another environment or time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.edit.access import Access, open_branch, open_tree
from bootstrap.edit.files import Files
from bootstrap.image import plan as plans
from bootstrap.image import show
from bootstrap.image.choose import Addition
from bootstrap.image.conditions import Conditions
from bootstrap.image.elsewhere import choose, find
from bootstrap.image.history import NO_ENTRY, Step, chosen
from bootstrap.image.places import ImagePlace
from bootstrap.image.read_history import content_of, past
from bootstrap.image.render import Renders
from bootstrap.image.search import Scope
from bootstrap.image.set import CommitOptions, change
from bootstrap.image.wanted import Wanted


def promote(
    names: Sequence[str],
    source: str,
    target: str,
    access: Access,
    app: str | None,
    conditions: Conditions,
    options: CommitOptions,
    output: Output,
) -> int:
    """Give images in the environment `target` the tag and digest that they have in `source`."""
    if source == target:
        raise InputError("reading the options", "--from and --to are the same", "name two environments")

    def planned(under: str, files: Files, renders: Renders) -> plans.Request:
        wanted = tuple(_as_in(name, Scope(under, app, source), files, renders) for name in names)
        return plans.Request(wanted, Scope(under, app, target), verb="Promote")

    return change(planned, access, conditions, options, output)


def history(
    name: str, access: Access, app: str | None, environment: str | None, limit: int | None, output: Output
) -> int:
    """Print the earlier references of an image, newest first."""
    if access.repo is not None:
        with open_branch(access, output) as (branch, under):
            branch.refresh()
            place, found = _listed(name, Scope(under, app, environment), branch, limit, output)
    else:
        tree, under = open_tree(replace(access, branch=None), output.invocation)
        place, found = _listed(name, Scope(under, app, environment), tree, limit, output)
    show.history(place, found, output)
    return ExitStatus.OK


def rollback(
    name: str,
    to: str,
    access: Access,
    app: str | None,
    environment: str | None,
    options: CommitOptions,
    output: Output,
) -> int:
    """Set an image to an earlier reference, as a new commit."""

    def planned(under: str, files: Files, renders: Renders) -> plans.Request:
        scope = Scope(under, app, environment)
        with closing(past(_place(name, scope, files), files, output.invocation)) as steps:
            step = chosen(steps, to, name)
        then = content_of(step, files, output.invocation)
        return plans.Request((_as_at(step, name),), scope, verb="Roll back", like=then)

    return change(planned, access, Conditions(), options, output)


def _listed(
    name: str, scope: Scope, files: Files, limit: int | None, output: Output
) -> tuple[ImagePlace, list[Step]]:
    place = _place(name, scope, files)
    with closing(past(place, files, output.invocation)) as steps:
        found = list(islice(steps, limit))
    if place.reference is None and all(step.reference is None for step in found):
        tried = f"looking for what {name} was"
        there = f"{place.file} has no entry for it, and never had one"
        raise InputError(tried, there, "set it first: bootstrap image set")
    return place, found


def _place(name: str, scope: Scope, files: Files) -> ImagePlace:
    """Where the image is, or where its entry would be."""
    choice = choose(name, scope, files)
    return choice.place if isinstance(choice, Addition) else choice


def _as_at(step: Step, name: str) -> Wanted:
    """An image exactly as it was: without a tag, or without an entry, if it had none."""
    then = step.reference
    if then is None:
        return Wanted(name, text=NO_ENTRY, gone=True)
    return Wanted(name, then.repository, then.tag, then.digest, text=str(then), exact=True)


def _as_in(name: str, scope: Scope, files: Files, renders: Renders) -> Wanted:
    """NAME with the tag and digest that the scope renders; the repository is used by places without one."""
    tried = f"promoting {name} from {scope.environment}"
    found = find(name, scope, files, renders)
    if found.unsure:
        why = f"what {scope.environment} renders is unknown: {found.unsure[0]}"
        raise InputError(tried, why, "put kustomize on PATH")
    choice = found.choice
    reference = choice.current if isinstance(choice, Addition) else found.current or choice.reference
    if reference is None or (reference.tag is None and reference.digest is None):
        raise InputError(tried, f"{choice.file} has neither tag nor digest", "set it there first")
    return Wanted(
        name, None, reference.tag, reference.digest, text=str(reference), source=reference.repository
    )
