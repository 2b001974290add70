"""A place gets another image by the fewest bytes, and reads as wanted afterwards."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.image.edit import add_entry, edit, styles
from bootstrap.image.places import find
from bootstrap.image.wanted import parse_wanted
from bootstrap.oci.reference import Reference, is_same

SHA = "sha256:" + "0a" * 32
OTHER = "sha256:" + "1b" * 32


def edited(path: str, before: str, wanted: str) -> str:
    """The file with its only image set to what `wanted` says."""
    (place,) = find(path, before.encode())
    assert place.reference is not None
    after = parse_wanted(f"x={wanted}").applied_to(place.reference)
    result = edit(before.encode(), place, after)
    (again,) = find(path, result)
    assert is_same(after, again.reference)
    assert edit(result, again, after) == result
    return result.decode()


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("newTag: v1  # c", ":v2", "newTag: v2  # c"),
        ('newTag: "v1"', ":1.10", 'newTag: "1.10"'),
        ("newTag: v1", ":6801028", 'newTag: "6801028"'),
        ("newTag: v1", f"@{SHA}", f"digest: {SHA}"),
        (f"digest: {SHA}  # c", ":v2", "newTag: v2  # c"),
        (f"digest: {SHA}", f"@{OTHER}", f"digest: {OTHER}"),
        (f"newTag: v1\n    digest: {SHA}", ":v2", "newTag: v2"),
        (f"newTag: v1\n    digest: {SHA}", f":v2@{OTHER}", f"newTag: v2\n    digest: {OTHER}"),
        ("newTag: v1", f":v2@{SHA}", f"newTag: v2\n    digest: {SHA}"),
        ("newTag: v1", "ghcr.io/other/web:v2", "newName: ghcr.io/other/web\n    newTag: v2"),
        ("newTag: v1", "ghcr.io/other/web", "newName: ghcr.io/other/web\n    newTag: v1"),
        ("newName: ghcr.io/other/web", "org/web:v2", "newName: org/web\n    newTag: v2"),
        ("newTag: v1", "docker.io/org/web:v2", "newTag: v2"),
    ],
)
def test_an_entry_of_a_kustomization(before, wanted, after):
    head = "images:\n  - name: org/web\n    "
    assert edited("kustomization.yaml", f"{head}{before}\n", wanted) == f"{head}{after}\n"


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("org/web:v1", ":v2", "org/web:v2"),
        ("org/web", ":v2", "org/web:v2"),
        (f"org/web:v1@{SHA}", ":v2", "org/web:v2"),
        ("localhost:5000/web", ":v2", "localhost:5000/web:v2"),
        ("'org/web:v1'  # c", f"@{SHA}", f"'org/web@{SHA}'  # c"),
        ("org/web:v1", "ghcr.io/org/web:v2", "ghcr.io/org/web:v2"),
    ],
)
def test_a_container(before, wanted, after):
    head = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: web\n    image: "
    assert edited("a.yaml", f"{head}{before}\n", wanted) == f"{head}{after}\n"


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("repository: org/web\n  tag: ''", ":v2", "repository: org/web\n  tag: 'v2'"),
        ("repository: org/web\n  tag: 1.9", ":1.10", 'repository: org/web\n  tag: "1.10"'),
        ("repository: org/web", ":v2", "repository: org/web\n  tag: v2"),
        (
            f"repository: org/web\n  tag: v1\n  digest: {SHA}",
            ":v2",
            'repository: org/web\n  tag: v2\n  digest: ""',
        ),
        (
            "repository: org/web\n  tag: v1\n  digest: ''",
            f":v2@{SHA}",
            f"repository: org/web\n  tag: v2\n  digest: '{SHA}'",
        ),
        (
            f"repository: org/web\n  tag: v1\n  sha: {'0a' * 32}",
            f":v2@{OTHER}",
            f"repository: org/web\n  tag: v2\n  sha: {'1b' * 32}",
        ),
        ("repository: org/web\n  tag: v1", f"v2@{SHA}", f"repository: org/web\n  tag: v2@{SHA}"),
        (
            "registry: ghcr.io\n  repository: org/web\n  tag: v1",
            "quay.io/a/b:v2",
            "registry: quay.io\n  repository: a/b\n  tag: v2",
        ),
        (
            "registry: ghcr.io\n  repository: org/web\n  tag: v1",
            "nginx:v2",
            "registry: docker.io\n  repository: library/nginx\n  tag: v2",
        ),
    ],
)
def test_a_charts_values(before, wanted, after):
    assert edited("values.yaml", f"image:\n  {before}\n", wanted) == f"image:\n  {after}\n"


def test_values_without_a_key_for_the_digest_say_so():
    text = b"image: {repository: org/web, tag: v1}\n"
    (place,) = find("values.yaml", text)
    with pytest.raises(InputError, match="none for a digest"):
        edit(text, place, Reference("org/web", None, SHA))


@pytest.mark.parametrize(
    ("reference", "lines"),
    [
        (Reference("org/web", "1.10"), '    newTag: "1.10"\n'),
        (Reference("org/web", None, SHA), f"    digest: {SHA}\n"),
        (Reference("docker.io/org/web", "v1"), "    newTag: v1\n"),
        (
            Reference("ghcr.io/x/web", "v1", SHA),
            f"    newName: ghcr.io/x/web\n    newTag: v1\n    digest: {SHA}\n",
        ),
    ],
)
def test_an_entry_is_added_where_there_is_none(reference, lines):
    before = "resources:\n  - base\n"
    result = add_entry(before.encode(), "kustomization.yaml", "org/web", reference).decode()
    assert result == f"{before}images:\n  - name: org/web\n{lines}"


def test_an_entry_that_would_say_nothing_is_not_added():
    with pytest.raises(InputError, match="no tag, digest or new name"):
        add_entry(b"resources: []\n", "kustomization.yaml", "org/web", Reference("org/web"))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("newTag: v1", 'newTag: "1.10"  # c'),
        ("newTag: 'v1'", "newTag: v2"),
        ("newTag: 'v1'", f"digest: {SHA}"),
        (f"newTag: 'v1'\n    digest: \"{SHA}\"", "newTag: v2"),
    ],
)
def test_values_are_quoted_as_they_were_at_a_time_that_is_named(then, now):
    head = "images:\n  - name: org/web\n    "
    earlier = f"{head}{then}\n".encode()
    (was,) = find("kustomization.yaml", earlier)
    (place,) = find("kustomization.yaml", f"{head}{now}\n".encode())
    assert was.reference is not None
    result = edit(f"{head}{now}\n".encode(), place, was.reference, styles(earlier, was))
    assert result.decode() == f"{head}{then}{'  # c' if now.endswith('# c') else ''}\n"


def test_a_scalar_and_a_value_that_needs_quotes_are_quoted_rightly_at_any_time():
    text = b"image: 'org/web:v1'\n"
    (was,) = find("values.yaml", text)
    (place,) = find("values.yaml", b"image: org/web:v2\n")
    assert was.reference is not None
    assert edit(b"image: org/web:v2\n", place, was.reference, styles(text, was)) == text
    (place,) = find("kustomization.yaml", b"images: [{name: a, newTag: '1'}]")
    assert edit(b"images: [{name: a, newTag: '1'}]", place, Reference("a", "2"), {"newTag": None}) == (
        b'images: [{name: a, newTag: "2"}]'
    )
