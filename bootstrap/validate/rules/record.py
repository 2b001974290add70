"""What is wrong in `bootstrap.yaml`: unknown keys and invalid values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bootstrap.core.text import names_near
from bootstrap.resources.index import mapping
from bootstrap.validate.rule import SEVERITIES, Path, Rule

RECORD = Rule(
    "GB111",
    "settings-invalid",
    "error",
    "bootstrap.yaml has an unknown key or an invalid value.",
    "correct it, or restore the file from an earlier commit",
)

Fault = tuple[Path, str]
"""The field, and what is wrong with it."""


def _text(value: Any) -> str:
    """A whole number is read as written, other numbers may not be."""
    return "" if isinstance(value, str | int) and not isinstance(value, bool) else "text (in quotes)"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _texts(value: Any) -> str:
    return "" if isinstance(value, list) and all(isinstance(one, str) for one in value) else "a list of names"


def _digests(value: Any) -> str:
    fits = isinstance(value, dict) and all(
        re.fullmatch(r"sha256:[0-9a-f]{64}", str(one)) for one in value.values()
    )
    return "" if fits else "a digest (sha256:…) for each image, or {}"


def _variant(value: Any) -> str:
    return "" if value in ("install", "ha", "core") else "install, ha or core"


def release(value: Any) -> tuple[int, int] | None:
    """A Kubernetes release. A number without quotes loses a trailing 0: 1.30 is 1.3."""
    lost = not isinstance(value, str) and len(str(value).partition(".")[2]) < 2
    match = re.fullmatch(r"v?([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]+)?", str(value))
    return None if match is None or lost else (int(match[1]), int(match[2]))


def _release(value: Any) -> str:
    return "" if release(value) else 'a release in quotes, such as "1.36"'


def _anything(value: Any) -> str:
    return ""


Kind = Callable[[Any], str]
"""What a value must be; "" if it is valid."""

_CATALOG: Mapping[str, Kind] = {"version": _text, "commit": _text}
_ARGOCD: Mapping[str, Kind] = {
    "version": _text,
    "variant": _variant,
    "sha256": _text,
    "images": _digests,
    "signedBy": _texts,
}
_CLUSTER: Mapping[str, Kind] = {
    "repoURL": _text,
    "revision": _text,
    "domain": _text,
    "storageClass": _text,
    "with": _texts,
    "without": _texts,
    "adopted": _switch,
    "argocdNamespace": _text,
}
_CHECKS: Mapping[str, Kind] = {"off": _texts, "severity": _anything, "kubernetes": _release, "groups": _texts}
_TOP = ("catalog", "argocd", "clusters", "checks", "images", "conflicts", "retired")


def faults(value: Any, rules: Mapping[str, Rule]) -> Iterator[Fault]:
    """What is wrong with the file's value; `rules` are those that `checks` may name."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield (), "the file is not a mapping"
        return
    yield from _unknown(value, _TOP, ())
    yield from _section(value, "catalog", _CATALOG)
    yield from _section(value, "argocd", _ARGOCD)
    clusters = mapping(value.get("clusters"))
    if clusters is not value.get("clusters") and value.get("clusters") is not None:
        yield ("clusters",), "clusters is not a mapping of names to settings"
    for name in clusters:
        yield from _section(clusters, name, _CLUSTER, ("clusters",))
    yield from _section(value, "checks", _CHECKS)
    yield from _checks(mapping(value.get("checks")), rules)
    yield from _open(value)
    images = value.get("images")
    if images is not None and not (isinstance(images, list) and all(isinstance(one, dict) for one in images)):
        yield ("images",), "images is not a list of mappings with name, file and path"


def _open(value: Mapping[str, Any]) -> Iterator[Fault]:
    """What `upgrade` records of a merge that is not finished."""
    conflicts = value.get("conflicts")
    if conflicts is not None and not (
        isinstance(conflicts, dict) and all(isinstance(one, str) for one in conflicts.values())
    ):
        yield ("conflicts",), "conflicts is not a mapping of paths to reasons"
    retired = value.get("retired")
    if retired is not None and (wanted := _texts(retired)):
        yield ("retired",), f"retired is {retired!r}, not {wanted}"


def _section(
    value: Mapping[str, Any], key: str, kinds: Mapping[str, Kind], above: Path = ()
) -> Iterator[Fault]:
    part, path = value.get(key), (*above, key)
    if part is None:
        return
    if not isinstance(part, dict):
        yield path, f"{_spell(path)} is not a mapping"
        return
    yield from _unknown(part, tuple(kinds), path)
    for name, kind in kinds.items():
        if name in part and (wanted := kind(part[name])):
            yield (*path, name), f"{_spell((*path, name))} is {part[name]!r}, not {wanted}"


def _unknown(part: Mapping[str, Any], known: tuple[str, ...], path: Path) -> Iterator[Fault]:
    for key in part:
        if key not in known:
            yield (*path, key), f"unknown key {_spell((*path, key))}{names_near(str(key), known)}"


def _checks(checks: Mapping[str, Any], rules: Mapping[str, Rule]) -> Iterator[Fault]:
    off = checks.get("off")
    for number, rule in enumerate(off if isinstance(off, list) else ()):
        if isinstance(rule, str) and not (rule and any(one.startswith(rule) for one in rules)):
            yield ("checks", "off", number), f"checks.off names {rule}, which is not a rule"
    known = {rule.group for rule in rules.values()} - {""}
    groups = checks.get("groups")
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if group not in known:
            message = f"checks.groups names {group}, which is not a group{names_near(str(group), known)}"
            yield ("checks", "groups", number), message
    severity = checks.get("severity")
    if severity is not None and not isinstance(severity, dict):
        yield ("checks", "severity"), "checks.severity is not a mapping of rules to severities"
    for rule, level in mapping(severity).items():
        if rule not in rules:
            yield ("checks", "severity", rule), f"checks.severity names {rule}, which is not a rule"
        elif level not in SEVERITIES:
            message = f"checks.severity has {rule}: {level}, not {', '.join(SEVERITIES)}"
            yield ("checks", "severity", rule), message


def _spell(path: Path) -> str:
    return ".".join(map(str, path))
