"""Images are found where they are: kustomizations, containers, Helm values, declared paths."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image import declared as images_declared
from bootstrap.image.places import find, is_kustomization, is_yaml
from bootstrap.repository.values import is_values

SHA = "sha256:" + "0a" * 32


def found(path: str, text: str) -> list[tuple[str, str, str, int]]:
    """(kind, name, image, line) of every place."""
    return [(place.kind, place.name, place.text, place.line) for place in find(path, text.encode())]


def test_entries_of_a_kustomization():
    text = f"""\
resources: [base]
images:
  - name: web  # bumped by CI
    newTag: v1
  - digest: {SHA}
    newName: ghcr.io/org/api
    name: api
  - name: bare
"""
    assert found("x/kustomization.yaml", text) == [
        ("kustomization", "web", "web:v1", 3),
        ("kustomization", "api", f"ghcr.io/org/api@{SHA}", 5),
        ("kustomization", "bare", "bare", 8),
    ]
    assert found("x/other.yaml", text) == []
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" + text
    assert len(found("x/other.yaml", component)) == 3


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec.template.spec"),
        ("StatefulSet", "spec.template.spec"),
        ("DaemonSet", "spec.template.spec"),
        ("Job", "spec.template.spec"),
        ("CronJob", "spec.jobTemplate.spec.template.spec"),
        ("Pod", "spec"),
        ("Rollout", "spec.template.spec"),
    ],
)
def test_containers_of_every_workload(kind, path):
    keys = path.split(".")
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
    pad = "  " * len(keys)
    text = "\n".join(
        [
            "apiVersion: v1",
            f"kind: {kind}",
            *lines,
            f"{pad}initContainers:",
            f"{pad}- image: org/migrate:v1",
            f"{pad}  name: migrate",
            f"{pad}containers:",
            f"{pad}- name: web",
            f"{pad}  image: 'org/web:v1'",
            "",
        ]
    )
    line = 2 + len(keys) + 2
    assert found("a.yaml", text) == [
        ("container", "migrate", "org/migrate:v1", line),
        ("container", "web", "org/web:v1", line + 4),
    ]


def test_containers_of_several_documents_and_lists():
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: a, image: a:1}\n"
    listed = "apiVersion: v1\nkind: List\nitems:\n- spec:\n    containers:\n    - {name: b, image: b:1}\n"
    assert [place[1] for place in found("a.yaml", f"# none\n---\n{pod}---\n{listed}")] == ["a", "b"]


def test_what_only_looks_like_a_container_is_none():
    assert found("a.yaml", "spec:\n  containers:\n  - name: a\n    image: a:1\n") == []
    assert found("a.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  image: a:1\n") == []


def test_images_in_values():
    text = f"""\
image:
  repository: ghcr.io/org/web
  tag: v1
server:
  image:
    registry: ghcr.io
    repository: org/server
    digest: {SHA}
sidecar:
  repository: org/sidecar
  sha: {"0a" * 32}
job:
  jobImage: org/job:v1
proxy:
  image: {{name: org/proxy, tag: "1.0"}}
notAnImage: plain
image2:
  pullPolicy: Always
git:
  repository: https://example.com/x.git
"""
    assert found("values.yaml", text) == [
        ("values", "image", "ghcr.io/org/web:v1", 2),
        ("values", "server.image", f"ghcr.io/org/server@{SHA}", 7),
        ("values", "sidecar", f"org/sidecar@{SHA}", 10),
        ("values", "job.jobImage", "org/job:v1", 13),
        ("values", "proxy.image", "org/proxy:1.0", 15),
    ]
    assert found("other.yaml", text) == []


def test_values_inside_a_release_or_an_application():
    release = (
        "apiVersion: v2\nkind: HelmRelease\nspec:\n  values:\n    image: {repository: org/web, tag: v1}\n"
    )
    assert found("a.yaml", release) == [("values", "image", "org/web:v1", 5)]
    application = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  sources:
    - helm:
        valuesObject:
          web:
            image:
              repository: org/web
              tag: v1
"""
    assert found("a.yaml", application) == [("values", "web.image", "org/web:v1", 9)]


def test_file_names_that_count():
    yes = ("values.yaml", "a/values-staging.yml", "staging.values.yaml", "my-values.yaml", "values_x.yaml")
    assert all(is_values(path) for path in yes)
    assert not any(is_values(path) for path in ("valuesets.yaml", "invalues.yaml", "values.json"))
    assert is_kustomization("a/Kustomization")
    assert is_yaml("a/Kustomization")
    assert not is_kustomization("a/kustomization.json")


DECLARED = b"""\
catalog: {}
images:
  - name: worker
    file: shop/conf.yaml
    path: jobs.worker.image
  - name: search
    file: shop/conf.yaml
    repository: [search, image.name]
    tag: [search, image.tag]
  - name: second
    file: shop/conf.yaml
    path: list.1
"""
CONF = b"""\
jobs:
  worker:
    image:
      repository: org/worker
      tag: v1
search:
  image.name: org/search
  image.tag: v2
list:
  - a
  - org/second:v3
"""


def test_declared_paths_lead_to_mappings_parts_and_scalars():
    declared = images_declared.parse(DECLARED)
    places = [images_declared.place(entry, CONF) for entry in declared]
    assert [(place.name, place.text, place.location) for place in places] == [
        ("worker", "org/worker:v1", "shop/conf.yaml:4"),
        ("search", "org/search:v2", "shop/conf.yaml:7"),
        ("second", "org/second:v3", "shop/conf.yaml:11"),
    ]
    assert images_declared.parse(b"images: {}\n") == []
    assert [entry.file for entry in images_declared.parse(DECLARED, "sub")][:1] == ["sub/shop/conf.yaml"]


@pytest.mark.parametrize(
    ("entry", "found_text"),
    [
        ("{file: a.yaml, path: a}", "no name"),
        ("{name: a, path: a}", "no file"),
        ("{name: a, file: a.yaml}", "no path"),
        ("{name: a, file: a.yaml, registry: a.b}", "no path"),
        ("{name: a, file: ../a.yaml, path: a}", "outside"),
        ("{name: a, file: /etc/passwd, path: a}", "outside"),
    ],
)
def test_entries_that_declare_nothing_are_reported_with_their_line(entry, found_text):
    with pytest.raises(InputError, match=found_text) as caught:
        images_declared.parse(f"images:\n  - {entry}\n".encode())
    assert caught.value.where == "bootstrap.yaml:2"


def test_a_declared_path_that_leads_nowhere_is_reported_with_its_entry():
    entry = images_declared.parse(DECLARED)[0]
    with pytest.raises(InputError, match=r"nothing at jobs\.worker\.image") as caught:
        images_declared.place(entry, b"jobs: {}\n")
    assert caught.value.where == "bootstrap.yaml:3"
    apart = images_declared.parse(b"images: [{name: a, file: f, repository: a.x, tag: b.y}]\n")[0]
    assert images_declared.place(apart, b"a: {x: org/web}\nb: {y: v1}\n").text == "org/web:v1"
    with pytest.raises(InputError, match=r"nothing at a\.x b\.y"):
        images_declared.place(apart, b"a: {x: org/web}\n")
