"""Images in Applications, ApplicationSets and Flux's objects are found and changed in place."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image.choose import choose
from bootstrap.image.edit import edit
from bootstrap.image.history import place_in
from bootstrap.image.places import ImagePlace, find
from bootstrap.image.search import Scope
from bootstrap.image.wanted import parse_wanted
from bootstrap.oci.reference import Reference
from tests.image.test_choose import Memory

SHA = "sha256:" + "0a" * 32
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web-dev}
spec:
  source:
    path: apps/web/overlays/dev
    kustomize:
      images:
        - org/web:v1
        - nginx=org/nginx:1.25   # renamed
    helm:
      parameters:
        - name: api.image.repository
          value: org/api
        - {name: api.image.tag, value: "1.0", forceString: true}
        - name: lone.image
          value: org/lone:v1
      values: |  # of the chart
        worker:
          image:
            repository: org/worker
            tag: v1   # set by CI

          tail: |
            image: org/none:v1
        cron: {image: "org/cron:v1"}
"""
SET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: fleet}
spec:
  generators:
    - matrix:
        generators:
          - list:
              elements:
                - {env: dev, image: org/fleet:v1}
                - {env: prod, image: org/fleet, tag: v0}
  template:
    spec:
      source:
        helm:
          valuesObject:
            image: {repository: org/obj, tag: v1}
          values: |
            image: {repository: "org/{{ x }}", tag: v1}
"""
FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web}
spec:
  path: ./apps/web
  images:
    - name: org/web
      newTag: v1
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: rel}
spec:
  postRenderers:
    - kustomize:
        images:
          - {name: org/post, newName: org/renamed, digest: "DIGEST"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: rel-values}
data:
  values.yaml: |
    image:
      repository: org/rel
      tag: v1
""".replace("DIGEST", SHA)


def image(text: str, name: str, path: str = "argo/app.yaml", scope: Scope | None = None) -> ImagePlace:
    found = choose(name, scope or Scope(), Memory({path: text}))
    assert isinstance(found, ImagePlace)
    return found


def changed(text: str, name: str, wanted: str, path: str = "argo/app.yaml") -> list[str]:
    """The lines that a change makes differ, in both versions."""
    place = image(text, name, path)
    assert place.reference is not None
    new = parse_wanted(f"{name}={wanted}").applied_to(place.reference)
    result = edit(text.encode(), place, new)
    again = place_in(place, result)
    assert again is not None
    assert again.reference == new
    lines = list(zip(text.splitlines(), result.decode().splitlines(), strict=True))
    return [part.strip() for pair in lines if pair[0] != pair[1] for part in pair]


@pytest.mark.parametrize(
    ("text", "name", "wanted", "lines"),
    [
        (APPLICATION, "org/web", ":v2", ["- org/web:v1", "- org/web:v2"]),
        (APPLICATION, "org/web", f"@{SHA}", ["- org/web:v1", f"- org/web@{SHA}"]),
        (APPLICATION, "org/web", "ghcr.io/org/web:v2", ["- org/web:v1", "- org/web=ghcr.io/org/web:v2"]),
        (
            APPLICATION,
            "nginx",
            ":1.26",
            ["- nginx=org/nginx:1.25   # renamed", "- nginx=org/nginx:1.26   # renamed"],
        ),
        (
            APPLICATION,
            "org/nginx",
            "org/other:1",
            ["- nginx=org/nginx:1.25   # renamed", "- nginx=org/other:1   # renamed"],
        ),
        (
            APPLICATION,
            "org/api",
            ":1.10",
            [
                '- {name: api.image.tag, value: "1.0", forceString: true}',
                '- {name: api.image.tag, value: "1.10", forceString: true}',
            ],
        ),
        (APPLICATION, "org/lone", ":v2", ["value: org/lone:v1", "value: org/lone:v2"]),
        (APPLICATION, "org/worker", ":v2", ["tag: v1   # set by CI", "tag: v2   # set by CI"]),
        (APPLICATION, "org/cron", ":v2", ['cron: {image: "org/cron:v1"}', 'cron: {image: "org/cron:v2"}']),
        (
            SET,
            "org/obj",
            ":v2",
            ["image: {repository: org/obj, tag: v1}", "image: {repository: org/obj, tag: v2}"],
        ),
        (FLUX, "org/web", ":v2", ["newTag: v1", "newTag: v2"]),
        (FLUX, "org/rel", ":v2", ["tag: v1", "tag: v2"]),
    ],
)
def test_one_value_changes(text: str, name: str, wanted: str, lines: list[str]) -> None:
    assert changed(text, name, wanted) == lines


