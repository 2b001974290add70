"""Every shape that charts give an image: found as one image, set as one image, nothing else changes."""

from __future__ import annotations

import re

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image.choose import choose
from bootstrap.image.edit import edit
from bootstrap.image.places import ImagePlace, find
from bootstrap.image.search import Scope
from bootstrap.image.wanted import parse_wanted
from bootstrap.oci.reference import Reference
from tests.image.test_choose import Memory

SHA = "sha256:" + "0a" * 32
NEW = Reference("org/web", "v2")


def one(text: str, path: str = "values.yaml") -> ImagePlace:
    (place,) = find(path, text.encode())
    return place


def set_to(text: str, new: Reference, path: str = "values.yaml") -> str:
    place = one(text, path)
    assert place.reference is not None
    result = edit(text.encode(), place, new).decode()
    again = one(result, path)
    assert again.reference == new, result
    assert again.name == place.name
    return result


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        # Public: argo-helm#3322, fluxcd/flux#1258
        ("a:\n  image: org/web  # x\n  tag: v1\n", "a:\n  image: org/web  # x\n  tag: v2\n", "a.image"),
        ("a:\n  tag: v1\n  image: org/web\n", "a:\n  tag: v2\n  image: org/web\n", "a.image"),
        ("dockerTag: v1\ndockerImage: org/web\n", "dockerTag: v2\ndockerImage: org/web\n", "dockerImage"),
        ("imageName: org/web\nimageTag: v1\n", "imageName: org/web\nimageTag: v2\n", "imageName"),
        ("image_name: org/web\nimage_tag: v1\n", "image_name: org/web\nimage_tag: v2\n", "image_name"),
        ("imageRepository: org/web\nimageTag: 'v1'\n", "imageRepository: org/web\nimageTag: 'v2'\n", None),
        ("workerImage: org/web\nworkerImageTag: v1\n", "workerImage: org/web\nworkerImageTag: v2\n", None),
        ("image: org/web\nimageVersion: v1\n", "image: org/web\nimageVersion: v2\n", None),
        ("image: {repo: org/web, tag: v1}\n", "image: {repo: org/web, tag: v2}\n", "image"),
        (
            "image:\n  repository: org/web\n  version: v1\n",
            "image:\n  repository: org/web\n  version: v2\n",
            "image",
        ),
        ("image:\n  repository: org/web:v1\n", "image:\n  repository: org/web:v2\n", "image"),
        (
            "image:\n  repository: org/web:v1\n  tag: ''\n",
            "image:\n  repository: org/web:v2\n  tag: ''\n",
            "image",
        ),
        ("image: org/web:v1\nimage_tag: other\n", "image: org/web:v2\nimage_tag: other\n", "image"),
        ("image: {repository: org/web}\n", "image: {repository: org/web, tag: v2}\n", "image"),
    ],
)
def test_one_image_is_set_where_its_tag_is(before: str, after: str, name: str | None) -> None:
    assert set_to(before, NEW) == after
    assert name in (None, one(before).name)


def test_another_repository_goes_where_the_repository_is() -> None:
    assert set_to("image: org/web\ntag: v1\n", Reference("ghcr.io/org/other", "v9")) == (
        "image: ghcr.io/org/other\ntag: v9\n"
    )
    assert set_to("dockerImage: org/web\ndockerTag: v1\n", Reference("org/web", "v9", SHA)) == (
        f"dockerImage: org/web\ndockerTag: v9@{SHA}\n"
    )
    assert set_to("image: web\nrepo: harbor.corp/games\ntag: '1'\n", Reference("quay.io/a/web", "2")) == (
        "image: a/web\nrepo: quay.io\ntag: '2'\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("image:\n  repository: org/web:v1\n  tag: v1\n", "tag at values.yaml:3"),
        ("image:\n  repository: org/web:v1\n  version: '1'\n", "version at values.yaml:3"),
        ("initImage: org/web\ntag: v1\n", "tag at values.yaml:2"),
        ("image:\n  repository: org/web\n  tag: ${TAG}\n", "filled in from elsewhere: ${TAG}"),
    ],
)
def test_what_would_get_a_tag_too_many_is_refused(text: str, told: str) -> None:
    place = one(text)
    with pytest.raises(InputError) as caught:
        edit(text.encode(), place, NEW)
    assert told in caught.value.found


