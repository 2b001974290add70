"""What is wrong with a unit's files before anything is rendered."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bootstrap.manifests.reader import Fault, compose, line_in, line_of, parse
from bootstrap.repository import kustomize
from bootstrap.repository.files import LINKED, Files
from bootstrap.resources.index import mappings, sequence

_NOT_FOUND = re.compile(r'unable to find field \\*"(?P<field>.+?)\\*" in replacement target')

FileFault = tuple[str, Fault]
"""A file, and what is wrong with it."""

RULE_OF: Mapping[str, str] = {
    "syntax": "GB101",
    "duplicate": "GB102",
    "encoding": "GB103",
    "locked": "GB103",
    "size": "GB104",
    "build": "GB105",
    "missing": "GB106",
    "kept": "GB106",
    "later": "GB106",
    "remote": "GB107",
    "cycle": "GB108",
    "chart": "GB109",
    "set": "GB110",
    "nested": "GB112",
    "inflate": "GB114",
    "set-refused": "GB115",
    "set-empty": "GB117",
    "template": "GB116",
}
"""The code of a fault → the id of the rule that `validate` reports it under; a comment may switch it off."""


_OF_FLUX = "flux-system"
"""The folder that Flux commits to a cluster's own when it is installed there."""
_TOKENS = re.compile(
    rb"^[ \t]*#@(?:[ \t]|[a-z]+/)"
    rb"|^\s*<[A-Z][A-Z0-9_]+>\s*$|^[ \t]*</?#(?:if|else|elseif|list|assign)\b[^\n]*>"
    rb"|:[ \t]+(?:##[A-Z][A-Z0-9_]*##|@@[A-Z][A-Z0-9_]*@@|%[A-Z][A-Z0-9_]*%)\s*$"
    rb"|[:=][ \t]+[\"']?###[A-Z][A-Z0-9_]*###",
    re.MULTILINE,
)
"""Lines that another program fills in: directives of FreeMarker and ytt, ##NAME## of sed, those of Zarf."""


def is_unfilled(content: bytes) -> bool:
    """Whether a file is a template: it has lines with only a token, or values that are one."""
    return _TOKENS.search(content) is not None


_VARIABLES = re.compile(rb"\$\{[^{}\n]*\}")


def is_filled_later(content: bytes) -> bool:
    """Whether a text that is not YAML becomes it once a program has filled in its variables."""
    filled = _VARIABLES.sub(b"x", content)
    return b"{{" in content or b"{%" in content or (filled != content and not parse(filled).faults)


def unfilled(content: bytes) -> Fault:
    """The fault for a template in place of a manifest, at its first token."""
    match = _TOKENS.search(content)
    start = match.start() + len(match[0]) - len(match[0].lstrip()) if match else 0
    line = content.count(b"\n", 0, start) + 1
    message = "it is a template of another program: its tokens are not filled in"
    return Fault("template", line, message, "validate the program's output")


def missing_faults(files: Files, missing: Iterable[kustomize.Missing]) -> Iterator[FileFault]:
    """The fault of each entry that leads to nothing; a file is parsed once for all of its lines."""
    nodes: dict[str, list[Any]] = {}
    for one in missing:
        if one.file not in nodes:
            nodes[one.file] = compose(files.read(one.file))
        yield _missing_fault(files, one, line_in(nodes[one.file], 0, one.entry.position))


