"""ApplicationSets are expanded as the real Argo CD expands them: each is sent to its server's generators."""

# ruff: noqa: E501 - a line is a case

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from bootstrap import argocd
from bootstrap.kube import Cluster
from bootstrap.repository.appsets.appset import CannotExpand, Inputs, Refused, expand
from bootstrap.repository.files import scan
from bootstrap.resources.index import IN_CLUSTER
from bootstrap.sandbox.addresses import Sandbox

URL = "https://git.example.com/platform/gitops.git"
TWO = "{list: {elements: [{a: one, n: 3}, {a: two, n: 0, more: 'x'}]}}"
PAIR = "{list: {elements: [{b: x, n: 1}, {b: y}]}}"
GO = "goTemplate: true\n"
STRICT = "goTemplate: true\ngoTemplateOptions: [missingkey=error]\n"
NAME, VALUE = "NAME", "VALUE"
TEMPLATE = f"""
template:
  metadata: {{name: 'NAME', annotations: {{value: 'VALUE'}}}}
  spec:
    project: default
    source: {{repoURL: {URL}, path: apps, targetRevision: HEAD}}
    destination: {{server: {IN_CLUSTER}, namespace: x}}
"""


def case(head: str, generators: str, name: str = "{{.a}}", value: str = "x", more: str = "") -> str:
    text = TEMPLATE.replace("NAME", name).replace("VALUE", value.replace("'", "''"))
    return f"{head}generators: [{generators}]\n{text}{more}"


def matrix(*parts: str, more: str = "") -> str:
    return f"{{matrix: {{generators: [{', '.join(parts)}]}}{more}}}"


def merge(keys: str, *parts: str, more: str = "") -> str:
    return f"{{merge: {{mergeKeys: [{keys}], generators: [{', '.join(parts)}]}}{more}}}"


