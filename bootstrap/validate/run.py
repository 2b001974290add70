"""Observe, check, show: what `bootstrap validate` does, callable from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import plain_file
from bootstrap.core.errors import ExitStatus, InputError
from bootstrap.core.output import Output
from bootstrap.core.text import counted
from bootstrap.repository.coverage import coverage_of
from bootstrap.repository.model import Options, Repository
from bootstrap.repository.open import nothing_in, opened
from bootstrap.validate import baseline as ignore
from bootstrap.validate import report, report_markdown
from bootstrap.validate.config import configured, record_of, settings
from bootstrap.validate.engine import check, objects_of
from bootstrap.validate.own.read import Own
from bootstrap.validate.own.read import read as read_own
from bootstrap.validate.own.shown import concerned_by_rules, found_in
from bootstrap.validate.rule import SEVERITIES, Finding
from bootstrap.validate.ruleset import RULES, document
from bootstrap.validate.unchecked import unchecked

LARGEST_BASELINE = 32 << 20
"""Bytes: some 100,000 findings, which take twelve times as much memory."""


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
    groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()


def validate(request: Request, output: Output, format: str) -> int:
    """Print the findings; 1 when one is as severe as `fail_on`, else 0."""
    # Invalid options are reported at once, except rules of the repository's own.
    settings(_built_in(request.rules), request.kubernetes, {})
    options = Options(
        request.cluster,
        request.allow_remote,
        request.fetch_charts,
        request.kubernetes or "",
        request.api_versions,
    )
    with opened(request.path, output, options, request.cached) as repository:
        own = read_own(repository.files, record_of(repository))
        rules = {name: one.rule for name, one in own.rules.items()}
        chosen = settings(request.rules, request.kubernetes, configured(repository), rules, request.groups)
        findings = _within(repository, check(repository, chosen, own))
        if request.changed_since is not None:
            findings = _concerned(repository, own, findings, request.changed_since, output)
        scope = report.Scope(
            objects_of(repository),
            str(repository.files.root),
            repository.within,
            tuple(sorted(repository.files.nested)),
            unchecked(repository, chosen),
            coverage_of(repository),
            rules,
        )
        if not scope.objects and not findings and not _has_manifests(repository):
            raise nothing_in(repository)
    if request.write_baseline is not None:
        return _write(request.write_baseline, findings, output)
    if request.baseline is not None:
        findings = ignore.without_baseline(findings, _read(request.baseline), str(request.baseline))
    show(findings, scope, output, format)
    names: list[str] = list(SEVERITIES)
    serious = names[: names.index(request.fail_on) + 1]
    return ExitStatus.NO if any(finding.severity in serious for finding in findings) else ExitStatus.OK


def show(findings: Sequence[Finding], scope: report.Scope, output: Output, format: str) -> None:
    """Print findings in one of report.FORMATS."""
    if format == "json":
        output.result(report.as_json(findings, scope))
    elif format == "sarif":
        output.line(report.sarif(findings, scope))
    elif format == "junit":
        output.line(report.junit(findings, scope))
    elif format == "github":
        for line in report.github(findings, scope):
            output.command(line)
    elif format == "markdown":
        output.line(report_markdown.markdown(findings, scope).rstrip("\n"))
    else:
        for line in report.text(findings):
            output.line(line)
        output.info(report.summary(findings, scope))
        for note in report.notes(scope):
            output.info(note)


def _built_in(rules: str | None) -> str | None:
    parts = [part.strip() for part in (rules or "").split(",")]
    return ",".join(part for part in parts if part.lstrip("-").startswith("GB")) or None


def list_rules(output: Output, format: str, path: Path) -> int:
    """Print every rule, including those of the repository that `path` is in."""
    rules = [*RULES.values(), *(found_in(path, output.invocation) if format != "markdown" else ())]
    if format == "markdown":
        output.line(document().rstrip("\n"))
    elif format == "json":
        output.result([vars(rule) for rule in rules])
    else:
        output.table(
            ("ID", "SEVERITY", "NAME", "PROBLEM"),
            [(rule.id, rule.severity, rule.name, rule.about) for rule in rules],
        )
    return ExitStatus.OK


def _within(repository: Repository, findings: Sequence[Finding]) -> list[Finding]:
    """The findings in the named folder, and those without a file about Applications from there."""
    if not repository.within:
        return list(findings)
    here = {
        placement.application
        for scope in repository.scopes
        for placement in scope.placements
        if placement.application and repository.concerns(placement)
    }
    return [
        one for one in findings if (repository.is_within(one.file) if one.file else one.application in here)
    ]


def _has_manifests(repository: Repository) -> bool:
    """Whether anything is built from the named folder."""
    return any(repository.concerns(one) for scope in repository.scopes for one in scope.placements)


def _concerned(
    repository: Repository, own: Own, findings: Sequence[Finding], revision: str, output: Output
) -> list[Finding]:
    from bootstrap.git.revisions import changed_files
    from bootstrap.validate.changed import concerned

    changed = changed_files(repository.files.root, revision, output.invocation)
    return concerned(repository, findings, changed, concerned_by_rules(own, changed))


def _write(path: Path, findings: Sequence[Finding], output: Output) -> int:
    try:
        path.write_text(ignore.write_baseline(findings), encoding="utf-8")
    except OSError as error:
        raise InputError("writing the baseline", str(error), "name a file in a writable folder") from error
    output.info(f"{counted(len(findings), 'finding')} written to {path}; validate with --baseline {path}")
    return ExitStatus.OK


def _read(path: Path) -> str:
    try:
        return plain_file.content(path, LARGEST_BASELINE).decode()
    except (OSError, UnicodeDecodeError) as error:
        found = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(
            "reading the baseline", found, "write it with --write-baseline", str(path)
        ) from error
