"""What is wrong with a unit's files before anything is rendered."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from bootstrap.manifests.reader import Fault, line_of
from bootstrap.repository import kustomize
from bootstrap.repository.files import Files

FileFault = tuple[str, Fault]
"""A file, and what is wrong with it."""

RULE_OF: Mapping[str, str] = {
    "syntax": "GB101",
    "duplicate": "GB102",
    "encoding": "GB103",
    "size": "GB104",
    "build": "GB105",
    "missing": "GB106",
    "remote": "GB107",
    "cycle": "GB108",
    "chart": "GB109",
    "set": "GB110",
    "nested": "GB112",
    "inflate": "GB114",
}
"""The code of a fault → the id of the rule by which `validate` reports it, which a comment may switch off."""


def missing_fault(files: Files, missing: kustomize.Missing) -> FileFault:
    entry = missing.entry
    line = line_of(files.read(missing.file), 0, entry.position)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(missing.file), entry.name))
    if missing.why == "missing" and (nested := files.nested_in(target)):
        found = (
            f"{entry.field} names {entry.name}, which lies in the Git repository {nested}: that is not read"
        )
        return missing.file, Fault("nested", line, found, f"validate {nested} by itself")
    if missing.why == "missing" and files.is_ignored(target):
        found = f"{entry.field} names {entry.name}, which git ignores: it is on this machine alone"
        mend = "commit it, or take the entry out (a Secret can be made by sealed-secrets or external-secrets)"
    elif missing.why == "missing" and target in files.links:
        found, mend = (
            f"{entry.field} names {entry.name}: {files.links[target]}",
            "put the files there instead",
        )
    elif missing.why == "missing" and files.is_folder(target):
        found = f"{entry.field} names the folder {entry.name}, which has no kustomization.yaml"
        mend = "add one, or name its files"
    else:
        found, mend = {
            "missing": (f"{entry.field} names {entry.name}, which is not there", "correct the path"),
            "remote": (
                f"{entry.field} names {entry.name}, which is not fetched",
                "use --allow-remote, or a copy",
            ),
            "cycle": (f"{entry.field} names {entry.name}, which leads back here", "break the circle"),
            "deep": (
                f"{entry.field} names {entry.name}, which is in more than {kustomize.DEEPEST} others",
                "put some of them together",
            ),
            "outside": (f"{entry.field} names {entry.name}, outside of the repository", "move it inside"),
        }[missing.why]
    code = {"remote": "remote", "cycle": "cycle", "deep": "build"}.get(missing.why, "missing")
    return missing.file, Fault(code, line, found, mend)


def inflated(files: Files, names: Sequence[str]) -> Iterator[FileFault]:
    """Kustomizations that have charts rendered: kustomize does so by helm, and where it is told to."""
    for name in names:
        if posixpath.basename(name) in kustomize.NAMES:
            for field in ("helmCharts", "helmChartInflationGenerator"):
                if (files.mapping(name) or {}).get(field):
                    found = "kustomize renders its charts with --enable-helm alone"
                    line = line_of(files.read(name), 0, (field,))
                    yield (
                        name,
                        Fault("inflate", line, found, "look at what `kustomize build --enable-helm` gives"),
                    )