PLAIN_PATCH = 'templatePatch: |\n  metadata: {labels: {tier: "{{.n}}"}}\n  spec: {source: {path: {{.a}}}}\n'
IF_PATCH = "templatePatch: |\n  spec:\n    {{- if .more }}\n    syncPolicy: {automated: {prune: true}}\n    {{- end }}\n"
SELECTED = "{list: {elements: [{a: one, n: '3'}, {a: two, n: '0'}]}, selector: SELECTOR}"
CASES = {
    "list": case("", TWO, "{{a}}", "{{ n }}-{{missing}}"),
    "list in Go": case(GO, TWO, value="{{.n}} {{.missing}}"),
    "missing key": case(STRICT, TWO, value="{{.missing}}"),
    "missing key zero": case(GO + "goTemplateOptions: [missingkey=zero]\n", TWO, value="{{.missing}}"),
    "default": case(STRICT, TWO, value='{{ dig "more" "none" . }}'),
    "sprig text": case(GO, TWO, value='{{ .a | upper | trunc 2 | quote }} {{ .a | sha256sum | substr 0 7 }}'),
    "sprig lists": case(GO, TWO, value='{{ list 3 1 2 | sortAlpha | join "-" }} {{ splitList "n" .a | first }}'),
    "sprig numbers": case(GO, TWO, value="{{ add .n 2 }} {{ mul .n 1.5 }} {{ int .n | max 2 }} {{ round 2.345 2 }}"),
    "sprig dicts": case(GO, TWO, value='{{ $d := dict "k" .a }}{{ set $d "j" 1 | toJson }} {{ keys $d | sortAlpha }}'),
    "sprig conditions": case(GO, TWO, value='{{ ternary "t" "f" (eq .a "one") }} {{ coalesce .more "c" }} {{ empty .n }}'),
    "from yaml": case(GO, TWO, value='{{ (fromYaml "a: [1, 2]").a }} {{ fromYamlArray "[x, z]" }}'),
    "range and with": case(GO, TWO, value="{{ range $k, $v := . }}{{ $k }}={{ $v }};{{ end }}{{ with .more }}{{ . }}{{ end }}"),
    "printf": case(GO, TWO, value='{{ printf "%s|%v|%q|%5.1f|%T" .a .n .a 2.5 .n }}'),
    "matrix": case(GO, matrix(TWO, PAIR), "{{.a}}-{{.b}}", "{{.n}}"),
    "matrix, plain": case("", matrix("{list: {elements: [{a: one}, {a: two}]}}", "{list: {elements: [{b: x}]}}"), "{{a}}-{{b}}"),
    "matrix of the same key": case("", matrix("{list: {elements: [{a: one, n: '1'}]}}", "{list: {elements: [{b: x, n: '2'}]}}"), "{{a}}-{{b}}"),
    "matrix that hands on": case(GO, matrix(TWO, "{list: {elements: [{b: '{{.a}}-x'}]}}"), "{{.b}}"),
    "matrix of a matrix": case(GO, matrix(matrix(TWO, PAIR), "{list: {elements: [{c: z}]}}"), "{{.a}}-{{.b}}-{{.c}}"),
    "matrix of three": case(GO, matrix(TWO, PAIR, TWO), "{{.a}}"),
    "matrix with a selector": case(GO, matrix(TWO, PAIR, more=", selector: {matchLabels: {b: x}}"), "{{.a}}-{{.b}}"),
    "elements of yaml": case(GO, matrix("{list: {elements: [{all: '[{a: q}, {a: r}]'}]}}", "{list: {elementsYaml: '{{ .all }}', elements: []}}")),
    "merge": case("", merge("a", "{list: {elements: [{a: one, n: '1'}, {a: two, n: '2'}]}}", "{list: {elements: [{a: two, n: '5'}, {a: six}]}}"), "{{a}}", "{{n}}"),
    "merge in Go": case(GO, merge("a", TWO, "{list: {elements: [{a: one, n: '', more: y}]}}"), value="{{.n}} {{.more}}"),
    "merge without the key": case(GO, merge("z", TWO, PAIR)),
    "merge of two keys": case(GO, merge("a, n", TWO, "{list: {elements: [{a: one, n: 3, more: m}]}}"), value="{{.more}}"),
    "merge of a doubled key": case(GO, merge("a", "{list: {elements: [{a: one}, {a: one}]}}", TWO)),
    "selector": case(GO, SELECTED.replace("SELECTOR", "{matchExpressions: [{key: n, operator: In, values: ['3']}]}")),
    "selector of what is not there": case(GO, SELECTED.replace("SELECTOR", "{matchExpressions: [{key: z, operator: DoesNotExist}]}")),
    "patch": case(GO, TWO, more=PLAIN_PATCH),
    "patch with a condition": case(GO, TWO, more=IF_PATCH),
    "patch of the project": case(GO, TWO, more='templatePatch: "spec: {project: other}"\n'),
    "own template": case(GO, TWO.replace("]}}", "], template: {metadata: {labels: {l: '{{.a}}'}}, spec: {project: default, source: {repoURL: '', path: own}, destination: {}}}}}")),
    "the same name twice": case(GO, TWO, "same"),
    "a name that is none": case(GO, TWO, "{{.a}}_X"),
    "no template that ends": case(GO, TWO, value="{{ if .a }}"),
    "nested values": case(GO, "{list: {elements: [{a: one, values: {x: {y: 1, z: [1, 2]}}}]}}", value="{{.values.x.y}} {{index .values.x.z 1}}"),
    "numbers": case(GO, "{list: {elements: [{a: one, i: 1000000, f: 1.5, g: 1e21, t: true, e: null}]}}", value="{{.i}} {{.f}} {{.g}} {{.t}} {{.e}}"),
    "numbers, plain": case("", "{list: {elements: [{a: one, i: 1000000}]}}", "{{a}}", "{{i}}"),
}  # fmt: skip
"""A set of each kind: those of which Argo CD makes nothing are refused here, too."""


@pytest.fixture
def token(sandbox: Sandbox, cluster: Cluster) -> str:
    body = {"username": "admin", "password": argocd.initial_password(cluster)}
    answer = requests.post(f"{sandbox.argocd_url}/api/v1/session", json=body, timeout=60)
    return str(answer.json()["token"])


def told(application: Mapping[str, Any]) -> tuple[Any, ...]:
    about = application["metadata"]
    spec = {key: value for key, value in application["spec"].items() if value}
    return about["name"], about.get("labels"), about.get("annotations"), spec


@pytest.mark.parametrize("name", CASES)
def test_set_makes_what_argo_cd_makes(sandbox: Sandbox, token: str, tmp_path: Path, name: str) -> None:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "set", "namespace": "argocd"},
        "spec": yaml.safe_load(CASES[name]),
    }
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{sandbox.argocd_url}/api/v1/applicationsets/generate"
    answer = requests.post(url, json={"applicationSet": body}, headers=headers, timeout=60)
    accepted = answer.status_code == 200
    try:
        ours = [told(one) for one in expand(body, Inputs(scan(tmp_path), [URL], ())).applications]
    except (Refused, CannotExpand):
        ours = None
    assert (ours is not None) is accepted, answer.text
    theirs = [told(one) for one in answer.json().get("applications") or []] if accepted else []
    assert sorted(ours or [], key=str) == sorted(theirs, key=str)