def test_a_digest_makes_room_for_a_tag_in_a_post_renderer() -> None:
    place = image(FLUX, "org/post")
    result = edit(FLUX.encode(), place, Reference("org/renamed", "v2")).decode()
    assert '- {name: org/post, newName: org/renamed, newTag: "v2"}' in result


def test_every_place_is_listed_with_its_line() -> None:
    places = [place for path in (APPLICATION, SET, FLUX) for place in find("a.yaml", path.encode())]
    assert [(place.text, place.line) for place in places] == [
        ("org/web:v1", 9),
        ("nginx=org/nginx:1.25", 10),
        ("org/api:1.0", 14),
        ("org/lone:v1", 17),
        ("org/worker:v1", 21),
        ("org/cron:v1", 26),
        ("org/fleet:v1", 10),
        ("org/fleet:v0", 11),
        ("org/obj:v1", 17),
        ("org/web:v1", 7),
        (f"org/renamed@{SHA}", 17),
        ("org/rel:v1", 25),
    ]


@pytest.mark.parametrize(("environment", "line"), [("dev", 10), ("prod", 11)])
def test_an_element_is_of_the_environment_that_it_names(environment: str, line: int) -> None:
    files = {f"apps/fleet/overlays/{environment}/set.yaml": SET}
    place = choose("org/fleet", Scope(environment=environment), Memory(files))
    assert isinstance(place, ImagePlace)
    assert place.line == line


def test_an_override_stands_for_the_images_of_the_folder_that_it_names() -> None:
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: web, image: org/web:v0}\n"
    base = {"apps/web/base/pod.yaml": pod, "apps/web/base/kustomization.yaml": "resources: [pod.yaml]\n"}
    overlay = {"apps/web/overlays/dev/kustomization.yaml": "resources: [../../base]\n"}
    place = choose("org/web", Scope(), Memory({**base, **overlay, "argo/app.yaml": APPLICATION}))
    assert (place.file, isinstance(place, ImagePlace)) == ("argo/app.yaml", True)
    entry = "resources: [../../base]\nimages: [{name: org/web, newTag: v0}]\n"
    both = {**base, "apps/web/overlays/dev/kustomization.yaml": entry, "argo/app.yaml": APPLICATION}
    with pytest.raises(InputError, match="places match"):
        choose("org/web", Scope(), Memory(both))


PLAIN = {
    "apps/plain/pod.yaml": "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n"
    "  - {name: web, image: org/web:v0}\n  - {name: side, image: org/side:v0}\n"
}
OVER = {
    "argo/app.yaml": APPLICATION.replace("apps/web/overlays/dev", "apps/plain"),
    "flux/web.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    "metadata: {name: web}\nspec:\n  path: ./apps/plain\n  images: [{name: org/web, newTag: v1}]\n",
}


def test_a_charts_values_are_found_in_what_a_kustomization_includes() -> None:
    """An app of apps: what kustomize renders is the Application, not the chart's objects."""
    inline = "helmCharts:\n- name: c\n  valuesInline:\n    side: {image: {repository: org/inline, tag: v1}}\n"
    files = {"argo/app.yaml": APPLICATION, "argo/kustomization.yaml": "resources: [app.yaml]\n"}
    files["apps/c/overlays/dev/kustomization.yaml"] = inline
    for name in ("org/worker", "org/cron", "org/api", "org/lone"):
        assert choose(name, Scope(), Memory(files)).file == "argo/app.yaml"
    for name in ("org/inline", "c/side"):
        place = choose(name, Scope(environment="dev"), Memory(files))
        assert (place.file, getattr(place, "line", 0)) == ("apps/c/overlays/dev/kustomization.yaml", 4)