@pytest.mark.parametrize(
    "text",
    [
        "git:\n  repository: https://example.com/x.git\n  tag: v1\n",
        "chart:\n  repository: org/charts\n  version: 1.0.0\n",
        "image: plain\n",
        "name: org/web\ntag: v1\n",
        "image: '{{ .Values.x }}'\ntag: v1\n",
        "imagePullPolicy: Always\nimagePullSecrets: [org/web]\n",
        "tag: v1\n",
        "image:\n  tag: v1\n",
    ],
)
def test_what_is_not_an_image_is_left_alone(text: str) -> None:
    assert find("values.yaml", text.encode()) == []


def test_keys_of_two_images_in_one_mapping_stay_apart() -> None:
    text = "webImage: org/web\nwebTag: v1\napiImage: org/api\napiTag: v7\n"
    places = find("values.yaml", text.encode())
    assert [place.text for place in places] == ["org/web:v1", "org/api:v7"]
    assert edit(text.encode(), places[0], NEW).decode() == text.replace("webTag: v1", "webTag: v2")


MERGED = """\
base: &img
  repository: org/web
  tag: v1
job:
  image:
    <<: *img
    tag: v1-job  # its own
worker:
  image:
    <<: *img
    pullPolicy: Always
"""


def test_a_mapping_that_a_merge_key_completes_is_found_and_changed_alone() -> None:
    """Public: docker/compose#13709."""
    files = {"apps/y/values.yaml": MERGED}
    job = choose("y/job", Scope(), Memory(files))
    assert isinstance(job, ImagePlace)
    assert (job.text, job.location) == ("org/web:v1-job", "apps/y/values.yaml:7")
    assert edit(MERGED.encode(), job, NEW).decode() == MERGED.replace("v1-job", "v2")
    worker = choose("y/worker", Scope(), Memory(files))
    assert isinstance(worker, ImagePlace)
    assert edit(MERGED.encode(), worker, NEW).decode() == MERGED + "    tag: v2\n"


PROXY = "proxyImage: org/proxy\nproxyTag: p0\n"


def test_a_tag_alone_gets_its_repository_from_the_values_below() -> None:
    """Public: keel-hq/keel#341."""
    files = {
        "apps/t/values.yaml": "image:\n  repository: org/web\n  tag: v0\n" + PROXY,
        "apps/t/values-prod.yaml": "image:\n  tag: v1  # prod\n",
        "apps/t/values-stage.yaml": "proxyTag: p1\n",
        "apps/t/envs/qa/values.yaml": "image: {tag: v3}\n",
    }
    for name in ("org/web", "t/image"):
        place = choose(name, Scope(environment="prod"), Memory(files))
        assert isinstance(place, ImagePlace)
        assert (place.location, place.text) == ("apps/t/values-prod.yaml:2", "org/web:v1")
        changed = edit(files[place.file].encode(), place, NEW)
        assert changed == b"image:\n  tag: v2  # prod\n"
    stage = choose("org/proxy", Scope(environment="stage"), Memory(files))
    assert isinstance(stage, ImagePlace)
    assert edit(b"proxyTag: p1\n", stage, Reference("org/proxy", "p2")) == b"proxyTag: p2\n"
    qa = choose("org/web", Scope(environment="qa"), Memory(files))
    assert qa.file == "apps/t/envs/qa/values.yaml"
    with pytest.raises(InputError, match=r"its repository is at apps/t/values\.yaml:4"):
        edit(files[stage.file].encode(), stage, parse_wanted("a=other/web:v1").applied_to(Reference("x")))
    with pytest.raises(InputError, match="2 places match"):
        choose("org/web", Scope("apps/t/values.yaml"), Memory(files)) and choose(
            "org/web", Scope(), Memory({path: files[path] for path in list(files)[:2]})
        )


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("image: org/web\nimageDigest: sha256:aa\n", "imageDigest next to it holds the digest"),
        ("webImage: org/web\nwebImageSha: aa\n", "webImageSha next to it holds the digest"),
        ("image: org/web:v1\nimageDigest: sha256:aa\n", "imageDigest at apps/t/values.yaml:2 is another"),
    ],
)
def test_what_would_get_a_tag_that_the_chart_does_not_read_or_a_second_one_is_refused(
    values: str, found: str
) -> None:
    place = choose("org/web", Scope(), Memory({"apps/t/values.yaml": values}))
    assert isinstance(place, ImagePlace)
    with pytest.raises(InputError, match=re.escape(found)):
        edit(values.encode(), place, NEW)


