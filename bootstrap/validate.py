"""Observe, check, show: what `bootstrap validate` does, callable from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.checks import ignore, report
from bootstrap.checks.catalog import RULES, document
from bootstrap.checks.rule import SEVERITIES, Finding
from bootstrap.errors import ExitStatus, InputError
from bootstrap.index_check import check, objects_of
from bootstrap.index_open import opened, settings
from bootstrap.index_repository import Options, Repository
from bootstrap.output import Output


@dataclass(frozen=True)
class Request:
    """What was asked for; see the options of the command."""

    path: Path
    cluster: str | None = None
    changed_since: str | None = None
    rules: str | None = None
    kubernetes: str | None = None
    fail_on: str = "warning"
    baseline: Path | None = None
    write_baseline: Path | None = None
    allow_remote: bool = False
    fetch_charts: bool = False
    cached: bool = True


def validate(request: Request, output: Output, format: str) -> int:
    """Print the findings; 1 when one is as severe as `fail_on`, else 0."""
    chosen = settings(request.path, request.rules, request.kubernetes)
    options = Options(request.cluster, request.allow_remote, request.fetch_charts)
    with opened(request.path, output, options, request.cached) as repository:
        findings = check(repository, chosen)
        if request.changed_since is not None:
            findings = _concerned(repository, findings, request.changed_since, output)
        count = objects_of(repository)
        if not repository.scopes and not findings:
            raise InputError(
                "reading the repository",
                "there is no kustomization and no Kubernetes manifest in it",
                "name the folder of a GitOps repository",
                str(request.path),
            )
    if request.write_baseline is not None:
        return _write(request.write_baseline, findings, output)
    if request.baseline is not None:
        findings = ignore.without_baseline(findings, _read(request.baseline), str(request.baseline))
    show(findings, count, output, format)
    names: list[str] = list(SEVERITIES)
    serious = names[: names.index(request.fail_on) + 1]
    return ExitStatus.NO if any(finding.severity in serious for finding in findings) else ExitStatus.OK


def show(findings: Sequence[Finding], objects: int, output: Output, format: str) -> None:
    """Print findings in one of report.FORMATS."""
    if format == "json":
        output.result(report.as_json(findings, objects))
    elif format == "sarif":
        output.line(report.sarif(findings))
    elif format == "junit":
        output.line(report.junit(findings, objects))
    elif format == "github":
        for line in report.github(findings):
            output.line(line)
    else:
        for line in report.text(findings):
            output.line(line)
        output.info(report.summary(findings, objects))


def list_rules(output: Output, format: str) -> int:
    """Print every rule."""
    if format == "markdown":
        output.line(document().rstrip("\n"))
    elif format == "json":
        output.result([vars(rule) for rule in RULES.values()])
    else:
        output.table(
            ("ID", "SEVERITY", "NAME", "WHAT IS WRONG"),
            [(rule.id, rule.severity, rule.name, rule.about) for rule in RULES.values()],
        )
    return ExitStatus.OK


def _concerned(
    repository: Repository, findings: Sequence[Finding], revision: str, output: Output
) -> list[Finding]:
    """The findings in changed files, and those of Applications that depend on one."""
    from bootstrap.git_history import changed_files

    changed = changed_files(repository.files.root, revision, output.invocation)
    touched = {
        placement.application
        for scope in repository.scopes
        for placement in scope.placements
        if placement.application and changed.intersection(repository.units[placement.unit.key].closure)
    }
    return [finding for finding in findings if finding.file in changed or finding.application in touched]


def _write(path: Path, findings: Sequence[Finding], output: Output) -> int:
    try:
        path.write_text(ignore.write_baseline(findings), encoding="utf-8")
    except OSError as error:
        raise InputError("writing the baseline", str(error), "name a file in a writable folder") from error
    output.info(f"{len(findings)} findings written to {path}; validate with --baseline {path}")
    return ExitStatus.OK


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("reading the baseline", str(error), "write it with --write-baseline") from error
