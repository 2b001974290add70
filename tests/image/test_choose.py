"""A NAME means one place: an entry, a container, values; else the error lists what it could be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image.choose import Addition, choose
from bootstrap.image.kustomize import render
from bootstrap.image.paths import home_of, is_in
from bootstrap.image.places import ImagePlace
from bootstrap.image.search import MAX_BYTES, Scope
from bootstrap.oci.reference import Reference


class Memory:
    """Files in memory."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def under(self, folder: str) -> Iterator[str]:
        return (
            path
            for path in sorted(self.files)
            if not folder or path == folder or path.startswith(f"{folder}/")
        )


def pod(*containers: tuple[str, str]) -> str:
    lines = "".join(f"  - name: {name}\n    image: {image}\n" for name, image in containers)
    return f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{lines}"


def kustomization(*resources: str, images: str = "") -> str:
    return (
        "resources:\n"
        + "".join(f"  - {entry}\n" for entry in resources)
        + (f"images:\n{images}" if images else "")
    )


SHOP = {
    "apps/shop/base/kustomization.yaml": kustomization("web.yaml", "api.yaml"),
    "apps/shop/base/web.yaml": pod(("web", "ghcr.io/org/web:v0")),
    "apps/shop/base/api.yaml": pod(("api", "nginx")),
    "apps/shop/overlays/staging/kustomization.yaml": kustomization(
        "../../base", images="  - name: ghcr.io/org/web\n    newTag: v1\n"
    ),
    "apps/shop/overlays/production/kustomization.yaml": kustomization(
        "../../base", images="  - name: ghcr.io/org/web\n    newName: mirror.io/web\n    newTag: v1\n"
    ),
    "apps/other/deployment.yaml": pod(("proxy", "haproxy:3")),
    "infrastructure/loki/values.yaml": "image: {repository: grafana/loki, tag: v1}\n",
    "README.md": "ghcr.io/org/web",
}


STAGING = "apps/shop/overlays/staging/kustomization.yaml"
PRODUCTION = "apps/shop/overlays/production/kustomization.yaml"


def at(name: str, scope: Scope | None = None, files: Mapping[str, str | bytes] = SHOP) -> str:
    choice = choose(name, scope or Scope(), Memory(files))
    return choice.file if isinstance(choice, Addition) else f"{choice.kind} {choice.location}"


@pytest.mark.parametrize(
    ("name", "scope", "place"),
    [
        (
            "ghcr.io/org/web",
            Scope(environment="staging"),
            "kustomization apps/shop/overlays/staging/kustomization.yaml:4",
        ),
        (
            "shop/web",
            Scope(environment="staging"),
            "kustomization apps/shop/overlays/staging/kustomization.yaml:4",
        ),
        ("mirror.io/web", Scope(), "kustomization apps/shop/overlays/production/kustomization.yaml:4"),
        ("haproxy", Scope(), "container apps/other/deployment.yaml:6"),
        ("docker.io/library/haproxy", Scope(), "container apps/other/deployment.yaml:6"),
        ("other/proxy", Scope(), "container apps/other/deployment.yaml:6"),
        ("grafana/loki", Scope(), "values infrastructure/loki/values.yaml:1"),
        ("nginx", Scope(app="shop", environment="staging"), STAGING),
        ("shop/api", Scope(environment="production"), PRODUCTION),
        ("nginx", Scope(), "container apps/shop/base/api.yaml:6"),
        (
            "ghcr.io/org/web",
            Scope("apps/shop/overlays/staging"),
            "kustomization apps/shop/overlays/staging/kustomization.yaml:4",
        ),
        (
            "nginx",
            Scope("apps/shop/overlays/staging/kustomization.yaml"),
            "apps/shop/overlays/staging/kustomization.yaml",
        ),
        ("ghcr.io/org/web", Scope("apps/shop/base"), "container apps/shop/base/web.yaml:6"),
    ],
)
def test_a_name_means_one_place(name, scope, place):
    assert at(name, scope) == place


