"""ApplicationSets generate the Applications that Argo CD generates, and say what is unknown from Git."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.repository.appsets.appset import Expansion, Inputs, Refused, expand
from bootstrap.repository.files import scan
from bootstrap.resources.index import IN_CLUSTER
from tests.repositories import URL, write

TEMPLATE = {
    "metadata": {"name": "{{ .path.basename }}"},
    "spec": {
        "project": "default",
        "source": {"repoURL": URL, "path": "{{ .path.path }}"},
        "destination": {"server": IN_CLUSTER, "namespace": "x"},
    },
}
FOLDERS = {
    "apps/a/x.yaml": "a: 1\n",
    "apps/b/x.yaml": "a: 2\n",
    "apps/b/deep/x.yaml": "a: 3\n",
    "apps/.hidden/x.yaml": "a: 4\n",
    "apps/.hidden/in/x.yaml": "a: 5\n",
}


def made(root: Path, spec: str, clusters: tuple[Any, ...] = (), **more: Any) -> Expansion:
    """What a set makes in a repository of FOLDERS; `spec` is YAML."""
    write(root, {**FOLDERS, **more.pop("files", {})})
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "set", "namespace": "argocd"},
        "spec": {"goTemplate": True, "template": TEMPLATE, **yaml.safe_load(spec), **more},
    }
    return expand(body, Inputs(scan(root), [URL], clusters))


def names(found: Expansion) -> list[str]:
    return [str(one["metadata"]["name"]) for one in found.applications]


def git(field: str, items: str) -> str:
    return f"generators: [{{git: {{repoURL: {URL}, {field}: {items}}}}}]"


@pytest.mark.parametrize(
    ("patterns", "right"),
    [
        ("[{path: apps/*}]", ["a", "b"]),
        ("[{path: 'apps/**'}]", ["a", "b"]),
        ("[{path: 'apps/*/*'}]", ["deep"]),
        ("[{path: 'apps/[ab]'}, {path: apps/b, exclude: true}]", ["a"]),
        ("[{path: 'apps/[^a]'}]", ["b"]),
        ("[{path: 'apps/*/'}]", []),
        ("[{path: ./apps/*}]", []),
        ("[{path: '*'}]", ["apps"]),
    ],
)
def test_folders_are_chosen_as_path_match_does_and_hidden_ones_never(
    tmp_path: Path, patterns: str, right: list[str]
) -> None:
    assert names(made(tmp_path, git("directories", patterns))) == right


@pytest.mark.parametrize(
    ("patterns", "right"),
    [
        ("[{path: 'apps/*/x.yaml'}]", [".hidden", "a", "b"]),
        ("[{path: 'apps/**/x.yaml'}, {path: 'apps/.hidden/**', exclude: true}]", ["a", "deep", "b"]),
        ("[{path: 'apps/{a,b}/*.yaml'}]", ["a", "b"]),
        ("[{path: '**/deep/?.yaml'}]", ["deep"]),
    ],
)
def test_files_are_chosen_with_double_stars_braces_and_exclude(
    tmp_path: Path, patterns: str, right: list[str]
) -> None:
    assert names(made(tmp_path, git("files", patterns))) == right


def test_file_with_a_list_makes_an_application_of_each_item(tmp_path: Path) -> None:
    template = {**TEMPLATE, "metadata": {"name": "{{ .name }}-{{ .port }}"}}
    spec = git("files", "[{path: list.json}]")
    files = {"list.json": '[{"name": "one", "port": 8080}, {"name": "two", "port": 1000000}]'}
    assert names(made(tmp_path, spec, template=template, files=files)) == ["one-8080", "two-1e+06"]


def test_path_parameters_take_a_prefix(tmp_path: Path) -> None:
    template = {**TEMPLATE, "metadata": {"name": "{{ .first.path.basename }}-{{ .first.path.filename }}"}}
    spec = (
        f"generators: [{{git: {{repoURL: {URL}, pathParamPrefix: first, files: [{{path: apps/a/x.yaml}}]}}}}]"
    )
    assert names(made(tmp_path, spec, template=template)) == ["a-x.yaml"]


def test_selector_after_a_generator_leaves_out_what_it_does_not_match(tmp_path: Path) -> None:
    spec = """
generators:
  - list: {elements: [{n: a, env: dev}, {n: b, env: prod}]}
    selector: {matchLabels: {env: prod}}
"""
    template = {**TEMPLATE, "metadata": {"name": "{{ .n }}"}}
    assert names(made(tmp_path, spec, template=template)) == ["b"]


def test_generators_own_template_comes_before_the_sets(tmp_path: Path) -> None:
    spec = """