def _missing_fault(files: Files, missing: kustomize.Missing, line: int) -> FileFault:
    entry = missing.entry
    target = posixpath.normpath(posixpath.join(posixpath.dirname(missing.file), entry.name))
    if missing.why == "missing" and (nested := files.nested_in(target)):
        found = f"{entry.field} names {entry.name}, which is in the Git repository {nested}: that is not read"
        return missing.file, Fault("nested", line, found, f"validate {nested} separately")
    sealed = _before(files, target) if missing.why == "missing" else ""
    if sealed:
        found = f"{entry.field} names {entry.name}, which is not here: {sealed}"
        return missing.file, Fault("later", line, found, "validate it with the file")
    if missing.why == "missing" and files.is_ignored(target):
        found = f"{entry.field} names {entry.name}, which git ignores: it is only on this machine"
        fix = "commit it, or remove the entry (sealed-secrets or external-secrets can create Secrets)"
    elif missing.why == "missing" and files.keeps_out(target):
        found = f"{entry.field} names {entry.name}, which git ignores: it is not in the repository"
        fix = "commit it, or remove the entry (sealed-secrets or external-secrets can create Secrets)"
    elif missing.why == "missing" and posixpath.basename(target) == _OF_FLUX:
        found = f"{entry.field} names {entry.name}, which `flux bootstrap` creates: it is not here yet"
        fix = "run flux bootstrap for this cluster, or remove the entry"
    elif missing.why == "missing" and files.links.get(target) == LINKED:  # kustomize follows it
        found = f"{entry.field} names {entry.name}: {LINKED}"
        return missing.file, Fault("nested", line, found, "name the folder that the link leads to")
    elif missing.why == "missing" and target in files.links:
        found, fix = (
            f"{entry.field} names {entry.name}: {files.links[target]}",
            "put the files there instead",
        )
    elif missing.why == "missing" and files.is_folder(target):
        found = f"{entry.field} names the folder {entry.name}, which has no kustomization.yaml"
        fix = "add one, or name its files"
    else:
        found, fix = {
            "missing": (f"{entry.field} names {entry.name}, which does not exist", "correct the path"),
            "remote": (
                f"{entry.field} names {entry.name}, which is not fetched",
                "use --allow-remote, or a copy",
            ),
            "cycle": (f"{entry.field} names {entry.name}, which leads back here", "break the cycle"),
            "deep": (
                f"{entry.field} names {entry.name}, which is nested in more than {kustomize.DEEPEST} others",
                "combine some of them",
            ),
            "outside": (f"{entry.field} names {entry.name}, outside the repository", "move it inside"),
        }[missing.why]
    code = {"remote": "remote", "cycle": "cycle", "deep": "build"}.get(missing.why, "missing")
    if missing.why == "missing" and (files.is_ignored(target) or files.keeps_out(target)):
        code = "kept"
    elif missing.why == "missing" and posixpath.basename(target) == _OF_FLUX:
        code = "later"
    return missing.file, Fault(code, line, found, fix)


_ENCRYPTED = ("enc", "sops", "encrypted", "sealed", "age")


def _before(files: Files, target: str) -> str:
    """What makes a file before kustomize reads it; "" for nothing that is known."""
    if target.endswith(".clusterserviceversion.yaml"):
        return "`operator-sdk generate` makes it"
    folder, name = posixpath.split(target)
    stem, ending = posixpath.splitext(name)
    for word in _ENCRYPTED:
        for other in (f"{stem}.{word}{ending}", f"{stem}-{word}{ending}", f"{word}.{name}", f"{name}.{word}"):
            if files.has(found := posixpath.join(folder, other)):
                return f"its encrypted form is {found}"
    return ""


def inflated(files: Files, names: Sequence[str]) -> Iterator[FileFault]:
    """Kustomizations that render charts: kustomize does that with helm, and only if it is allowed to."""
    for name in names:
        if posixpath.basename(name) in kustomize.NAMES:
            for field in ("helmCharts", "helmChartInflationGenerator"):
                if (files.mapping(name) or {}).get(field):
                    found = "kustomize renders its charts only with --enable-helm"
                    line = line_of(files.read(name), 0, (field,))
                    yield (
                        name,
                        Fault("inflate", line, found, "check the output of `kustomize build --enable-helm`"),
                    )


def replacement_fault(files: Files, closure: Sequence[str], error: str) -> FileFault | None:
    """A replacement whose target lacks the field: where it is written, and how to create the field."""
    match = _NOT_FOUND.search(error)
    if match is None:
        return None
    field = match["field"]
    for name in closure:
        if posixpath.basename(name) not in kustomize.NAMES or field.encode() not in files.read(name):
            continue
        for number, one in enumerate(mappings((files.mapping(name) or {}).get("replacements"))):
            for place, target in enumerate(mappings(one.get("targets"))):
                paths = [str(path) for path in sequence(target.get("fieldPaths"))]
                if field in paths:
                    position = ("replacements", number, "targets", place, "fieldPaths", paths.index(field))
                    line = line_of(files.read(name), 0, position)
                    found = f"kustomize cannot build it: the replacement's target has no field {field}"
                    fix = "let kustomize create it (options: {create: true} in the target), or correct it"
                    return name, Fault("build", line, found, fix)
    return None
