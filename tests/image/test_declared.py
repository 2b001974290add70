"""What bootstrap.yaml declares is found by name or repository, in its app and environment, changed alone."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image import declared as images_declared
from bootstrap.image.choose import choose
from bootstrap.image.edit import edit
from bootstrap.image.history import place_in
from bootstrap.image.places import ImagePlace
from bootstrap.image.search import Scope, Search
from bootstrap.image.wanted import parse_wanted
from tests.image.test_choose import Memory

SHA = "sha256:" + "0a" * 32
OBJECTS = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: prom}
spec:
  image: org/prom:1
---
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: pg}
spec:
  image: org/pg:1
  postgresVersion: "15"
  proxy: {image: {repository: org/bouncer, tag: "1"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: op}
spec:
  template:
    metadata:
      annotations:
        example.com/worker-image: org/worker:1
    spec:
      containers:
        - name: op
          image: org/op:1
          args: ["--sidecar-image=org/sidecar:1"]
"""
VALUES = "image:\n  tag: v1   # prod\n  digest: ''\nlone: v1\nweb: nginx\n"


def declared(*entries: str) -> str:
    return "images:\n" + "".join(f"  - {{name: it, {entry}}}\n" for entry in entries)


def changed(entry: str, wanted: str, text: str = OBJECTS, path: str = "x/all.yaml") -> list[str]:
    """The lines that differ, in both versions, after the image that is declared is set."""
    files = {"bootstrap.yaml": declared(f"file: {path}, {entry}"), path: text}
    place = choose("it", Scope(), Memory(files))
    assert isinstance(place, ImagePlace)
    assert place.reference is not None
    new = parse_wanted(f"it={wanted}").applied_to(place.reference)
    result = edit(text.encode(), place, new)
    again = place_in(place, result)
    assert again is not None
    assert again.reference == new
    pairs = zip(text.splitlines(), result.decode().splitlines(), strict=True)
    return [line.strip() for pair in pairs if pair[0] != pair[1] for line in pair]


@pytest.mark.parametrize(
    ("entry", "wanted", "lines"),
    [
        ("path: spec.image", ":2", ["image: org/prom:1", "image: org/prom:2"]),
        ("object: PostgresCluster, path: spec.image", ":2", ["image: org/pg:1", "image: org/pg:2"]),
        ("object: PostgresCluster/pg, path: spec.image", ":2", ["image: org/pg:1", "image: org/pg:2"]),
        (
            "path: spec.proxy.image",
            ":2",
            [
                'proxy: {image: {repository: org/bouncer, tag: "1"}}',
                'proxy: {image: {repository: org/bouncer, tag: "2"}}',
            ],
        ),
        (
            "tag: spec.postgresVersion, image: org/postgres",
            "org/postgres:16",
            ['postgresVersion: "15"', 'postgresVersion: "16"'],
        ),
        ("path: spec.postgresVersion", ":16", ['postgresVersion: "15"', 'postgresVersion: "16"']),
        (
            "path: [spec, template, metadata, annotations, example.com/worker-image]",
            ":2",
            ["example.com/worker-image: org/worker:1", "example.com/worker-image: org/worker:2"],
        ),
        (
            "path: spec.template.spec.containers.0.args.0",
            ":2",
            ['args: ["--sidecar-image=org/sidecar:1"]', 'args: ["--sidecar-image=org/sidecar:2"]'],
        ),
        (
            "path: spec.template.spec.containers.0.args.0",
            "ghcr.io/org/sidecar:2",
            ['args: ["--sidecar-image=org/sidecar:1"]', 'args: ["--sidecar-image=ghcr.io/org/sidecar:2"]'],
        ),
        (
            'after: "--sidecar-image="',
            ":2",
            ['args: ["--sidecar-image=org/sidecar:1"]', 'args: ["--sidecar-image=org/sidecar:2"]'],
        ),
    ],
)
def test_one_field_of_one_object_changes(entry: str, wanted: str, lines: list[str]) -> None:
    """Public: kustomize#758, #5889; argocd-image-updater#540."""
    assert changed(entry, wanted) == lines


@pytest.mark.parametrize("entry", ["path: image", "path: image.tag", "tag: image.tag"])
@pytest.mark.parametrize("wanted", [":v2", "ghcr.io/org/web:v2"])
def test_a_tag_alone_is_set_and_never_joined_with_another(entry: str, wanted: str) -> None:
    """Public: keel-hq/keel#341."""
    assert changed(entry, wanted, VALUES, "x/values-prod.yaml") == ["tag: v1   # prod", "tag: v2   # prod"]


def test_a_lone_word_is_not_mistaken_for_an_image_or_a_tag() -> None:
    with pytest.raises(InputError, match="may be a tag or an image"):
        changed("path: lone", ":v2", VALUES, "x/conf.yaml")
    assert changed("tag: lone", ":v2", VALUES, "x/conf.yaml") == ["lone: v1", "lone: v2"]
    assert changed("repository: web, tag: lone", ":v2", VALUES, "x/conf.yaml") == ["lone: v1", "lone: v2"]