def test_a_digest_alone_is_replaced_and_an_empty_neighbour_is_no_second_version() -> None:
    values = f"image: org/web\nimageDigest: sha256:{'1' * 64}\n"
    place = choose("org/web", Scope(), Memory({"apps/t/values.yaml": values}))
    assert isinstance(place, ImagePlace)
    digest = f"sha256:{'2' * 64}"
    assert edit(values.encode(), place, Reference("org/web", None, digest)) == (
        f"image: org/web\nimageDigest: {digest}\n".encode()
    )
    empty = 'image: org/web:v1\nimageDigest: ""\n'
    place = choose("org/web", Scope(), Memory({"apps/t/values.yaml": empty}))
    assert isinstance(place, ImagePlace)
    assert edit(empty.encode(), place, NEW) == b'image: org/web:v2\nimageDigest: ""\n'


@pytest.mark.parametrize(
    ("base", "over", "after"),
    [
        ("  tag: v0\n", "  tag: v1\n  digest: {0}\n", '  tag: v2\n  digest: ""\n'),
        ("  tag: v0\n", "  digest: {0}\n", '  digest: ""\n  tag: v2\n'),
        ("  tag: v0\n  digest: {0}\n", "  tag: v1\n", '  tag: v2\n  digest: ""\n'),
        ("  tag: v0\n  sha: {1}\n", "  tag: v1\n", '  tag: v2\n  sha: ""\n'),
        (
            "  digest: {0}\n",
            "  repository: org/web\n  tag: v1\n",
            '  repository: org/web\n  tag: v2\n  digest: ""\n',
        ),
    ],
)
def test_a_digest_of_either_values_does_not_outlive_a_new_tag(base: str, over: str, after: str) -> None:
    """Charts prefer the digest: with it, the new tag would change nothing."""
    shas = ("sha256:" + "1" * 64, "1" * 64)
    files = {
        "apps/t/values.yaml": "image:\n  repository: org/web\n" + base.format(*shas),
        "apps/t/values-prod.yaml": "image:\n" + over.format(*shas),
    }
    place = choose("org/web", Scope(environment="prod"), Memory(files))
    assert isinstance(place, ImagePlace)
    assert place.reference is not None
    assert place.reference.digest == shas[0]
    assert edit(files[place.file].encode(), place, NEW).decode() == "image:\n" + after


def test_a_name_may_carry_the_tag_that_is_there() -> None:
    files = {"apps/h/values.yaml": "image:\n  repository: org/suri:staging-1\n"}
    place = choose("org/suri:staging-1", Scope(), Memory(files))
    assert isinstance(place, ImagePlace)
    assert edit(files[place.file].encode(), place, Reference("org/suri", "v2")) == (
        b"image:\n  repository: org/suri:v2\n"
    )
