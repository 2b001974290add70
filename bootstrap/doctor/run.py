"""What `bootstrap doctor` does: checks everything once, and reports what is wrong and what to do.

Its report is meant to be pasted: it has versions, hosts and states, and no secret.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import cast
from urllib.parse import urlsplit

from bootstrap import __version__, argocd, kube
from bootstrap.argocd import expiry as argocd_expiry
from bootstrap.argocd import home
from bootstrap.argocd.explain import explained
from bootstrap.argocd.status import Family, Status, key_of, summarise
from bootstrap.core import next_run, on_path
from bootstrap.core.errors import BootstrapError, ExitStatus, Forbidden
from bootstrap.core.health import State
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.doctor import argocd as doctor_argocd
from bootstrap.doctor import expiry, webhook
from bootstrap.edit.access import Access
from bootstrap.kube import Cluster, certificates, workloads
from bootstrap.kube.observe import MAXIMAL_CLOCK_SKEW, OLDEST_KUBERNETES
from bootstrap.kube.state import ClusterState
from bootstrap.programs import run

_PROGRAMS = {
    "git": ("--version",),
    "kustomize": ("version",),
    "helm": ("version", "--short"),
    "kubectl": ("version", "--client"),
}
_COMPONENTS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"))


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `fix` is what to do about it, or how to see more, if anything.

    `state` unknown: it could not be checked from here; that is not a fault.
    """

    area: str
    state: State
    found: str
    fix: str = ""


@dataclass
class Report:
    """All findings, area by area."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, area: str, state: State, found: str, fix: str = "") -> None:
        self.findings.append(Finding(area, state, found, fix))

    def take(self, found: doctor_argocd.Found) -> None:
        area, state, what, fix = found
        self.add(area, cast("State", state), what, fix)

    @property
    def worst(self) -> State:
        states = {finding.state for finding in self.findings}
        return "broken" if "broken" in states else "warning" if "warning" in states else "ok"


def doctor(
    context: str | None,
    namespace: str | None,
    output: Output,
    access: Access | None = None,
    api_url: str | None = None,
) -> int:
    """Print the report; 1 when something in it is broken. `access`: the Git host's repository and token."""
    report = Report()
    _here(report, output.invocation)
    try:
        cluster = home.connect(output.invocation, context, namespace)
        namespace = cluster.argocd_namespace
    except BootstrapError as error:
        report.add("cluster", "broken", f"{error.tried}: {error.found}", error.hint)
    else:
        for look in (_cluster, _argocd, _applications, _inside, _credentials):
            _guarded(report, look, cluster, namespace)
        asked, invocation = access or Access(), output.invocation

        def _webhook(report: Report, cluster: Cluster, namespace: str) -> None:
            applications = argocd.applications(cluster, namespace)
            for found in webhook.inspect(cluster, namespace, applications, asked, api_url, invocation):
                report.take(found)

        _guarded(report, _webhook, cluster, namespace)
        _guarded(report, _certificates, cluster, namespace)
    if output.format == "json":
        findings = [asdict(finding) for finding in report.findings]
        output.result({"state": report.worst, "findings": findings})
    else:
        for line in lines(report):
            output.line(line)
    return ExitStatus.NO if report.worst == "broken" else ExitStatus.OK


def lines(report: Report) -> Iterator[str]:
    """One line per finding, and what to do below it."""
    width = max(len(finding.area) for finding in report.findings)
    for finding in report.findings:
        yield f"{finding.state.ljust(7)}  {finding.area.ljust(width)}  {finding.found}"
        if finding.fix:
            yield f"{' ' * (width + 11)}to do: {finding.fix}"


Look = Callable[[Report, Cluster, str], None]


def _guarded(report: Report, look: Look, cluster: Cluster, namespace: str) -> None:
    """Run one check: if it cannot read something, that is a finding, and the rest is checked anyway."""
    try:
        look(report, cluster, namespace)
    except BootstrapError as error:
        report.add(look.__name__.strip("_"), "broken", f"{error.tried}: {error.found}", error.hint)


def _here(report: Report, invocation: Invocation) -> None:
    system = f"{platform.system()} {platform.machine()}"
    report.add("bootstrap", "ok", f"{__version__}, Python {platform.python_version()}, {system}")
    for name, arguments in _PROGRAMS.items():
        path = on_path.find(name, invocation.environ)
        if path is None:
            needed = name == "git"
            fix = "install git" if needed else ""
            report.add(name, "broken" if needed else "ok", "not on PATH", fix)
            continue
        output = run.ask([path, *arguments], invocation.environ, 60) or ""
        version = re.search(r"v?\d+\.\d+[\w.+-]*", output)
        report.add(name, "ok", version[0] if version else "unknown version")


def _cluster(report: Report, cluster: Cluster, namespace: str) -> None:
    state = kube.observe(cluster)
    host = urlsplit(state.server).netloc.rpartition("@")[2] or state.server
    _version(report, state, host)
    if state.missing_rights:
        shown = "; ".join(state.missing_rights[:5]) + (" …" if len(state.missing_rights) > 5 else "")
        report.add(
            "rights", "warning", f"this credential may not: {shown}", "bootstrap init needs cluster-admin"
        )
    else:
        report.add("rights", "ok", "everything that bootstrap init needs")
    if abs(state.clock_skew) > MAXIMAL_CLOCK_SKEW:
        report.add("clock", "broken", f"{state.clock_skew:.0f} s apart from the API server's", "set it (NTP)")
    else:
        report.add("clock", "ok", f"{abs(state.clock_skew):.0f} s apart from the API server's")
    if state.ready_nodes == 0:
        report.add("nodes", "broken", "none is Ready", next_run.kubectl("describe nodes"))
    elif state.ready_nodes > 0:
        report.add("nodes", "ok", f"{state.ready_nodes} Ready")
    if state.argocd is None:
        report.add("argocd", "broken", "not installed", "run bootstrap init")
    else:
        summary = (
            f"{state.argocd.version or 'unknown version'} in {state.argocd.namespace}, installed by "
            f"{state.argocd.installed_by}"
        )
        report.add("argocd", "ok", summary)