@pytest.mark.parametrize(
    ("path", "text", "entry", "lines"),
    [
        (
            "cfg/images.env",
            "A=1\nWEB_IMAGE=org/web:v1\n",
            'after: "WEB_IMAGE="',
            ["WEB_IMAGE=org/web:v1", "WEB_IMAGE=org/web:v2"],
        ),
        ("cfg/images.env", "WEB_TAG=v1 # x\n", 'after: "WEB_TAG="', ["WEB_TAG=v1 # x", "WEB_TAG=v2 # x"]),
        (
            "x.toml",
            '[image]\nref = "org/web:v1"\n',
            'after: "ref = "',
            ['ref = "org/web:v1"', 'ref = "org/web:v2"'],
        ),
        (
            "Dockerfile",
            "FROM org/web:v1 AS x\n",
            'after: "FROM "',
            ["FROM org/web:v1 AS x", "FROM org/web:v2 AS x"],
        ),
        (
            "c.json",
            '{"image": {"repository": "org/web", "tag": "v1"}}\n',
            "path: image",
            [
                '{"image": {"repository": "org/web", "tag": "v1"}}',
                '{"image": {"repository": "org/web", "tag": "v2"}}',
            ],
        ),
    ],
)
def test_a_file_of_any_kind_can_be_declared(path: str, text: str, entry: str, lines: list[str]) -> None:
    """Public: argocd-image-updater#531."""
    assert changed(entry, ":v2", text, path) == lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("WEB=org/a:1\nWEB=org/a:2\n", "2 times, in lines 1, 2"),
        ("A=1\n", "is not in the file"),
        ("WEB=\n", "nothing follows"),
    ],
)
def test_a_text_that_does_not_lead_to_one_place_is_reported(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        changed('after: "WEB="', ":v2", text, "a.env")


def test_a_path_leads_through_a_block_of_text() -> None:
    text = "spec:\n  values: |\n    a:\n      image: org/web:v1\n      job: {repository: org/job, tag: v1}\n"
    assert changed("path: spec.values.a.image", ":v2", text) == ["image: org/web:v1", "image: org/web:v2"]
    assert changed("path: spec.values.a.job", ":v2", text) == [
        "job: {repository: org/job, tag: v1}",
        "job: {repository: org/job, tag: v2}",
    ]


def test_the_given_app_and_environment_decide_which_is_meant() -> None:
    elements = "a: {tag: v1}\nb: {tag: v0}\n"
    entries = [
        "file: argo/set.yaml, tag: a.tag, image: org/fleet, app: fleet, env: dev",
        "file: argo/set.yaml, tag: b.tag, image: org/fleet, app: fleet, env: prod",
    ]
    files = Memory({"bootstrap.yaml": declared(*entries), "argo/set.yaml": elements, "apps/x/a.yaml": "{}\n"})
    for name in ("it", "org/fleet"):
        for environment, line in (("dev", 1), ("prod", 2)):
            for app in (None, "fleet"):
                place = choose(name, Scope(app=app, environment=environment), files)
                assert isinstance(place, ImagePlace)
                assert (place.line, place.home) == (line, ("fleet", environment))
    with pytest.raises(InputError, match="2 places match"):
        choose("it", Scope(), files)
    listed, faults = Search(Scope(environment="prod", under="argo"), files, "").everything()
    assert ([place.text for place in listed], faults) == (["org/fleet:v0"], [])


def test_a_declaration_that_fails_affects_no_other() -> None:
    entries = "images:\n  - {name: a, file: a.yaml, path: x}\n  - {name: b, file: b.yaml, path: y}\n"
    files = Memory(
        {
            "bootstrap.yaml": f"{entries}  - {{name: c, file: no.yaml, path: z}}\n",
            "a.yaml": "x: org/a:1\n",
            "b.yaml": "{}\n",
        }
    )
    for name in ("a", "org/a"):
        assert choose(name, Scope(), files).file == "a.yaml"
    with pytest.raises(InputError, match=r"b\.yaml has nothing at y"):
        choose("b", Scope(), files)
    with pytest.raises(InputError, match=r"declared in no\.yaml, which is not a file") as caught:
        choose("c", Scope(), files)
    assert caught.value.where == "bootstrap.yaml:4"


def test_a_declared_place_is_named_by_its_repository_too() -> None:
    files = Memory(
        {
            "bootstrap.yaml": declared("file: x/c.yaml, repository: imageOf, tag: versionOf"),
            "x/c.yaml": "imageOf: org/odd\nversionOf: v1\n",
        }
    )
    place = choose("org/odd", Scope(), files)
    assert isinstance(place, ImagePlace)
    assert (place.kind, place.text) == ("declared", "org/odd:v1")
    assert len(images_declared.parse(files.files["bootstrap.yaml"])) == 1