@pytest.mark.parametrize("file", list(OVER))
def test_an_override_of_a_folder_without_a_kustomization_stands_for_its_images(file: str) -> None:
    files = Memory({**PLAIN, file: OVER[file]})
    assert choose("org/web", Scope(), files).file == file
    assert choose("org/side", Scope(), files).file == "apps/plain/pod.yaml"


@pytest.mark.parametrize("file", list(OVER))
def test_a_container_that_is_overridden_is_not_set_in_vain(file: str) -> None:
    files = Memory({**PLAIN, file: OVER[file]})
    with pytest.raises(InputError, match=rf"apps/plain/pod\.yaml:5 is overridden by {file}") as error:
        choose("plain/web", Scope(), files)
    assert error.value.hint.endswith(": org/web")
    assert choose("plain/side", Scope(), files).file == "apps/plain/pod.yaml"


def test_argo_cds_file_next_to_the_manifests_is_read() -> None:
    text = (
        "kustomize:\n  images:\n  - org/web:v1\nhelm:\n  parameters:\n  - {name: image, value: org/api:v1}\n"
    )
    path = "apps/web/.argocd-source-web.yaml"
    assert changed(text, "org/web", ":v2", path) == ["- org/web:v1", "- org/web:v2"]
    assert changed(text, "org/api", ":v2", path) == [
        "- {name: image, value: org/api:v1}",
        "- {name: image, value: org/api:v2}",
    ]


def test_a_plugins_values_are_read() -> None:
    text = APPLICATION.partition("    kustomize:")[0] + (
        "    plugin:\n      env:\n        - name: HELM_VALUES\n          value: |\n"
        '            image:\n              repository: "org/engine"\n              tag: "0.1.103"\n'
    )
    assert changed(text, "org/engine", ":0.2") == ['tag: "0.1.103"', 'tag: "0.2"']


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_block_keeps_every_other_byte(ending: str) -> None:
    text = APPLICATION.replace("\n", ending)
    place = image(text, "org/worker")
    result = edit(text.encode(), place, Reference("org/worker", "v2")).decode()
    assert result == text.replace("tag: v1   # set", "tag: v2   # set")


def test_a_key_is_added_in_a_block_with_its_indentation() -> None:
    text = APPLICATION.replace("            tag: v1   # set by CI\n", "")
    place = image(text, "org/worker")
    result = edit(text.encode(), place, Reference("org/worker", "v2")).decode()
    assert result == APPLICATION.replace("v1   # set by CI", "v2")


def test_values_in_quotes_are_found_and_refused_with_what_to_do() -> None:
    text = (
        APPLICATION.partition("      parameters:")[0]
        + '      values: "image: {repository: org/q, tag: v1}"\n'
    )
    place = image(text, "org/q")
    with pytest.raises(InputError, match="not a block of lines") as caught:
        edit(text.encode(), place, Reference("org/q", "v2"))
    assert "begins with |" in caught.value.hint


def test_what_parameters_do_not_have_cannot_be_set_there() -> None:
    text = APPLICATION.replace('        - {name: api.image.tag, value: "1.0", forceString: true}\n', "")
    place = image(text, "org/api")
    with pytest.raises(InputError, match="there is no tag there"):
        edit(text.encode(), place, Reference("org/api", "v2"))


TEMPLATED = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: fleet}
spec:
  generators:
    - list:
        elements:
          - {env: dev, tag: v1, values: {job: j1}}
          - {env: prod, tag: v0, values: {job: j0}}
  template:
    spec:
      source:
        kustomize:
          images: ["org/web:{{tag}}", "org/none:{{missing}}"]
        helm:
          parameters:
            - {name: job.image.repository, value: org/job}
            - {name: job.image.tag, value: "{{ .values.job }}"}
          valuesObject:
            image: {repository: org/obj, tag: "{{.tag}}"}