generators:
  - list:
      elements: [{n: a}]
      template: {metadata: {name: 'own-{{ .n }}'}, spec: {project: ''}}
"""
    found = made(tmp_path, spec).applications[0]
    assert (found["metadata"]["name"], found["spec"]["project"]) == ("own-a", "default")


def test_matrix_puts_the_firsts_parameters_into_the_second(tmp_path: Path) -> None:
    spec = f"""
generators:
  - matrix:
      generators:
        - list: {{elements: [{{folder: a}}, {{folder: b}}]}}
        - git:
            repoURL: {URL}
            directories: [{{path: 'apps/{{{{ .folder }}}}'}}]
            values: {{first: '{{{{ .folder }}}}', second: '{{{{ .path.basename }}}}'}}
"""
    template = {**TEMPLATE, "metadata": {"name": "{{ .values.first }}-{{ .values.second }}"}}
    assert names(made(tmp_path, spec, template=template)) == ["a-a", "b-b"]


def test_matrix_may_contain_a_merge_whose_selector_leaves_some_out(tmp_path: Path) -> None:
    spec = """
generators:
  - matrix:
      generators:
        - merge:
            mergeKeys: [n]
            generators:
              - list: {elements: [{n: a, use: 'no'}, {n: b, use: 'no'}]}
              - list: {elements: [{n: a, use: 'yes'}]}
          selector: {matchLabels: {use: 'yes'}}
        - list: {elements: [{env: one}, {env: two}]}
          selector: {matchExpressions: [{key: env, operator: NotIn, values: [two]}]}
"""
    template = {**TEMPLATE, "metadata": {"name": "{{ .n }}-{{ .env }}-{{ .use }}"}}
    assert names(made(tmp_path, spec, template=template)) == ["a-one-yes"]


def test_matrix_fills_the_yaml_of_a_lists_elements(tmp_path: Path) -> None:
    spec = f"""
generators:
  - matrix:
      generators:
        - git: {{repoURL: {URL}, files: [{{path: teams.yaml}}]}}
        - list: {{elementsYaml: '{{{{ .teams | toJson }}}}'}}
"""
    template = {**TEMPLATE, "metadata": {"name": "{{ .name }}"}}
    files = {"teams.yaml": "teams: [{name: red}, {name: blue}]\n"}
    assert names(made(tmp_path, spec, template=template, files=files)) == ["red", "blue"]


def test_merge_joins_by_keys_and_empty_values_override(tmp_path: Path) -> None:
    spec = """
generators:
  - merge:
      mergeKeys: [n]
      generators:
        - list: {elements: [{n: a, tag: one}, {n: b, tag: one}]}
        - list: {elements: [{n: b, tag: two}, {n: a, tag: ''}, {n: c, tag: x}]}
"""
    template = {**TEMPLATE, "metadata": {"name": "{{ .n }}-{{ .tag }}"}}
    assert names(made(tmp_path, spec, template=template)) == ["a-", "b-two"]


CLUSTER = {"name": "East 1", "server": "https://east", "labels": {"env": "dev"}, "annotations": {"team": "t"}}


def test_clusters_are_those_whose_secrets_are_in_git_and_the_one_of_argo_cd(tmp_path: Path) -> None:
    template = {**TEMPLATE, "metadata": {"name": "{{ .nameNormalized }}-{{ .values.t }}"}}
    spec = "generators: [{clusters: {values: {t: '{{ .name | len }}'}}}]"
    assert names(made(tmp_path, spec, (CLUSTER,), template=template)) == ["east-1-6", "in-cluster-10"]


def test_clusters_chosen_by_labels_leave_out_the_one_of_argo_cd(tmp_path: Path) -> None:
    template = {**TEMPLATE, "metadata": {"name": "{{ .metadata.annotations.team }}"}}
    spec = "generators: [{clusters: {selector: {matchLabels: {env: dev}}}}]"
    assert names(made(tmp_path, spec, (CLUSTER,), template=template)) == ["t"]


def test_clusters_chosen_by_labels_that_no_secret_in_git_has_are_reported(tmp_path: Path) -> None:
    found = made(tmp_path, "generators: [{clusters: {selector: {matchLabels: {env: x}}}}]", (CLUSTER,))
    assert found.partial
    assert "labels of Secrets" in found.unknown[0]


def test_one_generator_that_git_does_not_tell_hides_no_other(tmp_path: Path) -> None:
    spec = f"""
generators:
  - pullRequest: {{github: {{owner: a, repo: b}}}}
  - git: {{repoURL: {URL}, directories: [{{path: apps/a}}]}}
