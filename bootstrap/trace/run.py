"""Read, walk, show: what `bootstrap trace` does, callable from Python."""

from __future__ import annotations

from dataclasses import asdict, replace

from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.drawing import write
from bootstrap.repository.coverage import coverage_of, unread_of
from bootstrap.repository.coverage_line import Coverage
from bootstrap.repository.follow import ANY
from bootstrap.repository.lookup import Request, check_environment, of_environment
from bootstrap.repository.model import Options, Repository, Scope
from bootstrap.repository.open import choose_scope, cluster_index, opened
from bootstrap.resources.entrances import of_index
from bootstrap.resources.index import IN_CLUSTER, Index
from bootstrap.trace import picture
from bootstrap.trace.hops import Hop, worst
from bootstrap.trace.remarks import namespaces, remark
from bootstrap.trace.text import lines
from bootstrap.trace.unchecked import looked_up
from bootstrap.trace.unread import Unread, instead, lost, stopped, unread
from bootstrap.trace.walk import trace
from bootstrap.validate.config import configured, settings
from bootstrap.validate.engine import findings
from bootstrap.validate.folder_findings import FolderFindings
from bootstrap.validate.present import Elsewhere
from bootstrap.validate.report import Unchecked
from bootstrap.validate.unchecked import unchecked


def show_trace(request: Request, target: str, output: Output, format: str) -> int:
    """Print the chain behind a host; 1 when something in it is broken."""
    options = Options(request.cluster, fetch_charts=request.fetch_charts)
    with opened(request.path, output, options, request.cached) as repository:
        root = from_git(repository, request, target)
        chosen = settings(None, None, configured(repository))
        read = coverage_of(repository)
        not_checked = unchecked(repository, replace(chosen, rules=chosen.rules & looked_up(root)))
    if request.live:
        from bootstrap import kube
        from bootstrap.trace import live as trace_live

        trace_live.compare(root, kube.connect(output.invocation, request.context))
    show(root, output, format, not_checked, read)
    return ExitStatus.NO if worst(root) == "broken" else ExitStatus.OK


def show(
    root: Hop,
    output: Output,
    format: str,
    not_checked: Unchecked | None = None,
    read: Coverage | None = None,
) -> None:
    """Print a trace in a format, what was read for it, and which of its parts were not checked."""
    if format == "json":
        missing = asdict(not_checked) if not_checked is not None else None
        covered = read.data() if read is not None else None
        result = {"state": worst(root), "trace": root.data(), "notChecked": missing, "coverage": covered}
        output.result(result)
    elif format == "text":
        for line in lines(root):
            output.line(line)
        if read is not None:
            output.info(str(read))
        if not_checked is not None:
            output.info(f"not checked: {not_checked}")
    else:
        write.write(picture.to_graph(root), output, format)


def from_git(repository: Repository, request: Request, target: str) -> Hop:
    """The chain from the first cluster that serves the host, then from what is switched off."""
    first = choose_scope(repository, request.cluster)
    applications = {name: one for scope in repository.scopes for name, one in scope.by_name.items()}
    check_environment(request.environment, applications, on=False)
    others = [scope for scope in repository.scopes if scope is not first and request.cluster is None]
    unknown: InputError | None = None
    missing: list[Unread] = []
    said, elsewhere = FolderFindings(repository), Elsewhere(repository)
    lost_applications = any(scope.lost for scope in repository.scopes if scope.complete)
    ordered = [first, *sorted(others, key=lambda scope: not scope.complete)]
    # What names the host comes before what takes every host.
    for any_host, scope in [(any_host, scope) for any_host in (False, True) for scope in ordered]:
        for cluster in _clusters(scope):
            index = repository.index(scope, cluster)
            if not scope.complete and scope is not first:
                index = _as_if_on(index, cluster_index(repository, first))
            index = of_environment(index, request.environment)
            try:
                alone = scope.complete or elsewhere.is_alone
                ways, brings = of_index(index, cluster), unread_of([scope])
                root = trace(index, target, ways, not lost_applications, alone, brings, any_host)
            except InputError as error:
                unknown = unknown or error
                continue
            remark(root, index, findings(repository, scope, namespaces(root, index)))
            if cluster != IN_CLUSTER:
                root.details.append(f"on the cluster {cluster}")
            if (
                not scope.complete
                and not lost_applications
                and (why := _not_applied(repository, scope, root))
            ):
                root.details.append(why)
            lost(root, scope, [*missing, *unread(repository, scope, said)])
            root.hops = [*(item.hop() for item in stopped(repository, scope, root, said)), *root.hops]
            return root
        missing += [] if any_host else unread(repository, scope, said)
    assert unknown is not None  # noqa: S101 - there is at least one scope
    return instead(target, missing, unknown)


def _not_applied(repository: Repository, scope: Scope, root: Hop) -> str:
    """That nothing that was read applies a folder; "" if an Application of one of several roots does."""
    complete = [one for one in repository.scopes if one.complete]
    if not complete and any(hop.application for hop in root.hops):
        return ""
    if complete and not any(one.namespace == ANY for each in complete for one in each.unknown):
        return f"{scope.name} is switched on in no cluster"
    return f"no Application that was read applies {scope.name}"


def _clusters(scope: Scope) -> list[str]:
    """The clusters that a scope applies to, the one where Argo CD runs first."""
    found = {placement.cluster: None for placement in scope.placements}
    return sorted(found, key=lambda cluster: cluster != IN_CLUSTER) or [IN_CLUSTER]


def _as_if_on(index: Index, cluster: Index) -> Index:
    """What is switched off as if it were on: it may use the objects of the cluster, too."""
    applications = {**cluster.applications, **index.applications}
    opaque = cluster.opaque | index.opaque
    return Index(index.resources, opaque, index.promised, applications, beyond=cluster)