"""


@pytest.mark.parametrize(
    ("name", "environment", "before", "after"),
    [
        ("org/web", "dev", "env: dev, tag: v1", "env: dev, tag: v2"),
        ("org/web", "prod", "env: prod, tag: v0", "env: prod, tag: v2"),
        ("org/obj", "prod", "env: prod, tag: v0", "env: prod, tag: v2"),
        ("org/job", "dev", "job: j1", "job: v2"),
    ],
)
def test_a_tag_that_a_template_takes_from_the_elements_is_set_there(
    name: str, environment: str, before: str, after: str
) -> None:
    """Public: argocd-image-updater#390."""
    place = image(
        TEMPLATED, name, f"apps/fleet/overlays/{environment}/set.yaml", Scope(environment=environment)
    )
    assert place.reference is not None
    result = edit(TEMPLATED.encode(), place, Reference(name, "v2"))
    assert result.decode() == TEMPLATED.replace(before, after)
    again = place_in(place, result)
    assert again is not None
    assert again.reference == Reference(name, "v2")
    with pytest.raises(InputError, match="no image"):
        image(TEMPLATED, "org/none")


def test_an_element_is_of_the_app_whose_folder_the_template_deploys() -> None:
    text = TEMPLATED.replace("      source:\n", "      source:\n        path: apps/web/overlays/{{env}}\n")
    homes = {place.home for place in find("argo/set.yaml", text.encode()) if place.spots}
    assert homes == {("web", "dev"), ("web", "prod")}


def test_values_of_k3s_charts_are_read() -> None:
    text = (
        "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |-\n    image: org/k3s:v1\n"
    )
    assert changed(text, "org/k3s", ":v2") == ["image: org/k3s:v1", "image: org/k3s:v2"]


CHART = "image:\n  repository: org/chart\n  tag: v0\n"
OVER_CHART = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web-dev}
spec:
  source:
    path: charts/web
    helm:
"""


@pytest.mark.parametrize(
    ("helm", "before", "after"),
    [
        ("parameters:\n      - {name: image.tag, value: v1}\n", "value: v1}", "value: v2}"),
        ("values: |\n        image:\n          tag: v1 # x\n", "tag: v1 # x", "tag: v2 # x"),
        ("valuesObject: {image: {tag: v1}}\n", "{tag: v1}", "{tag: v2}"),
    ],
)
def test_a_tag_alone_gets_its_repository_from_the_chart(helm: str, before: str, after: str) -> None:
    """Public: argocd-image-updater#1072."""
    text = f"{OVER_CHART}      {helm}"
    files = Memory({"argo/app.yaml": text, "charts/web/values.yaml": CHART})
    place = choose("org/chart", Scope("argo"), files)
    assert isinstance(place, ImagePlace)
    assert place.text == "org/chart:v1"
    result = edit(text.encode(), place, Reference("org/chart", "v2"))
    assert result.decode() == text.replace(before, after)
    again = place_in(place, result)
    assert again is not None
    assert again.reference == Reference("org/chart", "v2")
    with pytest.raises(InputError, match="2 places match"):
        choose("org/chart", Scope(), files)


def test_a_parameter_with_a_tag_is_not_set_against_the_digest_in_the_charts_values() -> None:
    text = f"{OVER_CHART}      parameters: [{{name: image.tag, value: v1}}]\n"
    chart = f"image: {{repository: org/chart, tag: v0, digest: {SHA}}}\n"
    files = Memory({"argo/app.yaml": text, "charts/web/values.yaml": chart})
    place = choose("org/chart", Scope("argo"), files)
    assert isinstance(place, ImagePlace)
    with pytest.raises(InputError, match=r"have its digest \(charts/web/values\.yaml:1\)"):
        edit(text.encode(), place, Reference("org/chart", "v2"))
