"""Read, check, draw: what `bootstrap graph` does, callable from Python."""

from __future__ import annotations

from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.drawing import write
from bootstrap.graph import views
from bootstrap.repository.coverage import coverage_of
from bootstrap.repository.lookup import (
    Request,
    check_application,
    check_environment,
    in_environment,
    of_environment,
)
from bootstrap.repository.model import Options
from bootstrap.repository.open import choose_scope, cluster_index, opened
from bootstrap.resources.index import Index
from bootstrap.validate.engine import findings

LOOKING = "drawing the repository"


def show_graph(request: Request, view: str, application: str | None, output: Output, format: str) -> int:
    """Print a picture of a cluster: `view` is apps, resources or network."""
    options = Options(request.cluster, fetch_charts=request.fetch_charts)
    with opened(request.path, output, options, request.cached) as repository:
        scope = choose_scope(repository, request.cluster)
        everything = cluster_index(repository, scope)
        check_environment(request.environment, everything.applications)
        index = of_environment(everything, request.environment)
        check_application(application, index.applications)
        read = coverage_of(repository, [scope])
        title = f"{scope.name}: {view}" + (f" of {application}" if application else "")
        found = views.by_object(findings(repository, scope))
        if view == "apps":
            applications = index.applications
            if request.environment is not None:
                chosen = in_environment(applications, request.environment)
                applications = {name: one for name, one in applications.items() if name in chosen}
            graph = views.apps(applications.values(), found, title)
        elif view == "network":
            graph = views.network(index, found, title, application)
        else:
            graph = views.resources(index, found, title, application)
    if not graph.nodes:
        output.info(str(read))
        raise _nothing(index, view, application)
    write.write(graph, output, format, read)
    return ExitStatus.OK


def _nothing(index: Index, view: str, application: str | None) -> InputError:
    """The error for an empty view: what there is instead, and how to see it."""
    there = counted(len(index.resources), "object")
    if view == "apps":
        found, hint = f"there is no Application, but {there}", "draw them: --resources, or --network"
    elif view == "network":
        found, hint = f"there is no workload, but {there}", "draw them: --resources"
    else:
        found, hint = "there is no object to draw", "look at the Applications: --apps"
    if application is not None and view != "apps":
        found = f"there is no {'workload' if view == 'network' else 'object'} of {application}"
        hint = "charts are drawn only with --fetch-charts; --apps draws the Applications"
    return InputError(LOOKING, found, hint)