def test_an_entry_is_added_by_the_name_that_the_image_has_there():
    files = {
        "base/pod.yaml": pod(("web", "placeholder")),
        "base/kustomization.yaml": kustomization(
            "pod.yaml", images="  - {name: placeholder, newName: org/web, newTag: v1}\n"
        ),
        "overlays/staging/kustomization.yaml": kustomization("../../base"),
    }
    choice = choose("org/web", Scope(environment="staging"), Memory(files))
    assert choice == Addition("overlays/staging/kustomization.yaml", "org/web", Reference("org/web", "v1"))


def test_what_a_kustomization_renders_is_followed_by_path():
    files = {
        "a/kustomization.yaml": kustomization(
            "../b", "pod.yaml", "https://a.example/x", "missing", "../../out"
        ),
        "a/pod.yaml": pod(("one", "one:1")),
        "b/Kustomization": kustomization("pods.yaml", "../a") + "components:\n- ../c\n",
        "b/pods.yaml": pod(("two", "two:2")) + "---\n" + pod(("three", "three:3")),
        "c/kustomization.yml": "kind: Component\npatches:\n- path: patch.yaml\n",
        "c/patch.yaml": pod(("two", "patched:4")),
    }
    rendered = render("a/kustomization.yaml", Memory(files))
    assert sorted(str(image.reference) for image in rendered.images) == [
        "one:1",
        "patched:4",
        "three:3",
        "two:2",
    ]
    assert rendered.unread == ["https://a.example/x", "a/missing", "../../out"]
    assert rendered.files == set(files)


def test_a_container_that_an_entry_covers_is_not_a_second_place():
    files = {**SHOP, "apps/shop/overlays/staging/patch.yaml": pod(("web", "ghcr.io/org/web"))}
    files["apps/shop/overlays/staging/kustomization.yaml"] += "patches:\n  - path: patch.yaml\n"
    assert at("ghcr.io/org/web", Scope(app="shop", environment="staging"), files).startswith("kustomization")


@pytest.mark.parametrize(
    ("name", "scope", "found"),
    [
        ("ghcr.io/org/web", Scope(), "places match: apps/shop/overlays/production/kustomization.yaml:4"),
        ("shop/web", Scope(), "3 places match"),
    ],
)
def test_more_than_one_place_is_an_error_that_lists_them(name, scope, found):
    with pytest.raises(InputError) as caught:
        at(name, scope)
    assert found in caught.value.found
    assert "apps/shop/overlays/staging/kustomization.yaml:4" in caught.value.found


def test_an_image_that_is_twice_in_a_file_is_ambiguous():
    twice = kustomization("a", images="  - {name: web, newTag: v1}\n  - {name: web, newTag: v2}\n")
    with pytest.raises(InputError, match=r"2 places match: kustomization\.yaml:4 .*kustomization\.yaml:5"):
        at("web", files={"kustomization.yaml": twice})
    containers = {"a.yaml": pod(("one", "web:1"), ("two", "web:1"))}
    with pytest.raises(InputError, match="2 places match"):
        at("web", files=containers)


@pytest.mark.parametrize(
    ("name", "scope", "found", "hint"),
    [
        ("ghcr.io/org/wep", Scope(environment="staging"), "no image 'ghcr.io/org/wep'", "ghcr.io/org/web"),
        ("shop/wep", Scope(environment="staging"), "no image 'shop/wep'", "did you mean shop/web"),
        ("web", Scope(environment="stagin"), "no environment 'stagin'", "staging"),
        ("web", Scope(app="shopp"), "no app 'shopp'", "shop"),
        (
            "web",
            Scope(app="shop", environment="live"),
            "no environment 'live'",
            "existing: production, staging",
        ),
        ("anything", Scope("nowhere"), "no image", "bootstrap image list"),
    ],
)
def test_what_does_not_exist_is_reported_with_the_nearest_names(name, scope, found, hint):
    with pytest.raises(InputError) as caught:
        at(name, scope)
    assert found in caught.value.found
    assert hint in caught.value.hint


def test_a_container_of_a_component_that_is_off_has_no_say():
    canary = {
        "apps/shop/components/canary/kustomization.yaml": kustomization("canary.yaml"),
        "apps/shop/components/canary/canary.yaml": pod(("api", "api-canary")),
        "apps/shop/overlays/staging/kustomization.yaml": kustomization(
            "../../base", images="  - name: nginx\n    newTag: v1\n"
        ),
    }
    overlay = "apps/shop/overlays/staging/kustomization.yaml"
    scope = Scope(app="shop", environment="staging")
    choice = choose("shop/api", scope, Memory({**SHOP, **canary}))
    assert isinstance(choice, ImagePlace)
    assert (choice.file, str(choice.reference)) == (overlay, "nginx:v1")


