"""Every rule and every check, in one place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib import resources

from bootstrap.core.errors import InputError
from bootstrap.core.fingerprint import fingerprint
from bootstrap.validate.admission import definitions, policies
from bootstrap.validate.own import faults as own_faults
from bootstrap.validate.rule import AppsCheck, Check, Rule, rules_of
from bootstrap.validate.rules import (
    apps,
    claims,
    configuration,
    credentials,
    entrances,
    files,
    gateways,
    hooks,
    load_balancing,
    mesh,
    mesh_entry,
    mesh_strict,
    monitoring,
    network,
    options,
    pairs,
    projects,
    record,
    references,
    repeated,
    requirements,
    rollouts,
    safety,
    scaling,
    scraping,
    sealed,
    services,
    signatures,
    volumes,
    waves,
)
from bootstrap.validate.rules.api import (
    ingress_rules,
    labels,
    pod_security,
    pods,
    quota,
    quota_sums,
    refused,
    schema,
    validation,
    versions,
)
from bootstrap.validate.rules.hardening import availability, rights
from bootstrap.validate.rules.hardening import containers as hardening_containers


def version() -> str:
    """The version of everything that determines findings, for cache keys."""
    return fingerprint("cel", "core", "manifests", "repository", "resources", "validate")


FAMILIES: Mapping[str, tuple[object, ...]] = {
    "Files": (
        files,
        labels,
        definitions,
        policies,
        own_faults,
        record,
        refused,
        schema,
        validation,
        versions,
    ),
    "The app of apps": (apps, hooks, options, projects, repeated, requirements, signatures, waves),
    "The chain": (
        services,
        claims,
        pairs,
        pods,
        gateways,
        entrances,
        configuration,
        scaling,
        network,
        mesh,
        mesh_entry,
        mesh_strict,
        monitoring,
        scraping,
        references,
        rollouts,
        sealed,
        volumes,
        load_balancing,
        pod_security,
        ingress_rules,
        quota,
        quota_sums,
    ),
    "Safety": (credentials, safety),
    "Hardening": (hardening_containers, rights, availability),
}

CHECKS: tuple[Check, ...] = (
    schema.check,
    versions.check,
    services.check,
    refused.check,
    pairs.check,
    pods.check,
    gateways.check,
    entrances.check,
    configuration.check,
    scaling.check,
    network.check,
    mesh.check,
    monitoring.check,
    credentials.check,
    safety.check,
    options.check_objects,
    waves.check_objects,
    labels.check,
    validation.check,
    hooks.check,
    mesh_entry.check,
    mesh_strict.check,
    scraping.check,
    references.check,
    rollouts.check,
    sealed.check,
    volumes.check,
    load_balancing.check,
    pod_security.check,
    ingress_rules.check,
    quota.check,
    quota_sums.check,
    definitions.check,
    hardening_containers.check,
    rights.check,
    availability.check,
)
APPS_CHECKS: tuple[AppsCheck, ...] = (
    apps.check,
    options.check,
    options.check_folders,
    projects.check,
    signatures.check,
    requirements.check,
    waves.check,
    claims.check,
    repeated.check,
)

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in sorted(
        (rule for modules in FAMILIES.values() for module in modules for rule in rules_of(vars(module))),
        key=lambda rule: rule.id,
    )
}


GROUPS = frozenset(rule.group for rule in RULES.values() if rule.group)
"""The groups of rules that are off unless they are requested."""


def choose(
    wanted: str | None, off: Iterable[str] = (), own: Collection[str] = (), groups: Collection[str] = ()
) -> frozenset[str]:
    """The ids of the rules to use: `GB301,GB4` (only those, by prefix), `-GB404` (without it).

    `own` are the ids of the repository's own rules; of a group that is not among `groups` only those that
    are named are used.
    """
    every = {*RULES, *own}
    chosen = {rule for rule in every if not rule.startswith(tuple(off) or ("-",))}
    parts = [part.strip() for part in (wanted or "").split(",") if part.strip()]
    for part in parts:
        if not any(rule.startswith(part.lstrip("-")) for rule in every):
            found = f"there is no rule {part.lstrip('-')}"
            raise InputError("reading --rules", found, "see bootstrap validate --list-rules")
    only = tuple(part for part in parts if not part.startswith("-"))
    without = tuple(part[1:] for part in parts if part.startswith("-"))
    named = tuple(part for part in only if len(part) > len("GB"))
    chosen = {
        rule
        for rule in chosen
        if rule in own or RULES[rule].group in ("", *groups) or (named and rule.startswith(named))
    }
    if only:
        chosen = {rule for rule in chosen if rule.startswith(only)}
    return frozenset(rule for rule in chosen if not without or not rule.startswith(without))


def document() -> str:
    """The rules as Markdown (docs/rules.md)."""
    lines = [
        "# Rules",
        "",
        "What `bootstrap validate` looks for. Generated from the rules themselves: `bootstrap "
        "validate --list-rules -o markdown`.",
        "",
        "A comment suppresses findings on its line, on the line below it, or in the "
        "object below it, and gives a reason:",
        "",
        "```yaml",
        "# bootstrap: ignore=GB406 the node's log folder is what this pod is for",
        "```",
        "",
        "`ignore-file=GB406 reason` does it for a file, and the comment on a kustomization's entry",
        "(`- install.yaml # bootstrap: …`) for one that must stay as released. `bootstrap.yaml`",
        "switches rules off (`checks: {off: [GB404]}`) or changes their severity",
        "(`checks: {severity: {GB404: error}}`). Rules of your own are CEL: [checks.md](checks.md).",
        "The group hardening is off by default: switch it on with `--group hardening`, or in",
        "`bootstrap.yaml` with `checks: {groups: [hardening]}`.",
    ]
    for family, modules in FAMILIES.items():
        lines += [
            "",
            f"## {family}",
            "",
            "| id | name | severity | problem | fix |",
            "| --- | --- | --- | --- | --- |",
        ]
        rules = sorted((rule for m in modules for rule in rules_of(vars(m))), key=lambda rule: rule.id)
        lines += [
            f"| {rule.id} | {rule.name} | {rule.severity} | {rule.about} | "
            f"{rule.fix[0].upper()}{rule.fix[1:]}. |"
            for rule in rules
        ]
    compared = resources.files("bootstrap.validate").joinpath("compared.md").read_text("utf-8")
    return "\n".join(lines) + "\n\n" + compared
