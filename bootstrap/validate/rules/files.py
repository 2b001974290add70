"""What is wrong with files before there are objects: YAML, kustomizations, charts."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.repository.faults import RULE_OF
from bootstrap.validate.rule import Rule

SYNTAX = Rule(
    "GB101",
    "yaml-syntax",
    "error",
    "A file is not valid YAML: it is indented with a tab, or has an unclosed bracket or a merge conflict.",
    "fix the YAML",
)
DUPLICATE = Rule(
    "GB102",
    "duplicate-key",
    "error",
    "A mapping has a key twice (or a `---` between two objects is missing): kustomize refuses it, other "
    "tools use one of them.",
    "remove one of the two",
)
ENCODING = Rule("GB103", "not-utf-8", "error", "A file is not UTF-8.", "save it as UTF-8")
SIZE = Rule(
    "GB104",
    "too-large",
    "error",
    "A file is too large to be read, or becomes too large when its aliases are expanded.",
    "split it, or replace the aliases with their values",
)
BUILD = Rule(
    "GB105",
    "kustomization-fails",
    "error",
    "kustomize cannot build a folder, so Argo CD cannot either.",
    "fix what kustomize reports",
)
MISSING = Rule(
    "GB106",
    "kustomization-entry-missing",
    "error",
    "A kustomization names a file or folder that does not exist.",
    "correct the path",
)
REMOTE = Rule(
    "GB107",
    "remote-base",
    "warning",
    "A kustomization uses files from another host: they can change or disappear, and were not checked.",
    "commit a copy, or allow the download with --allow-remote",
)
CYCLE = Rule(
    "GB108",
    "kustomization-cycle",
    "error",
    "Kustomizations name each other in a cycle.",
    "break the cycle",
)
CHART = Rule(
    "GB109",
    "chart-not-rendered",
    "warning",
    "A chart could not be rendered, so what it applies was not checked.",
    "make the chart reachable",
)
SET = Rule(
    "GB110",
    "application-set-not-followed",
    "info",
    "An ApplicationSet needs more than is in Git, so its Applications were not checked.",
    "check its Applications live: bootstrap status",
)
SET_REFUSED = Rule(
    "GB115",
    "application-set-refused",
    "error",
    "Argo CD cannot generate the Applications of an ApplicationSet: it creates and changes none.",
    "correct the generator or the template that the message names",
)
SET_EMPTY = Rule(
    "GB117",
    "application-set-empty",
    "warning",
    "An ApplicationSet looks for folders or files of this repository, and finds none: it creates nothing.",
    "correct the path of the generator",
)
UNFILLED = Rule(
    "GB116",
    "template-not-filled",
    "info",
    "A file is a template of another program, with lines that are only a `<TOKEN>`: its result was not "
    "checked.",
    "validate the program's output",
)
NESTED = Rule(
    "GB112",
    "nested-repository",
    "info",
    "A kustomization uses files of a Git repository inside this one (a submodule): they were not checked.",
    "validate that repository separately",
)
PATCH = Rule(
    "GB113",
    "patch-without-target",
    "warning",
    "A kustomization's patch selects no object in anything that is built with it: kustomize silently "
    "ignores it.",
    "correct the patch's target, or remove the patch",
)
INFLATED = Rule(
    "GB114",
    "kustomization-with-plugins",
    "info",
    "A kustomization has charts rendered by helm, or calls a plugin: their output was not checked.",
    "check the output of kustomize with --enable-helm or --enable-alpha-plugins",
)
UNREACHABLE = Rule(
    "GB207",
    "application-unreachable",
    "warning",
    "No cluster leads to an Application, switched on or off: nothing ever applies it.",
    "name its folder in a cluster's kustomization.yaml, or delete it",
)

_BY_ID = {
    rule.id: rule
    for rule in (
        SYNTAX,
        DUPLICATE,
        ENCODING,
        SIZE,
        BUILD,
        MISSING,
        REMOTE,
        CYCLE,
        CHART,
        SET,
        SET_REFUSED,
        SET_EMPTY,
        UNFILLED,
        NESTED,
        INFLATED,
    )
}

BY_CODE: Mapping[str, Rule] = {code: _BY_ID[id_] for code, id_ in RULE_OF.items()}
"""The code of a file's fault (repository/faults.py) → its rule."""
