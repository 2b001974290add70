"""Pure: preflight checks, all findings at once, each with its fix."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.argocd import removal as removing
from bootstrap.argocd.removal import Removal
from bootstrap.core import next_run
from bootstrap.core.errors import BootstrapError, RefusedError
from bootstrap.git.changes import RepositoryState
from bootstrap.git.urls import same_repository
from bootstrap.kube.observe import MAXIMAL_CLOCK_SKEW, OLDEST_KUBERNETES
from bootstrap.kube.state import ClusterState, Preview
from bootstrap.layout.settings import ARGOCD_NAMESPACE

NODES_FOR_HA = 3
NEEDED_DISK = 200 * 1024 * 1024
"""Bytes needed in the temporary folder and the cache: the manifest, a shallow fetch, a commit."""


@dataclass(frozen=True)
class Finding:
    """One finding; only a fatal one prevents the run."""

    found: str
    fix: str
    fatal: bool = True


def of_cluster(cluster: ClusterState, adopt: bool, namespace: str = ARGOCD_NAMESPACE) -> Iterator[Finding]:
    """Version, rights, clock, nodes and an existing Argo CD."""
    version = re.match(r"v?(\d+)\.(\d+)", cluster.version)
    if version and (int(version[1]), int(version[2])) < OLDEST_KUBERNETES:
        yield Finding(f"{cluster.server} runs Kubernetes {cluster.version}", "use 1.30 or newer")
    if cluster.missing_rights:
        yield Finding(
            f"this credential may not: {'; '.join(cluster.missing_rights)}",
            "use a context with cluster-admin for the bootstrap",
        )
    if abs(cluster.clock_skew) > MAXIMAL_CLOCK_SKEW:
        yield Finding(
            f"this clock and the API server's differ by {cluster.clock_skew:.0f} s",
            "set the clock (NTP)",
            False,
        )
    if cluster.ready_nodes == 0:
        yield Finding("no node is Ready", "Argo CD starts as soon as one is", False)
    yield from _of_argocd(cluster, adopt, namespace)


def _of_argocd(cluster: ClusterState, adopt: bool, namespace: str) -> Iterator[Finding]:
    argocd = cluster.argocd
    if argocd is None:
        if adopt:
            yield Finding("--adopt was given, but there is no Argo CD", "run without --adopt")
        return
    if argocd.installed_by == "bootstrap":
        return
    what = (
        f"Argo CD {argocd.version or '(unknown version)'} is in {argocd.namespace}, "
        f"installed by {argocd.installed_by}"
    )
    if not adopt:
        yield Finding(what, "use it with --adopt, or remove it first")
    elif argocd.namespace != namespace:
        found = f"{what}, and the layout is for one in {namespace}"
        yield Finding(found, f"give --adopt --argocd-namespace {argocd.namespace}, or another --context")


def of_removal(removal: Removal | None, namespace: str) -> Iterator[Finding]:
    """An unfinished removal: it would go on to delete what is installed now."""
    if removal is not None:
        place = removing.PLACE if removal.namespace else namespace
        found = "a removal has begun in this cluster and is not finished"
        forget = next_run.kubectl(f"-n {place} delete configmap {removing.NAME}")
        finish = next_run.command("uninstall")
        yield Finding(found, f"finish it with {finish}; or, to keep what is left, {forget}")


def of_variant(cluster: ClusterState, variant: str) -> Iterator[Finding]:
    """The high-availability manifest requires its parts to be on different nodes."""
    if variant == "ha" and 0 < cluster.ready_nodes < NODES_FOR_HA:
        yield Finding(
            f"Argo CD's high availability needs {NODES_FOR_HA} nodes, but {cluster.ready_nodes} are Ready",
            "add nodes, or omit --ha",
            fatal=False,
        )


def of_repository(repo: RepositoryState, cluster: ClusterState | None, writes: bool) -> Iterator[Finding]:
    """Writable, and reachable from inside the cluster as far as that is known from here."""
    if writes and repo.push_refusal:
        yield Finding(
            f"a push to {repo.branch} of {repo.url} is refused: {repo.push_refusal}",
            "use a credential that may push, or --pr, which opens a pull request",
        )
    if cluster and _is_loopback(repo.url) and not _is_loopback(cluster.server):
        yield Finding(
            f"{repo.url} is an address of this machine, but the cluster is at {cluster.server}",
            "give an address that the cluster's pods can reach",
        )


def of_argocd_credential(url: str, named: bool) -> Iterator[Finding]:
    """`named`: Argo CD gets a credential for the repository, or already has one."""
    if named or url.startswith("file:"):
        return
    if url.startswith(("https://", "http://")):
        yield Finding(
            f"Argo CD gets no credential for {url} and can read it only if it is public",
            "give a token with --argocd-token-file",
            fatal=False,
        )
    else:
        yield Finding(
            f"Argo CD needs an SSH key for {url} and cannot use this machine's agent",
            "give a key that may read with --argocd-ssh-key",
        )


def of_disk(free: dict[str, int]) -> Iterator[Finding]:
    """`free` is folder → free bytes."""
    for folder, size in free.items():
        if size < NEEDED_DISK:
            yield Finding(
                f"{folder} has {size // 2**20} MiB free",
                f"free {NEEDED_DISK // 2**20} MiB, or set TMPDIR and BOOTSTRAP_CACHE_DIR",
            )


def of_root(
    previews: Sequence[Preview],
    repo_url: str,
    folder: str,
    force: bool,
    moves_from: str = "",
    renames_from: str = "",
) -> Iterator[Finding]:
    """A root Application that follows another repository or folder: the run would take over its cluster."""
    for preview in previews:
        spec = (preview.before or {}).get("spec") or {}
        sources = [one for one in (spec.get("source"), *(spec.get("sources") or ())) if one]
        followed = next((one for one in sources if one.get("ref") == "repo"), sources[0] if sources else {})
        there = str(followed.get("repoURL") or "")
        known = (repo_url, moves_from)
        if (
            preview.object.kind == "Application"
            and there
            and not any(same_repository(there, url) for url in known)
        ):
            found = f"the cluster follows {there} (Application {preview.object.name}), not {repo_url}"
            fix = "give the right repository or --context; --force-conflicts takes the cluster over"
            yield Finding(found, fix, fatal=not force)
            continue
        path = posixpath.normpath(str(followed.get("path") or ""))
        ours = (".", posixpath.normpath(folder), renames_from)
        if preview.object.kind == "Application" and path not in ours:
            found = f"the cluster follows {path} (Application {preview.object.name}), not {folder}"
            fix = (
                f"give --cluster {posixpath.basename(path)}, or the --context of the other cluster; "
                f"--force-conflicts makes this one follow {folder} and prune what is not in it"
            )
            yield Finding(found, fix, fatal=not force)


def of_doubles(provided: Mapping[str, str], on: Collection[str]) -> Iterator[Finding]:
    """A component that is on and that the cluster already has: both would do the same work."""
    for component, there in sorted(provided.items()):
        if component in on:
            found = f"{component} is on, and the cluster has one already ({there})"
            yield Finding(
                found, f"omit it with --without {component}, or remove the cluster's own", fatal=False
            )


def of_storage_class(classes: Mapping[str, bool] | None, wanted: str, is_made: bool) -> Iterator[Finding]:
    """`classes` is name → whether it is the default one (None: unreadable); `is_made` by a component."""
    if classes is None or wanted in classes or is_made:
        return
    default = next((name for name, is_default in classes.items() if is_default), None)
    if not classes:
        found = f"the cluster has no StorageClass, but volumes need {wanted}"
        fix = "install a storage driver, or switch local-path-storage on: --with local-path-storage"
    else:
        found = f"the cluster has no StorageClass {wanted}, only {', '.join(sorted(classes))}"
        fix = f"give --storage-class {default or sorted(classes)[0]}"
    yield Finding(f"{found}: claims would stay Pending", fix, fatal=False)


def refuse(findings: Sequence[Finding], errors: Sequence[BootstrapError]) -> None:
    """Raise if something prevents the run: a single error as it is, else one error that lists all."""
    fatal = [finding for finding in findings if finding.fatal]
    if len(errors) == 1 and not fatal:
        raise errors[0]
    lines = [_line(error) for error in errors]
    lines += [f"{finding.found} ({finding.fix})" for finding in fatal]
    if len(lines) == 1:
        raise RefusedError("checking before the first change", fatal[0].found, fatal[0].fix)
    if lines:
        listed = "\n    - ".join(["", *lines])
        raise RefusedError(
            "checking before the first change",
            f"{len(lines)} problems:{listed}",
            "fix each as described; nothing was changed",
        )


def _line(error: BootstrapError) -> str:
    where = f"{error.where}: " if error.where and error.where not in error.found else ""
    return f"{error.tried}: {where}{error.found} ({error.hint})"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.") or url.startswith("file:")