def test_a_kustomization_whose_resources_are_elsewhere_gets_the_entry_that_is_asked_for():
    files = {"x/kustomization.yaml": kustomization("https://example.com/base?ref=v1")}
    choice = choose("org/web", Scope("x"), Memory(files))
    assert isinstance(choice, Addition)
    assert choice.unchecked == ("https://example.com/base?ref=v1",)
    with pytest.raises(InputError, match="no image"):
        choose("org/web", Scope(), Memory(files))


def test_files_that_are_not_yaml_matter_only_where_the_image_could_be():
    chart = {"chart/templates/web.yaml": "image: {{ .Values.image }} haproxy\n"}
    assert at("haproxy", files={**SHOP, **chart}) == "container apps/other/deployment.yaml:6"
    with pytest.raises(InputError, match=r"reading chart/templates/web\.yaml"):
        at("haproxy", files=chart)
    with pytest.raises(InputError, match=r"reading apps/x/kustomization\.yaml"):
        at("haproxy", files={**SHOP, "apps/x/kustomization.yaml": "haproxy: [\n"})


def test_a_file_of_many_megabytes_is_not_read():
    with pytest.raises(InputError, match="has 8 MB; more than 8 MB are not read"):
        at("web", files={"kustomization.yaml": b"#" * (MAX_BYTES + 1)})


def test_a_declared_image_stands_for_what_is_found_at_its_place():
    files = {
        "bootstrap.yaml": "images:\n  - {name: loki, file: infrastructure/loki/values.yaml, path: image}\n",
        "infrastructure/loki/values.yaml": SHOP["infrastructure/loki/values.yaml"],
    }
    choice = choose("loki", Scope(), Memory(files))
    assert isinstance(choice, ImagePlace)
    assert (choice.kind, str(choice.reference)) == ("declared", "grafana/loki:v1")


@pytest.mark.parametrize(
    ("path", "app", "environment"),
    [
        ("apps/shop/overlays/staging/kustomization.yaml", "shop", "staging"),
        ("apps/shop/base/web.yaml", "shop", None),
        ("platform/apps/shop/environments/live/x/y.yaml", "shop", "live"),
        ("infrastructure/loki/values.yaml", "loki", None),
        ("shop/overlays/staging/a.yaml", "shop", "staging"),
        ("shop/values-staging.yaml", "shop", "staging"),
        ("shop/staging.values.yaml", "shop", "staging"),
        ("overlays/staging/a.yaml", None, "staging"),
        ("kustomization.yaml", None, None),
    ],
)
def test_a_path_shows_its_app_and_environment(path, app, environment):
    assert home_of(path) == (app, environment)


def test_a_folder_named_like_the_environment_is_one_where_no_overlay_says_otherwise():
    assert is_in("staging/shop/a.yaml", "staging")
    assert not is_in("staging/shop/overlays/live/a.yaml", "staging")


@pytest.mark.parametrize(
    "entry",
    [
        "- name: docker.io/library/nginx\n  newTag: '1.27'\n",
        "- name: x\n  newName: nginx\n  newTag: '1.27'\n",
    ],
)
def test_an_entry_that_is_not_the_images_name_to_the_letter_is_refused(entry):
    files = {
        "kustomization.yaml": kustomization("pod.yaml", images=entry),
        "pod.yaml": pod(("a", "nginx:1.25")),
    }
    with pytest.raises(InputError) as caught:
        at("nginx", files=files)
    assert "has no effect" in caught.value.found
    assert "pod.yaml:6 has nginx:1.25" in caught.value.found
    assert caught.value.where == "kustomization.yaml:4"


def test_an_entry_that_renames_is_found_by_the_new_name():
    entry = "- name: nginx\n  newName: registry.example.com/nginx\n  newTag: '1.27'\n"
    files = {
        "kustomization.yaml": kustomization("pod.yaml", images=entry),
        "pod.yaml": pod(("a", "nginx:1.25")),
    }
    assert at("registry.example.com/nginx", files=files) == "kustomization kustomization.yaml:4"