def _version(report: Report, state: ClusterState, host: str) -> None:
    found = re.match(r"v?(\d+)\.(\d+)", state.version)
    old = found is not None and (int(found[1]), int(found[2])) < OLDEST_KUBERNETES
    oldest = ".".join(map(str, OLDEST_KUBERNETES))
    fix = f"upgrade to {oldest} or newer" if old else ""
    report.add("cluster", "broken" if old else "ok", f"Kubernetes {state.version} at {host}", fix)
    report.findings = [
        skewed(one, state.version) if one.area == "kubectl" else one for one in report.findings
    ]


def skewed(kubectl: Finding, server: str) -> Finding:
    """The finding about kubectl; a warning if it is more than one minor version away from the server.

    That is what Kubernetes supports: https://kubernetes.io/releases/version-skew-policy/#kubectl.
    """
    client, there = (re.match(r"v?(\d+)\.(\d+)", text) for text in (kubectl.found, server))
    if not client or not there:
        return kubectl
    apart = int(there[2]) - int(client[2])
    if client[1] == there[1] and abs(apart) <= 1:
        return kubectl
    found = (
        f"{kubectl.found}, but the cluster runs {server}: kubectl supports one minor version of difference"
    )
    return replace(kubectl, state="warning", found=found, fix=f"use kubectl {there[1]}.{there[2]}")


def _argocd(report: Report, cluster: Cluster, namespace: str) -> None:
    """Argo CD's own workloads: as many ready as desired, of their newest version."""
    for api_version, kind in _COMPONENTS:
        for item in kube.list_objects(cluster, api_version, kind, namespace):
            labels = item["metadata"].get("labels") or {}
            if labels.get("app.kubernetes.io/part-of") != "argocd":
                continue
            name = item["metadata"]["name"]
            wanted = workloads.wanted_replicas(item)
            ready = (item.get("status") or {}).get("readyReplicas", 0)
            trouble = workloads.trouble(cluster, {**item, "kind": kind})
            found = f"{ready} of {wanted} ready" + (f": {trouble.text}" if trouble else "")
            state: State = "broken" if trouble else "ok"
            fix = next_run.kubectl(f"-n {namespace} describe {kind.lower()} {name}") if trouble else ""
            report.add(name, state, found, fix)


def _applications(report: Report, cluster: Cluster, namespace: str) -> None:
    applications = argocd.applications(cluster, namespace)
    if not applications:
        report.add("applications", "warning", "there are none", "run bootstrap init")
        return
    rows = {}
    family = Family.from_applications(applications)
    for application in applications:
        place, name = key_of(application)
        rows.update(
            {(one.namespace, one.name): one for one in summarise(family, name, place).applications[:1]}
        )
    status = explained(cluster, Status("", None, tuple(rows.values())), applications)
    waiting = [row for row in status.waiting if not row.parent or row.objects]
    summary = f"{len(rows) - len(waiting)} of {len(rows)} Synced and Healthy"
    fix = next_run.command("status") if waiting else ""
    report.add("applications", "warning" if waiting else "ok", summary, fix)
    for row in sorted(waiting, key=lambda row: row.name)[:20]:
        state: State = "broken" if row.final else "warning"
        fix = next_run.kubectl(f"-n {row.namespace} describe application {row.name}")
        objects = "".join(f"; {line}" for line in row.objects)
        found = f"{row.sync}, {row.health}; waits for {row.waiting_for}{objects}"
        report.add(row.name, state, found, fix)


def _inside(report: Report, cluster: Cluster, namespace: str) -> None:
    """Argo CD's work: its repositories, according to the Applications, and its queue."""
    applications = argocd.applications(cluster, namespace)
    if not applications:
        return
    try:
        secrets = doctor_argocd.secrets_of_repositories(cluster, namespace)
    except Forbidden:
        secrets = []
    for found in (
        *doctor_argocd.repositories(applications, secrets),
        *doctor_argocd.queue(cluster, namespace, applications),
    ):
        report.take(found)


def _credentials(report: Report, cluster: Cluster, namespace: str) -> None:
    """What argocd-server trusts and is trusted by; of Secrets, only names and a certificate's expiry."""
    report.take(doctor_argocd.webhook(kube.get(cluster, "v1", "Secret", namespace, "argocd-secret")))
    tls = kube.get(cluster, "v1", "Secret", namespace, "argocd-server-tls")
    for found in doctor_argocd.server_certificate(tls, datetime.now(timezone.utc)):
        report.take(found)
    for found in expiry.of_cluster(argocd_expiry.read(cluster, namespace)):
        report.take(found)


def _certificates(report: Report, cluster: Cluster, namespace: str) -> None:
    """cert-manager's Certificates that are not ready or expire soon, and issuers that are not ready."""
    found = certificates.listed(cluster)
    wrong = list(certificates.troubles(found, certificates.issuers(cluster)))
    for item in wrong:
        report.add("certificates", item.state, f"{item.what} {item.found}", item.fix)
    if found and not wrong:
        days = certificates.EXPIRES_SOON
        report.add("certificates", "ok", f"{len(found)} ready, none expires within {days:.0f} days")
