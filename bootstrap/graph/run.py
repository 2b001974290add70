"""Read, check, draw: what `bootstrap graph` does, callable from Python."""

from __future__ import annotations

from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.drawing import write
from bootstrap.drawing.model import Graph, together
from bootstrap.graph import views
from bootstrap.repository.coverage import coverage_of
from bootstrap.repository.lookup import (
    Request,
    check_application,
    check_environment,
    in_environment,
    of_environment,
)
from bootstrap.repository.model import Options, Repository, Scope
from bootstrap.repository.open import choose_scope, choose_scopes, cluster_index, opened
from bootstrap.resources.index import Index
from bootstrap.validate.engine import findings

LOOKING = "drawing the repository"


def show_graph(request: Request, view: str, application: str | None, output: Output, format: str) -> int:
    """Print a picture of a cluster: `view` is apps, resources or network.

    Without a cluster, of every folder that no cluster leads to.
    """
    options = Options(request.cluster, fetch_charts=request.fetch_charts)
    with opened(request.path, output, options, request.cached) as repository:
        first = choose_scope(repository, request.cluster)
        scopes = [first] if first.complete else choose_scopes(repository, request.cluster)
        indexes = [cluster_index(repository, scope) for scope in scopes]
        applications = {name: one for index in indexes for name, one in index.applications.items()}
        check_environment(request.environment, applications)
        check_application(application, applications)
        read = coverage_of(repository, scopes)
        pictures = [
            (scope.name, _picture(repository, scope, index, request, view, application))
            for scope, index in zip(scopes, indexes, strict=True)
        ]
        if left := _left_out(repository, first, request.cluster):
            output.info(left)
    drawn = [(name, picture) for name, picture in pictures if picture.nodes]
    if not drawn:
        output.info(str(read))
        raise _nothing(sum(len(index.resources) for index in indexes), view, application)
    name, picture = drawn[0]
    if len(drawn) > 1:
        title = f"{len(drawn)} folders{picture.title.removeprefix(name)}"
        picture = together(title, drawn)
    write.write(picture, output, format, read)
    return ExitStatus.OK


def _picture(
    repository: Repository, scope: Scope, index: Index, request: Request, view: str, application: str | None
) -> Graph:
    """One view of a scope."""
    index = of_environment(index, request.environment)
    title = f"{scope.name}: {view}" + (f" of {application}" if application else "")
    found = views.by_object(findings(repository, scope))
    if view == "network":
        return views.network(index, found, title, application)
    if view == "resources":
        return views.resources(index, found, title, application)
    applications = index.applications
    if request.environment is not None:
        chosen = in_environment(applications, request.environment)
        applications = {name: one for name, one in applications.items() if name in chosen}
    return views.apps(applications.values(), found, title)


def _left_out(repository: Repository, drawn: Scope, cluster: str | None) -> str:
    """Which clusters are not in the picture, as a line for the user; "" for none."""
    others = [one.name for one in repository.scopes if one.complete and one is not drawn]
    if cluster is not None or not drawn.complete or not others:
        return ""
    names = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    return f"drawn: {drawn.name}; not drawn: {names} (choose with --cluster)"


def _nothing(objects: int, view: str, application: str | None) -> InputError:
    """The error for an empty view: what there is instead, and how to see it."""
    there = counted(objects, "object")
    if view == "apps":
        found, hint = f"there is no Application, only {there}", "draw them: --resources, or --network"
    elif view == "network":
        found, hint = f"there is no workload, only {there}", "draw them: --resources"
    else:
        found, hint = "there is no object to draw", "draw the Applications: --apps"
    if application is not None and view != "apps":
        found = f"there is no {'workload' if view == 'network' else 'object'} of {application}"
        hint = "charts are drawn only with --fetch-charts; --apps draws the Applications"
    return InputError(LOOKING, found, hint)