"""
    found = made(tmp_path, spec)
    assert (names(found), found.partial) == (["a"], True)


def test_one_expression_that_git_does_not_tell_makes_one_field_unknown(tmp_path: Path) -> None:
    metadata = {"name": "{{ .path.basename }}", "annotations": {"at": "{{ now }}"}}
    found = made(
        tmp_path, git("directories", "[{path: apps/a}]"), template={**TEMPLATE, "metadata": metadata}
    )
    application = found.applications[0]
    assert application["metadata"]["name"] == "a"
    assert application["metadata"]["annotations"] == {"at": "{{ now }}"}
    assert found.unknown == ["its template uses now, which is not known from Git alone"]


def test_plain_templates_take_text_and_leave_what_no_generator_gives(tmp_path: Path) -> None:
    template = {**TEMPLATE, "metadata": {"name": "{{path.basename}}-{{ path[0] }}-{{nope}}"}}
    found = made(tmp_path, git("directories", "[{path: apps/a}]"), goTemplate=False, template=template)
    assert names(found) == ["a-apps-{{nope}}"]
    assert "no generator sets {{nope}}" in found.unknown


def test_template_patch_is_merged_and_leaves_the_project(tmp_path: Path) -> None:
    patch = """
metadata:
  labels: {of: '{{ .path.basename }}'}
spec:
  project: other
  {{- if eq .path.basename "a" }}
  source: {helm: {valueFiles: [values.yaml]}}
  {{- end }}
"""
    spec = git("directories", "[{path: apps/*}]")
    one, other = made(tmp_path, spec, templatePatch=patch).applications
    assert (one["metadata"]["labels"], one["spec"]["project"]) == ({"of": "a"}, "default")
    assert one["spec"]["source"]["helm"] == {"valueFiles": ["values.yaml"]}
    assert one["spec"]["source"]["path"] == "apps/a"
    assert "helm" not in other["spec"]["source"]


@pytest.mark.parametrize(
    ("keeps", "right"), [(False, ["resources-finalizer.argocd.argoproj.io"]), (True, None)]
)
def test_made_application_has_the_finalizer_that_argo_cd_gives_it(
    tmp_path: Path, keeps: bool, right: list[str] | None
) -> None:
    policy = {"preserveResourcesOnDeletion": keeps}
    found = made(tmp_path, git("directories", "[{path: apps/a}]"), syncPolicy=policy).applications[0]
    assert found["metadata"].get("finalizers") == right


REFUSED = {
    "a missing key": (
        "generators: [{list: {elements: [{n: a}]}}]",
        {"goTemplateOptions": ["missingkey=error"]},
    ),
    "a function that is not there": (
        git("directories", "[{path: apps/a}]"),
        {"template": {**TEMPLATE, "metadata": {"name": "{{ nope .path }}"}}},
    ),
    "a template that has no end": (
        git("directories", "[{path: apps/a}]"),
        {"template": {**TEMPLATE, "metadata": {"name": "{{ .path.basename "}}},
    ),
    "one generator in a matrix": ("generators: [{matrix: {generators: [{list: {elements: []}}]}}]", {}),
    "a matrix at the third level": (
        "generators: [{matrix: {generators: [{matrix: {generators: [{matrix: {generators: [{list: {elements: "
        "[{n: a}]}}, {list: {elements: [{m: b}]}}]}}, {list: {elements: [{o: c}]}}]}}, "
        "{list: {elements: [{p: d}]}}]}}]",
        {"template": {**TEMPLATE, "metadata": {"name": "{{ .n }}"}}},
    ),
    "no keys of a merge": (
        "generators: [{merge: {generators: [{list: {elements: []}}, {list: {elements: []}}]}}]",
        {},
    ),
    "a number without goTemplate": ("generators: [{list: {elements: [{n: 1}]}}]", {"goTemplate": False}),
    "a git generator without patterns": (f"generators: [{{git: {{repoURL: {URL}}}}}]", {}),
    "an unknown generator": ("generators: [{lists: {elements: []}}]", {}),
    "a file that is no mapping": (
        git("files", "[{path: text.yaml}]"),
        {"files": {"text.yaml": "just text\n"}},
    ),
    "keys of a merge that are there twice": (
        "generators: [{merge: {mergeKeys: [n], generators: "
        "[{list: {elements: [{n: a}, {n: a}]}}, {list: {elements: []}}]}}]",
        {},
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_argo_cd_refuses_is_refused(tmp_path: Path, what: str) -> None:
    spec, more = REFUSED[what]
    with pytest.raises(Refused):
        made(tmp_path, spec, **more)
